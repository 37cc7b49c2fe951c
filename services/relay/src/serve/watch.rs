//! What is looked at once a second: room, silent connections, the clock, the certificate.

use std::sync::Arc;
use std::time::{Duration, Instant};

use telesphor_engine::EngineStanding;
use tokio::time::{MissedTickBehavior, interval};

use super::ground::bus_certificate_until;
use super::{Running, reload};
use crate::clock;

/// A jump of the wall clock beyond this is counted: leases hang on it.
const STEP_MS: u64 = 5_000;
/// The record and the certificate are looked at this often, seconds.
const SLOWLY: u64 = 60;

/// Runs until it is dropped.
pub(crate) async fn watch(running: Arc<Running>) {
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut clock = Clocks::now();
    let mut seconds = 0u64;
    loop {
        tick.tick().await;
        if clock.stepped() {
            running.metrics.clock_stepped();
            tracing::warn!("the machine's clock jumped; leases and expiry follow it");
        }
        running.gate.sweep(Instant::now());
        room(&running);
        engine(&running);
        if seconds.is_multiple_of(SLOWLY) {
            slowly(&running);
        }
        seconds += 1;
    }
}

fn room(running: &Running) {
    if running.room.look(running.engine.unflushed()) {
        match running.room.is_short() {
            true => tracing::error!(
                code = "T-5002",
                "the disk is nearly full: new events are refused, reading goes on"
            ),
            false => tracing::info!("there is room again: new events are taken"),
        }
    }
    running.metrics.disk_free(running.room.free());
    running.metrics.disk_reserve(running.room.reserve());
    running.metrics.writes_stopped(running.room.is_short());
}

fn engine(running: &Running) {
    let seen = running.engine.observe();
    running.metrics.ready(seen.standing == EngineStanding::Serving);
    running.metrics.mailboxes_live(seen.live_mailboxes);
    running.metrics.partitions(
        seen.partitions.iter().filter(|p| p.kept).count(),
        seen.partitions.iter().filter(|p| p.fenced).count(),
    );
    let oldest = seen.partitions.iter().filter_map(|p| p.oldest_not_durable).max();
    running.metrics.deliveries(&seen.deliveries);
    running.metrics.blobs.stand(running.blobs.totals());
    running.metrics.oldest_not_durable(oldest.unwrap_or_default());
    running.metrics.syncs(seen.totals.fsyncs, seen.totals.fsync_us);
    if let Some(bus) = &running.bus {
        bus.members.connected(bus.nats.connected());
        bus.members.passed(&bus.nats.traffic());
        bus.members.clock_lead(bus.clocks.lead());
        if let (Some(passing), Some(now)) = (&bus.passing, &seen.passing) {
            passing.stand(now);
        }
        for partition in &seen.partitions {
            match &partition.member {
                Some(member) => bus.members.stands(partition.partition, member),
                None => bus.members.keeps_not(partition.partition),
            }
        }
    }
}

fn slowly(running: &Running) {
    let certificate = running.certificates.current();
    let now = i64::try_from(clock::now_ms() / 1000).unwrap_or(i64::MAX);
    let left = certificate.not_after - now;
    running.metrics.certificate_days_left(left.div_euclid(24 * 3600));
    if let Some(bus) = &running.bus {
        // Read again each time: who renews it replaces the file.
        if let Some(until) = bus_certificate_until(&running.settings) {
            bus.members
                .certificate_days_left((until - now).div_euclid(24 * 3600));
        }
    }
    if let Err(fault) = reload::refresh(running, certificate.tls_key) {
        tracing::error!(code = %fault.code, support = %fault.support, "the domain record could not be renewed");
    }
}

/// The two clocks side by side: one can be set, the other cannot.
struct Clocks {
    wall: u64,
    steady: Instant,
}

impl Clocks {
    fn now() -> Self {
        Self {
            wall: clock::now_ms(),
            steady: Instant::now(),
        }
    }

    /// Whether the wall clock moved otherwise than the steady one since the last question.
    fn stepped(&mut self) -> bool {
        let now = Self::now();
        let passed = u64::try_from((now.steady - self.steady).as_millis()).unwrap_or(u64::MAX);
        let expected = self.wall.saturating_add(passed);
        let stepped = now.wall.abs_diff(expected) > STEP_MS;
        *self = now;
        stepped
    }
}
