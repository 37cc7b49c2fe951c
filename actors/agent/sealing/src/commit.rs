//! Making a commit: staged here, merged only when the mailbox's order confirms it.

use openmls::prelude::tls_codec::Serialize as _;
use openmls::prelude::{LeafNodeIndex, OpenMlsProvider, Proposal, QueuedProposal, StagedCommit};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::command::{Commit, CommitBody, commit_bytes_hash};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::CommandId;
use telesphor_wire::labels::ExporterLabel;
use telesphor_wire::padding::Bucket;
use telesphor_wire::sign::{PublicKey, SigningKey};

use crate::access;
use crate::attribution::{self, Attributed};
use crate::binding::Binding;
use crate::error::SessionError;
use crate::examine::examine;
use crate::join::WelcomeLetter;
use crate::limits::{MAX_ADDS, MAX_MEMBERS};
use crate::member::MemberKeys;
use crate::overlay::Provider;
use crate::package::VerifiedPackage;
use crate::policy::TeamPolicy;
use crate::record::Pending;
use crate::session::{GroupSession, fault};
use crate::shape;
use crate::state::{MlsStateRead, Step};

/// What a commit shall do, beside taking up all proposals that wait and giving this member fresh
/// keys: an empty plan is an update.
#[derive(Debug)]
pub struct CommitPlan {
    /// Who comes in.
    pub add: Vec<VerifiedPackage>,
    /// Leaf indices that go. Whoever stands in both lists by identity rejoins.
    pub remove: Vec<u32>,
    /// A new policy hash for the binding.
    pub policy: Option<Digest>,
    /// Hash of the grant or roster it rests on.
    pub why: Digest,
    /// Until when the next access key shall serve, Unix milliseconds.
    pub lease: u64,
    /// Whether earlier epochs shall need the current key too (stolen endpoint).
    pub cut: bool,
    /// The command's id.
    pub command_id: CommandId,
    /// The command's end, Unix milliseconds.
    pub not_after: u64,
}

impl CommitPlan {
    /// An update of our own keys and nothing else.
    pub fn update(why: Digest, lease: u64, command_id: CommandId, not_after: u64) -> Self {
        Self {
            add: Vec::new(),
            remove: Vec::new(),
            policy: None,
            why,
            lease,
            cut: false,
            command_id,
            not_after,
        }
    }
}

/// A commit on its way. Give `commit` to the outbox as it is; send `welcome` to the new members
/// only once the mailbox's order has confirmed it.
#[derive(Clone, Debug)]
pub struct StagedOut {
    /// The command's body. If a listed commit key or the owner must sign as well, put that
    /// signature over `commit.body` into `commit.second`.
    pub commit: Commit,
    /// `H("commit-bytes", mls)`: what to ask the relay for after a crash.
    pub hash: Digest,
    /// For every new member.
    pub welcome: Option<WelcomeLetter>,
}

/// The part of a plan that MLS sees.
pub(crate) struct Contents<'a> {
    pub(crate) add: &'a [VerifiedPackage],
    pub(crate) remove: &'a [u32],
    pub(crate) policy: Option<Digest>,
}

pub(crate) struct Built {
    pub(crate) mls: Vec<u8>,
    pub(crate) welcome: Option<Vec<u8>>,
}

