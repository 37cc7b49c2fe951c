//! Founding, opening and restoring a store.
//!
//! ```text
//! <store>/db         the database
//! <store>/attested   the note of attested heads
//! ```

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rocksdb::WriteBatch;
use telesphor_rules::facts::DomainFacts;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{Incarnation, PartitionId};
use telesphor_wire::receipt::BatchHead;

use crate::applier::Applier;
use crate::closed::Closed;
use crate::columns::{batches, cursors, meta};
use crate::database::{DB_DIR, Database, NOTE_FILE, write_options};
use crate::error::StoreError;
use crate::faults::{Faults, NoFaults};
use crate::files;
use crate::keep;
use crate::note::Note;
use crate::part;
use crate::reader::{PartitionHead, Reader};
use crate::records::RecordKeeper;
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
    /// Whether flushed and merged files bypass the kernel's cache. Not every filesystem can.
    pub direct_writes: bool,
    /// Names the history of a store that is founded: the cluster's, or one of its own.
    pub incarnation: Option<Incarnation>,
    /// Where tests make the disk fail.
    pub faults: Arc<dyn Faults>,
}

impl StoreConfig {
    /// The usual bounds: 48 MiB of mailboxes, 48 MiB of blocks, 96 MiB of unsorted writes.
    pub fn new(domain: DomainFacts) -> Self {
        Self {
            domain,
            cache_bytes: 48 << 20,
            block_cache_bytes: 48 << 20,
            write_buffer_bytes: 96 << 20,
            direct_writes: false,
            incarnation: None,
            faults: Arc::new(NoFaults),
        }
    }

