//! How a blob is sealed: chunk by chunk, under a key of its own that is random and never comes
//! from the content (the same scan sent twice must not be recognised).
//!
//! ```text
//! content || zeros || length of the content (8 bytes, big endian)
//! |- 262,128 -|- 262,128 -|- ... -|-  rest -|        plain, cut into chunks
//! |- 262,144 -|- 262,144 -|- ... -|-  rest -|        sealed: 16 bytes more each
//! ```
//!
//! ChaCha20-Poly1305 under `K("blob-aead", key, header)`; nonce = `u64 index || u8 last || 3 zero
//! bytes`, aad = header = `[version, chunk, length]`. So a chunk opens at its place in a blob of
//! this length and nowhere else, and a shortened blob does not open.

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce, Tag};
use serde::Serialize;

use super::tree::{chunk_len, chunks};
use crate::canonical;
use crate::hash::{Secret, derive_key};
use crate::labels::KdfLabel;
use crate::limits::{BLOB_CHUNK_BYTES, MAX_BLOB_BYTES};
use crate::padding::blob_size;

/// Version of this form.
pub const VERSION: u16 = 1;
/// What sealing adds to a chunk, bytes.
pub const TAG_BYTES: usize = 16;
/// The length at the end of the content, bytes.
const LENGTH_BYTES: u64 = 8;

/// A chunk that cannot be sealed or does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// More content than a blob holds.
    #[error("{0} bytes are more than a blob holds")]
    TooLarge(u64),
    /// Not a length that a sealed blob has.
    #[error("no sealed blob has this length")]
    Length,
    /// There is no such chunk, or it has another length.
    #[error("no chunk of this blob has this place and length")]
    Place,
    /// Another key, another place, or changed bytes.
    #[error("chunk {0} does not open: it was changed, or belongs to another blob")]
    Broken(u64),
    /// What follows the content is not as it must be.
    #[error("the end of the blob is not well-formed")]
    End,
}

#[derive(Serialize)]
struct BlobHeader(u16, u32, u64);

/// How much content a sealed blob of this length has room for, with the length at its end.
pub const fn room(sealed: u64) -> u64 {
    sealed.saturating_sub(TAG_BYTES as u64 * chunks(sealed))
}

/// The padded length of the blob that holds so much content.
///
/// # Errors
/// [`ChunkError::TooLarge`].
pub fn sealed_len(content: u64) -> Result<u64, ChunkError> {
    let too_large = ChunkError::TooLarge(content);
    let plain = content.checked_add(LENGTH_BYTES).ok_or(too_large)?;
    if plain > MAX_BLOB_BYTES {
        return Err(too_large);
    }
    let tags = plain.div_ceil(BLOB_CHUNK_BYTES - TAG_BYTES as u64) * TAG_BYTES as u64;
    let sealed = blob_size(plain + tags);
    match sealed <= MAX_BLOB_BYTES {
        true => Ok(sealed),
        false => Err(too_large),
    }
}

/// Seals and opens the chunks of one blob.
pub struct ChunkCipher {
    cipher: ChaCha20Poly1305,
    header: Vec<u8>,
    sealed: u64,
    count: u64,
}

impl std::fmt::Debug for ChunkCipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ChunkCipher({} chunks)", self.count)
    }
}

impl ChunkCipher {
    /// For the blob of this key and sealed length.
    ///
    /// # Errors
    /// [`ChunkError::Length`].
    pub fn new(key: &Secret, sealed: u64) -> Result<Self, ChunkError> {
        let fits = sealed > 0 && sealed <= MAX_BLOB_BYTES && blob_size(sealed) == sealed;
        if !fits {
            return Err(ChunkError::Length);
        }
        let chunk = u32::try_from(BLOB_CHUNK_BYTES).map_err(|_| ChunkError::Length)?;
        let header = canonical::encode(&BlobHeader(VERSION, chunk, sealed));
        let key = derive_key(KdfLabel::BlobAead, key, &header);
        Ok(Self {
            cipher: ChaCha20Poly1305::new(key.expose().into()),
            header,
            sealed,
            count: chunks(sealed),
        })
    }

    /// How many chunks there are.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Length of the content of one chunk, with padding; 0 beyond the end.
    pub const fn plain_len(&self, index: u64) -> u64 {
        chunk_len(self.sealed, index).saturating_sub(TAG_BYTES as u64)
    }

