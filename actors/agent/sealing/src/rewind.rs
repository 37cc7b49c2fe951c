//! The owner leads a wedged team back: a commit from the epoch it stands at, on a new branch.
//!
//! The base is always the epoch at which the owner's own session stands. A void commit merges
//! nowhere, so after one the honest members all stand at that epoch and can follow. Who had
//! merged more, or less, is removed and added again in the same commit: MLS cannot step back, and
//! keeping old epochs' secrets for the day of a rewind would give every thief the past.

use telesphor_wire::bytes::Bytes;
use telesphor_wire::command::{OwnerAct, Rewind, RewindStatement, SignedOwnerCommand, commit_bytes_hash};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::sign::PublicKey;

use crate::attribution::Attributed;
use crate::commit::Contents;
use crate::error::SessionError;
use crate::join::WelcomeLetter;
use crate::member::MemberKeys;
use crate::package::VerifiedPackage;
use crate::policy::TeamPolicy;
use crate::record::Pending;
use crate::session::{GroupSession, Standing};
use crate::state::{MlsStateRead, Step};
use crate::verdict::{Lost, Received, VoidReason};
use crate::verify::{Against, Outer};

/// What a rewind shall do beside beginning a new branch.
#[derive(Debug)]
pub struct RewindPlan {
    /// Who comes in, or comes in again.
    pub add: Vec<VerifiedPackage>,
    /// Leaf indices that go. It must remove everybody whom the abandoned branch removed, or the
    /// others are told who came back.
    pub remove: Vec<u32>,
    /// Hash of the grant or roster it rests on.
    pub why: Digest,
    /// Until when the new access key shall serve, Unix milliseconds.
    pub lease: u64,
}

/// A rewind on its way: the owner signs it as `OwnerAct::Rewind` with branch and counter, and
/// the outbox takes that command.
#[derive(Clone, Debug)]
pub struct StagedRewind {
    /// The act.
    pub rewind: Rewind,
    /// The branch the command is signed for: the current one. The new one is one more.
    pub branch: u32,
    /// `H("commit-bytes", mls)`.
    pub hash: Digest,
    /// For every new member.
    pub welcome: Option<WelcomeLetter>,
}

impl GroupSession {
    /// Stages a rewind from the epoch this session stands at. Only the mailbox's owner can make
    /// use of it. It takes effect like a commit, when [`GroupSession::receive`] sees it.
    ///
    /// # Errors
    /// As [`GroupSession::stage_commit`], but a wedged session is what it is for.
    pub fn stage_rewind(
        mut self,
        state: &dyn MlsStateRead,
        keys: &MemberKeys,
        plan: &RewindPlan,
        policy: &dyn TeamPolicy,
    ) -> Result<Step<(Self, StagedRewind)>, SessionError> {
        if self.standing() == Standing::Removed {
            return Err(SessionError::NotMember);
        }
        if self.me()?.member != *keys.member() {
            return Err(SessionError::OtherKeys);
        }
        if self.record.pending.is_some() {
            return Err(SessionError::CommitPending);
        }
        let access = self.access(state)?;
        let (branch, base_epoch) = (self.record.branch, self.record.epoch);
        let next_branch = branch.checked_add(1).ok_or(SessionError::Fault)?;
        let contents = Contents {
            add: &plan.add,
            remove: &plan.remove,
            policy: None,
        };
        let (session, provider, built) = self.build_in_bucket(state, keys, &contents)?;
        self = session;
        let next_access = self.judge_own(&provider, plan.why, next_branch, true, policy)?;
        let statement = RewindStatement {
            mailbox: self.mailbox(),
            branch: next_branch,
            base_epoch,
            mls: commit_bytes_hash(&built.mls),
            next_access,
            lease: plan.lease,
            ext: Extensions::none(),
        };
        let base_signature = access.sign(&statement);
        let hash = statement.mls;
        let attribution = self.attribute(
            &provider,
            keys,
            next_branch,
            plan.why,
            &Attributed::rewind(statement),
        )?;
        let rewind = Rewind {
            base_epoch,
            mls: Bytes(built.mls),
            next_access,
            lease: plan.lease,
            attribution,
            ext: Extensions::none(),
            base_signature,
        };
        self.record.pending = Some(Pending {
            commit: hash,
            rewind: true,
            next_access,
        });
        let welcome = built
            .welcome
            .map(|w| self.letter(w, next_access, next_branch, base_epoch + 1));
        Ok(self.step(
            provider,
            StagedRewind {
                rewind,
                branch,
                hash,
                welcome,
            },
        ))
    }

    pub(crate) fn receive_rewind(
        mut self,
        state: &dyn MlsStateRead,
        keys: &MemberKeys,
        command: &SignedOwnerCommand,
        stamp: u64,
        owner: &PublicKey,
        policy: &dyn TeamPolicy,
    ) -> Result<Step<(Self, Received)>, SessionError> {
        let OwnerAct::Rewind(rewind) = &command.command.act else {
            return Ok(self.unchanged(Received::Junk));
        };
        let branch = command.command.branch;
        match branch.cmp(&self.record.branch) {
            std::cmp::Ordering::Less => return Ok(self.unchanged(Received::Past)),
            std::cmp::Ordering::Greater => {
                return Ok(self.unchanged(Received::Ahead {
                    branch,
                    epoch: rewind.base_epoch,
                }));
            }
            std::cmp::Ordering::Equal => {}
        }
        let (Some(next_branch), true) = (branch.checked_add(1), command.command.mailbox == self.mailbox())
        else {
            return Ok(self.unchanged(Received::Junk));
        };
        // The owner's word comes before anything is concluded from the numbers in it.
        if owner.verify(&command.command, &command.signature).is_err() {
            return Ok(self.unchanged(Received::RewindRefused(VoidReason::NotTheOwner)));
        }
        if rewind.base_epoch < self.record.epoch {
            return Ok(self.unchanged(Received::Lost(Lost::RewoundBelow)));
        }
        if rewind.base_epoch > self.record.epoch {
            let stuck = self.record.dead.is_some() || self.record.removed.is_some();
            return Ok(self.unchanged(if stuck {
                Received::Lost(Lost::RewoundAbove)
            } else {
                Received::Ahead {
                    branch,
                    epoch: rewind.base_epoch,
                }
            }));
        }
        let statement = RewindStatement {
            mailbox: self.mailbox(),
            branch: next_branch,
            base_epoch: rewind.base_epoch,
            mls: commit_bytes_hash(&rewind.mls),
            next_access: rewind.next_access,
            lease: rewind.lease,
            ext: rewind.ext.clone(),
        };
        let base = self.access(state)?;
        let honest = base.confirm(&statement, &rewind.base_signature).is_ok();
        let outer = Outer {
            mls: &rewind.mls,
            hash: statement.mls,
            next_access: rewind.next_access,
            attribution: &rewind.attribution,
            signed: Attributed::rewind(statement),
            branch: next_branch,
            rewind: true,
            stamp,
        };
        if !honest {
            return self.void(state, &outer, Against::outer(VoidReason::RelayLied));
        }
        self.follow(state, keys, &outer, policy)
    }
}
