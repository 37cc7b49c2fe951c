//! Act 1: who works here. Everybody knows the hospital; nobody but it knows everybody.

use std::path::Path;

use super::steps::round;
use crate::acts::cast::{acquaint, join};
use crate::page::Page;
use crate::stage::{Person, StageError, text};
use serde_json::Value;
use telesphor_chaos::relay::Relay;

/// Everybody who works at the hospital: profile, name, role, what they do.
pub(super) const STAFF: [(&str, &str, &str, &str); 6] = [
    (
        "dr-laine",
        "Dr Laine",
        "orthopaedic-surgeon",
        "orthopaedic surgeon",
    ),
    ("dr-niemi", "Dr Niemi", "anaesthetist", "anaesthetist"),
    ("maria", "Maria Heikkinen", "nurse", "nurse, day shift"),
    ("pekka", "Pekka Salo", "nurse", "nurse, night shift"),
    ("kim", "Kim Aalto", "nurse", "agency nurse, for one night"),
    ("eeva", "Eeva Lehto", "billing", "billing office"),
];

/// Everybody on the stage.
pub(super) struct Cast {
    pub(super) hospital: Person,
    pub(super) aino: Person,
    pub(super) staff: Vec<Person>,
    /// Documents of the patient's record.
    pub(super) documents: Vec<Value>,
}

impl Cast {
    pub(super) fn one(&self, profile: &str) -> &Person {
        self.staff
            .iter()
            .find(|p| p.profile == profile)
            .unwrap_or(&self.hospital)
    }

    /// Hospital and staff: everybody who is online while the patient's phone is off.
    pub(super) fn at_work(&self) -> Vec<&Person> {
        std::iter::once(&self.hospital).chain(&self.staff).collect()
    }
}

/// Sets the stage.
pub(super) fn gather(
    page: &mut Page,
    relay: &Relay,
    folder: &Path,
    bundle: &Path,
) -> Result<Cast, StageError> {
    page.section("Who is who");
    let hospital = join(relay, folder, "hospital", "Hospital A", "organisation")?;
    let aino = join(relay, folder, "aino", "Aino Korhonen", "patient")?;
    acquaint(&hospital, &aino, "hospital-a")?;
    let added = aino.json(&["add", &bundle.to_string_lossy()])?;
    let documents: Vec<Value> = added.into_iter().filter(|d| d["id"].is_string()).collect();
    page.fact(
        &hospital.name,
        &format!(
            "{}   signs the roster; holds no key to any record",
            id(&hospital)?
        ),
    );
    page.fact(
        &aino.name,
        &format!(
            "{}   patient; {} documents of her own",
            id(&aino)?,
            documents.len()
        ),
    );
    let mut staff = Vec::new();
    for (profile, name, _, what) in STAFF {
        let person = join(relay, folder, profile, name, "clinician")?;
        acquaint(&hospital, &person, "hospital-a")?;
        page.fact(name, &format!("{}   {what}", id(&person)?));
        staff.push(person);
    }
    let cast = Cast {
        hospital,
        aino,
        staff,
        documents,
    };
    let mut all = cast.at_work();
    all.push(&cast.aino);
    round(&all)?;
    Ok(cast)
}

fn id(person: &Person) -> Result<String, StageError> {
    let me = person.json(&["identity", "show"])?;
    let id = text(&me, "id", "identity show")?;
    Ok(format!(
        "{}..{}",
        &id[..9.min(id.len())],
        &id[id.len().saturating_sub(4)..]
    ))
}
