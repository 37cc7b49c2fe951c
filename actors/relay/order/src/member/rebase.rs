//! Where a new incarnation begins: the history that somebody may have been promised.

use super::inc::{Genesis, Inc, Point};
use super::standing::Accepted;
use super::votes::seats_of;
use crate::record::Position;

/// A member's answer to a candidate, given after it was synced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Promise<S: Ord, M> {
    /// Whose.
    pub from: S,
    /// For which incarnation.
    pub inc: Inc<S>,
    /// What it follows.
    pub accepted: Accepted<S, M>,
    /// Where its history ends.
    pub head: Point<M>,
}

/// What a candidate does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice<S: Ord, M> {
    /// Carry this history of this incarnation on.
    Open {
        /// Whose history.
        parent: Accepted<S, M>,
        /// Up to where it must be kept.
        base: Point<M>,
        /// A member that holds it.
        holder: S,
    },
    /// Too few members have answered.
    Few,
    /// Two histories are possible, and nobody can know yet which was acknowledged: only
    /// more answers help.
    Forked,
}

/// Rule 10: from the promises of a majority to the base.
///
/// `active` is whether the candidate knows that incarnation to have been active (it counted
/// the votes); `common` gives how far the histories of two repliers are the same, and `mark`
/// the mark of a replier's history at a position.
///
/// A history of the highest accepted incarnation is *possible* if those who hold it and those
/// who have not answered would be a majority together: only then can it have been
/// acknowledged. Taking the longest of all would resurrect what nobody was promised, and
/// adding up holders of different incarnations loses what somebody was.
///
/// Whoever follows an incarnation holds its genesis, unless he has cut it off to go over to a later
/// one that left it behind: then nothing was acknowledged in it, and what was before it lies
/// below the cut.
pub fn choose<S: Ord + Copy, M: Copy + Eq>(
    promises: &[Promise<S, M>],
    active: &dyn Fn(Inc<S>) -> bool,
    common: &dyn Fn(S, S) -> Position,
    mark: &dyn Fn(S, Position) -> M,
) -> Choice<S, M> {
    let Some(parent) = promises.iter().map(|p| &p.accepted).max_by_key(|a| a.inc) else {
        return Choice::Few;
    };
    let answered = seats_of(promises.iter().map(|p| p.from));
    let quorum = parent.members.majority();
    let enough = parent.members.among(&answered) >= quorum
        && (parent.before.among(&answered) >= parent.before.majority() || active(parent.inc));
    if !enough {
        return Choice::Few;
    }
    let holders: Vec<&Promise<S, M>> = promises
        .iter()
        .filter(|p| p.accepted.inc == parent.inc && parent.members.has(&p.from))
        .collect();
    let silent = parent.members.len() - parent.members.among(&answered);
    let shared = |a: &Promise<S, M>, b: &Promise<S, M>| {
        if a.from == b.from {
            a.head.n
        } else {
            common(a.from, b.from)
        }
    };
    // Of each history, the longest part that those who hold it and the silent could have acknowledged.
    let possible: Vec<(&Promise<S, M>, Position)> = holders
        .iter()
        .map(|h| {
            let mut held: Vec<Position> = holders.iter().map(|o| shared(h, o)).collect();
            held.sort_unstable_by(|a, b| b.cmp(a));
            let reach = held.get(quorum.saturating_sub(silent).max(1) - 1).copied();
            (*h, reach.unwrap_or(0).max(parent.genesis.n).min(h.head.n))
        })
        .collect();
    let forked = possible
        .iter()
        .any(|(a, at)| possible.iter().any(|(b, bt)| shared(a, b) < (*at).min(*bt)));
    if forked {
        return Choice::Forked;
    }
    // Where no member of it has answered, somebody who leaves it or is yet to come has followed
    // its genesis: the members who answered never will, so nothing on top of it was acknowledged.
    let longest = possible.iter().max_by_key(|(_, n)| *n).copied();
    let begun = || promises.iter().find(|p| p.accepted.inc == parent.inc);
    let Some((holder, n)) = longest.or_else(|| begun().map(|p| (p, parent.genesis.n.min(p.head.n)))) else {
        return Choice::Few;
    };
    Choice::Open {
        parent: parent.clone(),
        base: Point {
            n,
            mark: mark(holder.from, n),
        },
        holder: holder.from,
    }
}

/// Rules 11 and 15: the genesis of a new incarnation.
///
/// One seat may change hands (`swap`: who leaves, who comes) if the parent is known to have been
/// active and the one who comes has caught up, which the caller sees to. While a change is
/// unfinished it is carried on as it is: dropping those who voted before would let the new
/// majority forget what the old one acknowledged.
pub fn genesis<S: Ord + Copy, M: Copy>(
    inc: Inc<S>,
    parent: &Accepted<S, M>,
    base: Point<M>,
    active: bool,
    swap: Option<(S, S)>,
) -> Genesis<S, M> {
    let (members, before) = match (active, swap) {
        (false, _) => (parent.members.clone(), parent.before.clone()),
        (true, None) => (parent.members.clone(), parent.members.clone()),
        (true, Some((leaves, comes))) => (parent.members.swapped(&leaves, comes), parent.members.clone()),
    };
    Genesis {
        inc,
        parent: parent.inc,
        base,
        members,
        before,
    }
}
