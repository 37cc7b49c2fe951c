//! Fixed values that the tests, the frozen vectors and the documentation share.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

pub mod catalogue;
pub mod samples;
pub mod transcript;
pub mod vectors;

use std::path::PathBuf;

/// The top of the repository.
pub fn repo() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Public test data beside the repository, where somebody has put it.
pub fn data(path: &str) -> Option<String> {
    std::fs::read_to_string(repo().join("../shared/data").join(path)).ok()
}
