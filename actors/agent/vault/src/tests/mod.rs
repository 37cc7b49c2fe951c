//! Tests that need the seams inside: a disk that fails at a chosen moment.
#![allow(clippy::unwrap_used)]

mod crash;
mod lying_disk;
