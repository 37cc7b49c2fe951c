//! What can go wrong, sorted by what the caller can do about it.

use telesphor_wire::error::ErrorCode;

/// Which part of the vault does not hold together. No content, no names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The header file is missing, cut short or changed.
    #[error("header")]
    Head,
    /// The file's own structure or checksums do not hold.
    #[error("store")]
    Store,
    /// A record does not open under its own name.
    #[error("record")]
    Record,
    /// The file with the keyring key does not fit the store.
    #[error("keyring")]
    Keyring,
}

/// Why the vault did not do something. In every case nothing was half-done.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// No key is held; unlock first.
    #[error("the vault is locked")]
    Locked,
    /// No slot opens with what was offered. Nothing was changed.
    #[error("no key slot opens with this")]
    WrongKey,
    /// A part of the vault is damaged; nothing more is written to it.
    #[error("the vault is damaged: {0}")]
    Damaged(Damage),
    /// This vault is an older copy of itself; it may be read and must not send.
    #[error("the vault is an older copy of itself")]
    OldCopy,
    /// The disk or the quota is full.
    #[error("no room on this machine")]
    DiskFull,
    /// Another process has this vault open.
    #[error("the vault is in use by another process")]
    InUse,
    /// There is no vault in this folder.
    #[error("there is no vault here")]
    NoVault,
    /// There is a vault in this folder already.
    #[error("there is a vault here already")]
    Exists,
    /// The operating system refused a file operation. If it happened while writing, the
    /// transaction may have landed whole or not at all: read before repeating.
    #[error("file operation failed: {0}")]
    Io(std::io::ErrorKind),
    /// A name or value is over its limit.
    #[error("over the limit for one record")]
    TooLarge,
    /// A write was begun inside a write of the same thread.
    #[error("a write inside a write")]
    Nested,
    /// The last slot cannot be removed: nobody could open the vault again.
    #[error("the last key slot stays")]
    LastSlot,
    /// No slot of this number, or no room for another.
    #[error("no such key slot, or no room for another")]
    NoSlot,
    /// The key file is not one.
    #[error("not a key file of this program")]
    BadKeyFile,
    /// The backup does not open with this key, was changed or is cut short. Nothing was taken.
    #[error("the backup does not open")]
    BadBackup,
    /// A value read back is not of the expected shape.
    #[error("a record has an unexpected form")]
    Form,
    /// The document has no key here: never held, or erased.
    #[error("no key for this document")]
    NoDocumentKey,
}

impl VaultError {
    /// The stable code a user sees.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Locked => ErrorCode::VaultLocked,
            Self::WrongKey => ErrorCode::WrongPassphrase,
            Self::Damaged(_) | Self::Form => ErrorCode::VaultDamaged,
            Self::OldCopy => ErrorCode::OldVault,
            Self::DiskFull => ErrorCode::LocalDiskFull,
            Self::InUse => ErrorCode::VaultInUse,
            Self::NoVault => ErrorCode::NoProfile,
            Self::Exists => ErrorCode::ProfileExists,
            Self::Io(_) => ErrorCode::LocalIo,
            Self::TooLarge => ErrorCode::TooLarge,
            Self::Nested => ErrorCode::AgentFault,
            Self::LastSlot | Self::NoSlot => ErrorCode::Usage,
            Self::BadKeyFile | Self::BadBackup => ErrorCode::InputRefused,
            Self::NoDocumentKey => ErrorCode::CannotOpen,
        }
    }
}

impl From<std::io::Error> for VaultError {
    fn from(error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Self::DiskFull,
            kind => Self::Io(kind),
        }
    }
}
