//! A new identity key by the recovery kit, and a new kit.
//!
//! The key behind the commitment comes from the old kit, so it must not stay in force: whoever
//! finds that page would have the current key. So a rotation is two events in one step. The
//! first reveals the kit's key and commits to a key made here; the second reveals that one and
//! commits to the new kit's. Afterwards the old page leads to no key that counts.

use telesphor_clinical::own_device::BackupEntry;
use telesphor_clinical::self_entry::SelfEntry;
use telesphor_identity::event::{Change, Rotation};
use telesphor_identity::keys::{KeySet, NextKeys};
use telesphor_identity::kit::{Home, KitSeed, RecoveryKit};
use telesphor_vault::{Guarded, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::sign::SigningKey;

use crate::core::records::MailboxState;
use crate::core::{Core, Ctx};
use crate::error::{Error, Result};
use crate::people;

impl Core {
    /// Whether a kit is the one in force, and the number of its next key.
    ///
    /// # Errors
    /// [`ErrorCode::InputRefused`] for another identity's, [`ErrorCode::KitReplaced`].
    pub(crate) fn kit_in_force(&self, kit: &RecoveryKit) -> Result<(u32, SigningKey)> {
        if kit.identity != self.profile.identity {
            return Err(ErrorCode::InputRefused.into());
        }
        let snapshot = self.read()?;
        let (_, history) = people::history(&snapshot, &self.profile, &kit.identity)?
            .ok_or(Error::of(ErrorCode::BrokenHistory))?;
        kit.find_next_key(&history.now().next)
            .ok_or(Error::of(ErrorCode::KitReplaced))
    }

    /// The kit that will take a kit's place. It is worth something only once the rotation is
    /// done, and must be on paper before.
    pub(crate) fn next_kit(&self, old: &RecoveryKit) -> Result<RecoveryKit> {
        let (n, _) = self.kit_in_force(old)?;
        let record = self.profile.record();
        let relay = record.relays.first().ok_or(Error::fault("relay"))?;
        let home = Home {
            domain: record.domain.clone(),
            address: relay.address.clone(),
            key: record.key,
            tls_key: relay.tls_key,
        };
        let root = self.keys.stored.root.clone().unwrap_or_else(|| old.root_secret());
        Ok(KitSeed::generate().kit(old.identity, n + 1, Some(root), home))
    }
}

impl Ctx<'_, '_> {
    /// Rotates: `revealed` is the old kit's key, `fresh` the key made here, already under its
    /// passphrase in `guarded`.
    pub(crate) fn rotate_identity(
        &mut self,
        revealed: &SigningKey,
        fresh: &SigningKey,
        guarded: Guarded,
        kit: &RecoveryKit,
    ) -> Result<()> {
        let after = kit.next_key(kit.rotations + 1);
        for (key, next) in [(revealed, fresh.public()), (fresh, after.public())] {
            let state = self.history(&self.me())?.ok_or(Error::fault("own history"))?;
            let rotation = Rotation {
                keys: KeySet::single(key.public()),
                next: NextKeys::single(&next),
                custody: state.now().custody.clone(),
                recovery: state.now().recovery.clone(),
            };
            self.extend_history(Change::Rotate(Box::new(rotation)), key)?;
        }
        let backup = kit.backup_key(b"");
        self.leave_backup()?;
        let (sealed, key) = (canonical::encode(&guarded), backup.clone());
        self.change_keys(|keys| {
            keys.guarded = Some(guarded);
            keys.backup = Some(key);
        })?;
        let mut profile = self.profile.clone();
        profile.kit_tested = None;
        profile.kit_due = false;
        profile.backup = None;
        self.put_profile(profile)?;
        self.own(SelfEntry::History(Bytes(self.my_history()?)))?;
        self.own(SelfEntry::IdentityKey(Bytes(sealed)))?;
        self.own(SelfEntry::Backup(BackupEntry {
            key: backup.clone(),
            mailbox: None,
        }))?;
        match self.open_backup(&backup) {
            // Without a voucher there is no new backup; the rotation counts all the same.
            Err(error) if error.code == ErrorCode::AdmissionInvalid => {}
            other => other?,
        }
        self.tell_contacts_history()
    }

    /// The old backup says to whoever comes with the old kit that there is a newer one.
    fn leave_backup(&mut self) -> Result<()> {
        let (Some(mailbox), Some(key)) = (self.profile.backup, self.keys.stored.backup.clone()) else {
            return Ok(());
        };
        self.mark_replaced(mailbox, key)?;
        let Some(mut held) = self.get::<crate::core::records::Held>(Table::Mailboxes, &mailbox.0)? else {
            return Ok(());
        };
        held.state = MailboxState::Ended;
        self.put_held(&held)
    }
}
