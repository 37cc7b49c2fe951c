//! The manifest of large files: what a machine or a person signs, so that each piece of a scan
//! can be checked by itself before the next one is there.
//!
//! It is the body of a document whose parts are those files. Each file stands in it with the
//! BLAKE3 hash of every chunk of its own bytes, not of any ciphertext: it may be sealed anew for
//! another reader and stays what was signed. Kinds with plaintext hashes stand inside seals only.

use serde::{Deserialize, Serialize};
use telesphor_wire::blob::tree::{ChunkHasher, ChunkHashes, TreeError};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::limits::BLOB_CHUNK_BYTES;

use crate::limits;
use crate::text::{Text, bounded};

/// Media type of a body that is a manifest.
pub const FORMAT: &str = "application/vnd.telesphor.manifest";

/// Something that a file says of itself, read when it was taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What: `modality`, `study`, `sop-instance`.
    pub name: Text,
    /// How the file says it.
    pub value: Text,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Length, bytes; as the header's part of the same place says.
    pub size: u64,
    /// Plain BLAKE3 of the file.
    pub root: Digest,
    /// The hash of each chunk, 32 bytes each; they lead to `root`.
    pub chunks: Bytes,
    /// What it says of itself.
    #[serde(deserialize_with = "bounded::<{ limits::MAX_FACTS }, _, _>")]
    pub facts: Vec<Fact>,
}

/// All files of one document, in the order of its parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`limits::VERSION`].
    pub version: u16,
    /// Bytes of one chunk; the last one of a file may be shorter.
    pub chunk: u32,
    /// The files.
    #[serde(deserialize_with = "bounded::<{ limits::MAX_PARTS }, _, _>")]
    pub files: Vec<ManifestFile>,
    /// For later versions.
    pub ext: Extensions,
}

/// A body that is no manifest, or not one of this document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a manifest that holds together")]
pub struct ManifestError;

impl ManifestError {
    /// The stable code for users.
    pub const fn code(self) -> ErrorCode {
        ErrorCode::FileChanged
    }
}

impl ManifestFile {
    /// Of a file whose chunks were hashed.
    pub fn of(hashes: &ChunkHashes, facts: Vec<Fact>) -> Self {
        Self {
            size: hashes.length(),
            root: hashes.address(),
            chunks: Bytes(hashes.to_bytes()),
            facts,
        }
    }

    /// The chunk hashes, checked against the root.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn hashes(&self) -> Result<ChunkHashes, ManifestError> {
        ChunkHashes::from_bytes(self.size, &self.root, &self.chunks).map_err(|_| ManifestError)
    }
}

impl Manifest {
    /// Of these files.
    pub fn of(files: Vec<ManifestFile>) -> Self {
        Self {
            version: limits::VERSION,
            chunk: u32::try_from(BLOB_CHUNK_BYTES).unwrap_or(u32::MAX),
            files,
            ext: Extensions::none(),
        }
    }

    /// Reads a manifest and checks that every list of chunks leads to its root.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = canonical::decode(bytes).map_err(|_| ManifestError)?;
        let known = manifest.version == limits::VERSION
            && u64::from(manifest.chunk) == BLOB_CHUNK_BYTES
            && manifest.ext.check(&[]).is_ok();
        if !known {
            return Err(ManifestError);
        }
        for file in &manifest.files {
            file.hashes()?;
        }
        Ok(manifest)
    }

    /// Its canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::encode(self)
    }
}

/// Hashes a file that is read in pieces.
///
/// # Errors
/// [`TreeError`] for an empty file or one that is too large.
pub fn hash_all<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Result<ChunkHashes, TreeError> {
    let mut hasher = ChunkHasher::default();
    pieces.for_each(|piece| hasher.update(piece));
    hasher.finish()
}
