//! Blobs of several relays: what one is told by another, and what comes from it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::Path;
use std::sync::Arc;

use telesphor_blobs::card::Card;
use telesphor_blobs::{Blobs, BlobsError, Told};
use telesphor_wire::blob::tree::{ChunkHasher, ChunkHashes, chunk_len};
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::limits::BLOB_CHUNK_BYTES;

const AINO: MailboxId = MailboxId([1; 32]);
const DOCTOR: MailboxId = MailboxId([3; 32]);
const QUOTA: u64 = 64 << 20;
const NOW: u64 = 1_800_000_000_000;

/// Two chunks and a half.
fn scan() -> (Vec<u8>, ChunkHashes) {
    let bytes: Vec<u8> = (0..BLOB_CHUNK_BYTES * 5 / 2)
        .map(|i| ((i * 7) >> 2) as u8)
        .collect();
    let mut hasher = ChunkHasher::default();
    hasher.update(&bytes);
    (bytes, hasher.finish().unwrap())
}

fn open(folder: &Path) -> Arc<Blobs> {
    Arc::new(Blobs::open(folder, true).unwrap())
}

/// A relay that has the scan, kept by Aino.
fn with_scan(folder: &Path) -> (Arc<Blobs>, Digest) {
    let (bytes, hashes) = scan();
    let blobs = open(folder);
    let address = hashes.address();
    blobs.begin(AINO, hashes.clone(), QUOTA, NOW).unwrap();
    let mut writer = blobs.writer(AINO, address, 0).unwrap();
    for index in 0..hashes.count() {
        let from = (index * BLOB_CHUNK_BYTES) as usize;
        writer
            .put(&bytes[from..from + chunk_len(hashes.length(), index) as usize])
            .unwrap();
    }
    assert!(writer.finish(NOW).unwrap().complete);
    (blobs, address)
}

fn card(blobs: &Blobs, address: &Digest) -> Card {
    blobs.card(address).unwrap().unwrap()
}

/// One relay tells the other of a blob, which comes if it is wanted.
fn tell(from: &Arc<Blobs>, to: &Arc<Blobs>, address: Digest) -> Told {
    let told = to.told(address, &card(from, &address)).unwrap();
    if told == Told::Wanted {
        let mut pull = to.pull(address).unwrap();
        let list = from.list(&address).unwrap();
        let length = list.length();
        pull.begin(list).unwrap();
        while let Some(index) = pull.next() {
            pull.put(&from.chunk(&address, length, index).unwrap()).unwrap();
        }
        pull.finish().unwrap();
    }
    told
}

fn read(blobs: &Arc<Blobs>, mailbox: MailboxId, address: Digest) -> Result<Vec<u8>, BlobsError> {
    let mut reader = blobs.reader(mailbox, address, 0)?;
    let mut all = Vec::new();
    while let Some(chunk) = reader.read()? {
        all.extend(chunk);
    }
    Ok(all)
}

#[test]
fn a_file_put_at_one_relay_is_whole_at_the_other_and_counts_there() {
    let dir = tempfile::tempdir().unwrap();
    let (here, address) = with_scan(&dir.path().join("here"));
    let there = open(&dir.path().join("there"));
    assert_eq!(tell(&here, &there, address), Told::Wanted);
    assert_eq!(read(&there, AINO, address).unwrap(), scan().0);
    assert_eq!(there.used(&AINO), scan().1.length());
    assert_eq!((there.totals().blobs, there.totals().parts), (1, 0));
    assert_eq!(
        tell(&here, &there, address),
        Told::Stands,
        "told twice, it comes once"
    );
    // And it is there after a restart.
    drop(there);
    let there = open(&dir.path().join("there"));
    assert_eq!(read(&there, AINO, address).unwrap(), scan().0);
}

