//! How a blob comes: the list of its chunk hashes first, then chunk after chunk, each checked
//! before it is written. Interrupted anywhere, it goes on behind the last whole chunk.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::Arc;

use telesphor_wire::blob::call::BlobStanding;
use telesphor_wire::blob::tree::{ChunkHashes, chunk_len};
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::limits::BLOB_CHUNK_BYTES;

use crate::disk::{CONTENT, PartName, sync_dir};
use crate::error::BlobsError;
use crate::state::{Blobs, Part, whole};

impl Blobs {
    /// Begins to take a blob for a mailbox that will keep it, or tells how far it has come.
    /// `quota`: bytes that the mailbox may keep in all.
    ///
    /// # Errors
    /// [`BlobsError::Quota`], or as the disk says.
    pub fn begin(
        &self,
        mailbox: MailboxId,
        hashes: ChunkHashes,
        quota: u64,
        now: u64,
    ) -> Result<BlobStanding, BlobsError> {
        let address = hashes.address();
        let name = (mailbox, address);
        let mut state = self.state();
        let used = self.disk.card(&address)?.and_then(|card| card.of(&mailbox));
        if used.is_some_and(|used| used.kept) && !state.damaged.contains(&address) {
            return Ok(whole(&hashes, true));
        }
        if state.parts.contains_key(&name) {
            drop(state);
            return Ok(coming(&hashes, self.have(&name)?));
        }
        state.has_room(&mailbox, hashes.length(), quota)?;
        self.disk.begin(&self.disk.part(&name), &hashes)?;
        let part = Part {
            length: hashes.length(),
            have: Some(0),
            busy: false,
            touched: now,
        };
        state.add_part(name, part);
        Ok(coming(&hashes, 0))
    }

    /// How many chunks of what is coming are there and right. After a start they are hashed
    /// again, once, and not under the lock: a long file holds up nobody else.
    fn have(&self, name: &PartName) -> Result<u32, BlobsError> {
        {
            let mut state = self.state();
            let part = state.parts.get_mut(name).ok_or(BlobsError::Absent)?;
            match part.have {
                Some(have) => return Ok(have),
                None if part.busy => return Err(BlobsError::Busy),
                None => part.busy = true,
            }
        }
        let counted = self.count(name);
        let mut state = self.state();
        if let Some(part) = state.parts.get_mut(name) {
            part.busy = false;
            part.have = counted.as_ref().ok().copied();
        }
        counted
    }

    /// After a power cut the last chunks may not be what was written.
    fn count(&self, name: &PartName) -> Result<u32, BlobsError> {
        let hashes = self.disk.hashes(&self.disk.part(name), &name.1)?;
        let mut file = File::open(self.disk.part(name).join(CONTENT))?;
        let mut chunk = Vec::new();
        for index in 0..hashes.count() {
            chunk.clear();
            let length = chunk_len(hashes.length(), index);
            (&mut file).take(length).read_to_end(&mut chunk)?;
            if !hashes.fits(index, &chunk) {
                return Ok(u32::try_from(index).unwrap_or(u32::MAX));
            }
        }
        Ok(u32::try_from(hashes.count()).unwrap_or(u32::MAX))
    }

