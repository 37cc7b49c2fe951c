//! Act 5: who can open what. Every party, every document; then every key on every stolen ciphertext.

use std::collections::{BTreeMap, BTreeSet};

use super::cast::Cast;
use super::sharing::NOTE;
use crate::page::Page;
use crate::scopes;
use crate::stage::{Person, StageError};
use crate::stolen;
use serde_json::Value;
use telesphor_chaos::relay::Relay;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::Event;

/// Columns of the matrix beside what is shared: other scopes of the record, what the monitor
/// streams, and the doctor's note.
const OTHERS: [&str; 6] = ["medication", "psychiatry", PRIVATE, "billing", "vitals", "note"];

/// Documents of sensitive scopes that have no column of their own.
const PRIVATE: &str = "private";

/// What the grants say: rows by profile.
fn granted(cast: &Cast, profile: &str, column: &str) -> bool {
    match profile {
        "aino" => true,
        "dr-virtanen" => column == "note" || cast.shared.iter().any(|s| s == column),
        _ => false,
    }
}

/// Compares what can be opened with what was granted.
///
/// # Errors
/// [`StageError`].
pub async fn play(
    page: &mut Page,
    cast: &Cast,
    relay: &Relay,
    loot: &[(MailboxId, Event)],
) -> Result<(), StageError> {
    page.section("Who can open what   (every party, every document)");
    let columns = columns(cast)?;
    let mut shown = names(cast);
    shown.retain(|c| *c != PRIVATE || !columns[c].is_empty());
    let header: String = shown.iter().map(|c| format!("{c:<12}")).collect();
    page.line(&format!("   {:<18}{}", "", header.trim_end()));
    let (mut right, mut cells) = (0, 0);
    for person in [
        &cast.aino,
        &cast.doctor,
        &cast.monitor,
        &cast.board,
        &cast.mallory,
    ] {
        let held = held(person)?;
        let mut row = String::new();
        for &column in &shown {
            let wanted = &columns[column];
            let opened = wanted.intersection(&held).count();
            let expected = if granted(cast, person.profile, column) {
                wanted.len()
            } else {
                0
            };
            cells += 1;
            right += usize::from(opened == expected);
            row.push_str(&format!("{:<12}", mark(opened, wanted.len())));
        }
        page.line(&format!("   {:<18}{}", person.name, row.trim_end()));
    }
    let by_relay = stolen::with_relay_keys(relay.data(), loot)?;
    let row: String = shown
        .iter()
        .map(|_| format!("{:<12}", mark(by_relay, loot.len())))
        .collect();
    page.line(&format!("   {:<18}{}", "The relay", row.trim_end()));
    cells += shown.len();
    right += if by_relay == 0 { shown.len() } else { 0 };
    page.must(
        right == cells,
        "Matrix",
        &format!("{right} of {cells} cells equal the list of grants"),
        "every cell to equal what was granted, no more and no fewer",
    );
    let mut opened = vec![("the relay", by_relay)];
    for person in [&cast.board, &cast.mallory] {
        let agent = stolen::vault_of(person).await?;
        let n = agent
            .try_keys(loot.to_vec())
            .await
            .map_err(|e| StageError::Answer {
                field: e.to_string(),
                what: "trying keys".to_owned(),
            })?;
        agent.close().await;
        opened.push((person.name.as_str(), n));
    }
    let none = opened.iter().all(|(_, n)| *n == 0);
    let words: Vec<String> = opened
        .iter()
        .map(|(name, n)| format!("{name} opened {n}"))
        .collect();
    page.must(
        none && !loot.is_empty(),
        "With the disk",
        &format!(
            "every key of theirs on {} stolen ciphertexts: {}",
            loot.len(),
            words.join(", ")
        ),
        "nobody without a grant opens any",
    );
    Ok(())
}

fn mark(opened: usize, of: usize) -> String {
    match opened {
        _ if of == 0 => "-".to_owned(),
        0 => ".".to_owned(),
        n if n == of => "x".to_owned(),
        n => format!("{n}/{of}"),
    }
}

/// The columns: what is shared first, so that a document of two scopes stands under that.
fn names(cast: &Cast) -> Vec<&str> {
    let mut shared: Vec<&str> = cast.shared.iter().map(String::as_str).collect();
    shared.sort_unstable();
    let others = OTHERS.into_iter().filter(|c| !shared.contains(c));
    let others: Vec<&str> = others.collect();
    [shared, others].concat()
}

/// The documents of each column. A document with a sensitive scope stands under that one, because
/// it is shown only to somebody who may see all of those; another one under what was shared.
fn columns(cast: &Cast) -> Result<BTreeMap<&str, BTreeSet<String>>, StageError> {
    let names = names(cast);
    let mut columns: BTreeMap<&str, BTreeSet<String>> = names.iter().map(|c| (*c, BTreeSet::new())).collect();
    for document in &cast.documents {
        let own: Vec<&str> = scopes::of(document).collect();
        let column = match own.contains(&"psychiatry") {
            true => Some("psychiatry"),
            false if scopes::is_sensitive(document) => Some(PRIVATE),
            false => names.iter().copied().find(|c| own.contains(c)),
        };
        if let (Some(column), Some(id)) = (column, document["id"].as_str()) {
            columns.entry(column).or_default().insert(id.to_owned());
        }
    }
    for document in cast.aino.json(&["inbox"])? {
        if let (true, Some(id)) = (document["title"] == NOTE, document["id"].as_str()) {
            columns.entry("note").or_default().insert(id.to_owned());
        }
    }
    Ok(columns)
}

/// The documents whose text this person's program gives out.
fn held(person: &Person) -> Result<BTreeSet<String>, StageError> {
    let mut held = BTreeSet::new();
    let output = person.attempt(&["--json", "list"])?;
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Ok(document) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        if let Some(id) = document["id"].as_str() {
            held.insert(id.to_owned());
        }
    }
    Ok(held)
}
