//! What waits for one other domain, and what is passed on next.
//!
//! ```text
//! lane A:  1 2 5      the first of each lane is passed on; the next when that one has its answer
//! lane B:  3 4
//!
//! ready    lanes whose first may be passed on, by when
//! flying   lanes whose first was passed on and has no answer, by when it is passed on again;
//!          at most so many at once: a domain that is away costs no more than that
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use telesphor_wire::ids::{MailboxId, Nonce};

use super::patience::{Next, Open, Patience};

/// A lane of one outbox.
pub type LaneKey = (MailboxId, Nonce);

/// How it stands with one domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Requests without an answer, but for those that are held.
    pub waiting: usize,
    /// Requests that the other domain holds until it has something to answer.
    pub held: usize,
    /// Of these, how many were passed on just now.
    pub flying: usize,
    /// When the oldest of those that wait came, by the order's clock.
    pub oldest: Option<u64>,
}

/// Everything that waits for one domain.
#[derive(Clone, Debug, Default)]
pub struct Work {
    lanes: BTreeMap<LaneKey, VecDeque<Open>>,
    ready: BTreeSet<(u64, LaneKey)>,
    flying: BTreeSet<(u64, LaneKey)>,
    waiting: usize,
}

impl Work {
    /// A request came to a lane, not to be passed on before `due`. One that is there already
    /// changes nothing.
    pub fn came(&mut self, lane: LaneKey, seq: u64, since: u64, due: u64) {
        let opens = self.lanes.entry(lane).or_default();
        if opens.back().is_some_and(|last| last.seq >= seq) {
            return;
        }
        let open = Open {
            due,
            ..Open::new(seq, since)
        };
        opens.push_back(open);
        self.waiting += 1;
        if opens.len() == 1 {
            self.ready.insert((due, lane));
        }
    }

    /// A request has its answer, in whatever order that is heard.
    pub fn answered(&mut self, lane: LaneKey, seq: u64) {
        let Some(opens) = self.lanes.get_mut(&lane) else {
            return;
        };
        let before = opens.len();
        let first = opens.front().copied();
        opens.retain(|open| open.seq != seq);
        self.waiting -= before - opens.len();
        let Some(first) = first.filter(|first| first.seq == seq) else {
            return;
        };
        self.ready.remove(&(first.due, lane));
        self.flying.remove(&(first.due, lane));
        match opens.front() {
            Some(next) => {
                self.ready.insert((next.due, lane));
            }
            None => {
                self.lanes.remove(&lane);
            }
        }
    }

    /// The next to be passed on or given up, if there is one now and fewer than `most` are on
    /// their way. It counts as passed on from here.
    pub fn next(
        &mut self,
        patience: &Patience,
        most: usize,
        now: u64,
        spread: u64,
    ) -> Option<(LaneKey, Open, Next)> {
        // Whatever has had no answer in its time is ready again.
        while let Some(&(due, lane)) = self.flying.first().filter(|(due, _)| *due <= now) {
            self.flying.remove(&(due, lane));
            self.ready.insert((due, lane));
        }
        if self.flying.len() >= most {
            return None;
        }
        let (due, lane) = self.ready.first().copied().filter(|(due, _)| *due <= now)?;
        let open = self.lanes.get_mut(&lane)?.front_mut()?;
        let next = open.next(patience, now);
        self.ready.remove(&(due, lane));
        open.passed(patience, now, spread);
        self.flying.insert((open.due, lane));
        Some((lane, *open, next))
    }

    /// The domain has said of the first request of a lane: later.
    pub fn later(&mut self, lane: LaneKey, seq: u64, patience: &Patience, now: u64, after: u64) {
        self.put_off(lane, seq, patience, now, (after, false));
    }

    /// The domain holds the first request of a lane until it has something to answer.
    pub fn held(&mut self, lane: LaneKey, seq: u64, patience: &Patience, now: u64, after: u64) {
        self.put_off(lane, seq, patience, now, (after, true));
    }

