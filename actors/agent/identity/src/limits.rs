//! Every bound of identities and their proofs, in one place.

/// Version of every structure of this crate.
pub const VERSION: u16 = 1;
/// Keys of one identity at a time, and commitments to next ones.
pub const MAX_KEYS: usize = 16;
/// Events of one history.
pub const MAX_EVENTS: usize = 4096;
/// Endpoints of one identity, ended ones included.
pub const MAX_ENDPOINTS: usize = 1024;
/// Histories, attestations or lists in one bundle of proofs.
pub const MAX_PROOFS: usize = 64;
/// Links of a chain of attestations from a subject to an anchor.
pub const MAX_CHAIN: usize = 3;
/// Entries of a status list, at least: enough that asking for it tells nothing.
pub const MIN_LIST_ENTRIES: usize = 1 << 17;
/// Entries of a status list, at most.
pub const MAX_LIST_ENTRIES: usize = 1 << 24;
/// Revoked entries of one list.
pub const MAX_REVOKED: usize = 1 << 16;
/// Vetoes against a recovery that the identity key may give alone.
pub const FREE_VETOES: usize = 2;
/// Time between start and finish of a recovery unless inception says otherwise, ms (7 days).
pub const STANDARD_WAIT_MS: u64 = 7 * 24 * 3600 * 1000;
/// Files in one parcel.
pub const MAX_PARCEL: usize = 64;
/// A bundle of proofs on disk, bytes.
pub const MAX_BUNDLE_BYTES: usize = 16 * 1024 * 1024;
/// Guardians of one set.
pub const MAX_GUARDIANS: usize = 32;
/// A statement of presence covers at most this, milliseconds (a long shift).
pub const MAX_PRESENCE_MS: i64 = 24 * 3600 * 1000;