#[test]
fn what_was_erased_at_one_relay_leaves_the_other_and_does_not_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let (here, address) = with_scan(&dir.path().join("here"));
    let there = open(&dir.path().join("there"));
    tell(&here, &there, address);
    let before = card(&there, &address);
    here.detach(AINO, address, NOW + 1).unwrap();
    assert_eq!(here.totals().blobs, 0);
    assert_eq!(tell(&here, &there, address), Told::Stands);
    assert!(matches!(read(&there, AINO, address), Err(BlobsError::Absent)));
    assert_eq!((there.used(&AINO), there.totals().bytes), (0, 0));
    // A third one that has not heard of it yet tells what stood before, also after restarts.
    drop(here);
    let here = open(&dir.path().join("here"));
    assert_eq!(here.told(address, &before).unwrap(), Told::Stands);
    assert!(here.pull(address).is_none());
    assert_eq!(here.totals().blobs, 0);
    // Put again by its owner, it stands again, and the others take it over.
    drop(here);
    let (here, _) = with_scan(&dir.path().join("here"));
    assert_eq!(tell(&here, &there, address), Told::Wanted);
    assert!(read(&there, AINO, address).is_ok());
}

#[test]
fn what_is_shown_at_one_relay_is_shown_at_the_other_and_stays_while_it_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (here, address) = with_scan(&dir.path().join("here"));
    let there = open(&dir.path().join("there"));
    tell(&here, &there, address);
    here.attach(DOCTOR, address, AINO, Some(QUOTA), NOW + 1).unwrap();
    there.detach(AINO, address, NOW + 2).unwrap();
    // Each hears of the other's: the doctor has it, and the patient no more.
    tell(&here, &there, address);
    assert_eq!(tell(&there, &here, address), Told::Stands);
    if there.totals().blobs == 0 {
        tell(&here, &there, address);
    }
    for relay in [&here, &there] {
        assert!(read(relay, DOCTOR, address).is_ok());
        assert!(matches!(read(relay, AINO, address), Err(BlobsError::Absent)));
        assert_eq!((relay.used(&AINO), relay.used(&DOCTOR)), (0, scan().1.length()));
    }
    assert_eq!(card(&here, &address), card(&there, &address));
}

#[test]
fn a_chunk_that_another_relay_has_changed_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let (here, address) = with_scan(&dir.path().join("here"));
    let there = open(&dir.path().join("there"));
    there.told(address, &card(&here, &address)).unwrap();
    let mut pull = there.pull(address).unwrap();
    assert!(there.pull(address).is_none(), "pulled twice at once");
    pull.begin(here.list(&address).unwrap()).unwrap();
    let mut chunk = here.chunk(&address, scan().1.length(), 0).unwrap();
    chunk[9] ^= 1;
    assert!(matches!(pull.put(&chunk), Err(BlobsError::WrongChunk(0))));
    chunk[9] ^= 1;
    pull.put(&chunk).unwrap();
    assert_eq!(pull.next(), Some(1), "and the right one of the next relay is");
    drop(pull);
    assert_eq!(there.totals().blobs, 0);
    assert!(
        there.pull(address).is_some(),
        "what was given up may be begun again"
    );
}

#[test]
fn a_blob_that_one_disk_has_damaged_is_mended_from_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let (here, address) = with_scan(&dir.path().join("here"));
    let there = open(&dir.path().join("there"));
    tell(&here, &there, address);
    let shelf = std::fs::read_dir(dir.path().join("there"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .find(|p| p.file_name().unwrap().len() == 2)
        .unwrap();
    let blob = std::fs::read_dir(shelf).unwrap().next().unwrap().unwrap().path();
    let mut content = std::fs::read(blob.join("content")).unwrap();
    content[300_000] ^= 1;
    std::fs::write(blob.join("content"), content).unwrap();
    assert!(matches!(read(&there, AINO, address), Err(BlobsError::Damaged(1))));
    assert_eq!(there.damaged(), [address]);
    assert_eq!(tell(&here, &there, address), Told::Wanted);
    assert_eq!(read(&there, AINO, address).unwrap(), scan().0);
    assert!(there.damaged().is_empty());
}

#[test]
fn the_end_of_a_use_is_forgotten_when_everybody_has_heard_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let (here, address) = with_scan(dir.path());
    here.detach(AINO, address, NOW).unwrap();
    here.sweep(NOW + telesphor_blobs::limits::ENDED_LIFE_MS, |_| false)
        .unwrap();
    assert!(here.card(&address).unwrap().is_some());
    here.sweep(NOW + telesphor_blobs::limits::ENDED_LIFE_MS + 2, |_| false)
        .unwrap();
    assert!(here.card(&address).unwrap().is_none());
    assert!(here.cards(None).unwrap().is_empty());
}