    /// Goes on with a blob from its next chunk. One connection at a time.
    ///
    /// # Errors
    /// [`BlobsError::Absent`] if it was not begun; [`BlobsError::OutOfOrder`] with the chunk that
    /// comes next; [`BlobsError::Busy`].
    pub fn writer(
        self: &Arc<Self>,
        mailbox: MailboxId,
        address: Digest,
        from: u32,
    ) -> Result<Writer, BlobsError> {
        let name = (mailbox, address);
        let have = self.have(&name)?;
        let folder = self.disk.part(&name);
        let hashes = self.disk.hashes(&folder, &address)?;
        let mut state = self.state();
        let part = state.parts.get_mut(&name).ok_or(BlobsError::Absent)?;
        if part.busy {
            return Err(BlobsError::Busy);
        }
        // Another connection may have had its turn meanwhile.
        let have = part.have.unwrap_or(have);
        if from != have {
            return Err(BlobsError::OutOfOrder(have));
        }
        let mut file = OpenOptions::new().write(true).open(folder.join(CONTENT))?;
        let at = (u64::from(have) * BLOB_CHUNK_BYTES).min(hashes.length());
        // Whatever a power cut left behind the last whole chunk.
        file.set_len(at)?;
        file.seek(SeekFrom::Start(at))?;
        part.busy = true;
        Ok(Writer {
            blobs: self.clone(),
            name,
            file,
            next: have,
            hashes,
        })
    }
}

fn coming(hashes: &ChunkHashes, have: u32) -> BlobStanding {
    BlobStanding {
        have,
        complete: false,
        ..whole(hashes, true)
    }
}

/// One connection's turn at putting a blob. Let go, the blob waits for the next turn.
#[derive(Debug)]
pub struct Writer {
    blobs: Arc<Blobs>,
    name: PartName,
    file: File,
    next: u32,
    hashes: ChunkHashes,
}

impl Writer {
    /// Length of the whole blob.
    pub fn length(&self) -> u64 {
        self.hashes.length()
    }

    /// Checks the next chunk and writes it.
    ///
    /// # Errors
    /// [`BlobsError::WrongChunk`]: then nothing was written.
    pub fn put(&mut self, chunk: &[u8]) -> Result<(), BlobsError> {
        if !self.hashes.fits(u64::from(self.next), chunk) {
            return Err(BlobsError::WrongChunk(self.next));
        }
        self.file.write_all(chunk)?;
        self.next += 1;
        Ok(())
    }

    /// Makes durable what came in this turn. With the last chunk the blob is kept for good.
    ///
    /// # Errors
    /// As the disk says.
    pub fn finish(self, now: u64) -> Result<BlobStanding, BlobsError> {
        self.file.sync_data()?;
        let whole_now = u64::from(self.next) == self.hashes.count();
        let mut state = self.blobs.state();
        if let Some(part) = state.parts.get_mut(&self.name) {
            part.have = Some(self.next);
            part.touched = now;
        }
        if !whole_now {
            return Ok(coming(&self.hashes, self.next));
        }
        let (mailbox, address) = self.name;
        let length = self.hashes.length();
        match self.blobs.disk.card(&address)? {
            // Somebody else has put the same: it is kept once.
            Some(mut card) => {
                let kept = card.of(&mailbox).is_some_and(|used| used.kept);
                card.add(mailbox, true, now)?;
                self.blobs.disk.put_card(&address, &card)?;
                if state.damaged.contains(&address) {
                    let disk = &self.blobs.disk;
                    disk.mend(&disk.part(&self.name), &address)?;
                    state.damaged.remove(&address);
                }
                self.blobs.disk.drop_part(&self.name)?;
                if kept {
                    state.remove_part(&self.name);
                    return Ok(whole(&self.hashes, true));
                }
            }
            None => {
                let disk = &self.blobs.disk;
                let part = disk.part(&self.name);
                sync_dir(&part)?;
                // What was said of it before it was gone is still being told.
                let mut card = disk.ended_card(&address)?.unwrap_or_default();
                card.add(mailbox, true, now)?;
                disk.finish(&part, &address, &card)?;
                state.totals.blobs += 1;
                state.totals.bytes += length;
            }
        }
        state.remove_part(&self.name);
        state.counts(&mailbox, length);
        drop(state);
        Ok(whole(&self.hashes, true))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let mut state = self.blobs.state();
        if let Some(part) = state.parts.get_mut(&self.name) {
            part.busy = false;
            // Chunks that were written and not synced are looked at again after a power cut.
            part.have = Some(self.next.max(part.have.unwrap_or(0)));
        }
    }
}
