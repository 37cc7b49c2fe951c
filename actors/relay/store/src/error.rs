//! What can go wrong, sorted by what the caller must do.

use telesphor_wire::ids::{EntryId, MailboxId, PartitionId};

/// Opening, reading or tending the store failed. Nothing was half-written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database or the file system refused. The text comes from there and names no id.
    #[error("the store's disk or database refused: {0}")]
    Disk(String),
    /// A file could not be read, written, synced or renamed.
    #[error("a file of the store could not be used")]
    Io(#[from] std::io::Error),
    /// There is a store here already, or something else.
    #[error("there is something here already; a new store needs an empty place")]
    NotEmpty,
    /// There is no store here, or it was not finished.
    #[error("there is no store here")]
    NoStore,
    /// Written by a version with another layout.
    #[error("the store has format {found}; this version reads {known}")]
    Format {
        /// What the store says.
        found: u32,
        /// What this version reads.
        known: u32,
    },
    /// The store belongs to another domain, or has another number of partitions.
    #[error("the store belongs to another domain or has another number of partitions")]
    OtherDomain,
    /// The store lost what this relay had confirmed already. It must not serve; it is a damaged
    /// member, not a recovered one.
    #[error("partition {} stands at {found}, but {attested} was confirmed already", .partition.0)]
    Behind {
        /// Which partition.
        partition: PartitionId,
        /// Where it stands after recovery.
        found: u64,
        /// What had been attested.
        attested: u64,
    },
    /// A record is not what this version writes, or is missing where it must be.
    #[error("a record in {column} cannot be read")]
    Damaged {
        /// The column family.
        column: &'static str,
    },
    /// A mailbox's chain does not hold together.
    #[error("the chain of a mailbox breaks at event {seq}")]
    BrokenChain {
        /// Which mailbox; not part of the message, since messages reach logs.
        mailbox: MailboxId,
        /// The first event that does not fit.
        seq: u64,
    },
    /// A ledger entry is not what its steps make of it.
    #[error("an entry of the dispense ledger breaks at step {seq}")]
    BrokenLedger {
        /// Which entry; not part of the message, since messages reach logs.
        entry: EntryId,
        /// The first step that does not fit.
        seq: u64,
    },
    /// A partition's chain of batches does not hold together.
    #[error("the batches of partition {} break at position {position}", .partition.0)]
    BrokenOrder {
        /// Which partition.
        partition: PartitionId,
        /// The first position that does not fit.
        position: u64,
    },
    /// An earlier write failed; nothing more is done until the process has been started anew.
    #[error("an earlier write failed; the process must be started anew")]
    Poisoned,
}

impl From<rocksdb::Error> for StoreError {
    fn from(e: rocksdb::Error) -> Self {
        Self::Disk(e.to_string())
    }
}

/// The write path failed: nothing of the group was confirmed, it is unknown whether it is on
/// the disk, and the process must end. A failed sync is never tried again.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// Reading, writing or syncing failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A batch does not follow the last one of its partition; nothing was written.
    #[error("partition {} expects position {expected}, not {found}", .partition.0)]
    OutOfOrder {
        /// Which partition.
        partition: PartitionId,
        /// The position after the last one applied.
        expected: u64,
        /// What came.
        found: u64,
    },
}
