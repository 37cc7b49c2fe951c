//! People whose mailbox is at another hospital, reached by way of home.
//!
//! ```text
//! what is to be said -> sealed for the person -> sealed for the other domain -> one's outbox at home
//! what became of it  <- opened with the key that was made for this one answer <- the outbox
//! ```
//!
//! Nobody reads a shared mailbox at another hospital: two people there write to each other's
//! personal mailboxes ([`said`]), so everything that comes is at home. Only an invitation's offer is
//! read over there, once ([`look`]).
//!
//! An entry of the agent's outbox stays until the *other* domain's answer is here, and its bytes and
//! the key of its answer are in the vault before anything leaves: whatever is killed, the same
//! request goes again, and what it asks carries the id by which the other side knows it.

pub(crate) mod facts;
mod ledger;
mod look;
mod news;
mod pass;
pub(crate) mod record;
mod said;
mod tend;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests;
