//! What can be wrong with a request or with the disk.

use telesphor_wire::blob::tree::TreeError;
use telesphor_wire::error::ErrorCode;

/// Why a blob was not taken, found or given.
#[derive(Debug, thiserror::Error)]
pub enum BlobsError {
    /// Not in this mailbox.
    #[error("no such blob in this mailbox")]
    Absent,
    /// The list is not one of this address and length.
    #[error(transparent)]
    Hashes(#[from] TreeError),
    /// These are not the bytes of this chunk.
    #[error("chunk {0} is not what the list says")]
    WrongChunk(u32),
    /// Chunks are put in order; this many are there.
    #[error("chunk {0} comes next")]
    OutOfOrder(u32),
    /// The mailbox keeps as much as it may.
    #[error("no room under the quota of this mailbox")]
    Quota,
    /// Another connection is putting it.
    #[error("being put by another connection")]
    Busy,
    /// The disk has changed this chunk, or lost it.
    #[error("chunk {0} is damaged on the disk")]
    Damaged(u32),
    /// A card that cannot be read.
    #[error("a blob's card is damaged")]
    Card,
    /// The disk.
    #[error("the disk: {0}")]
    Io(#[from] std::io::Error),
}

impl BlobsError {
    /// The stable code for clients.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Absent => ErrorCode::BlobAbsent,
            Self::Hashes(TreeError::Length(_)) => ErrorCode::TooLarge,
            Self::Hashes(_) | Self::WrongChunk(_) => ErrorCode::BlobChanged,
            Self::OutOfOrder(_) => ErrorCode::NoSuchRange,
            Self::Quota => ErrorCode::QuotaExceeded,
            Self::Busy => ErrorCode::BlobBusy,
            Self::Damaged(_) | Self::Card => ErrorCode::BlobDamaged,
            Self::Io(e) if matches!(e.kind(), std::io::ErrorKind::StorageFull) => ErrorCode::DiskFull,
            Self::Io(_) => ErrorCode::Internal,
        }
    }
}
