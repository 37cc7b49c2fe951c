//! What a study asks: conditions on a record, and values of it.

use serde::{Deserialize, Serialize};

use crate::lab::order::Sex;
use crate::text::{Text, bounded};

/// Elements that a study can get. Whatever people write freely, names, places and references are
/// not among them.
pub const ELEMENTS: &[&str] = &[
    "abatementDateTime",
    "authoredOn",
    "category",
    "code",
    "effectiveDateTime",
    "interpretation",
    "medicationCodeableConcept",
    "occurrenceDateTime",
    "onsetDateTime",
    "performedDateTime",
    "severity",
    "valueBoolean",
    "valueCodeableConcept",
    "valueInteger",
    "valueQuantity",
    "vaccineCode",
];
/// Elements of one field.
const MAX_ELEMENTS: usize = 8;
/// The newest values of one kind.
pub const MOST_NEWEST: u16 = 24;
const MAX_WORD: usize = 128;

/// Resources of one type, with a code or with any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pick {
    /// FHIR resource type.
    pub resource: Text,
    /// The code system, if it matters.
    pub system: Option<Text>,
    /// The code, if one is meant.
    pub code: Option<Text>,
}

impl Pick {
    fn fault(&self) -> Option<&'static str> {
        let short = |text: &Text| !text.is_empty() && text.as_str().len() <= MAX_WORD;
        let plain = self.resource.as_str().bytes().all(|b| b.is_ascii_alphabetic());
        if !short(&self.resource) || !plain {
            return Some("a resource type that is none");
        }
        if self.resource.as_str() == "Patient" {
            return Some("of a person a study gets ten years of age and the sex, and nothing else");
        }
        let mut words = self.system.iter().chain(&self.code);
        match words.all(short) {
            true => None,
            false => Some("a code or code system that is empty or too long"),
        }
    }

    /// In words.
    pub fn words(&self) -> String {
        match &self.code {
            Some(code) => format!("{} {}", self.resource.shown(), code.shown()),
            None => self.resource.shown(),
        }
    }
}

/// A number in limits, thousandths.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueIn {
    /// The newest of these.
    pub pick: Pick,
    /// Not below.
    pub at_least: Option<i64>,
    /// Not above.
    pub at_most: Option<i64>,
}

/// Years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgeIn {
    /// Not below.
    pub from: u8,
    /// Not above.
    pub to: u8,
}

crate::open_tagged! {
    /// A condition. One of a newer version fits nobody.
    pub enum Criterion {
        /// Something of this kind is in the record.
        1 => Has(Pick),
        /// The newest number of this kind lies within limits.
        2 => Value(ValueIn),
        /// Age.
        3 => Age(AgeIn),
        /// Sex.
        4 => Sex(Sex),
    }
}

impl Criterion {
    /// What is wrong with it.
    pub fn fault(&self) -> Option<&'static str> {
        match self {
            Self::Has(pick) => pick.fault(),
            Self::Value(value) if value.at_least.is_none() && value.at_most.is_none() => {
                Some("a value without limits: say that it is there instead")
            }
            Self::Value(value) => value.pick.fault(),
            Self::Age(age) if age.from > age.to => Some("an age that nobody has"),
            Self::Age(_) | Self::Sex(_) => None,
            Self::Foreign(_) => Some("a condition of a newer version"),
        }
    }

    /// In words.
    pub fn words(&self) -> String {
        let number = |milli: i64| {
            let text = format!("{}.{:03}", milli / 1000, (milli % 1000).unsigned_abs());
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        match self {
            Self::Has(pick) => format!("{} is in the record", pick.words()),
            Self::Value(value) => {
                let least = value.at_least.map(|n| format!("at least {}", number(n)));
                let most = value.at_most.map(|n| format!("at most {}", number(n)));
                let limits: Vec<String> = least.into_iter().chain(most).collect();
                format!("the newest {} is {}", value.pick.words(), limits.join(" and "))
            }
            Self::Age(age) => format!("{} to {} years old", age.from, age.to),
            Self::Sex(sex) => sex.word().to_owned(),
            Self::Foreign(_) => "something that only a newer version knows".to_owned(),
        }
    }
}

/// Elements of the newest resources of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// Of which.
    pub pick: Pick,
    /// Which elements.
    #[serde(deserialize_with = "bounded::<{ MAX_ELEMENTS }, _, _>")]
    pub elements: Vec<Text>,
    /// How many of the newest.
    pub newest: u16,
}

crate::open_tagged! {
    /// A value that leaves.
    pub enum FieldKind {
        /// Elements of resources.
        1 => Parts(Parts),
        /// Ten years in which the age lies.
        2 => AgeBand(bool),
        /// The sex.
        3 => Sex(bool),
    }
}

/// A value that leaves, by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// By which name it is listed.
    pub name: Text,
    /// What it is.
    pub kind: FieldKind,
}

impl Field {
    /// What is wrong with it.
    pub fn fault(&self) -> Option<&'static str> {
        if self.name.is_empty() || self.name.as_str().len() > MAX_WORD {
            return Some("a field without a name, or with a long one");
        }
        match &self.kind {
            FieldKind::Parts(parts) => {
                let known = |e: &Text| ELEMENTS.contains(&e.as_str());
                if parts.elements.is_empty() || !parts.elements.iter().all(known) {
                    return Some("a field with an element that no study gets");
                }
                if parts.newest == 0 || parts.newest > MOST_NEWEST {
                    return Some("a field of none or of too many values");
                }
                parts.pick.fault()
            }
            FieldKind::AgeBand(_) | FieldKind::Sex(_) => None,
            FieldKind::Foreign(_) => Some("a field of a newer version"),
        }
    }

    /// In words.
    pub fn words(&self) -> String {
        let what = match &self.kind {
            FieldKind::Parts(parts) => {
                let elements: Vec<String> = parts.elements.iter().map(Text::shown).collect();
                let most = match parts.newest {
                    1 => "the newest".to_owned(),
                    n => format!("up to {n} of"),
                };
                format!("{} of {most} {}", elements.join(" and "), parts.pick.words())
            }
            FieldKind::AgeBand(_) => "ten years in which the age lies".to_owned(),
            FieldKind::Sex(_) => "the sex".to_owned(),
            FieldKind::Foreign(_) => "something that only a newer version knows".to_owned(),
        };
        format!("{}: {what}", self.name.shown())
    }
}
