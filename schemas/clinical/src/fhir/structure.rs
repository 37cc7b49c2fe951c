//! Whether JSON is FHIR R4: elements that exist, how often, in which form.
//!
//! The rules are those of the official R4 definitions, by the library `fhirkit`, which stays
//! behind [`Rules`]. It only reads: what is kept and signed are the bytes that came. What needs a
//! terminology or a profile (codes that a value set allows, invariants) is not judged here.

use fhirkit::r4::Resource;
use fhirkit::{Severity, from_json};

use crate::text::shown;

/// One thing that is wrong. It names places and forms, never values: those are what was written
/// about a patient.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}")]
pub struct Fault {
    /// `Observation.component[1].valueQuantity.value`.
    pub path: String,
    /// What is wrong there.
    pub what: String,
}

/// Who judges the form of a resource.
pub trait Rules {
    /// Everything that is wrong with it, in its own order; nothing if it may be taken in.
    fn faults(&self, resource: &str) -> Vec<Fault>;
}

/// FHIR R4 (4.0.1).
#[derive(Clone, Copy, Debug)]
pub struct R4;

impl Rules for R4 {
    fn faults(&self, resource: &str) -> Vec<Fault> {
        match from_json::<Resource>(resource) {
            Ok((_, issues)) => issues
                .into_iter()
                .filter(|issue| issue.severity == Severity::Error)
                .map(|issue| Fault {
                    path: place(&issue.path),
                    what: without_value(&issue.message),
                })
                .collect(),
            // The scanner has read it before; this is never reached with what it lets through.
            Err(error) => vec![Fault {
                path: "$".to_owned(),
                what: format!("not JSON at line {}, column {}", error.line, error.column),
            }],
        }
    }
}

/// Longest path that is shown; names in it may be somebody's invention.
const LONGEST: usize = 160;

fn place(path: &str) -> String {
    let path: String = path.chars().take(LONGEST).collect();
    shown(&path)
}

/// The message without the value that it quotes.
fn without_value(message: &str) -> String {
    if message.starts_with("expected \"") {
        return "is another type of resource than stands here".to_owned();
    }
    // "12.x is not a FHIR decimal", "\"x\" is not a valid date".
    let cut = ["is not a ", "is not an ", "is outside the "]
        .iter()
        .filter_map(|words| message.rfind(words))
        .max();
    cut.and_then(|at| message.get(at..)).unwrap_or(message).to_owned()
}
