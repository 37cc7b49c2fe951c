//! Large files: sealed, put at a real relay and fetched by somebody else, beside a plain copy
//! with the same hash and cipher on the same disk in the same run.
//!
//! One file of 1 GiB by default. The relay is a process of its own, the agents are real ones.
//! What is compared: the bytes of the file, from where they lie until they are durable at the
//! other end. The plain copy reads, hashes (BLAKE3), seals (ChaCha20-Poly1305), writes and syncs,
//! one chunk of 256 KiB after another, on one processor; a file on its way to or from the relay is
//! checked on both sides, and encrypted once more for the line.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use telesphor_agent::{Agent, Draft, FileToSeal, NewProfile, Passphrase};
use telesphor_chaos::relay::Relay;
use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::manifest;
use telesphor_vault::PassphraseCost;
use telesphor_wire::blob::chunk::ChunkCipher;
use telesphor_wire::domain::AdmissionLink;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Secret;
use telesphor_wire::limits::BLOB_CHUNK_BYTES;
use tokio::runtime::Runtime;

use crate::error::{Result, odd};
use crate::measure::resident_peak;
use crate::report::Report;

const PATIENCE: Duration = Duration::from_secs(600);
const DOMAIN: &str = "hospital-a.example";
/// What a process may hold at its worst moment, MiB, however long the file is.
const MEMORY_MIB: f64 = 160.0;
pub(crate) const SOURCE: &str = "scan";

/// The scenario.
pub(crate) fn run(runtime: &Runtime, folder: &Path, mib: u64, report: &mut Report) -> Result<()> {
    let folder = folder.join("blobs");
    std::fs::create_dir_all(&folder)?;
    report.section(&format!("A file of {mib} MiB, through a relay"));
    write_source(&folder.join(SOURCE), mib)?;
    let before = plain(&folder)?;
    let mut relay = Relay::init(&folder, DOMAIN)?;
    relay.start()?;
    let took = runtime.block_on(through(&relay, &folder, report))?;
    let after = plain(&folder)?;
    let bytes = (mib << 20) as f64;
    let rate = |took: Duration| bytes / 1e6 / took.as_secs_f64();
    // The faster of the two: what else the machine does is not the comparison's fault.
    let copy = rate(before.min(after));
    report.figure("blob: plain copy, hash and cipher", copy, "MB/s");
    report.figure("blob: sealed beside the vault", rate(took.sealed), "MB/s");
    report.figure(
        "blob: put, sealed to durable at the relay",
        rate(took.put),
        "MB/s",
    );
    report.figure(
        "blob: fetched, checked, opened and written",
        rate(took.got),
        "MB/s",
    );
    report.at_least("blob: put, of a plain copy", rate(took.put) / copy, 0.7, "x");
    report.at_least("blob: fetched, of a plain copy", rate(took.got) / copy, 0.7, "x");
    let pid = relay.pid().ok_or_else(|| odd("the relay has ended"))?;
    let peak = |pid| resident_peak(pid).map(|bytes| bytes as f64 / f64::from(1 << 20));
    report.at_most("blob: peak memory of the relay", peak(pid)?, MEMORY_MIB, "MiB");
    report.at_most(
        "blob: peak memory of both agents and the copy",
        peak(std::process::id())?,
        MEMORY_MIB,
        "MiB",
    );
    let stored = kept(&relay)?;
    report.figure("blob: bytes at the relay, two who keep it", stored / bytes, "x");
    relay.kill()?;
    Ok(())
}

/// Bytes that do not compress, cheaply.
pub(crate) fn write_source(path: &Path, mib: u64) -> Result<()> {
    let mut file = File::create(path)?;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut block = vec![0u8; 1 << 20];
    for _ in 0..mib {
        for word in block.as_chunks_mut::<8>().0 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *word = state.to_le_bytes();
        }
        file.write_all(&block)?;
    }
    file.sync_all()?;
    Ok(())
}

/// A copy with the same hash and cipher, without anybody in between.
fn plain(folder: &Path) -> Result<Duration> {
    let began = Instant::now();
    let mut source = File::open(folder.join(SOURCE))?;
    let length = source.metadata()?.len();
    let to = folder.join("copy");
    let mut out = File::create(&to)?;
    // Of any length that a blob can have: the chunks are the same.
    let cipher = ChunkCipher::new(&Secret::random(), (length * 2).next_power_of_two()).map_err(odd)?;
    let mut hasher = blake3::Hasher::new();
    let mut chunk = Vec::new();
    for index in 0.. {
        chunk.clear();
        let taken = (&mut source)
            .take(cipher.plain_len(index))
            .read_to_end(&mut chunk)?;
        if taken == 0 {
            break;
        }
        chunk.resize(usize::try_from(cipher.plain_len(index)).map_err(odd)?, 0);
        cipher.seal(index, &mut chunk).map_err(odd)?;
        hasher.update(&chunk);
        out.write_all(&chunk)?;
    }
    out.sync_all()?;
    std::hint::black_box(hasher.finalize());
    let took = began.elapsed();
    std::fs::remove_file(to)?;
    Ok(took)
}

