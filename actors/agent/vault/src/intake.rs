//! Receiving while locked.
//!
//! A locked profile must not lose what arrives. What the relay delivers is ciphertext already,
//! so it can be kept without any key, in the order of its coming, until somebody unlocks and
//! the runtime works it off in one transaction with the cursor it belongs to.

use redb::ReadableTable;

use crate::error::VaultError;
use crate::guard::{guard, guard_drop};
use crate::keys::{all_intake, intake, position_of};
use crate::limits;
use crate::records::Entry;
use crate::records::raw::Raw;
use crate::storage::RECORDS;
use crate::tx::Tx;
use crate::vault::Vault;

impl Vault {
    /// Keeps one delivered event, as ciphertext, durably; works while locked. Gives its position.
    ///
    /// # Errors
    /// [`VaultError::TooLarge`] over [`limits::MAX_INTAKE_BYTES`], or with
    /// [`limits::MAX_INTAKE`] events waiting: leave the rest at the relay. Else a fault of the disk.
    pub fn receive_locked(&self, ciphertext: &[u8]) -> Result<u64, VaultError> {
        if ciphertext.len() > limits::MAX_INTAKE_BYTES {
            return Err(VaultError::TooLarge);
        }
        let _turn = self.take_turn()?;
        self.refuse_if_unfit()?;
        let db = self.db()?;
        let result = guard(|| {
            let tx = db.begin_write()?;
            let position;
            {
                let mut table = tx.open_table(RECORDS)?;
                let (from, to) = all_intake();
                let ends = |key: Vec<u8>| position_of(&key).unwrap_or(0);
                let mut range = table.range::<&[u8]>(&from[..]..&to[..])?;
                let last = range
                    .next_back()
                    .transpose()?
                    .map_or(0, |(key, _)| ends(key.value().to_vec()));
                let first = range
                    .next()
                    .transpose()?
                    .map_or(last, |(key, _)| ends(key.value().to_vec()));
                drop(range);
                if last - first >= limits::MAX_INTAKE {
                    return Ok(None);
                }
                position = last + 1;
                table.insert(&intake(position)[..], ciphertext)?;
            }
            tx.commit()?;
            Ok::<_, redb::Error>(Some(position))
        });
        guard_drop(db);
        self.noting(result)?.ok_or(VaultError::TooLarge)
    }
}

impl Tx<'_> {
    /// Takes out up to `limit` events received while locked, oldest first.
    ///
    /// # Errors
    /// As [`Tx::put`].
    pub fn drain_intake(&self, limit: usize) -> Result<Vec<Entry>, VaultError> {
        let (from, to) = all_intake();
        let mut events = Vec::new();
        for (physical, ciphertext) in self.raw_range(&from, &to, limit.min(limits::MAX_RANGE), false)? {
            self.raw_delete(&physical)?;
            events.push((position_of(&physical)?, ciphertext.into()));
        }
        Ok(events)
    }
}
