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
    pub fn detach(&self, mailbox: MailboxId, address: Digest, now: u64) -> Result<(), BlobsError> {
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
                self.end(&mut state, &address, card, now, |u| u.mailbox == mailbox)?;
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
        before: Card,
        now: u64,
        gone: impl Fn(&Use) -> bool,
    ) -> Result<usize, BlobsError> {
        let mut card = before.clone();
        let ended = card.end(gone, now, self.told).len();
        if ended > 0 {
            self.stands_now(state, address, &before, card)?;
        }
        Ok(ended)
    }

    /// Another card for a blob that lies here. What no mailbox keeps any more is removed.
    pub(crate) fn stands_now(
        &self,
        state: &mut State,
        address: &Digest,
        before: &Card,
        mut card: Card,
    ) -> Result<(), BlobsError> {
        let length = self.disk.hashes(&self.disk.blob(address), address)?.length();
        if card.is_kept() {
            self.disk.put_card(address, &card)?;
        } else {
            // It is shown nowhere any more, either.
            card.end(|_| true, 0, self.told);
            if !card.is_empty() {
                // First: a power cut between the two leaves both, and this one is the later.
                self.disk.put_ended(address, &card)?;
            }
            self.disk.remove(address)?;
            state.damaged.remove(address);
            state.totals.blobs = state.totals.blobs.saturating_sub(1);
            state.totals.bytes = state.totals.bytes.saturating_sub(length);
        }
        self.changed();
        let keeps = |card: &Card, mailbox: &MailboxId| card.of(mailbox).is_some_and(|u| u.kept);
        for used in before.uses().filter(|u| u.kept && !keeps(&card, &u.mailbox)) {
            state.counts_no_more(&used.mailbox, length);
        }
        for used in card.uses().filter(|u| u.kept && !keeps(before, &u.mailbox)) {
            state.counts(&used.mailbox, length);
        }
        Ok(())
    }
}
