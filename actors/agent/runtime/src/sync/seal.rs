//! From what is to be said to the bytes that will go: sealed once, stored, and never again.

use std::time::{Duration, Instant};

use telesphor_clinical::message::{GroupEnvelope, GroupMessage};
use telesphor_sealing::session::Standing;
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::{Command, Deposit};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{CommandId, IdentityId, MailboxId};

use crate::core::index::Lane;
use crate::core::records::{
    Entry, GroupSay, Held, Known, MailboxState, MemberVia, Padding, Refused, TalkSay, Via, What,
};
use crate::core::windows::Windows;
use crate::core::{Core, Ctx, names};
use crate::error::{Error, Result};
use crate::group::rows::Rows;
use crate::mailbox::owner::COMMAND_LIFE_MS;

/// How long something that cannot be sealed yet is left alone.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// What one round of sealing did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sealed {
    /// So many were sealed, or given up.
    pub(crate) sealed: usize,
    /// There may be more to look at than this round took: the next one must not wait.
    pub(crate) more: bool,
}

impl Core {
    /// Seals what can be sealed of at most `limit` entries, all in one transaction.
    pub(crate) fn seal_some(&mut self, limit: usize) -> Result<Sealed> {
        let seqs = self.index.to_seal(limit);
        if seqs.is_empty() {
            return Ok(Sealed::default());
        }
        self.index.rounds += 1;
        let round = self.index.rounds;
        let lanes: Vec<Option<Lane>> = seqs
            .iter()
            .map(|seq| self.index.outbox.get(seq).map(|slot| slot.lane))
            .collect();
        let (mut sealed, mut waiting, mut full) = (0, Vec::new(), Vec::new());
        let windows = Windows::of(self.index.sealed.clone(), self.index.outbox.iter());
        let windows = self.write(|ctx| {
            ctx.windows = windows;
            let mut held_up: Vec<Lane> = Vec::new();
            for (seq, lane) in seqs.iter().zip(lanes) {
                // What stands behind something that cannot go yet waits with it.
                if lane.is_some_and(|l| held_up.contains(&l)) {
                    continue;
                }
                (ctx.windows.at, ctx.windows.full) = (lane.map(|lane| (*seq, lane)), false);
                match ctx.seal_entry(*seq) {
                    // No later moment makes it smaller, and what stands behind it must go on.
                    Err(error) if is_final(error.code) => {
                        ctx.give_up(*seq, &Refused::here(error.code))?;
                        sealed += 1;
                        continue;
                    }
                    Err(error) => return Err(error),
                    Ok(true) => {
                        sealed += 1;
                        continue;
                    }
                    Ok(false) => {}
                }
                held_up.extend(lane);
                match ctx.windows.full {
                    true => full.push(*seq),
                    false => waiting.push(*seq),
                }
            }
            Ok(std::mem::take(&mut ctx.windows))
        })?;
        for (seq, number) in &windows.taken {
            if let Some(slot) = self.index.outbox.get_mut(seq) {
                slot.number = Some(*number);
            }
        }
        self.index.sealed = windows.into_next();
        for seq in waiting {
            if let Some(slot) = self.index.outbox.get_mut(&seq)
                && !slot.sealed
            {
                slot.not_before = Some(Instant::now() + LOOK_AGAIN);
                slot.looked = round;
            }
        }
        // These go on with the next answer.
        for seq in full {
            if let Some(slot) = self.index.outbox.get_mut(&seq) {
                slot.full = true;
            }
        }
        // Behind what had waited and has gone now stands what this round did not look at.
        let more = seqs.len() == limit || sealed > 0;
        Ok(Sealed { sealed, more })
    }
}

/// Whether no later moment makes it possible to seal something.
const fn is_final(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::TooLarge
            | ErrorCode::DomainUnknown
            | ErrorCode::ExchangeOff
            | ErrorCode::NotForwardable
            | ErrorCode::NotSealedForThem
    )
}