    fn put_off(
        &mut self,
        lane: LaneKey,
        seq: u64,
        patience: &Patience,
        now: u64,
        (after, held): (u64, bool),
    ) {
        let Some(open) = self.lanes.get_mut(&lane).and_then(VecDeque::front_mut) else {
            return;
        };
        if open.seq != seq {
            return;
        }
        self.ready.remove(&(open.due, lane));
        self.flying.remove(&(open.due, lane));
        open.later(patience, now, after);
        open.held = held;
        self.ready.insert((open.due, lane));
    }

    /// The domain has begun anew: what it held it holds no more.
    pub fn let_go(&mut self, now: u64, delay: impl Fn(&LaneKey) -> u64) {
        for open in self.lanes.values_mut().filter_map(VecDeque::front_mut) {
            open.held = false;
        }
        self.revive(now, delay);
    }

    /// The domain is heard again after a silence: what waits for its time need not, but for what
    /// `delay` says of a lane. What is held there waits for nothing.
    pub fn revive(&mut self, now: u64, delay: impl Fn(&LaneKey) -> u64) {
        let (mut ready, mut flying) = (BTreeSet::new(), BTreeSet::new());
        let all = self.ready.iter().map(|place| (place, false));
        for ((due, lane), flies) in all.chain(self.flying.iter().map(|place| (place, true))) {
            let Some(open) = self.lanes.get_mut(lane).and_then(VecDeque::front_mut) else {
                continue;
            };
            if open.held {
                let stays = if flies { &mut flying } else { &mut ready };
                stays.insert((*due, *lane));
                continue;
            }
            open.due = (*due).min(now.saturating_add(delay(lane)));
            open.tries = 0;
            ready.insert((open.due, *lane));
        }
        (self.ready, self.flying) = (ready, flying);
    }

    /// Whether something waits that is not held there.
    pub fn is_waiting(&self) -> bool {
        let firsts = self.lanes.values().filter_map(|lane| lane.front());
        self.waiting > firsts.filter(|open| open.held).count()
    }

    /// Whether nothing is left of it.
    pub const fn is_done(&self) -> bool {
        self.waiting == 0
    }

    /// Whether the first request of the lane, which it would be, was passed on by us.
    pub fn was_passed(&self, lane: LaneKey, seq: u64) -> bool {
        let first = self.lanes.get(&lane).and_then(VecDeque::front);
        first.is_some_and(|open| open.seq == seq && open.passed)
    }

