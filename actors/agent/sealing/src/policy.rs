//! The team's policy: MLS lets any member do anything, so the caller says who may.

use telesphor_wire::hash::Digest;

use crate::member::{Member, Seat};

/// A change of a group that somebody proposed or committed.
///
/// Judging it must depend on nothing but the change and what the mailbox's order had shown
/// before: every member must come to the same verdict, or the team falls apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Who makes the change; proved by MLS and, for commits, by the attribution.
    pub by: Seat,
    /// Hash of the grant or roster that it rests on, from the attribution. `None` in proposals.
    pub why: Option<Digest>,
    /// Who comes in. Whether the leaf keys stand in the identities' histories is for the policy
    /// to check.
    pub added: Vec<Member>,
    /// Who goes.
    pub removed: Vec<Seat>,
    /// Who proposed each removal or addition by reference, where it was not the committer.
    pub proposed_by: Vec<Seat>,
    /// The new policy hash, if the commit replaces it.
    pub policy: Option<Digest>,
    /// Whether it is the owner's rewind; its owner signature has been verified.
    pub rewind: bool,
}

impl Change {
    /// Endpoints removed and added by the same change: they rejoin with fresh state.
    pub fn rejoining(&self) -> impl Iterator<Item = &Member> {
        self.added.iter().filter(|a| {
            self.removed
                .iter()
                .any(|r| r.member.identity == a.identity && r.member.endpoint == a.endpoint)
        })
    }
}

/// The policy forbids it. The number is the policy's own word for its rule; it goes into the
/// complaint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("rule {0}")]
pub struct Forbidden(pub u16);

/// Who may add, remove, rejoin. Any `Fn(&Change) -> Result<(), Forbidden>` is one.
pub trait TeamPolicy {
    /// Judges a change before it takes effect.
    ///
    /// # Errors
    /// [`Forbidden`]: the commit is void, the proposal is not kept.
    fn judge(&self, change: &Change) -> Result<(), Forbidden>;
}

impl<F: Fn(&Change) -> Result<(), Forbidden>> TeamPolicy for F {
    fn judge(&self, change: &Change) -> Result<(), Forbidden> {
        self(change)
    }
}
