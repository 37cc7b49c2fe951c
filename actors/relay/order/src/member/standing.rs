//! What a member may do, by what stands on its disk.

use serde::{Deserialize, Serialize};

use super::inc::{Genesis, Inc, Point, Seats};
use crate::record::Position;

/// The incarnation a member follows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Accepted<S: Ord, M> {
    /// Which.
    pub inc: Inc<S>,
    /// Its genesis as a place: position and mark with the genesis included.
    pub genesis: Point<M>,
    /// Who votes in it.
    pub members: Seats<S>,
    /// Who voted before it.
    pub before: Seats<S>,
}

/// A member's own state of one partition, as it stands on its disk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Standing<S: Ord, M> {
    /// The highest incarnation promised. Never falls, and `accepted.inc` never passes it.
    pub promised: Inc<S>,
    /// The one followed.
    pub accepted: Accepted<S, M>,
    /// Where its history ends.
    pub head: Point<M>,
    /// In the accepted incarnation this seat has voted up to here for a history it no longer
    /// holds (it re-seeded): it stays silent at and below this position. 0 otherwise.
    pub silent_to: Position,
}

/// What to do with a record of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apply {
    /// It is the next one: apply, sync, then attest.
    Next,
    /// Already applied; nothing to do.
    Old,
    /// Records between are missing, or the stream is not the one promised: stop applying,
    /// attesting and acknowledging, then rebase.
    Fence,
}

/// Why a genesis is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A higher incarnation was promised.
    #[error("a later incarnation was promised")]
    Promised,
    /// This one, or a later one, is followed already.
    #[error("this incarnation or a later one is followed already")]
    Accepted,
    /// The history up to the base is not on this disk: fetch it first.
    #[error("the history up to the base is not here")]
    Lacking,
}

impl<S: Ord + Copy, M: Copy + Eq> Standing<S, M> {
    /// Rule 2: only the next record of the stream that was both promised and accepted.
    pub fn apply(&self, stream: Inc<S>, position: Position) -> Apply {
        if stream != self.accepted.inc || self.accepted.inc != self.promised {
            return Apply::Fence;
        }
        match position.checked_sub(self.head.n) {
            Some(1) => Apply::Next,
            None | Some(0) => Apply::Old,
            Some(_) => Apply::Fence,
        }
    }

    /// Rule 9: a promise is given for a higher incarnation only. The standing returned is synced
    /// before the promise leaves; from then on nothing below is applied or attested. The promise is the fence.
    pub fn promise(&self, inc: Inc<S>) -> Option<Self> {
        (inc > self.promised).then(|| Self {
            promised: inc,
            ..self.clone()
        })
    }

    /// Rule 12: follow a genesis, with everything up to its base on disk in the same write.
    ///
    /// `holds` is this member's own history or a checkpoint checked against the genesis:
    /// whether it contains the base. `mark` is the mark of the base with the genesis applied.
    ///
    /// # Errors
    /// [`Refused`]; nothing changes then.
    pub fn accept(&self, genesis: &Genesis<S, M>, holds: bool, mark: M) -> Result<Self, Refused> {
        if genesis.inc < self.promised {
            return Err(Refused::Promised);
        }
        if genesis.inc <= self.accepted.inc {
            return Err(Refused::Accepted);
        }
        if !holds {
            return Err(Refused::Lacking);
        }
        let at = Point {
            n: genesis.base.n + 1,
            mark,
        };
        Ok(Self {
            promised: genesis.inc,
            accepted: Accepted {
                inc: genesis.inc,
                genesis: at,
                members: genesis.members.clone(),
                before: genesis.before.clone(),
            },
            head: at,
            silent_to: 0,
        })
    }

    /// The next record was applied and synced.
    pub fn applied(&self, mark: M) -> Self {
        Self {
            head: Point {
                n: self.head.n + 1,
                mark,
            },
            ..self.clone()
        }
    }

    /// Rule 13: take over a peer's history of the same incarnation in place of one that lost.
    /// The seat has voted up to its old head and does not vote there again.
    pub fn reseeded(&self, to: Point<M>) -> Self {
        Self {
            head: to,
            silent_to: self.silent_to.max(self.head.n),
            ..self.clone()
        }
    }

    /// Rule 3: whether this seat may attest its head: only while the incarnation it follows
    /// is the highest it promised, and never a second time for a place it has voted on.
    pub fn may_attest(&self) -> bool {
        self.accepted.inc == self.promised && self.head.n > self.silent_to
    }
}
