//! The demo: the whole idea as a story, told by the real binaries on this machine.
//!
//! **What it does.** Starts a relay as a process, lets five parties use the command line, kills
//! the relay under load, tries every key on every stolen ciphertext, and searches every byte of
//! the relay for what the patient's record says.
//!
//! **What it deliberately does not know.** How to repair anything: a line that does not hold
//! says FAILED, what was expected and where the evidence lies.
//!
//! **Where to start.** [`story`], then one file per act.
//!
//! **What always holds.** Every figure printed was measured in this run.

pub mod acts;
pub mod admission;
pub mod browser;
pub mod flows;
pub mod page;
pub mod planted;
pub mod scopes;
pub mod search;
pub mod stage;
pub mod stolen;
pub mod story;
pub mod visitor;