impl Ctx<'_, '_> {
    /// Seals one entry; `false` if its time has not come.
    fn seal_entry(&mut self, seq: u64) -> Result<bool> {
        let Some(bytes) = self.tx.at(Table::Outbox, names::OUTBOX, seq)? else {
            return Ok(false);
        };
        let mut entry: Entry = canonical::decode(&bytes).map_err(|_| Error::fault("outbox"))?;
        let this = (seq, entry.queued);
        let sealed = match &entry.what {
            _ if self.is_away(seq)? => self.seal_again(seq, entry.queued)?,
            What::Ready(_) => None,
            What::Owner(say) => {
                let say = say.clone();
                Some((self.sign_act(&say)?, Via::Signed(true)))
            }
            What::Group(say) | What::Room(say) => match (self.held_elsewhere(&say.mailbox)?, &entry.what) {
                (Some(held), _) => self.seal_elsewhere(this, &held, say)?,
                (None, What::Room(_)) => self.seal_for_room(say)?,
                (None, _) => self.seal_for_group(say)?,
            },
            What::Elsewhere(say) => self.seal_for_domain(this, say.clone())?,
            What::Talk(say) => self.seal_talk(this, say)?,
            What::Stamp(document) => {
                let document = *document;
                self.seal_stamp(&document)?
            }
            What::Ledger(say) => Some(self.seal_ledger(say)),
            What::Deposit(say) => match self.elsewhere(&say.contact)? {
                Some(address) => self.seal_far_deposit(this, say, &address)?,
                None => self.seal_deposit(&say.contact, &say.body, say.padding)?,
            },
        };
        let Some((command, via)) = sealed else {
            return Ok(false);
        };
        entry.command = Some(Bytes(canonical::encode(&command)));
        entry.via = via;
        self.tx
            .put_at(Table::Outbox, names::OUTBOX, seq, &canonical::encode(&entry))?;
        self.fx.outbox.push((seq, entry));
        Ok(true)
    }

    /// Seals what is to be said to a contact in the conversation with it, or as a deposit for
    /// another hospital.
    fn seal_talk(&mut self, entry: (u64, u64), say: &TalkSay) -> Result<Option<(Command, Via)>> {
        if let Some(address) = self.elsewhere(&say.contact)? {
            return self.seal_said(entry, say, &address);
        }
        let Some(mailbox) = self.conversation(&say.contact)? else {
            return Ok(None);
        };
        self.seal_for_group(&GroupSay {
            mailbox,
            body: say.body.clone(),
            padding: say.padding,
        })
    }

    /// The conversation to write to, if one is open; if there is none, one is begun.
    pub(crate) fn conversation(&mut self, contact: &IdentityId) -> Result<Option<MailboxId>> {
        let Some(known) = self.get::<Known>(Table::Contacts, &contact.0)? else {
            return Ok(None);
        };
        for mailbox in &known.conversations {
            let held: Option<Held> = self.get(Table::Mailboxes, &mailbox.0)?;
            if held.is_some_and(|h| h.state == MailboxState::Open) {
                // An endpoint that has ended still hears what is said there: wait.
                return Ok((!self.is_muted(mailbox)?).then_some(*mailbox));
            }
        }
        if !known.opening && known.conversations.is_empty() && known.retry_at <= self.now {
            self.begin_conversation(known)?;
        }
        Ok(None)
    }

    /// Seals a message for a group in its present epoch.
    pub(crate) fn seal_for_group(&mut self, say: &GroupSay) -> Result<Option<(Command, Via)>> {
        let Some(session) = self.lend_group(&say.mailbox)? else {
            return Ok(None);
        };
        // What a group that cannot be followed is told would be refused, again and again.
        if session.standing() != Standing::Member || self.is_lost(&say.mailbox)? {
            return Ok(None);
        }
        if !self.windows.take(&say.mailbox) {
            return Ok(None);
        }
        let seen = self.cursor(&say.mailbox)?;
        let body: GroupMessage = canonical::decode(&say.body).map_err(|_| Error::fault("message"))?;
        let content = GroupEnvelope::new(seen, body.clone()).to_bytes();
        let step = session.seal(&Rows(self.tx), &self.keys.member, &content, say.padding.bucket())?;
        let sealed = self.write_group(step)?;
        self.remember_own(&sealed.payload)?;
        if Some(say.mailbox) == self.profile.own {
            self.remember_entry(&sealed.payload, &body)?;
        }
        if let GroupMessage::Team(word) = &body
            && self.team(&say.mailbox)?.is_some()
        {
            self.remember_word(&sealed.payload, word)?;
        }
        let via = MemberVia {
            mailbox: say.mailbox,
            branch: sealed.branch,
            epoch: sealed.epoch,
        };
        let deposit = Deposit {
            mailbox: say.mailbox,
            branch: sealed.branch,
            epoch: sealed.epoch,
            kind: sealed.kind,
            command_id: CommandId::random(),
            not_after: self.now + COMMAND_LIFE_MS,
            payload: sealed.payload,
            ext: Extensions::none(),
            signature: None,
        };
        Ok(Some((Command::Deposit(deposit), Via::Member(via))))
    }

