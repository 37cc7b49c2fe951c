//! The void rule: MLS processes, the access key is the epoch's, the attribution opens, verifies
//! and names the MLS sender, the team's policy allows it. All that before anything is merged;
//! any failure voids the commit, the same at every member.

use openmls::prelude::{OpenMlsProvider, ProcessedMessageContent, StagedCommit};
use telesphor_wire::command::{Commit, commit_bytes_hash};
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::labels::ExporterLabel;
use telesphor_wire::sign::{PublicKey, Signature, SigningKey};

use crate::access;
use crate::attribution::{self, Attributed};
use crate::error::{SessionError, StateError};
use crate::examine::examine;
use crate::member::{Member, MemberKeys, Seat};
use crate::overlay::Provider;
use crate::policy::{Change, TeamPolicy};
use crate::receive::Opened;
use crate::record::{self, Dead, EpochRow};
use crate::session::{GroupSession, fault};
use crate::state::{MlsStateRead, Step};
use crate::verdict::{Lost, Moved, Received, Void, VoidReason};

/// What a commit and a rewind have in common once their outer signatures are checked.
pub(crate) struct Outer<'a> {
    pub(crate) mls: &'a [u8],
    pub(crate) hash: Digest,
    pub(crate) next_access: PublicKey,
    pub(crate) attribution: &'a [u8],
    pub(crate) signed: Attributed,
    /// Branch after it; its exporter context.
    pub(crate) branch: u32,
    pub(crate) rewind: bool,
    /// When it was ordered, Unix milliseconds.
    pub(crate) stamp: u64,
}

/// A commit that holds.
pub(crate) struct Judged {
    change: Change,
    /// The access key of the epoch it begins; none for somebody whom it removes.
    access: Option<SigningKey>,
}

/// A verdict against a commit, with what could be learnt about it.
pub(crate) struct Against {
    reason: VoidReason,
    by: Option<Seat>,
    would_remove: Vec<Member>,
}

impl Against {
    pub(crate) const fn outer(reason: VoidReason) -> Self {
        Self {
            reason,
            by: None,
            would_remove: Vec::new(),
        }
    }
    const fn by(reason: VoidReason, by: Seat) -> Self {
        Self {
            reason,
            by: Some(by),
            would_remove: Vec::new(),
        }
    }
}

impl GroupSession {
    pub(crate) fn receive_commit(
        mut self,
        state: &dyn MlsStateRead,
        keys: &MemberKeys,
        commit: &Commit,
        stamp: u64,
        policy: &dyn TeamPolicy,
    ) -> Result<Step<(Self, Received)>, SessionError> {
        if let Some(out_of_place) = self.place(commit.body.branch, commit.body.from_epoch) {
            return Ok(self.unchanged(out_of_place));
        }
        let outer = Outer {
            mls: &commit.mls,
            hash: commit_bytes_hash(&commit.mls),
            next_access: commit.body.next_access,
            attribution: &commit.body.attribution,
            signed: Attributed::commit(&commit.body),
            branch: commit.body.branch,
            rewind: false,
            stamp,
        };
        let honest = commit.body.mailbox == self.mailbox()
            && commit.body.mls == outer.hash
            && self
                .access(state)?
                .confirm(&commit.body, &commit.access_signature)
                .is_ok();
        if !honest {
            return self.void(state, &outer, Against::outer(VoidReason::RelayLied));
        }
        self.follow(state, keys, &outer, policy)
    }

