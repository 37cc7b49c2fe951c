//! Several `.tel` files in the body of one document: what somebody shows another at once.
//!
//! The document around it says who sends it; each file proves itself.

use serde::{Deserialize, Serialize};
use telesphor_clinical::text::{Text, bounded};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical::{self, CanonicalError};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::{Extensions, UnknownCritical};

use crate::limits::{self, MAX_PARCEL};

/// Media type of such a body.
pub const PARCEL: &str = "application/vnd.telesphor.parcel";

/// The body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// [`limits::VERSION`].
    pub version: u16,
    /// What the reader files it under: a policy number, a case.
    pub reference: Option<Text>,
    /// `.tel` files, whole documents or parts.
    #[serde(deserialize_with = "bounded::<MAX_PARCEL, _, _>")]
    pub files: Vec<Bytes>,
    /// For later versions.
    pub ext: Extensions,
}

/// Why a parcel was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParcelError {
    /// Not in its one form.
    #[error("what was shown is damaged: {0}")]
    Form(#[from] CanonicalError),
    /// Made by a newer version.
    #[error("made by a newer version ({0})")]
    Version(u16),
    /// A critical extension is not known here.
    #[error(transparent)]
    Critical(#[from] UnknownCritical),
}

impl ParcelError {
    /// The stable code for users.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Form(_) => ErrorCode::InputRefused,
            Self::Version(_) | Self::Critical(_) => ErrorCode::UnknownCritical,
        }
    }
}

impl Parcel {
    /// A parcel.
    pub fn new(reference: Option<Text>, files: Vec<Vec<u8>>) -> Self {
        Self {
            version: limits::VERSION,
            reference,
            files: files.into_iter().map(Bytes).collect(),
            ext: Extensions::none(),
        }
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::encode(self)
    }

    /// Reads a parcel; what is in it is judged file by file.
    ///
    /// # Errors
    /// [`ParcelError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ParcelError> {
        let parcel: Self = canonical::decode(bytes)?;
        if parcel.version != limits::VERSION {
            return Err(ParcelError::Version(parcel.version));
        }
        parcel.ext.check(&[])?;
        Ok(parcel)
    }
}
