//! What a thief of the relay's disk holds: every ciphertext, read from a checkpoint copy.

use std::path::Path;
use telesphor_agent::{Agent, Key, Passphrase};
use telesphor_rules::facts::DomainFacts;
use telesphor_rules::read::ReadSpan;
use telesphor_store::{Store, StoreConfig, StoreError};
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::Event;
use telesphor_wire::sign::PublicKey;

use crate::stage::{Person, StageError};

/// Whole mailboxes, whatever the rules would show.
const EVERYTHING: ReadSpan = ReadSpan {
    after: 0,
    to: u64::MAX,
    handshake_only: false,
    not_before: 0,
};
const PAGE_BYTES: usize = 4 << 20;
const PAGE_EVENTS: usize = 1024;

/// Every event of these mailboxes, from a checkpoint, which is opened as a store of its own at `opened`.
///
/// # Errors
/// [`StoreError`] if the copy cannot be read.
pub fn events(
    checkpoint: &Path,
    opened: &Path,
    facts: DomainFacts,
    mailboxes: &[MailboxId],
) -> Result<Vec<(MailboxId, Event)>, StoreError> {
    Store::restore(checkpoint, opened, StoreConfig::new(facts.clone()))?;
    let store = Store::open(opened, StoreConfig::new(facts))?;
    let reader = store.reader();
    let mut all = Vec::new();
    for mailbox in mailboxes {
        let mut after = 0;
        loop {
            let page = reader.events(mailbox, after, &EVERYTHING, PAGE_BYTES, PAGE_EVENTS)?;
            let Some(last) = page.events.last() else { break };
            after = last.header.seq;
            all.extend(page.events.into_iter().map(|event| (*mailbox, event)));
        }
    }
    Ok(all)
}

/// What a relay knows of its domain, from its public record.
pub fn facts(record: &telesphor_wire::domain::DomainRecord, partitions: u16) -> DomainFacts {
    let admission: PublicKey = record.admission;
    DomainFacts {
        domain: record.domain.clone(),
        admission,
        partitions,
    }
}

/// Somebody's vault, opened without a connection.
///
/// # Errors
/// If the passphrase or the vault is not what it was.
pub async fn vault_of(person: &Person) -> Result<Agent, StageError> {
    let passphrase = std::fs::read_to_string(person.passphrase_file())?;
    let passphrase = Passphrase::new(passphrase.lines().next().unwrap_or_default().to_owned());
    Agent::open_with(&person.folder(), Key::Passphrase(passphrase), false)
        .await
        .map_err(|e| StageError::Answer {
            field: e.to_string(),
            what: person.profile.to_owned(),
        })
}
