//! Large files through a real relay: sent, fetched, interrupted, shown for a time, damaged.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use support::{LONG, Relay, acquainted, create, reopen};
use telesphor_agent::views::SentState;
use telesphor_agent::{Agent, Draft, FileToSeal, ShareRequest};
use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::manifest;
use telesphor_clinical::scope::Scopes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::DocumentId;

/// A file of this machine's own making, longer than some chunks.
fn scan(folder: &Path, name: &str, mib: usize) -> (PathBuf, Vec<u8>) {
    let len = (mib << 20) + 4321;
    let bytes: Vec<u8> = (0..len)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 9) as u8)
        .collect();
    let path = folder.join(name);
    std::fs::write(&path, &bytes).unwrap();
    (path, bytes)
}

async fn draft(agent: &Agent, path: &Path) -> Draft {
    let file = FileToSeal {
        path: path.to_owned(),
        name: "ct.dcm".into(),
        media_type: "application/dicom".into(),
        facts: vec![("modality".into(), "CT".into())],
    };
    let sealed = agent.seal_files(vec![file], |_, _| {}).await.unwrap();
    let mut draft = Draft::new(DocumentKind::Image, manifest::FORMAT, "CT", sealed.manifest());
    draft.files = Some(sealed);
    draft
}

async fn fetched(agent: &Agent, document: DocumentId, to: &Path) -> Result<Vec<u8>, ErrorCode> {
    let _ = std::fs::remove_file(to);
    let until = Instant::now() + LONG;
    loop {
        match agent.fetch(&document.to_string(), 0, to, LONG, |_, _| {}).await {
            Ok(()) => return Ok(std::fs::read(to).unwrap()),
            // Told after the document, once the relay has the file.
            Err(fault) if fault.error.code == ErrorCode::FileNotTold && Instant::now() < until => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(fault) => return Err(fault.error.code),
        }
    }
}

