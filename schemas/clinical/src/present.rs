//! People at devices that several use in turn: who says that he is there, and who wrote there.
//!
//! ```text
//! shared device: PresenceAsk (which device of which place) ----> the person's own device
//! shared device <---- PresenceWord (the signed presence, and what proves whose it is)
//! ```
//! Neither is secret: the ask names a device, and the word is worth something at that device only.

use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::ext::{Extension, Extensions};
use telesphor_wire::ids::IdentityId;
use telesphor_wire::sign::PublicKey;
use telesphor_wire::text::{self, TextError};

use crate::header::Header;
use crate::limits;
use crate::receipt::{Presence, SignedPresence, StaffPseudonym};
use crate::text::Text;

/// Extension of a presence: by which name the person goes, in his own word.
const NAME_EXTENSION: u32 = 1;
/// Extension of a document's header: who wrote it, where its author is a place.
const WRITTEN_BY_EXTENSION: u32 = 1;

const ASK_PREFIX: &str = "telask";
const WORD_PREFIX: &str = "telhere";

/// Which device of which place somebody wants to use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceAsk {
    /// [`limits::VERSION`].
    pub version: u16,
    /// Whose device.
    pub place: IdentityId,
    /// By which name the place goes.
    pub place_name: Text,
    /// The device's key.
    pub at_endpoint: PublicKey,
    /// What the device is called.
    pub device: Text,
    /// For later versions.
    pub ext: Extensions,
}

/// A person's word that he is at a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceWord {
    /// [`limits::VERSION`].
    pub version: u16,
    /// The word.
    pub presence: SignedPresence,
    /// What proves whose it is (canonical bytes of the identity crate's proofs).
    pub proofs: Bytes,
    /// For later versions.
    pub ext: Extensions,
}

impl PresenceAsk {
    /// As text, to be shown, scanned or typed on.
    pub fn to_text(&self) -> String {
        text::encode(ASK_PREFIX, &canonical::encode(self))
    }

    /// Reads such a text.
    ///
    /// # Errors
    /// [`TextError`]; a newer version reads as a bad checksum.
    pub fn from_text(s: &str) -> Result<Self, TextError> {
        let ask: Self = read(ASK_PREFIX, "presence code", s)?;
        match ask.version == limits::VERSION && ask.ext.check(&[]).is_ok() {
            true => Ok(ask),
            false => Err(TextError::Checksum("presence code")),
        }
    }
}

impl PresenceWord {
    /// As text.
    pub fn to_text(&self) -> String {
        text::encode(WORD_PREFIX, &canonical::encode(self))
    }

    /// Reads such a text.
    ///
    /// # Errors
    /// [`TextError`]; a newer version reads as a bad checksum.
    pub fn from_text(s: &str) -> Result<Self, TextError> {
        let word: Self = read(WORD_PREFIX, "presence", s)?;
        match word.version == limits::VERSION && word.ext.check(&[]).is_ok() {
            true => Ok(word),
            false => Err(TextError::Checksum("presence")),
        }
    }
}

fn read<T: serde::de::DeserializeOwned + Serialize>(
    prefix: &'static str,
    what: &'static str,
    s: &str,
) -> Result<T, TextError> {
    let bytes = text::decode(prefix, what, s.trim())?;
    canonical::decode(&bytes).map_err(|_| TextError::Checksum(what))
}

impl Presence {
    /// The same with the name by which the person goes.
    #[must_use]
    pub fn named(mut self, name: &Text) -> Self {
        self.ext = self.ext.with(Extension {
            id: NAME_EXTENSION,
            critical: false,
            body: Bytes(canonical::encode(name)),
        });
        self
    }

    /// By which name the person says he goes.
    pub fn said_name(&self) -> Option<Text> {
        canonical::decode(&self.ext.get(NAME_EXTENSION)?.body).ok()
    }
}

crate::open_tagged! {
    /// Who wrote a document whose author is a place.
    pub enum WrittenBy {
        /// Somebody who said that he was there.
        1 => Present(Box<SignedPresence>),
        /// A member of staff whom only the place's organisation can name.
        2 => Staff(StaffPseudonym),
    }
}

impl WrittenBy {
    /// As it stands in a header. Whoever does not know it still knows which place signed.
    pub fn extension(&self) -> Extension {
        Extension {
            id: WRITTEN_BY_EXTENSION,
            critical: false,
            body: Bytes(canonical::encode(self)),
        }
    }

    /// What a header says of it.
    pub fn of(header: &Header) -> Option<Self> {
        canonical::decode(&header.ext.get(WRITTEN_BY_EXTENSION)?.body).ok()
    }
}
