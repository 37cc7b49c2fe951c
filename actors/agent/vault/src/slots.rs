//! Key slots: several keys, each wrapping the one master key.
//!
//! ```text
//! slot = [number, kind, label, salt: 32, kib, passes, lanes, wrapped]      canonical MessagePack
//! wrapped = seal(K("vault-page", slot key, 0x05), aad = [vault id, number, kind, salt, kib, passes, lanes], master key)
//! slot key  passphrase: Argon2id v1.3 (RFC 9106) of the passphrase and the salt, 32 bytes
//!           key file:   its 32 bytes; kib, passes and lanes are 0
//! ```
//! The costs stand in the slot, so that they can be raised by a change of passphrase; they are
//! bounded when read.

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::hash::{Digest, Secret, derive_key};
use telesphor_wire::labels::KdfLabel;
use telesphor_wire::{seal, text};
use zeroize::Zeroizing;

use crate::error::{Damage, VaultError};
use crate::limits;

const USE_SLOT: u8 = 5;
const KEY_FILE_PREFIX: &str = "telvaultkey";

/// What kind of key opens a slot. Numbers 3 and 4 are kept for a badge and for the operating
/// system's key store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SlotKind {
    /// A passphrase that somebody knows.
    Passphrase = 1,
    /// 32 bytes in a file.
    KeyFile = 2,
    /// A badge held to a reader.
    Badge = 3,
    /// The operating system's key store.
    OsStore = 4,
}

impl SlotKind {
    const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Passphrase),
            2 => Some(Self::KeyFile),
            3 => Some(Self::Badge),
            4 => Some(Self::OsStore),
            _ => None,
        }
    }
}

/// What a passphrase costs to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassphraseCost {
    /// Memory, KiB.
    pub kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for PassphraseCost {
    /// The second recommended choice of RFC 9106, section 4: 64 MiB, 3 passes, 4 lanes. It
    /// takes about a quarter of a second on a small machine; the first one's 2 GiB would not
    /// fit beside a bedside application.
    fn default() -> Self {
        Self {
            kib: 64 * 1024,
            passes: 3,
            lanes: 4,
        }
    }
}

impl PassphraseCost {
    /// The least the algorithm allows. For tests: it protects nothing.
    pub const fn least() -> Self {
        Self {
            kib: 8,
            passes: 1,
            lanes: 1,
        }
    }
}

/// What somebody opens a vault with.
#[derive(Clone, Copy)]
pub enum Unlock<'a> {
    /// A passphrase. Tried on every passphrase slot.
    Passphrase(&'a str),
    /// A key file.
    KeyFile(&'a KeyFile),
    /// The session file that [`crate::Vault::begin_session`] wrote, and the instant now, in
    /// milliseconds since 1970.
    Session(&'a std::path::Path, u64),
}

/// The 32 bytes of a key file. Its text form is one bech32m line, so a damaged copy is noticed.
#[derive(Clone)]
pub struct KeyFile(Secret);

impl KeyFile {
    /// A fresh one.
    pub fn generate() -> Self {
        Self(Secret::random())
    }

    /// The line to keep in a file that only its owner may read.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(text::encode(KEY_FILE_PREFIX, self.0.expose()))
    }

    /// Reads such a line.
    ///
    /// # Errors
    /// [`VaultError::BadKeyFile`].
    pub fn from_text(line: &str) -> Result<Self, VaultError> {
        let bytes = Zeroizing::new(
            text::decode(KEY_FILE_PREFIX, "vault key", line).map_err(|_| VaultError::BadKeyFile)?,
        );
        let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|_| VaultError::BadKeyFile)?;
        Ok(Self(Secret::new(bytes)))
    }
}

/// A slot as it is shown: no secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotInfo {
    /// Its number, for removing it.
    pub number: u16,
    /// What opens it; `None` for a kind that a newer version made.
    pub kind: Option<SlotKind>,
    /// What its owner called it. Stands in clear in the header.
    pub label: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Slot {
    pub(crate) number: u16,
    kind: u8,
    label: String,
    salt: Digest,
    kib: u32,
    passes: u32,
    lanes: u32,
    wrapped: Bytes,
}

