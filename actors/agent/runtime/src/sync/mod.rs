//! Staying in step with the relay: one task, one connection, one writer.
//!
//! [`pump`] lives as long as the agent; each of its lives is one connection ([`life`]). What
//! comes is handed to the core, what is ready is taken from it. Nothing is kept here that
//! matters: a killed agent goes on from the vault.

pub(crate) mod answers;
mod crowd;
mod domain;
mod duties;
pub(crate) mod events;
mod fence;
mod follow;
pub(crate) mod life;
pub(crate) mod pump;
pub(crate) mod records;
pub(crate) mod reoffer;
pub(crate) mod seal;
