//! Sets of keys with a threshold, and commitments to sets that are not shown yet.

use serde::{Deserialize, Serialize};
use telesphor_clinical::text::bounded;
use telesphor_wire::hash::Digest;
use telesphor_wire::mailbox::next_key;
use telesphor_wire::sign::{PublicKey, Signature, Signed, SigningKey};

use crate::limits::MAX_KEYS;

/// Keys of which `threshold` must sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySet {
    /// The keys, each once.
    #[serde(deserialize_with = "bounded::<MAX_KEYS, _, _>")]
    pub keys: Vec<PublicKey>,
    /// How many of them must sign.
    pub threshold: u8,
}

/// Commitments to keys that are not shown yet, `threshold` of which must sign the rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextKeys {
    /// `H("next-key", key)` of each.
    #[serde(deserialize_with = "bounded::<MAX_KEYS, _, _>")]
    pub keys: Vec<Digest>,
    /// How many of the keys behind them must sign.
    pub threshold: u8,
}

/// One key's signature within a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySignature {
    /// Index of the key in its set.
    pub key: u8,
    /// The signature.
    pub signature: Signature,
}

impl KeySet {
    /// One key that signs alone.
    pub fn single(key: PublicKey) -> Self {
        Self {
            keys: vec![key],
            threshold: 1,
        }
    }

    /// Whether there is a key, none twice, and the threshold can be reached.
    pub fn is_well_formed(&self) -> bool {
        let mut sorted = self.keys.clone();
        sorted.sort_unstable();
        sorted.dedup();
        sorted.len() == self.keys.len()
            && !self.keys.is_empty()
            && self.keys.len() <= MAX_KEYS
            && self.threshold >= 1
            && usize::from(self.threshold) <= self.keys.len()
    }

    /// Signs with those of `secrets` that are in the set.
    pub fn sign<T: Signed>(&self, value: &T, secrets: &[&SigningKey]) -> Vec<KeySignature> {
        (0u8..)
            .zip(&self.keys)
            .filter_map(|(index, public)| {
                let secret = secrets.iter().find(|s| s.public() == *public)?;
                Some(KeySignature {
                    key: index,
                    signature: secret.sign(value),
                })
            })
            .collect()
    }

    /// Whether at least `threshold` different keys signed. Every signature given must be good
    /// and stand in rising order of its key, so that one act has one form.
    pub fn verify<T: Signed>(&self, value: &T, signatures: &[KeySignature]) -> bool {
        self.verify_at_least(value, signatures, self.threshold)
    }

    pub(crate) fn verify_at_least<T: Signed>(
        &self,
        value: &T,
        signatures: &[KeySignature],
        threshold: u8,
    ) -> bool {
        signatures.windows(2).all(|w| w[0].key < w[1].key)
            && signatures.len() >= usize::from(threshold)
            && signatures.iter().all(|s| {
                self.keys
                    .get(usize::from(s.key))
                    .is_some_and(|key| key.verify(value, &s.signature).is_ok())
            })
    }
}

impl NextKeys {
    /// Commits to one key that signs alone.
    pub fn single(key: &PublicKey) -> Self {
        Self {
            keys: vec![next_key(key)],
            threshold: 1,
        }
    }

    /// Whether the threshold can be reached. An empty set means that there is no next key: the
    /// identity can never rotate.
    pub fn is_well_formed(&self) -> bool {
        self.keys.len() <= MAX_KEYS
            && usize::from(self.threshold) <= self.keys.len()
            && (self.threshold >= 1 || self.keys.is_empty())
    }

    /// Whether one of these keys is its own successor. Whoever has stolen the current key would
    /// then have the next one as well.
    pub(crate) fn names_any_of(&self, keys: &KeySet) -> bool {
        keys.keys.iter().any(|key| self.keys.contains(&next_key(key)))
    }

    /// Whether every key of `revealed` was committed to.
    pub fn covers(&self, revealed: &KeySet) -> bool {
        revealed.keys.iter().all(|key| self.keys.contains(&next_key(key)))
    }
}
