//! How far ahead a group's messages may be sealed.
//!
//! Each ciphertext of a sender has a number within its group, and a reader keeps the keys of only
//! so many numbers that it has not seen when a later one arrives. What goes into one group comes
//! from several lanes, which do not wait for each other: without this, a receipt sealed behind a
//! hundred documents overtakes them, and nobody can ever open those.

use std::collections::HashMap;

use telesphor_wire::ids::MailboxId;

use super::index::{Lane, Slot};

/// Numbers between the oldest message under way and the next. Below what readers put up with
/// (`telesphor_sealing::limits::OUT_OF_ORDER`), for those that are made anew meanwhile.
const AHEAD: u64 = 24;

/// One group's messages under way.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    /// The oldest one's number.
    oldest: Option<u64>,
    /// There are some of an earlier run, whose numbers nobody remembers.
    unknown: bool,
}

/// All groups' messages under way, while some more are sealed.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    /// Numbers are counted for sealing in a run of the program, from nought.
    next: HashMap<MailboxId, u64>,
    under_way: HashMap<MailboxId, Window>,
    /// The last that is sealed in each lane.
    last_sealed: HashMap<Lane, u64>,
    /// What was sealed: place in the outbox, number.
    pub(crate) taken: Vec<(u64, u64)>,
    /// The entry that is looked at and its lane, if numbers count for it.
    pub(crate) at: Option<(u64, Lane)>,
    /// Whether it was told to wait for a number.
    pub(crate) full: bool,
}

impl Windows {
    /// As the outbox stands.
    pub(crate) fn of<'a>(
        next: HashMap<MailboxId, u64>,
        slots: impl Iterator<Item = (&'a u64, &'a Slot)>,
    ) -> Self {
        let mut under_way: HashMap<MailboxId, Window> = HashMap::new();
        let mut last_sealed = HashMap::new();
        for (&seq, slot) in slots.filter(|(_, slot)| slot.sealed) {
            // They come in the outbox's order.
            last_sealed.insert(slot.lane, seq);
            let Some(group) = slot.group else { continue };
            let window = under_way.entry(group).or_default();
            match slot.number {
                Some(number) => {
                    window.oldest = Some(window.oldest.map_or(number, |oldest| oldest.min(number)));
                }
                None => window.unknown = true,
            }
        }
        Self {
            next,
            under_way,
            last_sealed,
            ..Self::default()
        }
    }

    /// Takes the next number of a group for the entry that is looked at, or tells it to wait.
    ///
    /// One that is made anew never waits: what was sealed behind it in its lane goes only after it,
    /// so each would wait for the other. There are no more of them than were under way together.
    pub(crate) fn take(&mut self, group: &MailboxId) -> bool {
        let Some((seq, lane)) = self.at else { return true };
        let window = self.under_way.entry(*group).or_default();
        let next = self.next.entry(*group).or_default();
        let anew = self.last_sealed.get(&lane).is_some_and(|last| seq < *last);
        let open = window.oldest.is_none_or(|oldest| *next - oldest < AHEAD);
        if !anew && (window.unknown || !open) {
            self.full = true;
            return false;
        }
        window.oldest.get_or_insert(*next);
        self.taken.push((seq, *next));
        *next += 1;
        true
    }

    /// The numbers that come next.
    pub(crate) fn into_next(self) -> HashMap<MailboxId, u64> {
        self.next
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::core::index::Lane;

    const GROUP: MailboxId = MailboxId([7; 32]);

    fn slot(number: Option<u64>) -> Slot {
        Slot {
            lane: Lane::Mailbox(GROUP),
            sealed: true,
            in_flight: true,
            overtaken: false,
            passed: false,
            after: None,
            not_before: None,
            tried: true,
            support: None,
            group: Some(GROUP),
            number,
            full: false,
            looked: 0,
        }
    }

    fn windows(next: u64, slots: &[(u64, Slot)]) -> Windows {
        Windows::of(
            HashMap::from([(GROUP, next)]),
            slots.iter().map(|(seq, slot)| (seq, slot)),
        )
    }

    fn taken(windows: Windows, seqs: std::ops::Range<u64>) -> usize {
        taken_in(Lane::Mailbox(GROUP), windows, seqs)
    }

    fn taken_in(lane: Lane, mut windows: Windows, seqs: std::ops::Range<u64>) -> usize {
        seqs.filter(|seq| {
            windows.at = Some((*seq, lane));
            windows.take(&GROUP)
        })
        .count()
    }

    #[test]
    fn a_receipt_behind_many_documents_overtakes_more_than_a_reader_puts_up_with() {
        assert!(AHEAD < u64::from(telesphor_sealing::limits::OUT_OF_ORDER));
        assert_eq!(taken(windows(0, &[]), 1..200), 24);
        // The oldest is what counts, however many have been answered since.
        assert_eq!(taken(windows(30, &[(5, slot(Some(20)))]), 50..200), 14);
        assert_eq!(taken(windows(44, &[(5, slot(Some(20)))]), 50..200), 0);
        // What is made anew stands before those that wait for it.
        assert_eq!(taken(windows(44, &[(5, slot(Some(20)))]), 3..4), 1);
        // Nobody knows the order of what an earlier run sealed.
        assert_eq!(taken(windows(0, &[(5, slot(None))]), 50..200), 0);
    }

    #[test]
    fn what_is_made_anew_waits_for_what_waits_behind_it_or_another_lane_overtakes() {
        // Sealed by an earlier run or by this one, it goes only when what stands before it has gone.
        assert_eq!(taken(windows(0, &[(5, slot(None))]), 3..5), 2);
        assert_eq!(taken(windows(60, &[(5, slot(Some(20)))]), 3..5), 2);
        // In another lane nothing waits for it, however early it was queued.
        assert_eq!(taken_in(Lane::Stamps, windows(0, &[(5, slot(None))]), 3..5), 0);
        assert_eq!(
            taken_in(Lane::Stamps, windows(44, &[(5, slot(Some(20)))]), 3..5),
            0
        );
    }
}
