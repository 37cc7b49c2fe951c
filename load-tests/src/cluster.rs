//! Three relays over three NATS servers, beside bare JetStream with three copies: what the whole
//! path costs (TLS, sessions, rules, chains, three stores, attestations) where only the order and
//! the copies are bought.

use std::path::Path;
use std::time::Duration;

use telesphor_chaos::cluster::Cluster;
use tokio::runtime::Runtime;

use crate::append::{IN_FLIGHT, PAYLOAD, SESSIONS, Target, enrol, load, open};
use crate::error::{Result, odd};
use crate::jetstream;
use crate::measure::{Figures, Window, on_disk};
use crate::report::Report;

/// Relays, and as many servers.
const RELAYS: usize = 3;

/// What the cluster is, and what comes at once: together they say how full an entry of the order is.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Shape {
    /// Partitions of the cluster, each with an order of its own
    #[arg(long, default_value_t = 4)]
    partitions: u16,
    /// Deposits on the way at once, to the cluster and to the stream beside it
    #[arg(long, default_value_t = IN_FLIGHT)]
    in_flight: u32,
}

/// The scenario.
pub(crate) fn run(
    runtime: &Runtime,
    folder: &Path,
    lasts: Duration,
    nats: Option<&Path>,
    shape: Shape,
    report: &mut Report,
) -> Result<()> {
    let Shape {
        partitions,
        in_flight,
    } = shape;
    let sessions = SESSIONS.min(in_flight);
    report.section("A cluster of three: durable appends of 1 KiB");
    let Some(binary) = nats else {
        report.note("left out: no nats-server given");
        return Ok(());
    };
    report.head();
    let bare = |name: &str, in_flight| {
        jetstream::measure(runtime, binary, &folder.join(name), (RELAYS, in_flight), lasts)
    };
    let bare_many = bare("bare-many", in_flight)?;
    report.figures(&format!("JetStream R3, sync always, {in_flight}"), &bare_many);

    let cluster = Cluster::start_with(binary, &folder.join("cluster"), "load.example", partitions)?;
    let relays = pids(&cluster)?;
    let mut tenant = enrol(runtime, &cluster.relays[0], 2 * SESSIONS as usize)?;
    let mailboxes = runtime.block_on(open(&mut tenant, SESSIONS))?;
    let target = Target::of(&tenant);
    let began = stored(&cluster)?;
    let before = Passed::now(&cluster)?;
    let bus = Window::open(&cluster.nats.pids())?;
    let (many, total, _) =
        runtime.block_on(load(&target, &mailboxes, &relays, (sessions, in_flight), lasts))?;
    let bus = bus.close()?;
    let passed = Passed::now(&cluster)?.since(before);
    let many = Figures {
        disk_per_byte: stored(&cluster)?.saturating_sub(began) as f64 / (total as f64 * PAYLOAD as f64),
        ..many
    };
    report.figures(&format!("three relays, {sessions} sessions, {in_flight}"), &many);
    let (one, ..) = runtime.block_on(load(&target, &mailboxes[..1], &relays, (1, 1), lasts))?;
    drop(cluster);
    let bare_one = bare("bare-one", 1)?;
    report.figures("JetStream R3, sync always, 1", &bare_one);
    report.figures("three relays, 1 in flight", &one);
    report.figure(
        "processor time of NATS",
        bus.cpu as f64 / total as f64,
        "us/message",
    );
    for (name, value) in [
        (
            "messages over NATS, sent by relays",
            passed.messages as f64 / total as f64,
        ),
        (
            "bytes in them, of payload",
            passed.bytes as f64 / (total as f64 * PAYLOAD as f64),
        ),
        ("entries of the order", passed.entries as f64 / total as f64),
    ] {
        report.figure(name, value, "for each message");
    }
    report.figure(
        "messages in an entry of the order",
        total as f64 / passed.entries.max(1) as f64,
        "",
    );
    report.at_least(
        "throughput, three relays / JetStream R3",
        many.per_second / bare_many.per_second,
        1.2,
        "x",
    );
    report.at_most(
        "p50 with one in flight, three relays / JetStream R3",
        one.p50_us as f64 / bare_one.p50_us as f64,
        1.5,
        "x",
    );
    Ok(())
}

/// What relays have sent over NATS, and ordered.
#[derive(Clone, Copy)]
struct Passed {
    messages: u64,
    bytes: u64,
    entries: u64,
}

impl Passed {
    fn now(cluster: &Cluster) -> Result<Self> {
        // Relays look at it once a second.
        std::thread::sleep(Duration::from_millis(1_500));
        let mut now = Self {
            messages: 0,
            bytes: 0,
            entries: 0,
        };
        for (at, relay) in cluster.relays.iter().enumerate() {
            let page = relay.get("/metrics")?;
            now.messages += read(&page, "telesphor_relay_bus_messages_total{direction=\"out\"}");
            now.bytes += read(&page, "telesphor_relay_bus_bytes_total{direction=\"out\"}");
            if at == 0 {
                now.entries = read(&page, "telesphor_relay_partition_durable{");
            }
        }
        Ok(now)
    }

    const fn since(self, before: Self) -> Self {
        Self {
            messages: self.messages - before.messages,
            bytes: self.bytes - before.bytes,
            entries: self.entries - before.entries,
        }
    }
}

/// What all lines of a metrics page that begin so add up to.
fn read(page: &str, name: &str) -> u64 {
    let lines = page.lines().filter(|line| line.starts_with(name));
    lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

fn pids(cluster: &Cluster) -> Result<Vec<u32>> {
    cluster
        .relays
        .iter()
        .map(|r| r.pid().ok_or_else(|| odd("a relay ended")))
        .collect()
}

/// Bytes on the disks of all relays.
fn stored(cluster: &Cluster) -> Result<u64> {
    cluster.relays.iter().map(|r| on_disk(r.data())).sum()
}
