//! A file is opened while its ciphertext comes: piece by piece, each checked before it is written.

use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use telesphor_clinical::blob::BlobRef;
use telesphor_clinical::header::Part;
use telesphor_clinical::manifest::ManifestFile;
use telesphor_clinical::statement::PartHasher;
use telesphor_wire::blob::chunk::{ChunkCipher, ChunkError, Content};
use telesphor_wire::blob::tree::{ChunkHashes, chunk_len};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Secret;

use super::fetch::FileFault;
use super::seal::blame;
use super::shelf::{Shelf, io};
use crate::error::Error;

/// How many chunks of a blob have come, for whoever opens it meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Came {
    coming: Mutex<Coming>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Coming {
    chunks: u64,
    over: bool,
}

impl Came {
    /// No code panics while holding the lock, so a poisoned one is still whole.
    fn coming(&self) -> MutexGuard<'_, Coming> {
        self.coming.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many are there, checked.
    pub(crate) fn so_far(&self, chunks: u64) {
        self.coming().chunks = chunks;
        self.more.notify_all();
    }

    /// Waits until a chunk is there.
    fn wait_for(&self, index: u64) -> Result<(), FileFault> {
        let mut coming = self.coming();
        while coming.chunks <= index {
            if coming.over {
                return Err(Error::of(ErrorCode::Unreachable).into());
            }
            coming = self.more.wait(coming).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }
}

/// No more chunks come once this is dropped, however the fetching ended.
#[derive(Debug)]
pub(crate) struct Until(pub(crate) Arc<Came>);

impl Drop for Until {
    fn drop(&mut self) {
        self.0.coming().over = true;
        self.0.more.notify_all();
    }
}

/// Which file of a document is opened, and what its author signed of it.
pub(crate) struct Signed {
    pub(crate) seed: Secret,
    pub(crate) index: u32,
    pub(crate) part: Part,
    /// The hash of each piece, if a manifest names them.
    pub(crate) pieces: Option<ManifestFile>,
}

/// Opens a blob as it comes and writes the file that is in it. Nothing is written of a piece
/// that is not what was signed; the caller throws away what was written if this fails. Blocks.
pub(crate) fn open_into(
    shelf: &Shelf,
    came: &Came,
    at: &BlobRef,
    signed: &Signed,
    out: &mut impl Write,
) -> Result<(), FileFault> {
    let size = signed.part.size;
    let cipher = ChunkCipher::new(&at.key, at.length).map_err(blame)?;
    let mut content = Content::new(size, at.length).map_err(blame)?;
    let mut hasher = PartHasher::new(&signed.seed, signed.index, size);
    let pieces = signed.pieces.as_ref().map(ManifestFile::hashes).transpose();
    let pieces = pieces.map_err(|e| Error::of(e.code()))?;
    let mut pieces = pieces.map(Pieces::new);
    came.wait_for(0)?;
    let mut file = shelf.what_came(&at.address)?;
    let mut chunk = Vec::new();
    for index in 0..cipher.count() {
        came.wait_for(index)?;
        chunk.clear();
        let length = chunk_len(at.length, index);
        (&mut file)
            .take(length)
            .read_to_end(&mut chunk)
            .map_err(|e| io(&e))?;
        cipher.open(index, &mut chunk).map_err(|e| FileFault {
            error: blame(e),
            piece: matches!(e, ChunkError::Broken(_)).then_some(index),
        })?;
        let plain = content.take(&chunk).map_err(blame)?;
        hasher.update(plain);
        match &mut pieces {
            Some(pieces) => pieces.pass(plain, out)?,
            None => out.write_all(plain).map_err(|e| io(&e))?,
        }
    }
    content.finish().map_err(blame)?;
    if let Some(pieces) = pieces {
        pieces.finish()?;
    }
    match hasher.finish() == signed.part.hash {
        true => Ok(()),
        false => Err(Error::of(ErrorCode::FileChanged).into()),
    }
}

/// Cuts content into the pieces of a manifest and lets through what fits.
struct Pieces {
    hashes: ChunkHashes,
    next: u64,
    waiting: Vec<u8>,
}

impl Pieces {
    fn new(hashes: ChunkHashes) -> Self {
        Self {
            hashes,
            next: 0,
            waiting: Vec::new(),
        }
    }

    fn pass(&mut self, mut content: &[u8], out: &mut impl Write) -> Result<(), FileFault> {
        while !content.is_empty() {
            let want = chunk_len(self.hashes.length(), self.next);
            let room = usize::try_from(want).unwrap_or(usize::MAX) - self.waiting.len();
            let (now, later) = content.split_at(room.min(content.len()));
            // More than was signed.
            if now.is_empty() {
                return Err(self.wrong());
            }
            self.waiting.extend_from_slice(now);
            content = later;
            if self.waiting.len() as u64 == want {
                self.let_through(out)?;
            }
        }
        Ok(())
    }

    fn let_through(&mut self, out: &mut impl Write) -> Result<(), FileFault> {
        if !self.hashes.fits(self.next, &self.waiting) {
            return Err(self.wrong());
        }
        out.write_all(&self.waiting).map_err(|e| io(&e))?;
        self.waiting.clear();
        self.next += 1;
        Ok(())
    }

    fn wrong(&self) -> FileFault {
        FileFault {
            error: ErrorCode::FileChanged.into(),
            piece: Some(self.next),
        }
    }

    fn finish(self) -> Result<(), FileFault> {
        match self.waiting.is_empty() && self.next == self.hashes.count() {
            true => Ok(()),
            false => Err(self.wrong()),
        }
    }
}
