//! Finding that this vault is an old copy, by what the relay has that the vault does not.
//!
//! The relay holds the events that this endpoint itself sent. If there are more of them there
//! than this vault remembers sending, then this vault was put back from an older copy, its
//! sending keys have been used already, and sending once more would break the secrecy of both
//! messages. There is no repair but to stop and join again.

use crate::error::VaultError;
use crate::records::Records;
use crate::table::Table;
use crate::vault::Vault;

/// Set in a vault that is known to be an old copy.
pub(crate) const OLD_COPY: &[u8] = b"old-copy";

impl Vault {
    /// Compares the last own event that the relay has under `name` with the one this vault
    /// remembers. Equal or less is fine (the rest is still in the outbox).
    ///
    /// # Errors
    /// [`VaultError::OldCopy`] if the relay has more: from then on this vault can be read and
    /// never written again, also after a restart.
    pub fn compare_own_head(&self, name: &[u8], at_relay: u64) -> Result<(), VaultError> {
        if self.read()?.own_head(name)?.unwrap_or(0) >= at_relay {
            return Ok(());
        }
        self.write(|tx| tx.put(Table::Meta, OLD_COPY, &[1]))?;
        self.set_old_copy();
        Err(VaultError::OldCopy)
    }
}
