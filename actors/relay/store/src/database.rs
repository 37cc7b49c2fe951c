//! How the database is opened, and what every part of the store shares.
//!
//! Settings follow from what is known to lose data: sync writes, no recycled or manually
//! flushed log, point-in-time recovery with verified logs, checksums on every key in memory
//! and on disk, no resuming after an error, no compression (everything is ciphertext or hash).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rocksdb::compaction_filter::Decision;
use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, ChecksumType, ColumnFamily, ColumnFamilyDescriptor, DB,
    DBCompactionStyle, DBCompressionType, DBRecoveryMode, DataBlockIndexType, LogLevel, Options,
    UniversalCompactOptions, WriteOptions,
};

use crate::ahead::Ahead;
use crate::closed::TellsClosed;
use crate::columns::{
    self, access, batches, cursors, events, heads, husks, ledger, memory, meta, ordered, packages, profiles,
    records, standings, tokens, vouchers,
};
use crate::error::{Fatal, StoreError};
use crate::faults::Faults;
use crate::store::StoreConfig;

/// The open database and what belongs to it.
pub(crate) struct Database {
    pub(crate) db: DB,
    pub(crate) meta: meta::Meta,
    /// The directory of the store; the database lies in `db` below it.
    pub(crate) path: PathBuf,
    /// The order's clock of each partition, for the compaction filters.
    pub(crate) clocks: Clocks,
    /// What is written and not synced yet.
    pub(crate) ahead: Ahead,
    pub(crate) faults: Arc<dyn Faults>,
    poisoned: AtomicBool,
    /// Last, so that it tells of the end when everything above is gone.
    pub(crate) end: TellsClosed,
}

pub(crate) type Clocks = Arc<[AtomicU64]>;

/// Handles of the column families.
pub(crate) struct Columns<'a> {
    pub(crate) meta: &'a ColumnFamily,
    pub(crate) cursors: &'a ColumnFamily,
    pub(crate) batches: &'a ColumnFamily,
    pub(crate) heads: &'a ColumnFamily,
    pub(crate) profiles: &'a ColumnFamily,
    pub(crate) events: &'a ColumnFamily,
    pub(crate) husks: &'a ColumnFamily,
    pub(crate) access: &'a ColumnFamily,
    pub(crate) memory: &'a ColumnFamily,
    pub(crate) packages: &'a ColumnFamily,
    pub(crate) tokens: &'a ColumnFamily,
    pub(crate) vouchers: &'a ColumnFamily,
    pub(crate) records: &'a ColumnFamily,
    pub(crate) ordered: &'a ColumnFamily,
    pub(crate) standings: &'a ColumnFamily,
    pub(crate) ledger: &'a ColumnFamily,
}

impl<'a> Columns<'a> {
    /// All of them.
    pub(crate) fn all(&self) -> [&'a ColumnFamily; 16] {
        [
            self.meta,
            self.cursors,
            self.batches,
            self.heads,
            self.profiles,
            self.events,
            self.husks,
            self.access,
            self.memory,
            self.packages,
            self.tokens,
            self.vouchers,
            self.records,
            self.ordered,
            self.standings,
            self.ledger,
        ]
    }
}

/// Name of the database's directory within the store's.
pub(crate) const DB_DIR: &str = "db";
/// Name of the note of attested heads.
pub(crate) const NOTE_FILE: &str = "attested";

impl Database {
    /// Opens the database in `path/db`; `found` writes the first record of a new one.
    pub(crate) fn open(
        path: &Path,
        config: &StoreConfig,
        found: Option<&meta::Meta>,
    ) -> Result<Self, StoreError> {
        let clocks: Clocks = (0..config.domain.partitions).map(|_| AtomicU64::new(0)).collect();
        let options = db_options(config, found.is_some());
        if found.is_none() {
            known_layout(&path.join(DB_DIR))?;
        }
        let db = DB::open_cf_descriptors(&options, path.join(DB_DIR), families(config, &clocks))?;
        let cf = db.cf_handle(meta::NAME).ok_or(StoreError::NoStore)?;
        if let Some(first) = found {
            db.put_cf_opt(cf, meta::KEY, meta::encode(first), &write_options(true))?;
        }
        let value = db.get_cf(cf, meta::KEY)?.ok_or(StoreError::NoStore)?;
        let meta = meta::decode(&value).ok_or(StoreError::Damaged { column: meta::NAME })?;
        if meta.format != meta::FORMAT {
            return Err(StoreError::Format {
                found: meta.format,
                known: meta::FORMAT,
            });
        }
        if meta.partitions != config.domain.partitions || meta.domain != config.domain.domain.as_str() {
            return Err(StoreError::OtherDomain);
        }
        Ok(Self {
            db,
            meta,
            path: path.to_owned(),
            clocks,
            ahead: Ahead::default(),
            faults: config.faults.clone(),
            poisoned: AtomicBool::new(false),
            end: TellsClosed::default(),
        })
    }

