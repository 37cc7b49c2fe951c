//! Act 1: everybody who has to do with one patient.

use std::path::Path;

use crate::acts::cast::{acquaint, join, settle};
use crate::page::Page;
use crate::planted::planted;
use crate::stage::{Person, StageError};
use serde_json::Value;
use telesphor_chaos::relay::Relay;

/// What the doctor writes, which nobody but its readers may find.
pub(super) const NOTE: &str = "Chest pain on exertion since three weeks, no warning signs at rest.";
/// What is prescribed.
pub(super) const MEDICINE: &str = "Amoxicillin 500 mg capsules";
/// Why the patient is referred.
pub(super) const REFERRAL: &str = "Please assess for coronary disease; exercise test if you agree.";
/// What a former doctor knows of her.
pub(super) const FORMER: &str = "Appendectomy in 2009 without complication, scar unremarkable.";
/// How many strings of the record the drill looks for.
const PLANTED: usize = 96;

/// Everybody on the stage.
pub(super) struct Cast {
    pub(super) board: Person,
    pub(super) hospital: Person,
    pub(super) doctor: Person,
    pub(super) former: Person,
    pub(super) laine: Person,
    pub(super) lab: Person,
    pub(super) pharmacy: Person,
    pub(super) insurer: Person,
    pub(super) aino: Person,
    /// Documents of the patient's record.
    pub(super) documents: Vec<Value>,
    /// Strings that nobody but their readers may find.
    pub(super) planted: Vec<String>,
}

/// Sets the stage.
pub(super) fn gather(
    page: &mut Page,
    relay: &Relay,
    folder: &Path,
    bundle: &Path,
) -> Result<Cast, StageError> {
    page.section("Who is who");
    let raw = std::fs::read(bundle)?;
    let program = std::fs::read(relay.program())?;
    let record: Value =
        serde_json::from_slice(&raw).map_err(|e| StageError::Record(bundle.to_owned(), e.to_string()))?;
    let person = |profile, name, class| join(relay, folder, profile, name, class);
    let board = person("board", "Medical board", "organisation")?;
    let hospital = person("hospital", "Hospital A", "organisation")?;
    let doctor = person("dr-virtanen", "Dr Virtanen", "clinician")?;
    let former = person("dr-rautio", "Dr Rautio", "clinician")?;
    let laine = person("dr-laine", "Dr Laine", "clinician")?;
    let lab = person("acme-lab", "Acme Lab", "organisation")?;
    let pharmacy = person("pharmacy", "Corner Pharmacy", "organisation")?;
    let insurer = person("acme", "Acme Mutual", "organisation")?;
    let aino = person("aino", "Aino Korhonen", "patient")?;
    for who in [&doctor, &laine, &former, &lab] {
        acquaint(&board, who, "board")?;
    }
    acquaint(&board, &hospital, "board")?;
    for who in [&doctor, &lab] {
        acquaint(&hospital, who, "hospital")?;
    }
    for who in [&doctor, &former, &laine, &pharmacy, &insurer] {
        acquaint(&aino, who, "aino")?;
    }
    for who in ["dr-virtanen", "dr-laine", "dr-rautio"] {
        board.run(&[
            "attest",
            "give",
            who,
            "licensed-physician",
            "--until",
            "2027-12-31",
        ])?;
    }
    board.run(&[
        "attest",
        "give",
        "acme-lab",
        "licensed-laboratory",
        "--until",
        "2027-12-31",
    ])?;
    let card = folder.join("board.card");
    let card = card.to_string_lossy();
    board.run(&["identity", "show", "--card", &card])?;
    for person in [&aino, &doctor, &laine, &pharmacy, &insurer] {
        for word in ["licensed-physician", "licensed-laboratory"] {
            person.run(&["trust", "add", &card, "--for", word, "--call", "Medical board"])?;
        }
    }
    settle(&[&board, &doctor, &former, &laine, &lab, &aino])?;
    lab.run(&["lab", "desk", "hospital"])?;
    settle(&[&lab, &hospital])?;
    let terms = ["--cost-centre", "Clinic 12", "--switchboard", "+358 9 4711"];
    hospital.run(&[&["lab", "allow", "dr-virtanen"], &terms[..]].concat())?;
    settle(&[&hospital, &doctor])?;
    let documents = aino.json(&["add", &bundle.to_string_lossy()])?;
    let documents: Vec<Value> = documents.into_iter().filter(|d| d["id"].is_string()).collect();
    page.fact(
        "Medical board",
        "says who is a physician, and who is a laboratory",
    );
    page.fact("Hospital A", "lets Dr Virtanen order at Acme Lab; sees no order");
    page.fact(
        &aino.name,
        &format!("patient; {} documents of her own", documents.len()),
    );
    page.fact(
        "Others",
        "Dr Rautio, who treated her before; Dr Laine; Corner Pharmacy; Acme Mutual",
    );
    let mut planted = planted(&record, &raw, &program, PLANTED);
    planted.extend([NOTE, MEDICINE, REFERRAL, FORMER].map(str::to_owned));
    Ok(Cast {
        board,
        hospital,
        doctor,
        former,
        laine,
        lab,
        pharmacy,
        insurer,
        aino,
        documents,
        planted,
    })
}

/// A file of somebody's.
pub(super) fn file(person: &Person, name: &str, text: &str) -> Result<String, StageError> {
    let path = person.home().join(name);
    std::fs::write(&path, text)?;
    Ok(path.to_string_lossy().into_owned())
}

/// Somebody's command that needs another's program to answer once.
pub(super) fn answered(
    who: &Person,
    others: &[&Person],
    arguments: &[&str],
) -> Result<Vec<Value>, StageError> {
    let patient = [&["--wait", "4s"], arguments].concat();
    for _ in 0..8 {
        match who.json(&patient) {
            Err(StageError::Command { code: 6, .. }) => settle(others)?,
            other => return other,
        }
    }
    who.json(&patient)
}

/// The document of this title in somebody's inbox.
pub(super) fn came(person: &Person, title: &str) -> Result<Option<String>, StageError> {
    let inbox = person.json(&["inbox"])?;
    let found = inbox
        .iter()
        .rev()
        .find(|d| d["title"].as_str().is_some_and(|t| t.contains(title)));
    Ok(found.and_then(|d| d["id"].as_str()).map(str::to_owned))
}
