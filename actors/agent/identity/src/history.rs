//! A key history: from inception, event by event, to the keys and endpoints of now.
//!
//! A history is checked as a whole and only then asked. It can be asked for the state at any
//! event, because a signature names the head under which it was made.

use serde::{Deserialize, Serialize};
use telesphor_clinical::text::bounded;
use telesphor_wire::canonical::{self, CanonicalError};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::{Extensions, UnknownCritical};
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::sign::{PublicKey, SigningKey};

use crate::endpoint::{EndpointEnd, EndpointState};
use crate::event::{Change, IdentityEvent, SignedEvent};
use crate::evidence::Domains;
use crate::inception::{Custody, Inception, Kind, RecoveryTerms};
use crate::keys::{KeySet, NextKeys};
use crate::limits::{self, MAX_EVENTS};
use crate::recovery::{RecoveryError, VetoProof};

/// A history as it travels; nothing about it is checked yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Where it begins.
    pub inception: Inception,
    /// What followed.
    #[serde(deserialize_with = "bounded::<MAX_EVENTS, _, _>")]
    pub events: Vec<SignedEvent>,
}

/// Why a history does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// Not a history, or not in its one form.
    #[error("not a key history: {0}")]
    Form(#[from] CanonicalError),
    /// Made by a newer version.
    #[error("made by a newer version ({0})")]
    Version(u16),
    /// A critical extension is not known here.
    #[error(transparent)]
    Critical(#[from] UnknownCritical),
    /// The inception breaks its own rules.
    #[error("the beginning of the key history is not well-formed")]
    Inception,
    /// An event has the wrong number, names another identity, or does not follow the one before.
    #[error("event {0} of the key history does not follow the one before")]
    Link(u64),
    /// Too few good signatures by the keys that must sign.
    #[error("event {0} of the key history is not signed by the keys that must sign it")]
    Signature(u64),
    /// The new keys were not committed to.
    #[error("event {0} of the key history brings keys that were not committed to")]
    NotCommitted(u64),
    /// A change that cannot be: an endpoint twice, an endpoint that is not there.
    #[error("event {0} of the key history changes something that is not so")]
    Impossible(u64),
    /// A recovery does not count.
    #[error("event {0} of the key history: {1}")]
    Recovery(u64, RecoveryError),
    /// It is another identity's.
    #[error("the key history is of another identity")]
    OtherIdentity,
}

impl HistoryError {
    /// The stable code for users.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Form(CanonicalError::TooLarge { .. }) => ErrorCode::TooLarge,
            Self::Form(_) => ErrorCode::Malformed,
            Self::Version(_) | Self::Critical(_) => ErrorCode::UnknownCritical,
            _ => ErrorCode::BrokenHistory,
        }
    }
}

/// Keys and endpoints after some event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyState {
    /// Whose.
    pub id: IdentityId,
    /// What it stands for.
    pub kind: Kind,
    /// Number of the last event; 0 = inception.
    pub n: u64,
    /// Hash of the last event.
    pub head: Digest,
    /// When that was, by the identity's own clock; 0 at inception.
    pub at: u64,
    /// The identity keys.
    pub keys: KeySet,
    /// Commitments to the next ones.
    pub next: NextKeys,
    /// Who stands behind them.
    pub custody: Custody,
    /// Recovery by guardians.
    pub recovery: Option<RecoveryTerms>,
    /// All endpoints, ended ones too.
    pub endpoints: Vec<EndpointState>,
    /// Recoveries that were vetoed since the keys last changed.
    pub vetoed: Vec<Digest>,
}

impl KeyState {
    /// The endpoint of this key, ended or not.
    pub fn endpoint(&self, key: &PublicKey) -> Option<&EndpointState> {
        self.endpoints.iter().find(|e| e.record.key == *key)
    }

    /// The endpoint of this key, if it has not ended.
    pub fn live_endpoint(&self, key: &PublicKey) -> Option<&EndpointState> {
        self.endpoint(key).filter(|e| e.ended.is_none())
    }

    /// The live endpoint whose MLS leaf key this is.
    pub fn live_leaf(&self, leaf: &PublicKey) -> Option<&EndpointState> {
        self.live_endpoints().find(|e| e.record.mls_leaf == *leaf)
    }

    /// The endpoints that have not ended.
    pub fn live_endpoints(&self) -> impl Iterator<Item = &EndpointState> {
        self.endpoints.iter().filter(|e| e.ended.is_none())
    }

    /// The next event with this change, unsigned.
    pub fn next_event(&self, change: Change, at: u64) -> IdentityEvent {
        IdentityEvent {
            id: self.id,
            n: self.n + 1,
            link: self.head,
            at,
            change,
            ext: Extensions::none(),
        }
    }

