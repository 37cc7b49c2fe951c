//! Taking in FHIR R4: one document per resource, with the original bytes of each.
//!
//! A file is scanned once as a whole; a fault anywhere refuses all of it, with its place, so
//! that nobody has half a record without knowing. A Bundle is cut into its entries' resources,
//! each a slice of the original. What is not FHIR R4 in form is refused with the place of the
//! fault ([`structure`]), so that nobody signs what no other program can read. What else is known of a resource (title, date, scopes) is a
//! *proposal*: read from well-known elements, never written back, and for the user to correct.

mod classify;
mod describe;
pub mod structure;

use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::IdentityId;

use crate::document::FHIR_JSON;
use crate::fields::json::{self, JsonFault, Node, Value};
use crate::header::{Classified, Classifier, DocumentKind, Header, Status, Subject};
use crate::instant::Instant;
use crate::limits::{MAX_BODY_BYTES, MAX_BUNDLE_ENTRIES, MAX_INTAKE_BYTES};
use crate::scope::Scopes;
use crate::text::Text;
use structure::{Fault, R4, Rules};

/// A resource taken from a file, with what is proposed for its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The resource, byte for byte as in the file.
    pub body: Vec<u8>,
    /// Where it stood: `$` or `$.entry[7].resource`.
    pub path: String,
    /// `Observation`, `Condition` ...
    pub resource_type: String,
    /// What the document is.
    pub kind: DocumentKind,
    /// One line for lists.
    pub title: Text,
    /// BCP 47 tag, if the resource says so.
    pub language: Option<Text>,
    /// When what it tells was so.
    pub effective: Option<Instant>,
    /// Where it stands.
    pub status: Status,
    /// Scopes, by resource type, category and key words of its codes.
    pub scopes: Scopes,
    /// Those of them that are sensitive.
    pub sensitivity: Scopes,
    /// The patient it refers to, as written there (`Patient/123`, `urn:uuid:...`).
    pub patient: Option<String>,
}

impl Proposal {
    /// A header from the proposal. Correct scopes and title before or after.
    pub fn header(&self, author: IdentityId, subject: Option<IdentityId>, recorded: Instant) -> Header {
        let mut header = Header::new(
            self.kind,
            Text::from(FHIR_JSON),
            self.title.clone(),
            author,
            recorded,
        );
        header.language = self.language.clone();
        header.subject = subject.map(Subject::Identity);
        header.effective = self.effective.clone();
        header.status = self.status;
        header.scopes = self.scopes.clone();
        header.sensitivity = self.sensitivity.clone();
        header.classified_by = Some(Classified {
            by: Classifier::Rules,
            identity: None,
        });
        header
    }
}

/// Something in the file that is not a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Where.
    pub path: String,
    /// Why.
    pub why: LeftWhy,
}

/// Why something was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeftWhy {
    /// An entry without a resource: a deletion, a search outcome, or a mere address.
    #[error("the entry holds no resource")]
    NoResource,
    /// Larger than one document may be.
    #[error("the resource is larger than {MAX_BODY_BYTES} bytes; attach it as a file")]
    TooLarge,
}

/// What a file held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Intake {
    /// What can become documents.
    pub taken: Vec<Proposal>,
    /// What cannot.
    pub left: Vec<Left>,
}

/// Why a whole file was refused. Nothing was taken from it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// Not acceptable JSON.
    #[error(transparent)]
    Json(#[from] JsonFault),
    /// A line of a file of lines is not acceptable JSON.
    #[error("line {0}: {1}")]
    Line(usize, JsonFault),
    /// JSON, but neither a FHIR resource nor a Bundle.
    #[error("not FHIR: it has no resourceType")]
    NotFhir,
    /// Not FHIR R4 in form.
    #[error("not valid FHIR R4, {0}")]
    Invalid(Faults),
    /// A line of a file of lines is not FHIR R4 in form.
    #[error("line {0}: not valid FHIR R4, {1}")]
    InvalidLine(usize, Faults),
    /// More entries than a Bundle may have.
    #[error("a Bundle of {0} entries; at most {MAX_BUNDLE_ENTRIES} are taken at once")]
    TooManyEntries(usize),
}

