//! The rules of the house, kept as tests.
//!
//! **What it does.** Holds the repository to what its pages claim: which crate may know
//! which, that the relay's side reaches nothing readable, how large a file may grow.
//!
//! **What it deliberately does not know.** What the product does.
//!
//! **Where to start.** `tests/wall.rs` for the two families, `tests/rooms.rs` for style.
//!
//! **What always holds.** Every rule prints what to do when it is broken.
