//! Every bound of the vault, in one place.

/// Value of one record, bytes. Larger content is a blob outside the vault.
pub const MAX_VALUE_BYTES: usize = 64 * 1024 * 1024;
/// Name of one record or list, bytes.
pub const MAX_NAME_BYTES: usize = 4096;
/// Key slots of one vault.
pub const MAX_SLOTS: usize = 8;
/// The header file, bytes.
pub const MAX_HEAD_BYTES: usize = 4096;
/// Entries returned by one range read.
pub const MAX_RANGE: usize = 65_536;
/// Up to this size the whole file is checked each time it is opened, bytes. A larger one is
/// checked by [`crate::Vault::verify`].
pub const CHECK_ON_OPEN_BYTES: u64 = 256 * 1024 * 1024;
/// Memory the store may use for pages, bytes.
pub const CACHE_BYTES: usize = 32 * 1024 * 1024;
/// Events taken in while the vault is locked; the relay keeps what comes after.
pub const MAX_INTAKE: u64 = 16_384;
/// One event taken in while locked, bytes.
pub const MAX_INTAKE_BYTES: usize = 2 * 1024 * 1024;
/// Largest cost a header may ask of a passphrase, KiB of memory: a changed header must not
/// make unlocking eat the machine.
pub const MAX_ARGON2_KIB: u32 = 1024 * 1024;
/// Largest number of passes a header may ask of a passphrase.
pub const MAX_ARGON2_PASSES: u32 = 16;
/// Largest number of lanes a header may ask of a passphrase.
pub const MAX_ARGON2_LANES: u32 = 16;
