//! How a document travels: whole inside a message, or as a reference to sealed chunks.

use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::DocumentId;

use crate::limits;
use crate::text::bounded;

/// Where a blob lies and how it opens. The document or part it holds is checked by its own
/// hash after opening, because a cipher does not commit to its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRef {
    /// Plain BLAKE3 of the ciphertext.
    pub address: Digest,
    /// Length of the ciphertext, bytes.
    pub length: u64,
    /// The blob's own random key.
    pub key: Secret,
}

/// Where the files of a document lie: said once a relay keeps them, after the document itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartsWord {
    /// Whose files.
    pub document: DocumentId,
    /// One for each of the document's parts, in their order.
    #[serde(deserialize_with = "bounded::<{ limits::MAX_PARTS }, _, _>")]
    pub at: Vec<BlobRef>,
    /// For later versions.
    pub ext: Extensions,
}

telesphor_wire::tagged! {
    /// A document on its way.
    pub enum Carried {
        /// Canonical bytes of a [`crate::document::SignedDocument`], passed on as they came.
        1 => Inline(Bytes),
        /// The same, as a blob.
        2 => Blob(CarriedBlob),
    }
}

/// A document that travels as a blob, with its attachments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarriedBlob {
    /// Its id, computed anew after opening.
    pub document: DocumentId,
    /// Where it lies.
    pub at: BlobRef,
}
