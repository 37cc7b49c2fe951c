//! Guardians: who holds shares of a recovery secret, and the form of a share.
//!
//! How a secret is cut into shares is not decided here; what a share says and who vouches for it
//! is. The set record lists the hash of every share, so that a guardian who hands out a false one
//! is named instead of spoiling the recovery.

use serde::{Deserialize, Serialize};
use telesphor_clinical::text::bounded;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret, hash};
use telesphor_wire::ids::{IdentityId, Nonce};
use telesphor_wire::labels::{HashLabel, SignLabel};
use telesphor_wire::sign::{PublicKey, Signature, Signed};

use crate::limits::{self, MAX_GUARDIANS};

/// One guardian's share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardianShare {
    /// [`limits::VERSION`].
    pub version: u16,
    /// Whose secret.
    pub identity: IdentityId,
    /// Which set; a new one makes all old shares worthless.
    pub set: Nonce,
    /// Number of the share, from 1.
    pub index: u8,
    /// How many are needed.
    pub threshold: u8,
    /// How many there are.
    pub count: u8,
    /// The share's value.
    pub value: Secret,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for GuardianShare {
    const LABEL: SignLabel = SignLabel::GuardianShare;
}

impl GuardianShare {
    /// `H("share", share)`, as the set record lists it.
    pub fn hash(&self) -> Digest {
        hash(HashLabel::Share, self)
    }
}

/// A share with the owner's signature, as a guardian keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedShare {
    /// What is signed.
    pub share: GuardianShare,
    /// The owner's history as it stood.
    pub head: Digest,
    /// The owner's endpoint whose key signs.
    pub endpoint: PublicKey,
    /// By that key.
    pub signature: Signature,
}

/// One guardian of a set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guardian {
    /// Who.
    pub identity: IdentityId,
    /// [`GuardianShare::hash`] of the share that was given.
    pub share: Digest,
}

/// The record behind [`crate::inception::RecoveryTerms::guardian_set`]. Guardian `i` holds the
/// share of index `i + 1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardianSet {
    /// [`limits::VERSION`].
    pub version: u16,
    /// The set's random name; it also hides who the guardians are from whoever sees the hash.
    pub set: Nonce,
    /// How many shares are needed.
    pub threshold: u8,
    /// The guardians.
    #[serde(deserialize_with = "bounded::<MAX_GUARDIANS, _, _>")]
    pub guardians: Vec<Guardian>,
    /// For later versions.
    pub ext: Extensions,
}

/// What is wrong with a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadShare {
    /// Of another identity or set.
    #[error("the share belongs to another set")]
    OtherSet,
    /// Not what this guardian was given.
    #[error("guardian {0} has handed out a share that was not given to them")]
    False(u8),
}

impl GuardianSet {
    /// `H("guardian-set", set)`, as the recovery terms name it.
    pub fn hash(&self) -> Digest {
        hash(HashLabel::GuardianSet, self)
    }

    /// Whether the threshold can be reached and is more than one guardian alone.
    pub fn is_well_formed(&self) -> bool {
        self.version == limits::VERSION
            && self.threshold >= 2
            && usize::from(self.threshold) <= self.guardians.len()
            && self.guardians.len() <= MAX_GUARDIANS
    }

    /// Checks a share that was handed in, and says whose it is.
    ///
    /// # Errors
    /// [`BadShare`], naming the guardian whose share is false.
    pub fn check(&self, identity: &IdentityId, share: &GuardianShare) -> Result<&Guardian, BadShare> {
        let shape = share.identity == *identity
            && share.set == self.set
            && share.threshold == self.threshold
            && usize::from(share.count) == self.guardians.len();
        let guardian = share
            .index
            .checked_sub(1)
            .and_then(|i| self.guardians.get(usize::from(i)))
            .filter(|_| shape)
            .ok_or(BadShare::OtherSet)?;
        if guardian.share == share.hash() {
            Ok(guardian)
        } else {
            Err(BadShare::False(share.index))
        }
    }
}
