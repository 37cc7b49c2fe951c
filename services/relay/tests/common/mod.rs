//! A relay as a process of its own, and a small client that speaks to it over real sockets.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    dead_code,
    unused_imports,
    unreachable_pub
)]

pub mod client;
pub mod mailbox;
pub mod process;

pub use client::{Client, Wire};
pub use mailbox::Personal;
pub use process::Relay;

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix milliseconds.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

/// An instant at which a command made now still counts.
pub fn soon() -> u64 {
    now() + 3_600_000
}
