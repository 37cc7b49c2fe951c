//! What was ordered and is remembered, decided or not: for a member of a cluster alone.
//!
//! ```text
//! key    partition 2 | position 8
//! value  as the order wrote it
//! ```

pub(crate) const NAME: &str = "ordered";

pub(crate) use super::batches::key;
