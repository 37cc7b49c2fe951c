//! Hashes of a blob's chunks: one flipped byte is found at its chunk, by whoever knows the
//! address alone.
//!
//! BLAKE3 is a tree over pieces of 1 KiB. A chunk of 256 KiB is a whole subtree of it, so the
//! chaining values of the chunks are enough to compute the plain hash of everything, and each of
//! them is enough to check its chunk:
//!
//! ```text
//!            address = BLAKE3(ciphertext)
//!            /                      \
//!      [0, 512 KiB)             [512 KiB, ..)      inner nodes: computed, never sent
//!       /        \               /        \
//!   chunk 0    chunk 1       chunk 2    chunk 3    chaining values: the list
//! ```
//!
//! The list is 1/8192 of the content. Whoever has checked it once may take the chunks in any
//! order, from anywhere, and again after an interruption.

use blake3::hazmat::{HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root};

use crate::hash::Digest;
use crate::limits::{BLOB_CHUNK_BYTES, MAX_BLOB_BYTES};

/// How long each list entry is, bytes.
const ENTRY: usize = 32;

/// A list of chunk hashes, or a length, that belongs to no blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// No content, or more than [`MAX_BLOB_BYTES`].
    #[error("{0} bytes are no blob; it has at least one and at most {max}", max = MAX_BLOB_BYTES)]
    Length(u64),
    /// Another number of hashes than the length has chunks.
    #[error("a list of chunk hashes that does not fit the length")]
    Count,
    /// The hashes do not lead to the address.
    #[error("a list of chunk hashes that does not belong to the address")]
    Address,
}

/// How many chunks a blob of this length has.
pub const fn chunks(length: u64) -> u64 {
    length.div_ceil(BLOB_CHUNK_BYTES)
}

/// Length of one chunk; 0 beyond the end.
pub const fn chunk_len(length: u64, index: u64) -> u64 {
    let left = length.saturating_sub(index.saturating_mul(BLOB_CHUNK_BYTES));
    if left < BLOB_CHUNK_BYTES {
        left
    } else {
        BLOB_CHUNK_BYTES
    }
}

/// The hash of one chunk as it stands in the list. `alone`: it is all there is, and its hash is
/// the address.
pub fn chunk_hash(index: u64, bytes: &[u8], alone: bool) -> Digest {
    if alone {
        return Digest(*blake3::hash(bytes).as_bytes());
    }
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(index.saturating_mul(BLOB_CHUNK_BYTES));
    hasher.update(bytes);
    Digest(hasher.finalize_non_root())
}

/// The chunk hashes of one blob, which belong together: they lead to [`ChunkHashes::address`].
#[derive(Clone, PartialEq, Eq)]
pub struct ChunkHashes {
    length: u64,
    list: Vec<Digest>,
    address: Digest,
}

impl std::fmt::Debug for ChunkHashes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ChunkHashes({} chunks)", self.list.len())
    }
}

impl ChunkHashes {
    /// Of the hashes of all chunks, in order.
    ///
    /// # Errors
    /// [`TreeError`] if their number does not fit the length.
    pub fn new(length: u64, list: Vec<Digest>) -> Result<Self, TreeError> {
        if length == 0 || length > MAX_BLOB_BYTES {
            return Err(TreeError::Length(length));
        }
        if list.len() as u64 != chunks(length) {
            return Err(TreeError::Count);
        }
        let address = root(length, &list).ok_or(TreeError::Count)?;
        Ok(Self {
            length,
            list,
            address,
        })
    }

    /// Of a list as it is sent and stored: 32 bytes for each chunk.
    ///
    /// # Errors
    /// [`TreeError`].
    pub fn from_bytes(length: u64, address: &Digest, bytes: &[u8]) -> Result<Self, TreeError> {
        if length == 0 || length > MAX_BLOB_BYTES {
            return Err(TreeError::Length(length));
        }
        let (entries, rest) = bytes.as_chunks::<ENTRY>();
        if !rest.is_empty() {
            return Err(TreeError::Count);
        }
        let hashes = Self::new(length, entries.iter().map(|e| Digest(*e)).collect())?;
        if hashes.address != *address {
            return Err(TreeError::Address);
        }
        Ok(hashes)
    }

    /// The list as it is sent and stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.list.iter().flat_map(|digest| digest.0).collect()
    }

    /// Plain BLAKE3 of the whole.
    pub const fn address(&self) -> Digest {
        self.address
    }

    /// Length of the whole, bytes.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// How many chunks there are.
    pub fn count(&self) -> u64 {
        self.list.len() as u64
    }

    /// The hashes, in order.
    pub fn list(&self) -> &[Digest] {
        &self.list
    }

    /// Whether these are the bytes of one chunk.
    pub fn fits(&self, index: u64, bytes: &[u8]) -> bool {
        let Some(hash) = usize::try_from(index).ok().and_then(|i| self.list.get(i)) else {
            return false;
        };
        bytes.len() as u64 == chunk_len(self.length, index)
            && chunk_hash(index, bytes, self.list.len() == 1) == *hash
    }
}

fn root(length: u64, list: &[Digest]) -> Option<Digest> {
    match list {
        [] => None,
        [alone] => Some(*alone),
        _ => {
            let (left, right) = halves(length, list)?;
            Some(Digest(*merge_subtrees_root(&left, &right, Mode::Hash).as_bytes()))
        }
    }
}

/// The chaining value of a subtree of several chunks; as deep as the logarithm of their number.
fn inner(length: u64, list: &[Digest]) -> Option<[u8; 32]> {
    match list {
        [] => None,
        [one] => Some(one.0),
        _ => {
            let (left, right) = halves(length, list)?;
            Some(merge_subtrees_non_root(&left, &right, Mode::Hash))
        }
    }
}

fn halves(length: u64, list: &[Digest]) -> Option<([u8; 32], [u8; 32])> {
    let left = left_subtree_len(length);
    let at = usize::try_from(left / BLOB_CHUNK_BYTES).ok()?;
    let (before, after) = list.split_at_checked(at)?;
    Some((inner(left, before)?, inner(length.checked_sub(left)?, after)?))
}

/// Hashes content as it comes by, in pieces of any size.
#[derive(Debug)]
pub struct ChunkHasher {
    list: Vec<Digest>,
    waiting: Vec<u8>,
    length: u64,
}

impl Default for ChunkHasher {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            waiting: Vec::with_capacity(CHUNK),
            length: 0,
        }
    }
}

/// A chunk's length fits every machine's.
#[allow(clippy::cast_possible_truncation)]
const CHUNK: usize = BLOB_CHUNK_BYTES as usize;

impl ChunkHasher {
    /// Takes in the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.length += bytes.len() as u64;
        while !bytes.is_empty() {
            // A full chunk is hashed only when more comes: the last one may be the only one.
            if self.waiting.len() == CHUNK {
                self.pass_on(false);
            }
            let room = CHUNK - self.waiting.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.waiting.extend_from_slice(now);
            bytes = later;
        }
    }

    fn pass_on(&mut self, alone: bool) {
        let index = self.list.len() as u64;
        self.list.push(chunk_hash(index, &self.waiting, alone));
        self.waiting.clear();
    }

    /// All that came by.
    ///
    /// # Errors
    /// [`TreeError::Length`].
    pub fn finish(mut self) -> Result<ChunkHashes, TreeError> {
        if !self.waiting.is_empty() {
            self.pass_on(self.list.is_empty());
        }
        ChunkHashes::new(self.length, self.list)
    }
}
