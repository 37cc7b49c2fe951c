//! A mailbox's rules: what is refused, what is accepted, and what follows from it.
//!
//! **What it does.** [`decide`] takes what is known (facts), one submission and the time of
//! the order, and answers with a refusal, a memory of the first time, or the effects to be
//! written. [`read::may_read`] says, at each delivery, what a holder of a right may fetch.
//!
//! **What it deliberately does not know.** Clocks, disks, networks, randomness, actors. Time
//! enters as data. Nothing is signed here; signatures are only verified.
//!
//! **Where to start.** [`state`] for what a mailbox remembers, [`decide`] for the order of
//! the checks, then one file per command.
//!
//! **What always holds.** Every function is total and deterministic: the same facts, command
//! and time give the same decision on every replica, and no input makes them panic. A refusal
//! changes nothing. A sequence has no gaps, an epoch never goes back within a branch, at most
//! one commit ends an epoch, and one id has at most one effect.

pub mod blobs;
pub mod class;
pub mod clock;
mod commit;
mod deposit;
pub mod effects;
mod enrol;
pub mod exchange;
pub mod facts;
pub mod ledger;
mod open;
mod owner;
mod packages;
pub mod prepared;
pub mod read;
pub mod records;
mod retain;
mod rewind;
mod settings;
pub mod state;

mod decide;
mod event;

pub use decide::{decide, home};

/// The versions of the rules that this program can decide by. Whatever makes another decision of the same facts,
/// command and time is another version: it is decided by only once all relays of a cluster know it, so a program
/// knows the one before, too.
pub const VERSIONS: std::ops::RangeInclusive<u16> = 1..=1;
