//! Who may change a group. Every member must come to the same verdict, so it depends on the
//! histories that the group itself has seen, and on nothing of this machine's own.

use telesphor_clinical::self_entry::MailboxUse;
use telesphor_sealing::{Change, Forbidden};
use telesphor_wire::hash::{Digest, hash};
use telesphor_wire::ids::IdentityId;
use telesphor_wire::labels::HashLabel;

use crate::core::Ctx;
use crate::core::records::Held;
use crate::error::Result;
use crate::people::Histories;
use crate::team::rules::TeamRules;

/// A newcomer is of an identity that does not belong here.
const STRANGER: Forbidden = Forbidden(1);
/// Somebody else's endpoint was added or removed.
const NOT_ONES_OWN: Forbidden = Forbidden(2);
/// The newcomer's leaf is not in its identity's history.
const NOT_IN_HISTORY: Forbidden = Forbidden(3);
/// The policy itself may only be changed by the owner's rewind.
const POLICY_CHANGED: Forbidden = Forbidden(4);

/// The names of the policies that stand in bindings. Version 1: each identity that belongs to
/// the group adds and removes its own endpoints; the owner may remove anybody.
pub(crate) fn policy_hash(used: MailboxUse) -> Digest {
    hash(HashLabel::Original, &("group policy", 1u16, used.code()))
}

/// What is needed to judge changes of one group.
pub(crate) enum Rules {
    /// A group of two identities' endpoints.
    Pair(Box<Pair>),
    /// A care team.
    Team(Box<TeamRules>),
}

impl Rules {
    pub(crate) fn of_team(rules: TeamRules) -> Self {
        Self::Team(Box::new(rules))
    }

    /// Judges a change.
    pub(crate) fn judge(&self, change: &Change) -> std::result::Result<(), Forbidden> {
        match self {
            Self::Pair(rules) => rules.judge(change),
            Self::Team(rules) => rules.judge(change),
        }
    }
}

/// What two identities know of each other.
pub(crate) struct Pair {
    used: MailboxUse,
    owner: IdentityId,
    belong: Histories,
}

impl Pair {
    fn judge(&self, change: &Change) -> std::result::Result<(), Forbidden> {
        let by = change.by.member.identity;
        if change.policy.is_some() && !change.rewind {
            return Err(POLICY_CHANGED);
        }
        for member in &change.added {
            // Into a device's stream the owner lets in whomever it wants, known here or not.
            if self.used == MailboxUse::Vitals && by == self.owner {
                continue;
            }
            if !self.belong.has(&member.identity) {
                return Err(STRANGER);
            }
            if member.identity != by && by != self.owner {
                return Err(NOT_ONES_OWN);
            }
            if !self.belong.contain(member) {
                return Err(NOT_IN_HISTORY);
            }
        }
        for seat in &change.removed {
            if seat.member.identity != by && by != self.owner {
                return Err(NOT_ONES_OWN);
            }
        }
        Ok(())
    }
}

impl Ctx<'_, '_> {
    /// The rules of a group of two identities.
    pub(crate) fn rules(&self, held: &Held, owner: IdentityId) -> Result<Rules> {
        let belong = self.histories([Some(self.me()), held.with].into_iter().flatten())?;
        Ok(Rules::Pair(Box::new(Pair {
            used: held.used,
            owner,
            belong,
        })))
    }
}
