//! Where things lie in a relay's data directory.

use std::path::{Path, PathBuf};

/// A data directory.
#[derive(Clone, Debug)]
pub struct Layout(PathBuf);

impl Layout {
    /// Of this directory.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self(data.into())
    }

    /// The directory itself.
    pub fn root(&self) -> &Path {
        &self.0
    }

    /// The configuration that `init` writes.
    pub fn config(&self) -> PathBuf {
        self.0.join("relay.toml")
    }

    /// The folder of the relay's own keys (0700).
    pub fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    /// The folder of a self-made certificate.
    pub fn tls(&self) -> PathBuf {
        self.0.join("tls")
    }

    /// The signed domain record, canonical bytes.
    pub fn record(&self) -> PathBuf {
        self.0.join("domain.record")
    }

    /// The signed record of the cluster that this relay belongs to, canonical bytes.
    pub fn cluster(&self) -> PathBuf {
        self.0.join("cluster.record")
    }

    /// What the domain says of its sealing key, canonical bytes.
    pub fn sealing(&self) -> PathBuf {
        self.keys().join("sealing.statement")
    }

    /// The records of other domains that are pinned here.
    pub fn peers(&self) -> PathBuf {
        self.0.join("peers")
    }

    /// The store.
    pub fn store(&self) -> PathBuf {
        self.0.join("store")
    }

    /// Large ciphertext.
    pub fn blobs(&self) -> PathBuf {
        self.0.join("blobs")
    }

    /// Support codes with times and outcomes.
    pub fn traces(&self) -> PathBuf {
        self.0.join("traces")
    }

    /// The admin socket of a running relay (0600).
    pub fn socket(&self) -> PathBuf {
        self.0.join("admin.sock")
    }

    /// When erased ciphertext was last removed from the disk, Unix milliseconds.
    pub fn reclaimed(&self) -> PathBuf {
        self.0.join("reclaimed")
    }

    /// Locked by the process that works on the directory.
    pub fn lock(&self) -> PathBuf {
        self.0.join("relay.lock")
    }
}
