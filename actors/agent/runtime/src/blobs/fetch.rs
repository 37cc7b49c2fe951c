//! The ciphertext of a file is fetched chunk by chunk, from wherever it stopped, each checked and
//! opened as it comes. It is written nowhere: a disk has enough to do with the file itself.

use std::sync::Arc;

use telesphor_clinical::blob::BlobRef;
use telesphor_wire::blob::call::{BlobChunks, BlobName};
use telesphor_wire::blob::tree::ChunkHashes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::limits::{BLOB_CHUNK_BYTES, MAX_CHUNKS_PER_CALL};
use tokio::sync::{mpsc, watch};

use super::open::Opening;
use super::source::Source;
use crate::error::{Error, Result};
use crate::link::LinkError;
use crate::link::blob::CHUNKS_AHEAD;

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

/// Fetches the ciphertext of a blob that is not here and opens it as it comes, from the chunk on
/// that is wanted next. What was opened stays so, however this ends.
pub(crate) async fn fetch(
    source: &mut Source<'_>,
    mailbox: MailboxId,
    at: &BlobRef,
    opening: &mut Option<Opening>,
    progress: Progress<'_>,
) -> Result<(), FileFault> {
    let name = BlobName {
        mailbox,
        address: at.address,
    };
    let hashes = Arc::new(source.hashes(name, at.length).await?);
    loop {
        let mut out = opening.take().ok_or(Error::fault("fetch"))?;
        let have = out.next();
        progress((have * BLOB_CHUNK_BYTES).min(at.length), at.length);
        if have >= hashes.count() {
            *opening = Some(out);
            return Ok(());
        }
        let from = u32::try_from(have).map_err(|_| Error::of(ErrorCode::TooLarge))?;
        let left = u32::try_from(hashes.count() - have).unwrap_or(u32::MAX);
        let get = BlobChunks {
            mailbox,
            address: at.address,
            from,
            count: left.min(MAX_CHUNKS_PER_CALL),
        };
        let (sender, chunks) = mpsc::channel(CHUNKS_AHEAD);
        let listed = hashes.clone();
        // The newest number is all that anybody wants to see.
        let (tell, mut tells) = watch::channel(0);
        let writing = tokio::task::spawn_blocking(move || {
            let done = write(&mut out, &listed, chunks, &tell);
            (out, done)
        });
        let got = {
            let getting = source.get(get, at.length, sender);
            tokio::pin!(getting);
            loop {
                tokio::select! {
                    got = &mut getting => break got,
                    Ok(()) = tells.changed() => progress(*tells.borrow_and_update(), at.length),
                }
            }
        };
        let (out, done) = writing.await.map_err(|_| Error::fault("fetch"))?;
        let came = out.next();
        *opening = Some(out);
        done?;
        got?;
        if came == have {
            return Err(LinkError::lost().into());
        }
    }
}

/// Checks chunks by the list that leads to the address, and opens them, until one is wrong or no
/// more come.
fn write(
    out: &mut Opening,
    hashes: &ChunkHashes,
    mut chunks: mpsc::Receiver<Vec<u8>>,
    tell: &watch::Sender<u64>,
) -> Result<(), FileFault> {
    while let Some(mut chunk) = chunks.blocking_recv() {
        if !hashes.fits(out.next(), &chunk) {
            return Err(FileFault {
                error: ErrorCode::BlobChanged.into(),
                piece: Some(out.next()),
            });
        }
        out.take(&mut chunk)?;
        tell.send_replace((out.next() * BLOB_CHUNK_BYTES).min(hashes.length()));
    }
    Ok(())
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Error::fault("blocking"))?
}
