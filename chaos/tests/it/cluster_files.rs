//! Large files in a cluster of real relays over real NATS servers: none may rest on one of them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::Bytes;
use telesphor_agent::link::blob::BlobLink;
use telesphor_agent::link::{Credential, LinkError, Pin};
use telesphor_chaos::campaign::admit;
use telesphor_chaos::cluster::Cluster;
use telesphor_chaos::tenant::{Mailbox, Tenant};
use telesphor_wire::blob::call::{BlobAttach, BlobBegin, BlobChunks, BlobName, BlobStanding};
use telesphor_wire::blob::tree::{ChunkHasher, ChunkHashes};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::limits::BLOB_CHUNK_BYTES;
use telesphor_wire::session::Right;
use tempfile::TempDir;
use tokio::sync::mpsc;

const CHUNK: usize = BLOB_CHUNK_BYTES as usize;
/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(120);

/// Nine chunks and a half.
fn scan() -> (Vec<u8>, ChunkHashes) {
    let bytes: Vec<u8> = (0..CHUNK * 19 / 2)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let mut hasher = ChunkHasher::default();
    hasher.update(&bytes);
    (bytes, hasher.finish().unwrap())
}

/// A cluster, and two mailboxes in it.
struct Scene {
    cluster: Cluster,
    tenant: Tenant,
    aino: Mailbox,
    doctor: Mailbox,
    _folder: TempDir,
}

