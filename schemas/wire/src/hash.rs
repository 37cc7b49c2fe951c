//! `H(label, x)` and `K(label, key, x)`: BLAKE3 in `derive_key` mode, 32 bytes, never truncated.

use std::sync::LazyLock;

use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};
use serde::Serialize;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::bytes::bytes32;
use crate::canonical;
use crate::labels::{HashLabel, KdfLabel, SignLabel};

mod abreast;

bytes32! {
    /// A 32-byte BLAKE3 hash under some label; the field's name says which.
    Digest
}

/// `H(label, bytes)`.
pub fn hash_bytes(label: HashLabel, bytes: &[u8]) -> Digest {
    let mut hasher = hasher(context_key(&HASH_KEYS, label as usize));
    hasher.update(bytes);
    Digest(*hasher.finalize().as_bytes())
}

/// `H(label, bytes)` of each of these: for many short inputs at a fraction of the price of one after the
/// other.
pub fn hash_all(label: HashLabel, inputs: &[&[u8]]) -> Vec<Digest> {
    let hashes = abreast::hash(context_key(&HASH_KEYS, label as usize), inputs);
    hashes.into_iter().map(Digest).collect()
}

/// `H(label, x)` over the canonical bytes of a typed value.
pub fn hash<T: Serialize + ?Sized>(label: HashLabel, value: &T) -> Digest {
    Digest(hash_value(context_key(&HASH_KEYS, label as usize), value))
}

/// `H(label, bytes)` of bytes that come in pieces.
#[derive(Debug)]
pub struct Hashing(blake3::Hasher);

impl Hashing {
    /// Begins.
    pub fn new(label: HashLabel) -> Self {
        Self(hasher(context_key(&HASH_KEYS, label as usize)))
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all that came.
    pub fn finish(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

impl Drop for Hashing {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// `H("sign " + label, x)`: what a signature covers.
pub(crate) fn hash_to_sign<T: Serialize + ?Sized>(label: SignLabel, value: &T) -> [u8; 32] {
    hash_value(context_key(&SIGN_KEYS, label as usize), value)
}

/// `K(label, key, x) = H(label, key || x)`.
pub fn derive_key(label: KdfLabel, key: &Secret, x: &[u8]) -> Secret {
    let mut hasher = hasher(context_key(&KDF_KEYS, label as usize));
    hasher.update(&key.0);
    hasher.update(x);
    let secret = Secret(*hasher.finalize().as_bytes());
    hasher.zeroize();
    secret
}

fn hash_value<T: Serialize + ?Sized>(key: &ContextKey, value: &T) -> [u8; 32] {
    let mut sink = Sink {
        hasher: hasher(key),
        waiting: [0; SINK_BYTES],
        len: 0,
        most: 0,
    };
    canonical::encode_into(&mut sink, value);
    sink.pass_on();
    *sink.hasher.finalize().as_bytes()
}

fn hasher(key: &ContextKey) -> blake3::Hasher {
    blake3::Hasher::new_from_context_key(key)
}

/// The contexts of all labels, hashed once: BLAKE3 would hash the context again for every value,
/// and most values here are no longer than their context.
type ContextKeys = LazyLock<Vec<ContextKey>>;

static HASH_KEYS: ContextKeys = LazyLock::new(|| keys_of(HashLabel::ALL.iter().map(|l| l.context())));
static SIGN_KEYS: ContextKeys = LazyLock::new(|| keys_of(SignLabel::ALL.iter().map(|l| l.context())));
static KDF_KEYS: ContextKeys = LazyLock::new(|| keys_of(KdfLabel::ALL.iter().map(|l| l.context())));

fn keys_of(contexts: impl Iterator<Item = &'static str>) -> Vec<ContextKey> {
    contexts.map(hash_derive_key_context).collect()
}

/// A label's number is its place in `ALL`.
#[allow(clippy::indexing_slicing)]
fn context_key(keys: &'static ContextKeys, label: usize) -> &'static ContextKey {
    &keys[label]
}

const SINK_BYTES: usize = 512;

/// Gathers the encoder's many small writes: a call of the hasher costs more than most of them
/// hold. Wiped when dropped, since a value may hold secrets.
struct Sink {
    hasher: blake3::Hasher,
    waiting: [u8; SINK_BYTES],
    len: usize,
    /// As far as anything was ever written.
    most: usize,
}

impl Sink {
    fn pass_on(&mut self) {
        let len = std::mem::take(&mut self.len);
        self.most = self.most.max(len);
        if let Some(waiting) = self.waiting.get(..len) {
            self.hasher.update(waiting);
        }
    }
}

impl std::io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if bytes.len() > SINK_BYTES - self.len {
            self.pass_on();
        }
        match self.waiting.get_mut(self.len..self.len + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.len += bytes.len();
            }
            None => _ = self.hasher.update(bytes),
        }
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let most = self.most.max(self.len);
        if let Some(used) = self.waiting.get_mut(..most) {
            used.zeroize();
        }
    }
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
