//! Taking in events in the mailbox's order.

use openmls::prelude::tls_codec::DeserializeBytes as _;
use openmls::prelude::{
    KeyPackageVerifyError, LeafNodeIndex, MlsMessageIn, ProcessMessageError, ProcessedMessage,
    ProcessedMessageContent, ProtocolMessage, QueuedProposal, Sender, ValidationError, WireFormat,
};
use openmls::treesync::errors::LifetimeError;
use openmls_traits::OpenMlsProvider;
use telesphor_wire::canonical;
use telesphor_wire::command::{Commit, SignedOwnerCommand};
use telesphor_wire::limits::MAX_PAYLOAD_BYTES;
use telesphor_wire::mailbox::{EventKind, payload_hash};
use telesphor_wire::sign::PublicKey;

use crate::codec;
use crate::error::{SessionError, StateError};
use crate::examine;
use crate::limits::MAX_PROPOSALS;
use crate::member::MemberKeys;
use crate::overlay::Provider;
use crate::policy::{Change, TeamPolicy};
use crate::session::{GroupSession, fault};
use crate::state::{MlsStateRead, Step};
use crate::verdict::{Lost, Message, Received, VoidReason};

/// One event of the mailbox, as far as this crate needs it.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// From the event's header.
    pub kind: EventKind,
    /// From the event's header.
    pub branch: u32,
    /// From the event's header.
    pub epoch: u64,
    /// The order's clock, from the event's header, Unix milliseconds.
    pub stamp: u64,
    /// The event's payload; erased ones are stepped over without coming here.
    pub payload: &'a [u8],
}

/// What MLS made of a private message.
pub(crate) enum Opened {
    Processed(Box<ProcessedMessage>),
    /// Not a member's private message of this group and epoch.
    Foreign,
    /// Does not open, is not valid, or was seen before.
    Refused,
    /// Holds a key package that was not valid when the event was ordered.
    Expired,
    /// Holds a key package that was valid when the event was ordered and is not by this machine's
    /// clock.
    Untimely,
}

impl GroupSession {
    /// Takes in one event. Events come in the mailbox's order, each once.
    ///
    /// `owner` is the mailbox's current owner key (it may rotate, so the caller follows it);
    /// `policy` judges what others propose or commit. Whatever the outcome, nothing is half
    /// applied: the difference covers processing, judgement and merge together.
    ///
    /// # Errors
    /// Only for faults of our own side. What others did is told by [`Received`].
    pub fn receive(
        self,
        state: &dyn MlsStateRead,
        keys: &MemberKeys,
        event: Incoming<'_>,
        owner: &PublicKey,
        policy: &dyn TeamPolicy,
    ) -> Result<Step<(Self, Received)>, SessionError> {
        match event.kind {
            EventKind::MESSAGE | EventKind::PROPOSAL => self.receive_content(state, event, policy),
            EventKind::COMMIT => {
                match canonical::decode_bounded::<Commit>(event.payload, MAX_PAYLOAD_BYTES) {
                    Ok(commit) => self.receive_commit(state, keys, &commit, event.stamp, policy),
                    // The relay parses commits before it orders them.
                    Err(_) => Ok(self.unchanged(Received::Junk)),
                }
            }
            EventKind::REWIND => {
                match canonical::decode_bounded::<SignedOwnerCommand>(event.payload, MAX_PAYLOAD_BYTES) {
                    Ok(command) => self.receive_rewind(state, keys, &command, event.stamp, owner, policy),
                    Err(_) => Ok(self.unchanged(Received::Junk)),
                }
            }
            _ => Ok(self.unchanged(Received::Past)),
        }
    }

    fn receive_content(
        mut self,
        state: &dyn MlsStateRead,
        event: Incoming<'_>,
        policy: &dyn TeamPolicy,
    ) -> Result<Step<(Self, Received)>, SessionError> {
        if let Some(out_of_place) = self.place(event.branch, event.epoch) {
            return Ok(self.unchanged(out_of_place));
        }
        let provider = Provider::new(state);
        let processed = match self.open(&provider, event.payload, event.stamp)? {
            Opened::Processed(p) => p,
            Opened::Untimely if event.kind == EventKind::PROPOSAL => {
                return Ok(self.reload(state)?.unchanged(Received::Lost(Lost::AwayTooLong)));
            }
            _ => return Ok(self.reload(state)?.unchanged(Received::Junk)),
        };
        let from = match processed.sender() {
            Sender::Member(index) => self.seat(*index),
            _ => None,
        };
        let Some(from) = from else {
            return Ok(self.reload(state)?.unchanged(Received::Junk));
        };
        let received = match (processed.into_content(), event.kind) {
            (ProcessedMessageContent::ApplicationMessage(m), EventKind::MESSAGE) => {
                Received::Message(Message {
                    from,
                    branch: self.record.branch,
                    epoch: self.record.epoch,
                    content: m.into_bytes(),
                })
            }
            (ProcessedMessageContent::OwnPrivateMessage, EventKind::MESSAGE) => Received::Echo,
            (ProcessedMessageContent::OwnPrivateMessage, EventKind::PROPOSAL) => {
                self.confirm_proposal(&provider, event.payload, policy)?
            }
            (ProcessedMessageContent::ProposalMessage(queued), EventKind::PROPOSAL) => {
                self.keep_proposal(&provider, *queued, policy)?
            }
            _ => return Ok(self.reload(state)?.unchanged(Received::Junk)),
        };
        Ok(self.step(provider, received))
    }