    /// Handles of all column families.
    pub(crate) fn columns(&self) -> Result<Columns<'_>, StoreError> {
        let cf = |name| self.db.cf_handle(name).ok_or(StoreError::NoStore);
        Ok(Columns {
            meta: cf(meta::NAME)?,
            cursors: cf(cursors::NAME)?,
            batches: cf(batches::NAME)?,
            heads: cf(heads::NAME)?,
            profiles: cf(profiles::NAME)?,
            events: cf(events::NAME)?,
            husks: cf(husks::NAME)?,
            access: cf(access::NAME)?,
            memory: cf(memory::NAME)?,
            packages: cf(packages::NAME)?,
            tokens: cf(tokens::NAME)?,
            vouchers: cf(vouchers::NAME)?,
            records: cf(records::NAME)?,
            ordered: cf(ordered::NAME)?,
            standings: cf(standings::NAME)?,
            ledger: cf(ledger::NAME)?,
        })
    }

    /// Reads one record.
    pub(crate) fn read<T>(
        &self,
        cf: &ColumnFamily,
        column: &'static str,
        key: &[u8],
        decode: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        match self.db.get_pinned_cf(cf, key)? {
            Some(value) => decode(&value).map(Some).ok_or(StoreError::Damaged { column }),
            None => Ok(None),
        }
    }

    /// After this nothing is written or acknowledged.
    pub(crate) fn poison(&self) {
        self.poisoned.store(true, Ordering::SeqCst);
    }

    /// After a failed write: poisons, and says what failed.
    pub(crate) fn fatal(&self, error: StoreError) -> Fatal {
        self.poison();
        Fatal::Store(error)
    }

    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::SeqCst)
    }

    pub(crate) fn check(&self) -> Result<(), StoreError> {
        if self.is_poisoned() {
            Err(StoreError::Poisoned)
        } else {
            Ok(())
        }
    }
}

/// Refuses a store of another layout before anything of it is opened for writing: it has families
/// of keys that this version does not know, or lacks some, and the database would say no more.
fn known_layout(db: &Path) -> Result<(), StoreError> {
    let options = Options::default();
    let mut names = DB::list_cf(&options, db)?;
    names.retain(|name| name != rocksdb::DEFAULT_COLUMN_FAMILY_NAME);
    names.sort_unstable();
    let mut known = columns::ALL.map(str::to_owned);
    known.sort_unstable();
    if names == known {
        return Ok(());
    }
    if !names.iter().any(|name| name == meta::NAME) {
        return Err(StoreError::NoStore);
    }
    let db = DB::open_cf_for_read_only(&options, db, [meta::NAME], false)?;
    let cf = db.cf_handle(meta::NAME).ok_or(StoreError::NoStore)?;
    let value = db.get_cf(cf, meta::KEY)?.ok_or(StoreError::NoStore)?;
    let meta = meta::decode(&value).ok_or(StoreError::Damaged { column: meta::NAME })?;
    Err(StoreError::Format {
        found: meta.format,
        known: meta::FORMAT,
    })
}

/// A write is on the disk when it returns; every key carries a checksum on its way there.
pub(crate) fn write_options(sync: bool) -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(sync);
    options.set_protection_bytes_per_key(8);
    options
}

fn db_options(config: &StoreConfig, create: bool) -> Options {
    let mut o = Options::default();
    o.create_if_missing(create);
    o.create_missing_column_families(create);
    o.set_error_if_exists(create);
    o.set_paranoid_checks(true);
    o.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    o.set_track_and_verify_wals(true);
    o.set_recycle_log_file_num(0);
    o.set_manual_wal_flush(false);
    o.set_unordered_write(false);
    o.set_allow_mmap_reads(false);
    o.set_allow_mmap_writes(false);
    // One writer: nothing to gain from concurrent inserts, and one lock less per key.
    o.set_allow_concurrent_memtable_write(false);
    o.set_enable_write_thread_adaptive_yield(false);
    o.set_max_bgerror_resume_count(0);
    o.set_max_total_wal_size(256 << 20);
    o.set_wal_bytes_per_sync(1 << 20);
    o.set_bytes_per_sync(1 << 20);
    // What is flushed or merged is not read again soon: copying it into the kernel's cache costs
    // as much as writing it, and crowds out what is read.
    o.set_use_direct_io_for_flush_and_compaction(config.direct_writes);
    o.set_db_write_buffer_size(config.write_buffer_bytes);
    o.set_max_open_files(1024);
    o.set_max_background_jobs(3);
    // The database's own log prints key ranges; it is kept short and quiet.
    o.set_log_level(LogLevel::Warn);
    o.set_keep_log_file_num(2);
    o.set_stats_dump_period_sec(0);
    o
}

/// Which keys a column family is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// For one key at a time.
    Points,
    /// For many keys at a time that are nearly never there.
    Absent,
    /// For ranges.
    Ranges,
}