impl GroupSession {
    /// Stages a commit. It takes effect when [`GroupSession::receive`] sees it win; if another
    /// wins, it is dropped there by itself. Our own team policy judges it first.
    ///
    /// # Errors
    /// [`SessionError::CommitPending`], [`SessionError::Forbidden`],
    /// [`SessionError::PackageUnfit`], [`SessionError::NoSuchMember`] (also for our own leaf: to
    /// leave, propose it), [`SessionError::OwnRemovalWaits`], [`SessionError::TooMany`], and those of [`GroupSession::seal`].
    pub fn stage_commit(
        mut self,
        state: &dyn MlsStateRead,
        keys: &MemberKeys,
        plan: &CommitPlan,
        policy: &dyn TeamPolicy,
    ) -> Result<Step<(Self, StagedOut)>, SessionError> {
        self.may_send(keys)?;
        if self.record.pending.is_some() {
            return Err(SessionError::CommitPending);
        }
        let access = self.access(state)?;
        let (branch, from_epoch) = (self.record.branch, self.record.epoch);
        let contents = Contents {
            add: &plan.add,
            remove: &plan.remove,
            policy: plan.policy,
        };
        let (session, provider, built) = self.build_in_bucket(state, keys, &contents)?;
        self = session;
        let next_access = self.judge_own(&provider, plan.why, branch, false, policy)?;
        let mut body = CommitBody {
            mailbox: self.mailbox(),
            branch,
            from_epoch,
            mls: commit_bytes_hash(&built.mls),
            next_access,
            lease: plan.lease,
            cut: plan.cut,
            attribution: Bytes::default(),
            command_id: plan.command_id,
            not_after: plan.not_after,
            ext: Extensions::none(),
        };
        body.attribution = self.attribute(&provider, keys, branch, plan.why, &Attributed::commit(&body))?;
        let hash = body.mls;
        let access_signature = access.sign(&body);
        let commit = Commit {
            body,
            mls: Bytes(built.mls),
            access_signature,
            second: None,
        };
        self.record.pending = Some(Pending {
            commit: hash,
            rewind: false,
            next_access,
        });
        let welcome = built
            .welcome
            .map(|w| self.letter(w, next_access, branch, from_epoch + 1));
        Ok(self.step(
            provider,
            StagedOut {
                commit,
                hash,
                welcome,
            },
        ))
    }

    /// Gives up a commit of our own that the relay has *refused* for good, by a typed answer.
    /// Never on a mere timeout: a commit that is given up and wins all the same locks this
    /// endpoint out ([`crate::verdict::Lost::OwnCommitGivenUp`]).
    ///
    /// # Errors
    /// [`SessionError::NothingPending`].
    pub fn give_up_commit(mut self, state: &dyn MlsStateRead) -> Result<Step<(Self, Digest)>, SessionError> {
        let pending = self.record.pending.take().ok_or(SessionError::NothingPending)?;
        let provider = Provider::new(state);
        self.group
            .clear_pending_commit(provider.storage())
            .map_err(|_| fault(&provider))?;
        Ok(self.step(provider, pending.commit))
    }

