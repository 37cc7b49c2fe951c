//! A relay whose store has another life than the one our cursors belong to: it was restored
//! from a backup. What it no longer has is offered again, in the old order, as the old bytes.

use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::Cursor;

use crate::core::records::{Archived, Entry, Held, Job, MailboxChoice, Via, What};
use crate::core::{Ctx, names};
use crate::error::{Error, Result};

/// How long ciphertext is kept for this, milliseconds (the time in which ids are remembered).
pub(crate) const KEEP_MS: u64 = 7 * 24 * 3600 * 1000;

/// Events that are read again after a restore, at most.
const READ_AGAIN: u64 = 16_384;

impl Ctx<'_, '_> {
    /// Queues again what this endpoint sent in the last seven days. What the relay still has it
    /// answers with the old receipt; what it lost it takes in again.
    pub(crate) fn relay_restored(&mut self) -> Result<()> {
        let now = self.now;
        self.put(Table::Settings, names::RESTORED, &now)?;
        let mut lists: Vec<MailboxId> = Vec::new();
        for (name, bytes) in self.tx.scan(Table::Mailboxes)? {
            if let Ok(held) = canonical::decode::<Held>(&bytes) {
                self.read_again(&held)?;
            }
            if let Ok(id) = <[u8; 32]>::try_from(name.as_slice()) {
                lists.push(MailboxId(id));
            }
        }
        for known in self.all_known()? {
            lists.extend(known.contact.record.addresses.iter().map(|a| a.mailbox));
        }
        lists.sort_unstable();
        lists.dedup();
        for mailbox in lists {
            self.offer_again(&mailbox)?;
        }
        self.hand_over_again()?;
        self.offer_parts_again()?;
        self.ledger_restored()
    }

    /// Reading goes back to before anything that the relay can have lost: its chain is another
    /// one from there on. What was taken in before is known by its bytes and changes nothing.
    fn read_again(&mut self, held: &Held) -> Result<()> {
        let cursor = self.cursor(&held.id)?;
        let back = held.entered.max(cursor.seq.saturating_sub(READ_AGAIN));
        if back >= cursor.seq {
            return Ok(());
        }
        let hash = match back {
            0 => Some(held.genesis),
            _ => self.link_at(&held.id, back)?,
        };
        match hash {
            Some(hash) => self.put_cursor(&held.id, &Cursor { seq: back, hash }),
            None => Ok(()),
        }
    }

    fn offer_again(&mut self, mailbox: &MailboxId) -> Result<()> {
        let list = names::archive(mailbox);
        let mut again = Vec::new();
        for (position, bytes) in self.tx.range(Table::Scratch, &list, 0, usize::MAX)? {
            let archived: Archived = canonical::decode(&bytes).map_err(|_| Error::fault("archive"))?;
            // It comes back into the archive with the new receipt.
            self.tx.delete_at(Table::Scratch, &list, position)?;
            if archived.at + KEEP_MS >= self.now {
                again.push(archived);
            }
        }
        again.sort_by_key(|a| a.seq);
        let under_way = self.sealed_for(mailbox)?;
        let mut last = None;
        for archived in again {
            let Some(command) = archived.command else { continue };
            // A stamp whose evidence is not whole yet has to wait for the new receipt.
            let job = self.stamp_job(&command)?.unwrap_or(Job::Nothing(true));
            last = Some(self.enqueue_entry(Entry {
                // In a lane apart, for which those can wait that stand in the mailbox's own.
                what: What::Ready(MailboxChoice { mailbox: None }),
                command: Some(command),
                via: archived.via,
                job,
                after: None,
                queued: self.now,
            })?);
        }
        // A reader who never saw the old ones could not open them any more after these.
        for (seq, mut entry) in under_way {
            entry.after = last.or(entry.after);
            self.tx
                .put_at(Table::Outbox, names::OUTBOX, seq, &canonical::encode(&entry))?;
            self.fx.outbox.push((seq, entry));
        }
        Ok(())
    }

    /// Messages of a group that were sealed and not settled yet.
    fn sealed_for(&self, group: &MailboxId) -> Result<Vec<(u64, Entry)>> {
        let mut sealed = Vec::new();
        for (seq, bytes) in self.tx.range(Table::Outbox, names::OUTBOX, 0, usize::MAX)? {
            let entry: Entry = canonical::decode(&bytes).map_err(|_| Error::fault("outbox"))?;
            let meant = matches!(&entry.via, Via::Member(member) if member.mailbox == *group);
            if meant && entry.command.is_some() {
                sealed.push((seq, entry));
            }
        }
        Ok(sealed)
    }
}
