//! Sealing: XChaCha20-Poly1305 under a shared key, HPKE to a public key.
//!
//! HPKE (RFC 9180) runs in base mode with the X-Wing KEM (ML-KEM-768 and X25519),
//! HKDF-SHA256 and ChaCha20-Poly1305; `info` is a label, `aad` says for whom.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable, aead, kdf, kem};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::bytes::Bytes;
use crate::hash::Secret;
use crate::ids::random32;
use crate::labels::HpkeLabel;
use crate::sign::Fixed;

/// Algorithm number of X-Wing (draft-connolly-cfrg-xwing-kem).
pub const ALG_X_WING: u8 = 2;
/// Length of an X-Wing public key, bytes.
pub const X_WING_PUBLIC_BYTES: usize = 1216;
/// Length of an X-Wing encapsulated key, bytes.
pub const X_WING_ENC_BYTES: usize = 1120;
/// Nonce and tag added by [`seal`], bytes.
pub const SEAL_OVERHEAD: usize = 24 + 16;

type SuiteKem = kem::XWing;
type SuiteKdf = kdf::HkdfSha256;
type SuiteAead = aead::ChaCha20Poly1305;

/// The ciphertext does not open: wrong key, wrong purpose, wrong addressee or changed bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the seal does not open with this key")]
pub struct SealError;

/// Seals under a symmetric key with a random nonce: `nonce (24) || ciphertext || tag (16)`.
///
/// # Panics
/// Never for plaintexts under 256 GiB.
#[allow(clippy::expect_used)]
pub fn seal(key: &Secret, aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let random = random32();
    let mut nonce = [0u8; 24];
    nonce.copy_from_slice(&random[..24]);
    let cipher = XChaCha20Poly1305::new((&key.0).into());
    let sealed = cipher
        .encrypt(&XNonce::from(nonce), Payload { msg: plaintext, aad })
        .expect("plaintext is far below the cipher's limit");
    let mut out = Vec::with_capacity(24 + sealed.len());
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&sealed);
    out
}

/// Opens what [`seal`] made.
///
/// # Errors
/// [`SealError`].
pub fn open(key: &Secret, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let (nonce, ciphertext) = sealed.split_at_checked(24).ok_or(SealError)?;
    let nonce: [u8; 24] = nonce.try_into().map_err(|_| SealError)?;
    XChaCha20Poly1305::new((&key.0).into())
        .decrypt(&XNonce::from(nonce), Payload { msg: ciphertext, aad })
        .map_err(|_| SealError)
}

/// A public sealing key (X-Wing); `[alg, bin 1216]` on the wire.
#[derive(Clone, PartialEq, Eq)]
pub struct SealingPublic(Box<[u8; X_WING_PUBLIC_BYTES]>);

impl SealingPublic {
    /// The raw key.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0[..]
    }
}

impl std::fmt::Debug for SealingPublic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingPublic(..)")
    }
}

impl Serialize for SealingPublic {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        (ALG_X_WING, serde_bytes::Bytes::new(&self.0[..])).serialize(s)
    }
}

impl<'de> Deserialize<'de> for SealingPublic {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let (alg, bytes): (u8, Fixed<X_WING_PUBLIC_BYTES>) = Deserialize::deserialize(d)?;
        if alg != ALG_X_WING {
            return Err(de::Error::custom("unknown algorithm"));
        }
        Ok(Self(Box::new(bytes.0)))
    }
}

/// A private sealing key: the 32-byte X-Wing seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealingKey(Secret);

impl SealingKey {
    /// A fresh key.
    pub fn generate() -> Self {
        Self(Secret::random())
    }

    /// The key of a 32-byte seed.
    pub fn from_seed(seed: Secret) -> Self {
        Self(seed)
    }

    /// The seed, for a vault or key file.
    pub fn seed(&self) -> &Secret {
        &self.0
    }

    #[allow(clippy::expect_used)]
    fn private(&self) -> <SuiteKem as Kem>::PrivateKey {
        <SuiteKem as Kem>::PrivateKey::from_bytes(&self.0.0).expect("an X-Wing seed is any 32 bytes")
    }

    /// The public half.
    ///
    /// # Panics
    /// Never: an X-Wing public key always has 1,216 bytes.
    #[allow(clippy::expect_used)]
    pub fn public(&self) -> SealingPublic {
        let public = SuiteKem::sk_to_pk(&self.private()).to_bytes();
        let bytes: [u8; X_WING_PUBLIC_BYTES] = public.as_slice().try_into().expect("fixed size");
        SealingPublic(Box::new(bytes))
    }

    /// Opens what [`seal_to`] sealed to this key for the same purpose and addressee.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open(&self, label: HpkeLabel, aad: &[u8], sealed: &Sealed) -> Result<Vec<u8>, SealError> {
        let enc = <SuiteKem as Kem>::EncappedKey::from_bytes(&sealed.enc).map_err(|_| SealError)?;
        hpke::setup_receiver::<SuiteAead, SuiteKdf, SuiteKem>(
            &OpModeR::Base,
            &self.private(),
            &enc,
            label.context().as_bytes(),
        )
        .and_then(|mut context| context.open(&sealed.ciphertext, aad))
        .map_err(|_| SealError)
    }
}

/// An HPKE ciphertext with its encapsulated key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The encapsulated key, [`X_WING_ENC_BYTES`].
    pub enc: Bytes,
    /// Ciphertext with its tag.
    pub ciphertext: Bytes,
}

/// Seals to a public key (HPKE base mode, single shot).
///
/// # Errors
/// [`SealError`] if the public key is not a valid X-Wing key.
pub fn seal_to(
    to: &SealingPublic,
    label: HpkeLabel,
    aad: &[u8],
    plaintext: &[u8],
) -> Result<Sealed, SealError> {
    let public = <SuiteKem as Kem>::PublicKey::from_bytes(&to.0[..]).map_err(|_| SealError)?;
    let (enc, mut context) = hpke::setup_sender::<SuiteAead, SuiteKdf, SuiteKem>(
        &OpModeS::Base,
        &public,
        label.context().as_bytes(),
    )
    .map_err(|_| SealError)?;
    let ciphertext = context.seal(plaintext, aad).map_err(|_| SealError)?;
    Ok(Sealed {
        enc: Bytes(enc.to_bytes().to_vec()),
        ciphertext: Bytes(ciphertext),
    })
}