    /// Follows a commit or rewind whose outer words are in order.
    pub(crate) fn follow(
        mut self,
        state: &dyn MlsStateRead,
        keys: &MemberKeys,
        outer: &Outer<'_>,
        policy: &dyn TeamPolicy,
    ) -> Result<Step<(Self, Received)>, SessionError> {
        let provider = Provider::new(state);
        if self
            .record
            .pending
            .as_ref()
            .is_some_and(|p| p.commit == outer.hash)
        {
            let by = self.me()?;
            let staged = self.group.pending_commit().ok_or(SessionError::Fault)?;
            return match self.judge(&provider, staged, outer, (by, keys), policy)? {
                Err(against) => self.void(state, outer, against),
                Ok(judged) => {
                    self.group
                        .merge_pending_commit(&provider)
                        .map_err(|_| fault(&provider))?;
                    self.moved(provider, outer, judged, true)
                }
            };
        }
        let processed = match self.open(&provider, outer.mls, outer.stamp)? {
            Opened::Processed(p) => p,
            Opened::Foreign => return self.void(state, outer, Against::outer(VoidReason::External)),
            Opened::Refused => {
                return self.void(state, outer, Against::outer(VoidReason::Unprocessable));
            }
            Opened::Expired => {
                return self.void(state, outer, Against::outer(VoidReason::BadPackage));
            }
            Opened::Untimely => {
                return Ok(self.reload(state)?.unchanged(Received::Lost(Lost::AwayTooLong)));
            }
        };
        let Some(by) = self.sender_seat(&processed) else {
            return self.void(state, outer, Against::outer(VoidReason::External));
        };
        let staged = match processed.into_content() {
            ProcessedMessageContent::StagedCommitMessage(staged) => staged,
            ProcessedMessageContent::OwnPrivateMessage if by.member == *keys.member() => {
                // Ours, but given up. Others judge its outer words, so they are judged here too.
                return match self.attributed(&provider, outer, &by, keys)? {
                    Ok(_) => Ok(self
                        .reload(state)?
                        .unchanged(Received::Lost(Lost::OwnCommitGivenUp))),
                    Err(reason) => self.void(state, outer, Against::by(reason, by)),
                };
            }
            _ => return self.void(state, outer, Against::by(VoidReason::NotACommit, by)),
        };
        match self.judge(&provider, &staged, outer, (by, keys), policy)? {
            Err(against) => self.void(state, outer, against),
            Ok(judged) if staged.self_removed() => self.removed(state, outer, judged.change),
            Ok(judged) => {
                self.group
                    .merge_staged_commit(&provider, *staged)
                    .map_err(|_| fault(&provider))?;
                self.moved(provider, outer, judged, false)
            }
        }
    }

    /// Judges a staged commit. The outer error is a fault of ours, the inner one the verdict.
    fn judge(
        &self,
        provider: &Provider<'_>,
        staged: &StagedCommit,
        outer: &Outer<'_>,
        (by, keys): (Seat, &MemberKeys),
        policy: &dyn TeamPolicy,
    ) -> Result<Result<Judged, Against>, SessionError> {
        let mailbox = self.mailbox();
        let would_remove: Vec<Member> = staged
            .remove_proposals()
            .filter_map(|r| self.seat(r.remove_proposal().removed()).map(|s| s.member))
            .collect();
        let against = |reason| Against {
            reason,
            by: Some(by.clone()),
            would_remove: would_remove.clone(),
        };
        // Somebody who is being removed has no keys of the next epoch and cannot judge this part;
        // nor does he merge anything.
        let mut access = None;
        if !staged.self_removed() {
            let seed = access::export(
                staged,
                provider.crypto(),
                ExporterLabel::Access,
                &mailbox,
                outer.branch,
            )?;
            let derived = SigningKey::from_seed(&seed);
            if derived.public() != outer.next_access {
                return Ok(Err(against(VoidReason::WrongNextAccess)));
            }
            access = Some(derived);
        }
        let why = match self.attributed(provider, outer, &by, keys)? {
            Ok(why) => why,
            Err(reason) => return Ok(Err(against(reason))),
        };
        let change = match examine(
            self,
            staged,
            by.clone(),
            Some(why),
            Some(outer.stamp),
            outer.rewind,
        ) {
            Ok(change) => change,
            Err(reason) => return Ok(Err(against(reason))),
        };
        match policy.judge(&change) {
            Ok(()) => Ok(Ok(Judged { change, access })),
            Err(forbidden) => Ok(Err(against(VoidReason::Policy(forbidden)))),
        }
    }

