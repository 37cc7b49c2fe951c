//! Large files through a real relay: put, cut off, fetched, damaged, refused, backed up, erased.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::common;

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{Client, Personal, Relay, Wire};
use telesphor_wire::answer::Refusal;
use telesphor_wire::blob::call::{
    BlobAnswer, BlobBegin, BlobCall, BlobChunks, BlobName, BlobRequest, BlobStanding,
};
use telesphor_wire::blob::tree::{ChunkHasher, ChunkHashes};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::Nonce;
use telesphor_wire::limits::{BLOB_CHUNK_BYTES, MAX_BLOB_BYTES};
use telesphor_wire::session::{Right, SessionClaim, Welcome};
use telesphor_wire::sign::SigningKey;
use telesphor_wire::text::SupportCode;

const CHUNK: usize = BLOB_CHUNK_BYTES as usize;

/// Four chunks and a half, and the list of their hashes.
fn scan() -> (Vec<u8>, ChunkHashes) {
    let bytes: Vec<u8> = (0..CHUNK * 9 / 2)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let mut hasher = ChunkHasher::default();
    hasher.update(&bytes);
    (bytes, hasher.finish().unwrap())
}

/// One call over a connection of its own: the body of the answer, or the refusal.
async fn call(
    relay: &Relay,
    mailbox: &Personal,
    key: &SigningKey,
    right: Right,
    request: BlobRequest,
    body: &[u8],
) -> Result<Vec<u8>, ErrorCode> {
    let mut wire = Wire::connect(relay).await.unwrap();
    let hello = wire.http("GET", "/v1/hello", "", b"").await;
    let welcome: Welcome = canonical::decode(&hello.body).unwrap();
    let call = BlobCall {
        support: SupportCode::random(),
        agent_nonce: Nonce::random(),
        request,
        ext: Extensions::none(),
    };
    let claim = SessionClaim {
        domain: welcome.domain.clone(),
        relay: welcome.relay,
        channel_binding: wire.binding,
        relay_nonce: welcome.relay_nonce,
        agent_nonce: call.agent_nonce,
        mailbox: mailbox.mailbox,
        right,
        branch: 0,
        epoch: 0,
        body: Some(call.bound()),
        ext: Extensions::none(),
    };
    let headers = format!(
        "Telesphor-Blob: {}\r\nTelesphor-Proof: {}\r\n",
        STANDARD.encode(canonical::encode(&call)),
        STANDARD.encode(canonical::encode(&claim.prove(key))),
    );
    let answer = wire.http("POST", "/v1/blob", &headers, body).await;
    match answer.status {
        200 => Ok(answer.body),
        _ => Err(canonical::decode::<Refusal>(&answer.body).unwrap().code),
    }
}

async fn owner(
    relay: &Relay,
    mailbox: &Personal,
    request: BlobRequest,
    body: &[u8],
) -> Result<Vec<u8>, ErrorCode> {
    call(relay, mailbox, &mailbox.owner, Right::Owner, request, body).await
}

fn standing(answer: &[u8]) -> Option<BlobStanding> {
    canonical::decode::<BlobAnswer>(answer).unwrap().standing
}

fn begin(mailbox: &Personal, hashes: &ChunkHashes) -> BlobRequest {
    BlobRequest::Begin(BlobBegin {
        mailbox: mailbox.mailbox,
        address: hashes.address(),
        length: hashes.length(),
    })
}

fn chunks(mailbox: &Personal, address: Digest, from: u32, count: u32) -> BlobChunks {
    BlobChunks {
        mailbox: mailbox.mailbox,
        address,
        from,
        count,
    }
}

fn hex(address: &Digest) -> String {
    address.0.iter().map(|b| format!("{b:02x}")).collect()
}

fn content(relay: &Relay, address: &Digest) -> PathBuf {
    let name = hex(address);
    relay
        .data
        .join("blobs")
        .join(&name[..2])
        .join(name)
        .join("content")
}

async fn put_all(relay: &Relay, mailbox: &Personal) -> Digest {
    let (bytes, hashes) = scan();
    owner(relay, mailbox, begin(mailbox, &hashes), &hashes.to_bytes())
        .await
        .unwrap();
    let put = BlobRequest::Put(chunks(mailbox, hashes.address(), 0, 5));
    let answer = owner(relay, mailbox, put, &bytes).await.unwrap();
    assert!(standing(&answer).unwrap().complete);
    hashes.address()
}

