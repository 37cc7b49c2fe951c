//! Sealing messages and proposals.

use openmls::prelude::tls_codec::Serialize as _;
use openmls::prelude::{LeafNodeIndex, MlsMessageOut, OpenMlsProvider};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::hash::Digest;
use telesphor_wire::mailbox::{EventKind, payload_hash};
use telesphor_wire::padding::Bucket;

use crate::codec;
use crate::config::join_config;
use crate::error::SessionError;
use crate::limits::MAX_PROPOSALS;
use crate::member::MemberKeys;
use crate::overlay::Provider;
use crate::package::VerifiedPackage;
use crate::session::{GroupSession, fault};
use crate::state::{MlsStateRead, Step};

/// What a private message adds to its content inside the encryption: length, signature with its
/// length, tag; rounded up.
const FRAMING: usize = 4 + 2 + 64 + 16;

/// A sealed event for the mailbox. On a retry these very bytes are sent again: the same
/// generation never seals anything else.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedEvent {
    /// Branch it belongs to.
    pub branch: u32,
    /// Epoch it belongs to; if that ends before it is ordered, seal the content again.
    pub epoch: u64,
    /// What it is.
    pub kind: EventKind,
    /// The MLS private message.
    pub payload: Bytes,
    /// `H("payload", payload)`.
    pub hash: Digest,
}

impl std::fmt::Debug for SealedEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedEvent({} bytes)", self.payload.len())
    }
}

impl GroupSession {
    /// Seals content for the group, padded so that the message lies exactly in a bucket.
    ///
    /// # Errors
    /// [`SessionError::TooLarge`]: send it as a blob. [`SessionError::MustCommitFirst`],
    /// [`SessionError::Wedged`], [`SessionError::NotMember`], [`SessionError::OtherKeys`].
    pub fn seal(
        mut self,
        state: &dyn MlsStateRead,
        keys: &MemberKeys,
        content: &[u8],
        bucket: Bucket,
    ) -> Result<Step<(Self, SealedEvent)>, SessionError> {
        self.may_send(keys)?;
        if self.group.has_pending_proposals() {
            return Err(SessionError::MustCommitFirst);
        }
        let size = bucket
            .size_for(content.len() + FRAMING)
            .ok_or(SessionError::TooLarge)?;
        let provider = Provider::new(state);
        self.pad_to(&provider, size)?;
        let message = self
            .group
            .create_message(&provider, keys, content)
            .map_err(|_| fault(&provider))?;
        let sealed = self.event(EventKind::MESSAGE, &message)?;
        Ok(self.step(provider, sealed))
    }

    /// Proposes to remove a member, or oneself: leaving is asking the others to commit it.
    ///
    /// The proposal counts once the mailbox's order shows it, for us as for all others.
    ///
    /// # Errors
    /// As [`Self::seal`]; [`SessionError::NoSuchMember`], [`SessionError::CommitPending`],
    /// [`SessionError::AlreadyProposed`].
    pub fn propose_remove(
        self,
        state: &dyn MlsStateRead,
        keys: &MemberKeys,
        leaf: u32,
    ) -> Result<Step<(Self, SealedEvent)>, SessionError> {
        let index = LeafNodeIndex::new(leaf);
        if self.seat(index).is_none() {
            return Err(SessionError::NoSuchMember);
        }
        self.propose(state, keys, 0, |session, provider| {
            session
                .group
                .propose_remove_member(provider, keys, index)
                .map_err(|_| fault(provider))
        })
    }

    /// Proposes to add a member; somebody else commits it.
    ///
    /// # Errors
    /// As [`Self::seal`]; [`SessionError::PackageUnfit`], [`SessionError::CommitPending`].
    pub fn propose_add(
        self,
        state: &dyn MlsStateRead,
        keys: &MemberKeys,
        package: &VerifiedPackage,
    ) -> Result<Step<(Self, SealedEvent)>, SessionError> {
        if package.suite() != self.suite() {
            return Err(SessionError::PackageUnfit);
        }
        let size = package
            .package
            .tls_serialize_detached()
            .map_err(|_| SessionError::Fault)?
            .len();
        self.propose(state, keys, size, |session, provider| {
            session
                .group
                .propose_add_member(provider, keys, &package.package)
                .map_err(|_| fault(provider))
        })
    }

    fn propose(
        mut self,
        state: &dyn MlsStateRead,
        keys: &MemberKeys,
        inner: usize,
        make: impl FnOnce(
            &mut Self,
            &Provider<'_>,
        )
            -> Result<(MlsMessageOut, openmls::ciphersuite::hash_ref::ProposalRef), SessionError>,
    ) -> Result<Step<(Self, SealedEvent)>, SessionError> {
        self.may_send(keys)?;
        if self.record.pending.is_some() {
            return Err(SessionError::CommitPending);
        }
        if self.record.proposals.len() >= MAX_PROPOSALS {
            return Err(SessionError::TooMany);
        }
        let provider = Provider::new(state);
        let size = Bucket::Handshake
            .size_for(inner + FRAMING + 64)
            .ok_or(SessionError::TooLarge)?;
        self.pad_to(&provider, size)?;
        let (message, reference) = make(&mut self, &provider)?;
        let sealed = self.event(EventKind::PROPOSAL, &message)?;
        // Signatures are deterministic, so the same proposal made twice in one epoch has the same
        // reference: taking the second out of the store would take the ordered first with it.
        let row = {
            let all = self.group.proposal_store().proposals();
            let same: Vec<_> = all.filter(|p| *p.proposal_reference_ref() == reference).collect();
            let [queued] = same.as_slice() else {
                return Err(SessionError::AlreadyProposed);
            };
            codec::encode(*queued)?
        };
        self.record.proposals.push((sealed.hash, Bytes(row.to_vec())));
        self.group
            .remove_pending_proposal(provider.storage(), &reference)
            .map_err(|_| fault(&provider))?;
        Ok(self.step(provider, sealed))
    }

    pub(crate) fn pad_to(&mut self, provider: &Provider<'_>, size: usize) -> Result<(), SessionError> {
        if self.group.configuration().padding_size() != size {
            self.group
                .set_configuration(provider.storage(), &join_config(size))
                .map_err(|_| fault(provider))?;
        }
        Ok(())
    }

    fn event(&self, kind: EventKind, message: &MlsMessageOut) -> Result<SealedEvent, SessionError> {
        let payload = message
            .tls_serialize_detached()
            .map_err(|_| SessionError::Fault)?;
        Ok(SealedEvent {
            branch: self.record.branch,
            epoch: self.group.epoch().as_u64(),
            kind,
            hash: payload_hash(&payload),
            payload: Bytes(payload),
        })
    }
}
