//! The words outside the seal: everything a relay may see, and nothing else.
//!
//! **What it does.** Identifiers, mailboxes, commands, answers, receipts, session frames;
//! their one canonical byte form; the hashes, signatures and seals over them; the limits
//! and error codes both sides share.
//!
//! **What it deliberately does not know.** Anything readable: no document, no name, no MLS.
//! No clock, no network, no disk.
//!
//! **Where to start.** [`mailbox`] for what is kept, [`command`] for what can be asked,
//! [`receipt`] for what a relay promises, [`session`] for how a connection runs.
//!
//! **What always holds.** One value has one byte form ([`canonical`]). One purpose has one
//! label ([`labels`]) and one type ([`sign::Signed`]). Every structure that is signed or
//! hashed can grow ([`ext`]). No hash is shortened. Nothing secret or readable has a
//! `Debug` form.

#[macro_use]
pub mod tagged;

pub mod admission;
pub mod answer;
pub mod batch;
pub mod blob;
pub mod bytes;
pub mod canonical;
pub mod command;
pub mod domain;
pub mod error;
pub mod ext;
pub mod forward;
pub mod hash;
pub mod ids;
pub mod jws;
pub mod labels;
pub mod ledger;
pub mod limits;
mod list;
pub mod mailbox;
pub mod padding;
pub mod passing;
pub mod receipt;
pub mod records;
pub mod seal;
pub mod session;
pub mod sign;
pub mod text;
