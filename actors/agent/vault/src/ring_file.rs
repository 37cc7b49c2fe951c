//! The file that holds the keyring key, so that an old one can be overwritten in place.
//!
//! ```text
//! offset 0    place of even generations   | generation: u64 BE | sealed keyring key: 72 |
//! offset 128  place of odd generations    | generation: u64 BE | sealed keyring key: 72 |
//! sealed = seal(K("vault-keyring", master key, generation), aad = generation, keyring key)
//! ```
//! The store copies pages instead of overwriting them, so a key kept *there* would stay
//! readable in a freed page. Erasing writes the next generation into the other place and syncs;
//! the transaction then re-seals every remaining document key under it and names the new
//! generation; **after the commit** the old place is filled with zeros. A crash before the
//! commit leaves the old generation in force, one after it leaves a place that the next opening
//! fills. Flash storage may keep old copies of a sector; whoever must exclude that encrypts the disk.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use telesphor_wire::hash::{Secret, derive_key};
use telesphor_wire::labels::KdfLabel;
use telesphor_wire::seal;
use zeroize::Zeroizing;

use crate::error::{Damage, VaultError};
use crate::files;
use crate::keys::Keys;

const PLACE: usize = 128;
const USED: usize = 8 + 24 + 32 + 16;
const BAD: VaultError = VaultError::Damaged(Damage::Keyring);

pub(crate) struct RingFile {
    path: PathBuf,
}

impl RingFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    fn key(keys: &Keys, generation: u64) -> Secret {
        derive_key(KdfLabel::VaultKeyring, &keys.master, &generation.to_be_bytes())
    }

    fn place(generation: u64) -> u64 {
        (generation % 2) * PLACE as u64
    }

    fn load(&self) -> Result<[u8; 2 * PLACE], VaultError> {
        let mut bytes = [0u8; 2 * PLACE];
        let mut file = match files::open_private(&self.path, false) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(BAD),
            Err(e) => return Err(e.into()),
        };
        match file.read_exact(&mut bytes) {
            Ok(()) => Ok(bytes),
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Err(BAD),
            Err(e) => Err(e.into()),
        }
    }

    fn generation_at(bytes: &[u8; 2 * PLACE], generation: u64) -> u64 {
        let at = if generation.is_multiple_of(2) { 0 } else { PLACE };
        let mut number = [0u8; 8];
        number.copy_from_slice(&bytes[at..at + 8]);
        u64::from_be_bytes(number)
    }

    /// The keyring key of a generation; `None` if it has been overwritten by a later one.
    pub(crate) fn read(&self, keys: &Keys, generation: u64) -> Result<Option<Secret>, VaultError> {
        let bytes = self.load()?;
        let found = Self::generation_at(&bytes, generation);
        if found != generation {
            let other = Self::generation_at(&bytes, generation + 1);
            return if found.max(other) > generation {
                Ok(None)
            } else {
                Err(BAD)
            };
        }
        let at = usize::try_from(Self::place(generation)).map_err(|_| BAD)?;
        let key = Zeroizing::new(
            seal::open(
                &Self::key(keys, generation),
                &generation.to_be_bytes(),
                &bytes[at + 8..at + USED],
            )
            .map_err(|_| BAD)?,
        );
        Ok(Some(Secret::new(key.as_slice().try_into().map_err(|_| BAD)?)))
    }

    /// Puts a new generation into its place, durably.
    pub(crate) fn write(&self, keys: &Keys, generation: u64, key: &Secret) -> Result<(), VaultError> {
        let sealed = seal::seal(
            &Self::key(keys, generation),
            &generation.to_be_bytes(),
            key.expose(),
        );
        let mut file = files::open_private(&self.path, true)?;
        if file.metadata()?.len() < 2 * PLACE as u64 {
            file.set_len(2 * PLACE as u64)?;
        }
        file.seek(SeekFrom::Start(Self::place(generation)))?;
        file.write_all(&[&generation.to_be_bytes()[..], &sealed].concat())?;
        file.sync_all()?;
        Ok(())
    }

    /// Fills the place that `current` does not use: the end of the generation before it, or of
    /// one that never came into force.
    pub(crate) fn wipe_other(&self, current: u64) -> Result<(), VaultError> {
        let bytes = self.load()?;
        if Self::generation_at(&bytes, current + 1) == 0 {
            return Ok(());
        }
        let mut file = files::open_private(&self.path, false)?;
        file.seek(SeekFrom::Start(Self::place(current + 1)))?;
        file.write_all(&[0u8; PLACE])?;
        file.sync_all()?;
        Ok(())
    }
}
