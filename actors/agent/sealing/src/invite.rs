//! The answer to an invitation: sealed so that it takes both the link's secret and the inviter's
//! private key to open it.
//!
//! The profile seals under `K("invite-seal", secret, X-Wing shared secret)`. Here the shared
//! secret is 32 random bytes carried to the X-Wing key by HPKE (label `seal invite`), and the
//! content lies under `K("invite-seal", secret, those bytes || transcript)`. Who only saw the
//! link lacks the private key; who only broke the key exchange lacks the secret.

use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::hash::{Secret, derive_key};
use telesphor_wire::labels::{HpkeLabel, KdfLabel};
use telesphor_wire::limits::MAX_PAYLOAD_BYTES;
use telesphor_wire::padding::{Bucket, pad, unpad};
use telesphor_wire::seal::{SealError, Sealed, SealingKey, SealingPublic, open, seal, seal_to};

#[derive(Serialize, Deserialize)]
struct Answer {
    key: Sealed,
    content: Bytes,
}

fn content_key(secret: &Secret, shared: &Secret, transcript: &[u8]) -> Secret {
    let mut x = zeroize::Zeroizing::new(shared.expose().to_vec());
    x.extend_from_slice(transcript);
    derive_key(KdfLabel::InviteSeal, secret, &x)
}

/// Seals the answer. `transcript` is the canonical bytes of the invitation without its secret
/// (domain, inviter, one-time mailbox, key hash, expiry): an answer fits no other invitation.
///
/// # Errors
/// [`SealError`] if the key is not valid or the content over 64 KiB.
pub fn seal_answer(
    to: &SealingPublic,
    secret: &Secret,
    transcript: &[u8],
    content: &[u8],
) -> Result<Bytes, SealError> {
    let shared = Secret::random();
    let key = seal_to(to, HpkeLabel::Invite, transcript, shared.expose())?;
    let padded = pad(Bucket::Message, content).map_err(|_| SealError)?;
    let content = Bytes(seal(
        &content_key(secret, &shared, transcript),
        transcript,
        &padded,
    ));
    Ok(Bytes(canonical::encode(&Answer { key, content })))
}

/// Opens an answer.
///
/// # Errors
/// [`SealError`], whatever does not fit.
pub fn open_answer(
    key: &SealingKey,
    secret: &Secret,
    transcript: &[u8],
    sealed: &[u8],
) -> Result<Vec<u8>, SealError> {
    let answer: Answer = canonical::decode_bounded(sealed, MAX_PAYLOAD_BYTES).map_err(|_| SealError)?;
    let shared = zeroize::Zeroizing::new(key.open(HpkeLabel::Invite, transcript, &answer.key)?);
    let shared: [u8; 32] = shared.as_slice().try_into().map_err(|_| SealError)?;
    let content = content_key(secret, &Secret::new(shared), transcript);
    let padded = open(&content, transcript, &answer.content)?;
    unpad(&padded).map(<[u8]>::to_vec).map_err(|_| SealError)
}
