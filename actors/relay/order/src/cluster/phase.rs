//! Where a member stands, what it waits for, and why it may have to stop.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use bytes::Bytes;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::Nonce;
use telesphor_wire::receipt::Attest;

use super::bus::{BusError, StreamId, StreamState};
use super::compare::Shows;
use super::entry::{BatchId, Kept};
use super::say::{Genesis, Promised, Said, Seat};
use super::versions::Knows;
use crate::member::Inc;
use crate::record::Position;

/// What the writer tells a partition.
pub(crate) enum FromWriter {
    /// What this ticket asked for is synced.
    Kept(u64),
    /// What this relay made of a position.
    Decided(Position, Digest, Box<Attest>),
}

/// What becomes true when something is synced.
#[derive(Debug)]
pub(crate) enum After {
    /// Nothing by itself.
    Nothing,
    /// Entries up to here are on the disk.
    Entries(Position),
    /// Another incarnation is followed, its genesis at this position.
    Accepted(Position),
    /// An incarnation was promised to its candidate.
    Promised(Inc<Seat>),
    /// An incarnation of one's own was promised; promises can be collected.
    Candidate(Inc<Seat>),
}

/// Where a member stands between two incarnations.
pub(crate) enum Phase {
    Starting {
        nonce: Nonce,
        heard: BTreeSet<Seat>,
    },
    Following,
    Fenced {
        since: Instant,
    },
    Collecting {
        inc: Inc<Seat>,
        since: Instant,
        promises: BTreeMap<Seat, Promised>,
        /// What no promise showed, as its holder shows it.
        asked: HashMap<(Seat, Position), Shows>,
        busy: bool,
    },
    /// The stream is being made.
    Opening {
        inc: Inc<Seat>,
    },
    Promised {
        inc: Inc<Seat>,
        since: Instant,
    },
    /// What lies before the base is being fetched.
    Accepting {
        genesis: Box<Said<Genesis>>,
        raw: Bytes,
        since: Instant,
    },
    /// This member cannot go on by itself; an operator must act.
    Lost,
}

/// Why a member cannot go on by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// Others have heard more of it than its disk holds: the disk is an old copy.
    #[error("its disk is older than what it has said: it must join anew, as another relay")]
    Forgotten,
    /// The rules gave another result here than on a majority of relays.
    #[error("it came to another result than a majority of relays: it needs a copy of their state")]
    Astray,
    /// Its place among those who vote was given to another relay.
    #[error("its seat was given to another relay: end it")]
    Left,
    /// The cluster decides by a version of the rules that its program does not know.
    #[error("the cluster decides by rules that this program does not know: run a newer one")]
    Rules,
    /// What it would have to fetch is no longer kept by anybody.
    #[error("it was away for longer than others keep what it lacks: it needs a copy of their state")]
    Behind,
}

/// Why a new incarnation could not be opened; another round is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotOpened {
    /// What lies before its base could not be fetched.
    NoBase,
    /// The bus made no stream for it.
    NoStream(BusError),
}

impl NotOpened {
    /// For the operator.
    pub(crate) fn why(self) -> &'static str {
        match self {
            Self::NoBase => "what lies before the base could not be had",
            Self::NoStream(BusError::NoRoom) => {
                "NATS has no room for a new stream (max_file_store, or its disk)"
            }
            Self::NoStream(BusError::TooFew) => {
                "too few NATS servers can take a new stream (some are away, or max_file_store leaves no room)"
            }
            Self::NoStream(BusError::Refused) => "NATS refuses to make a stream (JetStream, its limits)",
            Self::NoStream(_) => "NATS does not answer whether it made the new stream",
        }
    }
}

/// Something that was waited for elsewhere.
pub(crate) enum Done {
    Looked(StreamId, Result<StreamState, BusError>),
    Published(StreamId, BatchId, Result<u64, BusError>),
    Opened(Inc<Seat>, Result<(), NotOpened>),
    /// What a member that was asked shows at a place; `None` if it did not answer.
    Shown(Inc<Seat>, Seat, Position, Option<Shows>),
    Attests(Vec<(Position, Digest, Attest)>),
    /// A page of the own disk; empty if it could not be read.
    Read(Vec<(Position, Kept)>),
    Nothing,
}

/// What a member has heard from another one: what it answers to its [`super::say::Hello`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known {
    /// The highest incarnation it promised.
    pub(crate) promised: Option<Inc<Seat>>,
    /// The highest place it voted for.
    pub(crate) voted: Option<(Inc<Seat>, Position)>,
    /// What it says that its program knows.
    pub(crate) rules: Option<Knows>,
}

/// The writer is gone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gone;
