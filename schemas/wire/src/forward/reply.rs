//! The answer to a forwarded request: only its sender can open it, and only as the answer to
//! that one request.

use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::canonical;
use crate::ext::Extensions;
use crate::forward::{ForwardError, Forwarded, has_a_size};
use crate::hash::Digest;
use crate::labels::HpkeLabel;
use crate::padding::{Bucket, pad, unpad};
use crate::seal::{Sealed, SealingKey, SealingPublic, seal_to};

/// What the other domain answers.
///
/// That it is the answer of *that domain* is not said here: whoever opened the request knew the
/// reply key. What must hold for others is signed inside, as always: the receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// As if the command had come on a session.
    pub answer: Answer,
    /// For later versions.
    pub ext: Extensions,
}

/// The answer as it travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardedReply {
    /// [`Forwarded::digest`] of what it answers.
    pub to: Digest,
    /// [`Told`], padded, sealed to the reply key for that request.
    pub sealed: Sealed,
    /// For later versions. Not covered by the seal.
    pub ext: Extensions,
}

fn aad(request: &Digest) -> Vec<u8> {
    canonical::encode(&(request,))
}

impl Told {
    /// Seals it as the answer to one request.
    ///
    /// # Errors
    /// [`ForwardError::TooLarge`], [`ForwardError::Seal`] if the reply key is none.
    pub fn seal(&self, request: &Forwarded, reply: &SealingPublic) -> Result<ForwardedReply, ForwardError> {
        self.seal_for(request.digest(), reply)
    }

    /// The same, where only the request's digest is there still.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub fn seal_for(&self, to: Digest, reply: &SealingPublic) -> Result<ForwardedReply, ForwardError> {
        let padded = pad(Bucket::Forwarded, &canonical::encode(self)).map_err(|_| ForwardError::TooLarge)?;
        let sealed = seal_to(reply, HpkeLabel::ForwardReply, &aad(&to), &padded);
        Ok(ForwardedReply {
            to,
            sealed: sealed.map_err(|_| ForwardError::Seal)?,
            ext: Extensions::none(),
        })
    }
}

impl ForwardedReply {
    /// Opens it as the answer to `request`, with the key that the request brought along.
    ///
    /// # Errors
    /// [`ForwardError`].
    pub fn open(&self, request: &Forwarded, reply: &SealingKey) -> Result<Told, ForwardError> {
        if !has_a_size(&self.sealed) {
            return Err(ForwardError::Size);
        }
        let digest = request.digest();
        if self.to != digest {
            return Err(ForwardError::WrongKey);
        }
        self.ext.check(&[]).map_err(|_| ForwardError::Form)?;
        let opened = reply.open(HpkeLabel::ForwardReply, &aad(&digest), &self.sealed);
        let padded = opened.map_err(|_| ForwardError::Seal)?;
        let content = unpad(&padded).map_err(|_| ForwardError::Form)?;
        let told: Told = canonical::decode(content).map_err(|_| ForwardError::Form)?;
        told.ext.check(&[]).map_err(|_| ForwardError::Form)?;
        Ok(told)
    }
}