    /// Opens the attribution and verifies it against the MLS sender.
    fn attributed(
        &self,
        provider: &Provider<'_>,
        outer: &Outer<'_>,
        by: &Seat,
        keys: &MemberKeys,
    ) -> Result<Result<Digest, VoidReason>, SessionError> {
        let mailbox = self.mailbox();
        let key = access::export(
            &self.group,
            provider.crypto(),
            ExporterLabel::Attribution,
            &mailbox,
            outer.branch,
        )?;
        let place = (&mailbox, outer.branch, self.record.epoch);
        let signed = |signature: &Signature| match by.member == *keys.member() {
            true => keys.attribution().confirm(&outer.signed, signature),
            false => by.member.leaf.verify(&outer.signed, signature),
        };
        Ok(attribution::verify(
            &key,
            place,
            outer.attribution,
            by.index,
            signed,
        ))
    }

    /// The commit has been merged in memory: begin its epoch.
    fn moved(
        mut self,
        provider: Provider<'_>,
        outer: &Outer<'_>,
        Judged { change, access }: Judged,
        own: bool,
    ) -> Result<Step<(Self, Received)>, SessionError> {
        let superseded = self.record.pending.take().filter(|_| !own).map(|p| p.commit);
        let dead = self.record.dead.take();
        self.record.branch = outer.branch;
        if let Some(policy) = change.policy {
            self.binding.policy = policy;
        }
        match access {
            Some(access) => self.begin_epoch_with(&provider, access)?,
            None => self.begin_epoch(&provider)?,
        }
        let returned = match (outer.rewind, dead) {
            (true, Some(dead)) => {
                let members = self.members()?;
                let back = |m: &Member| {
                    members
                        .iter()
                        .any(|s| s.member.identity == m.identity && s.member.endpoint == m.endpoint)
                };
                dead.removed.into_iter().filter(back).collect()
            }
            _ => Vec::new(),
        };
        let moved = Moved {
            change,
            own,
            branch: outer.branch,
            epoch: self.group.epoch().as_u64(),
            superseded,
            returned,
        };
        Ok(self.step(provider, Received::Moved(moved)))
    }

    /// A commit without effect: everything it touched is given up, and only the fact is kept.
    pub(crate) fn void(
        self,
        state: &dyn MlsStateRead,
        outer: &Outer<'_>,
        against: Against,
    ) -> Result<Step<(Self, Received)>, SessionError> {
        let mut session = self.reload(state)?;
        let provider = Provider::new(state);
        let superseded = session.drop_pending(&provider)?;
        let void = Void {
            reason: against.reason,
            commit: outer.hash,
            branch: session.record.branch,
            from_epoch: session.record.epoch,
            by: against.by,
            superseded,
        };
        if outer.rewind && !void.reason.blames_relay() {
            session.stay_below(&provider, outer.branch)?;
        }
        session.record.dead = Some(Dead {
            commit: outer.hash,
            removed: against.would_remove,
        });
        Ok(session.step(provider, Received::Void(void)))
    }

    /// A commit that removes us is noted, not merged: a rewind may undo it, and MLS cannot.
    fn removed(
        self,
        state: &dyn MlsStateRead,
        outer: &Outer<'_>,
        change: Change,
    ) -> Result<Step<(Self, Received)>, SessionError> {
        let mut session = self.reload(state)?;
        let provider = Provider::new(state);
        session.drop_pending(&provider)?;
        session.record.removed = Some(outer.hash);
        Ok(session.step(provider, Received::Removed(change)))
    }

    /// After a rewind without effect the mailbox is on its branch all the same, and the next rewind
    /// starts from the same base there: under the same access key, as the relay keeps it.
    fn stay_below(&mut self, provider: &Provider<'_>, branch: u32) -> Result<(), SessionError> {
        let (mailbox, epoch) = (self.mailbox(), self.record.epoch);
        let row = record::load_epoch(&provider.rows, &mailbox, self.record.branch, epoch)?
            .ok_or(StateError::Torn)?;
        record::store_epoch(
            &provider.rows,
            &mailbox,
            branch,
            epoch,
            &EpochRow::new(row.access, Secret::random()),
        );
        self.record.branch = branch;
        self.access = None;
        self.record.extend_span(branch, epoch);
        Ok(())
    }

    fn drop_pending(&mut self, provider: &Provider<'_>) -> Result<Option<Digest>, SessionError> {
        let Some(pending) = self.record.pending.take() else {
            return Ok(None);
        };
        self.group
            .clear_pending_commit(provider.storage())
            .map_err(|_| fault(provider))?;
        Ok(Some(pending.commit))
    }
}
