//! Large content: sealed in chunks, named by the hash of its ciphertext, and kept by relays
//! beside the order.
//!
//! An event carries a reference (address, length, key) inside its seal; the ciphertext itself is
//! put and fetched directly. Because its name is its hash it needs no order, and whoever has it
//! can give it to a relay that lost it.

pub mod call;
pub mod chunk;
pub mod tree;
