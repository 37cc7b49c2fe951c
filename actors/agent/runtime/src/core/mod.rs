//! The agent's state and the one writer that changes it.
//!
//! [`Core`] owns the vault and a small index of what is under way. Every change runs in
//! [`Core::write`]: one vault transaction with a [`Ctx`], whose effects on the index are
//! applied only after the transaction is on the disk. A crash between the two costs nothing:
//! the index is built from the vault again at the next start.

pub(crate) mod ctx;
pub(crate) mod index;
pub(crate) mod names;
pub(crate) mod profile;
pub(crate) mod records;
pub(crate) mod shared;
pub(crate) mod verified;
pub(crate) mod windows;

pub(crate) use ctx::Ctx;
pub(crate) use profile::Profile;
pub(crate) use shared::{Core, Shared};
