//! One group of one mailbox, as a value: loaded from a snapshot, consumed by every operation.
//!
//! An operation takes the session and gives it back inside its [`Step`]. If the operation or the
//! caller's transaction fails, the session is gone with the step, as it must be: its memory would
//! be ahead of the store. Load it again.

use openmls::group::{GroupId, MlsGroup};
use openmls::prelude::tls_codec::Size as _;
use openmls::prelude::{LeafNodeIndex, OpenMlsProvider};
use openmls::treesync::LeafNodeSource;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::MailboxId;
use telesphor_wire::labels::ExporterLabel;
use telesphor_wire::sign::SigningKey;

use crate::access::{self, EpochKeys};
use crate::binding::Binding;
use crate::error::{SessionError, StateError};
use crate::member::{Member, MemberKeys, Seat};
use crate::overlay::Provider;
use crate::record::{self, EpochRow, Record, Stamp};
use crate::state::{MlsStateRead, Step};
use crate::suite::Suite;

/// A group as this endpoint knows it.
pub struct GroupSession {
    pub(crate) group: MlsGroup,
    pub(crate) record: Record,
    pub(crate) binding: Binding,
    /// Which stored state this is.
    pub(crate) stamp: Option<Stamp>,
    /// The access key of the current branch and epoch, once it was needed: deriving it costs as much
    /// as a signature.
    pub(crate) access: Option<SigningKey>,
}

impl std::fmt::Debug for GroupSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "GroupSession(branch {}, epoch {})",
            self.record.branch, self.record.epoch
        )
    }
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Can read and send.
    Member,
    /// Proposals wait; the next thing to send is a commit.
    MustCommit,
    /// A void commit won; waiting for the owner's rewind.
    Wedged,
    /// A commit removed this endpoint.
    Removed,
}

/// A commit of our own whose fate is open. After a crash, ask the relay whether the commit of
/// this hash won its epoch before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingCommit {
    /// `H("commit-bytes", mls)`.
    pub commit: Digest,
    /// Branch it was made in (for a rewind: the branch it leaves).
    pub branch: u32,
    /// Epoch it ends.
    pub from_epoch: u64,
    /// Whether it is a rewind.
    pub rewind: bool,
}

pub(crate) fn group_id(mailbox: &MailboxId) -> GroupId {
    GroupId::from_slice(&mailbox.0)
}

impl GroupSession {
    /// The session of a mailbox, if there is one.
    ///
    /// # Errors
    /// [`StateError::Torn`] if the rows do not belong to one moment; other [`StateError`]s.
    pub fn load(state: &dyn MlsStateRead, mailbox: MailboxId) -> Result<Option<Self>, SessionError> {
        let provider = Provider::new(state);
        let Some(record) = Record::load(&provider.rows, &mailbox)? else {
            return Ok(None);
        };
        let group = MlsGroup::load(provider.storage(), &group_id(&mailbox))
            .map_err(|_| fault(&provider))?
            .ok_or(StateError::Torn)?;
        let whole = group.epoch().as_u64() == record.epoch
            && group.epoch_authenticator().as_slice() == record.authenticator.as_ref()
            && group.pending_commit().is_some() == record.pending.is_some();
        if !whole {
            return Err(StateError::Torn.into());
        }
        let binding = Binding::read(group.public_group().group_context())?;
        let stamp = Stamp::load(&provider.rows, &mailbox)?;
        Ok(Some(Self {
            group,
            record,
            binding,
            stamp,
            access: None,
        }))
    }

    /// What the group is bound to.
    pub const fn binding(&self) -> &Binding {
        &self.binding
    }

    /// The mailbox.
    pub const fn mailbox(&self) -> MailboxId {
        self.binding.mailbox
    }

    /// Current branch.
    pub const fn branch(&self) -> u32 {
        self.record.branch
    }

    /// Current epoch.
    pub const fn epoch(&self) -> u64 {
        self.record.epoch
    }

    /// The group's suite.
    pub fn suite(&self) -> Option<Suite> {
        Suite::of(self.group.ciphersuite())
    }

