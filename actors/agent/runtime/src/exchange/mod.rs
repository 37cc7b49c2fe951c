//! People whose mailbox is at another hospital, reached by way of home.
//!
//! ```text
//! what is to be said -> sealed for the person -> sealed for the other domain -> one's outbox at home
//! what became of it  <- opened with the key that was made for this one answer <- the outbox
//! ```
//!
//! Two people write to each other's personal mailboxes ([`said`]), so what is said between them is at
//! home. What one of them shows the other lies in a shared mailbox at the home of whoever shows it:
//! the reader follows it ([`follow`]) and writes into it ([`write`]) by way of his own home. An
//! invitation's offer is read over there once ([`look`]), and what a document has of files there is
//! fetched piece by piece ([`file`]).
//!
//! An entry of the agent's outbox stays until the *other* domain's answer is here, and its bytes and
//! the key of its answer are in the vault before anything leaves: whatever is killed, the same
//! request goes again, and what it asks carries the id by which the other side knows it.

pub(crate) mod facts;
pub(crate) mod file;
pub(crate) mod follow;
mod ledger;
mod look;
mod news;
mod pass;
pub(crate) mod record;
mod said;
mod tend;
mod write;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests;

/// The largest message for somebody at another domain, bytes: sealed for the domain it takes the next
/// size, and the one above does not lie in an outbox.
pub(crate) const LARGEST_ELSEWHERE: usize = 512 * 1024;
