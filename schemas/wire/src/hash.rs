//! `H(label, x)` and `K(label, key, x)`: BLAKE3 in `derive_key` mode, 32 bytes, never truncated.

use serde::Serialize;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::bytes::bytes32;
use crate::canonical;
use crate::labels::{HashLabel, KdfLabel};

bytes32! {
    /// A 32-byte BLAKE3 hash under some label; the field's name says which.
    Digest
}

/// `H(label, bytes)`.
pub fn hash_bytes(label: HashLabel, bytes: &[u8]) -> Digest {
    Digest(blake3::derive_key(label.context(), bytes))
}

/// `H(label, x)` over the canonical bytes of a typed value.
pub fn hash<T: Serialize + ?Sized>(label: HashLabel, value: &T) -> Digest {
    Digest(hash_in_context(label.context(), value))
}

pub(crate) fn hash_in_context<T: Serialize + ?Sized>(context: &'static str, value: &T) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    canonical::encode_into(&mut hasher, value);
    *hasher.finalize().as_bytes()
}

/// `K(label, key, x) = H(label, key || x)`.
pub fn derive_key(label: KdfLabel, key: &Secret, x: &[u8]) -> Secret {
    let mut hasher = blake3::Hasher::new_derive_key(label.context());
    hasher.update(&key.0);
    hasher.update(x);
    let secret = Secret(*hasher.finalize().as_bytes());
    hasher.zeroize();
    secret
}

/// 32 secret bytes: a key, a seed, a shared secret. Wiped on drop, compared in constant
/// time, never printed. It serialises, so that it can stand inside a seal or a vault; it
/// must never be put into anything else.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret(pub(crate) [u8; 32]);

impl Secret {
    /// Takes over 32 bytes that came from the operating system, a KDF or an exporter.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// 32 fresh bytes from the operating system.
    pub fn random() -> Self {
        Self(crate::ids::random32())
    }

    /// The bytes. The caller owns any copy it makes.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq;
        self.0.ct_eq(&other.0).into()
    }
}
impl Eq for Secret {}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        crate::bytes::serialize_fixed(&self.0, s)
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        crate::bytes::deserialize_fixed(d).map(Self)
    }
}
