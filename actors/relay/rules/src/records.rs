//! Who fetched: how deliveries are merged into records, when a record is due, which ones give
//! way, and who may read them.

use telesphor_wire::answer::Refusal;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::limits::{MAX_RECORD_RANGES, MAX_RECORDS_PER_PAGE};
use telesphor_wire::mailbox::Policy;
use telesphor_wire::records::{self, Range};
use telesphor_wire::session::Right;

use crate::read::Claim;
use crate::state::Mailbox;

/// A connection's first delivery of a mailbox is written after so many milliseconds: whoever
/// fetches something that is not his is known of within seconds.
pub const FIRST_PAUSE_MS: u64 = 250;
/// Then more seldom, up to this, so that somebody who follows for a day leaves a few hundred
/// records and not one for each event.
pub const LONGEST_PAUSE_MS: u64 = 5 * 60_000;

/// How long deliveries are gathered before the record after `written` others is due.
pub fn pause(written: u32) -> u64 {
    FIRST_PAUSE_MS
        .saturating_mul(1u64.checked_shl(written.saturating_mul(2)).unwrap_or(u64::MAX))
        .min(LONGEST_PAUSE_MS)
}

/// What was delivered and stands in no record yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gathered {
    /// Rising, disjoint and not adjacent, at most [`MAX_RECORD_RANGES`].
    pub ranges: Vec<Range>,
    /// Payloads, repeats counted.
    pub payloads: u64,
    /// When the first of them went, Unix milliseconds.
    pub first: u64,
    /// When the last of them went.
    pub last: u64,
}

impl Gathered {
    /// Whether nothing was delivered.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Takes one delivery in. It is never left out: where there are too many ranges the two that
    /// lie closest become one, which then also covers what lies between.
    pub fn add(&mut self, range: Range, payloads: u64, now: u64) {
        if self.is_empty() {
            (self.first, self.last) = (now, now);
        }
        self.first = self.first.min(now);
        self.last = self.last.max(now);
        self.payloads = self.payloads.saturating_add(payloads);
        self.ranges.push(Range {
            from: range.from.min(range.to),
            to: range.to.max(range.from),
        });
        self.ranges.sort_unstable_by_key(|r| r.from);
        let mut joined: Vec<Range> = Vec::with_capacity(self.ranges.len());
        for range in self.ranges.drain(..) {
            match joined.last_mut() {
                Some(last) if range.from <= last.to.saturating_add(1) => last.to = last.to.max(range.to),
                _ => joined.push(range),
            }
        }
        while joined.len() > MAX_RECORD_RANGES {
            let closest = joined
                .windows(2)
                .enumerate()
                .filter_map(|(at, pair)| match pair {
                    [a, b] => Some((b.from.saturating_sub(a.to), at)),
                    _ => None,
                })
                .min()
                .map_or(0, |(_, at)| at);
            let right = joined.remove(closest + 1);
            if let Some(left) = joined.get_mut(closest) {
                left.to = right.to;
            }
        }
        self.ranges = joined;
    }
}

/// The numbers that are kept of a mailbox's records: `first..=newest`; empty while `newest` is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    /// The oldest kept.
    pub first: u64,
    /// The newest.
    pub newest: u64,
}

impl Ring {
    /// Before the first record.
    pub const EMPTY: Self = Self { first: 1, newest: 0 };

    /// With one record more; gives its number. At most `most` are kept (at least one).
    pub fn push(&mut self, most: u64) -> u64 {
        self.newest = self.newest.saturating_add(1);
        self.first = self.first.max(self.newest.saturating_sub(most.max(1) - 1));
        self.newest
    }
}

/// Refuses a policy in whose key's place something else stands.
pub(crate) fn check_key(policy: &Policy) -> Result<(), Refusal> {
    records::key_of(policy)
        .map(|_| ())
        .map_err(|_| ErrorCode::Malformed.into())
}

/// Whether deliveries of a mailbox are recorded at all: its owner gave a key.
pub fn are_kept(mailbox: &Mailbox) -> bool {
    mailbox.profile.policy.ext.get(records::KEY_EXTENSION).is_some()
}

/// Who may read a mailbox's records: whoever holds the owner's key now, and nobody else.
///
/// # Errors
/// [`ErrorCode::Refused`] for anybody else; [`ErrorCode::TooMany`] if more are asked for than a
/// page holds.
pub fn may_read(mailbox: Option<&Mailbox>, claim: &Claim, max_records: u64) -> Result<(), Refusal> {
    let owner = mailbox.is_some_and(|m| claim.right == Right::Owner && claim.key == m.profile.owner);
    if !owner {
        return Err(ErrorCode::Refused.into());
    }
    match max_records <= MAX_RECORDS_PER_PAGE as u64 {
        true => Ok(()),
        false => Err(ErrorCode::TooMany.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_delivery_is_left_out_of_its_record(given in prop::collection::vec((0u64..400, 0u64..4), 1..60)) {
            let mut gathered = Gathered::default();
            for (at, (from, more)) in given.iter().enumerate() {
                gathered.add(Range { from: *from, to: from + more }, more + 1, 1_000 + at as u64);
            }
            prop_assert!(gathered.ranges.len() <= MAX_RECORD_RANGES);
            prop_assert!(gathered.ranges.windows(2).all(|w| w[0].to + 1 < w[1].from));
            for (from, more) in &given {
                for seq in *from..=from + more {
                    prop_assert!(gathered.ranges.iter().any(|r| r.from <= seq && seq <= r.to));
                }
            }
            prop_assert_eq!(gathered.payloads, given.iter().map(|(_, more)| more + 1).sum::<u64>());
            prop_assert_eq!((gathered.first, gathered.last), (1_000, 999 + given.len() as u64));
        }

        #[test]
        fn the_ring_grows_or_numbers_have_gaps(most in 0u64..50, pushes in 1u64..200) {
            let mut ring = Ring::EMPTY;
            for n in 1..=pushes {
                prop_assert_eq!(ring.push(most), n);
                prop_assert!(ring.newest - ring.first < most.max(1));
            }
            prop_assert_eq!(ring.first, (pushes + 1).saturating_sub(most.max(1)).max(1));
        }
    }

    #[test]
    fn a_clock_that_steps_back_turns_a_record_around() {
        let mut gathered = Gathered::default();
        gathered.add(Range { from: 1, to: 1 }, 1, 500);
        gathered.add(Range { from: 2, to: 2 }, 1, 400);
        assert_eq!((gathered.first, gathered.last), (400, 500));
        assert_eq!(gathered.ranges, [Range { from: 1, to: 2 }]);
    }

    #[test]
    fn the_first_fetch_waits_long_or_a_long_one_writes_without_end() {
        assert_eq!(pause(0), FIRST_PAUSE_MS);
        let day: Vec<u64> = (0..)
            .map(pause)
            .scan(0, |at, p| {
                *at += p;
                (*at < 24 * 3_600_000).then_some(*at)
            })
            .collect();
        assert!(day.len() < 300, "{}", day.len());
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE_MS);
    }
}
