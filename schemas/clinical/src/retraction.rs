//! Why documents were taken back: the body of a document of kind *retraction*.
//!
//! Which documents it takes back stands in the relations of its header; who may do so, and what
//! comes of it, is [`crate::standing`]. It never names the patient whom a document was wrongly
//! about: the same retraction goes to everybody who had it.

use serde::{Deserialize, Serialize};
use telesphor_wire::canonical;
use telesphor_wire::ext::Extensions;

use crate::document::{DocumentError, SignedDocument};
use crate::header::DocumentKind;
use crate::limits;
use crate::text::Text;

/// Media type of such a body.
pub const RETRACTION: &str = "application/vnd.telesphor.retraction";

open_coded! {
    /// Why.
    pub enum RetractionReason {
        /// It is about somebody else than it says.
        1 => WrongPatient "wrong-patient",
        /// What it says is wrong.
        2 => Error "error",
    }
}

impl RetractionReason {
    /// The reason for a person to read.
    pub const fn words(self) -> &'static str {
        match self {
            Self::WrongPatient => "wrong patient",
            Self::Error => "entered in error",
            Self::Other(_) => "for a reason that this version does not know",
        }
    }
}

/// Why documents were taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retraction {
    /// [`limits::VERSION`].
    pub version: u16,
    /// The coded reason.
    pub reason: RetractionReason,
    /// In the author's words.
    pub words: Option<Text>,
    /// For later versions.
    pub ext: Extensions,
}

impl Retraction {
    /// A retraction's body.
    pub const fn new(reason: RetractionReason, words: Option<Text>) -> Self {
        Self {
            version: limits::VERSION,
            reason,
            words,
            ext: Extensions::none(),
        }
    }

    /// The canonical bytes: the document's body.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::encode(self)
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DocumentError> {
        let retraction: Self = canonical::decode(bytes)?;
        if retraction.version != limits::VERSION {
            return Err(DocumentError::Version(retraction.version));
        }
        retraction.ext.check(&[])?;
        Ok(retraction)
    }

    /// The reason that a document gives for taking others back. One that cannot be read here
    /// takes them back all the same: only why is not known.
    pub fn of(document: &SignedDocument) -> Self {
        let here =
            document.header.kind == DocumentKind::Retraction && document.header.format.as_str() == RETRACTION;
        let read = here.then(|| Self::from_bytes(&document.body).ok()).flatten();
        read.unwrap_or_else(|| Self::new(RetractionReason::Other(0), None))
    }
}
