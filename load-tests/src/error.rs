//! Why a run came to no figure.

/// A run that came to no figure.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The operating system.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The relay's process.
    #[error(transparent)]
    Relay(#[from] telesphor_chaos::relay::RelayError),
    /// Setting up a client.
    #[error(transparent)]
    Tenant(#[from] telesphor_chaos::tenant::TenantError),
    /// The connection to the relay.
    #[error(transparent)]
    Link(#[from] telesphor_agent::link::LinkError),
    /// RocksDB alone.
    #[error(transparent)]
    RocksDb(#[from] rocksdb::Error),
    /// The relay's store, filled offline.
    #[error(transparent)]
    Store(#[from] telesphor_store::StoreError),
    /// The same, while writing.
    #[error(transparent)]
    Fatal(#[from] telesphor_store::Fatal),
    /// Something said something unexpected.
    #[error("{0}")]
    Odd(String),
}

/// Shorthand.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// Anything that only has words.
pub(crate) fn odd(words: impl std::fmt::Display) -> Error {
    Error::Odd(words.to_string())
}
