//! Counting attestations.

use std::collections::BTreeSet;

use super::inc::{Inc, Point, Seats};
use super::standing::Accepted;
use crate::record::Position;

/// One seat's word: "this history, up to here, is on my disk".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vote<S, M> {
    /// Whose.
    pub from: S,
    /// In which incarnation.
    pub inc: Inc<S>,
    /// Up to where.
    pub at: Point<M>,
}

/// How far a majority of `seats` has attested the history of the one who counts: rule 4.
///
/// A vote counts for every place up to its own, if its mark is the counting member's own
/// there (`own`), and only in this incarnation: votes of different incarnations are never
/// added, since a seat that voted in one may have cut its history for another.
fn majority<S: Ord + Copy, M: Copy + Eq>(
    seats: &Seats<S>,
    inc: Inc<S>,
    votes: &[Vote<S, M>],
    own: &dyn Fn(Position) -> Option<M>,
) -> Option<Position> {
    let mut reach: Vec<Position> = seats
        .iter()
        .filter_map(|seat| {
            votes
                .iter()
                .filter(|v| v.from == *seat && v.inc == inc && own(v.at.n) == Some(v.at.mark))
                .map(|v| v.at.n)
                .max()
        })
        .collect();
    reach.sort_unstable_by(|a, b| b.cmp(a));
    reach.get(seats.majority() - 1).copied()
}

/// Rule 5: whether an incarnation is active: a majority of its members, and of those before
/// them, has attested its genesis. Nothing counts before.
pub fn active<S: Ord + Copy, M: Copy + Eq>(
    accepted: &Accepted<S, M>,
    votes: &[Vote<S, M>],
    own: &dyn Fn(Position) -> Option<M>,
) -> bool {
    let reaches =
        |seats: &Seats<S>| majority(seats, accepted.inc, votes, own).is_some_and(|n| n >= accepted.genesis.n);
    reaches(&accepted.members) && reaches(&accepted.before)
}

/// Rule 6: the last position of the accepted incarnation that is chosen, by the votes this
/// member has seen. Receipts, and what readers see, end there.
pub fn chosen<S: Ord + Copy, M: Copy + Eq>(
    accepted: &Accepted<S, M>,
    votes: &[Vote<S, M>],
    own: &dyn Fn(Position) -> Option<M>,
) -> Option<Position> {
    if !active(accepted, votes, own) {
        return None;
    }
    majority(&accepted.members, accepted.inc, votes, own)
}

/// The seats that answered, as a set.
pub(super) fn seats_of<S: Ord + Copy>(answers: impl Iterator<Item = S>) -> BTreeSet<S> {
    answers.collect()
}
