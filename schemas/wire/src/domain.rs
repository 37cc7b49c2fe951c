//! A domain's signed record: its name, its relays and their keys. Agents and peers pin it.

use serde::{Deserialize, Serialize};

use crate::bytes::Bytes;
use crate::canonical::{self, CanonicalError};
use crate::ext::{Extension, Extensions};
use crate::hash::{Digest, hash_bytes};
use crate::ids::Voucher;
use crate::labels::{HashLabel, SignLabel};
use crate::seal::SealingPublic;
use crate::sign::{PublicKey, Signature, Signed};
use crate::text::{self, Domain, TextError};
use crate::{limits, list};

/// One relay of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayEntry {
    /// Its attesting key: names it in receipts and session proofs.
    pub relay: PublicKey,
    /// `H("tls-key", SubjectPublicKeyInfo)` of its TLS certificate.
    pub tls_key: Digest,
    /// `host:port` where it is reached.
    #[serde(deserialize_with = "list::bounded_text::<{ limits::MAX_ADDRESS_BYTES }, _>")]
    pub address: String,
}

/// A domain's record, as signed by its domain key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainRecord {
    /// The name.
    pub domain: Domain,
    /// The domain key that signs this record and its successors.
    pub key: PublicKey,
    /// Signs vouchers.
    pub admission: PublicKey,
    /// Its relays.
    #[serde(deserialize_with = "list::bounded::<{ limits::MAX_RELAYS }, _, _>")]
    pub relays: Vec<RelayEntry>,
    /// Current sealing key, lives 7 days; signed by itself as part of this record.
    pub sealing: SealingPublic,
    /// Rises with every new record.
    pub sequence: u64,
    /// When it was signed, Unix milliseconds.
    pub issued: u64,
    /// For later versions.
    pub ext: Extensions,
}

/// Extension of a [`DomainRecord`]: how many of its relays keep each partition, where not all of them do.
/// Critical: whoever does not know it would wait for receipts by a majority of all.
pub const REPLICAS: u32 = 1;

impl DomainRecord {
    /// How many of its relays keep each mailbox.
    pub fn replicas(&self) -> usize {
        let all = self.relays.len();
        let said = self.ext.get(REPLICAS);
        let said = said.and_then(|e| canonical::decode_bounded::<u16>(&e.body, 8).ok());
        said.map_or(all, |replicas| usize::from(replicas).clamp(1, all.max(1)))
    }

    /// How many of its relays must have signed a receipt.
    pub fn quorum(&self) -> usize {
        self.replicas() / 2 + 1
    }
}

/// What a record says where each partition lives on so many of its relays.
pub fn replicas(of_each: u16) -> Extensions {
    Extensions::none().with(Extension {
        id: REPLICAS,
        critical: true,
        body: Bytes(canonical::encode(&of_each)),
    })
}

impl Signed for DomainRecord {
    const LABEL: SignLabel = SignLabel::DomainRecord;
}

/// A record with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedDomainRecord {
    /// What is signed.
    pub record: DomainRecord,
    /// By `record.key`.
    pub signature: Signature,
}

/// The record is not what was pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    /// Its signature is not good.
    #[error("the domain record's signature is not good")]
    Signature,
    /// Another domain, another key, or older than the one pinned.
    #[error("the domain record is not the one agreed on")]
    NotPinned,
}

impl SignedDomainRecord {
    /// Checks the signature by the record's own key.
    ///
    /// # Errors
    /// [`BadRecord::Signature`].
    pub fn verify(&self) -> Result<&DomainRecord, BadRecord> {
        self.record
            .key
            .verify(&self.record, &self.signature)
            .map_err(|_| BadRecord::Signature)?;
        Ok(&self.record)
    }
}

/// `H("tls-key", SubjectPublicKeyInfo)`.
pub fn tls_key(spki_der: &[u8]) -> Digest {
    hash_bytes(HashLabel::TlsKey, spki_der)
}

/// What an admission link carries: enough to reach one relay, recognise it and enrol.
///
/// Text form: `telesphor-join:` and bech32m under `teljoin`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdmissionLink {
    /// The domain.
    pub domain: Domain,
    /// `host:port` of a relay.
    #[serde(deserialize_with = "list::bounded_text::<{ limits::MAX_ADDRESS_BYTES }, _>")]
    pub address: String,
    /// The domain key: the record fetched there must be signed by it.
    pub key: PublicKey,
    /// `H("tls-key", ..)` of that relay, so that the first connection is pinned too.
    pub tls_key: Digest,
    /// Spent on enrolment.
    pub token: Voucher,
}

impl AdmissionLink {
    /// The link as text.
    pub fn to_text(&self) -> String {
        format!(
            "telesphor-join:{}",
            text::encode("teljoin", &canonical::encode(self))
        )
    }

    /// Reads a link.
    ///
    /// # Errors
    /// [`TextError`] if a letter is wrong or it is something else.
    pub fn from_text(s: &str) -> Result<Self, TextError> {
        let rest = s.trim();
        let rest = rest.strip_prefix("telesphor-join:").unwrap_or(rest);
        let bytes = text::decode("teljoin", "admission link", rest)?;
        canonical::decode(&bytes).map_err(|_: CanonicalError| TextError::Checksum("admission link"))
    }
}
