//! An endpoint's own entries, come back in the order of the self mailbox.
//!
//! What is said of a contact counts in that order: if two endpoints change the same contact at
//! once, the later entry stays at both. MLS cannot open one's own messages, so the entry waits
//! here under the hash of its ciphertext until it comes back.

use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::self_entry::SelfEntry;
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::mailbox::payload_hash;

use crate::core::Ctx;
use crate::error::Result;

fn name(payload: &[u8]) -> Vec<u8> {
    [b"own-entry/", &payload_hash(payload).0[..]].concat()
}

/// Entries for which the last one counts.
const fn ordered(entry: &SelfEntry) -> bool {
    matches!(
        entry,
        SelfEntry::Contact(_)
            | SelfEntry::ContactRemoved(_)
            | SelfEntry::DepositKey(_)
            | SelfEntry::OwnerKey(_)
            | SelfEntry::Anchor(_)
            | SelfEntry::Backup(_)
            | SelfEntry::IdentityKey(_)
    )
}

impl Ctx<'_, '_> {
    /// Keeps an entry that was just sealed until it comes back.
    pub(crate) fn remember_entry(&mut self, payload: &[u8], body: &GroupMessage) -> Result<()> {
        match body {
            GroupMessage::Own(entry) if self.keys.siblings && ordered(entry) => {
                self.put(Table::Scratch, &name(payload), entry.as_ref())
            }
            _ => Ok(()),
        }
    }

    /// A ciphertext of this endpoint has come back: if it was an entry, it counts now.
    pub(crate) fn entry_echoed(&mut self, payload: &[u8]) -> Result<()> {
        let name = name(payload);
        let Some(bytes) = self.tx.get(Table::Scratch, &name)? else {
            return Ok(());
        };
        self.tx.delete(Table::Scratch, &name)?;
        match canonical::decode::<SelfEntry>(&bytes) {
            Ok(entry) => self.apply_own(entry),
            Err(_) => Ok(()),
        }
    }
}
