//! Attestations: given, held, shown, and whose word is accepted.

pub(crate) mod proofs;
pub(crate) mod verdict;