    /// Builds a commit whose private message lies exactly in a bucket. MLS pads to multiples of one
    /// number, so it is told the bucket of the least size that the commit can have: the result
    /// is that bucket or the next. Should it ever be neither, the commit is built once more on
    /// the stored state with the right size.
    pub(crate) fn build_in_bucket<'s>(
        mut self,
        state: &'s dyn MlsStateRead,
        keys: &MemberKeys,
        contents: &Contents<'_>,
    ) -> Result<(Self, Provider<'s>, Built), SessionError> {
        self.check(contents)?;
        let padding = self.least_bucket(contents)?;
        let provider = Provider::new(state);
        self.pad_to(&provider, padding)?;
        let built = self.build(&provider, keys, contents)?;
        let encrypted = built.mls.len() / padding * padding;
        let bucket = Bucket::Handshake
            .size_for(encrypted)
            .ok_or(SessionError::TooLarge)?;
        if bucket == encrypted {
            return Ok((self, provider, built));
        }
        drop(provider);
        let mut session = self.reload(state)?;
        let provider = Provider::new(state);
        session.pad_to(&provider, bucket)?;
        let built = session.build(&provider, keys, contents)?;
        Ok((session, provider, built))
    }

    /// The smallest bucket that a commit may fit into. One that would fit into none is refused
    /// before it is made.
    pub(crate) fn least_bucket(&self, contents: &Contents<'_>) -> Result<usize, SessionError> {
        let least = shape::least_size(&self.group, contents).unwrap_or(0);
        Bucket::Handshake.size_for(least).ok_or(SessionError::TooLarge)
    }

    pub(crate) fn build(
        &mut self,
        provider: &Provider<'_>,
        keys: &MemberKeys,
        contents: &Contents<'_>,
    ) -> Result<Built, SessionError> {
        let mut builder = self
            .group
            .commit_builder()
            .consume_proposal_store(true)
            .force_self_update(true)
            .propose_adds(contents.add.iter().map(|p| p.package.clone()))
            .propose_removals(contents.remove.iter().map(|&i| LeafNodeIndex::new(i)));
        if let Some(policy) = contents.policy {
            let next = Binding {
                policy,
                ..self.binding.clone()
            };
            builder = builder
                .propose_group_context_extensions(next.extensions()?)
                .map_err(|_| SessionError::Fault)?;
        }
        // The tree rides in the Welcome and nowhere else: a full GroupInfo on every commit would
        // cost as much as the tree is large.
        let bundle = builder
            .load_psks(provider.storage())
            .map_err(|_| fault(provider))?
            .use_ratchet_tree_extension(true)
            .create_group_info(false)
            .build(provider.rand(), provider.crypto(), keys, |_| true)
            .map_err(|_| fault(provider))?
            .stage_commit(provider)
            .map_err(|_| fault(provider))?;
        let (commit, welcome, _) = bundle.into_messages();
        let bytes =
            |m: openmls::prelude::MlsMessageOut| m.tls_serialize_detached().map_err(|_| SessionError::Fault);
        Ok(Built {
            mls: bytes(commit)?,
            welcome: welcome.map(bytes).transpose()?,
        })
    }

    pub(crate) fn check(&self, contents: &Contents<'_>) -> Result<(), SessionError> {
        let full = |added: usize| added > MAX_ADDS || self.group.members().count() + added > MAX_MEMBERS;
        if !contents.add.is_empty() && full(contents.add.len()) {
            return Err(SessionError::TooMany);
        }
        if contents.add.iter().any(|p| p.suite() != self.suite()) {
            return Err(SessionError::PackageUnfit);
        }
        let own = self.group.own_leaf_index().u32();
        let removes_us =
            |p: &QueuedProposal| matches!(p.proposal(), Proposal::Remove(r) if r.removed().u32() == own);
        if self.group.pending_proposals().any(removes_us) {
            return Err(SessionError::OwnRemovalWaits);
        }
        let gone = |&i: &u32| i == own || self.seat(LeafNodeIndex::new(i)).is_none();
        if contents.remove.iter().any(gone) {
            return Err(SessionError::NoSuchMember);
        }
        Ok(())
    }

    /// Puts our own staged commit before our own judges and derives its access key.
    pub(crate) fn judge_own(
        &self,
        provider: &Provider<'_>,
        why: Digest,
        branch_after: u32,
        rewind: bool,
        policy: &dyn TeamPolicy,
    ) -> Result<PublicKey, SessionError> {
        let staged: &StagedCommit = self.group.pending_commit().ok_or(SessionError::Fault)?;
        let change = examine(self, staged, self.me()?, Some(why), None, rewind)
            .map_err(|_| SessionError::PackageUnfit)?;
        policy.judge(&change)?;
        let seed = access::export(
            staged,
            provider.crypto(),
            ExporterLabel::Access,
            &self.mailbox(),
            branch_after,
        )?;
        Ok(SigningKey::from_seed(&seed).public())
    }

    /// Seals the attribution under the epoch that ends.
    pub(crate) fn attribute(
        &self,
        provider: &Provider<'_>,
        keys: &MemberKeys,
        branch: u32,
        why: Digest,
        what: &Attributed,
    ) -> Result<Bytes, SessionError> {
        let mailbox = self.mailbox();
        let key = access::export(
            &self.group,
            provider.crypto(),
            ExporterLabel::Attribution,
            &mailbox,
            branch,
        )?;
        let leaf = self.group.own_leaf_index().u32();
        attribution::write(&key, (&mailbox, branch, self.record.epoch), leaf, why, keys, what)
    }
}
