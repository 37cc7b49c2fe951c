//! Blobs: the tree is plain BLAKE3, a chunk opens at its own place alone.
#![allow(clippy::indexing_slicing)]

use telesphor_wire::blob::chunk::{ChunkCipher, ChunkError, Content, room, sealed_len};
use telesphor_wire::blob::tree::{ChunkHasher, ChunkHashes, TreeError, chunk_hash, chunk_len, chunks};
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::limits::{BLOB_CHUNK_BYTES, MAX_BLOB_BYTES};

const CHUNK: usize = BLOB_CHUNK_BYTES as usize;

fn bytes(len: usize) -> Vec<u8> {
    (0..len)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 11) as u8)
        .collect()
}

fn hashes(content: &[u8]) -> ChunkHashes {
    let mut hasher = ChunkHasher::default();
    content.chunks(70_001).for_each(|piece| hasher.update(piece));
    hasher.finish().unwrap()
}

#[test]
fn the_list_of_chunks_leads_to_another_hash_than_plain_blake3() {
    for len in [
        1,
        512,
        CHUNK - 1,
        CHUNK,
        CHUNK + 1,
        2 * CHUNK,
        3 * CHUNK - 7,
        5 * CHUNK + 1024,
        8 * CHUNK,
        9 * CHUNK + 1,
    ] {
        let content = bytes(len);
        let hashes = hashes(&content);
        assert_eq!(hashes.address().0, *blake3::hash(&content).as_bytes(), "{len}");
        let again = ChunkHashes::from_bytes(len as u64, &hashes.address(), &hashes.to_bytes());
        assert_eq!(again.unwrap(), hashes);
    }
}

#[test]
fn one_flipped_byte_is_not_found_at_its_chunk() {
    let mut content = bytes(5 * CHUNK + 99);
    let hashes = hashes(&content);
    content[3 * CHUNK + 17] ^= 1;
    for index in 0..hashes.count() {
        let from = index as usize * CHUNK;
        let to = (from + CHUNK).min(content.len());
        assert_eq!(hashes.fits(index, &content[from..to]), index != 3);
    }
    // Neither at another place, nor shortened.
    assert!(!hashes.fits(1, &content[..CHUNK]));
    assert!(!hashes.fits(0, &content[..CHUNK - 1]));
    assert!(!hashes.fits(6, &[]));
}

#[test]
fn a_list_of_another_blob_or_length_is_taken() {
    let content = bytes(3 * CHUNK);
    let good = hashes(&content);
    let mut list = good.to_bytes();
    list[40] ^= 1;
    let refused = |length, list: &[u8]| ChunkHashes::from_bytes(length, &good.address(), list).unwrap_err();
    assert_eq!(refused(good.length(), &list), TreeError::Address);
    assert_eq!(refused(good.length() + 1, &good.to_bytes()), TreeError::Count);
    assert_eq!(refused(good.length(), &good.to_bytes()[..95]), TreeError::Count);
    assert_eq!(refused(0, &[]), TreeError::Length(0));
    assert_eq!(
        refused(MAX_BLOB_BYTES + 1, &[]),
        TreeError::Length(MAX_BLOB_BYTES + 1)
    );
    // The same hashes name another length only if they lead to another address.
    let shorter = ChunkHashes::new(3 * BLOB_CHUNK_BYTES - 1, good.list().to_vec()).unwrap();
    assert_eq!(
        shorter.address(),
        good.address(),
        "the tree alone does not tell lengths inside a chunk"
    );
    assert!(
        !shorter.fits(2, &content[2 * CHUNK..]),
        "so a chunk's length is checked beside its hash"
    );
}

fn seal(content: &[u8], key: &Secret) -> Vec<Vec<u8>> {
    let sealed = sealed_len(content.len() as u64).unwrap();
    let cipher = ChunkCipher::new(key, sealed).unwrap();
    let mut plain = content.to_vec();
    plain.resize(room(sealed) as usize - 8, 0);
    plain.extend((content.len() as u64).to_be_bytes());
    let mut rest = plain.as_slice();
    (0..cipher.count())
        .map(|index| {
            let (now, later) = rest.split_at(cipher.plain_len(index) as usize);
            rest = later;
            let mut chunk = now.to_vec();
            cipher.seal(index, &mut chunk).unwrap();
            assert_eq!(chunk.len() as u64, chunk_len(sealed, index));
            chunk
        })
        .collect()
}

fn open(chunks: &[Vec<u8>], len: usize, key: &Secret) -> Result<Vec<u8>, ChunkError> {
    let sealed = chunks.iter().map(|c| c.len() as u64).sum();
    let cipher = ChunkCipher::new(key, sealed)?;
    let mut content = Content::new(len as u64, sealed)?;
    let mut all = Vec::new();
    for (index, chunk) in chunks.iter().enumerate() {
        let mut chunk = chunk.clone();
        cipher.open(index as u64, &mut chunk)?;
        all.extend_from_slice(content.take(&chunk)?);
    }
    content.finish()?;
    Ok(all)
}

#[test]
fn a_file_comes_back_as_another_or_tells_its_length() {
    let key = Secret::new([7; 32]);
    for len in [1, 504, 505, 262_119, 262_120, 262_121, 1_000_000, 3_300_000] {
        let content = bytes(len);
        let sealed = seal(&content, &key);
        assert_eq!(open(&sealed, len, &key).unwrap(), content, "{len}");
        let length: u64 = sealed.iter().map(|c| c.len() as u64).sum();
        assert_eq!(
            telesphor_wire::padding::blob_size(length),
            length,
            "{len}: a padded length"
        );
        assert_eq!(
            open(&sealed, len - 1, &key),
            Err(ChunkError::End),
            "{len}: another length"
        );
    }
    assert!(sealed_len(MAX_BLOB_BYTES).is_err());
    assert!(sealed_len(u64::MAX).is_err());
}

#[test]
fn a_chunk_opens_at_another_place_or_in_another_blob() {
    let key = Secret::new([7; 32]);
    let content = bytes(5 * CHUNK);
    let sealed = seal(&content, &key);
    let mut swapped = sealed.clone();
    swapped.swap(1, 2);
    assert_eq!(open(&swapped, content.len(), &key), Err(ChunkError::Broken(1)));
    let mut flipped = sealed.clone();
    flipped[3][1000] ^= 1;
    assert_eq!(open(&flipped, content.len(), &key), Err(ChunkError::Broken(3)));
    let shortened = &sealed[..sealed.len() - 1];
    assert!(open(shortened, content.len(), &key).is_err());
    assert_eq!(
        open(&sealed, content.len(), &Secret::new([8; 32])),
        Err(ChunkError::Broken(0))
    );
}

#[test]
fn the_form_of_blobs_is_another_than_it_was() {
    let key = Secret::new([7; 32]);
    let sealed = seal(&bytes(300_000), &key);
    let whole: Vec<u8> = sealed.concat();
    let frozen = hex::encode(hashes(&whole).address().0);
    assert_eq!((whole.len(), chunks(whole.len() as u64)), (524_288, 2));
    assert_eq!(
        frozen,
        "6f2211ce6fcce03eb016d0794da40dbba035ec2e6214c36252fc90b152c20160"
    );
    let first = chunk_hash(0, &sealed[0], false);
    assert_ne!(
        first,
        Digest(*blake3::hash(&sealed[0]).as_bytes()),
        "a chunk is no blob"
    );
}
