//! What others have said of this partition: votes, and what the rules made of each position.

use std::collections::{BTreeMap, HashMap, VecDeque};

use telesphor_wire::hash::Digest;
use telesphor_wire::receipt::Attest;

use crate::member::{Accepted, Inc, Point, Seats, Vote, active, chosen};
use crate::record::Position;

use super::limits::VOTES_AHEAD;
use super::say::{Link, Seat};

/// Votes of one incarnation, by seat: the highest that is known to be good, and those beyond
/// what this member holds.
#[derive(Debug, Default)]
pub(crate) struct Votes {
    by: HashMap<Seat, SeatVotes>,
}

#[derive(Debug, Default)]
struct SeatVotes {
    good: Option<Point<Link>>,
    ahead: VecDeque<Point<Link>>,
}

impl Votes {
    /// Notes a vote; whether it goes with `own`, this member's history, as far as can be seen. If
    /// not, the bus has ordered two things at one place.
    pub(crate) fn note(
        &mut self,
        from: Seat,
        at: Point<Link>,
        own: &dyn Fn(Position) -> Option<Link>,
        head: Position,
    ) -> bool {
        let votes = self.by.entry(from).or_default();
        if at.n > head {
            if votes.ahead.len() >= VOTES_AHEAD {
                votes.ahead.pop_front();
            }
            votes.ahead.push_back(at);
            return true;
        }
        let Some(mark) = own(at.n) else { return true };
        if mark == at.mark && votes.good.is_none_or(|good| good.n < at.n) {
            votes.good = Some(at);
        }
        mark == at.mark
    }

    /// This member's history has grown; whether what others voted for still goes with it.
    pub(crate) fn grown(&mut self, own: &dyn Fn(Position) -> Option<Link>, head: Position) -> bool {
        let mut same = true;
        for votes in self.by.values_mut() {
            while let Some(at) = votes.ahead.front().copied().filter(|at| at.n <= head) {
                votes.ahead.pop_front();
                if own(at.n) != Some(at.mark) {
                    same = false;
                } else if votes.good.is_none_or(|good| good.n < at.n) {
                    votes.good = Some(at);
                }
            }
        }
        same
    }

    /// Another incarnation is followed.
    pub(crate) fn clear(&mut self) {
        self.by.clear();
    }

    /// What counts: each was found equal to this member's own history when it was noted.
    fn good(&self, inc: Inc<Seat>) -> (Vec<Vote<Seat, Link>>, BTreeMap<Position, Link>) {
        let good = self
            .by
            .iter()
            .filter_map(|(from, votes)| votes.good.map(|at| (*from, at)));
        let votes: Vec<_> = good.map(|(from, at)| Vote { from, inc, at }).collect();
        let own = votes.iter().map(|v| (v.at.n, v.at.mark)).collect();
        (votes, own)
    }

    /// The last position of which a majority has said that it remembers it, once the
    /// incarnation is active (rules 4 to 6).
    pub(crate) fn chosen(&self, accepted: &Accepted<Seat, Link>) -> Option<Position> {
        let (votes, own) = self.good(accepted.inc);
        chosen(accepted, &votes, &|n| own.get(&n).copied())
    }

    /// Whether the incarnation is known to be active (rule 5).
    pub(crate) fn active(&self, accepted: &Accepted<Seat, Link>) -> bool {
        let (votes, own) = self.good(accepted.inc);
        active(accepted, &votes, &|n| own.get(&n).copied())
    }

    /// The lowest place that every one of these seats has voted for.
    pub(crate) fn lowest(&self, seats: &Seats<Seat>) -> Position {
        seats.iter().map(|seat| self.reached(seat)).min().unwrap_or(0)
    }

    /// How far somebody has voted for this history, whether that counts or not.
    pub(crate) fn reached(&self, seat: &Seat) -> Position {
        self.by.get(seat).and_then(|v| v.good).map_or(0, |at| at.n)
    }

    /// How many of these seats have voted for a place of this history.
    pub(crate) fn heard(&self, seats: &Seats<Seat>) -> usize {
        let voted = |seat: &&Seat| self.by.get(*seat).is_some_and(|v| v.good.is_some());
        seats.iter().filter(voted).count()
    }

    /// The nearest place at or beyond `n` that somebody voted for and this member lacks.
    pub(crate) fn beyond(&self, n: Position) -> Option<Point<Link>> {
        let ahead = self.by.values().flat_map(|v| v.ahead.iter().copied());
        ahead.filter(|at| at.n >= n).max_by_key(|at| at.n)
    }
}

/// What relays made of positions that are not answered yet.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    at: BTreeMap<Position, Verdict>,
}

#[derive(Debug, Default)]
struct Verdict {
    own: Option<Digest>,
    by: HashMap<Seat, (Digest, Attest)>,
}

/// Where a majority agrees, or agrees on something else than this relay.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Agreed {
    /// So many have attested what this relay attested.
    Yes(Vec<Attest>),
    /// A majority has attested something else: this relay has gone astray.
    Astray,
    /// Not yet.
    Open,
}

impl Verdicts {
    /// What this relay made of a position.
    pub(crate) fn own(&mut self, position: Position, from: Seat, head: Digest, attest: Attest) {
        let verdict = self.at.entry(position).or_default();
        verdict.own = Some(head);
        verdict.by.insert(from, (head, attest));
    }

    /// What another one made of it. Its signature was checked.
    pub(crate) fn other(&mut self, position: Position, from: Seat, head: Digest, attest: Attest) {
        self.at
            .entry(position)
            .or_default()
            .by
            .insert(from, (head, attest));
    }

    /// Whether a majority agrees on a position.
    pub(crate) fn agreed(&self, position: Position, seats: &Seats<Seat>) -> Agreed {
        let Some(verdict) = self.at.get(&position) else {
            return Agreed::Open;
        };
        let Some(own) = verdict.own else {
            return Agreed::Open;
        };
        let mut sides: BTreeMap<Digest, Vec<Attest>> = BTreeMap::new();
        for (seat, (head, attest)) in &verdict.by {
            if seats.has(seat) {
                sides.entry(*head).or_default().push(attest.clone());
            }
        }
        let mut won = sides.into_iter().filter(|(_, by)| by.len() >= seats.majority());
        match won.next() {
            Some((head, by)) if head == own => Agreed::Yes(by),
            Some(_) => Agreed::Astray,
            None => Agreed::Open,
        }
    }

    /// Positions up to this one are answered.
    pub(crate) fn forget_to(&mut self, position: Position) {
        self.at = self.at.split_off(&(position + 1));
    }
}
