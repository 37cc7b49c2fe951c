//! A `.tel` file: a document with everything needed to check it with no network.
//!
//! ```text
//! 0x89 "TEL" 0x0d 0x0a 0x1a 0x0a | canonical bytes of Bundle
//! ```
//! The first eight bytes show at once when a program has changed line ends or cut the high bit.

use serde::{Deserialize, Serialize};
use telesphor_clinical::mandate::SignedMandate;
use telesphor_clinical::text::bounded;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical::{self, CanonicalError};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::{Extension, Extensions, UnknownCritical};

use crate::attestation::SignedAttestation;
use crate::evidence::TimeEvidence;
use crate::fork::Fork;
use crate::history::History;
use crate::limits::{self, MAX_BUNDLE_BYTES, MAX_PROOFS};
use crate::status::SignedStatusList;

/// The first bytes of a `.tel` file.
pub const MAGIC: [u8; 8] = [0x89, b'T', b'E', b'L', 0x0d, 0x0a, 0x1a, 0x0a];

/// Critical extension of a bundle that holds parts of a document instead of a document: a program
/// that does not know parts refuses it by this number.
pub const PARTS_EXTENSION: u32 = 1;

/// Proofs about identities: travel with documents, and by themselves between contacts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proofs {
    /// Histories of everybody named: author, issuers, anchors.
    #[serde(deserialize_with = "bounded::<MAX_PROOFS, _, _>")]
    pub histories: Vec<History>,
    /// Pairs of histories that contradict each other.
    #[serde(deserialize_with = "bounded::<MAX_PROOFS, _, _>")]
    pub forks: Vec<Fork>,
    /// What is said about the author and about issuers.
    #[serde(deserialize_with = "bounded::<MAX_PROOFS, _, _>")]
    pub attestations: Vec<SignedAttestation>,
    /// The status lists that these name.
    #[serde(deserialize_with = "bounded::<MAX_PROOFS, _, _>")]
    pub lists: Vec<SignedStatusList>,
    /// Mandates under which the author acted.
    #[serde(deserialize_with = "bounded::<MAX_PROOFS, _, _>")]
    pub mandates: Vec<SignedMandate>,
}

impl Proofs {
    /// The canonical bytes, as they travel in messages.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::encode(self)
    }

    /// Reads proofs.
    ///
    /// # Errors
    /// [`BundleError::Form`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        Ok(canonical::decode_bounded(bytes, MAX_BUNDLE_BYTES)?)
    }
}

/// A document with its proofs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// [`limits::VERSION`].
    pub version: u16,
    /// Canonical bytes of the signed document, or of a presentation of parts of it.
    pub document: Bytes,
    /// About the people.
    pub proofs: Proofs,
    /// About the time.
    #[serde(deserialize_with = "bounded::<MAX_PROOFS, _, _>")]
    pub evidence: Vec<TimeEvidence>,
    /// For later versions.
    pub ext: Extensions,
}

/// Why a `.tel` file was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// It does not begin like one, or was changed on the way.
    #[error("not a .tel file, or damaged by a program that changed its line ends")]
    Magic,
    /// Not in its one form.
    #[error("the .tel file is damaged: {0}")]
    Form(#[from] CanonicalError),
    /// Made by a newer version.
    #[error("made by a newer version ({0})")]
    Version(u16),
    /// A critical extension is not known here.
    #[error(transparent)]
    Critical(#[from] UnknownCritical),
}

impl BundleError {
    /// The stable code for users.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Magic | Self::Form(_) => ErrorCode::InputRefused,
            Self::Version(_) => ErrorCode::UnknownVersion,
            Self::Critical(_) => ErrorCode::UnknownCritical,
        }
    }
}

impl Bundle {
    /// A bundle.
    pub fn new(document: Vec<u8>, proofs: Proofs, evidence: Vec<TimeEvidence>) -> Self {
        Self {
            version: limits::VERSION,
            document: document.into(),
            proofs,
            evidence,
            ext: Extensions::none(),
        }
    }

    /// A bundle that holds a [`telesphor_clinical::presentation::Presentation`].
    pub fn of_parts(presentation: Vec<u8>, proofs: Proofs, evidence: Vec<TimeEvidence>) -> Self {
        let ext = Extension {
            id: PARTS_EXTENSION,
            critical: true,
            body: Bytes::default(),
        };
        let mut bundle = Self::new(presentation, proofs, evidence);
        bundle.ext = bundle.ext.with(ext);
        bundle
    }

    /// Whether it holds parts of a document.
    pub fn holds_parts(&self) -> bool {
        self.ext.get(PARTS_EXTENSION).is_some()
    }

    /// The file.
    pub fn to_file(&self) -> Vec<u8> {
        let mut file = MAGIC.to_vec();
        file.extend_from_slice(&canonical::encode(self));
        file
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`BundleError`].
    pub fn from_file(file: &[u8]) -> Result<Self, BundleError> {
        let body = file.strip_prefix(&MAGIC).ok_or(BundleError::Magic)?;
        let bundle: Self = canonical::decode_bounded(body, MAX_BUNDLE_BYTES)?;
        if bundle.version != limits::VERSION {
            return Err(BundleError::Version(bundle.version));
        }
        bundle.ext.check(&[PARTS_EXTENSION])?;
        Ok(bundle)
    }
}
