//! Writing into a shared mailbox over there: what would go by a member's right on a session goes
//! by the epoch's key itself, under the seal for that domain.

use telesphor_clinical::message::GroupMessage;
use telesphor_sealing::epoch_keys;
use telesphor_vault::Table;
use telesphor_wire::answer::Taken;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::Command;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::MailboxId;

use super::record::{Away, FarSay, FarWish};
use crate::core::records::{Entry, GroupSay, Held, Job, MailboxState, Refused, TalkSay, Via, What};
use crate::core::{Ctx, names};
use crate::error::{Error, Result};
use crate::group::rows::Rows;
use crate::sync::answers::Done;

/// What was sealed in an epoch that is over is sealed anew after so long, milliseconds: by then the
/// new one may be known.
const ANEW_MS: u64 = 300;

/// Whether nothing was written because the group has moved on.
const fn has_moved(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::WrongEpoch | ErrorCode::WrongBranch)
}

impl Ctx<'_, '_> {
    /// The mailbox, if it is one over there.
    pub(crate) fn held_elsewhere(&self, mailbox: &MailboxId) -> Result<Option<Held>> {
        let held: Option<Held> = self.get(Table::Mailboxes, &mailbox.0)?;
        Ok(held.filter(|held| self.is_followed_elsewhere(held)))
    }

    /// Seals a message for a group over there, for the entry of that number and time.
    pub(crate) fn seal_elsewhere(
        &mut self,
        entry: (u64, u64),
        held: &Held,
        say: &GroupSay,
    ) -> Result<Option<(Command, Via)>> {
        if held.state == MailboxState::Ended {
            return self.seal_after_the_end(entry, held, say);
        }
        // Nothing is sealed that could not go.
        if self.road(&held.domain, entry.1)?.is_none() {
            return Ok(None);
        }
        let Some((Command::Deposit(deposit), Via::Member(via))) = self.seal_for_group(say)? else {
            return Ok(None);
        };
        let keys = epoch_keys(&Rows(self.tx), via.mailbox, via.branch, via.epoch)?;
        let keys = keys.ok_or(Error::fault("epoch keys"))?;
        let far = FarSay {
            domain: held.domain.clone(),
            mailbox: held.id,
            wish: self.signed_wish(deposit, keys.access()),
        };
        self.seal_for_domain(entry, far)
    }

    /// A receipt that the end has overtaken still reaches the owner, in his personal mailbox.
    fn seal_after_the_end(
        &mut self,
        entry: (u64, u64),
        held: &Held,
        say: &GroupSay,
    ) -> Result<Option<(Command, Via)>> {
        let receipt = matches!(canonical::decode(&say.body), Ok(GroupMessage::Receipt(_)));
        let (Some(contact), true) = (held.with, receipt) else {
            return Err(ErrorCode::NotForwardable.into());
        };
        let Some(address) = self.elsewhere(&contact)? else {
            return Err(ErrorCode::NotForwardable.into());
        };
        let said = TalkSay {
            contact,
            body: say.body.clone(),
            padding: say.padding,
        };
        self.seal_said(entry, &said, &address)
    }

    /// A commit for a group over there. It counts when the mailbox's order confirms it there.
    pub(crate) fn commit_elsewhere(
        &mut self,
        held: &Held,
        commit: &Command,
        after: Option<u64>,
    ) -> Result<u64> {
        let say = FarSay {
            domain: held.domain.clone(),
            mailbox: held.id,
            wish: FarWish::Command(Bytes(canonical::encode(commit))),
        };
        self.wish(say, Job::Commit(held.id), after)
    }

    /// The other domain refused what an entry asks; whether it goes once more, made anew.
    pub(super) fn refused_for_its_state(&mut self, seq: u64, entry: &Entry, code: ErrorCode) -> Result<bool> {
        let said = matches!(entry.what, What::Group(_) | What::Room(_));
        if !said || !has_moved(code) {
            return Ok(false);
        }
        // Nothing of it was written: under another id it cannot be there twice.
        self.back(seq)?;
        let mut entry = entry.clone();
        entry.command = None;
        entry.via = Via::Signed(true);
        self.tx
            .put_at(Table::Outbox, names::OUTBOX, seq, &canonical::encode(&entry))?;
        self.fx.outbox.push((seq, entry));
        self.fx.later.push((seq, ANEW_MS));
        Ok(true)
    }

    /// A key package was taken over there.
    pub(super) fn package_came(&mut self, seq: u64, away: &Away, entry: Entry, taken: Taken) -> Result<()> {
        let (relays, quorum) = self.attesting(&away.say.domain)?;
        if taken.receipt.verify(&relays, quorum).is_err() {
            // Perhaps by a relay that has come since home heard of them.
            return self.unproved(seq, away, entry);
        }
        self.back(seq)?;
        self.settle(seq, Done::Taken(taken))
    }

    /// No key package could be had for a room, and none can for now: whoever shares is told why, and
    /// can share again.
    pub(crate) fn room_unreached(&mut self, mailbox: &MailboxId, code: ErrorCode) -> Result<()> {
        use telesphor_vault::Records;
        for (seq, bytes) in self.tx.range(Table::Outbox, names::OUTBOX, 0, usize::MAX)? {
            let entry: Entry = canonical::decode(&bytes).map_err(|_| Error::fault("outbox"))?;
            if matches!(&entry.what, What::Room(say) if say.mailbox == *mailbox) {
                self.give_up(seq, &Refused::here(code))?;
            }
        }
        Ok(())
    }
}