    /// A proposal of our own has been ordered: from now on it counts for everybody.
    fn confirm_proposal(
        &mut self,
        provider: &Provider<'_>,
        payload: &[u8],
        policy: &dyn TeamPolicy,
    ) -> Result<Received, SessionError> {
        let hash = payload_hash(payload);
        let Some(at) = self.record.proposals.iter().position(|(h, _)| *h == hash) else {
            return Ok(Received::Echo);
        };
        let (_, row) = self.record.proposals.remove(at);
        let queued: QueuedProposal = codec::decode(&row)?;
        match self.keep_proposal(provider, queued, policy)? {
            Received::Proposed(_) => Ok(Received::Echo),
            other => Ok(other),
        }
    }

    fn keep_proposal(
        &mut self,
        provider: &Provider<'_>,
        queued: QueuedProposal,
        policy: &dyn TeamPolicy,
    ) -> Result<Received, SessionError> {
        let Sender::Member(index) = queued.sender() else {
            return Ok(Received::ProposalRefused(VoidReason::External));
        };
        let by = self.seat(*index).ok_or(SessionError::NoSuchMember)?;
        let mut change = Change {
            by,
            why: None,
            added: Vec::new(),
            removed: Vec::new(),
            proposed_by: Vec::new(),
            policy: None,
            rewind: false,
        };
        if let Err(reason) = examine::read(self, queued.proposal(), None, &mut change) {
            return Ok(Received::ProposalRefused(reason));
        }
        // A lone change of the context cannot be judged before it is committed.
        if change.added.is_empty() && change.removed.is_empty() {
            return Ok(Received::ProposalRefused(VoidReason::ForbiddenProposal));
        }
        if self.group.pending_proposals().count() >= MAX_PROPOSALS {
            return Ok(Received::ProposalRefused(VoidReason::ForbiddenProposal));
        }
        if let Err(forbidden) = policy.judge(&change) {
            return Ok(Received::ProposalRefused(VoidReason::Policy(forbidden)));
        }
        // The same proposal sent twice has the same reference; it counts once.
        let known = |p: &QueuedProposal| p.proposal_reference_ref() == queued.proposal_reference_ref();
        if self.group.pending_proposals().any(known) {
            return Ok(Received::Proposed(change));
        }
        self.group
            .store_pending_proposal(provider.storage(), queued)
            .map_err(|_| fault(provider))?;
        Ok(Received::Proposed(change))
    }

    /// Whether an event of (branch, epoch) is out of place here, and how.
    pub(crate) fn place(&self, branch: u32, epoch: u64) -> Option<Received> {
        let here = (self.record.branch, self.record.epoch);
        if self.record.removed.is_some() {
            return Some(Received::Past);
        }
        if branch == here.0 && self.record.dead.is_some() {
            // Whatever follows a void commit on its branch is dead with it.
            return Some(Received::Past);
        }
        match (branch, epoch).cmp(&here) {
            std::cmp::Ordering::Less => Some(Received::Past),
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => Some(Received::Ahead { branch, epoch }),
        }
    }

    /// Lets MLS open a private message of this epoch.
    ///
    /// # Errors
    /// Only storage faults.
    pub(crate) fn open(
        &mut self,
        provider: &Provider<'_>,
        bytes: &[u8],
        stamp: u64,
    ) -> Result<Opened, SessionError> {
        let Some(message) = self.private(bytes) else {
            return Ok(Opened::Foreign);
        };
        match self.group.process_message(provider, message) {
            // The relay reads the AAD, so nobody honest puts anything there.
            Ok(p) if p.aad().is_empty() => Ok(Opened::Processed(Box::new(p))),
            Ok(_) => Ok(Opened::Refused),
            Err(e) => match provider.rows.fault() {
                Some(f) => Err(f.into()),
                None => Ok(untimely(&e, stamp).unwrap_or(Opened::Refused)),
            },
        }
    }

    /// External commits, proposals and joins are always public messages, whatever the wire format
    /// policy says; so the format is the gate, before openmls sees anything.
    fn private(&self, bytes: &[u8]) -> Option<ProtocolMessage> {
        let message = MlsMessageIn::tls_deserialize_exact_bytes(bytes).ok()?;
        if message.wire_format() != WireFormat::PrivateMessage {
            return None;
        }
        let message = message.try_into_protocol_message().ok()?;
        let ours = message.group_id() == self.group.group_id() && message.epoch() == self.group.epoch();
        ours.then_some(message)
    }

    /// Nothing changed: an empty difference.
    pub(crate) fn unchanged<T>(self, output: T) -> Step<(Self, T)> {
        Step::new(crate::state::StateDiff::new(), (self, output))
    }

    pub(crate) fn sender_seat(&self, processed: &ProcessedMessage) -> Option<crate::member::Seat> {
        match processed.sender() {
            Sender::Member(index) => self.seat(LeafNodeIndex::new(index.u32())),
            _ => None,
        }
    }
}

/// openmls judges key packages by this machine's clock, at the time of processing. Whether the
/// author is to blame or our own lateness is told by the order's clock, alike at all members.
const fn untimely(e: &ProcessMessageError<StateError>, stamp: u64) -> Option<Opened> {
    let ProcessMessageError::ValidationError(ValidationError::KeyPackageVerifyError(
        KeyPackageVerifyError::LifetimeError(e),
    )) = e
    else {
        return None;
    };
    let valid_then = match e {
        LifetimeError::Expired { not_after, .. } => not_after.saturating_mul(1000) > stamp,
        LifetimeError::NotValidYet { not_before, .. } => not_before.saturating_mul(1000) <= stamp,
        LifetimeError::SystemTimeBeforeUnixEpoch => true,
    };
    Some(if valid_then {
        Opened::Untimely
    } else {
        Opened::Expired
    })
}