fn owner(mailbox: &Mailbox) -> Credential {
    Credential {
        mailbox: mailbox.id,
        right: Right::Owner,
        branch: 0,
        epoch: 0,
        key: mailbox.owner.clone(),
        certificate: None,
        current: None,
    }
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cluster = Cluster::start(folder.path(), "hospital-a.example").unwrap();
        let admission = admit(&cluster.relays[0]).unwrap();
        let mut tenant = Tenant::enrol(&admission, 2).await.unwrap();
        let (session, _pushes) = tenant.session().await.unwrap();
        let aino = tenant.open(&session).await.unwrap();
        let doctor = tenant.open(&session).await.unwrap();
        Self {
            cluster,
            tenant,
            aino,
            doctor,
            _folder: folder,
        }
    }

    fn pin(&self, at: usize) -> Pin {
        let listens = self.cluster.relays[at].listen().to_string();
        let mut pins = self.tenant.pins().into_iter();
        pins.find(|pin| pin.address == listens).unwrap()
    }

    async fn link(&self, at: usize) -> Result<BlobLink, LinkError> {
        BlobLink::open(&self.pin(at), &self.tenant.relays()).await
    }

    fn name(&self, mailbox: &Mailbox) -> BlobName {
        BlobName {
            mailbox: mailbox.id,
            address: scan().1.address(),
        }
    }

    /// Puts Aino's scan at one relay.
    async fn put(&self, at: usize) -> Result<BlobStanding, LinkError> {
        let (bytes, hashes) = scan();
        let (mut link, by) = (self.link(at).await?, owner(&self.aino));
        let BlobName { mailbox, address } = self.name(&self.aino);
        let begin = BlobBegin {
            mailbox,
            address,
            length: hashes.length(),
        };
        let standing = link.begin(&by, begin, &hashes).await?.standing.unwrap();
        if standing.complete {
            return Ok(standing);
        }
        let (sender, chunks) = mpsc::channel(bytes.len() / CHUNK + 1);
        for chunk in bytes.chunks(CHUNK).skip(standing.have as usize) {
            sender.send(Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        drop(sender);
        let put = BlobChunks {
            mailbox,
            address,
            from: standing.have,
            count: 64,
        };
        let left = bytes.len() - standing.have as usize * CHUNK;
        Ok(link.put(&by, put, left as u64, chunks).await?.standing.unwrap())
    }

    async fn get_now(&self, at: usize, mailbox: &Mailbox) -> Result<Vec<u8>, LinkError> {
        let hashes = scan().1;
        let BlobName { mailbox: id, address } = self.name(mailbox);
        let get = BlobChunks {
            mailbox: id,
            address,
            from: 0,
            count: u32::try_from(hashes.count()).unwrap(),
        };
        let mut link = self.link(at).await?;
        let (sender, mut chunks) = mpsc::channel(hashes.count() as usize);
        link.get(&owner(mailbox), get, hashes.length(), sender).await?;
        let mut all = Vec::new();
        while let Some(chunk) = chunks.recv().await {
            all.extend(chunk);
        }
        Ok(all)
    }

    /// Gets a scan from one relay, as soon as it gives it.
    async fn get(&self, at: usize, mailbox: &Mailbox) -> Vec<u8> {
        let until = Instant::now() + LONG;
        loop {
            match self.get_now(at, mailbox).await {
                Ok(bytes) => return bytes,
                Err(error) => assert!(Instant::now() < until, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Until a relay says that the scan is not in a mailbox.
    async fn gone(&self, at: usize, mailbox: &Mailbox) {
        let until = Instant::now() + LONG;
        loop {
            match self.get_now(at, mailbox).await {
                Err(LinkError::Refused(refusal)) if refusal.code == ErrorCode::BlobAbsent => return,
                other => assert!(Instant::now() < until, "{:?}", other.map(|b| b.len())),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Whole scans on the disk of a relay.
    fn stored(&self, at: usize) -> Vec<PathBuf> {
        let address = scan().1.address();
        let name: String = address.0.iter().map(|b| format!("{b:02x}")).collect();
        let blob = self.cluster.relays[at]
            .data()
            .join("blobs")
            .join(&name[..2])
            .join(&name);
        Some(blob.join("content"))
            .filter(|c| c.is_file())
            .into_iter()
            .collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_is_lost_takes_a_large_file_with_it() {
    let mut scene = Scene::new().await;
    assert!(scene.put(0).await.unwrap().complete);
    // Confirmed: a majority has it now, whoever is lost in this moment.
    let have = (0..3).filter(|at| !scene.stored(*at).is_empty()).count();
    assert!(have >= 2, "confirmed, and on {have} of three disks");
    let data = scene.cluster.relays[0].data().join("blobs");
    scene.cluster.relays[0].kill().unwrap();
    std::fs::remove_dir_all(data).unwrap();
    for at in [1, 2] {
        assert_eq!(scene.get(at, &scene.aino).await, scan().0);
    }
    // Whoever it was lost to gets it back from the others, unasked.
    scene.cluster.relays[0].start().unwrap();
    let until = Instant::now() + LONG;
    while scene.stored(0).is_empty() {
        assert!(Instant::now() < until);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(scene.get(0, &scene.aino).await, scan().0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_confirmed_that_one_relay_alone_has() {
    let mut scene = Scene::new().await;
    for at in [1, 2] {
        scene.cluster.relays[at].kill().unwrap();
    }
    let refused = scene.put(0).await.unwrap_err();
    assert!(
        matches!(&refused, LinkError::Refused(r) if r.code == ErrorCode::BlobNotYetDurable),
        "{refused}"
    );
    scene.cluster.relays[1].start().unwrap();
    let until = Instant::now() + LONG;
    loop {
        match scene.put(0).await {
            Ok(standing) => break assert!(standing.complete),
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
    }
    assert_eq!(scene.stored(1).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_erased_comes_back_with_a_relay_that_was_away() {
    let mut scene = Scene::new().await;
    scene.put(0).await.unwrap();
    let name = scene.name(&scene.doctor);
    let attach = BlobAttach {
        mailbox: name.mailbox,
        address: name.address,
        source: scene.aino.id,
        kept: true,
    };
    // At a relay that may not have heard of it yet: it asks the others.
    let until = Instant::now() + LONG;
    loop {
        let mut link = scene.link(2).await.unwrap();
        match link
            .attach(&owner(&scene.doctor), &owner(&scene.aino), attach)
            .await
        {
            Ok(_) => break,
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for at in 0..3 {
        assert_eq!(scene.get(at, &scene.doctor).await, scan().0);
    }
    scene.cluster.relays[0].kill().unwrap();
    let mut link = scene.link(1).await.unwrap();
    link.detach(&owner(&scene.aino), scene.name(&scene.aino))
        .await
        .unwrap();
    scene.cluster.relays[0].start().unwrap();
    for at in 0..3 {
        scene.gone(at, &scene.aino).await;
        assert_eq!(
            scene.get(at, &scene.doctor).await,
            scan().0,
            "the doctor keeps it"
        );
    }
    scene.cluster.relays[0].kill().unwrap();
    let mut link = scene.link(2).await.unwrap();
    link.detach(&owner(&scene.doctor), name).await.unwrap();
    scene.cluster.relays[0].start().unwrap();
    for at in 0..3 {
        scene.gone(at, &scene.doctor).await;
        assert!(
            scene.stored(at).is_empty(),
            "erased, and on the disk of relay {at}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_one_disk_has_damaged_is_not_mended_from_the_others() {
    let scene = Scene::new().await;
    scene.put(0).await.unwrap();
    assert_eq!(scene.get(2, &scene.aino).await, scan().0);
    let content = scene.stored(2).remove(0);
    let mut bytes = std::fs::read(&content).unwrap();
    bytes[3 * CHUNK + 17] ^= 1;
    std::fs::write(&content, bytes).unwrap();
    assert!(
        scene.get_now(2, &scene.aino).await.is_err(),
        "never given as it is"
    );
    assert_eq!(scene.get(2, &scene.aino).await, scan().0);
    assert_eq!(std::fs::read(content).unwrap(), scan().0);
}
