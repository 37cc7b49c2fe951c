//! The dispense ledger (crypto profile, part 12).
//!
//! An entry is what its steps have made of it: [`entry::Entry::after`] is the one place where a step
//! changes anything, both when it is decided and when a store is verified. Whether a step may be
//! made is decided here.

pub mod entry;

mod acts;
mod decide;

pub(crate) use decide::decide;
