//! Verifying, reclaiming and backing up, beside the running writer.

use std::path::Path;
use std::sync::Arc;

use rocksdb::checkpoint::Checkpoint;
use telesphor_wire::ids::{Incarnation, PartitionId};

use crate::closed::Closed;
use crate::columns::cursors;
use crate::database::{DB_DIR, Database};
use crate::error::StoreError;
use crate::faults::Operation;
use crate::records::RecordKeeper;
use crate::{files, reclaim, verify};

/// Tends the store; cheap to clone, safe beside the writer.
#[derive(Clone)]
pub struct Upkeep {
    database: Arc<Database>,
}

/// What a full verification saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Mailboxes whose chain was walked from its genesis.
    pub mailboxes: u64,
    /// Events in them.
    pub events: u64,
    /// Payloads that are kept; the hash of each was made again.
    pub payloads: u64,
    /// Batches whose chain was walked.
    pub batches: u64,
    /// Entries of the dispense ledger that are what their steps make of them.
    pub entries: u64,
    /// Steps of those.
    pub steps: u64,
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
    /// Rows of the dispense ledger (entries, keys, steps), estimated.
    pub ledger_rows: u64,
    /// Bytes of files on disk.
    pub disk_bytes: u64,
    /// Bytes that the database holds in memory: unsorted writes, blocks and table indexes.
    pub memory_bytes: u64,
}

impl Upkeep {
    pub(crate) fn new(database: Arc<Database>) -> Self {
        Self { database }
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    pub(crate) fn record_keeper(&self) -> RecordKeeper {
        RecordKeeper::new(self.database.clone())
    }

    /// For waiting until everybody, this one too, has let go of the store.
    pub fn closed(&self) -> Closed {
        self.database.end.closed()
    }

    /// Walks the chain of every mailbox from its genesis and the chain of batches of every
    /// partition, goes through every ledger entry, and hashes every payload that is still kept. Sees the store as it was when
    /// the call began.
    ///
    /// # Errors
    /// [`StoreError::BrokenChain`], [`StoreError::BrokenOrder`] with the first broken link.
    pub fn verify(&self) -> Result<Verified, StoreError> {
        verify::everything(&self.database)
    }

    /// Makes a backup: a consistent copy of the store in a new directory, synced and only then
    /// given its name. Restore it with [`crate::Store::restore`].
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`] if the directory is there; [`StoreError::Disk`], [`StoreError::Io`].
    pub fn checkpoint(&self, directory: &Path) -> Result<(), StoreError> {
        self.database.check()?;
        files::must_be_empty(directory)?;
        let part = files::beside(directory, "part")?;
        if part.exists() {
            std::fs::remove_dir_all(&part)?;
        }
        Checkpoint::new(&self.database.db)?.create_checkpoint(&part)?;
        self.database.faults.before(Operation::CheckpointRename)?;
        files::put_in_place(&part, directory)
    }

    /// Drops payloads that have run out at `now`, and makes sure that no file of the store
    /// holds any ciphertext that was erased or let go before this call. Rewrites every payload
    /// that is kept; for a quiet hour.
    ///
    /// # Errors
    /// [`StoreError::Disk`].
    pub fn reclaim(&self, now: u64) -> Result<(), StoreError> {
        self.database.check()?;
        reclaim::run(&self.database, now)
    }

    /// Figures for an operator.
    ///
    /// # Errors
    /// [`StoreError::Disk`].
    pub fn inspect(&self) -> Result<Inspection, StoreError> {
        let (db, c) = (&self.database, self.database.columns()?);
        let estimate = |cf| -> Result<u64, StoreError> {
            Ok(db
                .db
                .property_int_value_cf(cf, c"rocksdb.estimate-num-keys")?
                .unwrap_or(0))
        };
        let total = |property| -> Result<u64, StoreError> {
            let mut sum = 0u64;
            for cf in c.all() {
                sum = sum.saturating_add(db.db.property_int_value_cf(cf, property)?.unwrap_or(0));
            }
            Ok(sum)
        };
        // All column families share one block cache.
        let blocks = db
            .db
            .property_int_value_cf(c.heads, c"rocksdb.block-cache-usage")?
            .unwrap_or(0);
        let memory = [
            total(c"rocksdb.size-all-mem-tables")?,
            total(c"rocksdb.estimate-table-readers-mem")?,
            blocks,
        ];
        let mut batches = 0u64;
        for n in 0..db.meta.partitions {
            let key = cursors::key(PartitionId(n));
            let stands = db.read(c.cursors, cursors::NAME, &key, cursors::decode)?;
            batches = batches.saturating_add(stands.map_or(0, |s| s.position));
        }
        Ok(Inspection {
            incarnation: db.meta.incarnation,
            format: db.meta.format,
            domain: db.meta.domain.clone(),
            partitions: db.meta.partitions,
            batches,
            mailboxes: estimate(c.heads)?,
            events: estimate(c.events)?.saturating_add(estimate(c.husks)?),
            ledger_rows: estimate(c.ledger)?,
            disk_bytes: files::size_of_dir(&db.path.join(DB_DIR))?,
            memory_bytes: memory.iter().sum(),
        })
    }
}
