//! Signatures: Ed25519 over `"telesphor/1 sign" || 0x00 || H("sign " + label, x)`.
//!
//! There is no way to sign "some bytes": a type says its own label through [`Signed`],
//! so a signature made for one purpose never verifies for another. Verification is strict
//! (non-canonical `S`, small-order and non-canonically encoded points are refused), so
//! that every replica and every client agrees on every signature.

use ed25519_dalek::{Signer, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

use crate::bytes::{deserialize_fixed, serialize_fixed};
use crate::hash::{Secret, hash_to_sign};
use crate::labels::SignLabel;

/// Algorithm number of Ed25519 (RFC 8032).
pub const ALG_ED25519: u8 = 1;

/// A struct that is signed, under one label and no other.
pub trait Signed: Serialize {
    /// The purpose of the signature.
    const LABEL: SignLabel;
}

/// The signature does not belong to this key, this purpose or this value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not good")]
pub struct BadSignature;

fn message<T: Signed>(value: &T) -> [u8; 49] {
    let mut m = [0u8; 49];
    m[..16].copy_from_slice(b"telesphor/1 sign");
    m[17..].copy_from_slice(&hash_to_sign(T::LABEL, value));
    m
}

/// A private signing key. One key serves one purpose family (identity, endpoint, access,
/// deposit, owner, relay ...), never two.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// A fresh key from the operating system's randomness.
    pub fn generate() -> Self {
        Self::from_seed(&Secret::random())
    }

    /// The key of a 32-byte seed (RFC 8032, section 5.1.5).
    pub fn from_seed(seed: &Secret) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(&seed.0))
    }

    /// The seed, to be kept in a vault or a key file and nowhere else.
    pub fn seed(&self) -> Secret {
        Secret::new(self.0.to_bytes())
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs a typed value for its one purpose.
    pub fn sign<T: Signed>(&self, value: &T) -> Signature {
        Signature(self.0.sign(&message(value)).to_bytes())
    }

    /// Verifies a signature of this very key, for somebody who holds it himself. Ed25519 signs one
    /// value in one way, so it is made again and compared, which costs a third of verifying; one
    /// that was made in another way is verified like anybody's.
    ///
    /// # Errors
    /// [`BadSignature`], exactly where [`PublicKey::verify`] says so.
    pub fn confirm<T: Signed>(&self, value: &T, signature: &Signature) -> Result<(), BadSignature> {
        if self.sign(value) == *signature {
            return Ok(());
        }
        self.public().verify(value, signature)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// An Ed25519 public key; `[alg, bin 32]` on the wire. Another algorithm is refused when
/// parsed. Whether the bytes are a good point is found when verifying.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// Verifies strictly.
    ///
    /// # Errors
    /// [`BadSignature`], whatever the reason.
    pub fn verify<T: Signed>(&self, value: &T, signature: &Signature) -> Result<(), BadSignature> {
        self.verify_raw(&message(value), signature)
    }

    fn verify_raw(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        let key = VerifyingKey::from_bytes(&self.0).map_err(|_| BadSignature)?;
        // `from_bytes` takes a point in any encoding; only the canonical one may speak.
        if key.to_edwards().compress().to_bytes() != self.0 {
            return Err(BadSignature);
        }
        key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(&signature.0))
            .map_err(|_| BadSignature)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(..)")
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        (ALG_ED25519, serde_bytes::Bytes::new(&self.0)).serialize(s)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let (alg, bytes): (u8, Fixed<32>) = Deserialize::deserialize(d)?;
        if alg != ALG_ED25519 {
            return Err(de::Error::custom("unknown algorithm"));
        }
        Ok(Self(bytes.0))
    }
}

pub(crate) struct Fixed<const N: usize>(pub [u8; N]);

impl<'de, const N: usize> Deserialize<'de> for Fixed<N> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        deserialize_fixed(d).map(Self)
    }
}

/// A 64-byte Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature(pub [u8; 64]);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        serialize_fixed(&self.0, s)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        deserialize_fixed(d).map(Self)
    }
}

#[cfg(test)]
#[path = "sign_vectors.rs"]
mod vectors;
