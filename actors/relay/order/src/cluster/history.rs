//! The last stretch of a member's history, in memory: links, and what is still to be decided.
//!
//! Of what is to be decided a bounded part is here; what lies beyond it is on the disk and read when
//! its turn comes ([`Next::OnDisk`]).

use std::collections::VecDeque;

use crate::member::Point;
use crate::record::Position;

use super::entry::{BatchId, Meaning};
use super::limits::{HELD_BYTES, UNDECIDED};
use super::say::{Link, TAIL_LINKS};

/// Links that are kept in memory behind the head.
const LINKS: usize = 8 * 1024;

/// Links of the entries from `first` to the head, without a gap.
#[derive(Debug)]
pub(crate) struct History {
    first: Position,
    links: VecDeque<Link>,
    /// What was not given to be decided yet.
    undecided: VecDeque<Waits>,
    /// Of that, what is held here, bytes as it was ordered.
    held: usize,
}

/// What is known of an entry without its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outline {
    /// What was ordered up to and with it.
    pub(crate) link: Link,
    /// The version of the rules it goes by.
    pub(crate) rules: u16,
    /// Which batch it is, if it is one.
    pub(crate) batch: Option<BatchId>,
}

#[derive(Debug)]
struct Waits {
    n: Position,
    rules: u16,
    batch: Option<BatchId>,
    /// With its length as it was ordered, bytes. `None`: on the disk.
    meaning: Option<(Meaning, usize)>,
}

/// What is to be decided next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Nothing.
    Nothing,
    /// This, by that version of the rules, so many bytes long.
    Entry(Position, u16, Meaning, usize),
    /// What stands on the disk from here on.
    OnDisk(Position),
}

impl History {
    /// Beginning with one place.
    pub(crate) fn new(at: Point<Link>) -> Self {
        Self {
            first: at.n,
            links: VecDeque::from([at.mark]),
            undecided: VecDeque::new(),
            held: 0,
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

    /// One more entry, of so many bytes.
    pub(crate) fn push(&mut self, link: Link, meaning: Meaning, rules: u16, bytes: usize) {
        let batch = meaning.batch();
        let room = self.undecided.len() < UNDECIDED && self.held < HELD_BYTES;
        self.grow(Outline { link, rules, batch }, room.then_some((meaning, bytes)));
    }

    /// One more entry, whose bytes are on the disk.
    pub(crate) fn push_outline(&mut self, outline: Outline) {
        self.grow(outline, None);
    }

    fn grow(&mut self, outline: Outline, meaning: Option<(Meaning, usize)>) {
        self.held += meaning.as_ref().map_or(0, |(_, bytes)| *bytes);
        self.links.push_back(outline.link);
        self.undecided.push_back(Waits {
            n: self.head().n,
            rules: outline.rules,
            batch: outline.batch,
            meaning,
        });
        self.trim();
    }

    fn trim(&mut self) {
        let first_undecided = self.undecided.front().map_or(Position::MAX, |w| w.n);
        while self.links.len() > LINKS && first_undecided > self.first + 1 {
            self.links.pop_front();
            self.first += 1;
        }
    }

    /// What an entry means that was read from the disk, with its length, if it still stands there: another one
    /// may have come in its place since it was read.
    pub(crate) fn fill(&mut self, n: Position, link: Link, meaning: (Meaning, usize)) {
        if self.link(n) != Some(link) {
            return;
        }
        let first = self.undecided.front().map_or(n, |w| w.n);
        let at = n.checked_sub(first).and_then(|at| usize::try_from(at).ok());
        if let Some(waits) = at.and_then(|at| self.undecided.get_mut(at)) {
            waits.meaning.get_or_insert_with(|| {
                self.held += meaning.1;
                meaning
            });
        }
    }

    /// Links after a position up to the head.
    pub(crate) fn links_after(&self, n: Position) -> Vec<Link> {
        let skip = usize::try_from(n.saturating_add(1).saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.links.iter().skip(skip).copied().collect()
    }

    /// Everything above a position goes.
    pub(crate) fn cut(&mut self, above: Position) {
        let keep = above.saturating_sub(self.first).saturating_add(1);
        self.links
            .truncate(usize::try_from(keep).unwrap_or(usize::MAX).max(1));
        while let Some(gone) = self.undecided.pop_back_if(|w| w.n > above) {
            self.let_go(&gone);
        }
    }

    /// The next entry to be decided, up to a position.
    pub(crate) fn next(&mut self, to: Position) -> Next {
        match self.undecided.pop_front_if(|w| w.n <= to && w.meaning.is_some()) {
            Some(Waits {
                n,
                rules,
                meaning: Some((meaning, bytes)),
                ..
            }) => {
                self.held = self.held.saturating_sub(bytes);
                Next::Entry(n, rules, meaning, bytes)
            }
            _ => match self.undecided.front() {
                Some(w) if w.n <= to => Next::OnDisk(w.n),
                _ => Next::Nothing,
            },
        }
    }

    /// Everything up to a position was decided before.
    pub(crate) fn decided_to(&mut self, n: Position) {
        while let Some(gone) = self.undecided.pop_front_if(|w| w.n <= n) {
            self.let_go(&gone);
        }
    }

    fn let_go(&mut self, gone: &Waits) {
        let bytes = gone.meaning.as_ref().map_or(0, |(_, bytes)| *bytes);
        self.held = self.held.saturating_sub(bytes);
    }

    /// Whether a batch stands in it, undecided.
    pub(crate) fn holds(&self, batch: BatchId) -> bool {
        self.undecided.iter().any(|w| w.batch == Some(batch))
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

#[cfg(test)]
mod tests {
    use telesphor_wire::hash::Digest;

    use super::*;

    fn outline(mark: u8) -> Outline {
        Outline {
            link: Digest([mark; 32]),
            rules: 1,
            batch: None,
        }
    }

    #[test]
    fn what_was_read_before_a_cut_is_decided_in_the_place_of_what_came_since() {
        let mut history = History::new(Point {
            n: 4,
            mark: Digest([4; 32]),
        });
        history.push_outline(outline(5));
        history.cut(4);
        history.push_outline(outline(55));
        history.fill(5, Digest([5; 32]), (Meaning::Nothing, 1));
        assert!(matches!(history.next(5), Next::OnDisk(5)));
        history.fill(5, Digest([55; 32]), (Meaning::Nothing, 1));
        assert!(matches!(history.next(5), Next::Entry(5, 1, Meaning::Nothing, 1)));
    }
}
