//! What the relay's answers mean for the outbox.

use std::time::{Duration, Instant};

use telesphor_vault::{Records, Table};
use telesphor_wire::answer::{Answer, Refusal, Taken};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::{Command, OwnerAct, SignedVoucher};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::ledger::LedgerAnswer;
use telesphor_wire::receipt::Receipt;
use telesphor_wire::text::SupportCode;

use crate::core::records::{Archived, Entry, Job, OwnerSay, Refused, Via, What};
use crate::core::{Core, Ctx, names};
use crate::error::{Error, Result};
use crate::exchange::record::{FarSay, FarWish, support_of};
use crate::link::session::Replied;

/// How one call ended.
pub(crate) enum Outcome {
    /// The relay answered.
    Replied(Replied),
    /// The right to send it could not be proved.
    NoRight(ErrorCode),
}

/// What was achieved.
pub(crate) enum Done {
    /// It is durable.
    Durable(Receipt),
    /// A key package was taken.
    Taken(Taken),
    /// Vouchers.
    Enrolled(Vec<SignedVoucher>),
    /// An act on the ledger was carried out, or it was looked at.
    Ledger(Box<LedgerAnswer>),
}

/// What is to become of an entry.
enum Next {
    Done(Box<Done>),
    /// The same bytes again after so many milliseconds.
    Again(u64),
    /// Must be sealed or signed anew: refused for its state, and nothing of it was written.
    Anew(ErrorCode, u64),
    Failed(Refusal),
}

/// How long an owner's act waits for the key that another endpoint put in place, milliseconds.
const OWNER_PATIENCE_MS: u64 = 120_000;

/// Entries that are looked back at for one that must go first. More than may be under way at once.
const LOOK_BACK: usize = 256;

/// A pause before the same bytes go again, when nothing better is known, milliseconds.
const SOON_MS: u64 = 200;

impl Core {
    /// Takes the answers over, all in one transaction.
    pub(crate) fn answered(&mut self, answers: Vec<(u64, Result<Outcome>)>) -> Result<()> {
        let (relays, quorum) = (self.profile.relays(), self.profile.quorum());
        let mut decided = Vec::new();
        let mut broken = None;
        for (seq, outcome) in answers {
            let slot = self.index.outbox.get_mut(&seq);
            let (support, overtaken) = slot.map_or((None, false), |slot| {
                slot.in_flight = false;
                (slot.support, std::mem::take(&mut slot.overtaken))
            });
            match outcome {
                // The outcome is unknown: the same bytes go again on the next connection.
                Err(error) => broken = Some(error),
                Ok(_) if overtaken => {}
                Ok(outcome) => decided.push((seq, support, self.decide(outcome, &relays, quorum))),
            }
        }
        let now = (self.clock)();
        self.index.last_sync = Some(now);
        let mut later = Vec::new();
        self.write(|ctx| {
            for (seq, support, next) in decided {
                match next {
                    Next::Again(ms) => later.push((seq, ms)),
                    Next::Done(done) => ctx.settle(seq, *done)?,
                    Next::Anew(code, winner) => {
                        // A right that is refused now may be there once more events are read.
                        if matches!(code, ErrorCode::Refused | ErrorCode::NotOwner) {
                            later.push((seq, SOON_MS));
                        }
                        ctx.anew(seq, code, winner, support)?;
                    }
                    Next::Failed(refusal) if ctx.waits_for_sibling(seq, refusal.code)? => {
                        later.push((seq, SOON_MS));
                        ctx.anew(seq, refusal.code, 0, support)?;
                    }
                    Next::Failed(refusal) => ctx.give_up(seq, &Refused::by(&refusal, support))?,
                }
            }
            Ok(())
        })?;
        for (seq, ms) in later {
            if let Some(slot) = self.index.outbox.get_mut(&seq) {
                slot.not_before = Some(Instant::now() + Duration::from_millis(ms));
            }
        }
        broken.map_or(Ok(()), Err)
    }

