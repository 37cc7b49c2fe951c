//! Endpoints: one device of an identity, with its signing key and its MLS leaf key.

use serde::{Deserialize, Serialize};
use telesphor_clinical::text::Text;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::labels::SignLabel;
use telesphor_wire::sign::{PublicKey, Signature, Signed, SigningKey};

telesphor_clinical::open_coded! {
    /// What sort of device it is.
    pub enum EndpointKind {
        /// A phone or tablet.
        1 => Phone "phone",
        /// A workstation used by one person.
        2 => Workstation "workstation",
        /// A workstation that several people use in turn.
        3 => SharedWorkstation "shared-workstation",
        /// A machine: monitor, pump, analyser.
        4 => Machine "machine",
        /// A service of an organisation that is always on.
        5 => Service "service",
        /// A badge or key.
        6 => Badge "badge",
    }
}

telesphor_clinical::open_coded! {
    /// Why an endpoint was ended.
    pub enum EndReason {
        /// No longer used.
        1 => Retired "retired",
        /// Lost.
        2 => Lost "lost",
        /// Its key may be in other hands: what it signed without evidence of time counts no more.
        3 => Stolen "stolen",
        /// Another took its place.
        4 => Replaced "replaced",
    }
}

/// One device of an identity, as it says so itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointRecord {
    /// Whose.
    pub identity: IdentityId,
    /// Signs documents, receipts, deposits. It also names the endpoint.
    pub key: PublicKey,
    /// Signs as MLS leaf and nothing else. A leaf's credential must name this identity and
    /// this endpoint.
    pub mls_leaf: PublicKey,
    /// The weakest MLS suite (IANA code point) it accepts.
    pub min_suite: u16,
    /// What sort of device.
    pub kind: EndpointKind,
    /// Its name for its owner: "old phone". Histories rest sealed.
    pub name: Text,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for EndpointRecord {
    const LABEL: SignLabel = SignLabel::Endpoint;
}

/// An endpoint record, signed by the endpoint's own key: nobody can add a key that he does
/// not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedEndpoint {
    /// What is signed.
    pub record: EndpointRecord,
    /// By `record.key`.
    pub signature: Signature,
}

impl SignedEndpoint {
    /// Signs a record with the endpoint's own key.
    pub fn sign(record: EndpointRecord, key: &SigningKey) -> Self {
        let signature = key.sign(&record);
        Self { record, signature }
    }

    /// Whether the endpoint's key signed for this identity, and leaf and endpoint keys differ.
    pub fn is_good(&self, identity: &IdentityId) -> bool {
        self.record.identity == *identity
            && self.record.key != self.record.mls_leaf
            && self.record.key.verify(&self.record, &self.signature).is_ok()
    }
}

/// An endpoint in a key state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointState {
    /// What it is.
    pub record: EndpointRecord,
    /// The event that added it.
    pub added: u64,
    /// When, by the identity's own clock, Unix milliseconds.
    pub added_at: u64,
    /// Its end, if it has one.
    pub ended: Option<EndpointEnd>,
}

/// The end of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndpointEnd {
    /// The event that ended it.
    pub n: u64,
    /// From when its signatures no longer count, Unix milliseconds.
    pub since: u64,
    /// Why.
    pub reason: EndReason,
}
