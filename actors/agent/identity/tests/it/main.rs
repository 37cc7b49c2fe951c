//! Tests of identities and verdicts, as one program.
#![allow(clippy::unwrap_used, unreachable_pub)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../support/vectors.rs"]
mod support;

mod claims;
mod history;
mod kit;
mod mandates;
mod people;
mod recovery;
mod scene;
mod shown;
mod vectors;
mod verify;
