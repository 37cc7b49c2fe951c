//! The ciphertext of a file is fetched chunk by chunk, from wherever it stopped, each checked before
//! it is written.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use telesphor_clinical::blob::BlobRef;
use telesphor_wire::blob::call::{BlobChunks, BlobName};
use telesphor_wire::blob::tree::ChunkHashes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::limits::{BLOB_CHUNK_BYTES, MAX_CHUNKS_PER_CALL};
use tokio::sync::{mpsc, watch};

use super::open::Came;
use super::shelf::{Shelf, io};
use crate::error::{Error, Result};
use crate::link::blob::{BlobLink, CHUNKS_AHEAD};
use crate::link::{Credential, LinkError};

/// Why a file was not written out, and at which of its pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFault {
    /// Why.
    pub error: Error,
    /// The first piece of 256 KiB that is not what it should be; those before it are right.
    pub piece: Option<u64>,
}

impl From<Error> for FileFault {
    fn from(error: Error) -> Self {
        Self { error, piece: None }
    }
}

impl From<LinkError> for FileFault {
    fn from(error: LinkError) -> Self {
        Error::from(error).into()
    }
}

impl std::fmt::Display for FileFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.error)?;
        match self.piece {
            Some(piece) => write!(f, " (piece {piece})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for FileFault {}

/// How far a file has come: bytes there, bytes in all.
pub(crate) type Progress<'a> = &'a (dyn Fn(u64, u64) + Send + Sync);

/// Fetches the ciphertext of a blob that is not here. Goes on from the last whole chunk, and tells
/// `came` of each one, to be opened meanwhile.
pub(crate) async fn fetch(
    link: &mut BlobLink,
    by: &Credential,
    shelf: &Shelf,
    mailbox: MailboxId,
    at: &BlobRef,
    came: &Arc<Came>,
    progress: Progress<'_>,
) -> Result<(), FileFault> {
    let name = BlobName {
        mailbox,
        address: at.address,
    };
    let hashes = match shelf.hashes(&at.address, at.length) {
        Some(hashes) => hashes,
        None => link.hashes(by, name, at.length).await?,
    };
    let (place, listed) = (shelf.clone(), hashes.clone());
    let (file, mut have) = blocking(move || {
        place.open()?;
        place.put_list(&listed)?;
        place.go_on(&listed)
    })
    .await?;
    let mut file = Some(file);
    came.so_far(have);
    progress((have * BLOB_CHUNK_BYTES).min(at.length), at.length);
    while have < hashes.count() {
        let from = u32::try_from(have).map_err(|_| Error::of(ErrorCode::TooLarge))?;
        let left = u32::try_from(hashes.count() - have).unwrap_or(u32::MAX);
        let get = BlobChunks {
            mailbox,
            address: at.address,
            from,
            count: left.min(MAX_CHUNKS_PER_CALL),
        };
        let (sender, chunks) = mpsc::channel(CHUNKS_AHEAD);
        let out = file.take().ok_or(Error::fault("fetch"))?;
        let (listed, told) = (hashes.clone(), came.clone());
        // The newest number is all that anybody wants to see.
        let (tell, mut tells) = watch::channel(0);
        let writing = tokio::task::spawn_blocking(move || write(out, have, &listed, chunks, (&tell, &told)));
        let got = {
            let getting = link.get(by, get, at.length, sender);
            tokio::pin!(getting);
            loop {
                tokio::select! {
                    got = &mut getting => break got,
                    Ok(()) = tells.changed() => progress(*tells.borrow_and_update(), at.length),
                }
            }
        };
        let (out, done, wrong) = writing.await.map_err(|_| Error::fault("fetch"))??;
        file = Some(out);
        progress((done * BLOB_CHUNK_BYTES).min(at.length), at.length);
        if let Some(piece) = wrong {
            return Err(FileFault {
                error: ErrorCode::BlobChanged.into(),
                piece: Some(piece),
            });
        }
        got?;
        if done == have {
            return Err(LinkError::lost().into());
        }
        have = done;
    }
    Ok(())
}

type Written = (File, u64, Option<u64>);

/// Checks chunks and writes them, until one is wrong or no more come.
fn write(
    mut out: File,
    mut next: u64,
    hashes: &ChunkHashes,
    mut chunks: mpsc::Receiver<Vec<u8>>,
    (tell, came): (&watch::Sender<u64>, &Came),
) -> Result<Written> {
    while let Some(chunk) = chunks.blocking_recv() {
        if !hashes.fits(next, &chunk) {
            return Ok((out, next, Some(next)));
        }
        out.write_all(&chunk).map_err(|e| io(&e))?;
        next += 1;
        came.so_far(next);
        tell.send_replace((next * BLOB_CHUNK_BYTES).min(hashes.length()));
    }
    Ok((out, next, None))
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Error::fault("blocking"))?
}
