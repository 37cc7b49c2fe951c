//! What a record says, as far as a study's questions go. Worked out where the record lies, and
//! thrown away: nothing of it leaves by itself.

use super::ask::{Criterion, Pick};
use crate::fields::json::{self, Value};
use crate::fields::units::FHIR_R4_BUNDLES;
use crate::fields::{self, Leaf};
use crate::instant::Instant;
use crate::lab::order::Sex;
use crate::limits::MAX_BODY_BYTES;
use crate::stripped::{Dates, Filter, strip};

const YEAR_MS: i64 = 31_556_952_000;
/// Elements that say what something is.
const CODES: &[&str] = &["code", "medicationCodeableConcept", "vaccineCode"];
/// Elements that say when it was so.
const TIMES: &[&str] = &[
    "effectiveDateTime",
    "effectiveInstant",
    "onsetDateTime",
    "authoredOn",
    "performedDateTime",
    "occurrenceDateTime",
    "issued",
    "recordedDate",
];

/// One resource.
pub(super) struct Fact {
    resource: String,
    codes: Vec<(Option<String>, String)>,
    at: i64,
    pub(super) leaves: Vec<Leaf>,
    number: Option<f64>,
}

/// A record's resources, newest first.
pub struct Facts {
    all: Vec<Fact>,
    born: Option<i64>,
    sex: Option<Sex>,
    now: i64,
}

impl std::fmt::Debug for Facts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} facts", self.all.len())
    }
}

impl Facts {
    /// Of the bodies of a record, as of an instant (Unix milliseconds). What is no FHIR is left out,
    /// and so is what says that something is not so.
    pub fn of<'a>(bodies: impl IntoIterator<Item = &'a [u8]>, now: u64) -> Self {
        let mut facts = Self {
            all: Vec::new(),
            born: None,
            sex: None,
            now: i64::try_from(now).unwrap_or(i64::MAX),
        };
        for body in bodies {
            let Ok(value) = json::scan(body, MAX_BODY_BYTES) else {
                continue;
            };
            if value.text_of("resourceType") == Some("Bundle") {
                let entries = value.get("entry").map_or(&[][..], Value::items);
                for resource in entries.iter().filter_map(|entry| entry.get("resource")) {
                    facts.add(resource);
                }
            } else {
                facts.add(&value);
            }
        }
        facts.all.sort_by_key(|fact| std::cmp::Reverse(fact.at));
        facts
    }

    fn add(&mut self, value: &Value<'_>) {
        let Some(resource) = value.text_of("resourceType") else {
            return;
        };
        if resource == "Patient" {
            let born = value.text_of("birthDate").and_then(Instant::from_fhir);
            self.born = self.born.or(born.map(|at| at.unix_ms));
            self.sex = self.sex.or(value.text_of("gender").and_then(Sex::from_word));
            return;
        }
        let Ok(leaves) = fields::leaves(value.raw.as_bytes(), FHIR_R4_BUNDLES) else {
            return;
        };
        let filter = Filter {
            resource: resource.to_owned(),
            fields: Vec::new(),
            dates: Dates::None,
        };
        if strip(&leaves, &filter).is_none() {
            return;
        }
        let codings = CODES.iter().filter_map(|name| value.get(name)?.get("coding"));
        let codes = codings
            .flat_map(Value::items)
            .filter_map(|coding| {
                let system = coding.text_of("system").map(str::to_owned);
                Some((system, coding.text_of("code")?.to_owned()))
            })
            .collect();
        let times = TIMES.iter().filter_map(|name| value.text_of(name));
        let at = times.filter_map(Instant::from_fhir).map(|at| at.unix_ms).next();
        let number = value.get("valueQuantity").and_then(|q| q.get("value"));
        let number = number.or_else(|| value.get("valueInteger"));
        self.all.push(Fact {
            resource: resource.to_owned(),
            codes,
            at: at.unwrap_or(i64::MIN),
            leaves,
            number: number.and_then(|n| n.raw.parse().ok()),
        });
    }

    /// Those of a kind, newest first.
    pub(super) fn picked<'f>(&'f self, pick: &'f Pick) -> impl Iterator<Item = &'f Fact> {
        self.all.iter().filter(move |fact| {
            let coded = |(system, code): &(Option<String>, String)| {
                let same = pick
                    .system
                    .as_ref()
                    .is_none_or(|s| system.as_deref() == Some(s.as_str()));
                same && pick.code.as_ref().is_none_or(|c| c.as_str() == code)
            };
            let open = pick.system.is_none() && pick.code.is_none();
            fact.resource == pick.resource.as_str() && (open || fact.codes.iter().any(coded))
        })
    }

    /// The newest number of a kind.
    pub fn number(&self, pick: &Pick) -> Option<f64> {
        self.picked(pick).find_map(|fact| fact.number)
    }

    /// Age in whole years.
    pub fn age(&self) -> Option<u8> {
        u8::try_from((self.now - self.born?).div_euclid(YEAR_MS)).ok()
    }

    /// Sex.
    pub const fn sex(&self) -> Option<Sex> {
        self.sex
    }

    /// Whether a condition fits. What the record does not say does not fit.
    pub fn fits(&self, criterion: &Criterion) -> bool {
        match criterion {
            Criterion::Has(pick) => self.picked(pick).next().is_some(),
            Criterion::Value(value) => self.number(&value.pick).is_some_and(|number| {
                let milli = number * 1000.0;
                #[allow(clippy::cast_precision_loss)] // limits are written by people
                let (least, most) = (value.at_least.map(|n| n as f64), value.at_most.map(|n| n as f64));
                least.is_none_or(|n| milli >= n) && most.is_none_or(|n| milli <= n)
            }),
            Criterion::Age(age) => self
                .age()
                .is_some_and(|years| (age.from..=age.to).contains(&years)),
            Criterion::Sex(sex) => self.sex == Some(*sex),
            Criterion::Foreign(_) => false,
        }
    }
}
