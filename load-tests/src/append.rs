//! Durable appends of 1 KiB: the relay, RocksDB alone, one JetStream stream.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use telesphor_agent::link::Pin;
use telesphor_chaos::relay::Relay;
use telesphor_chaos::tenant::{Mailbox, Tenant};
use telesphor_wire::domain::AdmissionLink;
use telesphor_wire::sign::PublicKey;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::error::{Result, odd};
use crate::line::{Line, Shared};
use crate::measure::{Figures, Window, cpu_us, on_disk};
use crate::report::Report;
use crate::{jetstream, raw};

/// Bytes of one message.
pub(crate) const PAYLOAD: usize = 1024;
/// Runs before anything is measured.
pub(crate) const WARM_UP: Duration = Duration::from_secs(3);
/// Messages on the way at one time.
pub(crate) const IN_FLIGHT: u32 = 512;
/// Sessions that share them.
pub(crate) const SESSIONS: u32 = 32;

/// A relay of its own in a folder, and somebody it has taken in.
pub(crate) fn relay(runtime: &Runtime, folder: &Path, mailboxes: usize) -> Result<(Relay, Tenant)> {
    let mut relay = Relay::init(folder, "load.example")?;
    relay.start()?;
    let tenant = enrol(runtime, &relay, mailboxes)?;
    Ok((relay, tenant))
}

/// Somebody whom a running relay takes in.
pub(crate) fn enrol(runtime: &Runtime, relay: &Relay, mailboxes: usize) -> Result<Tenant> {
    let made = relay.json(&["admit", "new", "--class", "organisation"])?;
    let link = made["link"].as_str().ok_or_else(|| odd("no admission link"))?;
    let link = AdmissionLink::from_text(link).map_err(odd)?;
    Ok(runtime.block_on(Tenant::enrol(&link, mailboxes))?)
}

/// So many mailboxes of somebody that was taken in.
pub(crate) async fn open(tenant: &mut Tenant, mailboxes: u32) -> Result<Vec<Mailbox>> {
    let (session, _pushes) = tenant.session().await?;
    let mut opened = Vec::new();
    for _ in 0..mailboxes {
        opened.push(tenant.open(&session).await?);
    }
    Ok(opened)
}

/// Whom to load.
pub(crate) struct Target {
    /// The relays, as pinned; sessions take turns.
    pub(crate) pins: Vec<Pin>,
    /// The attesting keys of their domain.
    pub(crate) relays: Arc<Vec<PublicKey>>,
    /// How many of them a receipt needs.
    pub(crate) quorum: usize,
}

impl Target {
    /// All relays of somebody's domain.
    pub(crate) fn of(tenant: &Tenant) -> Self {
        Self {
            pins: tenant.pins(),
            relays: Arc::new(tenant.relays()),
            quorum: tenant.quorum(),
        }
    }
}

/// Loads a running relay: so many sessions, each with its share of mailboxes and messages.
/// Gives the figures, everything durable since the start, and the load's own processor time
/// per message, microseconds.
pub(crate) async fn load(
    target: &Target,
    mailboxes: &[Mailbox],
    pids: &[u32],
    (sessions, in_flight): (u32, u32),
    lasts: Duration,
) -> Result<(Figures, u64, f64)> {
    let shared = Arc::new(Shared::default());
    let mut lines = JoinSet::new();
    let share = mailboxes.len().div_ceil(sessions as usize).max(1);
    for (own, pin) in mailboxes.chunks(share).zip(target.pins.iter().cycle()) {
        let line = Line::open(pin, (target.relays.clone(), target.quorum), own.to_vec()).await?;
        lines.spawn(line.run(in_flight / sessions, shared.clone()));
    }
    tokio::time::sleep(WARM_UP).await;
    let window = Window::open(pids)?;
    let own = cpu_us(std::process::id())?;
    shared.phase.store(1, Ordering::Relaxed);
    tokio::time::sleep(lasts).await;
    let window = window.close()?;
    let own = cpu_us(std::process::id())? - own;
    shared.phase.store(2, Ordering::Relaxed);
    let mut latencies = Vec::new();
    while let Some(line) = lines.join_next().await {
        latencies.extend(line.map_err(odd)??);
    }
    let load_us = own as f64 / latencies.len().max(1) as f64;
    let figures = window.figures(latencies, PAYLOAD)?;
    Ok((figures, shared.durable.load(Ordering::Relaxed), load_us))
}

/// The scenario.
pub(crate) fn run(
    runtime: &Runtime,
    folder: &Path,
    lasts: Duration,
    nats: Option<&Path>,
    report: &mut Report,
) -> Result<()> {
    report.section("Durable appends of 1 KiB");
    report.head();
    let raw_many = raw::measure(&folder.join("raw-many"), IN_FLIGHT as usize, lasts)?;
    report.figures("(a) RocksDB alone, 512 in flight", &raw_many);

    let (mut relay, mut tenant) = relay(runtime, &folder.join("relay"), 2 * SESSIONS as usize)?;
    let pid = relay.pid().ok_or_else(|| odd("the relay ended"))?;
    let mailboxes = runtime.block_on(open(&mut tenant, SESSIONS))?;
    let began = on_disk(relay.data())?;
    let target = Target::of(&tenant);
    let (many, total, load_us) =
        runtime.block_on(load(&target, &mailboxes, &[pid], (SESSIONS, IN_FLIGHT), lasts))?;
    let disk_per_byte =
        (on_disk(relay.data())?.saturating_sub(began)) as f64 / (total as f64 * PAYLOAD as f64);
    let many = Figures {
        disk_per_byte,
        ..many
    };
    report.figures("relay, 32 sessions, 512 in flight", &many);
    let (one, ..) = runtime.block_on(load(&target, &mailboxes[..1], &[pid], (1, 1), lasts))?;
    relay.kill()?;
    let raw_one = raw::measure(&folder.join("raw-one"), 1, lasts)?;
    report.figures("(a) RocksDB alone, 1 in flight", &raw_one);
    report.figures("relay, 1 in flight", &one);
    let stream = match nats {
        Some(binary) => {
            let stream = jetstream::measure(runtime, binary, &folder.join("nats"), (1, IN_FLIGHT), lasts)?;
            report.figures("(b) JetStream R1, sync always", &stream);
            Some(stream)
        }
        None => None,
    };
    report.figure("processor time of the load itself", load_us, "us/message");
    report.at_least(
        "throughput, relay / (a)",
        many.per_second / raw_many.per_second,
        0.4,
        "x",
    );
    match stream {
        Some(s) => report.at_least(
            "throughput, relay / (b)",
            many.per_second / s.per_second,
            10.0,
            "x",
        ),
        None => report.note("(b) left out: no nats-server given"),
    }
    report.at_most(
        "processor time per message, relay / (a)",
        many.cpu_us / raw_many.cpu_us,
        3.0,
        "x",
    );
    report.at_most(
        "p50 with one in flight, relay / (a)",
        one.p50_us as f64 / raw_one.p50_us as f64,
        2.0,
        "x",
    );
    Ok(())
}
