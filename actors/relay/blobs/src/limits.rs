//! Bounds of one relay's blobs.

/// Mailboxes that keep or show one blob.
pub const MAX_USES: usize = 4_096;
/// Blobs that one mailbox keeps or is being given.
pub const MAX_BLOBS_PER_MAILBOX: u64 = 65_536;
/// Blobs that one mailbox is being given at once.
pub const MAX_PARTS_PER_MAILBOX: usize = 64;
/// Blobs being put or given at once over the whole relay. More are answered with 3062.
pub const STREAMS: usize = 64;
/// Of those, how many of one mailbox, so that nobody's files hold up all others'.
pub const STREAMS_PER_MAILBOX: usize = 16;
/// Chunks of one of them between the disk and the connection.
pub const CHUNKS_AHEAD: usize = 4;
/// What was begun and not gone on with for so long is dropped, milliseconds (7 days).
pub const PART_LIFE_MS: u64 = 7 * 24 * 3600 * 1000;
/// In a cluster it is remembered for so long that a mailbox keeps a blob no more, milliseconds (30
/// days). A relay that was away for longer must be replaced.
pub const ENDED_LIFE_MS: u64 = 30 * 24 * 3600 * 1000;
/// Cards in one answer to another relay, bytes.
pub const CARDS_BYTES: usize = 256 << 10;
