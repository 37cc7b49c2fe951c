//! Founding, opening and restoring a store.

use std::path::Path;
use std::sync::Arc;

use telesphor_rules::facts::DomainFacts;
use telesphor_wire::ids::Incarnation;

use crate::applier::Applier;
use crate::error::StoreError;
use crate::faults::{Faults, NoFaults};
use crate::reader::Reader;
use crate::upkeep::Upkeep;

/// How a store is opened.
#[derive(Clone)]
pub struct StoreConfig {
    /// The domain it serves. Name and number of partitions are fixed when it is founded.
    pub domain: DomainFacts,
    /// Heads and profiles of live mailboxes kept in memory, at most, bytes.
    pub cache_bytes: usize,
    /// Blocks of the database kept in memory (with its filters), at most, bytes.
    pub block_cache_bytes: usize,
    /// Not yet sorted writes kept in memory, at most, bytes.
    pub write_buffer_bytes: usize,
    /// Where tests make the disk fail.
    pub faults: Arc<dyn Faults>,
}

impl StoreConfig {
    /// The usual bounds: 32 MiB of mailboxes, 64 MiB of blocks, 96 MiB of unsorted writes.
    pub fn new(domain: DomainFacts) -> Self {
        Self {
            domain,
            cache_bytes: 32 << 20,
            block_cache_bytes: 64 << 20,
            write_buffer_bytes: 96 << 20,
            faults: Arc::new(NoFaults),
        }
    }
}

/// An open store, before it is handed to its writer and readers.
pub struct Store {
    applier: Applier,
    reader: Reader,
    upkeep: Upkeep,
}

impl Store {
    /// Founds a store in an empty or missing directory, with a fresh incarnation, and opens it.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`] if something is there; [`StoreError::Disk`], [`StoreError::Io`].
    pub fn create(_path: &Path, _config: StoreConfig) -> Result<Self, StoreError> {
        Err(StoreError::NoStore)
    }

    /// Opens a store and checks that it is not behind what it had attested.
    ///
    /// # Errors
    /// [`StoreError::NoStore`], [`StoreError::Format`], [`StoreError::OtherDomain`],
    /// [`StoreError::Behind`], [`StoreError::Disk`], [`StoreError::Io`].
    pub fn open(_path: &Path, _config: StoreConfig) -> Result<Self, StoreError> {
        Err(StoreError::NoStore)
    }

    /// Makes a store out of a checkpoint, under a new incarnation: positions go on, the first
    /// batch of each partition has no previous head, and agents offer again what they sent.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`] if something is at `path`; [`StoreError::NoStore`] if the
    /// checkpoint is none; [`StoreError::Disk`], [`StoreError::Io`].
    pub fn restore(
        _checkpoint: &Path,
        _path: &Path,
        _config: StoreConfig,
    ) -> Result<Incarnation, StoreError> {
        Err(StoreError::NoStore)
    }

    /// The life of this store.
    pub fn incarnation(&self) -> Incarnation {
        self.reader.incarnation()
    }

    /// A reader; clone it as often as needed.
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// For verifying, reclaiming and backing up beside the running writer.
    pub fn upkeep(&self) -> Upkeep {
        self.upkeep.clone()
    }

    /// Hands out the one writer.
    pub fn into_applier(self) -> Applier {
        self.applier
    }
}
