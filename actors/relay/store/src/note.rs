//! The note of attested heads: a small file beside the database, so that a store which lost
//! what this relay had confirmed is found out when it is opened, and never serves.
//!
//! The database recovers to the last intact point of its log, and a damaged log ends early
//! without a word. The note is written outside of it, after each attestation; its own loss is
//! harmless, since it can only be older than the truth.
//!
//! ```text
//! slot   at (2 * partition + turn % 2) * 128, so that a torn write spares the one before
//!        turn 8 | partition 2 | position 8 | head digest 32 | CRC-32 of these 4 | zero 74
//! ```

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use telesphor_wire::hash::Digest;
use telesphor_wire::ids::PartitionId;

use crate::columns::codec::{Put, Take};

const SLOT: usize = 128;
const BODY: usize = 50;

/// One partition's note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Noted {
    turn: u64,
    pub(crate) position: u64,
    pub(crate) head: Digest,
}

/// The open file and what it says.
pub(crate) struct Note {
    file: File,
    noted: BTreeMap<u16, Noted>,
}

impl Note {
    /// Opens the note, or begins one.
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let mut noted: BTreeMap<u16, Noted> = BTreeMap::new();
        for slot in std::fs::read(path)?.chunks(SLOT) {
            let Some((partition, found)) = decode(slot) else {
                continue;
            };
            let entry = noted.entry(partition).or_insert(found);
            if found.turn > entry.turn {
                *entry = found;
            }
        }
        Ok(Self { file, noted })
    }

    /// What was attested last, per partition.
    pub(crate) fn noted(&self) -> impl Iterator<Item = (PartitionId, Noted)> + '_ {
        self.noted.iter().map(|(p, n)| (PartitionId(*p), *n))
    }

    /// Notes a head. Reaches the disk with the next [`Note::sync`], or when the system likes.
    pub(crate) fn write(
        &mut self,
        partition: PartitionId,
        position: u64,
        head: Digest,
    ) -> std::io::Result<()> {
        let turn = self.noted.get(&partition.0).map_or(1, |n| n.turn.wrapping_add(1));
        let noted = Noted { turn, position, head };
        let at = (u64::from(partition.0) * 2 + turn % 2) * SLOT as u64;
        self.file.write_all_at(&encode(partition.0, &noted), at)?;
        self.noted.insert(partition.0, noted);
        Ok(())
    }

    /// Makes sure that the note is on the disk.
    pub(crate) fn sync(&self) -> std::io::Result<()> {
        self.file.sync_data()
    }
}

fn encode(partition: u16, n: &Noted) -> Vec<u8> {
    let mut out = Vec::with_capacity(SLOT);
    out.u64(n.turn);
    out.u16(partition);
    out.u64(n.position);
    out.raw(&n.head.0);
    let crc = crc32(&out);
    out.u32(crc);
    out.resize(SLOT, 0);
    out
}

fn decode(slot: &[u8]) -> Option<(u16, Noted)> {
    let mut t = Take(slot);
    let (turn, partition, position, head) = (t.u64()?, t.u16()?, t.u64()?, t.digest()?);
    let genuine = t.u32()? == crc32(slot.get(..BODY)?) && turn != 0;
    genuine.then_some((partition, Noted { turn, position, head }))
}

/// CRC-32 (IEEE 802.3), bit by bit: it guards 50 bytes against torn writes, nothing else.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| {
            if c & 1 == 1 {
                (c >> 1) ^ 0xEDB8_8320
            } else {
                c >> 1
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_common_one() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn a_torn_note_falls_back_to_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("attested");
        let p = PartitionId(3);
        let mut note = Note::open(&path).unwrap();
        for n in 1..=5 {
            note.write(p, n, Digest([n as u8; 32])).unwrap();
        }
        assert_eq!(
            Note::open(&path).unwrap().noted().next().map(|(_, n)| n.position),
            Some(5)
        );
        // The fifth write was the third one to its slot; damage it.
        note.file
            .write_all_at(b"xx", (3 * 2 + 5 % 2) * SLOT as u64 + 12)
            .unwrap();
        let again = Note::open(&path).unwrap();
        let (partition, noted) = again.noted().next().unwrap();
        assert_eq!((partition, noted.position, noted.head), (p, 4, Digest([4; 32])));
    }
}