    fn begin(inception: &Inception) -> Result<Self, HistoryError> {
        if inception.version != limits::VERSION {
            return Err(HistoryError::Version(inception.version));
        }
        inception.ext.check(&[])?;
        if !inception.keys.is_well_formed() || !inception.next.is_well_formed() {
            return Err(HistoryError::Inception);
        }
        Ok(Self {
            id: inception.id(),
            kind: inception.kind,
            n: 0,
            head: inception.link(),
            at: 0,
            keys: inception.keys.clone(),
            next: inception.next.clone(),
            custody: inception.custody.clone(),
            recovery: inception.recovery.clone(),
            endpoints: Vec::new(),
            vetoed: Vec::new(),
        })
    }

    /// The state after one more event.
    ///
    /// # Errors
    /// [`HistoryError`] naming the event.
    pub fn after(&self, signed: &SignedEvent, domains: &Domains) -> Result<Self, HistoryError> {
        let event = &signed.event;
        let n = event.n;
        if event.id != self.id || n != self.n + 1 || event.link != self.head {
            return Err(HistoryError::Link(n));
        }
        event.ext.check(&[])?;
        let mut state = self.clone();
        state.n = n;
        state.head = event.link();
        state.at = event.at;
        let by_current = || match self.keys.verify(event, &signed.signatures) {
            true => Ok(()),
            false => Err(HistoryError::Signature(n)),
        };
        match &event.change {
            Change::Rotate(rotation) => {
                if !rotation.keys.is_well_formed()
                    || !rotation.next.is_well_formed()
                    || !self.next.covers(&rotation.keys)
                {
                    return Err(HistoryError::NotCommitted(n));
                }
                // Old commitments decide how many must sign: the new keys cannot lower that.
                let threshold = self.next.threshold.max(rotation.keys.threshold);
                if threshold == 0
                    || !rotation
                        .keys
                        .verify_at_least(event, &signed.signatures, threshold)
                {
                    return Err(HistoryError::Signature(n));
                }
                state.rekey(&rotation.keys, &rotation.next, rotation.recovery.clone());
                state.custody = rotation.custody.clone();
            }
            Change::AddEndpoint(endpoint) => {
                by_current()?;
                let known = |key| {
                    self.endpoints
                        .iter()
                        .any(|e| e.record.key == key || e.record.mls_leaf == key)
                };
                let record = &endpoint.record;
                let reused =
                    known(record.key) || known(record.mls_leaf) || self.keys.keys.contains(&record.key);
                if !endpoint.is_good(&self.id) || reused || self.endpoints.len() >= limits::MAX_ENDPOINTS {
                    return Err(HistoryError::Impossible(n));
                }
                state.endpoints.push(EndpointState {
                    record: record.clone(),
                    added: n,
                    added_at: event.at,
                    ended: None,
                });
            }
            Change::EndEndpoint(end) => {
                by_current()?;
                let endpoint = state
                    .endpoints
                    .iter_mut()
                    .find(|e| e.record.key == end.endpoint && e.ended.is_none())
                    .ok_or(HistoryError::Impossible(n))?;
                endpoint.ended = Some(EndpointEnd {
                    n,
                    since: end.since,
                    reason: end.reason,
                });
            }
            Change::SetCustody(custody) => {
                by_current()?;
                state.custody = custody.clone();
            }
            Change::Recover(proof) => {
                let refuse = |e| HistoryError::Recovery(n, e);
                let terms = self.recovery.as_ref().ok_or(refuse(RecoveryError::NoTerms))?;
                proof.check(&self.id, terms, domains).map_err(refuse)?;
                if self.vetoed.contains(&proof.start.id()) {
                    return Err(refuse(RecoveryError::Vetoed));
                }
                let start = &proof.start;
                if !start.keys.is_well_formed() || !start.next.is_well_formed() {
                    return Err(refuse(RecoveryError::Mismatch));
                }
                if !start.keys.verify(event, &signed.signatures) {
                    return Err(HistoryError::Signature(n));
                }
                state.rekey(&start.keys, &start.next, start.recovery.clone());
            }
            Change::VetoRecovery(proof) => {
                by_current()?;
                self.check_veto(proof, domains)
                    .map_err(|e| HistoryError::Recovery(n, e))?;
                state.vetoed.push(proof.veto.start);
            }
        }
        Ok(state)
    }

    fn rekey(&mut self, keys: &KeySet, next: &NextKeys, recovery: Option<RecoveryTerms>) {
        self.keys = keys.clone();
        self.next = next.clone();
        self.recovery = recovery;
        self.vetoed.clear();
    }

