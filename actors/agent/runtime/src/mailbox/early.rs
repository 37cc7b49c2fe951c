//! Deposits that came before their sender was known.
//!
//! Whoever takes an invitation may write at once, while the answer that makes it a contact
//! still lies in another mailbox: the two have no common order. What opens but names an
//! unknown sender is kept, little of it, and carried out when the acquaintance is made.

use serde::{Deserialize, Serialize};
use telesphor_vault::Table;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::ids::{IdentityId, MailboxId};

use crate::core::Ctx;
use crate::error::Result;
use crate::sync::events::is_local;

const EARLY: &[u8] = b"early";
/// Kept at most; the oldest gives way, so that nobody fills the vault by naming strangers.
const MOST: usize = 32;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Early {
    sender: IdentityId,
    mailbox: MailboxId,
    stamp: u64,
    payload: Bytes,
}

impl Ctx<'_, '_> {
    /// Keeps a deposit whose claimed sender is not known.
    pub(crate) fn keep_early(
        &mut self,
        sender: IdentityId,
        mailbox: MailboxId,
        payload: &[u8],
        stamp: u64,
    ) -> Result<()> {
        let mut kept: Vec<Early> = self.get(Table::Scratch, EARLY)?.unwrap_or_default();
        let payload = Bytes(payload.to_vec());
        kept.push(Early {
            sender,
            mailbox,
            stamp,
            payload,
        });
        if kept.len() > MOST {
            kept.remove(0);
        }
        self.put(Table::Scratch, EARLY, &kept)
    }

    /// Carries out what somebody sent before being known.
    pub(crate) fn take_early(&mut self, sender: &IdentityId) -> Result<()> {
        let kept: Vec<Early> = self.get(Table::Scratch, EARLY)?.unwrap_or_default();
        let (theirs, others): (Vec<_>, Vec<_>) = kept.into_iter().partition(|e| e.sender == *sender);
        if theirs.is_empty() {
            return Ok(());
        }
        self.put(Table::Scratch, EARLY, &others)?;
        for early in theirs {
            let held = self.held(&early.mailbox)?;
            match self.take_deposit(&held, &early.payload, early.stamp) {
                Err(error) if is_local(error.code) => return Err(error),
                // What a sender did wrong has no effect here, as in any other event.
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}