    /// Queues a message for a group.
    pub(crate) fn say(
        &mut self,
        mailbox: MailboxId,
        body: &telesphor_clinical::message::GroupMessage,
        padding: Padding,
        job: crate::core::records::Job,
    ) -> Result<u64> {
        let say = GroupSay {
            mailbox,
            body: Bytes(canonical::encode(body)),
            padding,
        };
        self.enqueue(What::Group(say), job, None)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::core::records::Job;
    use crate::sync::answers::Outcome;
    use crate::testing::{Paper, first_sealed};

    #[test]
    fn one_message_that_is_too_large_stops_everything_that_stands_behind_it() {
        let mut core = Paper::new().person("aino");
        let own = core.profile.own.unwrap();
        core.seal_some(64).unwrap();
        core.write(|ctx| ctx.say_size(own, 2 * 1024 * 1024)).unwrap();
        let small = core.write(|ctx| ctx.say_size(own, 10)).unwrap();
        let before = core.index.outbox.len();
        core.seal_some(64).unwrap();
        assert_eq!(core.index.outbox.len(), before - 1, "it is given up");
        assert!(core.index.outbox[&small].sealed, "what stands behind it goes on");
        let (_, command) = first_sealed(&mut core);
        assert!(matches!(command, Command::Deposit(_)));
    }

    #[test]
    fn many_that_wait_hold_up_what_they_wait_for() {
        let mut core = Paper::new().person("aino");
        let own = core.profile.own.unwrap();
        core.seal_some(64).unwrap();
        // Nothing can be said to these yet, and each has a lane of its own.
        core.write(|ctx| {
            for number in 0..200_u8 {
                let say = TalkSay {
                    contact: IdentityId([number; 32]),
                    body: Bytes(vec![7]),
                    padding: Padding::Handshake,
                };
                ctx.enqueue(What::Talk(say), Job::Nothing(true), None)?;
            }
            Ok(())
        })
        .unwrap();
        let last = core.write(|ctx| ctx.say_size(own, 10)).unwrap();
        // Each time they may be looked at again before the last of them was looked at once.
        let first = core.index.rounds + 1;
        for _ in 0..4 {
            assert!(core.seal_some(64).unwrap().more);
            core.index
                .outbox
                .values_mut()
                .for_each(|slot| slot.not_before = None);
        }
        assert!(core.index.outbox[&last].sealed, "its turn does not come");
        // Nor are they held up: who waited longest is next.
        let next = core.index.to_seal(64)[0];
        assert_eq!(core.index.outbox[&next].looked, first);
    }

    #[test]
    fn after_a_restart_what_is_refused_waits_for_ever_for_what_waits_behind_it() {
        let mut paper = Paper::new();
        let mut core = paper.person("aino");
        let own = core.profile.own.unwrap();
        let seqs = core
            .write(|ctx| Ok([ctx.say_size(own, 10)?, ctx.say_size(own, 20)?]))
            .unwrap();
        core.seal_some(64).unwrap();
        // The program is killed and begins again: nobody remembers the numbers of what was sealed.
        let mut core = Core::load(core.vault).unwrap();
        core.index.connected = true;
        assert_eq!(core.take_ready(64).unwrap().len(), 2);
        // The epoch of the first is over; the relay goes away before it answers the second.
        let answers = vec![
            (seqs[0], Ok(Outcome::NoRight(ErrorCode::WrongEpoch))),
            (seqs[1], Err(ErrorCode::Unreachable.into())),
        ];
        core.answered(answers).unwrap_err();
        assert_eq!(paper.carry(&mut core), 2);
        assert!(core.index.outbox.is_empty());
        paper.show(&mut core, own).unwrap();
    }

    impl Ctx<'_, '_> {
        fn say_size(&mut self, mailbox: MailboxId, size: usize) -> Result<u64> {
            let body = GroupMessage::Evidence(Bytes(vec![7; size]));
            self.say(mailbox, &body, Padding::Handshake, Job::Nothing(true))
        }
    }
}