    fn decide(
        &mut self,
        outcome: Outcome,
        relays: &[telesphor_wire::sign::PublicKey],
        quorum: usize,
    ) -> Next {
        let answer = match outcome {
            Outcome::Replied(replied) => replied.answer,
            // Sealed in an epoch that is over, or the lease has ended.
            Outcome::NoRight(code) => Answer::Refused(Refusal::of(code)),
        };
        match answer {
            Answer::Durable(receipt) => {
                if receipt.verify(relays, quorum).is_err() {
                    self.index.last_failure = Some(ErrorCode::BadReceipt);
                    self.doubt_domain();
                    return Next::Again(5_000);
                }
                Next::Done(Box::new(Done::Durable(*receipt)))
            }
            Answer::Taken(taken) => {
                if taken.receipt.verify(relays, quorum).is_err() {
                    self.index.last_failure = Some(ErrorCode::BadReceipt);
                    self.doubt_domain();
                    return Next::Again(5_000);
                }
                Next::Done(Box::new(Done::Taken(*taken)))
            }
            Answer::Ledger(answer) => {
                let entry = answer.step.as_ref().map(|s| s.entry);
                if !entry.is_none_or(|entry| answer.is_proved(&entry, relays, quorum)) {
                    self.index.last_failure = Some(ErrorCode::BadReceipt);
                    self.doubt_domain();
                    return Next::Again(5_000);
                }
                Next::Done(Box::new(Done::Ledger(answer)))
            }
            Answer::Enrolled(vouchers) => Next::Done(Box::new(Done::Enrolled(vouchers))),
            // An operator's answer to something that no agent sends.
            Answer::Admitted(_) | Answer::Page(_) | Answer::Piece(_) => {
                Next::Failed(Refusal::of(ErrorCode::Internal))
            }
            Answer::Busy(ms) | Answer::NotYetDurable(ms) => Next::Again(ms.max(10)),
            Answer::Refused(refusal) => match refusal.code {
                ErrorCode::Draining | ErrorCode::DiskFull | ErrorCode::Fenced | ErrorCode::Internal => {
                    Next::Again(SOON_MS)
                }
                ErrorCode::ExchangeBusy => Next::Again(5_000),
                ErrorCode::WrongEpoch
                | ErrorCode::WrongBranch
                | ErrorCode::WrongCounter
                | ErrorCode::Refused
                | ErrorCode::Expired
                | ErrorCode::Closed
                | ErrorCode::NotOwner => {
                    let winner = refusal.standing.map_or(0, |s| s.winner);
                    Next::Anew(refusal.code, winner)
                }
                _ => Next::Failed(refusal),
            },
        }
    }
}

impl Ctx<'_, '_> {
    pub(crate) fn entry(&self, seq: u64) -> Result<Option<Entry>> {
        match self.tx.at(Table::Outbox, names::OUTBOX, seq)? {
            Some(bytes) => Ok(Some(
                canonical::decode(&bytes).map_err(|_| Error::fault("outbox"))?,
            )),
            None => Ok(None),
        }
    }

    pub(crate) fn close_entry(&mut self, seq: u64) -> Result<()> {
        self.back(seq)?;
        self.tx.delete_at(Table::Outbox, names::OUTBOX, seq)?;
        self.fx.done.push(seq);
        Ok(())
    }

    /// An entry is done: its bytes go to the archive, what follows from it is begun.
    pub(crate) fn settle(&mut self, seq: u64, done: Done) -> Result<()> {
        let Some(entry) = self.entry(seq)? else {
            return Ok(());
        };
        if let (Done::Durable(receipt), true) = (&done, self.is_away(seq)?) {
            return self.handed_over(seq, entry, receipt);
        }
        self.close_entry(seq)?;
        if let (Done::Durable(receipt), Some(command)) = (&done, &entry.command)
            && !matches!(entry.via, Via::Passed(_))
        {
            self.archive_sent(receipt, command, &entry.via)?;
        }
        let took = self.now.saturating_sub(entry.queued);
        match (entry.job, done) {
            (Job::Enrol(_), Done::Enrolled(vouchers)) => self.enrolled(vouchers),
            (Job::Opened(mailbox), Done::Durable(receipt)) => self.opened(&mailbox, &receipt),
            (Job::Document(job), Done::Durable(receipt)) => self.document_durable(job, &receipt, took),
            (Job::Package(job), Done::Taken(taken)) => self.package_taken(&job, &taken),
            (Job::Answer(job), Done::Durable(receipt)) => self.answer_durable(&job, &receipt),
            (Job::Ledger(job), Done::Ledger(answer)) => self.ledger_done(&job, *answer),
            (Job::OwnerReplaced(mailbox), Done::Durable(_)) => self.owner_replaced(&mailbox),
            (Job::Nothing(_), Done::Durable(_)) => match closes(&entry.what) {
                Some(mailbox) => self.closed_at_relay(&mailbox),
                None => Ok(()),
            },
            (Job::Stamp(document), Done::Durable(receipt)) => {
                self.stamped(&document, entry.command.as_ref(), &receipt)
            }
            _ => Ok(()),
        }
    }

