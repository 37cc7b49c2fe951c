//! Verifying, reclaiming and backing up, beside the running writer.

use std::path::Path;

use telesphor_wire::ids::Incarnation;

use crate::error::StoreError;

/// Tends the store; cheap to clone, safe beside the writer.
#[derive(Clone)]
pub struct Upkeep {}

/// What a full verification saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Mailboxes whose chain was walked from its genesis.
    pub mailboxes: u64,
    /// Events in them.
    pub events: u64,
    /// Payloads whose hash was made again.
    pub payloads: u64,
    /// Batches whose chain was walked.
    pub batches: u64,
}

/// Figures for an operator: no ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The life of the store.
    pub incarnation: Incarnation,
    /// Layout of its records.
    pub format: u32,
    /// Its domain.
    pub domain: String,
    /// Number of partitions.
    pub partitions: u16,
    /// Batches applied in all partitions.
    pub batches: u64,
    /// Mailboxes, estimated.
    pub mailboxes: u64,
    /// Events, estimated.
    pub events: u64,
    /// Bytes of files on disk.
    pub disk_bytes: u64,
}

impl Upkeep {
    /// Walks the chain of every mailbox from its genesis and the chain of batches of every
    /// partition, and hashes every payload that is still kept.
    ///
    /// # Errors
    /// [`StoreError::BrokenChain`], [`StoreError::BrokenOrder`] with the first broken link.
    pub fn verify(&self) -> Result<Verified, StoreError> {
        Err(StoreError::Poisoned)
    }

    /// Makes a backup: a consistent copy of the store in a new directory, synced and only then
    /// given its name. Restore it with [`crate::Store::restore`].
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`] if the directory is there; [`StoreError::Disk`], [`StoreError::Io`].
    pub fn checkpoint(&self, _directory: &Path) -> Result<(), StoreError> {
        Err(StoreError::Poisoned)
    }

    /// Drops payloads that have run out at `now`, and makes sure that no file of the store
    /// holds any ciphertext that was erased or let go before this call. Rewrites every payload
    /// that is kept; for a quiet hour.
    ///
    /// # Errors
    /// [`StoreError::Disk`].
    pub fn reclaim(&self, _now: u64) -> Result<(), StoreError> {
        Err(StoreError::Poisoned)
    }

    /// Figures for an operator.
    ///
    /// # Errors
    /// [`StoreError::Disk`].
    pub fn inspect(&self) -> Result<Inspection, StoreError> {
        Err(StoreError::Poisoned)
    }
}
