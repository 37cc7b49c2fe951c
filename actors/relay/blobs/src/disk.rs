//! Where blobs lie.
//!
//! ```text
//! blobs/ab/<address>/content     the ciphertext
//! blobs/ab/<address>/hashes      u64 length (big endian) || the hash of each chunk
//! blobs/ab/<address>/card        who keeps it and where it is shown
//! blobs/part/<mailbox>-<address>/  the same, while it comes; without a card
//! blobs/part/pull-<address>/       the same, while it comes from another relay of the cluster
//! blobs/part/gone-<address>/       on its way out
//! blobs/gone/<address>             the card of a blob that no mailbox keeps any more (cluster alone)
//! ```
//!
//! A blob gets its name by one rename of its folder, after everything in it is on the disk. It
//! loses it by another one, before anything in it is removed. So a name always stands for a whole
//! blob, wherever the power was cut.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use telesphor_wire::blob::tree::ChunkHashes;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::limits::MAX_BLOB_CHUNKS;

use crate::card::{Card, MAX_CARD_BYTES};
use crate::error::BlobsError;

pub(crate) const CONTENT: &str = "content";
const HASHES: &str = "hashes";
const CARD: &str = "card";
pub(crate) const PARTS: &str = "part";
const GONE: &str = "gone-";
const PULL: &str = "pull-";
/// The folder of cards without a blob.
const ENDED: &str = "gone";

/// The folder of all blobs.
#[derive(Clone, Debug)]
pub(crate) struct Disk(PathBuf);

pub(crate) fn hex(bytes: &[u8; 32]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0u8; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(bytes)
}

pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

pub(crate) fn private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn new_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

/// Replaces a small file in one step.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let next = path.with_extension("next");
    let mut file = new_file(&next)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&next, path)?;
    match path.parent() {
        Some(parent) => sync_dir(parent),
        None => Ok(()),
    }
}

fn read_card(path: &Path) -> Result<Option<Card>, BlobsError> {
    match read_at_most(path, MAX_CARD_BYTES) {
        Ok(bytes) => Card::from_bytes(&bytes).map(Some),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e.into()),
    }
}

fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A blob that is coming, as its folder is named.
pub(crate) type PartName = (MailboxId, Digest);

