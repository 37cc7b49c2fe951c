//! What the patient grants to which role, by scope.

use super::cast::Cast;
use crate::scopes;
use crate::stage::StageError;
use serde_json::Value;

/// What each role is for, and what of a record it needs.
const ROLES: [(&str, &[&str], &str); 4] = [
    (
        "orthopaedic-surgeon",
        &["musculoskeletal", "imaging"],
        "operation on the knee",
    ),
    ("anaesthetist", &["allergies", "medication"], "anaesthesia"),
    (
        "nurse",
        &["allergies", "medication", "vitals"],
        "care on the ward",
    ),
    (
        "billing",
        &["billing", "procedures"],
        "procedure codes for the insurer",
    ),
];

/// One grant.
pub(super) struct Grant {
    pub(super) role: &'static str,
    pub(super) scopes: Vec<&'static str>,
    why: &'static str,
}

/// The grants for a record: of what each role needs, what there is. A record without anything of
/// that for a role grants it nothing.
pub(super) fn wanted(documents: &[Value]) -> Vec<Grant> {
    let shareable: Vec<&Value> = documents.iter().filter(|d| !scopes::is_sensitive(d)).collect();
    let is_there = |scope: &str| shareable.iter().any(|d| scopes::of(d).any(|s| s == scope));
    ROLES
        .iter()
        .map(|(role, needs, why)| Grant {
            role,
            scopes: needs.iter().copied().filter(|s| is_there(s)).collect(),
            why,
        })
        .filter(|g| !g.scopes.is_empty())
        .collect()
}

impl Grant {
    /// Whether the rule of scopes lets a document of the record through.
    pub(super) fn lets(&self, document: &Value) -> bool {
        !scopes::is_sensitive(document) && scopes::of(document).any(|s| self.scopes.contains(&s))
    }

    /// Grants it; gives the lines of the preview.
    pub(super) fn give(&self, cast: &Cast, organisation: &str) -> Result<Vec<String>, StageError> {
        let what: Vec<String> = self.scopes.iter().map(|s| format!("scope:{s}")).collect();
        let whom = format!("{}@{organisation}", self.role);
        let mut arguments = vec!["share"];
        arguments.extend(what.iter().map(String::as_str));
        arguments.extend(["--with", &whom, "--until", "7d", "--why", self.why, "--yes"]);
        let output = cast.aino.attempt(&arguments)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.success() {
            true => Ok(said.lines().map(str::to_owned).collect()),
            false => Err(StageError::Command {
                who: cast.aino.profile.to_owned(),
                what: arguments.join(" "),
                code: output.status.code().unwrap_or(-1),
                said,
            }),
        }
    }
}
