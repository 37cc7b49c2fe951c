//! What came of an event that others put into the mailbox.

use telesphor_wire::hash::Digest;

use crate::member::{Member, Seat};
use crate::policy::{Change, Forbidden};

/// The outcome of one event. Whatever it is, the reader's cursor moves over the event in the
/// transaction that writes the step, except for [`Received::Ahead`] and [`Received::Lost`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A member's message.
    Message(Message),
    /// A message or proposal of our own, come back. Its content is in the outbox.
    Echo,
    /// A proposal, kept until a commit takes it up. Nothing can be sent before that.
    Proposed(Change),
    /// A proposal that the policy or the rules of this product refuse; every member drops it.
    ProposalRefused(VoidReason),
    /// The group moved on by somebody's commit, or by our own.
    Moved(Moved),
    /// A commit removed this endpoint. State of the old epoch is kept until
    /// [`crate::session::GroupSession::forget`], because a rewind may undo it.
    Removed(Change),
    /// The commit won its epoch at the relay and has no effect: nothing was merged. A signed
    /// complaint goes to the owner.
    Void(Void),
    /// A rewind that is not signed by the owner; it has no effect, and a relay let it through.
    RewindRefused(VoidReason),
    /// Made in a later epoch or branch than ours: keep it and offer it again. Only this proves
    /// that we are behind.
    Ahead {
        /// Branch it was made in.
        branch: u32,
        /// Epoch it was made in.
        epoch: u64,
    },
    /// Made in an epoch or branch that is over here: seen before, or part of a dead branch.
    Past,
    /// A message or proposal that opens under no key of this epoch, was seen before or was
    /// changed. Somebody put junk into the mailbox; nothing was consumed.
    Junk,
    /// This endpoint cannot follow any more and must be removed and added again. Nothing was
    /// changed: the same event gives the same answer.
    Lost(Lost),
}

/// A member's application message.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Who sent it.
    pub from: Seat,
    /// Branch it was sent in.
    pub branch: u32,
    /// Epoch it was sent in.
    pub epoch: u64,
    /// The content as it was sealed.
    pub content: Vec<u8>,
}

/// Length only: content is what somebody wrote about a patient.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({} bytes)", self.content.len())
    }
}

/// A commit that took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// What changed.
    pub change: Change,
    /// Whether it was our own.
    pub own: bool,
    /// Branch after it.
    pub branch: u32,
    /// Epoch after it.
    pub epoch: u64,
    /// A commit of our own that lost against it, by its hash: look again and decide.
    pub superseded: Option<Digest>,
    /// After a rewind: members whom the dead branch had removed and who are back. To be shown.
    pub returned: Vec<Member>,
}

/// A void commit, as it goes into the complaint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Void {
    /// Why.
    pub reason: VoidReason,
    /// `H("commit-bytes", mls)` of it.
    pub commit: Digest,
    /// Branch.
    pub branch: u32,
    /// Epoch it would have ended; we are still there.
    pub from_epoch: u64,
    /// The MLS sender, if MLS could name one.
    pub by: Option<Seat>,
    /// A commit of our own that waited and is dead with this one, by its hash.
    pub superseded: Option<Digest>,
}

/// Why a commit is void.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum VoidReason {
    /// Outer body and commit do not belong together, or the outer signature is not by the
    /// epoch's access key: no relay that checks lets this through, so a relay lied.
    #[error("the relay let through what it had to refuse")]
    RelayLied,
    /// The owner's signature or the place of a rewind is wrong; also the relay's lie.
    #[error("the rewind is not the owner's or does not fit")]
    NotTheOwner,
    /// MLS refuses it.
    #[error("MLS refuses the commit")]
    Unprocessable,
    /// Not a member's private message: external commits and joins are off, everywhere.
    #[error("not made by a member")]
    External,
    /// Not a commit at all.
    #[error("not a commit")]
    NotACommit,
    /// The registered access key is not the one the new epoch derives.
    #[error("the registered access key is not the epoch's")]
    WrongNextAccess,
    /// The attribution does not open or has another shape.
    #[error("the attribution does not open")]
    AttributionClosed,
    /// The attribution's signature is not good.
    #[error("the attribution is not signed by its leaf")]
    AttributionForged,
    /// The attribution names another member than MLS does.
    #[error("the attribution names somebody else")]
    AttributionMismatch,
    /// It carries a proposal of a kind that is off here.
    #[error("a kind of change that is not allowed here")]
    ForbiddenProposal,
    /// It would loosen or break the binding to the mailbox.
    #[error("the binding to the mailbox would change")]
    BindingChanged,
    /// It brings no fresh keys of the committer.
    #[error("no fresh keys")]
    NoPath,
    /// The committer's leaf would become somebody else's.
    #[error("the committer's leaf would change hands")]
    LeafChanged,
    /// A new member's credential or key package is not one of ours or lives too long.
    #[error("a new member's key package is not acceptable")]
    BadPackage,
    /// The team's policy forbids it.
    #[error("the team's policy forbids it: {0}")]
    Policy(Forbidden),
}

impl VoidReason {
    /// Whether the relay is to blame (it let through what it had to refuse) rather than a
    /// member with the access key.
    pub const fn blames_relay(self) -> bool {
        matches!(self, Self::RelayLied | Self::NotTheOwner)
    }
}

/// Why this endpoint cannot follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Lost {
    /// A rewind went back to an epoch that this endpoint has left: MLS cannot step back.
    #[error("the owner went back to before this endpoint's state")]
    RewoundBelow,
    /// A rewind starts from an epoch that this endpoint could not reach, because the commit
    /// before it was void here and not at the owner.
    #[error("the owner went on from a commit that this endpoint could not follow")]
    RewoundAbove,
    /// A commit of our own won after its state had been given up.
    #[error("a commit of this endpoint won after it had been given up")]
    OwnCommitGivenUp,
    /// A key package in the commit is not valid by this machine's clock: it was away for longer
    /// than the package lived, or its clock is wrong.
    #[error("away for too long, or this machine's clock is wrong")]
    AwayTooLong,
}
