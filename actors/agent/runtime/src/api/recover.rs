//! `recover`: a new device from the kit. And the backup that makes it worth something.

use std::path::Path;
use std::time::Duration;

use telesphor_identity::kit::RecoveryKit;
use telesphor_vault::{Vault, VaultPaths};
use telesphor_wire::error::ErrorCode;

use super::agent::{Agent, Passphrase};
use super::create::NewProfile;
use crate::error::{Error, Result};
use crate::recovery::fetch::fetch;
use crate::recovery::restart::take_over;

impl Agent {
    /// Puts an encrypted backup of documents, contacts, grants and owner keys into one's own
    /// mailbox and waits until it is durable. Only the recovery kit leads back to it.
    ///
    /// # Errors
    /// [`ErrorCode::NotYetDurable`] after `wait`: it goes on by itself.
    pub async fn back_up(&self, wait: Duration) -> Result<()> {
        let queued = self.shared.change(|core| core.back_up()).await?;
        self.wait_for(wait, move |core| {
            Ok(queued
                .iter()
                .all(|seq| !core.index.outbox.contains_key(seq))
                .then_some(()))
        })
        .await
    }

    /// Makes this device the identity's only one: fetches the last backup by the kit, rotates the
    /// identity key, ends every other endpoint, rotates the owner keys, and tells the contacts.
    /// What came after the last backup is not restored; conversations begin anew.
    ///
    /// # Errors
    /// [`ErrorCode::ProfileExists`]; [`ErrorCode::NotFound`] if there is no backup;
    /// [`ErrorCode::KitReplaced`] if there is a newer kit.
    pub async fn recover(
        folder: &Path,
        passphrase: &Passphrase,
        new: NewProfile,
        kit: RecoveryKit,
        wait: Duration,
    ) -> Result<Self> {
        let paths = VaultPaths::in_folder(folder);
        if paths.exists() {
            return Err(ErrorCode::ProfileExists.into());
        }
        let found = fetch(&kit).await?;
        let passphrase = passphrase.clone();
        let core = tokio::task::spawn_blocking(move || {
            let vault = Vault::create(&paths, &passphrase, new.cost)?;
            vault.import_backup(&kit.backup_key(b""), &mut found.backup.as_slice())?;
            take_over(&vault, &kit, &new, found.home, &passphrase)
        })
        .await
        .map_err(|_| Error::fault("recover"))??;
        let agent = Self::start(core, true);
        agent.ready(wait).await?;
        Ok(agent)
    }
}
