//! How a blob is read: chunk by chunk, each checked again, so that what the disk has changed is
//! found here and not by the patient's program.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use telesphor_wire::blob::tree::{ChunkHashes, chunk_len};
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::limits::BLOB_CHUNK_BYTES;

use crate::card::Use;
use crate::disk::CONTENT;
use crate::error::BlobsError;
use crate::state::{Blobs, missing};

impl Blobs {
    /// A mailbox's use of a whole blob.
    ///
    /// # Errors
    /// [`BlobsError::Absent`].
    pub fn used_in(&self, mailbox: &MailboxId, address: &Digest) -> Result<Use, BlobsError> {
        let card = self.disk.card(address)?.ok_or(BlobsError::Absent)?;
        card.of(mailbox).ok_or(BlobsError::Absent)
    }

    /// The chunk hashes of a blob that stands in a mailbox.
    ///
    /// # Errors
    /// [`BlobsError::Absent`], [`BlobsError::Damaged`].
    pub fn hashes(&self, mailbox: &MailboxId, address: &Digest) -> Result<ChunkHashes, BlobsError> {
        self.used_in(mailbox, address)?;
        self.disk.hashes(&self.disk.blob(address), address)
    }

    /// Begins to read a blob that stands in a mailbox.
    ///
    /// # Errors
    /// [`BlobsError::Absent`], [`BlobsError::Damaged`], [`BlobsError::OutOfOrder`] with the number
    /// of chunks if there is no such chunk.
    pub fn reader(
        self: &Arc<Self>,
        mailbox: MailboxId,
        address: Digest,
        from: u32,
    ) -> Result<Reader, BlobsError> {
        let seen = self.changes();
        let hashes = self.hashes(&mailbox, &address)?;
        if u64::from(from) >= hashes.count() {
            return Err(BlobsError::OutOfOrder(
                u32::try_from(hashes.count()).unwrap_or(u32::MAX),
            ));
        }
        let path: PathBuf = self.disk.blob(&address).join(CONTENT);
        let mut file = File::open(path).map_err(|e| match missing(&e) {
            true => BlobsError::Damaged(from),
            false => e.into(),
        })?;
        file.seek(SeekFrom::Start(u64::from(from) * BLOB_CHUNK_BYTES))?;
        Ok(Reader {
            blobs: self.clone(),
            mailbox,
            hashes,
            file,
            next: from,
            seen,
        })
    }
}

/// A blob that is being read.
#[derive(Debug)]
pub struct Reader {
    blobs: Arc<Blobs>,
    mailbox: MailboxId,
    hashes: ChunkHashes,
    file: File,
    next: u32,
    /// What had changed when the card was last looked at.
    seen: u64,
}

impl Reader {
    /// Bytes of the next `count` chunks, as far as there are so many.
    pub fn left(&self, count: u32) -> u64 {
        let at = |chunk: u64| (chunk * BLOB_CHUNK_BYTES).min(self.hashes.length());
        at(u64::from(self.next) + u64::from(count)) - at(u64::from(self.next))
    }

    /// The next chunk; `None` after the last one.
    ///
    /// # Errors
    /// [`BlobsError::Absent`] if it was taken out of the mailbox meanwhile;
    /// [`BlobsError::Damaged`].
    pub fn read(&mut self) -> Result<Option<Vec<u8>>, BlobsError> {
        let index = u64::from(self.next);
        let length = chunk_len(self.hashes.length(), index);
        if length == 0 {
            return Ok(None);
        }
        let changes = self.blobs.changes();
        if changes != self.seen {
            self.blobs.used_in(&self.mailbox, &self.hashes.address())?;
            self.seen = changes;
        }
        let mut chunk = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        (&mut self.file).take(length).read_to_end(&mut chunk)?;
        if !self.hashes.fits(index, &chunk) {
            self.blobs.is_damaged(self.hashes.address());
            return Err(BlobsError::Damaged(self.next));
        }
        self.next += 1;
        Ok(Some(chunk))
    }
}
