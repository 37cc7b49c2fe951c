//! How values come in at a laboratory: what its system wrote, without anything that could name
//! somebody.
//!
//! Only the elements listed here enter a result, as raw tokens: no number is written anew. Whose
//! sample it was, who took it, where and by whose order stays outside, and the clerk is told what
//! was left out. A file that says of a value that it is wrong, or in a way that turns its meaning
//! round, is refused whole.

use std::collections::BTreeSet;

use telesphor_wire::error::ErrorCode;

use super::code::LabCode;
use super::hl7::{self, Hl7Fault};
use crate::fhir::{self, IntakeError};
use crate::fields::json::{self, Node, Value};
use crate::header::Status;
use crate::instant::Instant;
use crate::limits::{MAX_BODY_BYTES, MAX_INTAKE_BYTES};
use crate::scope::Scopes;

/// Values of one result.
pub const MAX_VALUES: usize = 512;

/// Elements of an Observation that enter a result.
const ELEMENTS: &[&str] = &[
    "status",
    "category",
    "code",
    "effectiveDateTime",
    "effectivePeriod",
    "effectiveInstant",
    "valueQuantity",
    "valueCodeableConcept",
    "valueString",
    "valueBoolean",
    "valueInteger",
    "valueRange",
    "valueRatio",
    "valueSampledData",
    "valueTime",
    "valueDateTime",
    "valuePeriod",
    "dataAbsentReason",
    "interpretation",
    "note",
    "method",
    "referenceRange",
    "component",
];

/// Members that may name or lead to somebody, wherever they stand.
const LEADS_BACK: &[&str] = &[
    "id",
    "extension",
    "reference",
    "identifier",
    "authorReference",
    "authorString",
    "contained",
];

/// Interpretations for which somebody must be called: HL7 v3 ObservationInterpretation.
const CRITICAL: &[&str] = &["HH", "LL", "AA"];

/// Values that can be signed.
#[derive(Clone, PartialEq, Eq)]
pub struct LabValues {
    /// One Observation, or a Bundle of them: FHIR R4.
    pub body: Vec<u8>,
    /// How many.
    pub count: usize,
    /// One line for lists.
    pub title: String,
    /// Whether they may still change, are final, or put earlier ones right.
    pub status: Status,
    /// When the sample was taken, if the file says so.
    pub effective: Option<Instant>,
    /// Compartments, by the kinds of tests.
    pub scopes: Scopes,
    /// Those of them that are sensitive.
    pub sensitivity: Scopes,
    /// Tests with a critical value.
    pub critical: Vec<String>,
    /// Elements and resources that were left out, by name.
    pub left_out: BTreeSet<String>,
    /// Codes of orders that the file names.
    pub codes: BTreeSet<LabCode>,
}

impl std::fmt::Debug for LabValues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} values", self.count)
    }
}

