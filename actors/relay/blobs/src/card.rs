//! Who keeps a blob and where it is shown: a small file beside it, replaced whole.

use serde::{Deserialize, Serialize};
use telesphor_wire::canonical;
use telesphor_wire::ids::MailboxId;

use crate::error::BlobsError;
use crate::limits::MAX_USES;

const VERSION: u16 = 1;
/// More than [`MAX_USES`] entries take.
pub(crate) const MAX_CARD_BYTES: u64 = 1 << 20;

/// One mailbox's use of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// Which mailbox.
    pub mailbox: MailboxId,
    /// It keeps the blob; otherwise the blob is only shown in it.
    pub kept: bool,
    /// Since when, Unix milliseconds.
    pub since: u64,
}

/// All uses of one blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    version: u16,
    uses: Vec<Use>,
}

impl Card {
    /// A blob that one mailbox keeps.
    pub fn kept_by(mailbox: MailboxId, now: u64) -> Self {
        Self {
            version: VERSION,
            uses: vec![Use {
                mailbox,
                kept: true,
                since: now,
            }],
        }
    }

    /// Reads a card.
    ///
    /// # Errors
    /// [`BlobsError::Card`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BlobsError> {
        let card: Self = canonical::decode(bytes).map_err(|_| BlobsError::Card)?;
        match card.version == VERSION && card.uses.len() <= MAX_USES {
            true => Ok(card),
            false => Err(BlobsError::Card),
        }
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::encode(self)
    }

    /// Every use.
    pub fn uses(&self) -> &[Use] {
        &self.uses
    }

    /// One mailbox's use.
    pub fn of(&self, mailbox: &MailboxId) -> Option<Use> {
        self.uses.iter().copied().find(|u| u.mailbox == *mailbox)
    }

    /// Whether any mailbox keeps it.
    pub fn is_kept(&self) -> bool {
        self.uses.iter().any(|u| u.kept)
    }

    /// Adds a use, or turns one that shows into one that keeps; gives whether anything changed.
    /// What is shown once more is shown from now on: whoever came meanwhile is meant too.
    ///
    /// # Errors
    /// [`BlobsError::Quota`] if it stands in too many mailboxes.
    pub fn add(&mut self, mailbox: MailboxId, kept: bool, now: u64) -> Result<bool, BlobsError> {
        if let Some(there) = self.uses.iter_mut().find(|u| u.mailbox == mailbox) {
            let changes = !there.kept;
            if changes {
                (there.kept, there.since) = (kept, now);
            }
            return Ok(changes);
        }
        if self.uses.len() >= MAX_USES {
            return Err(BlobsError::Quota);
        }
        self.uses.push(Use {
            mailbox,
            kept,
            since: now,
        });
        Ok(true)
    }

    /// Takes uses away; gives those.
    pub fn remove(&mut self, gone: impl Fn(&Use) -> bool) -> Vec<Use> {
        let (gone, stay) = self.uses.iter().partition(|u| gone(u));
        self.uses = stay;
        gone
    }
}
