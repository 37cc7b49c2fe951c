//! Attestations: given, held, shown, and whose word is accepted.

pub(crate) mod give;
pub(crate) mod parts;
pub(crate) mod proofs;
mod renew;
pub(crate) mod show;
pub(crate) mod trust;
pub(crate) mod verdict;