    /// Where it stands.
    pub fn standing(&self) -> Standing {
        if self.record.removed.is_some() {
            Standing::Removed
        } else if self.record.dead.is_some() {
            Standing::Wedged
        } else if self.group.has_pending_proposals() {
            Standing::MustCommit
        } else {
            Standing::Member
        }
    }

    /// The own commit whose fate is open.
    pub fn pending(&self) -> Option<PendingCommit> {
        self.record.pending.as_ref().map(|p| PendingCommit {
            commit: p.commit,
            branch: self.record.branch,
            from_epoch: self.record.epoch,
            rewind: p.rewind,
        })
    }

    /// The members, by rising leaf index.
    ///
    /// # Errors
    /// [`SessionError::Credential`]: cannot happen in a group that was joined or founded here.
    pub fn members(&self) -> Result<Vec<Seat>, SessionError> {
        self.group
            .members()
            .map(|m| self.seat(m.index).ok_or(SessionError::NoSuchMember))
            .collect()
    }

    /// How many members there are.
    pub(crate) fn leaves(&self) -> usize {
        self.group.members().count()
    }

    /// Our own seat.
    ///
    /// # Errors
    /// [`SessionError::NotMember`].
    pub fn me(&self) -> Result<Seat, SessionError> {
        self.seat(self.group.own_leaf_index())
            .ok_or(SessionError::NotMember)
    }

    /// Bytes that the members' tree takes in a Welcome. Every newcomer takes a leaf more, and the
    /// Welcome of a commit some more for each whom it lets in ([`crate::limits::GUEST_BYTES`]).
    pub fn tree_bytes(&self) -> usize {
        self.group.export_ratchet_tree().tls_serialized_len()
    }

    /// A value that all members of this epoch share and nobody else knows (RFC 9420, section
    /// 8.7). Members compare it to find a fork.
    pub fn authenticator(&self) -> &[u8] {
        self.group.epoch_authenticator().as_slice()
    }

    /// The keys for the relay in the current epoch.
    ///
    /// # Errors
    /// [`StateError::Torn`] if they are not stored.
    pub fn keys(&self, state: &dyn MlsStateRead) -> Result<EpochKeys, SessionError> {
        access::epoch_keys(state, self.mailbox(), self.record.branch, self.record.epoch)?
            .ok_or_else(|| StateError::Torn.into())
    }

    /// The key that all members of the current epoch share, alone: deriving the pseudonym beside it
    /// costs as much again.
    pub(crate) fn access(&mut self, state: &dyn MlsStateRead) -> Result<SigningKey, SessionError> {
        if let Some(access) = &self.access {
            return Ok(access.clone());
        }
        let provider = Provider::new(state);
        let (branch, epoch) = (self.record.branch, self.record.epoch);
        let row = record::load_epoch(&provider.rows, &self.mailbox(), branch, epoch)?;
        let row = row.ok_or(StateError::Torn)?;
        let access = SigningKey::from_seed(&row.access);
        self.access = Some(access.clone());
        Ok(access)
    }

    /// The (branch, epoch) whose access keys are kept, oldest first.
    pub fn kept_epochs(&self) -> Vec<(u32, u64)> {
        let spans = self.record.spans.iter();
        spans
            .flat_map(|&(branch, first, last)| (first..=last).map(move |epoch| (branch, epoch)))
            .collect()
    }

    /// Drops the access keys of all epochs before (branch, epoch): what they read has been read.
    ///
    /// # Errors
    /// [`SessionError::State`].
    pub fn forget_epochs(
        mut self,
        state: &dyn MlsStateRead,
        branch: u32,
        epoch: u64,
    ) -> Result<Step<(Self, ())>, SessionError> {
        let provider = Provider::new(state);
        let until = (branch, epoch).min((self.record.branch, self.record.epoch));
        for (b, e) in self.record.cut_spans(until.0, until.1) {
            record::delete_epoch(&provider.rows, &self.mailbox(), b, e);
        }
        Ok(self.step(provider, ()))
    }

