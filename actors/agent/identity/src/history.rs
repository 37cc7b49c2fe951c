//! A key history: from inception, event by event, to the keys and endpoints of now.
//!
//! A history is checked as a whole and only then asked. It can be asked for the state at any
//! event, because a signature names the head under which it was made.

use serde::{Deserialize, Serialize};
use telesphor_clinical::text::bounded;
use telesphor_wire::canonical::{self, CanonicalError};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::UnknownCritical;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::sign::SigningKey;

use crate::event::{Change, SignedEvent};
use crate::evidence::Domains;
use crate::inception::Inception;
use crate::limits::MAX_EVENTS;
use crate::recovery::RecoveryError;
pub use crate::state::KeyState;

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
