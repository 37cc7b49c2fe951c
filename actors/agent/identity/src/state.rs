//! Keys and endpoints at one point of a history, and the rules of each change.

use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::sign::PublicKey;

use crate::endpoint::{EndpointEnd, EndpointState};
use crate::event::{Change, IdentityEvent, SignedEvent};
use crate::evidence::Domains;
use crate::history::HistoryError;
use crate::inception::{Custody, Inception, Kind, RecoveryTerms};
use crate::keys::{KeySet, NextKeys};
use crate::limits;
use crate::recovery::{RecoveryError, VetoProof};

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

    pub(crate) fn begin(inception: &Inception) -> Result<Self, HistoryError> {
        if inception.version != limits::VERSION {
            return Err(HistoryError::Version(inception.version));
        }
        inception.ext.check(&[])?;
        let succeeds_itself = inception.next.names_any_of(&inception.keys);
        if !inception.keys.is_well_formed() || !inception.next.is_well_formed() || succeeds_itself {
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
                    || rotation.next.names_any_of(&rotation.keys)
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
                let identity = |key| self.keys.keys.contains(key);
                let reused = known(record.key)
                    || known(record.mls_leaf)
                    || identity(&record.key)
                    || identity(&record.mls_leaf);
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
                let succeeds_itself = start.next.names_any_of(&start.keys);
                if !start.keys.is_well_formed() || !start.next.is_well_formed() || succeeds_itself {
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
