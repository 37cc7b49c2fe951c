//! What a thief of the relay's disk holds: every ciphertext, read from a checkpoint copy.

use std::path::Path;
use telesphor_agent::{Agent, Key, Passphrase};
use telesphor_rules::facts::DomainFacts;
use telesphor_rules::read::ReadSpan;
use telesphor_store::{Store, StoreConfig, StoreError};
use telesphor_wire::canonical;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::labels::HpkeLabel;
use telesphor_wire::limits::MAX_PAYLOAD_BYTES;
use telesphor_wire::mailbox::Event;
use telesphor_wire::seal::{self, Sealed, SealingKey};
use telesphor_wire::sign::PublicKey;
use telesphor_wire::text;

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

/// The relay's own keys, as its thief finds them.
const RELAY_KEYS: [(&str, &str); 4] = [
    ("domain.key", "tskdomain"),
    ("attesting.key", "tskattest"),
    ("admission.key", "tskadmit"),
    ("sealing.key", "tskseal"),
];

/// Tries every key the relay has, in every way a key can be used, and gives how many ciphertexts open.
///
/// # Errors
/// If a key file is not there: a drill without its keys proves nothing.
pub fn with_relay_keys(data: &Path, stolen: &[(MailboxId, Event)]) -> Result<usize, StageError> {
    let mut seeds = Vec::new();
    for (file, prefix) in RELAY_KEYS {
        let line = std::fs::read_to_string(data.join("keys").join(file))?;
        let bytes = text::decode(prefix, "key", line.trim())
            .ok()
            .and_then(|b| <[u8; 32]>::try_from(b).ok())
            .ok_or_else(|| StageError::Answer {
                field: file.to_owned(),
                what: "the relay's keys".to_owned(),
            })?;
        seeds.push(Secret::new(bytes));
    }
    let opens = |mailbox: &MailboxId, payload: &[u8]| {
        seeds.iter().any(|seed| {
            let sealed = canonical::decode_bounded::<Sealed>(payload, MAX_PAYLOAD_BYTES);
            let private = SealingKey::from_seed(seed.clone());
            let hpke = sealed.is_ok_and(|sealed| {
                HpkeLabel::ALL
                    .iter()
                    .any(|label| private.open(*label, &mailbox.0, &sealed).is_ok())
            });
            hpke || seal::open(seed, &mailbox.0, payload).is_ok() || seal::open(seed, &[], payload).is_ok()
        })
    };
    let opened = stolen
        .iter()
        .filter_map(|(m, e)| e.payload.as_ref().map(|p| (m, p)));
    Ok(opened
        .filter(|(mailbox, payload)| opens(mailbox, payload))
        .count())
}
