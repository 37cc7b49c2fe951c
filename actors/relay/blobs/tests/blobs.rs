//! Blobs on a disk: taken, interrupted, shared, erased, damaged.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::Path;
use std::sync::Arc;

use telesphor_blobs::{Blobs, BlobsError};
use telesphor_wire::blob::tree::{ChunkHasher, ChunkHashes, chunk_len};
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::limits::BLOB_CHUNK_BYTES;

const AINO: MailboxId = MailboxId([1; 32]);
const ROOM: MailboxId = MailboxId([2; 32]);
const DOCTOR: MailboxId = MailboxId([3; 32]);
const QUOTA: u64 = 64 << 20;
const NOW: u64 = 1_800_000_000_000;

/// Three chunks and a half.
fn scan() -> (Vec<u8>, ChunkHashes) {
    let bytes: Vec<u8> = (0..BLOB_CHUNK_BYTES * 7 / 2)
        .map(|i| ((i * 31) >> 3) as u8)
        .collect();
    let mut hasher = ChunkHasher::default();
    hasher.update(&bytes);
    (bytes, hasher.finish().unwrap())
}

fn open(folder: &Path) -> Arc<Blobs> {
    Arc::new(Blobs::open(folder, false).unwrap())
}

fn chunk<'a>(bytes: &'a [u8], hashes: &ChunkHashes, index: u64) -> &'a [u8] {
    let from = (index * BLOB_CHUNK_BYTES) as usize;
    &bytes[from..from + chunk_len(hashes.length(), index) as usize]
}

/// Puts chunks `from..to` in one turn.
fn put(blobs: &Arc<Blobs>, mailbox: MailboxId, from: u64, to: u64) -> bool {
    let (bytes, hashes) = scan();
    blobs.begin(mailbox, hashes.clone(), QUOTA, NOW).unwrap();
    let mut writer = blobs.writer(mailbox, hashes.address(), from as u32).unwrap();
    for index in from..to {
        writer.put(chunk(&bytes, &hashes, index)).unwrap();
    }
    writer.finish(NOW).unwrap().complete
}

fn read(blobs: &Arc<Blobs>, mailbox: MailboxId, address: Digest) -> Result<Vec<u8>, BlobsError> {
    let mut reader = blobs.reader(mailbox, address, 0)?;
    let mut all = Vec::new();
    while let Some(chunk) = reader.read()? {
        all.extend(chunk);
    }
    Ok(all)
}

fn files(folder: &Path) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        count += match entry.file_type().unwrap().is_dir() {
            true => files(&entry.path()),
            false => 1,
        };
    }
    count
}

#[test]
fn an_interrupted_blob_begins_again_or_is_given_before_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, hashes) = scan();
    let address = hashes.address();
    assert!(!put(&open(folder.path()), AINO, 0, 2));

    // The process is gone, and the power with it: half a chunk was written.
    let part = std::fs::read_dir(folder.path().join("part"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let content = part.path().join("content");
    let mut torn = std::fs::read(&content).unwrap();
    torn.extend(vec![0; 1000]);
    std::fs::write(&content, torn).unwrap();

    let blobs = open(folder.path());
    assert!(matches!(read(&blobs, AINO, address), Err(BlobsError::Absent)));
    assert_eq!(blobs.begin(AINO, hashes.clone(), QUOTA, NOW).unwrap().have, 2);
    assert!(matches!(
        blobs.writer(AINO, address, 3),
        Err(BlobsError::OutOfOrder(2))
    ));
    assert!(put(&blobs, AINO, 2, 4));
    assert_eq!(read(&blobs, AINO, address).unwrap(), bytes);
    // So it stands after the next start.
    drop(blobs);
    let blobs = open(folder.path());
    assert_eq!(read(&blobs, AINO, address).unwrap(), bytes);
    assert_eq!(blobs.used(&AINO), hashes.length());
}

#[test]
fn a_wrong_chunk_is_written_or_costs_those_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open(folder.path());
    let (bytes, hashes) = scan();
    blobs.begin(AINO, hashes.clone(), QUOTA, NOW).unwrap();
    let mut writer = blobs.writer(AINO, hashes.address(), 0).unwrap();
    assert!(matches!(
        blobs.writer(AINO, hashes.address(), 0),
        Err(BlobsError::Busy)
    ));
    writer.put(chunk(&bytes, &hashes, 0)).unwrap();
    let mut wrong = chunk(&bytes, &hashes, 1).to_vec();
    wrong[70_000] ^= 1;
    assert!(matches!(writer.put(&wrong), Err(BlobsError::WrongChunk(1))));
    assert_eq!(writer.finish(NOW).unwrap().have, 1);
    assert!(put(&blobs, AINO, 1, 4));
    assert_eq!(read(&blobs, AINO, hashes.address()).unwrap(), bytes);
}

