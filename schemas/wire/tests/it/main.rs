//! Tests of the words outside the seal, as one program.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

#[path = "../support/mod.rs"]
mod support;

mod blobs;
mod canonical;
mod documents;
mod forward;
mod fuzz_round;
mod growth;
mod malformed;
mod msgpack;
mod padding;
mod receipts;
mod records;
mod sealing;
mod signing;
mod text;
mod vectors;
