//! Opening a profile that exists.

use std::path::Path;
use std::time::Duration;

use telesphor_vault::{KeyFile, OpenOptions, Unlock, Vault, VaultPaths};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::hash::{Digest, hash};
use telesphor_wire::labels::HashLabel;

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

/// A profile that was let go of, with the keys to go on.
pub struct Aside(Vault);

impl std::fmt::Debug for Aside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Aside(..)")
    }
}

impl Aside {
    /// Goes on, online. No session is behind it: nobody acts under a name that was signed in.
    ///
    /// # Errors
    /// `VaultInUse` while another program has the profile: ask again.
    pub async fn back(&self, wait: Duration) -> Result<Agent> {
        let vault = self.0.clone();
        let core = tokio::task::spawn_blocking(move || {
            let options = OpenOptions {
                wait,
                read_old_copy: false,
            };
            Core::load(vault.again(options)?)
        })
        .await
        .map_err(|_| Error::fault("open"))??;
        Ok(Agent::start(core, true))
    }
}

/// What tells one session from another: its inner half, as it stands in the profile's folder.
fn session_of(paths: &VaultPaths) -> Option<Digest> {
    let inner = std::fs::read(paths.session()).ok()?;
    Some(hash(HashLabel::Original, &("vault session", Bytes(inner))))
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
            let session = matches!(key, Key::Session(_))
                .then(|| session_of(&paths))
                .flatten();
            let vault = match &key {
                Key::Passphrase(p) => Vault::open(&paths, Unlock::Passphrase(p), options)?,
                Key::KeyFile(file) => Vault::open(&paths, Unlock::KeyFile(file), options)?,
                Key::Session(outer) => Vault::open(&paths, Unlock::Session(outer, now), options)?,
            };
            let mut core = Core::load(vault)?;
            core.session = session;
            Ok::<_, Error>(core)
        })
        .await
        .map_err(|_| Error::fault("open"))??;
        Ok(Self::start(core, online))
    }

    /// Lets go of the profile for other programs and keeps what opens it, whatever becomes of
    /// sessions meanwhile: [`Aside::back`] goes on.
    pub async fn aside(self) -> Result<Aside> {
        let vault = self.shared.work(|core| Ok(core.vault.clone())).await?;
        self.close().await;
        let kept = vault.clone();
        tokio::task::spawn_blocking(move || vault.let_go())
            .await
            .map_err(|_| Error::fault("aside"))?;
        Ok(Aside(kept))
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