#[test]
fn one_flipped_byte_on_the_disk_is_given_to_somebody() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open(folder.path());
    let (_, hashes) = scan();
    put(&blobs, AINO, 0, 4);
    let name: String = hashes.address().0.iter().map(|b| format!("{b:02x}")).collect();
    let content = folder.path().join(&name[..2]).join(&name).join("content");
    let mut bytes = std::fs::read(&content).unwrap();
    bytes[BLOB_CHUNK_BYTES as usize * 2 + 5] ^= 0x40;
    std::fs::write(&content, bytes).unwrap();
    let mut reader = blobs.reader(AINO, hashes.address(), 0).unwrap();
    assert!(reader.read().unwrap().is_some());
    assert!(reader.read().unwrap().is_some());
    assert!(matches!(reader.read(), Err(BlobsError::Damaged(2))));
    // What lies behind it can be had.
    assert!(
        blobs
            .reader(AINO, hashes.address(), 3)
            .unwrap()
            .read()
            .unwrap()
            .is_some()
    );
}

#[test]
fn a_blob_is_stored_or_counted_twice_or_read_where_it_does_not_stand() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open(folder.path());
    let (bytes, hashes) = scan();
    let (address, length) = (hashes.address(), hashes.length());
    put(&blobs, AINO, 0, 4);
    let stored = files(folder.path());
    assert!(matches!(read(&blobs, ROOM, address), Err(BlobsError::Absent)));
    // Whoever cannot read it somewhere cannot have it shown by knowing its name.
    assert!(matches!(
        blobs.attach(DOCTOR, address, ROOM, None, NOW),
        Err(BlobsError::Absent)
    ));
    blobs.attach(ROOM, address, AINO, None, NOW).unwrap();
    assert_eq!(read(&blobs, ROOM, address).unwrap(), bytes);
    assert_eq!((blobs.used(&ROOM), blobs.used(&AINO)), (0, length));
    blobs.attach(DOCTOR, address, ROOM, Some(QUOTA), NOW).unwrap();
    // Somebody puts the very same bytes.
    let other = MailboxId([9; 32]);
    assert!(put(&blobs, other, 0, 4));
    assert_eq!((blobs.totals().blobs, blobs.totals().bytes), (1, length));
    assert_eq!(files(folder.path()), stored, "it lies there once");
    assert!(matches!(
        blobs.begin(ROOM, hashes, length - 1, NOW),
        Err(BlobsError::Quota)
    ));
}

#[test]
fn what_nobody_keeps_stays_on_the_disk_or_what_somebody_keeps_goes() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open(folder.path());
    let (bytes, hashes) = scan();
    let address = hashes.address();
    put(&blobs, AINO, 0, 4);
    blobs.attach(ROOM, address, AINO, None, NOW).unwrap();
    blobs.attach(DOCTOR, address, ROOM, Some(QUOTA), NOW).unwrap();
    let mut reader = blobs.reader(ROOM, address, 0).unwrap();
    reader.read().unwrap();
    blobs.detach(ROOM, address, NOW).unwrap();
    assert!(
        matches!(reader.read(), Err(BlobsError::Absent)),
        "also for one who is in the middle of it"
    );
    blobs.detach(AINO, address, NOW).unwrap();
    assert_eq!(read(&blobs, DOCTOR, address).unwrap(), bytes, "a copy of his own");
    // A room that only shows it does not hold it.
    blobs.attach(ROOM, address, DOCTOR, None, NOW).unwrap();
    blobs.detach(DOCTOR, address, NOW).unwrap();
    assert!(matches!(read(&blobs, ROOM, address), Err(BlobsError::Absent)));
    assert_eq!(files(folder.path()), 0, "nothing of it is on the disk");
    assert_eq!(blobs.totals().bytes, 0);
    assert_eq!(blobs.used(&DOCTOR), 0);
}

#[test]
fn what_has_run_out_or_was_never_finished_stays_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open(folder.path());
    put(&blobs, AINO, 0, 4);
    put(&blobs, DOCTOR, 0, 1);
    let swept = blobs.sweep(NOW + 1, |u| u.mailbox == AINO).unwrap();
    assert_eq!((swept.uses, swept.parts), (1, 0));
    assert_eq!(blobs.totals().blobs, 0);
    let late = NOW + telesphor_blobs::limits::PART_LIFE_MS + 1;
    assert_eq!(blobs.sweep(late, |_| false).unwrap().parts, 1);
    assert_eq!(files(folder.path()), 0);
}
