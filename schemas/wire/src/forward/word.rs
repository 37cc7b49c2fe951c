//! What the relays of two domains tell each other. The road between them may repeat, lose and
//! invent: a word counts if the pinned domain key of its sender signed it for this receiver.

use serde::{Deserialize, Serialize};

use crate::bytes::Bytes;
use crate::canonical;
use crate::error::ErrorCode;
use crate::ext::{Extension, Extensions};
use crate::forward::Forwarded;
use crate::forward::key::SignedSealingKey;
use crate::forward::reply::ForwardedReply;
use crate::hash::Digest;
use crate::labels::SignLabel;
use crate::limits::MAX_EXCHANGE_WORD_BYTES;
use crate::sign::{PublicKey, Signature, Signed, SigningKey};
use crate::text::{Domain, SupportCode};

tagged! {
    /// What it is about.
    pub enum About {
        /// Carry this out for somebody of mine.
        1 => Ask(Asked),
        /// The answer, sealed for whoever asked.
        2 => Answer(ForwardedReply),
        /// It was not opened, and no retry changes that.
        3 => Refused(NotTaken),
        /// Not now: the same again after so many milliseconds.
        4 => Later(NotNow),
        /// Which key do I seal to? Said with [`BEGUN`] by a relay that has just begun.
        5 => WhichKey(Extensions),
        /// This one.
        6 => Key(Box<SignedSealingKey>),
        /// It is held here until there is something to answer. The same again after so many
        /// milliseconds: whoever holds it may be gone by then.
        7 => Held(NotNow),
    }
}

/// Extension of [`About::WhichKey`]: whatever the sender held is held no more.
pub const BEGUN: u32 = 1;

impl About {
    /// [`About::WhichKey`], by a relay that has just begun.
    pub fn begun() -> Self {
        let begun = Extension {
            id: BEGUN,
            critical: false,
            body: Bytes::default(),
        };
        Self::WhichKey(Extensions::none().with(begun))
    }
}

/// A request on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Printed by the client.
    pub support: SupportCode,
    /// What was sealed.
    pub request: Forwarded,
}

/// A request that was not opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotTaken {
    /// [`Forwarded::digest`] of it.
    pub to: Digest,
    /// Why.
    pub code: ErrorCode,
}

/// A request whose time has not come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotNow {
    /// [`Forwarded::digest`] of it.
    pub to: Digest,
    /// Milliseconds.
    pub after: u64,
}

/// One word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// Which domain says it.
    pub from: Domain,
    /// To which.
    pub to: Domain,
    /// What.
    pub about: About,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for Word {
    const LABEL: SignLabel = SignLabel::ExchangeWord;
}

/// A word with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedWord {
    /// What is signed.
    pub word: Word,
    /// By the domain key of `from`.
    pub signature: Signature,
}

impl Word {
    /// Its bytes, signed by the domain key.
    pub fn signed(self, key: &SigningKey) -> Vec<u8> {
        let signature = key.sign(&self);
        canonical::encode(&SignedWord {
            word: self,
            signature,
        })
    }
}

impl SignedWord {
    /// Reads one; who says it is not checked yet.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let signed: Self = canonical::decode_bounded(bytes, MAX_EXCHANGE_WORD_BYTES).ok()?;
        signed.word.ext.check(&[]).is_ok().then_some(signed)
    }

    /// The word, if it is for `me` and by the domain that it names.
    pub fn by(self, pinned: &PublicKey, me: &Domain) -> Option<Word> {
        let good = self.word.to == *me && pinned.verify(&self.word, &self.signature).is_ok();
        good.then_some(self.word)
    }
}
