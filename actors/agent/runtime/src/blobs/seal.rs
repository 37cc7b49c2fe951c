//! A file is sealed: read once, from its beginning to its end, into ciphertext beside the vault.

use std::cell::Cell;
use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;

use telesphor_clinical::blob::BlobRef;
use telesphor_clinical::header::Part;
use telesphor_clinical::limits::MAX_PARTS;
use telesphor_clinical::manifest::{Fact, ManifestFile};
use telesphor_clinical::statement::PartHasher;
use telesphor_clinical::text::Text;
use telesphor_wire::blob::chunk::{ChunkCipher, ChunkError, sealed_len};
use telesphor_wire::blob::tree::{ChunkHasher, ChunkHashes, chunk_hash};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Secret;

use super::fetch::Progress;
use super::shelf::{Shelf, io};
use crate::error::{Error, Result};

/// A file to be sent or taken into the record.
#[derive(Clone, Debug)]
pub struct FileToSeal {
    /// Where it is.
    pub path: PathBuf,
    /// Its name for the reader.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// What it says of itself.
    pub facts: Vec<(String, String)>,
}

/// The files of one document, sealed.
#[derive(Debug)]
pub struct SealedFiles {
    /// Under which their hashes were made; it becomes the document's.
    pub(crate) seed: Secret,
    pub(crate) files: Vec<SealedFile>,
}

#[derive(Debug)]
pub(crate) struct SealedFile {
    pub(crate) at: BlobRef,
    pub(crate) part: Part,
    pub(crate) listed: ManifestFile,
}

impl Clone for SealedFiles {
    fn clone(&self) -> Self {
        Self {
            seed: self.seed.clone(),
            files: self.files.iter().map(SealedFile::again).collect(),
        }
    }
}

impl SealedFile {
    fn again(&self) -> Self {
        Self {
            at: self.at.clone(),
            part: self.part.clone(),
            listed: self.listed.clone(),
        }
    }
}

impl SealedFiles {
    /// The body of a document that is about these files alone.
    pub fn manifest(&self) -> Vec<u8> {
        let files = self.files.iter().map(|f| f.listed.clone()).collect();
        telesphor_clinical::manifest::Manifest::of(files).to_bytes()
    }
}

fn text(words: &str) -> Result<Text> {
    Text::new(words.to_owned()).map_err(|_| Error::of(ErrorCode::InputRefused))
}

pub(crate) fn blame(error: ChunkError) -> Error {
    Error::of(match error {
        ChunkError::TooLarge(_) => ErrorCode::TooLarge,
        ChunkError::Length | ChunkError::Place => ErrorCode::Malformed,
        ChunkError::Broken(_) | ChunkError::End => ErrorCode::FileChanged,
    })
}

/// Seals all files of one document. Blocks.
pub(crate) fn seal_all(shelf: &Shelf, files: &[FileToSeal], progress: Progress<'_>) -> Result<SealedFiles> {
    if files.len() > MAX_PARTS {
        return Err(ErrorCode::TooMany.into());
    }
    let all = files
        .iter()
        .filter_map(|f| f.path.metadata().ok())
        .map(|m| m.len())
        .sum();
    let done = Cell::new(0);
    let read = |bytes: u64| {
        done.set(done.get() + bytes);
        progress(done.get(), all);
    };
    let seed = Secret::random();
    let mut sealed = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let index = u32::try_from(index).map_err(|_| Error::of(ErrorCode::TooMany))?;
        sealed.push(seal(shelf, file, &seed, index, &read)?);
    }
    Ok(SealedFiles { seed, files: sealed })
}

fn seal(
    shelf: &Shelf,
    file: &FileToSeal,
    seed: &Secret,
    index: u32,
    read: &dyn Fn(u64),
) -> Result<SealedFile> {
    let mut source = File::open(&file.path).map_err(|e| io(&e))?;
    let size = source.metadata().map_err(|e| io(&e))?.len();
    if size == 0 {
        return Err(ErrorCode::InputRefused.into());
    }
    let length = sealed_len(size).map_err(blame)?;
    let key = Secret::random();
    let cipher = ChunkCipher::new(&key, length).map_err(blame)?;
    let (temporary, out) = shelf.fresh()?;
    let done = pour(
        &mut source,
        size,
        &cipher,
        &out,
        PartHasher::new(seed, index, size),
        read,
    );
    let (list, plain, hash) = match done {
        Ok(done) => done,
        Err(error) => {
            // What was sealed so far is worth nothing.
            let _ = std::fs::remove_file(&temporary);
            return Err(error);
        }
    };
    let hashes = ChunkHashes::new(length, list).map_err(|_| Error::fault("sealed file"))?;
    out.sync_all().map_err(|e| io(&e))?;
    shelf.name(&temporary, &hashes)?;
    let facts: Vec<Fact> = file
        .facts
        .iter()
        .map(|(name, value)| {
            Ok(Fact {
                name: text(name)?,
                value: Text::cut(value),
            })
        })
        .collect::<Result<_>>()?;
    Ok(SealedFile {
        at: BlobRef {
            address: hashes.address(),
            length,
            key,
        },
        part: Part {
            hash,
            size,
            media_type: text(&file.media_type)?,
            name: Text::cut(&file.name),
        },
        listed: ManifestFile::of(&plain, facts),
    })
}

type Poured = (
    Vec<telesphor_wire::hash::Digest>,
    ChunkHashes,
    telesphor_wire::hash::Digest,
);

fn pour(
    source: &mut File,
    size: u64,
    cipher: &ChunkCipher,
    mut out: &File,
    mut part: PartHasher,
    read: &dyn Fn(u64),
) -> Result<Poured> {
    let changed = || Error::of(ErrorCode::InputRefused);
    let mut plain = ChunkHasher::default();
    let mut list = Vec::new();
    let mut left = size;
    let mut chunk = Vec::new();
    for index in 0..cipher.count() {
        let room = cipher.plain_len(index);
        let take = room.min(left);
        chunk.clear();
        Read::by_ref(source)
            .take(take)
            .read_to_end(&mut chunk)
            .map_err(|e| io(&e))?;
        // Somebody is writing to it.
        if chunk.len() as u64 != take {
            return Err(changed());
        }
        plain.update(&chunk);
        part.update(&chunk);
        left -= take;
        read(take);
        chunk.resize(usize::try_from(room).map_err(|_| changed())?, 0);
        if index + 1 == cipher.count()
            && let Some(end) = chunk.last_chunk_mut::<8>()
        {
            *end = size.to_be_bytes();
        }
        cipher.seal(index, &mut chunk).map_err(blame)?;
        list.push(chunk_hash(index, &chunk, cipher.count() == 1));
        out.write_all(&chunk).map_err(|e| io(&e))?;
    }
    if source.read(&mut [0]).map_err(|e| io(&e))? != 0 {
        return Err(changed());
    }
    let plain = plain.finish().map_err(|_| changed())?;
    Ok((list, plain, part.finish()))
}