/// Why a file brings no result. Nothing was taken from it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabFileFault {
    /// Not FHIR.
    #[error(transparent)]
    Fhir(#[from] IntakeError),
    /// Not an HL7 v2 result message.
    #[error(transparent)]
    Hl7(#[from] Hl7Fault),
    /// Nothing was measured.
    #[error("no Observation is in it")]
    NoValues,
    /// More than one result holds.
    #[error("{0} values; one result holds at most {MAX_VALUES}")]
    TooMany(usize),
    /// A value that its own system calls wrong.
    #[error("value {0} is marked `{1}`: a result must hold none that was withdrawn")]
    Withdrawn(usize, String),
    /// Something turns its meaning round that this program does not understand.
    #[error("value {0} has `{1}`, which can turn its meaning round")]
    Modified(usize, String),
    /// Some are final and some are not.
    #[error("some values are `preliminary` and some `amended`: give them in two files")]
    Mixed,
}

impl LabFileFault {
    /// The stable code for users.
    pub const fn code(&self) -> ErrorCode {
        ErrorCode::InputRefused
    }
}

/// Reads what a laboratory's system wrote: an HL7 v2 result message (ORU^R01), or FHIR R4.
///
/// # Errors
/// [`LabFileFault`].
pub fn take_in(file: &[u8]) -> Result<LabValues, LabFileFault> {
    match hl7::is_message(file) {
        true => {
            let message = hl7::read(file)?;
            let mut values = from_fhir(message.fhir.as_bytes())?;
            values.left_out.extend(message.left_out);
            values.codes.extend(message.codes);
            Ok(values)
        }
        false => from_fhir(file),
    }
}

fn from_fhir(file: &[u8]) -> Result<LabValues, LabFileFault> {
    let taken = fhir::take_in(file)?;
    let mut values = LabValues {
        body: Vec::new(),
        count: 0,
        title: String::new(),
        status: Status::Final,
        effective: None,
        scopes: Scopes::none(),
        sensitivity: Scopes::none(),
        critical: Vec::new(),
        left_out: BTreeSet::new(),
        codes: BTreeSet::new(),
    };
    let (mut written, mut titles) = (Vec::new(), Vec::new());
    let (mut open, mut amended) = (false, false);
    for proposal in &taken.taken {
        let value = json::scan(&proposal.body, MAX_INTAKE_BYTES).map_err(IntakeError::Json)?;
        codes(&value, false, &mut values.codes);
        if proposal.resource_type != "Observation" {
            values.left_out.insert(proposal.resource_type.clone());
            continue;
        }
        let at = written.len() + 1;
        match value.text_of("status").unwrap_or_default() {
            "registered" | "preliminary" => open = true,
            "amended" | "corrected" => amended = true,
            "final" => {}
            other => return Err(LabFileFault::Withdrawn(at, other.to_owned())),
        }
        let written_value = observation(&value, at, &mut values.left_out)?;
        if is_critical(&value) {
            values.critical.push(name_of(&value));
        }
        titles.push(name_of(&value));
        values.effective = values.effective.take().or_else(|| proposal.effective.clone());
        values.scopes = values
            .scopes
            .iter()
            .chain(proposal.scopes.iter())
            .cloned()
            .collect();
        values.sensitivity = values
            .sensitivity
            .iter()
            .chain(proposal.sensitivity.iter())
            .cloned()
            .collect();
        written.push(written_value);
    }
    values.count = written.len();
    values.status = match (open, amended) {
        (true, true) => return Err(LabFileFault::Mixed),
        (true, false) => Status::Preliminary,
        (false, true) => Status::Amended,
        (false, false) => Status::Final,
    };
    values.title = match titles.as_slice() {
        [] => return Err(LabFileFault::NoValues),
        all if all.len() > MAX_VALUES => return Err(LabFileFault::TooMany(all.len())),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    };
    let body = match written.as_slice() {
        [one] => one.clone(),
        all => {
            let entries: Vec<String> = all.iter().map(|one| format!("{{\"resource\":{one}}}")).collect();
            let entries = entries.join(",");
            format!("{{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{entries}]}}")
        }
    };
    // What was left out may have been required where it stood.
    fhir::check(body.as_bytes())?;
    values.body = body.into_bytes();
    Ok(values)
}

/// The Observation with the elements that enter, in the order in which they were written.
fn observation(value: &Value<'_>, at: usize, left: &mut BTreeSet<String>) -> Result<String, LabFileFault> {
    let Node::Object(members) = &value.node else {
        return Err(LabFileFault::NoValues);
    };
    let mut out = String::from("{\"resourceType\":\"Observation\"");
    for (name, value) in members {
        let name = name.as_ref();
        match name {
            "resourceType" => {}
            "modifierExtension" | "implicitRules" => {
                return Err(LabFileFault::Modified(at, name.to_owned()));
            }
            _ if ELEMENTS.contains(&name) => {
                if let Some(json) = kept(value, at, left)? {
                    out.push_str(&format!(",{}:{json}", quoted(name)));
                }
            }
            _ => {
                left.insert(name.to_owned());
            }
        }
    }
    out.push('}');
    Ok(out)
}

/// A value as raw tokens without what may lead to somebody; nothing if nothing is left.
fn kept(value: &Value<'_>, at: usize, left: &mut BTreeSet<String>) -> Result<Option<String>, LabFileFault> {
    Ok(match &value.node {
        Node::Word | Node::Number | Node::String(_) => Some(value.raw.to_owned()),
        Node::Array(items) => {
            let mut all = Vec::new();
            for item in items {
                all.extend(kept(item, at, left)?);
            }
            (!all.is_empty()).then(|| format!("[{}]", all.join(",")))
        }
        Node::Object(members) => {
            let mut all = Vec::new();
            for (name, member) in members {
                let name = name.as_ref();
                if name == "modifierExtension" {
                    return Err(LabFileFault::Modified(at, name.to_owned()));
                }
                if LEADS_BACK.contains(&name) || name.starts_with('_') {
                    left.insert(name.to_owned());
                    continue;
                }
                if let Some(json) = kept(member, at, left)? {
                    all.push(format!("{}:{json}", quoted(name)));
                }
            }
            (!all.is_empty()).then(|| format!("{{{}}}", all.join(",")))
        }
    })
}

pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Codes of orders that stand where a file names an order or a sample.
fn codes(value: &Value<'_>, inside: bool, into: &mut BTreeSet<LabCode>) {
    match &value.node {
        Node::String(text) if inside => into.extend(text.parse::<LabCode>()),
        Node::Array(items) => items.iter().for_each(|item| codes(item, inside, into)),
        Node::Object(members) => {
            for (name, member) in members {
                let here = matches!(name.as_ref(), "identifier" | "basedOn" | "specimen");
                codes(member, inside || here, into);
            }
        }
        _ => {}
    }
}

fn name_of(observation: &Value<'_>) -> String {
    let code = observation.get("code");
    let coding = code.and_then(|c| c.get("coding"));
    let display = coding.and_then(|c| c.items().iter().find_map(|c| c.text_of("display")));
    let said = code.and_then(|c| c.text_of("text")).or(display);
    let fallback = coding.and_then(|c| c.items().iter().find_map(|c| c.text_of("code")));
    crate::text::shown(said.or(fallback).unwrap_or("a value"))
}

/// Whether somebody must be called because of it, by its own interpretation.
fn is_critical(observation: &Value<'_>) -> bool {
    let concepts = observation.get("interpretation").map_or(&[][..], Value::items);
    concepts
        .iter()
        .flat_map(|concept| concept.get("coding").map_or(&[][..], Value::items))
        .any(|coding| {
            coding
                .text_of("code")
                .is_some_and(|code| CRITICAL.contains(&code))
        })
}

/// Tests with a critical value, of a body that was signed.
pub fn critical(body: &[u8]) -> Vec<String> {
    let Ok(value) = json::scan(body, MAX_BODY_BYTES) else {
        return Vec::new();
    };
    let entries = value.get("entry").map_or(&[][..], Value::items);
    let inside = entries.iter().filter_map(|entry| entry.get("resource"));
    std::iter::once(&value)
        .chain(inside)
        .filter(|resource| is_critical(resource))
        .map(name_of)
        .collect()
}
