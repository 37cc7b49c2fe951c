//! Everything that is sealed for others: MLS groups of shared mailboxes, deposits into personal
//! ones, key packages, answers to invitations.
//!
//! **What it does.** Founds and joins groups, seals and opens messages, stages and judges
//! commits and rewinds, derives the keys that an epoch has at the relay. Sole user of openmls.
//!
//! **What it deliberately does not know.** No network, no disk, no async; no clock of its own
//! (openmls alone looks at the machine's when it meets a key package's lifetime). Nothing of
//! documents, grants or who trusts whom: the caller resolves identities and gives the
//! team's policy.
//!
//! **Where to start.** [`session::GroupSession`] for a group, [`state`] for how its state is
//! read and written, [`verdict::Received`] for what may come of an event, [`deposit`] and
//! [`package`] for what goes to one person.
//!
//! Groups may stay in memory between operations ([`held::HeldGroups`]); the store decides whether
//! what is there still counts.
//!
//! **What always holds.** An operation gives a [`state::Step`]: output and difference, released
//! together or not at all; a dropped step never happened. No ciphertext leaves before the state
//! that made it is written. A commit is merged only in the mailbox's order and only after the
//! whole void rule. Only private messages count; external commits, joins and pre-shared keys are
//! off everywhere. The AAD is empty. What others do wrong is an outcome, never an error.

mod attribution;
mod codec;
mod config;
mod examine;
mod overlay;
mod record;
mod shape;
mod storage;
mod verify;

pub mod access;
pub mod binding;
pub mod commit;
pub mod deposit;
pub mod error;
pub mod found;
pub mod held;
pub mod invite;
pub mod join;
pub mod limits;
pub mod member;
pub mod message;
pub mod package;
pub mod policy;
pub mod receive;
pub mod rewind;
pub mod session;
pub mod state;
pub mod suite;
pub mod verdict;

#[cfg(test)]
mod tests;

pub use access::{EpochKeys, epoch_keys};
pub use binding::Binding;
pub use commit::{CommitPlan, StagedOut};
pub use error::{SessionError, StateError};
pub use found::{Founded, Founding};
pub use held::HeldGroups;
pub use join::{Expectation, JoinError, Joined, WelcomeLetter};
pub use member::{Member, MemberKeys, Seat};
pub use message::SealedEvent;
pub use package::{NewPackage, PackageAddress, PackageHandle, PackageRules, VerifiedPackage};
pub use policy::{Change, Forbidden, TeamPolicy};
pub use receive::Incoming;
pub use rewind::{RewindPlan, StagedRewind};
pub use session::{GroupSession, PendingCommit, Standing};
pub use state::{Layered, MlsStateRead, StateDiff, StateUnreadable, Step};
pub use suite::Suite;
pub use verdict::{Lost, Message, Moved, Received, Void, VoidReason};