#[tokio::test]
async fn a_relay_killed_in_the_middle_of_a_file_begins_it_again_or_gives_half_of_it() {
    let mut relay = Relay::serving();
    let mailbox = Personal::open(&relay, &mut Client::hello(&relay).await).await;
    let (bytes, hashes) = scan();
    let (name, address) = (
        BlobName {
            mailbox: mailbox.mailbox,
            address: hashes.address(),
        },
        hashes.address(),
    );
    let list = hashes.to_bytes();
    let first = owner(&relay, &mailbox, begin(&mailbox, &hashes), &list)
        .await
        .unwrap();
    assert_eq!(standing(&first).unwrap().have, 0);
    // The line breaks within the third chunk: two are there.
    let put = BlobRequest::Put(chunks(&mailbox, address, 0, 5));
    let cut = owner(&relay, &mailbox, put, &bytes[..CHUNK * 5 / 2])
        .await
        .unwrap();
    assert_eq!(standing(&cut).unwrap().have, 2);
    let get = BlobRequest::Get(chunks(&mailbox, address, 0, 2));
    assert_eq!(
        owner(&relay, &mailbox, get.clone(), b"").await,
        Err(ErrorCode::BlobAbsent)
    );

    relay.kill();
    relay.start(&[]);
    let again = owner(&relay, &mailbox, begin(&mailbox, &hashes), &list)
        .await
        .unwrap();
    let again = standing(&again).unwrap();
    assert_eq!((again.have, again.complete), (2, false));
    // Not from another place than where it stopped.
    let wrong = BlobRequest::Put(chunks(&mailbox, address, 1, 5));
    assert_eq!(
        owner(&relay, &mailbox, wrong, &bytes[CHUNK..]).await,
        Err(ErrorCode::NoSuchRange)
    );
    let put = BlobRequest::Put(chunks(&mailbox, address, 2, 5));
    let whole = owner(&relay, &mailbox, put, &bytes[2 * CHUNK..]).await.unwrap();
    assert!(standing(&whole).unwrap().complete);

    relay.kill();
    relay.start(&[]);
    assert_eq!(
        owner(&relay, &mailbox, BlobRequest::Hashes(name), b"")
            .await
            .unwrap(),
        list
    );
    assert_eq!(
        owner(&relay, &mailbox, get, b"").await.unwrap(),
        bytes[..2 * CHUNK]
    );
    let rest = BlobRequest::Get(chunks(&mailbox, address, 2, 256));
    assert_eq!(
        owner(&relay, &mailbox, rest, b"").await.unwrap(),
        bytes[2 * CHUNK..]
    );
    assert_eq!(
        relay.metric("telesphor_relay_blob_bytes_in_total"),
        0.0,
        "since its start"
    );
    assert_eq!(
        relay.metric("telesphor_relay_blob_bytes_out_total"),
        bytes.len() as f64
    );
}

#[tokio::test]
async fn one_byte_flipped_on_the_line_or_the_disk_is_not_found_at_its_chunk() {
    let mut relay = Relay::serving();
    let mailbox = Personal::open(&relay, &mut Client::hello(&relay).await).await;
    let (bytes, hashes) = scan();
    let address = hashes.address();
    owner(&relay, &mailbox, begin(&mailbox, &hashes), &hashes.to_bytes())
        .await
        .unwrap();
    let mut changed = bytes.clone();
    changed[3 * CHUNK + 4_711] ^= 0x10;
    let put = BlobRequest::Put(chunks(&mailbox, address, 0, 5));
    assert_eq!(
        owner(&relay, &mailbox, put, &changed).await,
        Err(ErrorCode::BlobChanged)
    );
    let look = BlobRequest::Look(BlobName {
        mailbox: mailbox.mailbox,
        address,
    });
    let have = owner(&relay, &mailbox, look.clone(), b"").await.unwrap();
    assert_eq!(standing(&have).unwrap().have, 3, "those before it stay");
    let put = BlobRequest::Put(chunks(&mailbox, address, 3, 5));
    owner(&relay, &mailbox, put, &bytes[3 * CHUNK..]).await.unwrap();

    // On the disk, later.
    let stored = content(&relay, &address);
    let mut damaged = std::fs::read(&stored).unwrap();
    damaged[CHUNK + 1] ^= 1;
    std::fs::write(&stored, damaged).unwrap();
    let get = |from, count| BlobRequest::Get(chunks(&mailbox, address, from, count));
    assert_eq!(
        owner(&relay, &mailbox, get(1, 1), b"").await,
        Err(ErrorCode::BlobDamaged)
    );
    assert_eq!(
        owner(&relay, &mailbox, get(2, 9), b"").await.unwrap(),
        bytes[2 * CHUNK..],
        "the others can be had"
    );
    relay.signal("TERM");
    assert_eq!(relay.ended(), Some(0));
    let output = relay.command(&["verify", "--json"]);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("chunk 1") && said.contains(&hex(&address)),
        "{said}"
    );

    // Whoever still has it puts it again, and it is mended.
    relay.start(&[]);
    assert_eq!(
        owner(&relay, &mailbox, get(1, 1), b"").await,
        Err(ErrorCode::BlobDamaged)
    );
    let have = owner(&relay, &mailbox, look, b"").await.unwrap();
    assert!(!standing(&have).unwrap().complete);
    put_all(&relay, &mailbox).await;
    assert_eq!(owner(&relay, &mailbox, get(0, 9), b"").await.unwrap(), bytes);
}

