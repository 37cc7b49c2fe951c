//! Calls about blobs, and how one is sealed and named.

use telesphor_wire::blob::call::*;
use telesphor_wire::blob::chunk::ChunkCipher;
use telesphor_wire::blob::tree::{ChunkHasher, ChunkHashes};

use super::every::{Sample, sample};
use super::*;

pub fn blob_call(request: BlobRequest) -> BlobCall {
    BlobCall {
        support: support(),
        agent_nonce: Nonce([0xb1; 32]),
        request,
        ext: Extensions::none(),
    }
}

pub fn blob_requests() -> [(&'static str, BlobRequest); 7] {
    let (mailbox, address) = (mailbox_id(), Digest([0xb2; 32]));
    let name = BlobName { mailbox, address };
    let chunks = BlobChunks {
        mailbox,
        address,
        from: 3,
        count: 64,
    };
    [
        ("look", BlobRequest::Look(name)),
        (
            "begin",
            BlobRequest::Begin(BlobBegin {
                mailbox,
                address,
                length: 1 << 30,
            }),
        ),
        ("hashes", BlobRequest::Hashes(name)),
        ("put", BlobRequest::Put(chunks)),
        ("get", BlobRequest::Get(chunks)),
        (
            "attach",
            BlobRequest::Attach(BlobAttach {
                mailbox,
                address,
                source: MailboxId([0xb3; 32]),
                kept: true,
            }),
        ),
        ("detach", BlobRequest::Detach(name)),
    ]
}

pub fn blob_answer() -> BlobAnswer {
    BlobAnswer {
        standing: Some(BlobStanding {
            length: 1 << 30,
            have: 67,
            complete: false,
            kept: true,
        }),
        used: Some(2 << 30),
        quota: Some(16 << 30),
        ext: Extensions::none(),
    }
}

/// A sealed blob of two chunks and its list, small enough to be told by its hash.
pub fn sealed_blob() -> (Vec<u8>, ChunkHashes) {
    let sealed = 512 * 1024;
    let cipher = ChunkCipher::new(&Secret::new([0xb4; 32]), sealed).unwrap();
    let mut all = Vec::new();
    let mut hasher = ChunkHasher::default();
    for index in 0..cipher.count() {
        let mut chunk = vec![index as u8; cipher.plain_len(index) as usize];
        cipher.seal(index, &mut chunk).unwrap();
        hasher.update(&chunk);
        all.extend(chunk);
    }
    (all, hasher.finish().unwrap())
}

pub fn blob_structures() -> Vec<Sample> {
    let mut all: Vec<Sample> = blob_requests()
        .into_iter()
        .map(|(name, request)| sample(format!("blob-{name}"), &blob_call(request)))
        .collect();
    all.push(sample("blob-answer", &blob_answer()));
    all.push(sample("blob-sealed", &sealed_blob().1.address()));
    all.push(sample("blob-list", &Bytes(sealed_blob().1.to_bytes())));
    all
}
