//! Changing who can open the vault.

use std::path::Path;
use telesphor_wire::hash::Secret;

use crate::error::VaultError;
use crate::head::Head;
use crate::keys::Keys;
use crate::slots::{KeyFile, PassphraseCost, Slot, SlotInfo, SlotKind, Unlock};
use crate::vault::{Vault, VaultPaths, held};

impl Vault {
    /// Writes a session: until `not_after_ms` (milliseconds since 1970) the vault opens with
    /// [`Unlock::Session`] and the file at `outer`, which belongs into a folder that only this
    /// user sees and that does not outlive the log-in.
    ///
    /// # Errors
    /// [`VaultError::Locked`] or a fault of the disk.
    pub fn begin_session(&self, outer: &Path, not_after_ms: u64) -> Result<(), VaultError> {
        let keys = self.keys()?;
        crate::session::begin(
            &self.0.vault,
            &keys.master,
            &self.0.paths.session(),
            outer,
            not_after_ms,
        )
    }

    /// Writes a session without opening the store: no other program has to let go of the vault
    /// for it, and nothing of its content is read.
    ///
    /// # Errors
    /// [`VaultError::NoVault`], [`VaultError::WrongKey`], [`VaultError::Damaged`], or a fault of the disk.
    pub fn begin_session_at(
        paths: &VaultPaths,
        key: Unlock<'_>,
        outer: &Path,
        not_after_ms: u64,
    ) -> Result<(), VaultError> {
        let (head, mac) = Head::read(&paths.head())?;
        let keys = Keys::new(master_from(paths, &head, key)?);
        head.check(&mac, &keys)?;
        crate::session::begin(&head.vault, &keys.master, &paths.session(), outer, not_after_ms)
    }

    /// The key slots.
    pub fn slots(&self) -> Vec<SlotInfo> {
        held(&self.0.head).slots.iter().map(Slot::info).collect()
    }

    /// Adds a passphrase; gives the slot's number.
    ///
    /// # Errors
    /// [`VaultError::Locked`], [`VaultError::NoSlot`], or a fault of the disk.
    pub fn add_passphrase(
        &self,
        label: &str,
        passphrase: &str,
        cost: PassphraseCost,
    ) -> Result<u16, VaultError> {
        self.change_head(|head, master| {
            let number = head.free_number()?;
            head.slots.push(Slot::passphrase(
                &head.vault,
                number,
                label,
                passphrase,
                cost,
                master,
            )?);
            Ok(number)
        })
    }

    /// Adds a key file; gives the slot's number.
    ///
    /// # Errors
    /// As [`Vault::add_passphrase`].
    pub fn add_key_file(&self, label: &str, file: &KeyFile) -> Result<u16, VaultError> {
        self.change_head(|head, master| {
            let number = head.free_number()?;
            head.slots
                .push(Slot::key_file(&head.vault, number, label, file, master)?);
            Ok(number)
        })
    }

    /// Removes a slot. Whoever copied the header before *and* knows that slot's key still has
    /// the master key; what must be safe from him is a new vault.
    ///
    /// # Errors
    /// [`VaultError::LastSlot`], [`VaultError::NoSlot`], [`VaultError::Locked`], or a fault of the disk.
    pub fn remove_slot(&self, number: u16) -> Result<(), VaultError> {
        self.change_head(|head, _| {
            if !head.slots.iter().any(|s| s.number == number) {
                return Err(VaultError::NoSlot);
            }
            if head.slots.len() == 1 {
                return Err(VaultError::LastSlot);
            }
            head.slots.retain(|s| s.number != number);
            Ok(())
        })
    }

    /// Replaces the passphrase that `old` opens; the file holds either the old or the new one.
    ///
    /// # Errors
    /// [`VaultError::WrongKey`] if `old` opens no passphrase slot; else as [`Vault::add_passphrase`].
    pub fn change_passphrase(&self, old: &str, new: &str, cost: PassphraseCost) -> Result<(), VaultError> {
        self.change_head(|head, master| {
            let vault = head.vault;
            let slot = head
                .slots
                .iter_mut()
                .filter(|s| s.is(SlotKind::Passphrase))
                .find(|s| s.open_passphrase(&vault, old).is_ok())
                .ok_or(VaultError::WrongKey)?;
            let info = slot.info();
            *slot = Slot::passphrase(&vault, info.number, &info.label, new, cost, master)?;
            Ok(())
        })
    }

    fn change_head<T>(
        &self,
        change: impl FnOnce(&mut Head, &Secret) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let keys = self.keys()?;
        let mut head = held(&self.0.head);
        let mut fresh = head.clone();
        let result = change(&mut fresh, &keys.master)?;
        fresh.write(&self.0.paths.head(), &keys)?;
        *head = fresh;
        Ok(result)
    }
}

/// The master key, if `key` opens a slot or a session.
pub(crate) fn master_from(paths: &VaultPaths, head: &Head, key: Unlock<'_>) -> Result<Secret, VaultError> {
    let of_kind = |kind| head.slots.iter().filter(move |s| s.is(kind));
    match key {
        Unlock::Passphrase(passphrase) => {
            first_open(of_kind(SlotKind::Passphrase).map(|s| s.open_passphrase(&head.vault, passphrase)))
        }
        Unlock::KeyFile(file) => {
            first_open(of_kind(SlotKind::KeyFile).map(|s| s.open_key_file(&head.vault, file)))
        }
        Unlock::Session(outer, now_ms) => {
            crate::session::resume(&head.vault, &paths.session(), outer, now_ms)
        }
    }
}

fn first_open(attempts: impl Iterator<Item = Result<Secret, VaultError>>) -> Result<Secret, VaultError> {
    let mut last = VaultError::WrongKey;
    for attempt in attempts {
        match attempt {
            Ok(master) => return Ok(master),
            Err(VaultError::WrongKey) => {}
            Err(other) => last = other,
        }
    }
    Err(last)
}
