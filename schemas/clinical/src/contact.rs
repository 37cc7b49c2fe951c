//! Contact records: what one identity tells another so that it can be written to.

use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::ext::{Extension, Extensions};
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::seal::SealingPublic;
use telesphor_wire::sign::PublicKey;
use telesphor_wire::text::Domain;

use crate::instant::Instant;
use crate::text::{Text, bounded};

/// Extension of a contact record: the key with which its owner shows parts of documents that this
/// contact writes for them, in canonical form. It is different for every contact.
pub const HOLDER_EXTENSION: u32 = 1;

/// A mailbox where an identity takes deposits, with the key for this one contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactAddress {
    /// The cluster.
    pub domain: Domain,
    /// The personal mailbox.
    pub mailbox: MailboxId,
    /// Seed of the deposit key, made for this contact and mailbox alone.
    pub deposit_seed: Secret,
}

/// The key to which deposits are sealed; shared by the owner's endpoints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntakeKey {
    /// Names the key in a deposit's signature.
    pub id: Digest,
    /// X-Wing.
    pub key: SealingPublic,
    /// When a newer one must have been asked for, Unix milliseconds (30 days after it was made).
    pub until: u64,
}

/// What an identity tells one contact. It travels only inside signed and sealed deposits, and
/// is different for every contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactRecord {
    /// [`crate::limits::VERSION`].
    pub version: u16,
    /// Who.
    pub identity: IdentityId,
    /// The history as it stood: hash of its last event.
    pub history_head: Digest,
    /// Where to write, best first.
    #[serde(deserialize_with = "bounded::<16, _, _>")]
    pub addresses: Vec<ContactAddress>,
    /// To whom to seal.
    pub intake: IntakeKey,
    /// Opens the key packages left for this contact (label `kp-seal`).
    pub contact_secret: Secret,
    /// The weakest suite (IANA MLS code point) accepted.
    pub min_suite: u16,
    /// How the identity calls itself. A hint: the reader gives the name that counts.
    #[serde(deserialize_with = "bounded::<8, _, _>")]
    pub petnames: Vec<Text>,
    /// When it was made; a later one replaces it.
    pub made: Instant,
    /// For later versions.
    pub ext: Extensions,
}

impl ContactRecord {
    /// The key that documents written for this identity name as their holder.
    pub fn holder(&self) -> Option<PublicKey> {
        canonical::decode(&self.ext.get(HOLDER_EXTENSION)?.body).ok()
    }

    /// The same record with a holder key.
    #[must_use]
    pub fn with_holder(mut self, key: &PublicKey) -> Self {
        self.ext = self.ext.with(Extension {
            id: HOLDER_EXTENSION,
            critical: false,
            body: Bytes(canonical::encode(key)),
        });
        self
    }
}

open_coded! {
    /// How sure a person is that a contact is who he says.
    pub enum Certainty {
        /// Came through a link; nothing was compared.
        1 => Unverified "unverified",
        /// The words or numbers were compared.
        2 => Compared "compared",
        /// Codes were scanned face to face.
        3 => FaceToFace "face-to-face",
        /// An authority that the person trusts names the identity.
        4 => Attested "attested",
    }
}

/// A contact as one's own endpoints keep it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// What the contact told.
    pub record: ContactRecord,
    /// The name that the owner gave.
    pub petname: Text,
    /// How sure the owner is.
    pub certainty: Certainty,
    /// Sharing clinical documents although unverified was confirmed.
    pub allow_unverified: bool,
    /// What was told to the contact: where it may deposit here, and the secret for key packages.
    pub given: Option<Box<ContactRecord>>,
    /// Since when.
    pub since: Instant,
    /// For later versions.
    pub ext: Extensions,
}
