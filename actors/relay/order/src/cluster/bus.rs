//! What a bus must offer, and no more. It may lose, repeat, reorder, forge or forget whatever it
//! carries: that costs time, never an acknowledged event.

use std::fmt;
use std::future::Future;

use bytes::Bytes;
use telesphor_wire::ids::PartitionId;
use tokio::sync::mpsc;

use super::say::Seat;
use crate::member::Inc;

/// The stream of one incarnation of one partition.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamId {
    /// Whose order.
    pub partition: PartitionId,
    /// Which life of it.
    pub inc: Inc<Seat>,
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{} round {}", self.partition.0, self.inc.round)
    }
}

/// What went wrong on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// There is no such stream.
    #[error("the stream is not there")]
    Missing,
    /// The stream holds something already.
    #[error("the stream is not empty")]
    NotEmpty,
    /// It has no room for another stream.
    #[error("NATS has no room for a new stream: max_file_store, or its disk")]
    NoRoom,
    /// Fewer servers than a stream has copies can take one: they are away, or have no room.
    #[error("too few NATS servers can take a new stream")]
    TooFew,
    /// It lets nobody make streams, or not this relay.
    #[error("NATS refuses to make a stream: JetStream, its limits or permissions")]
    Refused,
    /// No answer, or none that says what happened: it may have been done.
    #[error("no answer from the bus")]
    Unknown,
}

impl BusError {
    /// Whether it stays so until somebody does something about it.
    pub(crate) fn is_refusal(self) -> bool {
        matches!(self, Self::NoRoom | Self::TooFew | Self::Refused)
    }
}

/// What a stream says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamState {
    /// Number of its first entry that is still there; 1 unless it was purged.
    pub first: u64,
    /// Number of its last entry; 0 if it has none.
    pub last: u64,
    /// More than half of what it may hold is taken.
    pub crowded: bool,
}

/// A question of another member, with the way back.
pub struct Question {
    /// As it was sent.
    pub bytes: Bytes,
    /// Sends the answer; called at most once.
    pub reply: Box<dyn FnOnce(Bytes) + Send>,
}

/// Carries entries in an order, words to everybody, questions to one.
pub trait Bus: Send + Sync + 'static {
    /// Makes a stream.
    fn open(&self, stream: StreamId) -> impl Future<Output = Result<(), BusError>> + Send;
    /// Publishes an entry; gives its number in the stream. `first`: only as the first of an empty one.
    fn publish(
        &self,
        stream: StreamId,
        id: String,
        entry: Bytes,
        first: bool,
    ) -> impl Future<Output = Result<u64, BusError>> + Send;
    /// Entries from a number on, until the channel is closed or the bus breaks off.
    fn follow(
        &self,
        stream: StreamId,
        from: u64,
        into: mpsc::Sender<(u64, Bytes)>,
    ) -> impl Future<Output = Result<(), BusError>> + Send;
    /// How a stream stands.
    fn look(&self, stream: StreamId) -> impl Future<Output = Result<StreamState, BusError>> + Send;
    /// Lets entries below a number go.
    fn purge(&self, stream: StreamId, below: u64) -> impl Future<Output = Result<(), BusError>> + Send;
    /// Takes the streams of the same partition away that belong to earlier incarnations.
    fn forget_before(&self, stream: StreamId) -> impl Future<Output = Result<(), BusError>> + Send;
    /// Says something to all members of a partition. Nobody may have heard it.
    fn say(&self, partition: PartitionId, words: Bytes) -> impl Future<Output = ()> + Send;
    /// Hears what is said in a partition, one's own words too, for as long as the channel is open.
    fn hear(&self, partition: PartitionId, into: mpsc::Sender<Bytes>) -> impl Future<Output = ()> + Send;
    /// Asks one member.
    fn ask(&self, member: Seat, question: Bytes) -> impl Future<Output = Result<Bytes, BusError>> + Send;
    /// Takes the questions that are asked of this member, for as long as the channel is open.
    fn asked(&self, me: Seat, into: mpsc::Sender<Question>) -> impl Future<Output = ()> + Send;
}
