//! Which mailboxes keep a blob, and in which it is shown.

use telesphor_wire::blob::call::BlobStanding;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::MailboxId;

use crate::card::{Card, Use};
use crate::error::BlobsError;
use crate::state::{Blobs, State, whole};

impl Blobs {
    /// Keeps a blob in one more mailbox, or shows it there. Its ciphertext stays where it is.
    ///
    /// # Errors
    /// [`BlobsError::Absent`] unless it stands in `source`; [`BlobsError::Quota`].
    pub fn attach(
        &self,
        mailbox: MailboxId,
        address: Digest,
        source: MailboxId,
        keep: Option<u64>,
        now: u64,
    ) -> Result<BlobStanding, BlobsError> {
        let mut state = self.state();
        let mut card = self.disk.card(&address)?.ok_or(BlobsError::Absent)?;
        card.of(&source).ok_or(BlobsError::Absent)?;
        let hashes = self.disk.hashes(&self.disk.blob(&address), &address)?;
        let kept = card.of(&mailbox).is_some_and(|u| u.kept);
        if let Some(quota) = keep
            && !kept
        {
            state.has_room(&mailbox, hashes.length(), quota)?;
        }
        if card.add(mailbox, keep.is_some(), now)? {
            self.disk.put_card(&address, &card)?;
            if keep.is_some() && !kept {
                state.counts(&mailbox, hashes.length());
            }
        }
        Ok(whole(&hashes, kept || keep.is_some()))
    }

    /// Takes a blob out of a mailbox, also one that is still coming. What no mailbox keeps any
    /// more is removed from the disk before this returns.
    ///
    /// # Errors
    /// [`BlobsError::Absent`]; [`BlobsError::Busy`] while it is being put.
    pub fn detach(&self, mailbox: MailboxId, address: Digest) -> Result<(), BlobsError> {
        let mut state = self.state();
        let name = (mailbox, address);
        let part = state.parts.get(&name).map(|part| part.busy);
        match part {
            Some(true) => return Err(BlobsError::Busy),
            Some(false) => {
                self.disk.drop_part(&name)?;
                state.remove_part(&name);
            }
            None => {}
        }
        match self.disk.card(&address)? {
            Some(card) if card.of(&mailbox).is_some() => {
                self.end(&mut state, &address, card, |u| u.mailbox == mailbox)?;
                Ok(())
            }
            _ if part.is_some() => Ok(()),
            _ => Err(BlobsError::Absent),
        }
    }

    /// Ends uses of a blob; gives how many.
    pub(crate) fn end(
        &self,
        state: &mut State,
        address: &Digest,
        mut card: Card,
        gone: impl Fn(&Use) -> bool,
    ) -> Result<usize, BlobsError> {
        let ended = card.remove(gone);
        if ended.is_empty() {
            return Ok(0);
        }
        let length = self.disk.hashes(&self.disk.blob(address), address)?.length();
        if card.is_kept() {
            self.disk.put_card(address, &card)?;
        } else {
            self.disk.remove(address)?;
            state.damaged.remove(address);
            state.totals.blobs = state.totals.blobs.saturating_sub(1);
            state.totals.bytes = state.totals.bytes.saturating_sub(length);
        }
        self.changed();
        for used in ended.iter().filter(|u| u.kept) {
            state.counts_no_more(&used.mailbox, length);
        }
        Ok(ended.len())
    }
}
