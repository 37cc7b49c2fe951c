//! The functions behind the fuzz targets.
//!
//! **What it does.** One function for every parser that meets bytes from outside.
//! **What it does not know.** How the bytes are made: libFuzzer makes them here, and
//! `mutate.rs` a short, always equal round of them in the crates' own tests.
//! **Where to start.** [`wire`]. **What always holds.** No function panics unless a parser is wrong.

pub mod clinical;
pub mod identity;
pub mod sealing;
pub mod vault;
pub mod wire;