    fn meta(&self) -> meta::Meta {
        meta::Meta {
            format: meta::FORMAT,
            incarnation: self.incarnation.unwrap_or_else(Incarnation::random),
            partitions: self.domain.partitions,
            domain: self.domain.domain.as_str().to_owned(),
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
    pub fn create(path: &Path, config: StoreConfig) -> Result<Self, StoreError> {
        files::must_be_empty(path)?;
        fs::create_dir_all(path)?;
        let database = Database::open(path, &config, Some(&config.meta()))?;
        files::sync_dir(path)?;
        Self::with(database, config)
    }

    /// Opens a store and checks that it is not behind what it had attested.
    ///
    /// # Errors
    /// [`StoreError::NoStore`], [`StoreError::Format`], [`StoreError::OtherDomain`],
    /// [`StoreError::Behind`], [`StoreError::Disk`], [`StoreError::Io`].
    pub fn open(path: &Path, config: StoreConfig) -> Result<Self, StoreError> {
        if !path.join(DB_DIR).join("CURRENT").is_file() {
            return Err(StoreError::NoStore);
        }
        let database = Database::open(path, &config, None)?;
        Self::with(database, config)
    }

    fn with(database: Database, config: StoreConfig) -> Result<Self, StoreError> {
        let partitions = stands(&database)?;
        for (clock, stands) in database.clocks.iter().zip(&partitions) {
            clock.store(stands.clock, Ordering::Relaxed);
        }
        let note = Note::open(&database.path.join(NOTE_FILE))?;
        not_behind(&database, &partitions, &note)?;
        let database = Arc::new(database);
        Ok(Self {
            applier: Applier::new(
                database.clone(),
                config.domain,
                partitions,
                config.cache_bytes,
                note,
            ),
            reader: Reader::new(database.clone()),
            upkeep: Upkeep::new(database),
        })
    }

    /// Makes a store out of a checkpoint, under a new incarnation: positions go on, the first
    /// batch of each partition has no previous head, and agents offer again what they sent.
    ///
    /// The new store appears under its name only when it is whole.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`] if something is at `path`; [`StoreError::NoStore`] if the
    /// checkpoint is none; [`StoreError::Disk`], [`StoreError::Io`].
    pub fn restore(checkpoint: &Path, path: &Path, config: StoreConfig) -> Result<Incarnation, StoreError> {
        files::must_be_empty(path)?;
        if !checkpoint.join("CURRENT").is_file() {
            return Err(StoreError::NoStore);
        }
        let part = files::beside(path, "part")?;
        if part.exists() {
            fs::remove_dir_all(&part)?;
        }
        files::copy_dir(checkpoint, &part.join(DB_DIR))?;
        let incarnation = begin_anew(&part, &config)?;
        files::put_in_place(&part, path)?;
        Ok(incarnation)
    }

    /// Makes a store of the same life out of a checkpoint, where the checkpoint lies: for another relay of
    /// the same cluster, which goes on with what this one had.
    ///
    /// # Errors
    /// [`StoreError::NoStore`] if it is no checkpoint, [`StoreError::OtherDomain`] if it is of another
    /// domain; [`StoreError::Disk`], [`StoreError::Io`].
    pub fn hand_on(checkpoint: &Path, config: &StoreConfig) -> Result<Incarnation, StoreError> {
        if !checkpoint.join("CURRENT").is_file() {
            return Err(StoreError::NoStore);
        }
        let part = files::beside(checkpoint, "part")?;
        fs::create_dir(&part)?;
        fs::rename(checkpoint, part.join(DB_DIR))?;
        let incarnation = Database::open(&part, config, None)?.meta.incarnation;
        files::put_in_place(&part, checkpoint)?;
        Ok(incarnation)
    }

    pub(crate) fn database(&self) -> &Database {
        self.reader.database()
    }

    /// From now on the next batch of a partition follows on there.
    pub(crate) fn stands_at(&mut self, partition: PartitionId, stands: PartitionHead) {
        if let Some(clock) = self.database().clocks.get(usize::from(partition.0)) {
            clock.store(stands.clock, Ordering::Relaxed);
        }
        self.applier.stands_at(partition, stands);
    }

    /// The life of this store.
    pub fn incarnation(&self) -> Incarnation {
        self.reader.incarnation()
    }

    /// A reader; clone it as often as needed.
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// The one writer of delivery records.
    pub fn record_keeper(&self) -> RecordKeeper {
        self.upkeep.record_keeper()
    }

    /// For verifying, reclaiming and backing up beside the running writer.
    pub fn upkeep(&self) -> Upkeep {
        self.upkeep.clone()
    }

    /// For waiting until everybody has let go of the store: a process must not leave before.
    pub fn closed(&self) -> Closed {
        self.upkeep.closed()
    }

    /// Hands out the one writer.
    pub fn into_applier(self) -> Applier {
        self.applier
    }
}

/// Gives a copied database a life of its own.
fn begin_anew(part: &Path, config: &StoreConfig) -> Result<Incarnation, StoreError> {
    let database = Database::open(part, config, None)?;
    let columns = database.columns()?;
    let fresh = config.meta();
    let mut batch = WriteBatch::default();
    batch.put_cf(columns.meta, meta::KEY, meta::encode(&fresh));
    for (number, stands) in (0u16..).zip(stands(&database)?) {
        let mut value = Vec::new();
        cursors::encode(
            &PartitionHead {
                head: Digest([0; 32]),
                ..stands
            },
            &mut value,
        );
        batch.put_cf(columns.cursors, cursors::key(PartitionId(number)), value);
    }
    database.db.write_opt(&batch, &write_options(true))?;
    Ok(fresh.incarnation)
}

/// Where every partition stands.
fn stands(database: &Database) -> Result<Vec<PartitionHead>, StoreError> {
    let columns = database.columns()?;
    (0..database.meta.partitions)
        .map(|n| {
            let key = cursors::key(PartitionId(n));
            let found = database.read(columns.cursors, cursors::NAME, &key, cursors::decode)?;
            Ok(found.unwrap_or(PartitionHead::START))
        })
        .collect()
}

/// Recovery ends at the last intact point of the log and says nothing of what lay behind it.
/// What this relay attested must still be there, and be the same.
fn not_behind(database: &Database, partitions: &[PartitionHead], note: &Note) -> Result<(), StoreError> {
    let columns = database.columns()?;
    for (partition, noted) in note.noted() {
        let found = partitions.get(usize::from(partition.0)).map_or(0, |p| p.position);
        // What a cluster decided may be behind what it remembers: it is decided again.
        // What it has left it keeps no more.
        if part::is_left(database, partition)? {
            continue;
        }
        if found < noted.position
            && keep::last(database, partition)?.is_some_and(|(n, _)| n >= noted.position)
        {
            continue;
        }
        let key = batches::key(partition, noted.position);
        let head = database.read(columns.batches, batches::NAME, &key, batches::decode)?;
        if found < noted.position || head.map(|(h, _): (BatchHead, _)| h.digest()) != Some(noted.head) {
            return Err(StoreError::Behind {
                partition,
                found,
                attested: noted.position,
            });
        }
    }
    Ok(())
}
