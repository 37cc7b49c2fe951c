//! Quota classes: how much one mailbox may hold, by the number in the voucher that opened it.
//!
//! A class says nothing of a person: everybody whom a domain admits for the same reason has
//! the same number.

/// The bounds of one class. A mailbox's own policy may be stricter, never wider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// The number in the voucher.
    pub number: u16,
    /// Ciphertext bytes kept, at most.
    pub max_bytes: u64,
    /// Ciphertext of blobs kept, bytes, at most. A blob that is only shown counts elsewhere.
    pub max_blob_bytes: u64,
    /// Events whose ciphertext is kept, at most.
    pub max_events: u64,
    /// Vouchers for one use of an admission token, at most.
    pub vouchers: usize,
    /// Key packages waiting in one mailbox, at most.
    pub key_packages: u32,
}

/// A patient, or somebody who acts for one.
pub const PATIENT: Class = Class {
    number: 1,
    max_bytes: 1 << 30,
    max_blob_bytes: 16 << 30,
    max_events: 1 << 20,
    vouchers: 64,
    key_packages: 4096,
};
/// Somebody who treats patients.
pub const CLINICIAN: Class = Class {
    number: 2,
    max_bytes: 4 << 30,
    max_blob_bytes: 64 << 30,
    max_events: 4 << 20,
    vouchers: 256,
    key_packages: 16_384,
};
/// A machine: monitor, pump, scanner.
pub const DEVICE: Class = Class {
    number: 3,
    max_bytes: 256 << 20,
    max_blob_bytes: 16 << 30,
    max_events: 1 << 20,
    vouchers: 8,
    key_packages: 1024,
};
/// A ward, a pharmacy, a laboratory, an insurer.
pub const ORGANISATION: Class = Class {
    number: 4,
    max_bytes: 64 << 30,
    max_blob_bytes: 1 << 40,
    max_events: 64 << 20,
    vouchers: 256,
    key_packages: 65_536,
};

/// Every class there is.
pub const ALL: &[Class] = &[PATIENT, CLINICIAN, DEVICE, ORGANISATION];

/// The class of this number, if there is one.
pub fn by_number(number: u16) -> Option<&'static Class> {
    ALL.iter().find(|c| c.number == number)
}

/// Vouchers of an enrolment are good for this long, milliseconds (400 days): each new end of a
/// share opens a mailbox, and a patient must not need the hospital for it every month.
pub const VOUCHER_LIFE_MS: u64 = 400 * 24 * 3600 * 1000;

/// Room beyond the quota for what must not be kept out by a full mailbox: commits (a removal)
/// and the owner's acts. Bytes.
pub const RESERVE_BYTES: u64 = 64 << 20;
/// The same in events.
pub const RESERVE_EVENTS: u64 = 16_384;

/// Separate erased ranges that one mailbox keeps account of, at most.
pub const MAX_HOLES: usize = 512;
