//! A large file that is shown to somebody at another hospital, beside one who reads it at home, in one run.
//!
//! Two relays and two NATS servers as processes of their own, on one machine; three real agents. What is
//! compared: the bytes of the file, from the sharer's relay until they are checked, opened and durable at
//! the reader. At home they come over one connection; from the other hospital each 512 KiB is a request that
//! is ordered and synced at both homes' ends of the way (ADR 0103).

use std::path::Path;
use std::time::{Duration, Instant};

use telesphor_agent::{Agent, Draft, FileToSeal, ShareRequest};
use telesphor_chaos::exchange::{Hospital, Line};
use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::manifest;
use telesphor_clinical::scope::Scopes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::DocumentId;
use tokio::runtime::Runtime;

use crate::blobs::{SOURCE, agent, meet, same, write_source};
use crate::error::{Result, odd};
use crate::measure::resident_peak;
use crate::report::Report;

const PATIENCE: Duration = Duration::from_secs(600);
/// Longer than any run, seconds.
const NEVER: u64 = 100_000;
/// What a relay may hold at its worst moment, MiB, however long the file is.
const MEMORY_MIB: f64 = 256.0;

/// The scenario.
pub(crate) fn run(runtime: &Runtime, folder: &Path, mib: u64, report: &mut Report) -> Result<()> {
    let folder = folder.join("between");
    std::fs::create_dir_all(&folder)?;
    report.section(&format!("A file of {mib} MiB, shown at another hospital"));
    write_source(&folder.join(SOURCE), mib)?;
    let mut a = Hospital::new(&folder.join("a"), "hospital-a.example", NEVER)?;
    let mut b = Hospital::new(&folder.join("b"), "hospital-b.example", NEVER)?;
    a.start(&[])?;
    let line = Line::to(a.leafs())?;
    b.start(&[line.front()])?;
    a.pin(&b)?;
    b.pin(&a)?;
    let (home, away) = runtime.block_on(shown(&a, &b, &folder))?;
    report.note("what was fetched is what was shown, byte for byte");
    let rate = |took: Duration| (mib << 20) as f64 / 1e6 / took.as_secs_f64();
    report.figure("shown: fetched at home", rate(home), "MB/s");
    report.figure("shown: fetched at another hospital", rate(away), "MB/s");
    report.figure("shown: there, of at home", rate(away) / rate(home), "x");
    for (whose, relay) in [("the reader's", &a.relay), ("the sharer's", &b.relay)] {
        let pid = relay.pid().ok_or_else(|| odd("the relay has ended"))?;
        let peak = resident_peak(pid)? as f64 / f64::from(1 << 20);
        report.at_most(
            &format!("shown: peak memory of {whose} relay"),
            peak,
            MEMORY_MIB,
            "MiB",
        );
    }
    Ok(())
}

/// How long it took at home, and at the other hospital.
async fn shown(a: &Hospital, b: &Hospital, folder: &Path) -> Result<(Duration, Duration)> {
    let patient = agent(&b.relay, folder, "patient").await?;
    let gp = agent(&b.relay, folder, "gp").await?;
    let doctor = agent(&a.relay, folder, "doctor").await?;
    meet(&patient, &gp).await?;
    meet(&patient, &doctor).await?;
    let file = FileToSeal {
        path: folder.join(SOURCE),
        name: "ct.dcm".into(),
        media_type: "application/dicom".into(),
        facts: Vec::new(),
    };
    let sealed = patient.seal_files(vec![file], |_, _| {}).await.map_err(odd)?;
    let mut draft = Draft::new(DocumentKind::Image, manifest::FORMAT, "CT", sealed.manifest());
    draft.files = Some(sealed);
    let added = patient.add(vec![draft]).await.map_err(odd)?;
    let id = added.first().ok_or_else(|| odd("nothing was added"))?.id;
    patient.wait_files(id, PATIENCE, |_, _| {}).await.map_err(odd)?;
    for with in ["gp", "doctor"] {
        let request = ShareRequest {
            with: with.into(),
            scopes: Scopes::none(),
            documents: vec![id],
            until: None,
            why: "second opinion".into(),
            although_unverified: true,
        };
        patient.share(request).await.map_err(odd)?;
    }
    patient.wait_files(id, PATIENCE, |_, _| {}).await.map_err(odd)?;
    let home = fetch(&gp, id, folder, "at-home").await?;
    let away = fetch(&doctor, id, folder, "away").await?;
    for agent in [patient, gp, doctor] {
        agent.close().await;
    }
    Ok((home, away))
}

async fn fetch(agent: &Agent, id: DocumentId, folder: &Path, to: &str) -> Result<Duration> {
    let (id, to) = (id.to_string(), folder.join(to));
    let began = loop {
        let began = Instant::now();
        match agent.fetch(&id, 0, &to, PATIENCE, |_, _| {}).await {
            Ok(()) => break began,
            // It is heard of a moment later.
            Err(fault) if matches!(fault.error.code, ErrorCode::FileNotTold | ErrorCode::NotFound) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(fault) => return Err(odd(fault)),
        }
    };
    let took = began.elapsed();
    match same(&folder.join(SOURCE), &to)? {
        true => Ok(took),
        false => Err(odd("what was fetched is not what was shown")),
    }
}
