//! The rules are total: no command on any state, however impossible, makes them panic.
#![allow(clippy::unwrap_used)]

use crate::support;

use std::sync::Arc;

use proptest::prelude::*;
use support::ledger::Rx;
use support::model::Model;
use support::story::{homes, submission, tries};
use telesphor_rules::decide;
use telesphor_rules::effects::Remembered;
use telesphor_rules::facts::*;
use telesphor_rules::ledger::entry::{Entry, Fill, FillState, Hold, Reservation};
use telesphor_rules::prepared::Prepared;
use telesphor_rules::read::{Claim, may_hold, may_read};
use telesphor_rules::state::{AccessRecord, Head, Hole, Mailbox};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{EntryId, MailboxId, PartitionId};
use telesphor_wire::session::Right;
use telesphor_wire::sign::PublicKey;

/// A disk full of nonsense: every number is drawn, most of them extreme.
#[derive(Debug)]
struct Nonsense {
    real: Model,
    head: [u64; 12],
    branch: u32,
    holes: Vec<Hole>,
    marks: Vec<Option<(u64, u64)>>,
    stock: Option<Stock>,
    record: [u64; 3],
    packages: u32,
}

impl Facts for Nonsense {
    fn mailbox(&self, id: &MailboxId) -> Option<Mailbox> {
        let mut mailbox = self.real.mailboxes.get(id)?.clone();
        let n = self.head;
        let real = mailbox.head;
        mailbox.head = Head {
            seq: n[0],
            stamp: n[1],
            branch: self.branch,
            epoch: n[2],
            lease: n[3],
            counter: n[4],
            total: n[5],
            kept_bytes: n[6],
            kept_events: n[7],
            acknowledged: n[8],
            floor: n[9],
            floor_total: n[10],
            oldest: n[11],
            ..real
        };
        let profile = Arc::make_mut(&mut mailbox.profile);
        profile.holes.clone_from(&self.holes);
        profile.packages = self.packages;
        Some(mailbox)
    }
    fn remembered(&self, _: &MemoryKey) -> Option<Remembered> {
        None
    }
    fn access(&self, mailbox: &MailboxId, branch: u32, epoch: u64) -> Option<AccessRecord> {
        let key = homes()
            .into_iter()
            .find(|h| h.id == *mailbox)?
            .access(branch % 7, epoch % 7)
            .public();
        let [begins_at, ended, lease] = self.record;
        Some(AccessRecord {
            key,
            begins_at,
            ended_at: Some(ended),
            ended_hash: Digest([0; 32]),
            lease,
        })
    }
    fn mark(&self, _: &MailboxId, seq: u64) -> Option<EventMark> {
        let at = (seq % self.marks.len() as u64) as usize;
        self.marks[at].map(|(stamp, total)| EventMark { stamp, total })
    }
    fn stock(&self, _: &MailboxId, _: &PublicKey) -> Option<Stock> {
        self.stock
    }
    fn package(&self, _: &MailboxId, _: &PublicKey, _: PackageId) -> Option<Bytes> {
        None
    }
    fn voucher_spent(&self, _: &Digest) -> bool {
        false
    }
    fn entry(&self, id: &EntryId) -> Option<Entry> {
        let n = self.head;
        let key = PublicKey([9; 32]);
        Some(Entry {
            opened: n[0],
            seq: n[1],
            hash: Digest(id.0),
            confirmed: n[2],
            over: n[3],
            fills: self.packages,
            cancelled: n[4],
            cancelled_by: n[5],
            hold: n[6].is_multiple_of(2).then_some(Hold { key, until: n[7] }),
            open: self
                .holes
                .iter()
                .map(|h| Reservation {
                    key,
                    parts: h.from,
                    until: h.to,
                })
                .collect(),
        })
    }
    fn fill(&self, _: &EntryId, _: &PublicKey) -> Option<Fill> {
        let [parts, began, ended] = self.record;
        self.branch.is_multiple_of(2).then_some(Fill {
            parts,
            began,
            ended,
            state: FillState::Reserved,
            held: self.head[8],
            lifted: self.head[9],
        })
    }
    fn step(&self, _: &EntryId, _: u64) -> Option<StepRecord> {
        None
    }
    fn token(&self, _: &Digest) -> Option<Token> {
        Some(Token {
            class: self.branch as u16,
            uses: self.packages,
            until: u64::MAX,
        })
    }
}

