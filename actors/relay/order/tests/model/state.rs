//! What the world of the model consists of.

use std::collections::{BTreeMap, BTreeSet};

use telesphor_order::member::{Accepted, Genesis, Inc, Promise, Seats, Standing, Vote};

use super::chain::{Life, Mark, Seat, genesis, point, push};

/// One seat and its disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Member {
    /// What is synced.
    pub(crate) disk: Standing<Seat, Mark>,
    /// What the process believes; equal to the disk unless a mutant writes late.
    pub(crate) mind: Standing<Seat, Mark>,
    /// The history whose bytes are really there.
    pub(crate) data: Mark,
    /// The incarnation it collects promises for; forgotten in a crash.
    pub(crate) collects: Option<Life>,
    /// Histories it fetched for an incarnation that it opened.
    pub(crate) fetched: BTreeSet<Mark>,
    /// Its disk was lost: this key never votes again.
    pub(crate) dead: bool,
}

/// How much may still go wrong, or happen at all, so that the world stays finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    /// Different commands.
    pub(crate) commands: u8,
    /// Times somebody becomes a candidate.
    pub(crate) rebases: u8,
    /// Processes that die and come back.
    pub(crate) crashes: u8,
    /// Times the bus forgets the last record of a stream.
    pub(crate) cuts: u8,
    /// Times the bus shows one member something else.
    pub(crate) lies: u8,
    /// Disks lost or put back from a backup.
    pub(crate) losses: u8,
    /// Seats beside the first three that may take one over.
    pub(crate) spares: u8,
}

/// The world.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    /// By seat.
    pub(crate) members: Vec<Member>,
    /// Geneses that were written, as signed messages.
    pub(crate) geneses: BTreeSet<Genesis<Seat, Mark>>,
    /// What the bus has in each stream after the genesis.
    pub(crate) streams: BTreeMap<Life, Vec<u8>>,
    /// Which commands were signed for which incarnation: a bus can show these and no others.
    pub(crate) signed: BTreeSet<(Life, u8)>,
    /// COLLECT messages sent.
    pub(crate) asked: BTreeSet<Life>,
    /// PROMISE messages sent. Messages are never taken out: each may arrive late, twice or never.
    pub(crate) promises: BTreeSet<Promise<Seat, Mark>>,
    /// ATTEST messages sent.
    pub(crate) votes: BTreeSet<Vote<Seat, Mark>>,
    /// What is left.
    pub(crate) left: Budget,
}

/// What must happen in some run, or the model proves little.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Sight {
    /// A tail that was adopted, not acknowledged before, has an acknowledgement on top.
    AdoptedTail,
    /// Two incarnations acknowledged something.
    TwoLives,
    /// A rebase was overtaken by another before it was active.
    Overtaken,
    /// A member cut records off its own history.
    Undone,
    /// A candidate had to wait since two histories were possible.
    Forked,
    /// A seat changed hands and the new one voted.
    Swapped,
    /// A member cut records off for a base that it does not follow yet.
    TakenOver,
}

/// The incarnation everything begins with.
pub(crate) const FIRST: Life = Inc { round: 0, opener: 0 };

impl World {
    /// Three members that hold the first genesis and have attested it, and spares that hold nothing.
    pub(crate) fn first(left: Budget) -> Self {
        let seats = Seats::new(0..3);
        let mark = push(0, genesis(FIRST, &seats, &seats));
        let standing = Standing {
            promised: FIRST,
            accepted: Accepted {
                inc: FIRST,
                genesis: point(mark),
                members: seats.clone(),
                before: seats,
            },
            head: point(mark),
            silent_to: 0,
        };
        let member = Member {
            disk: standing.clone(),
            mind: standing,
            data: mark,
            collects: None,
            fetched: BTreeSet::new(),
            dead: false,
        };
        let votes = (0..3).map(|from| Vote {
            from,
            inc: FIRST,
            at: point(mark),
        });
        Self {
            members: vec![member; 3 + left.spares as usize],
            geneses: BTreeSet::new(),
            streams: BTreeMap::from([(FIRST, Vec::new())]),
            signed: BTreeSet::new(),
            asked: BTreeSet::new(),
            promises: BTreeSet::new(),
            votes: votes.collect(),
            left,
        }
    }
}