impl Disk {
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        private_dir(&root.join(PARTS))?;
        let disk = Self(root.to_owned());
        // What was on its way out when the power went, and what comes again.
        for entry in fs::read_dir(root.join(PARTS))? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(GONE) || name.starts_with(PULL) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(disk)
    }

    /// The folder as it is, to be looked at alone.
    pub(crate) fn looking(root: &Path) -> Self {
        Self(root.to_owned())
    }

    fn shelf(&self, address: &Digest) -> PathBuf {
        self.0.join(hex(&address.0).get(..2).unwrap_or_default())
    }

    pub(crate) fn blob(&self, address: &Digest) -> PathBuf {
        self.shelf(address).join(hex(&address.0))
    }

    pub(crate) fn part(&self, (mailbox, address): &PartName) -> PathBuf {
        let name = format!("{}-{}", hex(&mailbox.0), hex(&address.0));
        self.0.join(PARTS).join(name)
    }

    /// Where a blob lies while it comes from another relay.
    pub(crate) fn pull(&self, address: &Digest) -> PathBuf {
        self.0.join(PARTS).join(format!("{PULL}{}", hex(&address.0)))
    }

    fn ended(&self, address: &Digest) -> PathBuf {
        self.0.join(ENDED).join(hex(&address.0))
    }

    /// The card of a blob that is gone, if others may still have to hear of that.
    pub(crate) fn ended_card(&self, address: &Digest) -> Result<Option<Card>, BlobsError> {
        read_card(&self.ended(address))
    }

    /// Keeps a card without a blob.
    pub(crate) fn put_ended(&self, address: &Digest, card: &Card) -> io::Result<()> {
        private_dir(&self.0.join(ENDED))?;
        replace(&self.ended(address), &card.to_bytes())
    }

    /// Lets go of a card without a blob, if there is one.
    pub(crate) fn drop_ended(&self, address: &Digest) -> io::Result<()> {
        match fs::remove_file(self.ended(address)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }

    /// Every card without a blob.
    pub(crate) fn all_ended(&self) -> io::Result<Vec<Digest>> {
        let mut all = Vec::new();
        match fs::read_dir(self.0.join(ENDED)) {
            Ok(entries) => {
                for entry in entries {
                    all.extend(entry?.file_name().to_str().and_then(unhex).map(Digest));
                }
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        Ok(all)
    }

    /// Every blob there is.
    pub(crate) fn all(&self) -> io::Result<Vec<Digest>> {
        let mut all = Vec::new();
        for shelf in fs::read_dir(&self.0)? {
            let shelf = shelf?;
            let name = shelf.file_name();
            if name == PARTS || name == ENDED || !shelf.file_type()?.is_dir() {
                continue;
            }
            for entry in fs::read_dir(shelf.path())? {
                all.extend(entry?.file_name().to_str().and_then(unhex).map(Digest));
            }
        }
        Ok(all)
    }

    /// Every blob that was coming, and when it was last gone on with.
    pub(crate) fn parts(&self) -> io::Result<Vec<(PartName, u64)>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(self.0.join(PARTS))? {
            let entry = entry?;
            let name = entry.file_name();
            let named = name.to_str().and_then(|n| n.split_once('-'));
            let Some((mailbox, address)) = named.and_then(|(m, a)| Some((unhex(m)?, unhex(a)?))) else {
                continue;
            };
            let touched = fs::metadata(entry.path().join(CONTENT))
                .and_then(|m| m.modified())
                .unwrap_or(std::time::UNIX_EPOCH)
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX));
            all.push(((MailboxId(mailbox), Digest(address)), touched));
        }
        Ok(all)
    }

    /// The card of a blob, if there is one.
    pub(crate) fn card(&self, address: &Digest) -> Result<Option<Card>, BlobsError> {
        read_card(&self.blob(address).join(CARD))
    }

    pub(crate) fn put_card(&self, address: &Digest, card: &Card) -> io::Result<()> {
        replace(&self.blob(address).join(CARD), &card.to_bytes())
    }

    pub(crate) fn hashes(&self, folder: &Path, address: &Digest) -> Result<ChunkHashes, BlobsError> {
        let most = 8 + 32 * MAX_BLOB_CHUNKS as u64;
        let bytes = read_at_most(&folder.join(HASHES), most)?;
        let (length, list) = bytes.split_first_chunk::<8>().ok_or(BlobsError::Damaged(0))?;
        ChunkHashes::from_bytes(u64::from_be_bytes(*length), address, list)
            .map_err(|_| BlobsError::Damaged(0))
    }

    /// Begins a folder for what is to come.
    pub(crate) fn begin(&self, folder: &Path, hashes: &ChunkHashes) -> io::Result<()> {
        private_dir(folder)?;
        let mut bytes = hashes.length().to_be_bytes().to_vec();
        bytes.extend(hashes.to_bytes());
        replace(&folder.join(HASHES), &bytes)?;
        new_file(&folder.join(CONTENT))?;
        sync_dir(&self.0.join(PARTS))
    }

    /// Gives a whole blob its name. Everything in it but the card is on the disk.
    pub(crate) fn finish(&self, part: &Path, address: &Digest, card: &Card) -> io::Result<()> {
        let shelf = self.shelf(address);
        private_dir(&shelf)?;
        replace(&part.join(CARD), &card.to_bytes())?;
        sync_dir(part)?;
        let blob = self.blob(address);
        if blob.is_dir() {
            // Without a card: left by a copy that was cut short, and nobody's.
            fs::remove_dir_all(&blob)?;
        }
        fs::rename(part, blob)?;
        // COMMIT POINT: before this the blob is still coming, after it is kept for good.
        sync_dir(&shelf)?;
        sync_dir(&self.0)?;
        self.drop_ended(address)
    }

    /// Puts what has come whole in the place of what the disk has damaged.
    pub(crate) fn mend(&self, part: &Path, address: &Digest) -> io::Result<()> {
        let blob = self.blob(address);
        fs::rename(part.join(HASHES), blob.join(HASHES))?;
        fs::rename(part.join(CONTENT), blob.join(CONTENT))?;
        sync_dir(&blob)
    }

    /// Takes a blob's name away and removes it.
    pub(crate) fn remove(&self, address: &Digest) -> io::Result<()> {
        let gone = self.0.join(PARTS).join(format!("{GONE}{}", hex(&address.0)));
        fs::rename(self.blob(address), &gone)?;
        sync_dir(&self.shelf(address))?;
        fs::remove_dir_all(gone)
    }

    pub(crate) fn drop_part(&self, name: &PartName) -> io::Result<()> {
        fs::remove_dir_all(self.part(name))
    }
}