    fn nonce(&self, index: u64) -> Nonce {
        let mut nonce = [0u8; 12];
        let (number, last) = nonce.split_at_mut(8);
        number.copy_from_slice(&index.to_be_bytes());
        if let Some(last) = last.first_mut() {
            *last = u8::from(index + 1 == self.count);
        }
        Nonce::from(nonce)
    }

    /// Seals one chunk in place; its tag is put behind it.
    ///
    /// # Errors
    /// [`ChunkError::Place`] unless it is as long as [`ChunkCipher::plain_len`].
    pub fn seal(&self, index: u64, chunk: &mut Vec<u8>) -> Result<(), ChunkError> {
        if index >= self.count || chunk.len() as u64 != self.plain_len(index) {
            return Err(ChunkError::Place);
        }
        let tag = self
            .cipher
            .encrypt_inout_detached(&self.nonce(index), &self.header, chunk.as_mut_slice().into())
            .map_err(|_| ChunkError::Place)?;
        chunk.extend_from_slice(&tag);
        Ok(())
    }

    /// Opens one chunk in place.
    ///
    /// # Errors
    /// [`ChunkError::Place`], [`ChunkError::Broken`]; what is in `chunk` then is worth nothing.
    pub fn open(&self, index: u64, chunk: &mut Vec<u8>) -> Result<(), ChunkError> {
        if index >= self.count || chunk.len() as u64 != chunk_len(self.sealed, index) {
            return Err(ChunkError::Place);
        }
        let at = chunk.len() - TAG_BYTES;
        let (text, tag) = chunk.split_at_mut(at);
        let tag: [u8; TAG_BYTES] = <[u8; TAG_BYTES]>::try_from(&*tag).map_err(|_| ChunkError::Place)?;
        self.cipher
            .decrypt_inout_detached(&self.nonce(index), &self.header, text.into(), &Tag::from(tag))
            .map_err(|_| ChunkError::Broken(index))?;
        chunk.truncate(at);
        Ok(())
    }
}

/// What stands behind the content in a blob of this length: zeros, then the content's length.
/// Gives how many zeros.
///
/// # Errors
/// [`ChunkError::TooLarge`] if there is no room.
pub fn zeros_after(content: u64, sealed: u64) -> Result<u64, ChunkError> {
    let plain = room(sealed);
    plain
        .checked_sub(LENGTH_BYTES)
        .and_then(|room| room.checked_sub(content))
        .ok_or(ChunkError::TooLarge(content))
}

/// Takes the content out of the chunks as they are opened, in order, and checks what follows it.
#[derive(Clone, Debug)]
pub struct Content {
    /// Content still to come.
    left: u64,
    zeros: u64,
    length: u64,
    /// The last 8 bytes, as far as they came.
    end: Vec<u8>,
}

impl Content {
    /// Of so much content in a blob of this sealed length.
    ///
    /// # Errors
    /// [`ChunkError::End`] if a blob of this length cannot hold so much.
    pub fn new(content: u64, sealed: u64) -> Result<Self, ChunkError> {
        Ok(Self {
            left: content,
            zeros: zeros_after(content, sealed).map_err(|_| ChunkError::End)?,
            length: content,
            end: Vec::new(),
        })
    }

    /// The content of the next chunk.
    ///
    /// # Errors
    /// [`ChunkError::End`].
    pub fn take<'a>(&mut self, chunk: &'a [u8]) -> Result<&'a [u8], ChunkError> {
        let (content, rest) = split(chunk, self.left);
        self.left -= content.len() as u64;
        let (zeros, end) = split(rest, self.zeros);
        self.zeros -= zeros.len() as u64;
        if zeros.iter().any(|b| *b != 0) {
            return Err(ChunkError::End);
        }
        self.end.extend_from_slice(end);
        match self.end.len() as u64 <= LENGTH_BYTES {
            true => Ok(content),
            false => Err(ChunkError::End),
        }
    }

    /// All chunks came.
    ///
    /// # Errors
    /// [`ChunkError::End`] if the length at the end is another one.
    pub fn finish(self) -> Result<(), ChunkError> {
        match self.left == 0 && self.zeros == 0 && self.end == self.length.to_be_bytes() {
            true => Ok(()),
            false => Err(ChunkError::End),
        }
    }
}

fn split(bytes: &[u8], at: u64) -> (&[u8], &[u8]) {
    let at = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    bytes.split_at(at)
}