impl Slot {
    pub(crate) fn info(&self) -> SlotInfo {
        SlotInfo {
            number: self.number,
            kind: SlotKind::from_number(self.kind),
            label: self.label.clone(),
        }
    }

    pub(crate) const fn cost(&self) -> PassphraseCost {
        PassphraseCost {
            kib: self.kib,
            passes: self.passes,
            lanes: self.lanes,
        }
    }

    pub(crate) fn is(&self, kind: SlotKind) -> bool {
        self.kind == kind as u8
    }

    fn aad(&self, vault: &Digest) -> Vec<u8> {
        canonical::encode(&(
            vault,
            self.number,
            self.kind,
            &self.salt,
            self.kib,
            self.passes,
            self.lanes,
        ))
    }

    fn make(
        vault: &Digest,
        number: u16,
        kind: SlotKind,
        label: &str,
        cost: PassphraseCost,
        master: &Secret,
        slot_key: impl FnOnce(&Self) -> Result<Secret, VaultError>,
    ) -> Result<Self, VaultError> {
        let mut slot = Self {
            number,
            kind: kind as u8,
            label: label.chars().take(64).collect(),
            salt: Digest(*Secret::random().expose()),
            kib: cost.kib,
            passes: cost.passes,
            lanes: cost.lanes,
            wrapped: Bytes::default(),
        };
        let key = wrapping(&slot_key(&slot)?);
        slot.wrapped = seal::seal(&key, &slot.aad(vault), master.expose()).into();
        Ok(slot)
    }

    pub(crate) fn passphrase(
        vault: &Digest,
        number: u16,
        label: &str,
        passphrase: &str,
        cost: PassphraseCost,
        master: &Secret,
    ) -> Result<Self, VaultError> {
        Self::make(vault, number, SlotKind::Passphrase, label, cost, master, |s| {
            s.stretch(passphrase)
        })
    }

    pub(crate) fn key_file(
        vault: &Digest,
        number: u16,
        label: &str,
        file: &KeyFile,
        master: &Secret,
    ) -> Result<Self, VaultError> {
        let none = PassphraseCost {
            kib: 0,
            passes: 0,
            lanes: 0,
        };
        Self::make(vault, number, SlotKind::KeyFile, label, none, master, |_| {
            Ok(file.0.clone())
        })
    }

    pub(crate) fn open_passphrase(&self, vault: &Digest, passphrase: &str) -> Result<Secret, VaultError> {
        self.unwrap_master(vault, &self.stretch(passphrase)?)
    }

    pub(crate) fn open_key_file(&self, vault: &Digest, file: &KeyFile) -> Result<Secret, VaultError> {
        self.unwrap_master(vault, &file.0)
    }

    fn unwrap_master(&self, vault: &Digest, slot_key: &Secret) -> Result<Secret, VaultError> {
        let master = Zeroizing::new(
            seal::open(&wrapping(slot_key), &self.aad(vault), &self.wrapped)
                .map_err(|_| VaultError::WrongKey)?,
        );
        let master: [u8; 32] = master
            .as_slice()
            .try_into()
            .map_err(|_| VaultError::Damaged(Damage::Head))?;
        Ok(Secret::new(master))
    }

    fn stretch(&self, passphrase: &str) -> Result<Secret, VaultError> {
        const BAD: VaultError = VaultError::Damaged(Damage::Head);
        if self.kib > limits::MAX_ARGON2_KIB
            || self.passes > limits::MAX_ARGON2_PASSES
            || self.lanes > limits::MAX_ARGON2_LANES
        {
            return Err(BAD);
        }
        let params = Params::new(self.kib, self.passes, self.lanes, Some(32)).map_err(|_| BAD)?;
        let mut key = Zeroizing::new([0u8; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), self.salt.as_bytes(), key.as_mut())
            .map_err(|_| BAD)?;
        Ok(Secret::new(*key))
    }
}

pub(crate) fn wrapping(slot_key: &Secret) -> Secret {
    derive_key(KdfLabel::VaultPage, slot_key, &[USE_SLOT])
}
