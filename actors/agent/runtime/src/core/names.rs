//! Names of records and lists in the vault, in one place.

use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};

pub(crate) const PROFILE: &[u8] = b"profile";
pub(crate) const OUTBOX: &[u8] = b"out";
pub(crate) const DOCUMENTS: &[u8] = b"documents";
pub(crate) const SENT: &[u8] = b"sent";
pub(crate) const LOG: &[u8] = b"log";
/// What a relay noted of fetches from own mailboxes.
pub(crate) const DELIVERIES: &[u8] = b"deliveries";
/// Nonces of this device's connections.
pub(crate) const OWN_SESSIONS: &[u8] = b"own-sessions";
/// A device that asked to be let in and was not yet.
pub(crate) const JOINING: &[u8] = b"joining";
pub(crate) const VOUCHERS: &[u8] = b"vouchers";
pub(crate) const ARCHIVE: &[u8] = b"archive";
/// When the relay was last met in another life.
pub(crate) const RESTORED: &[u8] = b"relay-restored";
pub(crate) const KEYS: &[u8] = b"keys";
pub(crate) const INBOX: &[u8] = b"inbox-kept";
pub(crate) const INTAKE_KEYS: &[u8] = b"intake-keys";

fn joined(prefix: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut name = prefix.to_vec();
    for part in parts {
        name.extend_from_slice(part);
    }
    name
}

/// Who announced which pseudonym in a mailbox.
pub(crate) fn pseudonym(mailbox: &MailboxId, key: &[u8; 32]) -> Vec<u8> {
    joined(b"pseudonym/", &[&mailbox.0, key])
}

/// This device was in a mailbox's group in that epoch, so it has heard who announced what.
pub(crate) fn was_in(mailbox: &MailboxId, branch: u32, epoch: u64) -> Vec<u8> {
    joined(
        b"was-in/",
        &[&mailbox.0, &branch.to_be_bytes(), &epoch.to_be_bytes()],
    )
}

/// How far the delivery records of a mailbox were read.
pub(crate) fn records_at(mailbox: &MailboxId) -> Vec<u8> {
    joined(b"records-at/", &[&mailbox.0])
}

/// How far one document has come with one recipient.
pub(crate) fn sent(document: &DocumentId, to: &IdentityId) -> Vec<u8> {
    joined(b"sent/", &[&document.0, &to.0])
}

/// In which room a contact showed a document.
pub(crate) fn came_in(document: &DocumentId) -> Vec<u8> {
    joined(b"came-in/", &[&document.0])
}

/// Where a document stands in a room of one's own.
pub(crate) fn place(mailbox: &MailboxId, document: &DocumentId) -> Vec<u8> {
    joined(b"place/", &[&mailbox.0, &document.0])
}

/// A stamp whose evidence is not whole yet, by the hash of its payload.
pub(crate) fn stamp(payload: &Digest) -> Vec<u8> {
    joined(b"stamp/", &[&payload.0])
}

/// Who has a document and waits for the evidence of its time.
pub(crate) fn unstamped(document: &DocumentId) -> Vec<u8> {
    joined(b"unstamped/", &[&document.0])
}

/// Ciphertext read from or written to a mailbox, kept for the time of repeats.
pub(crate) fn archive(mailbox: &MailboxId) -> Vec<u8> {
    joined(ARCHIVE, &[&mailbox.0])
}

/// Chain hashes of a mailbox by position, for the time of repeats.
pub(crate) fn chain(mailbox: &MailboxId) -> Vec<u8> {
    joined(b"chain/", &[&mailbox.0])
}
