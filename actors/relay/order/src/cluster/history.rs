//! The last stretch of a member's history, in memory: links, and what is still to be decided.

use std::collections::VecDeque;

use crate::member::Point;
use crate::record::Position;

use super::entry::{BatchId, Meaning};
use super::say::{Link, TAIL_LINKS};

/// Links that are kept in memory behind the head.
const LINKS: usize = 8 * 1024;

/// Links of the entries from `first` to the head, without a gap.
#[derive(Debug)]
pub(crate) struct History {
    first: Position,
    links: VecDeque<Link>,
    /// What was not given to be decided yet, by position, with the version of the rules it goes by.
    undecided: VecDeque<(Position, u16, Meaning)>,
}

impl History {
    /// Beginning with one place.
    pub(crate) fn new(at: Point<Link>) -> Self {
        Self {
            first: at.n,
            links: VecDeque::from([at.mark]),
            undecided: VecDeque::new(),
        }
    }

    /// Where it ends.
    pub(crate) fn head(&self) -> Point<Link> {
        Point {
            n: self.first + self.links.len() as u64 - 1,
            // Never empty: it begins with one and `cut` leaves one.
            mark: self
                .links
                .back()
                .copied()
                .unwrap_or(telesphor_wire::hash::Digest([0; 32])),
        }
    }

    /// The first position whose link is in memory.
    pub(crate) fn first(&self) -> Position {
        self.first
    }

    /// The link at a position, if it is in memory.
    pub(crate) fn link(&self, n: Position) -> Option<Link> {
        let at = n.checked_sub(self.first)?;
        self.links.get(usize::try_from(at).ok()?).copied()
    }

    /// One more entry.
    pub(crate) fn push(&mut self, link: Link, meaning: Meaning, rules: u16) {
        self.links.push_back(link);
        let n = self.head().n;
        self.undecided.push_back((n, rules, meaning));
        while self.links.len() > LINKS && self.undecided.front().is_some_and(|(n, ..)| *n > self.first + 1) {
            self.links.pop_front();
            self.first += 1;
        }
    }

    /// Everything above a position goes.
    pub(crate) fn cut(&mut self, above: Position) {
        let keep = above.saturating_sub(self.first).saturating_add(1);
        self.links
            .truncate(usize::try_from(keep).unwrap_or(usize::MAX).max(1));
        while self.undecided.back().is_some_and(|(n, ..)| *n > above) {
            self.undecided.pop_back();
        }
    }

    /// The next entry to be decided, up to a position.
    pub(crate) fn next(&mut self, to: Position) -> Option<(Position, u16, Meaning)> {
        match self.undecided.front() {
            Some((n, ..)) if *n <= to => self.undecided.pop_front(),
            _ => None,
        }
    }

    /// Whether a batch stands in it, undecided.
    pub(crate) fn holds(&self, batch: BatchId) -> bool {
        let is = |m: &Meaning| matches!(m, Meaning::Batch { id, .. } if *id == batch);
        self.undecided.iter().any(|(_, _, meaning)| is(meaning))
    }

    /// Entries that are not decided.
    pub(crate) fn undecided(&self) -> usize {
        self.undecided.len()
    }

    /// Links before the head, the nearest first.
    pub(crate) fn before_head(&self) -> Vec<Link> {
        self.links
            .iter()
            .rev()
            .skip(1)
            .take(TAIL_LINKS)
            .copied()
            .collect()
    }
}
