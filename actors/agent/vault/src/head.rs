//! The header file: who can open the vault.
//!
//! ```text
//! vault.head = [version, vault id: 32, [slot, ...], mac: 32]          canonical MessagePack
//! mac = K("vault-page", master key, 0x03 || [version, vault id, [slot, ...]])
//! ```
//! The mac can be checked only after a slot has opened; it then shows that no slot was put in,
//! taken out or changed by somebody without the master key. The file is replaced whole.

use serde::{Deserialize, Serialize};
use std::path::Path;
use telesphor_wire::canonical;
use telesphor_wire::hash::{Digest, Secret};

use crate::error::{Damage, VaultError};
use crate::files;
use crate::keys::Keys;
use crate::limits;
use crate::slots::Slot;

const VERSION: u16 = 1;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Head {
    version: u16,
    pub(crate) vault: Digest,
    pub(crate) slots: Vec<Slot>,
}

impl Head {
    pub(crate) fn new() -> Self {
        Self {
            version: VERSION,
            vault: Digest(*Secret::random().expose()),
            slots: Vec::new(),
        }
    }

    /// The smallest number that no slot has.
    pub(crate) fn free_number(&self) -> Result<u16, VaultError> {
        if self.slots.len() >= limits::MAX_SLOTS {
            return Err(VaultError::NoSlot);
        }
        (1..)
            .find(|n| self.slots.iter().all(|s| s.number != *n))
            .ok_or(VaultError::NoSlot)
    }

    pub(crate) fn read(path: &Path) -> Result<(Self, Secret), VaultError> {
        const BAD: VaultError = VaultError::Damaged(Damage::Head);
        let bytes = files::read(path, limits::MAX_HEAD_BYTES)
            .map_err(|e| if matches!(e, VaultError::TooLarge) { BAD } else { e })?
            .ok_or(VaultError::NoVault)?;
        let (head, mac): (Self, Secret) = canonical::decode(&bytes).map_err(|_| BAD)?;
        if head.version != VERSION || head.slots.is_empty() || head.slots.len() > limits::MAX_SLOTS {
            return Err(BAD);
        }
        Ok((head, mac))
    }

    pub(crate) fn check(&self, mac: &Secret, keys: &Keys) -> Result<(), VaultError> {
        if keys.head_mac(&canonical::encode(self)) == *mac {
            Ok(())
        } else {
            Err(VaultError::Damaged(Damage::Head))
        }
    }

    pub(crate) fn write(&self, path: &Path, keys: &Keys) -> Result<(), VaultError> {
        let bytes = canonical::encode(&(self, keys.head_mac(&canonical::encode(self))));
        if bytes.len() > limits::MAX_HEAD_BYTES {
            return Err(VaultError::NoSlot);
        }
        files::replace(path, &bytes)
    }
}
