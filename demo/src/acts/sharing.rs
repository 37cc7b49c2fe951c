//! Act 2: the patient shares parts of the record, the doctor reads, checks and answers.

use serde_json::Value;
use std::process::Command;

use super::cast::{Cast, settle};
use crate::page::{Page, size};
use crate::scopes;
use crate::stage::StageError;

/// The title of the doctor's note.
pub const NOTE: &str = "Chest pain, no warning signs";

/// Shares, reads, verifies, answers.
///
/// # Errors
/// [`StageError`].
pub fn play(page: &mut Page, cast: &Cast) -> Result<(), StageError> {
    page.section("Aino shares, Dr Virtanen reads");
    let (withheld, wanted): (Vec<&Value>, Vec<&Value>) = cast
        .documents
        .iter()
        .filter(|d| scopes::is_in(d, &cast.shared))
        .partition(|d| scopes::is_sensitive(d));
    let withheld = match withheld.len() {
        0 => String::new(),
        n => format!("; {n} withheld, being sensitive in other ways too"),
    };
    let mut arguments = vec!["share"];
    let names: Vec<String> = cast.shared.iter().map(|s| format!("scope:{s}")).collect();
    arguments.extend(names.iter().map(String::as_str));
    arguments.extend([
        "--with",
        "dr-virtanen",
        "--until",
        "90d",
        "--why",
        "follow-up",
        "--yes",
    ]);
    cast.aino.json(&arguments)?;
    settle(&[&cast.aino, &cast.doctor])?;
    let sent = cast.aino.json(&["sent"])?;
    let took: Vec<u64> = sent.iter().filter_map(|s| s["took_ms"].as_u64()).collect();

    let inbox = cast.doctor.json(&["inbox"])?;
    let came: Vec<&Value> = inbox.iter().filter(|d| scopes::is_in(d, &cast.shared)).collect();
    page.must(
        !came.is_empty() && came.len() == wanted.len(),
        "Shared",
        &format!(
            "{} of {} documents: {}{withheld}",
            came.len(),
            cast.documents.len(),
            cast.shared.join(", ")
        ),
        &format!("{} documents in the doctor's inbox", wanted.len()),
    );
    let bytes: u64 = came.iter().filter_map(|d| d["bytes"].as_u64()).sum();
    if let Some(slowest) = took.iter().max() {
        page.fact(
            "On the way",
            &format!(
                "{} before sealing, {} receipts, the slowest durable after {slowest} ms",
                size(bytes),
                took.len()
            ),
        );
    }

    let mut genuine = 0;
    let mut offline = 0;
    for document in &came {
        let id = document["id"].as_str().unwrap_or_default();
        let read = cast.doctor.json(&["read", id])?;
        genuine += usize::from(read.iter().any(|r| r["genuine"] == true));
        let verify = cast.doctor.command(&["verify", id, "--offline"]);
        offline += usize::from(without_network(&verify)?);
    }
    page.must(
        genuine == came.len() && offline == came.len(),
        "Read",
        &format!(
            "{genuine} of {} opened; {offline} signatures good, checked with the network switched off",
            came.len()
        ),
        "all of them",
    );

    let note = cast.doctor.home().join("note.md");
    std::fs::write(
        &note,
        format!(
            "# {NOTE}\n\nAtypical pain, troponin below 0.010. Continue apixaban. Review in four weeks.\n"
        ),
    )?;
    cast.doctor.run(&[
        "send",
        "aino",
        &note.to_string_lossy(),
        "--title",
        NOTE,
        "--scope",
        "heart",
    ])?;
    settle(&[&cast.doctor, &cast.aino])?;
    let inbox = cast.aino.json(&["inbox"])?;
    let came = inbox.iter().find(|d| d["title"] == NOTE);
    let signed = match came.and_then(|d| d["id"].as_str()) {
        Some(id) => {
            let verdict = cast.aino.attempt(&[
                "--json",
                "verify",
                id,
                "--offline",
                "--role",
                "licensed-physician",
            ])?;
            verdict.status.success()
        }
        None => false,
    };
    page.must(
        signed,
        "Note back",
        &format!("\"{NOTE}\", signed by Dr Virtanen, licensed at that time"),
        "the doctor's note with the board's word about its author",
    );
    Ok(())
}

/// Runs a command in a network namespace of its own that has no network at all.
fn without_network(command: &Command) -> Result<bool, StageError> {
    let mut cut = Command::new("unshare");
    cut.args(["--user", "--map-current-user", "--net", "--"])
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            cut.env(name, value);
        }
    }
    Ok(cut.output()?.status.success())
}
