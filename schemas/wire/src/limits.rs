//! Every bound of the protocol, in one place.
//!
//! A limit here is part of the protocol: both sides refuse what exceeds it, before they
//! parse or store it. Bounds of one relay's queues live in that relay's own `limits.rs`.

/// Protocol version this crate speaks.
pub const PROTOCOL_VERSION: u16 = 1;

/// One chunk of a blob's ciphertext, bytes; the last one may be shorter.
pub const BLOB_CHUNK_BYTES: u64 = 256 * 1024;
/// The ciphertext of one blob, bytes (4 GiB).
pub const MAX_BLOB_BYTES: u64 = 4 << 30;
/// Chunks of one blob.
pub const MAX_BLOB_CHUNKS: usize = 16_384;
/// Chunks that are put or got with one call (64 MiB).
pub const MAX_CHUNKS_PER_CALL: u32 = 256;
/// Chunks that are asked of another domain with one request (512 KiB): a larger answer does not lie in an outbox.
pub const MAX_CHUNKS_FORWARDED: u32 = 2;

/// Nesting depth of any value.
pub const MAX_DEPTH: usize = 32;
/// Any canonical value unless a smaller bound is named, bytes.
pub const MAX_VALUE_BYTES: usize = 4 * 1024 * 1024;
/// Extensions of one structure.
pub const MAX_EXTENSIONS: usize = 16;

/// Payload of one event (ciphertext with all framing), bytes. Larger content is a blob.
pub const MAX_PAYLOAD_BYTES: usize = 1024 * 1024 + 4096;
/// Fixed-size sealed attribution of a commit, bytes.
pub const ATTRIBUTION_BYTES: usize = 512;
/// A sealed key package, padded, bytes on the wire (padding + nonce + tag).
pub const KEY_PACKAGE_BYTES: usize = 4096 + 24 + 16;
/// Key packages of one publication.
pub const MAX_KEY_PACKAGES_PER_PUBLISH: usize = 64;
/// Key packages waiting for one contact.
pub const MAX_KEY_PACKAGES_PER_CONTACT: usize = 64;
/// Deposit keys of one personal mailbox.
pub const MAX_DEPOSIT_KEYS: usize = 1024;
/// The list of deposit keys is padded with random ones to a multiple of this.
pub const DEPOSIT_KEY_PADDING: usize = 8;
/// Commit keys under policy `listed`.
pub const MAX_COMMIT_KEYS: usize = 16;
/// Vouchers in one enrolment.
pub const MAX_VOUCHERS: usize = 256;

/// One WebSocket message or HTTP body, bytes.
pub const MAX_FRAME_BYTES: usize = 2 * 1024 * 1024;
/// Calls in one frame.
pub const MAX_CALLS_PER_FRAME: usize = 1024;
/// Events in one push or page.
pub const MAX_EVENTS_PER_FRAME: usize = 1024;
/// Delivery records in one page.
pub const MAX_RECORDS_PER_PAGE: usize = 64;
/// Ranges of events in one delivery record; it must fit its padding.
pub const MAX_RECORD_RANGES: usize = 8;
/// Mailboxes one session may hold proofs for.
pub const MAX_HANDLES_PER_SESSION: usize = 4096;
/// Calls of one session that have no answer yet.
pub const MAX_CALLS_IN_FLIGHT: usize = 4096;
/// Bytes pushed to a follower before it must give new credit.
pub const DEFAULT_CREDIT_BYTES: u32 = 1024 * 1024;

/// Protocol versions named in one hello.
pub const MAX_VERSIONS: usize = 16;
/// Optional features named in one hello.
pub const MAX_FEATURES: usize = 64;

/// Relays of one domain.
pub const MAX_RELAYS: usize = 64;
/// A relay's `host:port`, bytes: a domain name, a colon and five digits.
pub const MAX_ADDRESS_BYTES: usize = 260;
/// A text form that is read (address, link, kit), characters.
pub const MAX_TEXT_CHARS: usize = 4096;
/// A domain name, bytes.
pub const MAX_DOMAIN_BYTES: usize = 253;

/// A nonce of the relay is good for this long, milliseconds.
pub const NONCE_LIFE_MS: u64 = 60_000;
/// A command may be valid at most this far ahead of the order's clock, milliseconds (7 days).
pub const MAX_NOT_AFTER_MS: u64 = 7 * 24 * 3600 * 1000;
/// An id is remembered this long after the command's `not_after`, milliseconds.
///
/// With `not_after` at most 7 days ahead, a command can neither be doubled by a clock
/// jump nor by a replay: it is remembered until it has expired.
pub const DEDUPE_MARGIN_MS: u64 = 60_000;

/// A domain's sealing key is sealed to for at most this long, milliseconds (7 days).
pub const SEALING_LIFE_MS: u64 = 7 * 24 * 3600 * 1000;
/// The next one is published so long before its end, and is good from so long before that, for
/// clocks that differ, milliseconds.
pub const SEALING_OVERLAP_MS: u64 = 3600 * 1000;
/// Its private half is destroyed at most this long after its end, milliseconds (7 days).
pub const SEALING_KEPT_MS: u64 = 7 * 24 * 3600 * 1000;
/// What a forwarded request or reply may have beside the message in it, bytes: the reply key, the
/// command around the payload, the payload's own framing.
pub const FORWARD_FRAME_BYTES: usize = 8 * 1024;
/// Domains that one pins, at most.
pub const MAX_PEERS: usize = 256;
/// One word between two domains, bytes: the largest request and what stands around it.
pub const MAX_EXCHANGE_WORD_BYTES: usize = MAX_PAYLOAD_BYTES + 64 * 1024;
/// What one relay of a cluster passes on to another in one word: commands of a frame or one large one, a
/// page with one large event.
pub const MAX_PASSED_WORD_BYTES: usize = 4 * 1024 * 1024;
/// Mailboxes of one message of news between relays.
pub const MAX_PASSED_NEWS: usize = 4_096;

/// Parts of every prescription on the dispense ledger, whatever it is of: units cost their share of
/// it, rounded down, which is exact for up to [`RX_MAX_UNITS`] units and [`RX_MAX_FILLS`] fills.
pub const RX_PARTS: u64 = 1 << 40;
/// Units of one prescription.
pub const RX_MAX_UNITS: u64 = 1_000_000;
/// Reservations that one entry ever takes.
pub const RX_MAX_FILLS: u32 = 1_000;
/// Supplies without the ledger that are entered beyond those: they have happened.
pub const RX_MORE_SETTLED: u32 = 1_000;
/// Reservations of one entry that are open at once.
pub const RX_MAX_OPEN: usize = 4;
/// How long a reservation is kept at the counter, minutes.
pub const RX_KEEP_MINUTES: u16 = 30;
/// How long one may be kept for goods that must be ordered, minutes.
pub const RX_MAX_KEEP_MINUTES: u16 = 24 * 60;
/// How long a pharmacist may stop a prescription, milliseconds (7 days).
pub const RX_MAX_HOLD_MS: u64 = 7 * 24 * 3600 * 1000;
/// An entry takes part in nothing after this time since its first step, milliseconds (400 days).
pub const RX_ENTRY_LIFE_MS: u64 = 400 * 24 * 3600 * 1000;

/// Witnesses in one receipt.
pub const MAX_ATTESTS: usize = 16;
/// Depth of a batch tree: a batch holds at most 2^16 events.
pub const MAX_PATH: usize = 16;
