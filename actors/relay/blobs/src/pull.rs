//! How a blob comes from another relay of the cluster: the same list, the same check of every chunk, the
//! same one rename at the end. It counts against nobody until it stands.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use telesphor_wire::blob::tree::{ChunkHashes, chunk_len};
use telesphor_wire::hash::Digest;
use telesphor_wire::limits::BLOB_CHUNK_BYTES;

use crate::disk::{CONTENT, sync_dir};
use crate::error::BlobsError;
use crate::state::Blobs;

/// One blob on its way here. Let go, it is thrown away, and may be begun again.
#[derive(Debug)]
pub struct Pull {
    blobs: Arc<Blobs>,
    address: Digest,
    begun: Option<(File, ChunkHashes)>,
    next: u64,
}

impl Blobs {
    /// Begins to pull a blob that another relay has told of ([`crate::Told::Wanted`]); nothing if it is
    /// being pulled already, or is wanted no more.
    pub fn pull(self: &Arc<Self>, address: Digest) -> Option<Pull> {
        let mut state = self.state();
        let wanted = state.wanted.get_mut(&address).filter(|wanted| !wanted.busy)?;
        wanted.busy = true;
        Some(Pull {
            blobs: self.clone(),
            address,
            begun: None,
            next: 0,
        })
    }

    /// The list of a blob that lies here, for another relay.
    ///
    /// # Errors
    /// [`BlobsError::Absent`], [`BlobsError::Damaged`].
    pub fn list(&self, address: &Digest) -> Result<ChunkHashes, BlobsError> {
        self.disk.card(address)?.ok_or(BlobsError::Absent)?;
        self.disk.hashes(&self.disk.blob(address), address)
    }

    /// One chunk of a blob that lies here, for another relay, which checks it against the list.
    ///
    /// # Errors
    /// [`BlobsError::Absent`]; [`BlobsError::OutOfOrder`] if there is no such chunk.
    pub fn chunk(&self, address: &Digest, length: u64, index: u64) -> Result<Vec<u8>, BlobsError> {
        self.disk.card(address)?.ok_or(BlobsError::Absent)?;
        let whole = chunk_len(length, index);
        let mut file = File::open(self.disk.blob(address).join(CONTENT))?;
        file.seek(SeekFrom::Start(index.saturating_mul(BLOB_CHUNK_BYTES)))?;
        let mut chunk = Vec::with_capacity(usize::try_from(whole).unwrap_or(0));
        file.take(whole).read_to_end(&mut chunk)?;
        Ok(chunk)
    }
}

impl Pull {
    /// Its name.
    pub fn address(&self) -> Digest {
        self.address
    }

    /// The list came.
    ///
    /// # Errors
    /// [`BlobsError::Hashes`] if it is not this blob's; as the disk says.
    pub fn begin(&mut self, hashes: ChunkHashes) -> Result<(), BlobsError> {
        if hashes.address() != self.address {
            return Err(BlobsError::WrongChunk(0));
        }
        let folder = self.blobs.disk.pull(&self.address);
        self.blobs.disk.begin(&folder, &hashes)?;
        let file = OpenOptions::new().write(true).open(folder.join(CONTENT))?;
        self.begun = Some((file, hashes));
        self.next = 0;
        Ok(())
    }

    /// The list, when it is here.
    pub fn list(&self) -> Option<&ChunkHashes> {
        self.begun.as_ref().map(|(_, hashes)| hashes)
    }

    /// The chunk that comes next; `None` when all are here.
    pub fn next(&self) -> Option<u64> {
        let (_, hashes) = self.begun.as_ref()?;
        (self.next < hashes.count()).then_some(self.next)
    }

    /// Checks the next chunk and writes it.
    ///
    /// # Errors
    /// [`BlobsError::WrongChunk`]: then nothing was written, and another relay may be asked.
    pub fn put(&mut self, chunk: &[u8]) -> Result<(), BlobsError> {
        let (file, hashes) = self.begun.as_mut().ok_or(BlobsError::Absent)?;
        if !hashes.fits(self.next, chunk) {
            return Err(BlobsError::WrongChunk(
                u32::try_from(self.next).unwrap_or(u32::MAX),
            ));
        }
        file.write_all(chunk)?;
        self.next += 1;
        Ok(())
    }

    /// All of it is here: makes it durable under its name, with what is said of it by now.
    ///
    /// # Errors
    /// [`BlobsError::Absent`] if chunks are missing; as the disk says.
    pub fn finish(mut self) -> Result<(), BlobsError> {
        let (file, hashes) = self.begun.take().ok_or(BlobsError::Absent)?;
        if self.next < hashes.count() {
            return Err(BlobsError::Absent);
        }
        file.sync_data()?;
        let (disk, address) = (&self.blobs.disk, self.address);
        let folder = disk.pull(&address);
        sync_dir(&folder)?;
        let mut state = self.blobs.state();
        let Some(wanted) = state.wanted.remove(&address) else {
            return Ok(());
        };
        if let Some(before) = disk.card(&address)? {
            // Put here by its owner meanwhile, or damaged and mended now.
            if state.damaged.remove(&address) {
                disk.mend(&folder, &address)?;
            }
            let mut card = before.clone();
            if card.merge(&wanted.card) {
                self.blobs.stands_now(&mut state, &address, &before, card)?;
            }
            return Ok(());
        }
        let mut card = disk.ended_card(&address)?.unwrap_or_default();
        card.merge(&wanted.card);
        if !card.is_kept() {
            return Ok(disk.put_ended(&address, &card)?);
        }
        disk.finish(&folder, &address, &card)?;
        state.totals.blobs += 1;
        state.totals.bytes += hashes.length();
        for used in card.uses().filter(|u| u.kept) {
            state.counts(&used.mailbox, hashes.length());
        }
        Ok(())
    }
}

impl Drop for Pull {
    fn drop(&mut self) {
        // Gone already if it was finished.
        let _ = fs::remove_dir_all(self.blobs.disk.pull(&self.address));
        if let Some(wanted) = self.blobs.state().wanted.get_mut(&self.address) {
            wanted.busy = false;
        }
    }
}
