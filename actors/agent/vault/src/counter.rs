//! A counter beside the vault that only rises: finds a vault file put back from an older copy.
//!
//! ```text
//! vault.count = [1, vault id: 32, counter: u64, mac: 32]              canonical MessagePack
//! mac = K("vault-page", master key, 0x04 || [1, vault id, counter])
//! ```
//! Every write that changes something raises the counter inside its transaction and then writes it here. A file here
//! that is *ahead* of the vault means the vault is an older copy. Behind means a crash between
//! the two, and is normal; so this file needs no sync. Somebody who puts back the whole folder
//! puts this file back too: keep it elsewhere ([`crate::VaultPaths::counter`]), and compare with
//! the relay ([`crate::Vault::compare_own_head`]), which nobody here can put back.

use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use telesphor_wire::canonical;
use telesphor_wire::hash::{Digest, Secret};

use crate::error::VaultError;
use crate::files;
use crate::keys::Keys;

const VERSION: u16 = 1;
const MAX_BYTES: usize = 256;

pub(crate) struct CounterFile {
    path: PathBuf,
    file: Mutex<Option<std::fs::File>>,
}

impl CounterFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: Mutex::new(None),
        }
    }

    /// What stands there; 0 if nothing that this vault wrote.
    pub(crate) fn read(&self, vault: &Digest, keys: &Keys) -> Result<u64, VaultError> {
        let bytes = match files::read(&self.path, MAX_BYTES) {
            Ok(Some(bytes)) => bytes,
            Ok(None) | Err(VaultError::TooLarge) => return Ok(0),
            Err(e) => return Err(e),
        };
        let parsed: Result<(u16, Digest, u64, Secret), _> = canonical::decode(&bytes);
        Ok(match parsed {
            Ok((VERSION, id, counter, mac)) if id == *vault && mac == Self::mac(vault, keys, counter) => {
                counter
            }
            _ => 0,
        })
    }

    fn mac(vault: &Digest, keys: &Keys, counter: u64) -> Secret {
        keys.counter_mac(&canonical::encode(&(VERSION, vault, counter)))
    }

    /// Writes the counter after a commit. A failure here costs only the chance to notice, so
    /// it does not fail the write that has landed.
    pub(crate) fn write(&self, vault: &Digest, keys: &Keys, counter: u64) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = canonical::encode(&(VERSION, vault, counter, Self::mac(vault, keys, counter)));
        let written = (|| {
            if file.is_none() {
                *file = Some(files::open_private(&self.path, true)?);
            }
            let Some(file) = file.as_mut() else { return Ok(()) };
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&bytes)?;
            file.set_len(bytes.len() as u64)
        })();
        if written.is_err() {
            *file = None;
        }
    }
}
