//! The store as a whole: against the model of the rules, over restarts, failures and erasure.
#![allow(unreachable_pub, clippy::unwrap_used)]

#[path = "../../../rules/tests/support/mod.rs"]
mod support;

mod ahead;
mod at;
mod backup;
mod crash;
mod erase;
mod failing;
mod ledger;
mod order;
mod part;
mod stories;