/// The files of blobs at the relay that have this name.
fn at_relay(relay: &Relay, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![relay.data.join("blobs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.ends_with(name) => found.push(path),
                false => {}
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_arrives_as_another_or_is_lost_with_its_sender() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let scanner = create(folder.path(), "Scanner", &relay).await.agent;
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    acquainted(&scanner, &aino).await;
    let (path, bytes) = scan(folder.path(), "ct", 5);
    let draft = draft(&scanner, &path).await;
    // The source is not needed any more.
    std::fs::remove_file(&path).unwrap();
    let sent = scanner.send("aino", draft).await.unwrap();
    scanner.wait_files(sent.document, LONG, |_, _| {}).await.unwrap();
    scanner
        .wait_sent(sent.document, sent.to, SentState::Delivered, LONG)
        .await
        .unwrap();
    let out = folder.path().join("out");
    assert_eq!(fetched(&aino, sent.document, &out).await.unwrap(), bytes);
    let files = aino.files(&sent.document.to_string()).await.unwrap();
    assert_eq!(
        (files[0].size, files[0].here),
        (bytes.len() as u64, false),
        "no second copy stays"
    );
    // It lies at the relay once, and nothing readable of it.
    aino.wait_files(sent.document, LONG, |_, _| {}).await.unwrap();
    let stored = at_relay(&relay, "content");
    assert_eq!(stored.len(), 1);
    let ciphertext = std::fs::read(&stored[0]).unwrap();
    let needle = &bytes[1_000_000..1_000_032];
    assert!(!ciphertext.windows(32).any(|w| w == needle));
    let verdict = aino.read(&sent.document.to_string()).await.unwrap().verdict;
    assert!(
        verdict.failed.is_none(),
        "the scanner's signature over the manifest"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_is_killed_while_a_scan_comes_loses_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut relay = Relay::start(folder.path());
    let scanner = create(folder.path(), "Scanner", &relay).await.agent;
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    acquainted(&scanner, &aino).await;
    let (path, bytes) = scan(folder.path(), "ct", 48);
    let draft = draft(&scanner, &path).await;
    let sent = scanner.send("aino", draft).await.unwrap();
    let until = Instant::now() + LONG;
    // Some of it has come.
    while at_relay(&relay, "content")
        .iter()
        .all(|p| p.metadata().is_ok_and(|m| m.len() < 1 << 20))
    {
        assert!(Instant::now() < until);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    relay.kill();
    scanner.close().await;
    relay.serve();
    let scanner = reopen(folder.path(), "Scanner").await;
    scanner.wait_files(sent.document, LONG, |_, _| {}).await.unwrap();
    scanner
        .wait_sent(sent.document, sent.to, SentState::Delivered, LONG)
        .await
        .unwrap();
    let out = folder.path().join("out");
    assert_eq!(fetched(&aino, sent.document, &out).await.unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scan_that_was_shown_can_be_fetched_after_it_was_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    let doctor = create(folder.path(), "Doctor", &relay).await.agent;
    acquainted(&aino, &doctor).await;
    let (path, _) = scan(folder.path(), "ct", 2);
    let draft = draft(&aino, &path).await;
    let document = aino.add(vec![draft]).await.unwrap()[0].id;
    let request = ShareRequest {
        with: "doctor".into(),
        scopes: Scopes::none(),
        documents: vec![document],
        until: None,
        why: "second opinion".into(),
        although_unverified: true,
    };
    let sent = aino.share(request).await.unwrap();
    aino.wait_sent(document, sent[0].to, SentState::Delivered, LONG)
        .await
        .unwrap();
    aino.wait_files(document, LONG, |_, _| {}).await.unwrap();
    // He was told where it lies, and has not fetched it yet.
    let until = Instant::now() + LONG;
    while !doctor.files(&document.to_string()).await.unwrap()[0].told {
        assert!(Instant::now() < until, "not told");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    aino.revoke("doctor", Scopes::none(), vec![document])
        .await
        .unwrap();
    aino.settle(LONG).await.unwrap();
    let refused = fetched(&doctor, document, &folder.path().join("out"))
        .await
        .unwrap_err();
    assert!(
        matches!(
            refused,
            ErrorCode::LeaseOver | ErrorCode::Refused | ErrorCode::BlobAbsent
        ),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_byte_flipped_on_the_relays_disk_reaches_a_reader() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    let doctor = create(folder.path(), "Doctor", &relay).await.agent;
    acquainted(&aino, &doctor).await;
    let (path, bytes) = scan(folder.path(), "ct", 2);
    let draft = draft(&aino, &path).await;
    let sent = aino.send("doctor", draft).await.unwrap();
    aino.wait_files(sent.document, LONG, |_, _| {}).await.unwrap();
    aino.wait_sent(sent.document, sent.to, SentState::Delivered, LONG)
        .await
        .unwrap();
    let stored = at_relay(&relay, "content").remove(0);
    let good = std::fs::read(&stored).unwrap();
    let mut bad = good.clone();
    bad[5 * 262_144 + 77] ^= 1;
    std::fs::write(&stored, bad).unwrap();
    let out = folder.path().join("out");
    let refused = fetched(&doctor, sent.document, &out).await.unwrap_err();
    assert!(
        matches!(refused, ErrorCode::BlobDamaged | ErrorCode::Unreachable),
        "{refused:?}"
    );
    assert!(!out.exists(), "half a file looks like a whole one");
    // Mended, it goes on behind what had come.
    std::fs::write(&stored, good).unwrap();
    assert_eq!(fetched(&doctor, sent.document, &out).await.unwrap(), bytes);
}

/// How many bytes were there when a fetch began, and what it wrote.
async fn goes_on(agent: &Agent, document: DocumentId, to: &Path) -> (u64, Vec<u8>) {
    let _ = std::fs::remove_file(to);
    let first = std::sync::Mutex::new(None);
    let seen = |done, _| {
        first.lock().unwrap().get_or_insert(done);
    };
    agent
        .fetch(&document.to_string(), 0, to, LONG, seen)
        .await
        .unwrap();
    let began = first.lock().unwrap().unwrap();
    (began, std::fs::read(to).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fetch_that_was_cut_off_begins_anew_or_believes_what_lies_there() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path());
    let aino = create(folder.path(), "Aino", &relay).await.agent;
    let doctor = create(folder.path(), "Doctor", &relay).await.agent;
    acquainted(&aino, &doctor).await;
    let (path, bytes) = scan(folder.path(), "ct", 12);
    let signed = draft(&aino, &path).await;
    // The same file once more, without a list of its pieces.
    let mut bare = Draft::new(
        DocumentKind::Note,
        "text/markdown",
        "CT",
        b"See the scan.".to_vec(),
    );
    bare.files = draft(&aino, &path).await.files;
    let (out, part) = (folder.path().join("out"), folder.path().join("out.part"));
    for (draft, listed) in [(signed, true), (bare, false)] {
        let sent = aino.send("doctor", draft).await.unwrap();
        let document = sent.document;
        aino.wait_files(document, LONG, |_, _| {}).await.unwrap();
        aino.wait_sent(document, sent.to, SentState::Delivered, LONG)
            .await
            .unwrap();
        assert_eq!(fetched(&doctor, document, &out).await.unwrap(), bytes);
        assert!(!part.exists());
        std::fs::remove_file(&out).unwrap();
        // Cut off after some of it.
        let (far, wanted) = (tokio::sync::Notify::new(), document.to_string());
        let seen = |done: u64, _| {
            if done >= 1 << 20 {
                far.notify_one();
            }
        };
        tokio::select! {
            biased;
            () = far.notified() => {}
            done = doctor.fetch(&wanted, 0, &out, LONG, seen) => panic!("it was quicker: {done:?}"),
        }
        assert!(part.exists() && !out.exists());
        let (began, got) = goes_on(&doctor, document, &out).await;
        assert!(began >= 512 << 10 && got == bytes, "it began at {began}");
        // What lies there is of another file, or was changed, or is longer than it may be.
        let mut changed = bytes[..6 << 20].to_vec();
        changed[(2 << 20) + 5] ^= 1;
        std::fs::write(&part, &changed).unwrap();
        let (began, got) = goes_on(&doctor, document, &out).await;
        assert!(got == bytes, "a changed byte was believed");
        if listed {
            assert!(began <= 2 << 20 && began > 1 << 20, "{began}");
        }
        std::fs::write(&part, [&bytes[..], &[7; 100]].concat()).unwrap();
        assert!(goes_on(&doctor, document, &out).await.1 == bytes);
        std::fs::remove_file(&out).unwrap();
    }
}
