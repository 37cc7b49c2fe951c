//! The rules as a whole.
//!
//! One program for all of them: each of its own would be linked against everything anew.

#[path = "../support/mod.rs"]
mod support;

mod ledger;
mod reading;
mod stories;
mod totality;