    /// An entry was answered with a receipt.
    #[cfg(test)]
    pub(crate) fn durable(&mut self, seq: u64, receipt: Receipt) -> Result<()> {
        self.settle(seq, Done::Durable(receipt))
    }

    fn archive_sent(&mut self, receipt: &Receipt, command: &Bytes, via: &Via) -> Result<()> {
        let archived = Archived {
            seq: receipt.leaf.seq,
            hash: receipt.leaf.hash,
            command: Some(command.clone()),
            via: via.clone(),
            at: self.now,
        };
        self.push(Table::Scratch, &names::archive(&receipt.leaf.mailbox), &archived)?;
        Ok(())
    }

    /// Refused for its state, so nothing was written: it is made anew, under a new id, from
    /// what it was meant to say.
    fn anew(&mut self, seq: u64, code: ErrorCode, winner: u64, support: Option<SupportCode>) -> Result<()> {
        let refused = Refused { code, support };
        let Some(mut entry) = self.entry(seq)? else {
            return Ok(());
        };
        // Another device of the owner's has led the mailbox back already.
        let overtaken = matches!(
            (&entry.what, code),
            (
                What::Owner(OwnerSay {
                    act: OwnerAct::Rewind(_),
                    ..
                }),
                ErrorCode::WrongBranch | ErrorCode::WrongEpoch
            )
        );
        // Whether the other domain has it is not known: under another id it could be there twice.
        let away = code != ErrorCode::Refused && self.is_away(seq)?;
        if matches!(entry.what, What::Ready(_)) || overtaken || away || self.for_ended_team(&entry)? {
            return self.give_up(seq, &refused);
        }
        if let (What::Owner(say), ErrorCode::WrongCounter) = (&entry.what, code) {
            let mut held = self.held(&say.mailbox)?;
            if let Some(owner) = &mut held.owner {
                owner.counter = winner;
            }
            self.put_held(&held)?;
        } else if code == ErrorCode::Refused && matches!(entry.what, What::Owner(_) | What::Deposit(_)) {
            // Another endpoint may have replaced the owner key; it will say by which. Or the
            // replacement stands before this one and must be numbered anew itself.
            let owner = match &entry.what {
                What::Owner(say) => self.keys.siblings || self.stands_behind(seq, &say.mailbox)?,
                _ => false,
            };
            if !owner || entry.queued + OWNER_PATIENCE_MS < self.now {
                return self.give_up(seq, &refused);
            }
        }
        if code == ErrorCode::Closed {
            // The other side has closed this conversation: it is said in the next one.
            let (What::Talk(say), Via::Member(member)) = (&entry.what, &entry.via) else {
                return self.give_up(seq, &refused);
            };
            let (contact, mailbox) = (say.contact, member.mailbox);
            self.leave_conversation(&contact, &mailbox)?;
        }
        if let (What::Stamp(_), Some(command)) = (&entry.what, &entry.command) {
            self.drop_stamp(command)?;
        }
        entry.command = None;
        self.tx
            .put_at(Table::Outbox, names::OUTBOX, seq, &canonical::encode(&entry))?;
        self.fx.outbox.push((seq, entry));
        Ok(())
    }

