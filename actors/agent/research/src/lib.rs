//! Numbers that nobody sees one by one, and vouchers that nobody recognises.
//!
//! **What it does.** Cuts numbers into two halves, checks halves between two who add up, adds
//! noise, puts two sums together (Prio3 of the VDAF draft, by the `prio` library). Blinds, signs and
//! checks vouchers (RFC 9474, by `blind-rsa-signatures`). Bytes in, bytes out.
//!
//! **What it deliberately does not know.** Whose numbers they are, what they mean, where anything is
//! stored, how it travels, what time it is.
//!
//! **Where to start.** [`halves`] for the three parties of a sum, [`voucher`] for the other thing.
//!
//! **What always holds.** Neither half tells anything by itself. Halves that make no number of the
//! agreed shape are refused before they are added. A sum leaves a party only with noise, and only of
//! [`halves::LEAST_BATCH`] numbers or more.

pub mod halves;
pub mod voucher;
