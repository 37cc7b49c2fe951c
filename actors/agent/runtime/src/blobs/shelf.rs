//! The folder of ciphertext beside the vault: files named by the hash of what they are.
//!
//! ```text
//! blobs/<address>          the ciphertext of what was sealed here, whole
//! blobs/<address>.list     the hash of each chunk
//! blobs/new-<random>       being sealed; worth nothing after a crash
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use telesphor_wire::blob::tree::ChunkHashes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::limits::{BLOB_CHUNK_BYTES, MAX_BLOB_CHUNKS};

use crate::error::{Error, Result};

/// The folder.
#[derive(Clone, Debug)]
pub(crate) struct Shelf(PathBuf);

fn hex(address: &Digest) -> String {
    use std::fmt::Write as _;
    address
        .0
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing into a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

pub(crate) fn io(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull => ErrorCode::LocalDiskFull.into(),
        io::ErrorKind::NotFound => ErrorCode::NotFound.into(),
        _ => ErrorCode::LocalIo.into(),
    }
}

pub(crate) fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

impl Shelf {
    /// Beside a vault.
    pub(crate) fn beside(vault: &Path) -> Self {
        Self(vault.join("blobs"))
    }

    /// Makes the folder if it is not there.
    pub(crate) fn open(&self) -> Result<()> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0);
        made.map_err(|e| io(&e))
    }

    pub(crate) fn whole(&self, address: &Digest) -> PathBuf {
        self.0.join(hex(address))
    }

    fn list(&self, address: &Digest) -> PathBuf {
        self.0.join(format!("{}.list", hex(address)))
    }

    /// A new file to seal into.
    pub(crate) fn fresh(&self) -> Result<(PathBuf, File)> {
        self.open()?;
        let name = hex(&Digest(telesphor_wire::ids::Nonce::random().0));
        let path = self.0.join(format!("new-{name}"));
        let file = private(&path).map_err(|e| io(&e))?;
        Ok((path, file))
    }

    /// Gives a sealed file its name, durably.
    pub(crate) fn name(&self, from: &Path, hashes: &ChunkHashes) -> Result<()> {
        self.put_list(hashes)?;
        fs::rename(from, self.whole(&hashes.address())).map_err(|e| io(&e))?;
        File::open(&self.0)
            .and_then(|folder| folder.sync_all())
            .map_err(|e| io(&e))
    }

    pub(crate) fn put_list(&self, hashes: &ChunkHashes) -> Result<()> {
        let path = self.list(&hashes.address());
        let next = path.with_extension("next");
        let write = || {
            let mut file = private(&next)?;
            file.set_len(0)?;
            file.write_all(&hashes.to_bytes())?;
            file.sync_all()?;
            fs::rename(&next, &path)
        };
        write().map_err(|e| io(&e))
    }

    /// The chunk hashes of a blob, if they are here and belong to it.
    pub(crate) fn hashes(&self, address: &Digest, length: u64) -> Option<ChunkHashes> {
        let mut bytes = Vec::new();
        let file = File::open(self.list(address)).ok()?;
        file.take(32 * MAX_BLOB_CHUNKS as u64)
            .read_to_end(&mut bytes)
            .ok()?;
        ChunkHashes::from_bytes(length, address, &bytes).ok()
    }

    /// Whether all of a blob is here.
    pub(crate) fn has(&self, address: &Digest) -> bool {
        self.whole(address).is_file()
    }

    /// Removes a blob, whole or not.
    pub(crate) fn remove(&self, address: &Digest) -> Result<()> {
        for path in [self.whole(address), self.list(address)] {
            match fs::remove_file(path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(io(&e)),
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads a blob from a chunk on.
    pub(crate) fn read(&self, address: &Digest, from: u64) -> Result<File> {
        let mut file = File::open(self.whole(address)).map_err(|e| io(&e))?;
        file.seek(SeekFrom::Start(from * BLOB_CHUNK_BYTES))
            .map_err(|e| io(&e))?;
        Ok(file)
    }
}
