//! Scans and other large files through the real binaries: sent, cut off, fetched, erased.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::common;
use crate::people;
use crate::relay;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::Home;
use people::{acquainted, one, sync};
use relay::Relay;

fn start(folder: &Path) -> Option<(Relay, Home, Home)> {
    let Some(relay) = Relay::start(folder) else {
        eprintln!("not run: telesphor-relay is not built");
        return None;
    };
    let (aino, gp) = acquainted(&relay);
    Some((relay, aino, gp))
}

/// Every file below a folder that is meant.
fn under(folder: &Path, meant: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(under(&path, meant)),
            false if meant(&path) => found.push(path),
            false => {}
        }
    }
    found
}

/// What lies at the relay, whole or coming.
fn contents(blobs: &Path) -> Vec<PathBuf> {
    under(blobs, &|path| path.ends_with("content"))
}

/// A CT of three pictures: real ones where they are there, else of this test's own making with the
/// same head; and one long file.
fn study(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/dicom/pydicom");
    let mut own = [vec![0; 128], b"DICM".to_vec()].concat();
    own.extend(b"\x02\0\x10\0UI\x14\x001.2.840.10008.1.2.1\0\x08\0\x60\0CS\x02\0CT");
    own.extend((0..40_000u32).map(|i| ((i * 31) >> 4) as u8));
    let mut all = Vec::new();
    for name in ["CT_small.dcm", "MR_small_implicit.dcm", "waveform_ecg.dcm"] {
        let bytes = std::fs::read(real.join(name)).unwrap_or_else(|_| own.clone());
        all.push((name.to_owned(), bytes));
    }
    let long = (0..9_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 9) as u8);
    all.push(("series.raw".to_owned(), long.collect()));
    std::fs::create_dir_all(folder).unwrap();
    for (name, bytes) in &all {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
    all
}

#[test]
fn a_study_is_not_what_the_machine_signed_or_cannot_be_read_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let Some((_relay, aino, gp)) = start(folder.path()) else {
        return;
    };
    let all = study(&gp.path("study"));
    let sent = one(gp.run(&["--json", "send", "aino", "study", "--kind", "image"]));
    let id = sent["id"].as_str().unwrap();
    sync(&[&aino]);
    let read = aino.run(&["--plain", "read", id]).ok();
    let shown = format!("{}{}", read.out, read.err);
    for words in ["4 files", "modality CT", "CT_small.dcm", "telesphor fetch"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let listed = aino.run(&["--json", "fetch", id, "--list"]).ok().json();
    assert_eq!(listed.len(), all.len());
    let fetched = aino.run(&["--json", "fetch", id, "--into", "out"]).ok().json();
    assert_eq!(fetched.len(), all.len());
    for (name, bytes) in &all {
        assert_eq!(
            &std::fs::read(aino.path("out").join(name)).unwrap(),
            bytes,
            "{name}"
        );
    }
    // Nothing is overwritten, and one of several can be had by its name.
    let again = aino.run(&["--json", "fetch", id, "--into", "out"]);
    assert_eq!(again.error()["error"], "T-5009");
    aino.run(&["fetch", id, "--only", "CT_small.dcm", "--into", "other"])
        .ok();
    assert_eq!(std::fs::read_dir(aino.path("other")).unwrap().count(), 1);
}

#[test]
fn a_sender_that_is_killed_sends_a_file_twice_or_never() {
    let folder = tempfile::tempdir().unwrap();
    let Some((relay, aino, gp)) = start(folder.path()) else {
        return;
    };
    let bytes: Vec<u8> = (0..40_000_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 9) as u8)
        .collect();
    std::fs::write(gp.path("series.raw"), &bytes).unwrap();
    let blobs = relay.data.join("blobs");
    let mut sending = gp.command(&["send", "aino", "series.raw"]).spawn().unwrap();
    // Some of it has come; more is on its way or all of it is there already.
    let until = Instant::now() + Duration::from_secs(60);
    while contents(&blobs)
        .iter()
        .all(|p| p.metadata().is_ok_and(|m| m.len() < 1 << 20))
    {
        assert!(Instant::now() < until, "nothing came");
        std::thread::sleep(Duration::from_millis(1));
    }
    sending.kill().unwrap();
    sending.wait().unwrap();
    std::fs::remove_file(gp.path("series.raw")).unwrap();
    gp.run(&["sync"]).ok();
    let sent = gp.run(&["--json", "sent"]).ok().json();
    let id = sent[0]["id"].as_str().unwrap();
    sync(&[&gp, &aino]);
    aino.run(&["fetch", id, "--into", "out"]).ok();
    assert_eq!(std::fs::read(aino.path("out/series.raw")).unwrap(), bytes);
    assert_eq!(contents(&blobs).len(), 1, "it lies there once");
}