/// What is wrong with a resource: the first faults, and how many there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    /// The first ones, in the order of the resource.
    pub first: Vec<Fault>,
    /// All of them.
    pub count: usize,
}

impl std::fmt::Display for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, fault) in self.first.iter().enumerate() {
            write!(f, "{}{fault}", if i == 0 { "at " } else { "; at " })?;
        }
        match self.count.saturating_sub(self.first.len()) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

/// Faults that are told at once.
const TOLD: usize = 5;

/// Refuses what is not FHIR R4 in form.
fn judge(resource: &Value<'_>) -> Result<(), Faults> {
    let mut faults = R4.faults(resource.raw);
    if faults.is_empty() {
        return Ok(());
    }
    let count = faults.len();
    faults.truncate(TOLD);
    Err(Faults { first: faults, count })
}

/// Whether a body may be signed as FHIR: one resource, acceptable JSON, valid R4.
///
/// # Errors
/// [`IntakeError`] with the place of the fault.
pub fn check(body: &[u8]) -> Result<(), IntakeError> {
    let value = json::scan(body, MAX_INTAKE_BYTES)?;
    value.text_of("resourceType").ok_or(IntakeError::NotFhir)?;
    judge(&value).map_err(IntakeError::Invalid)
}

impl IntakeError {
    /// The stable code for users.
    pub const fn code(&self) -> ErrorCode {
        ErrorCode::InputRefused
    }
}

/// Takes in a file with one resource or one Bundle.
///
/// # Errors
/// [`IntakeError`] with the place of the fault.
pub fn take_in(file: &[u8]) -> Result<Intake, IntakeError> {
    let value = json::scan(file, MAX_INTAKE_BYTES)?;
    let mut intake = Intake::default();
    whole(&value, "$", &mut intake)?;
    judge(&value).map_err(IntakeError::Invalid)?;
    Ok(intake)
}

/// Takes in a file with one resource on each line (FHIR bulk data, `application/fhir+ndjson`).
///
/// # Errors
/// [`IntakeError`] with the line and place of the fault.
pub fn take_in_lines(file: &[u8]) -> Result<Intake, IntakeError> {
    let mut intake = Intake::default();
    for (i, line) in file.split(|&b| b == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let value = json::scan(line, MAX_INTAKE_BYTES).map_err(|fault| IntakeError::Line(i + 1, fault))?;
        whole(&value, &format!("$[{i}]"), &mut intake)?;
        judge(&value).map_err(|faults| IntakeError::InvalidLine(i + 1, faults))?;
    }
    Ok(intake)
}

fn whole(value: &Value<'_>, path: &str, intake: &mut Intake) -> Result<(), IntakeError> {
    let kind = value.text_of("resourceType").ok_or(IntakeError::NotFhir)?;
    if kind != "Bundle" {
        resource(value, path.to_owned(), intake);
        return Ok(());
    }
    let entries = value.get("entry").map_or(&[][..], Value::items);
    if entries.len() > MAX_BUNDLE_ENTRIES {
        return Err(IntakeError::TooManyEntries(entries.len()));
    }
    for (i, entry) in entries.iter().enumerate() {
        let path = format!("{path}.entry[{i}].resource");
        match entry.get("resource") {
            Some(found) if matches!(found.node, Node::Object(_)) => resource(found, path, intake),
            _ => intake.left.push(Left {
                path,
                why: LeftWhy::NoResource,
            }),
        }
    }
    Ok(())
}

fn resource(value: &Value<'_>, path: String, intake: &mut Intake) {
    let left = |why| Left {
        path: path.clone(),
        why,
    };
    // Without a type the file is refused as a whole.
    let kind = value.text_of("resourceType").unwrap_or_default();
    if value.raw.len() > MAX_BODY_BYTES {
        intake.left.push(left(LeftWhy::TooLarge));
        return;
    }
    let (scopes, sensitivity) = classify::scopes(kind, value);
    intake.taken.push(Proposal {
        body: value.raw.as_bytes().to_vec(),
        resource_type: kind.to_owned(),
        kind: describe::kind(kind),
        title: describe::title(kind, value),
        language: value.text_of("language").map(Text::cut),
        effective: describe::effective(value),
        status: describe::status(value),
        scopes,
        sensitivity,
        patient: describe::patient(value),
        path,
    });
}
