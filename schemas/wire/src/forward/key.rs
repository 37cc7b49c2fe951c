//! A domain's sealing key, as it is published: signed by the domain, for at most a week.
//!
//! It is a statement of its own, beside the domain's record, so that a peer that pinned the
//! domain key by hand can take the next sealing key from anybody who brings it.

use serde::{Deserialize, Serialize};

use crate::ext::Extensions;
use crate::forward::ForwardError;
use crate::hash::{Digest, hash};
use crate::labels::{HashLabel, SignLabel};
use crate::limits::{SEALING_KEPT_MS, SEALING_LIFE_MS};
use crate::seal::SealingPublic;
use crate::sign::{PublicKey, Signature, Signed, SigningKey};
use crate::text::Domain;

/// "What is for us is sealed to this key, from then to then."
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealingKeyStatement {
    /// Whose.
    pub domain: Domain,
    /// The key.
    pub key: SealingPublic,
    /// From when, Unix milliseconds.
    pub from: u64,
    /// Until when it is sealed to, at most 7 days later.
    pub until: u64,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for SealingKeyStatement {
    const LABEL: SignLabel = SignLabel::SealingKey;
}

/// The statement with the domain key's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedSealingKey {
    /// What is signed.
    pub statement: SealingKeyStatement,
    /// By the domain key.
    pub signature: Signature,
}

/// `H("sealing-key-id", key)`: which of a domain's keys a request was sealed to.
pub fn id(key: &SealingPublic) -> Digest {
    hash(HashLabel::SealingKeyId, key)
}

impl SealingKeyStatement {
    /// Signs it.
    pub fn sign(self, domain_key: &SigningKey) -> SignedSealingKey {
        let signature = domain_key.sign(&self);
        SignedSealingKey {
            statement: self,
            signature,
        }
    }

    /// When the private half must be gone.
    pub const fn destroyed(&self) -> u64 {
        self.until.saturating_add(SEALING_KEPT_MS)
    }
}

impl SignedSealingKey {
    /// The key, if the pinned domain says that it may be sealed to now.
    ///
    /// # Errors
    /// [`ForwardError::BadSealingKey`].
    pub fn verify(
        &self,
        domain: &Domain,
        pinned: &PublicKey,
        now: u64,
    ) -> Result<&SealingPublic, ForwardError> {
        let said = &self.statement;
        let life = said.until.checked_sub(said.from);
        let in_time = said.from <= now && now < said.until && life.is_some_and(|l| l <= SEALING_LIFE_MS);
        let known = said.ext.check(&[]).is_ok();
        if said.domain != *domain || !in_time || !known {
            return Err(ForwardError::BadSealingKey);
        }
        let signed = pinned.verify(said, &self.signature);
        signed.map_err(|_| ForwardError::BadSealingKey)?;
        Ok(&said.key)
    }
}
