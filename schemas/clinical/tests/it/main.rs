//! Tests of the words inside the seal, as one program.
#![allow(clippy::unwrap_used, clippy::print_stderr, unreachable_pub)]

#[path = "../support/vectors.rs"]
mod support;

mod acts;
mod choices;
mod documents;
mod fields;
mod intake;
mod lab;
mod prescriptions;
mod presentations;
mod real_fhir;
mod rosters;
mod scans;
mod sd_jwt;
mod vectors;
mod words;