    /// Deletes the group and all its keys, for good.
    ///
    /// # Errors
    /// [`SessionError::State`].
    pub fn forget(mut self, state: &dyn MlsStateRead) -> Result<Step<()>, SessionError> {
        let provider = Provider::new(state);
        let mailbox = self.mailbox();
        for (b, e) in self.record.cut_spans(u32::MAX, u64::MAX) {
            record::delete_epoch(&provider.rows, &mailbox, b, e);
        }
        self.group
            .delete(provider.storage())
            .map_err(|_| fault(&provider))?;
        Record::delete(&provider.rows, &mailbox);
        Ok(Step::new(provider.into_diff(), ()))
    }

    pub(crate) fn seat(&self, index: LeafNodeIndex) -> Option<Seat> {
        let member = self.group.member_at(index)?;
        let named = Member::read(&member.credential, &member.signature_key).ok()?;
        let leaf = self.group.public_group().leaf(index)?;
        let expires = match leaf.leaf_node_source() {
            LeafNodeSource::KeyPackage(life) => Some(life.not_after().saturating_mul(1000)),
            _ => None,
        };
        Some(Seat {
            index: index.u32(),
            member: named,
            expires,
        })
    }

    /// Refuses foreign keys, and sessions that may not send.
    pub(crate) fn may_send(&self, keys: &MemberKeys) -> Result<(), SessionError> {
        if self.record.removed.is_some() {
            return Err(SessionError::NotMember);
        }
        if self.me()?.member != *keys.member() {
            return Err(SessionError::OtherKeys);
        }
        if self.record.dead.is_some() {
            return Err(SessionError::Wedged);
        }
        Ok(())
    }

    /// Derives and stores the keys of the epoch just begun.
    pub(crate) fn begin_epoch(&mut self, provider: &Provider<'_>) -> Result<(), SessionError> {
        let seed = access::export(
            &self.group,
            provider.crypto(),
            ExporterLabel::Access,
            &self.mailbox(),
            self.record.branch,
        )?;
        let access = SigningKey::from_seed(&seed);
        self.begin_epoch_with(provider, access)
    }

    /// Stores the keys of the epoch just begun, whose access key has been derived already.
    pub(crate) fn begin_epoch_with(
        &mut self,
        provider: &Provider<'_>,
        access: SigningKey,
    ) -> Result<(), SessionError> {
        let (mailbox, branch, epoch) = (self.mailbox(), self.record.branch, self.group.epoch().as_u64());
        let row = EpochRow::new(access.seed(), Secret::random());
        self.access = Some(access);
        record::store_epoch(&provider.rows, &mailbox, branch, epoch, &row);
        self.record.extend_span(branch, epoch);
        self.record.pending = None;
        self.record.dead = None;
        self.record.removed = None;
        self.record.proposals.clear();
        Ok(())
    }

    /// Closes an operation: record and rows go into one difference.
    pub(crate) fn step<T>(mut self, provider: Provider<'_>, output: T) -> Step<(Self, T)> {
        self.record.epoch = self.group.epoch().as_u64();
        self.record.authenticator = Bytes(self.group.epoch_authenticator().as_slice().to_vec());
        self.record.store(&provider.rows, &self.binding.mailbox);
        self.stamp = Some(Stamp::store(&provider.rows, &self.binding.mailbox));
        Step::new(provider.into_diff(), (self, output))
    }

    /// The session as the store has it: what was in memory is given up.
    pub(crate) fn reload(self, state: &dyn MlsStateRead) -> Result<Self, SessionError> {
        let mailbox = self.mailbox();
        drop(self);
        Self::load(state, mailbox)?.ok_or(SessionError::NoGroup)
    }
}

/// The true reason of a failed openmls call that cannot be somebody else's doing.
pub(crate) fn fault(provider: &Provider<'_>) -> SessionError {
    provider
        .rows
        .fault()
        .map_or(SessionError::Fault, SessionError::State)
}
