//! A small world for tests: keys, mailboxes, commands, and facts kept in memory.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

pub mod commands;
pub mod ledger;
pub mod model;
pub mod story;

use telesphor_rules::facts::DomainFacts;
use telesphor_wire::hash::{Secret, hash_bytes};
use telesphor_wire::ids::{CommandId, MailboxId, Voucher};
use telesphor_wire::labels::HashLabel;
use telesphor_wire::sign::SigningKey;

/// An instant to begin with, Unix milliseconds.
pub const NOW: u64 = 1_800_000_000_000;
/// One day, milliseconds.
pub const DAY: u64 = 24 * 3600 * 1000;

fn bytes(name: &str, n: u64) -> [u8; 32] {
    hash_bytes(HashLabel::Stamp, format!("{name} {n}").as_bytes()).0
}

/// A key that is the same in every run.
pub fn key(name: &str, n: u64) -> SigningKey {
    SigningKey::from_seed(&Secret::new(bytes(name, n)))
}

/// A mailbox id that is the same in every run.
pub fn mailbox(n: u64) -> MailboxId {
    MailboxId(bytes("mailbox", n))
}

/// A command id that is the same in every run.
pub fn command(n: u64) -> CommandId {
    CommandId(bytes("command", n))
}

/// A voucher or token that is the same in every run.
pub fn voucher(n: u64) -> Voucher {
    Voucher(bytes("voucher", n))
}

/// The key that signs vouchers.
pub fn admission() -> SigningKey {
    key("admission", 0)
}

/// A domain with this many partitions.
pub fn domain(partitions: u16) -> DomainFacts {
    DomainFacts {
        domain: "clinic.example".parse().unwrap(),
        admission: admission().public(),
        partitions,
    }
}