/// Small numbers and the ends of the range: that is where arithmetic breaks.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        0u64..4,
        Just(u64::MAX),
        Just(u64::MAX - 1),
        any::<u64>(),
        Just(support::NOW)
    ]
}

fn nonsense() -> impl Strategy<Value = Nonsense> {
    (
        prop::array::uniform12(number()),
        prop_oneof![Just(0u32), Just(u32::MAX), any::<u32>()],
        prop::collection::vec((number(), number()), 0..6),
        prop::collection::vec(prop::option::weighted(0.9, (number(), number())), 1..5),
        prop::option::of((number(), number(), any::<bool>())),
        prop::array::uniform3(number()),
        any::<u32>(),
    )
        .prop_map(|(head, branch, holes, marks, stock, record, packages)| {
            let mut real = Model::new();
            for (n, home) in homes().iter().enumerate() {
                real.must(&home.open(n as u64));
            }
            Nonsense {
                real,
                head,
                branch,
                holes: holes.into_iter().map(|(from, to)| Hole { from, to }).collect(),
                marks,
                stock: stock.map(|(first, next, last_resort)| Stock {
                    first,
                    next,
                    last_resort,
                }),
                record,
                packages,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_state_however_impossible_makes_the_rules_panic(facts in nonsense(), tries in tries(12), now in number()) {
        let homes = homes();
        for (number, t) in tries.iter().enumerate() {
            // Made against the real state, so that keys and signatures are good.
            let s = submission(&facts.real, &homes, number, *t, now.min(u64::MAX - 10_000_000_000));
            let prepared = Prepared::new(&s);
            for now in [now, support::NOW, 0] {
                let at = At { partition: PartitionId(0), now };
                let first = decide(&facts.real.domain, &facts, &prepared, at);
                prop_assert_eq!(first, decide(&facts.real.domain, &facts, &prepared, at));
            }
        }
    }

    #[test]
    fn no_claim_makes_reading_panic(facts in nonsense(), branch: u32, epoch in number(), now in number(), key: [u8; 32]) {
        for home in homes() {
            let mailbox = facts.mailbox(&home.id).unwrap();
            let record = facts.access(&home.id, branch, epoch);
            for right in [Right::Read, Right::Deposit, Right::Owner] {
                for key in [PublicKey(key), home.access(branch % 7, epoch % 7).public(), home.owner.public()] {
                    let claim = Claim { right, branch, epoch, key, reader: key, current: Some((branch, epoch)) };
                    let _ = may_read(&mailbox, record.as_ref(), &claim, now);
                    let _ = may_hold(Some(&mailbox), record.as_ref(), &claim, now);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_ledger_entry_however_impossible_makes_the_rules_panic(
        facts in nonsense(), parts in number(), now in number(), fill in 0u64..3,
    ) {
        let rx = Rx { now: now.min(u64::MAX - 40 * support::DAY), ..Rx::new(1) };
        let acts = [
            rx.look(), rx.reserve(fill, parts), rx.confirm(fill, parts), rx.release(fill), rx.cancel(),
            rx.hold(fill, parts), rx.lift(fill), rx.answered(fill), rx.settle(fill, parts),
        ];
        for act in acts {
            let s = rx.says(1, act);
            let prepared = Prepared::new(&s);
            for now in [now, support::NOW, 0] {
                let at = At { partition: PartitionId(0), now };
                let first = decide(&facts.real.domain, &facts, &prepared, at);
                prop_assert_eq!(first, decide(&facts.real.domain, &facts, &prepared, at));
            }
        }
    }
}
