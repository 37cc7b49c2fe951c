//! Evidence of time: a relay's receipt over a hash that only the document's holder can name.
//!
//! When signing, the agent puts `H("stamp", {salt, document id})` into a mailbox of its own and
//! keeps the receipt. The relay sees 32 random-looking bytes. An author's own date proves
//! nothing; this does, as far as the verifier trusts the domain whose relays signed.
//!
//! ```text
//! document id --salt--> stamp = first 32 bytes of the payload --> payload hash
//!   --> chain hash h(n) = H("event", {h(n-1), header, payload hash}) --> leaf --> batch head, attested
//! ```

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use telesphor_clinical::text::bounded;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical::{self, CanonicalError};
use telesphor_wire::domain::DomainRecord;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret, hash};
use telesphor_wire::ids::DocumentId;
use telesphor_wire::labels::HashLabel;
use telesphor_wire::limits::MAX_PAYLOAD_BYTES;
use telesphor_wire::mailbox::{EventHeader, link, payload_hash};
use telesphor_wire::receipt::Receipt;
use telesphor_wire::text::Domain;

use crate::limits::{MAX_BUNDLE_BYTES, MAX_PROOFS};

/// The domains whose receipts a verifier believes, by pinned record.
#[derive(Clone, Debug, Default)]
pub struct Domains(BTreeMap<Domain, DomainRecord>);

impl Domains {
    /// None: no receipt proves anything.
    pub const fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds a record whose signature the caller has checked and pinned.
    pub fn pin(&mut self, record: DomainRecord) {
        self.0.insert(record.domain.clone(), record);
    }

    /// The record of a domain.
    pub fn get(&self, domain: &Domain) -> Option<&DomainRecord> {
        self.0.get(domain)
    }
}

impl FromIterator<DomainRecord> for Domains {
    fn from_iter<I: IntoIterator<Item = DomainRecord>>(records: I) -> Self {
        Self(records.into_iter().map(|r| (r.domain.clone(), r)).collect())
    }
}

/// A proof that something existed at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeEvidence {
    /// Whose relays say so.
    pub domain: Domain,
    /// Hides the document from the relay.
    pub salt: Secret,
    /// The chain hash before the stamp's event.
    pub previous: Digest,
    /// The header of the stamp's event.
    pub header: EventHeader,
    /// Its payload; begins with the stamp.
    pub payload: Bytes,
    /// The relays' word.
    pub receipt: Receipt,
}

/// Evidence on its way to somebody who has the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceOf {
    /// Which document it is about.
    pub document: DocumentId,
    /// What proves the time.
    #[serde(deserialize_with = "bounded::<MAX_PROOFS, _, _>")]
    pub evidence: Vec<TimeEvidence>,
    /// For later versions.
    pub ext: Extensions,
}

impl EvidenceOf {
    /// The canonical bytes, as they travel in messages.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::encode(self)
    }

    /// Reads evidence; whether it proves anything is asked of each piece.
    ///
    /// # Errors
    /// [`CanonicalError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CanonicalError> {
        canonical::decode_bounded(bytes, MAX_BUNDLE_BYTES)
    }
}

/// Why evidence proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEvidence {
    /// It is about something else.
    #[error("the evidence of time is about another document")]
    OtherDocument,
    /// Payload, event and receipt do not belong together.
    #[error("the evidence of time does not hold together")]
    Broken,
    /// By relays of a domain that this verifier does not know.
    #[error("the evidence of time is by a domain that is not known here")]
    UnknownDomain,
    /// Not signed by a majority of the domain's relays.
    #[error("the evidence of time lacks the signatures of the domain's relays")]
    Receipt,
}

/// A proved time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedTime {
    /// Unix milliseconds by the order's clock.
    pub at: u64,
    /// By whose relays.
    pub domain: Domain,
}

/// `H("stamp", {salt, id})`.
pub fn stamp(salt: &Secret, id: &Digest) -> Digest {
    hash(HashLabel::Stamp, &(salt, id))
}

/// `H("stamp", {salt, document id})`.
pub fn document_stamp(salt: &Secret, document: &DocumentId) -> Digest {
    stamp(salt, &Digest(document.0))
}

/// A payload of `size` bytes that begins with the stamp; the rest is random, so that it looks
/// like any other ciphertext of that size.
pub fn stamp_payload(stamp: &Digest, size: usize) -> Vec<u8> {
    let mut payload = stamp.0.to_vec();
    while payload.len() < size {
        payload.extend_from_slice(Secret::random().expose());
    }
    payload.truncate(size.max(32));
    payload
}

impl TimeEvidence {
    /// Checks that `id` was stamped, and says when.
    ///
    /// # Errors
    /// [`BadEvidence`].
    pub fn verify(&self, id: &Digest, domains: &Domains) -> Result<ProvedTime, BadEvidence> {
        if self.payload.len() > MAX_PAYLOAD_BYTES
            || self.payload.get(..32) != Some(&stamp(&self.salt, id).0[..])
        {
            return Err(BadEvidence::OtherDocument);
        }
        let hash = link(&self.previous, &self.header, &payload_hash(&self.payload));
        if self.receipt.leaf.hash != hash || self.receipt.leaf.seq != self.header.seq {
            return Err(BadEvidence::Broken);
        }
        let record = domains.get(&self.domain).ok_or(BadEvidence::UnknownDomain)?;
        let relays: Vec<_> = record.relays.iter().map(|r| r.relay).collect();
        self.receipt
            .verify(&relays, record.quorum())
            .map_err(|_| BadEvidence::Receipt)?;
        Ok(ProvedTime {
            at: self.receipt.head.stamp,
            domain: self.domain.clone(),
        })
    }

    /// [`Self::verify`] for a document.
    ///
    /// # Errors
    /// [`BadEvidence`].
    pub fn verify_document(&self, id: &DocumentId, domains: &Domains) -> Result<ProvedTime, BadEvidence> {
        self.verify(&Digest(id.0), domains)
    }
}
