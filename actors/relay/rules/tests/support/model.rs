//! Facts in memory, changed by effects exactly as a store must change them.

use std::cell::Cell;
use std::collections::BTreeMap;

use telesphor_rules::effects::{Decision, Effects, Place, Remembered};
use telesphor_rules::facts::*;
use telesphor_rules::ledger::entry::{Entry, Fill};
use telesphor_rules::prepared::Prepared;
use telesphor_rules::read::{Claim, ReadSpan, may_read};
use telesphor_rules::state::{AccessRecord, Mailbox};
use telesphor_rules::{clock, decide};
use telesphor_wire::answer::Refusal;
use telesphor_wire::batch::Submission;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{EntryId, MailboxId, PartitionId};
use telesphor_wire::mailbox::{Event, link, payload_hash};
use telesphor_wire::sign::PublicKey;

#[derive(Clone, Debug)]
pub struct Model {
    pub domain: DomainFacts,
    pub clock: u64,
    pub mailboxes: BTreeMap<MailboxId, Mailbox>,
    pub memories: BTreeMap<MemoryKey, Remembered>,
    pub access: BTreeMap<(MailboxId, u32, u64), AccessRecord>,
    pub events: BTreeMap<(MailboxId, u64), (Event, EventMark)>,
    pub stocks: BTreeMap<(MailboxId, PublicKey), Stock>,
    pub packages: BTreeMap<(MailboxId, PublicKey, PackageId), Bytes>,
    pub vouchers: BTreeMap<Digest, u64>,
    pub tokens: BTreeMap<Digest, Token>,
    pub entries: BTreeMap<EntryId, Entry>,
    pub fills: BTreeMap<(EntryId, PublicKey), Fill>,
    pub steps: BTreeMap<(EntryId, u64), StepRecord>,
    /// How many events were looked up for what they weigh.
    pub marks_read: Cell<usize>,
    position: u64,
}

impl Model {
    pub fn new() -> Self {
        Self {
            domain: super::domain(1),
            clock: 0,
            mailboxes: BTreeMap::new(),
            memories: BTreeMap::new(),
            access: BTreeMap::new(),
            events: BTreeMap::new(),
            stocks: BTreeMap::new(),
            packages: BTreeMap::new(),
            vouchers: BTreeMap::new(),
            tokens: BTreeMap::new(),
            entries: BTreeMap::new(),
            fills: BTreeMap::new(),
            steps: BTreeMap::new(),
            marks_read: Cell::new(0),
            position: 0,
        }
    }

    /// Decides and carries out one submission at an instant.
    pub fn submit(&mut self, submission: &Submission, stamp: u64) -> Decision {
        self.clock = clock::advance(self.clock, stamp);
        self.position += 1;
        let prepared = Prepared::new(submission);
        let at = At {
            partition: PartitionId(0),
            now: self.clock,
        };
        let decision = decide(&self.domain, self, &prepared, at);
        if let Decision::Accepted(effects) = &decision {
            let payload = match &submission.command {
                telesphor_wire::command::Command::Deposit(d) => d.payload.clone(),
                _ => Bytes::default(),
            };
            self.carry_out((**effects).clone(), payload);
        }
        decision
    }

    /// Submits and expects it to be accepted.
    #[track_caller]
    pub fn must(&mut self, submission: &Submission) -> Effects {
        match self.submit(submission, super::NOW) {
            Decision::Accepted(effects) => *effects,
            other => panic!("expected acceptance, got {other:?}"),
        }
    }

    /// Submits and expects a refusal that changes nothing.
    #[track_caller]
    pub fn refuses(&mut self, submission: &Submission) -> ErrorCode {
        self.refuses_at(submission, super::NOW)
    }

    #[track_caller]
    pub fn refuses_at(&mut self, submission: &Submission, stamp: u64) -> ErrorCode {
        self.refusal(submission, stamp).code
    }

