//! A file is opened as its ciphertext comes: chunk by chunk, each checked before anything of it is
//! written, and never held whole. What was written is where it goes on after an interruption.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};

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
use super::shelf::io;
use crate::error::Error;

/// Which file of a document is opened, and what its author signed of it.
#[derive(Clone)]
pub(crate) struct Signed {
    pub(crate) seed: Secret,
    pub(crate) index: u32,
    pub(crate) part: Part,
    /// The hash of each piece, if a manifest names them.
    pub(crate) pieces: Option<ManifestFile>,
}

/// A file that is being written. Nothing is written of a piece that is not what was signed.
/// Everything in it blocks.
pub(crate) struct Opening {
    cipher: ChunkCipher,
    content: Content,
    hasher: PartHasher,
    pieces: Option<Pieces>,
    signed: telesphor_wire::hash::Digest,
    /// The chunk that is opened next.
    next: u64,
    /// Some of it was written in an earlier life, and is believed as far as anything here can say.
    went_on: bool,
    out: File,
}

impl Opening {
    /// Begins to write into a file, or goes on behind what is right of it.
    pub(crate) fn begin(at: &BlobRef, signed: &Signed, out: File) -> Result<Self, FileFault> {
        let size = signed.part.size;
        let pieces = signed.pieces.as_ref().map(ManifestFile::hashes).transpose();
        let pieces = pieces.map_err(|e| Error::of(e.code()))?;
        let mut opening = Self {
            cipher: ChunkCipher::new(&at.key, at.length).map_err(blame)?,
            content: Content::new(size, at.length).map_err(blame)?,
            hasher: PartHasher::new(&signed.seed, signed.index, size),
            pieces: pieces.map(Pieces::new),
            signed: signed.part.hash,
            next: 0,
            went_on: false,
            out,
        };
        opening.go_on(size)?;
        Ok(opening)
    }

    /// Takes in what was written before: the content of whole chunks, of pieces that are right.
    fn go_on(&mut self, size: u64) -> Result<(), FileFault> {
        let there = self.out.metadata().map_err(|e| io(&e))?.len().min(size);
        let right = match &self.pieces {
            Some(pieces) => pieces.right(&mut self.out, there)?,
            None => there,
        };
        let rewind = self.out.seek(SeekFrom::Start(0));
        rewind.map_err(|e| io(&e))?;
        let (mut done, mut plain) = (0, Vec::new());
        while self.next < self.cipher.count() && done + self.cipher.plain_len(self.next) <= right {
            let length = self.cipher.plain_len(self.next);
            read_some(&mut self.out, length, &mut plain)?;
            self.content.take(&plain).map_err(blame)?;
            self.hasher.update(&plain);
            if let Some(pieces) = &mut self.pieces {
                pieces.pass(&plain, &mut std::io::sink())?;
            }
            (done, self.next) = (done + length, self.next + 1);
        }
        self.went_on = self.next > 0;
        // Of a piece that is not whole nothing stands in the file; it is held until it is.
        let held = self.pieces.as_ref().map_or(0, |p| p.waiting.len() as u64);
        let at = done - held;
        self.out.set_len(at).map_err(|e| io(&e))?;
        self.out.seek(SeekFrom::Start(at)).map_err(|e| io(&e))?;
        Ok(())
    }

    /// The chunk that is wanted next; as many as there are when all have come.
    pub(crate) const fn next(&self) -> u64 {
        self.next
    }

    /// Whether some of it was written in an earlier life.
    pub(crate) const fn went_on(&self) -> bool {
        self.went_on
    }

    /// Opens the next chunk and writes what is whole of it.
    pub(crate) fn take(&mut self, chunk: &mut Vec<u8>) -> Result<(), FileFault> {
        self.cipher.open(self.next, chunk).map_err(|e| FileFault {
            error: blame(e),
            piece: matches!(e, ChunkError::Broken(_)).then_some(self.next),
        })?;
        let plain = self.content.take(chunk).map_err(blame)?;
        self.hasher.update(plain);
        match &mut self.pieces {
            Some(pieces) => pieces.pass(plain, &mut self.out)?,
            None => self.out.write_all(plain).map_err(|e| io(&e))?,
        }
        self.next += 1;
        Ok(())
    }

    /// All chunks came: whether it is what was signed, durably written.
    pub(crate) fn finish(self) -> Result<(), FileFault> {
        self.content.finish().map_err(blame)?;
        if let Some(pieces) = self.pieces {
            pieces.finish()?;
        }
        match self.hasher.finish() == self.signed {
            true => self.out.sync_all().map_err(|e| io(&e).into()),
            false => Err(Error::of(ErrorCode::FileChanged).into()),
        }
    }
}

/// So many bytes of a file.
pub(crate) fn read_some(file: &mut File, length: u64, into: &mut Vec<u8>) -> Result<(), Error> {
    into.clear();
    file.take(length).read_to_end(into).map_err(|e| io(&e))?;
    Ok(())
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

    /// How many of the first bytes of a file are whole pieces that are right.
    fn right(&self, file: &mut File, there: u64) -> Result<u64, FileFault> {
        let (mut right, mut piece) = (0, Vec::new());
        for index in 0..self.hashes.count() {
            let length = chunk_len(self.hashes.length(), index);
            if right + length > there {
                break;
            }
            read_some(file, length, &mut piece)?;
            if !self.hashes.fits(index, &piece) {
                break;
            }
            right += length;
        }
        Ok(right)
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
