//! A relay that was away while much was ordered, and whose streams are gone: what coming back costs it.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use telesphor_chaos::cluster::Cluster;
use tokio::runtime::Runtime;

use crate::append::{IN_FLIGHT, PAYLOAD, SESSIONS, Target, enrol, load, open};
use crate::error::{Result, odd};
use crate::measure::{cpu_us, resident_peak};
use crate::report::Report;

/// The one that is away.
const AWAY: usize = 2;
/// Times as long as one measurement lasts.
const LONG: u32 = 8;
/// It is back by then, or never.
const PATIENCE: Duration = Duration::from_secs(900);

/// The scenario.
pub(crate) fn run(
    runtime: &Runtime,
    folder: &Path,
    lasts: Duration,
    nats: Option<&Path>,
    report: &mut Report,
) -> Result<()> {
    report.section("A relay comes back after its NATS servers have lost everything");
    let Some(binary) = nats else {
        report.note("left out: no nats-server given");
        return Ok(());
    };
    let mut cluster = Cluster::start_with(binary, &folder.join("behind"), "load.example", 1)?;
    let mut tenant = enrol(runtime, &cluster.relays[0], 2 * SESSIONS as usize)?;
    let mailboxes = runtime.block_on(open(&mut tenant, SESSIONS))?;
    let mut target = Target::of(&tenant);
    let address = cluster.relays[AWAY].address().to_string();
    target.pins.retain(|pin| pin.address != address);
    let before = durable(&cluster, AWAY)?;
    cluster.relays[AWAY].kill()?;
    let pids: Vec<_> = cluster
        .relays
        .iter()
        .filter_map(telesphor_chaos::relay::Relay::pid)
        .collect();
    let (_, messages, _) = runtime.block_on(load(
        &target,
        &mailboxes,
        &pids,
        (SESSIONS, IN_FLIGHT),
        lasts * LONG,
    ))?;
    for at in 0..cluster.relays.len() {
        cluster.nats.kill(at)?;
        cluster.nats.wipe(at)?;
    }
    for at in 0..cluster.relays.len() {
        cluster.nats.start_one(at)?;
    }
    cluster.until_following(0..AWAY)?;
    let there = durable(&cluster, 0)?;
    let peak = resident_peak(pids[0])?;

    cluster.relays[AWAY].start()?;
    let began = Instant::now();
    while durable(&cluster, AWAY).unwrap_or(0) < there {
        if began.elapsed() > PATIENCE {
            return Err(odd(format!("still {} of {there}", durable(&cluster, AWAY)?)));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let took = began.elapsed().as_secs_f64();
    let pid = cluster.relays[AWAY].pid().ok_or_else(|| odd("the relay ended"))?;
    let mib = 1024.0 * 1024.0;
    report.figure("entries that it lacked", (there - before) as f64, "");
    report.figure("messages in them", messages as f64, "");
    report.figure("payload in them", (messages * PAYLOAD as u64) as f64 / mib, "MiB");
    report.figure("until it had decided them all", took, "s");
    report.figure("messages a second", messages as f64 / took, "");
    report.figure(
        "its processor time",
        cpu_us(pid)? as f64 / messages as f64,
        "us/message",
    );
    report.figure("most that a relay held which was there", peak as f64 / mib, "MiB");
    report.figure("most that it held", resident_peak(pid)? as f64 / mib, "MiB");
    report.figure(
        "the same of one that was there",
        resident_peak(pid)? as f64 / peak as f64,
        "x",
    );
    Ok(())
}

/// How far a relay has come in its one partition.
fn durable(cluster: &Cluster, at: usize) -> Result<u64> {
    let status = cluster.relays[at].json(&["cluster", "status"])?;
    let member = status["partitions"][0]["member"].clone();
    member["durable"]
        .as_u64()
        .ok_or_else(|| odd(Value::to_string(&status)))
}
