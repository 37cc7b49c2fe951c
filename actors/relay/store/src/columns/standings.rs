//! What a member of a cluster stands by in each partition: its promise, and what it follows.
//!
//! ```text
//! key    partition 2
//! value  as the order wrote it
//! ```

pub(crate) const NAME: &str = "standings";

pub(crate) use super::cursors::key;
