//! A relay that holds very many mailboxes: how it starts, how much memory it keeps, and
//! whether an append costs more than in a small one.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use telesphor_chaos::relay::Relay;
use tokio::runtime::Runtime;

use crate::append::{Target, load};
use crate::error::{Result, odd};
use crate::measure::{cpu_us, on_disk, resident, resident_peak};
use crate::population::{Ground, Writer};
use crate::report::Report;

/// The small relay, and how many of the large one's mailboxes are written to.
const FEW: usize = 1_000;
/// Groups and commands in each for the cost of applying.
const GROUPS: usize = 100;
const GROUP: usize = 512;
const MIB: f64 = 1_048_576.0;

/// One relay's part.
struct Outcome {
    start: Duration,
    resident_idle: u64,
    resident_peak: u64,
    cpu_us: f64,
    apply_us: f64,
}

/// The scenario.
pub(crate) fn run(
    runtime: &Runtime,
    folder: &Path,
    lasts: Duration,
    many: usize,
    report: &mut Report,
) -> Result<()> {
    report.section(&format!("{FEW} mailboxes and {many}"));
    report.head();
    let small = one(runtime, &folder.join("small"), lasts, FEW, report)?;
    let large = one(runtime, &folder.join("large"), lasts, many, report)?;
    report.at_most(
        "start until ready, large relay",
        large.start.as_secs_f64(),
        5.0,
        "s",
    );
    report.figure("start until ready, small relay", small.start.as_secs_f64(), "s");
    report.figure(
        "resident memory after the start, large relay",
        large.resident_idle as f64 / MIB,
        "MiB",
    );
    report.figure(
        "resident memory after the start, small relay",
        small.resident_idle as f64 / MIB,
        "MiB",
    );
    report.at_most(
        "peak resident memory under load, large relay",
        large.resident_peak as f64 / MIB,
        300.0,
        "MiB",
    );
    report.figure(
        "peak resident memory under load, small relay",
        small.resident_peak as f64 / MIB,
        "MiB",
    );
    report.at_most(
        "processor time per append, large / small relay",
        large.cpu_us / small.cpu_us,
        1.3,
        "x",
    );
    report.figure(
        "apply to any of the mailboxes, small",
        small.apply_us,
        "us/append",
    );
    report.figure(
        "apply to any of the mailboxes, large",
        large.apply_us,
        "us/append",
    );
    report.at_most(
        "apply to any of the mailboxes, large / small",
        large.apply_us / small.apply_us,
        1.3,
        "x",
    );
    Ok(())
}

fn one(
    runtime: &Runtime,
    folder: &Path,
    lasts: Duration,
    count: usize,
    report: &mut Report,
) -> Result<Outcome> {
    let mut relay = Relay::init(folder, "load.example")?;
    let ground = Ground::read(relay.data())?;
    let filling = Instant::now();
    ground.fill(relay.data(), count, now_ms())?;
    report.figure(
        &format!("{count} mailboxes opened offline in"),
        filling.elapsed().as_secs_f64(),
        "s",
    );
    report.figure(
        &format!("{count} mailboxes on the disk"),
        on_disk(relay.data())? as f64 / MIB,
        "MiB",
    );
    let apply_us = apply_cost(&ground, relay.data(), count)?;

    let start = relay.start()?;
    let pid = relay.pid().ok_or_else(|| odd("the relay ended"))?;
    let resident_idle = resident(pid)?;
    // Spread over all of them, not the first ones.
    let chosen: Vec<_> = (0..FEW.min(count))
        .map(|i| ground.mailbox(i * (count / FEW.min(count))))
        .collect();
    let target = Target {
        pins: vec![ground.pin()?],
        relays: Arc::new(ground.relays()),
        quorum: 1,
    };
    let (figures, ..) = runtime.block_on(load(&target, &chosen, &[pid], (32, 512), lasts))?;
    report.figures(&format!("relay of {count}, 1,000 written to"), &figures);
    let peak = resident_peak(pid)?;
    relay.kill()?;
    Ok(Outcome {
        start,
        resident_idle,
        resident_peak: peak,
        cpu_us: figures.cpu_us,
        apply_us,
    })
}

/// Processor time of this process for applying deposits to mailboxes drawn from all of them,
/// its share of the database's background work included.
fn apply_cost(ground: &Ground, data: &Path, count: usize) -> Result<f64> {
    let now = now_ms();
    let groups: Vec<_> = (0..GROUPS)
        .map(|g| {
            let numbers = (0..GROUP).map(|i| {
                let nth = (g * GROUP + i) as u64;
                // A fixed walk that meets the mailboxes in no order.
                let number = (nth.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) as usize % count;
                ground.deposit(number, nth + 1, now)
            });
            Writer::sort(numbers.collect())
        })
        .collect();
    let mut writer = Writer::new(ground.open(data)?)?;
    settle()?;
    let before = cpu_us(std::process::id())?;
    for group in groups {
        writer.apply(group, now)?;
    }
    Ok((cpu_us(std::process::id())? - before) as f64 / (GROUPS * GROUP) as f64)
}

/// Waits until the database's background work has come to rest.
fn settle() -> Result<()> {
    let mut quiet = 0;
    while quiet < 3 {
        let before = cpu_us(std::process::id())?;
        std::thread::sleep(Duration::from_millis(300));
        quiet = if cpu_us(std::process::id())? - before <= 10_000 {
            quiet + 1
        } else {
            0
        };
    }
    Ok(())
}

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_millis() as u64)
}