#[tokio::test]
async fn a_file_is_put_or_fetched_without_the_right_or_beyond_the_quota() {
    let relay = Relay::serving();
    let mailbox = Personal::open(&relay, &mut Client::hello(&relay).await).await;
    let other = Personal::open(&relay, &mut Client::hello(&relay).await).await;
    let (bytes, hashes) = scan();
    let list = hashes.to_bytes();
    let begun = begin(&mailbox, &hashes);
    // A contact may write letters, not fill the mailbox with files.
    let contact = call(
        &relay,
        &mailbox,
        &mailbox.contact,
        Right::Deposit,
        begun.clone(),
        &list,
    );
    assert_eq!(contact.await, Err(ErrorCode::NotOwner));
    // Another owner's proof opens his own mailbox alone.
    let stranger = call(&relay, &mailbox, &other.owner, Right::Owner, begun.clone(), &list);
    assert_eq!(stranger.await, Err(ErrorCode::Refused));
    assert_eq!(
        owner(&relay, &other, begun.clone(), &list).await,
        Err(ErrorCode::Refused)
    );
    let address = put_all(&relay, &mailbox).await;
    // Knowing the address is worth nothing.
    let get = BlobRequest::Get(chunks(&other, address, 0, 5));
    assert_eq!(owner(&relay, &other, get, b"").await, Err(ErrorCode::BlobAbsent));
    // A list that does not lead there, too many chunks, and bytes nobody announced.
    assert_eq!(
        owner(&relay, &other, begin(&other, &hashes), &list[..list.len() - 32]).await,
        Err(ErrorCode::BlobChanged)
    );
    let many = BlobRequest::Put(chunks(&other, address, 0, 257));
    assert_eq!(owner(&relay, &other, many, &bytes).await, Err(ErrorCode::TooMany));
    let unannounced = BlobRequest::Put(chunks(&other, address, 0, 5));
    assert_eq!(
        owner(&relay, &other, unannounced, &bytes).await,
        Err(ErrorCode::BlobAbsent)
    );
    // A patient's 16 GiB hold four files of 4 GiB and no fifth.
    let mut last = Ok(Vec::new());
    for n in 0..5u8 {
        let count = (MAX_BLOB_BYTES / BLOB_CHUNK_BYTES) as usize;
        let large = ChunkHashes::new(MAX_BLOB_BYTES, vec![Digest([n; 32]); count]).unwrap();
        last = owner(&relay, &other, begin(&other, &large), &large.to_bytes()).await;
        if last == Err(ErrorCode::DiskFull) {
            // A small machine says so before it begins; that is a refusal too.
            return;
        }
        assert!(n == 4 || last.is_ok(), "{n}: {last:?}");
    }
    assert_eq!(last, Err(ErrorCode::QuotaExceeded));
    let look = BlobRequest::Look(BlobName {
        mailbox: other.mailbox,
        address,
    });
    let answer: BlobAnswer = canonical::decode(&owner(&relay, &other, look, b"").await.unwrap()).unwrap();
    assert_eq!(
        (answer.used, answer.quota),
        (Some(16 << 30), Some(16 << 30)),
        "what is promised counts"
    );
}

#[tokio::test]
async fn a_file_is_lost_by_a_backup_or_outlives_its_erasure() {
    let relay = Relay::serving();
    let mailbox = Personal::open(&relay, &mut Client::hello(&relay).await).await;
    let (bytes, _) = scan();
    let address = put_all(&relay, &mailbox).await;
    let backup = relay.folder().join("backup");
    let said = relay.json(&["backup", backup.to_str().unwrap(), "--verify"]);
    assert_eq!(said["verified"]["files"], 1, "{said}");
    assert_eq!(said["verified"]["file_bytes"], bytes.len());

    let name = BlobName {
        mailbox: mailbox.mailbox,
        address,
    };
    owner(&relay, &mailbox, BlobRequest::Detach(name), b"")
        .await
        .unwrap();
    assert!(!content(&relay, &address).exists(), "at once, and for good");
    let get = BlobRequest::Get(chunks(&mailbox, address, 0, 5));
    assert_eq!(
        owner(&relay, &mailbox, get.clone(), b"").await,
        Err(ErrorCode::BlobAbsent)
    );

    let mut restored = Relay::at(&relay.folder().join("restored"));
    let output = restored.command(&["restore", backup.to_str().unwrap(), "--json"]);
    assert!(output.status.success(), "{output:?}");
    restored.start(&[]);
    assert_eq!(owner(&restored, &mailbox, get, b"").await.unwrap(), bytes);
}
