//! What can go wrong on our own side. What *others* did wrong is not an error but an outcome
//! ([`crate::verdict`]): the mailbox moves on.

use telesphor_wire::error::ErrorCode;

use crate::binding::BadBinding;
use crate::member::BadCredential;
use crate::policy::Forbidden;

/// The stored state does not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The caller's store could not be read.
    #[error("the stored state cannot be read")]
    Unreadable,
    /// Written by a version this one does not know.
    #[error("the stored state was written by another version")]
    OtherFormat,
    /// A row that cannot be parsed or encoded.
    #[error("a row of the stored state is damaged")]
    Damaged,
    /// A row over [`crate::limits::MAX_ROW_BYTES`].
    #[error("a row of the stored state would be too large")]
    TooLarge,
    /// Rows of two moments: the store was not written in one transaction, or an old copy was
    /// put in its place. It must not send; leave and be added again.
    #[error("the stored state is torn or an older copy of itself")]
    Torn,
}

/// An operation failed. The session that was given to it is gone; load it again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The stored state does not serve.
    #[error(transparent)]
    State(#[from] StateError),
    /// No group of this mailbox is stored here.
    #[error("no group of this mailbox is known here")]
    NoGroup,
    /// A group of this mailbox is stored already, and it was not said to replace it.
    #[error("a group of this mailbox is known here already")]
    GroupExists,
    /// This endpoint was removed from the group.
    #[error("this endpoint is no longer a member")]
    NotMember,
    /// A void commit won the epoch: only the owner's rewind leads on.
    #[error("the team is wedged by a void commit until its owner rewinds it")]
    Wedged,
    /// Proposals wait: they must be committed before anything more is sent (RFC 9420,
    /// section 12.4).
    #[error("proposals wait for a commit; commit before sending")]
    MustCommitFirst,
    /// The very same proposal of ours waits already.
    #[error("this is proposed already")]
    AlreadyProposed,
    /// Our own removal is among the proposals that wait: somebody else must commit it.
    #[error("our own removal waits; another member must commit it")]
    OwnRemovalWaits,
    /// A commit of our own waits for the mailbox's order.
    #[error("a commit of our own is not settled yet")]
    CommitPending,
    /// No commit of our own waits.
    #[error("no commit of our own is waiting")]
    NothingPending,
    /// Content over the largest bucket; it must travel as a blob.
    #[error("too large for one message; send it as a blob")]
    TooLarge,
    /// A leaf index that nobody sits at, or our own where that cannot be.
    #[error("no such member")]
    NoSuchMember,
    /// More members, additions or proposals than [`crate::limits`] allows.
    #[error("too many members for one group or one commit")]
    TooMany,
    /// Our own team policy forbids what we were about to commit.
    #[error("the team's policy does not allow this: {0}")]
    Forbidden(#[from] Forbidden),
    /// Not bound, or bound to something else.
    #[error(transparent)]
    Binding(#[from] BadBinding),
    /// A credential that is not one of ours.
    #[error(transparent)]
    Credential(#[from] BadCredential),
    /// A key package that does not fit this group.
    #[error("a key package does not fit this group")]
    PackageUnfit,
    /// The base epoch of a rewind is not the epoch this endpoint stands at.
    #[error("this endpoint does not stand at the epoch to rewind to")]
    NotAtBase,
    /// Called with the keys of another endpoint.
    #[error("these are not the keys of this endpoint's leaf")]
    OtherKeys,
    /// openmls met a state of itself that it holds impossible.
    #[error("a fault in the MLS layer")]
    Fault,
}

impl SessionError {
    /// The code shown to a user.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::State(StateError::Torn) => ErrorCode::OldVault,
            Self::State(_) => ErrorCode::VaultDamaged,
            Self::NoGroup | Self::NoSuchMember => ErrorCode::NotFound,
            Self::NotMember => ErrorCode::Refused,
            Self::Wedged | Self::Forbidden(_) => ErrorCode::VoidCommit,
            Self::MustCommitFirst | Self::AlreadyProposed | Self::CommitPending | Self::OwnRemovalWaits => {
                ErrorCode::EpochConflict
            }
            Self::TooLarge => ErrorCode::TooLarge,
            Self::TooMany => ErrorCode::TooMany,
            Self::PackageUnfit => ErrorCode::NoKeyPackage,
            Self::Binding(_) | Self::Credential(_) => ErrorCode::CannotOpen,
            Self::GroupExists => ErrorCode::AlreadyExists,
            Self::NothingPending | Self::NotAtBase | Self::OtherKeys | Self::Fault => ErrorCode::AgentFault,
        }
    }
}
