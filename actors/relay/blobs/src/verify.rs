//! Every chunk is read and hashed again, whether or not anybody asks for it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use telesphor_wire::blob::tree::chunk_len;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::MailboxId;

use crate::disk::{CONTENT, Disk, hex};
use crate::error::BlobsError;

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Whole blobs.
    pub blobs: u64,
    /// Chunks of them.
    pub chunks: u64,
    /// Bytes of them.
    pub bytes: u64,
}

/// The first damage that was found.
#[derive(Debug, thiserror::Error)]
#[error("{error}, in the blob {}", hex(&.address.0))]
pub struct Broken {
    /// The blob.
    pub address: Digest,
    /// A mailbox that keeps it, if its card can be read.
    pub mailbox: Option<MailboxId>,
    /// What is wrong: [`BlobsError::Damaged`] with the chunk, [`BlobsError::Card`], or the disk.
    pub error: BlobsError,
}

/// Reads every blob in a folder; a relay that is not running, or a backup. Changes nothing. What
/// was never whole was never confirmed, and is passed over.
///
/// # Errors
/// The first damage.
pub fn verify(root: &Path) -> Result<Verified, Box<Broken>> {
    let mut verified = Verified::default();
    if !root.is_dir() {
        return Ok(verified);
    }
    let disk = Disk::looking(root);
    let mut all = disk.all().map_err(|e| broken(Digest([0; 32]), None, e.into()))?;
    all.sort_unstable();
    for address in all {
        let card = disk.card(&address).map_err(|e| broken(address, None, e))?;
        let Some(card) = card else { continue };
        let keeps = card.uses().find(|u| u.kept).map(|u| u.mailbox);
        one(&disk, &address, &mut verified).map_err(|e| broken(address, keeps, e))?;
        verified.blobs += 1;
    }
    Ok(verified)
}

fn broken(address: Digest, mailbox: Option<MailboxId>, error: BlobsError) -> Box<Broken> {
    Box::new(Broken {
        address,
        mailbox,
        error,
    })
}

fn one(disk: &Disk, address: &Digest, verified: &mut Verified) -> Result<(), BlobsError> {
    let folder = disk.blob(address);
    let hashes = disk.hashes(&folder, address)?;
    let mut file = File::open(folder.join(CONTENT))?;
    let mut chunk = Vec::new();
    for index in 0..hashes.count() {
        chunk.clear();
        let length = chunk_len(hashes.length(), index);
        (&mut file).take(length).read_to_end(&mut chunk)?;
        if !hashes.fits(index, &chunk) {
            return Err(BlobsError::Damaged(u32::try_from(index).unwrap_or(u32::MAX)));
        }
        verified.chunks += 1;
        verified.bytes += length;
    }
    Ok(())
}
