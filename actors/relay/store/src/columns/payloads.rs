//! Payloads: the ciphertexts, in blob files beside the tree, so that compaction moves 40-byte
//! keys and not the payloads. Gone once erased or let go; their hashes stay with the events.
//!
//! ```text
//! key    as for events: mailbox 32 | seq 8
//! value  the ciphertext as it came
//! ```

pub(crate) const NAME: &str = "payloads";

/// Ranges up to this length are deleted one by one: a range tombstone is dearer to every
/// reader than a few plain ones.
pub(crate) const RANGE_FROM: u64 = 128;