#[test]
fn an_erased_file_stays_at_the_relay_or_takes_somebody_elses_copy_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let Some((relay, aino, gp)) = start(folder.path()) else {
        return;
    };
    std::fs::write(gp.path("series.raw"), vec![7; 3_000_000]).unwrap();
    let added = one(gp.run(&["--json", "add", "series.raw"]));
    let id = added["id"].as_str().unwrap();
    let blobs = relay.data.join("blobs");
    assert_eq!(contents(&blobs).len(), 1, "kept in his own record");
    gp.run(&["send", "aino", id]).ok();
    sync(&[&aino]);
    gp.run(&["erase", id]).ok();
    assert_eq!(contents(&blobs).len(), 1, "she keeps it now");
    let gone = gp.run(&["--json", "fetch", id, "--into", "out"]);
    assert_eq!(gone.error()["error"], "T-6082");
    aino.run(&["fetch", id, "--into", "out"]).ok();
    assert_eq!(
        std::fs::read(aino.path("out/series.raw")).unwrap(),
        [7; 3_000_000]
    );
    aino.run(&["erase", id]).ok();
    assert!(contents(&blobs).is_empty(), "nobody keeps it any more");
    let own = under(gp.root(), &|path| {
        path.components().any(|c| c.as_os_str() == "blobs")
    });
    assert!(own.is_empty(), "{own:?}");
}

#[test]
fn an_export_leaves_files_out_unsaid_or_passes_with_one_that_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    let Some((mut relay, aino, gp)) = start(folder.path()) else {
        return;
    };
    let all = study(&gp.path("study"));
    one(gp.run(&["--json", "send", "aino", "study", "--kind", "image"]));
    sync(&[&aino]);
    let exported = one(aino.run(&["--json", "export", "mine"]));
    assert_eq!(exported["absent"], 0, "{exported}");
    let files = aino.path("mine/files");
    let there = under(&files, &|_| true);
    assert_eq!(there.len(), all.len(), "{there:?}");
    let at = |name: &str| there.iter().find(|at| at.to_string_lossy().ends_with(name));
    for (name, bytes) in &all {
        assert_eq!(&std::fs::read(at(name).unwrap()).unwrap(), bytes, "{name}");
    }
    let page = std::fs::read_to_string(aino.path("mine/index.html")).unwrap();
    assert!(page.contains("series.raw</a>"), "{page}");
    let sums = std::process::Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
        .current_dir(aino.path("mine"))
        .status();
    assert!(sums.unwrap().success());

    // Another's program, without a network: good; and not with one byte changed, or a file taken out.
    let verify = || gp.run(&["verify", &aino.path("mine").to_string_lossy(), "--offline"]);
    let verified = verify();
    assert_eq!(verified.code, 0, "{} {}", verified.out, verified.err);
    let (name, bytes) = &all[3];
    let mut changed = bytes.clone();
    changed[5_000_000] ^= 1;
    let long = at(name).unwrap();
    std::fs::write(long, &changed).unwrap();
    let verified = verify();
    assert!(
        verified.code == 4 && verified.err.contains(name.as_str()),
        "{}",
        verified.err
    );
    std::fs::remove_file(long).unwrap();
    assert_eq!(verify().code, 4);
    std::fs::write(long, bytes).unwrap();
    assert_eq!(verify().code, 0);

    // Without a relay the files cannot come: it is said, and what is there still proves itself.
    relay.stop();
    let partly = aino.run(&["--json", "--wait", "1s", "export", "partly"]);
    assert_eq!(
        (partly.code, &partly.json()[0]["absent"]),
        (6, &all.len().into()),
        "{}",
        partly.err
    );
    assert!(partly.err.contains("series.raw"), "{}", partly.err);
    let page = std::fs::read_to_string(aino.path("partly/index.html")).unwrap();
    assert!(page.contains("not here: series.raw (T-"), "{page}");
    let partly = aino.path("partly");
    let verified = gp.run(&["verify", &partly.to_string_lossy(), "--offline"]);
    assert_eq!(verified.code, 0, "{} {}", verified.out, verified.err);
}
