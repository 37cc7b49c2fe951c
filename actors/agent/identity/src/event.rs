//! Events of a key history: what can change, and what each change must show.

use serde::{Deserialize, Serialize};
use telesphor_clinical::text::bounded;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, hash};
use telesphor_wire::ids::IdentityId;
use telesphor_wire::labels::{HashLabel, SignLabel};
use telesphor_wire::sign::{PublicKey, Signed, SigningKey};

use crate::endpoint::{EndReason, SignedEndpoint};
use crate::inception::{Custody, RecoveryTerms};
use crate::keys::{KeySet, KeySignature, NextKeys};
use crate::limits::MAX_KEYS;
use crate::recovery::{RecoveryProof, VetoProof};

telesphor_wire::tagged! {
    /// What changes. A kind that this version does not know cannot be followed, so the history
    /// is refused from there.
    pub enum Change {
        /// New identity keys: those that were committed to. Signed by them.
        1 => Rotate(Box<Rotation>),
        /// A new endpoint. Signed by the current keys.
        2 => AddEndpoint(Box<SignedEndpoint>),
        /// The end of an endpoint. Signed by the current keys.
        3 => EndEndpoint(EndEndpoint),
        /// Who stands behind the keys. Signed by the current keys.
        4 => SetCustody(Custody),
        /// New identity keys by way of the guardians. Signed by the new keys.
        5 => Recover(Box<RecoveryProof>),
        /// A recovery that was started is not the owner's will. Signed by the current keys.
        6 => VetoRecovery(Box<VetoProof>),
    }
}

/// New identity keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// The keys, each committed to before.
    pub keys: KeySet,
    /// Commitments to those after them.
    pub next: NextKeys,
    /// Who stands behind them from now on.
    pub custody: Custody,
    /// Recovery from now on.
    pub recovery: Option<RecoveryTerms>,
}

/// The end of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndEndpoint {
    /// Which.
    pub endpoint: PublicKey,
    /// From when its signatures no longer count, Unix milliseconds.
    pub since: u64,
    /// Why.
    pub reason: EndReason,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityEvent {
    /// Whose.
    pub id: IdentityId,
    /// Position, from 1.
    pub n: u64,
    /// `H("history-link", ..)` of the event before, or of the inception.
    pub link: Digest,
    /// When, by the signer's own clock, Unix milliseconds.
    pub at: u64,
    /// What.
    pub change: Change,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for IdentityEvent {
    const LABEL: SignLabel = SignLabel::IdentityEvent;
}

impl IdentityEvent {
    /// `H("history-link", event)`: the head of a history that ends in it.
    pub fn link(&self) -> Digest {
        hash(HashLabel::HistoryLink, self)
    }
}

/// An event with its signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedEvent {
    /// What is signed.
    pub event: IdentityEvent,
    /// By as many keys as the change needs, by rising index in their set.
    #[serde(deserialize_with = "bounded::<MAX_KEYS, _, _>")]
    pub signatures: Vec<KeySignature>,
}

impl SignedEvent {
    /// Signs an event with those of `secrets` that are in `keys`.
    pub fn sign(event: IdentityEvent, keys: &KeySet, secrets: &[&SigningKey]) -> Self {
        let signatures = keys.sign(&event, secrets);
        Self { event, signatures }
    }
}
