//! Incarnations, the seats in them, and where one begins.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::record::Position;

/// One life of a partition's order. It has a stream of its own, made once by its opener.
///
/// Ordered by round, then opener, so that two candidates never mean the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Inc<S> {
    /// Above every round its opener had seen.
    pub round: u64,
    /// Who collected the promises for it.
    pub opener: S,
}

/// A place in a history, and which history: two members agree on everything up to `n` if and
/// only if their marks at `n` are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Point<M> {
    /// How many records the history has up to here, over all incarnations.
    pub n: Position,
    /// The hash over them and over what the rules made of them.
    pub mark: M,
}

/// Who votes. Written in a genesis, never computed from who happens to be up.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Seats<S: Ord>(BTreeSet<S>);

impl<S: Ord> Seats<S> {
    /// These seats; one that is named twice counts once.
    pub fn new(seats: impl IntoIterator<Item = S>) -> Self {
        Self(seats.into_iter().collect())
    }

    /// More than half.
    pub fn majority(&self) -> usize {
        self.0.len() / 2 + 1
    }

    /// Whether this seat votes.
    pub fn has(&self, seat: &S) -> bool {
        self.0.contains(seat)
    }

    /// How many of these seats are among `who`, each counted once.
    pub fn among(&self, who: &BTreeSet<S>) -> usize {
        self.0.intersection(who).count()
    }

    /// The seats, in order.
    pub fn iter(&self) -> impl Iterator<Item = &S> {
        self.0.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Nobody votes: such a cluster can acknowledge nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<S: Ord + Clone> Seats<S> {
    /// The same seats with one of them given to somebody else.
    pub fn swapped(&self, leaves: &S, comes: S) -> Self {
        let mut seats = self.0.clone();
        seats.remove(leaves);
        seats.insert(comes);
        Self(seats)
    }
}

/// The first record of an incarnation's stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Genesis<S: Ord, M> {
    /// The incarnation it opens.
    pub inc: Inc<S>,
    /// The incarnation whose history is carried on.
    pub parent: Inc<S>,
    /// Up to where. The genesis itself stands at `base.n + 1`.
    pub base: Point<M>,
    /// Who votes from now on.
    pub members: Seats<S>,
    /// Who voted before. Equal to `members` unless a seat changes hands; while they differ, nothing
    /// counts before a majority of both has attested the genesis.
    pub before: Seats<S>,
}