    fn check_veto(&self, proof: &VetoProof, domains: &Domains) -> Result<(), RecoveryError> {
        if proof.veto.id != self.id {
            return Err(RecoveryError::Mismatch);
        }
        if !self.keys.verify(&proof.veto, &proof.signatures) {
            return Err(RecoveryError::Signature);
        }
        if self.vetoed.len() < limits::FREE_VETOES {
            return Ok(());
        }
        let needed = RecoveryError::VetoNeedsAuthority;
        let authority = self.recovery.as_ref().and_then(|t| t.authority).ok_or(needed)?;
        let word = proof.authority.as_ref().ok_or(needed)?;
        let history = word.history.verify(domains).map_err(|_| needed)?;
        let signed = history.id() == authority
            && history.now().live_endpoint(&word.endpoint).is_some()
            && word.endpoint.verify(&proof.veto, &word.signature).is_ok();
        if signed { Ok(()) } else { Err(needed) }
    }
}

/// A history that holds, with its state after every event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedHistory {
    states: Vec<KeyState>,
    disputed_from: Option<u64>,
}

impl History {
    /// A history without events.
    pub const fn begin(inception: Inception) -> Self {
        Self {
            inception,
            events: Vec::new(),
        }
    }

    /// Whose.
    pub fn id(&self) -> IdentityId {
        self.inception.id()
    }

    /// Checks everything from inception to the last event. `domains` matters only for recoveries
    /// by guardians, which rest on evidence of time.
    ///
    /// # Errors
    /// [`HistoryError`] naming the first event that does not hold.
    pub fn verify(&self, domains: &Domains) -> Result<VerifiedHistory, HistoryError> {
        let mut states = vec![KeyState::begin(&self.inception)?];
        for event in &self.events {
            if let Some(state) = states.last() {
                let after = state.after(event, domains)?;
                states.push(after);
            }
        }
        Ok(VerifiedHistory {
            states,
            disputed_from: None,
        })
    }

    /// Adds a change, signed with those of `secrets` that must sign. The history is left as it
    /// was if the result would not hold.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn extend(
        &mut self,
        change: Change,
        at: u64,
        secrets: &[&SigningKey],
        domains: &Domains,
    ) -> Result<VerifiedHistory, HistoryError> {
        let verified = self.verify(domains)?;
        let signers = match &change {
            Change::Rotate(rotation) => rotation.keys.clone(),
            Change::Recover(proof) => proof.start.keys.clone(),
            _ => verified.now().keys.clone(),
        };
        let event = SignedEvent::sign(verified.now().next_event(change, at), &signers, secrets);
        let longer = verified.extended(&event, domains)?;
        self.events.push(event);
        Ok(longer)
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::encode(self)
    }

    /// Reads a history; [`History::verify`] is the next step.
    ///
    /// # Errors
    /// [`HistoryError::Form`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, HistoryError> {
        Ok(canonical::decode(bytes)?)
    }
}

impl VerifiedHistory {
    /// Whose.
    pub fn id(&self) -> IdentityId {
        self.now().id
    }

    /// The state after the last event.
    #[allow(clippy::missing_panics_doc, clippy::indexing_slicing)]
    pub fn now(&self) -> &KeyState {
        // There is always the state of the inception.
        &self.states[self.states.len() - 1]
    }

    /// Hash of the last event.
    pub fn head(&self) -> Digest {
        self.now().head
    }

    /// The state after the event with this hash.
    pub fn at_head(&self, head: &Digest) -> Option<&KeyState> {
        self.states.iter().find(|s| s.head == *head)
    }

    /// The state after event `n`.
    pub fn at_event(&self, n: u64) -> Option<&KeyState> {
        self.states.get(usize::try_from(n).ok()?)
    }

    /// The state at an instant by the identity's own clock: after the last event dated no later.
    /// Dates are the identity's own word; what must be proved goes by evidence instead.
    pub fn at_time(&self, unix_ms: u64) -> &KeyState {
        self.states
            .iter()
            .rev()
            .find(|s| s.at <= unix_ms)
            .unwrap_or(&self.states[0])
    }

    /// The state after one more event, leaving this one as it is.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn extended(&self, event: &SignedEvent, domains: &Domains) -> Result<Self, HistoryError> {
        let mut longer = self.clone();
        longer.states.push(self.now().after(event, domains)?);
        Ok(longer)
    }

    /// The first event from which nothing counts because two histories exist, if so.
    pub const fn disputed_from(&self) -> Option<u64> {
        self.disputed_from
    }

    pub(crate) fn dispute(&mut self, n: u64) {
        self.disputed_from = Some(self.disputed_from.map_or(n, |m| m.min(n)));
    }
}