    #[track_caller]
    pub fn refusal(&mut self, submission: &Submission, stamp: u64) -> Refusal {
        let before = (self.mailboxes.clone(), self.memories.clone(), self.events.clone());
        match self.submit(submission, stamp) {
            Decision::Refused(refusal) => {
                assert_eq!(
                    before,
                    (self.mailboxes.clone(), self.memories.clone(), self.events.clone())
                );
                refusal
            }
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    fn carry_out(&mut self, effects: Effects, deposit: Bytes) {
        let place = Place {
            partition: PartitionId(0),
            position: self.position,
            leaf: Some(0),
        };
        if let Some(changed) = effects.mailbox {
            let id = changed.id;
            let mailbox = Mailbox {
                id,
                head: changed.head,
                profile: changed.profile,
            };
            self.mailboxes.insert(id, mailbox);
            if let Some(new) = effects.event {
                let mark = EventMark {
                    stamp: new.header.stamp,
                    total: new.total,
                };
                let payload = Some(new.payload.unwrap_or(deposit));
                let event = Event {
                    header: new.header,
                    payload_hash: new.payload_hash,
                    payload,
                };
                self.events.insert((id, event.header.seq), (event, mark));
            }
            for hole in effects.release {
                for seq in hole.from..=hole.to {
                    if let Some((event, _)) = self.events.get_mut(&(id, seq)) {
                        event.payload = None;
                    }
                }
            }
            for (branch, epoch, record) in effects.access {
                self.access.insert((id, branch, epoch), record);
            }
            for change in effects.stock {
                for which in change.gone {
                    self.packages.remove(&(id, change.contact, which));
                }
                for (which, package) in change.put {
                    self.packages.insert((id, change.contact, which), package);
                }
                match change.stock {
                    Some(stock) => self.stocks.insert((id, change.contact), stock),
                    None => self.stocks.remove(&(id, change.contact)),
                };
            }
        }
        if let Some(change) = effects.ledger {
            let (id, step) = (change.step.entry, change.step);
            self.entries.insert(id, change.entry);
            if let Some(fill) = change.fill {
                self.fills.insert((id, step.key), fill);
            }
            self.steps.insert((id, step.seq), StepRecord { step, place });
        }
        self.vouchers.extend(effects.spent);
        self.tokens.extend(effects.token);
        self.memories
            .insert(effects.remember.key, effects.remember.at(place));
    }

    pub fn head(&self, id: &MailboxId) -> telesphor_rules::state::Head {
        self.mailboxes[id].head
    }

    /// What the holder of a claim may read now.
    pub fn may_read(&self, id: &MailboxId, claim: &Claim, now: u64) -> Result<ReadSpan, ErrorCode> {
        let record = self.access.get(&(*id, claim.branch, claim.epoch));
        may_read(&self.mailboxes[id], record, claim, now).map_err(|r| r.code)
    }

    /// Everything that must hold of every mailbox after every command.
    pub fn assert_invariants(&self) {
        for (id, mailbox) in &self.mailboxes {
            let head = &mailbox.head;
            let (mut hash, mut total, mut kept) = (mailbox.profile.genesis, 0, (0, 0));
            for seq in 1..=head.seq {
                let (event, mark) = &self.events[&(*id, seq)];
                assert_eq!(event.header.seq, seq);
                hash = link(&hash, &event.header, &event.payload_hash);
                total += u64::from(event.header.size);
                assert_eq!(mark.total, total);
                if let Some(payload) = &event.payload {
                    assert_eq!(payload_hash(payload), event.payload_hash);
                    kept = (kept.0 + u64::from(event.header.size), kept.1 + 1);
                }
            }
            assert_eq!(hash, head.hash, "the chain leads to the head");
            assert!(!self.events.contains_key(&(*id, head.seq + 1)));
            assert_eq!((total, kept), (head.total, (head.kept_bytes, head.kept_events)));
            let oldest = self
                .events
                .get(&(*id, head.floor + 1))
                .map_or(u64::MAX, |(_, m)| m.stamp);
            assert_eq!(head.oldest, oldest);
            let holes = &mailbox.profile.holes;
            assert!(holes.windows(2).all(|w| w[0].to + 1 < w[1].from));
            assert!(
                holes
                    .iter()
                    .all(|h| h.from > head.floor + 1 && h.from <= h.to && h.to <= head.seq)
            );
            let waiting = self
                .packages
                .keys()
                .filter(|(m, _, p)| m == id && *p != PackageId::LastResort)
                .count();
            assert_eq!(waiting, mailbox.profile.packages as usize);
            let open = self.access.range((*id, 0, 0)..=(*id, u32::MAX, u64::MAX));
            let current: Vec<_> = open.filter(|(_, r)| r.ended_at.is_none()).collect();
            for ((_, branch, epoch), record) in &current {
                assert_eq!(
                    (*branch, *epoch, record.key),
                    (head.branch, head.epoch, head.access)
                );
            }
            assert!(current.len() <= 1);
        }
    }
}

impl Facts for Model {
    fn mailbox(&self, id: &MailboxId) -> Option<Mailbox> {
        self.mailboxes.get(id).cloned()
    }
    fn remembered(&self, key: &MemoryKey) -> Option<Remembered> {
        self.memories.get(key).cloned()
    }
    fn access(&self, mailbox: &MailboxId, branch: u32, epoch: u64) -> Option<AccessRecord> {
        self.access.get(&(*mailbox, branch, epoch)).copied()
    }
    fn mark(&self, mailbox: &MailboxId, seq: u64) -> Option<EventMark> {
        self.marks_read.set(self.marks_read.get() + 1);
        self.events.get(&(*mailbox, seq)).map(|(_, m)| *m)
    }
    fn stock(&self, mailbox: &MailboxId, contact: &PublicKey) -> Option<Stock> {
        self.stocks.get(&(*mailbox, *contact)).copied()
    }
    fn package(&self, mailbox: &MailboxId, contact: &PublicKey, id: PackageId) -> Option<Bytes> {
        self.packages.get(&(*mailbox, *contact, id)).cloned()
    }
    fn voucher_spent(&self, voucher: &Digest) -> bool {
        self.vouchers.contains_key(voucher)
    }
    fn token(&self, token: &Digest) -> Option<Token> {
        self.tokens.get(token).copied()
    }
    fn entry(&self, id: &EntryId) -> Option<Entry> {
        self.entries.get(id).cloned()
    }
    fn fill(&self, id: &EntryId, key: &PublicKey) -> Option<Fill> {
        self.fills.get(&(*id, *key)).copied()
    }
    fn step(&self, id: &EntryId, seq: u64) -> Option<StepRecord> {
        self.steps.get(&(*id, seq)).cloned()
    }
}
