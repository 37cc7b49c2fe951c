//! The manifest of a full export: which documents it holds, in the owner's word.

use serde::{Deserialize, Serialize};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{DocumentId, IdentityId};
use telesphor_wire::labels::SignLabel;
use telesphor_wire::sign::{PublicKey, Signature, Signed};

/// What is in an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportManifest {
    /// [`crate::limits::VERSION`].
    pub version: u16,
    /// Whose record.
    pub owner: IdentityId,
    /// The owner's history as it stood.
    pub head: Digest,
    /// The endpoint whose key signs.
    pub endpoint: PublicKey,
    /// When, by that endpoint's clock, Unix milliseconds.
    pub at: u64,
    /// Every file: its name in the archive and the document it holds, sorted by name.
    pub documents: Vec<(String, DocumentId)>,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for ExportManifest {
    const LABEL: SignLabel = SignLabel::ExportManifest;
}

/// A signed [`ExportManifest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedExportManifest {
    /// What is signed.
    pub manifest: ExportManifest,
    /// By `manifest.endpoint`.
    pub signature: Signature,
}