    /// Whether an earlier act of a mailbox's owner is not settled yet.
    fn stands_behind(&self, seq: u64, mailbox: &MailboxId) -> Result<bool> {
        for (_, bytes) in self.tx.newest(Table::Outbox, names::OUTBOX, seq, LOOK_BACK)? {
            let entry: Entry = canonical::decode(&bytes).map_err(|_| Error::fault("outbox"))?;
            if matches!(&entry.what, What::Owner(say) if say.mailbox == *mailbox) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether what was refused may be taken once two endpoints have set the list of depositors
    /// right that they both replaced: key packages are left for somebody who stands in it.
    fn waits_for_sibling(&self, seq: u64, code: ErrorCode) -> Result<bool> {
        if !self.keys.siblings || code != ErrorCode::Malformed {
            return Ok(false);
        }
        let Some(entry) = self.entry(seq)? else {
            return Ok(false);
        };
        let packages =
            matches!(&entry.what, What::Owner(say) if matches!(say.act, OwnerAct::PublishKeyPackages(_)));
        Ok(packages && entry.queued + OWNER_PATIENCE_MS >= self.now)
    }

    /// It cannot be done. Whoever waits for it is told.
    pub(crate) fn give_up(&mut self, seq: u64, refused: &Refused) -> Result<()> {
        let Some(entry) = self.entry(seq)? else {
            return Ok(());
        };
        self.close_entry(seq)?;
        if let (What::Room(say), ErrorCode::LeaseOver | ErrorCode::Closed) = (&entry.what, refused.code) {
            self.said_too_late(say)?;
        }
        if let What::Elsewhere(FarSay {
            wish: FarWish::Look(mailbox),
            ..
        }) = &entry.what
        {
            return self.not_looked(mailbox, *refused);
        }
        if let What::Elsewhere(FarSay {
            wish: FarWish::Follow(mailbox),
            ..
        }) = &entry.what
        {
            return self.follow_unsealed(mailbox);
        }
        if let What::Elsewhere(FarSay {
            wish: FarWish::File(_),
            ..
        }) = &entry.what
        {
            self.fx.pieces.push((seq, Err(refused.code)));
            return Ok(());
        }
        if matches!(entry.job, Job::Lab(_) | Job::Study(_)) && is_of_the_road(refused.code) {
            self.keep_unbrought(&entry)?;
        }
        match entry.job {
            Job::Enrol(_) => self.not_enrolled(entry.command.as_ref(), *refused),
            Job::Document(job) => self.document_failed(job, *refused),
            Job::Package(job) => self.no_package(&job, refused.code),
            Job::Answer(job) if matches!(entry.what, What::Elsewhere(_)) && is_of_the_road(refused.code) => {
                self.answer_unsent(&job, *refused)
            }
            Job::Answer(job) => self.answer_failed(&job, refused),
            Job::Commit(mailbox) => match self.team(&mailbox)? {
                Some(_) => self.team_commit_lost(&mailbox, commit_of(&entry), refused.code),
                None => self.commit_lost(&mailbox, refused.code),
            },
            Job::Stamp(_) => entry.command.as_ref().map_or(Ok(()), |c| self.drop_stamp(c)),
            Job::Opened(mailbox) => self.not_opened(&mailbox, refused.code),
            Job::Ledger(job) => self.ledger_refused(&job, *refused),
            Job::Lab(job) => self.lab_unsent(&job, *refused),
            Job::Study(job) => self.study_unsent(&job, *refused),
            _ => Ok(()),
        }
    }
}

/// Whether something was not brought to another domain, and nothing is said of what it would answer.
pub(crate) const fn is_of_the_road(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::NotDelivered
            | ErrorCode::DomainUnknown
            | ErrorCode::NotPinnedThere
            | ErrorCode::ExchangeOff
            | ErrorCode::Expired
    )
}

/// The mailbox that an entry has closed, if that was it.
fn closes(what: &What) -> Option<MailboxId> {
    match what {
        What::Owner(say) if matches!(say.act, OwnerAct::Close(_)) => Some(say.mailbox),
        _ => None,
    }
}

/// The hash of the commit that an entry carries.
fn commit_of(entry: &Entry) -> Option<telesphor_wire::hash::Digest> {
    match canonical::decode(entry.command.as_ref()?).ok()? {
        Command::Commit(commit) => Some(commit.body.mls),
        _ => None,
    }
}

/// A command as it goes out, and under which right.
pub(crate) struct Ready {
    pub(crate) seq: u64,
    pub(crate) support: SupportCode,
    pub(crate) via: Via,
    pub(crate) command: Command,
}

impl Core {
    /// Takes what is to be sent now and marks it as under way.
    pub(crate) fn take_ready(&mut self, limit: usize) -> Result<Vec<Ready>> {
        if !self.index.connected {
            return Ok(Vec::new());
        }
        let seqs = self.index.to_send(limit);
        if seqs.is_empty() {
            return Ok(Vec::new());
        }
        let snapshot = self.read()?;
        let mut ready = Vec::with_capacity(seqs.len());
        for seq in seqs {
            let Some(bytes) = snapshot.at(Table::Outbox, names::OUTBOX, seq)? else {
                continue;
            };
            let entry: Entry = canonical::decode(&bytes).map_err(|_| Error::fault("outbox"))?;
            let Some(command) = entry.command else { continue };
            let command: Command = canonical::decode(&command).map_err(|_| Error::fault("outbox command"))?;
            // What another hospital answers is followed by one code, at both.
            let passed = support_of(&snapshot, seq)?;
            let support = passed.unwrap_or_else(SupportCode::random);
            if let Some(slot) = self.index.outbox.get_mut(&seq) {
                slot.support = Some(support);
                slot.in_flight = true;
                slot.tried = true;
                slot.not_before = None;
            }
            ready.push(Ready {
                seq,
                support,
                via: entry.via,
                command,
            });
        }
        Ok(ready)
    }
}
