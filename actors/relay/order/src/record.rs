//! What passes through an order: groups in, records out.

use telesphor_wire::batch::{Batch, Submission};
use telesphor_wire::ids::PartitionId;
use telesphor_wire::receipt::Attest;

use crate::cluster::Keep;

/// A submitter's own number for a group, by which it recognises its record in the order and
/// sends a group again whose outcome is unknown.
///
/// Unique over all lives of all submitters: the high half is drawn at random when the
/// submitter starts, the low half counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub u128);

/// Submissions handed over together. They stay together and in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The submitter's number for it.
    pub id: GroupId,
    /// The submitter's clock, Unix milliseconds. The record's stamp is the highest of
    /// its groups; the rules never let time fall.
    pub stamp: u64,
    /// At least one.
    pub submissions: Vec<Submission>,
}

/// A place in one partition's order, from 1, without gaps. 0 is "before the first".
pub type Position = u64;

/// Which part of a record came in as which group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The group, by the number its submitter gave it. Another relay's groups stand here too.
    pub group: GroupId,
    /// Submissions of the record that belong to it. The origins of a record, in order,
    /// cover all of its submissions.
    pub count: usize,
}

/// One record of one partition's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordered {
    /// Which partition.
    pub partition: PartitionId,
    /// Its place.
    pub position: Position,
    /// Where its submissions came from.
    pub origins: Vec<Origin>,
    /// What is to be decided, in this order.
    pub batch: Batch,
}

/// What a majority of relays made of a position: it may be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Durable {
    /// Which partition.
    pub partition: PartitionId,
    /// Which position; everything before it was answered.
    pub position: Position,
    /// Their attestations, this relay's among them.
    pub attests: Vec<Attest>,
}

/// Groups that are under way for long. They are not lost; nobody can say yet when they are durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Late {
    /// Which partition.
    pub partition: PartitionId,
    /// Which groups.
    pub groups: Vec<GroupId>,
}

/// What a follower meets next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The next record of a partition, to be decided. Its place is final: nothing will undo it.
    Record(Ordered),
    /// To be written and synced, then told with [`crate::Feed::kept`]. Nothing of it is decided yet.
    Keep(Keep),
    /// A position may be answered.
    Durable(Durable),
    /// Groups that take long.
    Late(Late),
    /// Nothing: whoever waits was woken for something else.
    Nothing,
    /// The partition's order can no longer be trusted (a gap, a rewound or missing stream):
    /// nothing more of it may be applied or acknowledged until it was rebased. Other
    /// partitions go on.
    Fenced(PartitionId),
}
