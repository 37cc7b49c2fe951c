//! The vault over restarts, damage and erasure.
//!
//! One program for all of them: each of its own would be linked against everything anew.

#[path = "../common/mod.rs"]
mod common;

mod damage;
mod erasure_and_backup;
mod everyday;
