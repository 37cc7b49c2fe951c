//! The trait every order implements, as obligations.

use std::future::Future;
use std::pin::Pin;

use telesphor_wire::hash::Digest;
use telesphor_wire::ids::PartitionId;
use telesphor_wire::receipt::Attest;

use crate::cluster::Lost;
use crate::record::{Group, Position, Step};

/// One total order per partition.
///
/// Obligations of an implementation, held to by the shared suite in `tests/suite`:
/// - what [`append`](Order::append) took is yielded by every feed that follows from before
///   it, unless the process ends first or the partition is fenced;
/// - groups of one caller appended one after the other stand in the order that way;
/// - groups that wait may be joined into one record (nothing waits *in order to* be joined);
/// - signing, publishing, and publishing again after an unknown outcome are its own affair.
pub trait Order: Send + Sync + 'static {
    /// Takes a group to be ordered. Never blocks: without room the group comes back.
    ///
    /// Returning says nothing about durability, and nothing about the position; the group
    /// is recognised by its id when its record is yielded.
    ///
    /// # Errors
    /// [`Rejected`] with the group in it, which is then certainly not in the order.
    fn append(&self, partition: PartitionId, group: Group) -> Result<(), Box<Rejected>>;

    /// Follows partitions, each from after a position: the one its follower has on disk.
    ///
    /// # Errors
    /// [`OrderError`] if the order does not reach back that far, or cannot be followed twice.
    fn follow(&self, after: &[(PartitionId, Position)]) -> Result<Box<dyn Feed>, OrderError>;

    /// Makes feeds that wait return, with nothing if nothing waits: their follower has been
    /// given something else to do.
    fn wake(&self);

    /// Takes no more groups. What was taken is still yielded; then feeds end.
    fn close(&self);

    /// Groups taken and not yet yielded.
    fn waiting(&self, partition: PartitionId) -> usize;

    /// How this relay stands in a partition's cluster; nothing for a relay alone.
    fn standing(&self, _: PartitionId) -> Option<Standing> {
        None
    }

    /// What others attest of a position that was decided earlier, for a receipt that is given
    /// again. Empty where nobody else is needed, or nobody answers.
    fn attests(
        &self,
        partition: PartitionId,
        position: Position,
        head: Digest,
    ) -> Pin<Box<dyn Future<Output = Vec<Attest>> + Send + '_>>;
}

/// The order as one follower sees it. Used from an operating system thread: it blocks.
pub trait Feed: Send {
    /// Appends to `into` whatever waits, over all followed partitions, up to the limits and
    /// at least one step if any waits. Blocks while nothing waits; never waits for more.
    ///
    /// Returns whether the feed goes on: `false` when the order was closed and everything
    /// has been yielded. It may return `true` with nothing new after [`Order::wake`].
    fn next(&mut self, limits: GroupLimits, into: &mut Vec<Step>) -> bool;

    /// What durability rests on.
    fn rests_on(&self) -> RestsOn;

    /// Everything up to this [`Step::Keep`]'s ticket, of its partition, is synced.
    fn kept(&mut self, partition: PartitionId, ticket: u64);

    /// What this relay made of a position, attested. Call it for every record, in their order.
    fn decided(&mut self, partition: PartitionId, position: Position, head: Digest, attest: &Attest);
}

/// What the durability of a record rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestsOn {
    /// The disk that decides it: a record is durable, and may be answered, once what was decided
    /// is synced there.
    OwnDisk,
    /// The disks of a majority, which had it before it was yielded: what is decided needs no sync
    /// of its own, and is answered with [`Step::Durable`].
    Majority,
}

/// How much one round may yield.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupLimits {
    /// Submissions of one record. A single larger group is a record of its own.
    pub record_submissions: usize,
    /// Submissions over all records of the round.
    pub submissions: usize,
}

/// How a relay stands in a partition's cluster, for its operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// What it does: `following` is the everyday one.
    pub phase: &'static str,
    /// Round of the incarnation it follows; it rises with each rebase.
    pub round: u64,
    /// Whether that incarnation is known to be active.
    pub active: bool,
    /// Whether this relay votes: one that is to have a seat follows, and waits for it.
    pub votes: bool,
    /// How many relays vote.
    pub seats: usize,
    /// Of these, how many were heard to remember something of this incarnation.
    pub heard: usize,
    /// The last entry on this disk.
    pub head: Position,
    /// The last entry that a majority remembers.
    pub chosen: Position,
    /// The last one that was answered.
    pub durable: Position,
    /// By which version of the rules is decided.
    pub rules: u16,
    /// Why it cannot go on by itself, if so.
    pub lost: Option<Lost>,
    /// Why it confirmed nothing any more, while it does not follow again.
    pub fenced: Option<&'static str>,
}

/// Why a group was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Too much waits; nothing is wrong. Try again later.
    #[error("too much waits to be ordered")]
    Full,
    /// The partition is fenced.
    #[error("the partition is fenced")]
    Fenced,
    /// The order was closed.
    #[error("the order is closed")]
    Closed,
    /// No such partition here.
    #[error("no such partition")]
    NoSuchPartition,
}

/// A group that was not taken, given back to its submitter.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Rejected {
    /// The group, untouched.
    pub group: Group,
    /// Why.
    pub why: Why,
}

/// Why an order cannot be followed from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// Records after this position are no longer (or not yet) to be had: the follower needs a
    /// copy of a peer's state first.
    #[error("the order cannot be followed from the position asked for")]
    Unreachable,
    /// Somebody follows already, and this order has room for one follower.
    #[error("the order is followed already")]
    Taken,
    /// No such partition here.
    #[error("no such partition")]
    NoSuchPartition,
}