struct Took {
    sealed: Duration,
    put: Duration,
    got: Duration,
}

fn passphrase() -> Passphrase {
    Passphrase::new("correct horse battery staple".to_owned())
}

/// Somebody with an identity of their own.
pub(crate) async fn agent(relay: &Relay, folder: &Path, name: &str) -> Result<Agent> {
    let made = relay.json(&["admit", "new", "--class", "clinician"])?;
    let link = made["link"].as_str().ok_or_else(|| odd("no admission link"))?;
    let new = NewProfile {
        cost: PassphraseCost::least(),
        ..NewProfile::person(name)
    };
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder)?;
    let link = AdmissionLink::from_text(link).map_err(odd)?;
    let made = Agent::create(&folder, &passphrase(), new, &link, PATIENCE)
        .await
        .map_err(odd)?;
    made.ready.map_err(odd)?;
    Ok(made.agent)
}

/// They know each other by their names.
pub(crate) async fn meet(one: &Agent, other: &Agent) -> Result<()> {
    let hour = Duration::from_secs(3600);
    let link = one.invite("", hour, PATIENCE).await.map_err(odd)?.link;
    other.accept(&link, "", PATIENCE).await.map_err(odd)?;
    one.wait_taken(&link, PATIENCE).await.map_err(odd)?;
    Ok(())
}

async fn through(relay: &Relay, folder: &Path, report: &Report) -> Result<Took> {
    let scanner = agent(relay, folder, "scanner").await?;
    let doctor = agent(relay, folder, "doctor").await?;
    meet(&scanner, &doctor).await?;
    let file = FileToSeal {
        path: folder.join(SOURCE),
        name: "ct.dcm".into(),
        media_type: "application/dicom".into(),
        facts: Vec::new(),
    };
    let began = Instant::now();
    let sealed = scanner.seal_files(vec![file], |_, _| {}).await.map_err(odd)?;
    let sealing = began.elapsed();
    let mut draft = Draft::new(DocumentKind::Image, manifest::FORMAT, "CT", sealed.manifest());
    draft.files = Some(sealed);
    let began = Instant::now();
    let sent = scanner.send("doctor", draft).await.map_err(odd)?;
    scanner
        .wait_files(sent.document, PATIENCE, |_, _| {})
        .await
        .map_err(odd)?;
    let put = began.elapsed();

    let out = folder.join("fetched");
    let id = sent.document.to_string();
    let began = loop {
        let began = Instant::now();
        match doctor.fetch(&id, 0, &out, PATIENCE, |_, _| {}).await {
            Ok(()) => break began,
            // He hears of it a moment later.
            Err(fault) if matches!(fault.error.code, ErrorCode::FileNotTold | ErrorCode::NotFound) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(fault) => return Err(odd(fault)),
        }
    };
    let got = began.elapsed();
    if !same(&folder.join(SOURCE), &out)? {
        return Err(odd("what was fetched is not what was sent"));
    }
    report.note("what was fetched is what was sent, byte for byte");
    doctor
        .wait_files(sent.document, PATIENCE, |_, _| {})
        .await
        .map_err(odd)?;
    scanner.close().await;
    doctor.close().await;
    Ok(Took {
        sealed: sealing,
        put,
        got,
    })
}

pub(crate) fn same(one: &Path, other: &Path) -> Result<bool> {
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    let most = BLOB_CHUNK_BYTES;
    let (mut a, mut b) = (Vec::new(), Vec::new());
    loop {
        a.clear();
        b.clear();
        (&mut one).take(most).read_to_end(&mut a)?;
        (&mut other).take(most).read_to_end(&mut b)?;
        if a != b {
            return Ok(false);
        }
        if a.is_empty() {
            return Ok(true);
        }
    }
}

/// Bytes of files at the relay.
fn kept(relay: &Relay) -> Result<f64> {
    let mut bytes = 0;
    let mut folders = vec![relay.data().join("blobs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => folders.push(entry.path()),
                false => bytes += entry.metadata()?.len(),
            }
        }
    }
    Ok(bytes as f64)
}
