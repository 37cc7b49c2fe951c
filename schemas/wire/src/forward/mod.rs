//! Requests for a mailbox of another domain, passed on by the sender's own.
//!
//! An agent speaks to its home only. What it wants of another domain it seals to that domain's
//! sealing key ([`key`]); home sees who sends, when, in which size and to *which domain*. The
//! other domain opens it ([`ask`]), sees which mailbox and which domain asked, and seals the
//! answer to a key that the request brought along ([`reply`]). Neither sees both.
//!
//! Whoever passes it on can lose it, hold it back or send it twice. It cannot change it, give
//! it to another domain, or answer it.
//!
//! [`outbox`] is what the sender hands to its home, and what comes back to it; [`word`] is what
//! the relays of the two domains tell each other.

pub mod ask;
pub mod facts;
pub mod key;
pub mod outbox;
pub mod read;
pub mod reply;
pub mod word;

use serde::{Deserialize, Serialize};

use crate::canonical;
use crate::error::ErrorCode;
use crate::ext::Extensions;
use crate::hash::{Digest, hash};
use crate::labels::HashLabel;
use crate::padding::Bucket;
use crate::seal::{Sealed, X_WING_ENC_BYTES};
use crate::text::Domain;

/// A request as it travels: all that home and the bus see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forwarded {
    /// For which domain.
    pub to: Domain,
    /// Which of its sealing keys, [`key::id`].
    pub key: Digest,
    /// [`ask::Ask`], padded, sealed for this domain and key.
    pub sealed: Sealed,
    /// For later versions. Not covered by the seal: whoever passes the request on can change it.
    pub ext: Extensions,
}

impl Forwarded {
    /// What the reply names: the request's whole sealed part.
    pub fn digest(&self) -> Digest {
        hash(HashLabel::Forwarded, &(&self.to, &self.key, &self.sealed))
    }

    /// What the seal says of its addressee.
    fn aad(&self) -> Vec<u8> {
        aad(&self.to, &self.key)
    }

    /// Whether it has one of the sizes that requests have.
    pub fn has_a_size(&self) -> bool {
        has_a_size(&self.sealed)
    }
}

fn aad(to: &Domain, key: &Digest) -> Vec<u8> {
    canonical::encode(&(to, key))
}

/// AEAD tag of a seal, bytes.
const TAG_BYTES: usize = 16;

fn has_a_size(sealed: &Sealed) -> bool {
    let padded = sealed.ciphertext.len().checked_sub(TAG_BYTES);
    sealed.enc.len() == X_WING_ENC_BYTES && padded.is_some_and(|len| Bucket::Forwarded.sizes().contains(&len))
}

/// Why a forwarded request or reply is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForwardError {
    /// Larger than anything a relay takes.
    #[error("the request is too large to be forwarded")]
    TooLarge,
    /// A size that honest senders never make: it would tell what is inside.
    #[error("the size of the sealed request is none of those agreed on")]
    Size,
    /// Sealed for another domain or to a key that is not, or no longer, there.
    #[error("it was sealed for another domain, or to a key that is gone")]
    WrongKey,
    /// Changed on the way, or sealed to somebody else.
    #[error("the seal does not open: changed on the way, or meant for somebody else")]
    Seal,
    /// What stands inside has another form, or needs a newer version.
    #[error("what stands inside the seal cannot be read by this version")]
    Form,
    /// Its time is over.
    #[error("the request came too late: its sender wanted it no more")]
    Expired,
    /// Valid further ahead than a request may be.
    #[error("the request claims to be valid for too long")]
    TooFarAhead,
    /// Does not carry a signature of its own, or is nothing that another domain may ask.
    #[error("this cannot be asked through another domain")]
    NotForwardable,
    /// Whose signature is not good, or says another domain or a longer life.
    #[error("the sealing key is not one that the pinned domain signed for now")]
    BadSealingKey,
}

impl ForwardError {
    /// The stable code that its sender is told.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::TooLarge => ErrorCode::TooLarge,
            Self::Size | Self::Form => ErrorCode::Malformed,
            Self::WrongKey | Self::Seal | Self::BadSealingKey => ErrorCode::NotSealedForThem,
            Self::Expired => ErrorCode::Expired,
            Self::TooFarAhead => ErrorCode::TooFarAhead,
            Self::NotForwardable => ErrorCode::NotForwardable,
        }
    }
}