/// A part of the index of [`Asked::Absent`], and with it of the filter: the ids of one group
/// lie all over the keys, and at the usual 4 KiB each of them asks for a part of its own in each run.
const FILTER_PART_BYTES: usize = 128 << 10;

fn families(config: &StoreConfig, clocks: &Clocks) -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(config.block_cache_bytes);
    columns::ALL
        .iter()
        .map(|name| {
            let asked = match *name {
                events::NAME | husks::NAME | batches::NAME | access::NAME | records::NAME | ordered::NAME => {
                    Asked::Ranges
                }
                memory::NAME => Asked::Absent,
                _ => Asked::Points,
            };
            let mut o = family_options(config, asked, &cache);
            if matches!(
                *name,
                events::NAME | husks::NAME | memory::NAME | batches::NAME | ordered::NAME
            ) {
                written_once(&mut o);
            }
            match *name {
                events::NAME => blob_options(&mut o, config),
                memory::NAME => o.set_compaction_filter(c"memory", expired(clocks, memory::expiry)),
                vouchers::NAME => o.set_compaction_filter(c"vouchers", expired(clocks, vouchers::expiry)),
                ledger::NAME => o.set_compaction_filter(c"ledger", expired(clocks, ledger::expiry)),
                _ => {}
            }
            ColumnFamilyDescriptor::new(*name, o)
        })
        .collect()
}

/// Drops entries that are past their time by the clock of their partition. Lookups treat them
/// as absent already, so that when they go makes no difference.
fn expired(
    clocks: &Clocks,
    expiry: fn(&[u8]) -> Option<(u64, u16)>,
) -> impl FnMut(u32, &[u8], &[u8]) -> Decision + Send + 'static {
    let clocks = clocks.clone();
    move |_, _, value| match expiry(value) {
        Some((until, partition))
            if clocks
                .get(usize::from(partition))
                .is_some_and(|c| c.load(Ordering::Relaxed) > until) =>
        {
            Decision::Remove
        }
        _ => Decision::Keep,
    }
}

fn family_options(config: &StoreConfig, asked: Asked, cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_format_version(6);
    table.set_checksum_type(ChecksumType::XXH3);
    // Index and filters live in the bounded cache: a million sleeping mailboxes cost disk only.
    table.set_cache_index_and_filter_blocks(true);
    table.set_cache_index_and_filter_blocks_with_high_priority(true);
    table.set_pin_top_level_index_and_filter(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    table.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    table.set_partition_filters(true);
    table.set_bloom_filter(10.0, false);
    table.set_whole_key_filtering(true);
    table.set_optimize_filters_for_memory(true);

    let mut o = Options::default();
    if asked == Asked::Absent {
        table.set_metadata_block_size(FILTER_PART_BYTES);
    }
    if asked != Asked::Ranges {
        table.set_data_block_index_type(DataBlockIndexType::BinaryAndHash);
        o.set_memtable_whole_key_filtering(true);
        o.set_memtable_prefix_bloom_ratio(0.1);
    }
    o.set_block_based_table_factory(&table);
    o.set_compression_type(DBCompressionType::None);
    o.set_bottommost_compression_type(DBCompressionType::None);
    o.set_level_compaction_dynamic_level_bytes(true);
    // Small buffers keep lookups and inserts within the processor's caches; smaller ones still
    // would be merged more often.
    o.set_write_buffer_size(config.write_buffer_bytes.div_ceil(4));
    o.set_memtable_protection_bytes_per_key(8);
    o.set_block_protection_bytes_per_key(8);
    o.set_force_consistency_checks(true);
    o
}

/// For records that are written once and hardly ever again: every event brings some. Sorted runs are merged with runs of their own size, so a record is written again
/// as often as their number doubles, and not with each flush that meets its level.
fn written_once(o: &mut Options) {
    o.set_compaction_style(DBCompactionStyle::Universal);
    // A lookup asks each run's filter, a merge costs much more; see `docs/performance.md`.
    o.set_level_zero_file_num_compaction_trigger(12);
    let mut runs = UniversalCompactOptions::default();
    runs.set_size_ratio(20);
    runs.set_min_merge_width(4);
    o.set_universal_compaction_options(&runs);
}

fn blob_options(o: &mut Options, config: &StoreConfig) {
    // Events are the bulk of every write; a small buffer would make many small blob files.
    o.set_write_buffer_size(config.write_buffer_bytes.div_ceil(2));
    o.set_enable_blob_files(true);
    o.set_min_blob_size(0);
    o.set_blob_file_size(64 << 20);
    o.set_blob_compression_type(DBCompressionType::None);
    // Collected by `reclaim` alone. The everyday collection moves whatever lies in the oldest
    // files whenever a compaction meets it, whether anything was erased or not.
    o.set_enable_blob_gc(false);
}
