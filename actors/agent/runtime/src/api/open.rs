//! Opening a profile that exists.

use std::path::Path;
use std::time::Duration;

use telesphor_vault::{KeyFile, OpenOptions, Unlock, Vault, VaultPaths};

use super::agent::{Agent, Passphrase};
use crate::core::Core;
use crate::error::{Error, Result};

/// How long to wait while another process has the vault open.
const IN_USE_WAIT: Duration = Duration::from_secs(5);

/// What opens a vault.
pub enum Key {
    /// A passphrase.
    Passphrase(Passphrase),
    /// A key file.
    KeyFile(KeyFile),
    /// A session begun earlier; its outer file.
    Session(std::path::PathBuf),
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Agent {
    /// Opens a profile. With `online` the connection's task starts and everything that waits
    /// in the outbox goes out; without, the profile can be read and written to all the same.
    ///
    /// # Errors
    /// [`telesphor_wire::error::ErrorCode::NoProfile`], `WrongPassphrase`, `VaultDamaged`,
    /// `OldVault`, `VaultInUse`.
    pub async fn open_with(folder: &Path, key: Key, online: bool) -> Result<Self> {
        let paths = VaultPaths::in_folder(folder);
        let core = tokio::task::spawn_blocking(move || {
            let options = OpenOptions {
                wait: IN_USE_WAIT,
                read_old_copy: false,
            };
            let now = crate::core::shared::clock();
            let vault = match &key {
                Key::Passphrase(p) => Vault::open(&paths, Unlock::Passphrase(p), options)?,
                Key::KeyFile(file) => Vault::open(&paths, Unlock::KeyFile(file), options)?,
                Key::Session(outer) => Vault::open(&paths, Unlock::Session(outer, now), options)?,
            };
            Core::load(vault)
        })
        .await
        .map_err(|_| Error::fault("open"))??;
        Ok(Self::start(core, online))
    }

    /// [`Agent::open_with`] a passphrase, online.
    ///
    /// # Errors
    /// As [`Agent::open_with`].
    pub async fn open(folder: &Path, passphrase: &Passphrase) -> Result<Self> {
        Self::open_with(folder, Key::Passphrase(passphrase.clone()), true).await
    }

    /// Lets the vault open without asking until `not_after` (Unix milliseconds). `outer` belongs
    /// into a folder that only this user sees and that ends with the log-in.
    ///
    /// # Errors
    /// `VaultLocked`, `LocalIo`.
    pub async fn begin_session(&self, outer: &Path, not_after: u64) -> Result<()> {
        let outer = outer.to_owned();
        self.shared
            .work(move |core| Ok(core.vault.begin_session(&outer, not_after)?))
            .await
    }
}
