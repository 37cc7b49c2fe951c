//! The signed record of a cluster: made when it is founded, made anew when a seat changes hands, and
//! the same on every relay.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use telesphor_order::cluster::{Founding, Wanted};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::{Extension, Extensions};
use telesphor_wire::ids::Incarnation;
use telesphor_wire::labels::SignLabel;
use telesphor_wire::sign::{PublicKey, Signature, Signed, SigningKey};
use telesphor_wire::text::Domain;

use crate::fault::{Exit, Fault};
use crate::layout::Layout;

/// Who is in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterRecord {
    /// The domain it serves.
    pub domain: Domain,
    /// Names its history, in receipts too.
    pub cluster: Incarnation,
    /// Number of partitions.
    pub partitions: u16,
    /// The relays it was founded with, by attesting key.
    pub relays: Vec<PublicKey>,
    /// Rises with every seat that changes hands.
    pub edition: u64,
    /// Who is to vote.
    pub seats: Vec<PublicKey>,
    /// When it was founded, Unix milliseconds.
    pub founded: u64,
    /// For later versions.
    pub ext: Extensions,
}

/// Extension of a [`ClusterRecord`]: how many relays keep each partition. Not there if all of them do.
const REPLICAS: u32 = 1;

impl ClusterRecord {
    /// How many relays keep each partition, if not all of them do.
    pub fn replicas(&self) -> Option<usize> {
        let said = self.ext.get(REPLICAS)?;
        let replicas: u16 = canonical::decode_bounded(&said.body, 8).ok()?;
        Some(usize::from(replicas))
    }

    /// What a record says where each partition is kept by so many.
    pub fn kept_by(replicas: u16) -> Extensions {
        Extensions::none().with(Extension {
            id: REPLICAS,
            critical: true,
            body: Bytes(canonical::encode(&replicas)),
        })
    }
}

impl Signed for ClusterRecord {
    const LABEL: SignLabel = SignLabel::ClusterRecord;
}

/// A record with the domain's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedClusterRecord {
    /// What is signed.
    pub record: ClusterRecord,
    /// By the domain key.
    pub signature: Signature,
}

impl SignedClusterRecord {
    /// Signs a record.
    pub fn by(key: &SigningKey, record: ClusterRecord) -> Self {
        let signature = key.sign(&record);
        Self { record, signature }
    }

    /// Whether a relay with this key and this store is the one that was founded here.
    ///
    /// # Errors
    /// [`Fault`] with exit 4: the key is no member's, or the store is another history, as one is
    /// that was restored from a backup.
    pub fn check(&self, relay: &PublicKey, store: Incarnation, partitions: u16) -> Result<(), Fault> {
        let fault = |words: &'static str| Err(Fault::new(Exit::NotGenuine, ErrorCode::StoreDamaged, words));
        if !self.record.seats.contains(relay) {
            return fault(
                "this relay's key is not in the record of its cluster: its seat was given to another relay. Leave \
                 it off, and delete its data directory once the cluster stands well",
            );
        }
        if self.record.partitions != partitions {
            return fault("store.partitions: a cluster keeps the number it was founded with");
        }
        if self.record.cluster != store {
            return fault(
                "this store was restored from a backup and cannot rejoin its cluster: it has forgotten what it \
                 promised. The other relays hold everything that was acknowledged; leave this one off",
            );
        }
        Ok(())
    }

    /// Who is to vote, as the order is told.
    pub fn wanted(&self) -> Wanted {
        Wanted {
            edition: self.record.edition,
            relays: self.record.seats.iter().copied().collect(),
            replicas: self.record.replicas(),
        }
    }

    /// Where everything begins.
    pub fn founding(&self) -> Founding {
        let relays: BTreeSet<_> = self.record.relays.iter().copied().collect();
        let (partitions, replicas) = (self.record.partitions, self.record.replicas());
        Founding::placed(self.record.cluster, relays, partitions, replicas)
    }
}

/// Reads the record of a data directory, if the relay is one of a cluster.
///
/// # Errors
/// [`Fault`] with exit 8 if it cannot be read, 4 if it is not this domain's.
pub fn read(layout: &Layout, domain: &PublicKey) -> Result<Option<SignedClusterRecord>, Fault> {
    let path = layout.cluster();
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Fault::file("cluster record", &path, &e)),
    };
    let damaged = || {
        let words = format!("cluster record {}: damaged, or not this domain's", path.display());
        Fault::new(Exit::NotGenuine, ErrorCode::StoreDamaged, words)
    };
    let signed: SignedClusterRecord = canonical::decode(&bytes).map_err(|_| damaged())?;
    domain
        .verify(&signed.record, &signed.signature)
        .map_err(|_| damaged())?;
    signed.record.ext.check(&[REPLICAS]).map_err(|newer| {
        let words = format!("cluster record {}: {newer}", path.display());
        Fault::new(Exit::NotGenuine, ErrorCode::UnknownCritical, words)
    })?;
    Ok(Some(signed))
}