    /// When there is something to do next.
    pub fn due(&self, most: usize) -> Option<u64> {
        let ready = self.ready.first().filter(|_| self.flying.len() < most);
        let flying = self.flying.first();
        ready.into_iter().chain(flying).map(|(due, _)| *due).min()
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        let firsts = || self.lanes.values().filter_map(|lane| lane.front());
        let held = firsts().filter(|open| open.held).count();
        Standing {
            waiting: self.waiting - held,
            held,
            flying: self.flying.len(),
            oldest: firsts().filter(|open| !open.held).map(|open| open.since).min(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        answer: 2_000,
        longest: 60_000,
        give_up: 432_000_000,
    };
    const NOW: u64 = 1_000_000;

    fn lane(n: u8) -> LaneKey {
        (MailboxId([1; 32]), Nonce([n; 32]))
    }

    fn seqs(work: &mut Work, most: usize, now: u64) -> Vec<u64> {
        std::iter::from_fn(|| work.next(&PATIENCE, most, now, 0))
            .map(|(_, open, _)| open.seq)
            .collect()
    }

    fn full() -> Work {
        let mut work = Work::default();
        for (seq, n) in [(1, 1), (2, 1), (3, 2), (4, 2), (5, 1)] {
            work.came(lane(n), seq, NOW, 0);
        }
        work
    }

    #[test]
    fn a_request_overtakes_another_of_its_lane_or_is_taken_twice() {
        let mut work = full();
        work.came(lane(1), 5, NOW, 0);
        assert_eq!(work.standing().waiting, 5);
        assert_eq!(seqs(&mut work, 9, NOW), [1, 3]);
        assert!(seqs(&mut work, 9, NOW).is_empty(), "passed on twice at once");
        assert!(work.was_passed(lane(1), 1) && !work.was_passed(lane(1), 2));
        work.answered(lane(1), 1);
        work.answered(lane(1), 1);
        assert_eq!(seqs(&mut work, 9, NOW), [2]);
        // Heard out of turn: it is done with, and the one before it is not.
        work.answered(lane(2), 4);
        assert!(seqs(&mut work, 9, NOW).is_empty());
        assert_eq!(seqs(&mut work, 9, NOW + 2_000), [2, 3]);
        for (n, seq) in [(1, 2), (2, 3), (1, 5)] {
            work.answered(lane(n), seq);
        }
        assert_eq!(work.standing(), Standing::default());
        assert_eq!(work.due(9), None);
    }

    #[test]
    fn a_domain_that_is_away_takes_all_there_is_time_for() {
        let mut work = Work::default();
        for n in 0..100 {
            work.came(lane(n), u64::from(n) + 1, NOW, 0);
        }
        assert_eq!(seqs(&mut work, 8, NOW).len(), 8);
        assert!(seqs(&mut work, 8, NOW + 1_999).is_empty());
        assert_eq!(work.due(8), Some(NOW + 2_000));
        assert_eq!(seqs(&mut work, 8, NOW + 2_000).len(), 8);
        assert_eq!(work.standing().waiting, 100);
        // Back: everything goes at once, as soon as there is room, and an answer to what was passed
        // on before still counts.
        work.revive(NOW + 2_500, |_| 0);
        assert!(work.was_passed(lane(0), 1));
        assert_eq!(seqs(&mut work, 200, NOW + 2_500).len(), 100);
    }

    #[test]
    fn what_was_told_to_come_later_comes_at_once_or_never() {
        let mut work = full();
        assert_eq!(seqs(&mut work, 9, NOW), [1, 3]);
        work.later(lane(1), 1, &PATIENCE, NOW, 500);
        work.later(lane(2), 99, &PATIENCE, NOW, 500);
        assert!(seqs(&mut work, 9, NOW + 499).is_empty());
        assert_eq!(seqs(&mut work, 9, NOW + 500), [1]);
        let (_, _, next) = work.next(&PATIENCE, 9, NOW + PATIENCE.give_up, 0).unwrap();
        assert_eq!(next, Next::GiveUp);
    }

    #[test]
    fn what_the_other_domain_holds_counts_as_waiting_or_is_asked_for_at_every_word_of_it() {
        let mut work = full();
        assert_eq!(seqs(&mut work, 9, NOW), [1, 3]);
        work.held(lane(2), 3, &PATIENCE, NOW, 60_000);
        let stands = work.standing();
        assert_eq!((stands.waiting, stands.held), (4, 1));
        work.revive(NOW + 10, |_| 0);
        assert_eq!(
            seqs(&mut work, 9, NOW + 10),
            [1],
            "what waits, and not what is held"
        );
        for seq in [1, 2, 5] {
            work.answered(lane(1), seq);
        }
        work.answered(lane(2), 4);
        assert!(!work.is_waiting() && !work.is_done());
        assert_eq!((work.standing().oldest, work.due(9)), (None, Some(NOW + 60_000)));
        // Asked for once more in its time; after a second time without a word it waits like others.
        assert_eq!(seqs(&mut work, 9, NOW + 60_000), [3]);
        assert!(!work.is_waiting());
        assert_eq!(seqs(&mut work, 9, NOW + 62_000), [3]);
        assert!(work.is_waiting() && work.was_passed(lane(2), 3));
        // Held again, by a relay that then begins anew: it is asked for at once.
        work.held(lane(2), 3, &PATIENCE, NOW + 62_000, 60_000);
        work.let_go(NOW + 62_001, |_| 0);
        assert_eq!(seqs(&mut work, 9, NOW + 62_001), [3]);
        work.answered(lane(2), 3);
        assert!(work.is_done());
    }
}
