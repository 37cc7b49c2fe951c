//! Identifiers: 32 bytes each, random or hashed, never shortened.

use crate::bytes::bytes32;

#[allow(clippy::expect_used)]
pub(crate) fn random32() -> [u8; 32] {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes)
        .expect("the operating system gives randomness, or nothing here is safe to do");
    bytes
}

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        bytes32! { $(#[$doc])* $name }
        impl $name {
            /// A fresh random id.
            pub fn random() -> Self {
                Self(random32())
            }
        }
    };
}

random_id! {
    /// A mailbox: random, and says nothing of who owns it.
    MailboxId
}
random_id! {
    /// Chosen by the sender of a command; makes a retry harmless. Scoped to (mailbox, key).
    CommandId
}
random_id! {
    /// A number used once, bound into a session proof.
    Nonce
}
random_id! {
    /// Names one life of a relay's store. A restored store has a new one, so that agents
    /// notice and offer again what the backup had not yet seen.
    Incarnation
}
random_id! {
    /// An admission token or opening voucher: whoever knows it may spend it, once.
    Voucher
}

bytes32! {
    /// An entry of the dispense ledger: `H("rx-entry", ..)` ([`crate::ledger::EntryStatement`]).
    EntryId
}

impl EntryId {
    /// Where it lies in the order and in receipts: as a mailbox of this id would. What is hashed
    /// there keeps the two apart.
    pub const fn place(&self) -> MailboxId {
        MailboxId(self.0)
    }
}

bytes32! {
    /// An identity: `H("identity", inception)`.
    IdentityId
}
bytes32! {
    /// A signed document: `H("document-id", statement)`. Exists only inside seals.
    DocumentId
}

/// A slice of a relay's mailboxes, by hash of the mailbox id: the unit of ordering.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct PartitionId(pub u16);

impl PartitionId {
    /// The partition a mailbox lives in, of `count` (ids are random, so their first bytes spread evenly).
    pub fn of(mailbox: &MailboxId, count: u16) -> Self {
        let n = u32::from_be_bytes([mailbox.0[0], mailbox.0[1], mailbox.0[2], mailbox.0[3]]);
        Self((n % u32::from(count.max(1))) as u16)
    }
}
