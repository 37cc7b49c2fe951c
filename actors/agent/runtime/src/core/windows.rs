//! How far ahead a group's messages may be sealed.
//!
//! Each ciphertext of a sender has a number within its group, and a reader keeps the keys of only
//! so many numbers that it has not seen when a later one arrives. What goes into one group comes
//! from several lanes, which do not wait for each other: without this, a receipt sealed behind a
//! hundred documents overtakes them, and nobody can ever open those.

use std::collections::HashMap;

use telesphor_wire::ids::MailboxId;

use super::index::Slot;

/// Numbers between the oldest message under way and the next. Below what readers put up with
/// (`telesphor_sealing::limits::OUT_OF_ORDER`), for those that are made anew meanwhile.
const AHEAD: u64 = 24;

/// One group's messages under way.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    /// The oldest one's number here and its place in the outbox.
    oldest: Option<(u64, u64)>,
    /// There are some of an earlier run, whose numbers nobody remembers.
    unknown: bool,
}

/// All groups' messages under way, while some more are sealed.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    /// Numbers are counted for sealing in a run of the program, from nought.
    next: HashMap<MailboxId, u64>,
    under_way: HashMap<MailboxId, Window>,
    /// What was sealed: place in the outbox, number.
    pub(crate) taken: Vec<(u64, u64)>,
    /// The entry that is looked at, if numbers count for it.
    pub(crate) at: Option<u64>,
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
        for (&seq, slot) in slots.filter(|(_, slot)| slot.sealed) {
            let Some(group) = slot.group else { continue };
            let window = under_way.entry(group).or_default();
            match slot.number {
                Some(number) => {
                    let this = (number, seq);
                    window.oldest = Some(window.oldest.map_or(this, |oldest| oldest.min(this)));
                }
                None => window.unknown = true,
            }
        }
        Self {
            next,
            under_way,
            ..Self::default()
        }
    }

    /// Takes the next number of a group for the entry that is looked at, or tells it to wait.
    pub(crate) fn take(&mut self, group: &MailboxId) -> bool {
        let Some(seq) = self.at else { return true };
        let window = self.under_way.entry(*group).or_default();
        let next = self.next.entry(*group).or_default();
        let open = match window.oldest {
            // Made anew, it stands before those that wait for it.
            Some((_, first)) if seq < first => true,
            Some((oldest, _)) => *next - oldest < AHEAD,
            None => true,
        };
        if window.unknown || !open {
            self.full = true;
            return false;
        }
        let this = (*next, seq);
        window.oldest = Some(window.oldest.map_or(this, |oldest| oldest.min(this)));
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
            after: None,
            not_before: None,
            tried: true,
            support: None,
            group: Some(GROUP),
            number,
            full: false,
        }
    }

    fn windows(next: u64, slots: &[(u64, Slot)]) -> Windows {
        Windows::of(
            HashMap::from([(GROUP, next)]),
            slots.iter().map(|(seq, slot)| (seq, slot)),
        )
    }

    fn taken(mut windows: Windows, seqs: std::ops::Range<u64>) -> usize {
        seqs.filter(|seq| {
            windows.at = Some(*seq);
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
}
