//! The engine over a real store.
//!
//! One program for all of them: each of its own would be linked against everything anew.

#[path = "../yard/mod.rs"]
mod yard;

mod answers;
mod away;
mod behind;
mod delivery;
mod fencing;
mod keeping;
mod records;
mod sessions;
