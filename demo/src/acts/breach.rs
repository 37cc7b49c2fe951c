//! Act 6: the relay is stolen. Every byte it ever wrote or holds is searched for what was planted.

use std::io;

use super::cast::Cast;
use crate::page::{Page, size};
use crate::search::{Found, Searcher};
use crate::stage::{Person, StageError};
use telesphor_chaos::relay::Relay;

/// Searches the relay's disk, log, metrics and memory, and as a control the patient's own export.
///
/// # Errors
/// [`StageError`] if something could not be searched: what was not searched proves nothing.
pub fn play(page: &mut Page, cast: &Cast, relay: &Relay) -> Result<(), StageError> {
    drill(page, relay, &cast.planted, &cast.aino)
}

/// The same for other strings, with the export of somebody who can read all of them as a control.
///
/// # Errors
/// As [`play`].
pub fn drill(page: &mut Page, relay: &Relay, planted: &[String], reader: &Person) -> Result<(), StageError> {
    page.section("Breach drill: the relay is stolen");
    let searcher = Searcher::new(planted)?;
    page.fact(
        "Looked for",
        &format!(
            "{} planted strings: names, medicines, diagnoses, identifiers; as text, hex, Base64, UTF-16",
            planted.len()
        ),
    );
    let mut found = Found::default();
    found.add(searcher.folder(relay.data())?);
    found.add(searcher.file(relay.log())?);
    found.add(searcher.bytes(relay.get("/metrics")?.as_bytes(), "the metrics page"));
    let pid = relay
        .pid()
        .ok_or_else(|| io::Error::other("the relay does not run"))?;
    found.add(searcher.memory(pid)?);
    page.must(
        found.strings.is_empty(),
        "Relay",
        &format!(
            "{} of database, log, metrics, memory image      found: {}",
            size(found.bytes),
            found.strings.len()
        ),
        &format!("0; first places: {}", found.places.join("; ")),
    );

    let export = reader.home().join("export");
    reader.run(&["export", &export.to_string_lossy()])?;
    let control = searcher.folder(&export)?;
    page.must(
        control.strings.len() == planted.len(),
        "Control",
        &format!(
            "the same search in Aino's opened export              found: {}",
            control.strings.len()
        ),
        &format!("all {}", planted.len()),
    );
    page.line("   What the thief does learn: how many events, how large, when, from which address.");
    Ok(())
}
