//! What Prometheus sees: one function per metric, buckets instead of values, no ids in labels.
//! `docs/metrics.md` is the catalogue; a test compares the two.

mod kinds;
mod members;
mod passing;

use std::time::Duration;

use kinds::{counter, counters, gauge, histogram, saturating, seconds};
pub use members::Members;
pub use passing::Passing;
use prometheus::{Counter, Encoder, Histogram, IntCounter, IntCounterVec, IntGauge, Registry, TextEncoder};
use telesphor_engine::DeliveryStatus;
use telesphor_wire::answer::Answer;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ledger::StepKind;

mod blobs;
mod exchange;

/// All metrics of one relay process.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    connections: IntCounter,
    dropped: IntCounterVec,
    unproven: IntGauge,
    sessions: IntGauge,
    frames: IntCounterVec,
    /// In the order of [`ANSWERS`]: looked up once, not once per command.
    calls: Vec<IntCounter>,
    ledger: IntCounterVec,
    refusals: IntCounterVec,
    call_seconds: Histogram,
    calls_per_frame: Histogram,
    http: IntCounterVec,
    certificate_reloads: IntCounterVec,
    certificate_days: IntGauge,
    disk_free: IntGauge,
    disk_reserve: IntGauge,
    writes_stopped: IntGauge,
    clock_steps: IntCounter,
    traces_dropped: IntCounter,
    reclaims: IntCounterVec,
    delivery_records: IntCounterVec,
    delivery_notes: IntGauge,
    ready: IntGauge,
    draining: IntGauge,
    started: IntGauge,
    partitions: IntGauge,
    partitions_fenced: IntGauge,
    mailboxes_live: IntGauge,
    not_durable_seconds: IntGauge,
    syncs: IntCounter,
    sync_seconds: Counter,
    /// Large content.
    pub blobs: blobs::BlobMetrics,
    /// The exchange with other domains.
    pub exchange: exchange::ExchangeMetrics,
}

/// Why a connection was ended by the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// It had proved nothing and was the oldest when a new one came.
    GaveWay,
    /// It had proved nothing for too long.
    Unproven,
    /// It was silent for too long.
    Silent,
    /// It sent what is not well-formed.
    Form,
    /// It did not take what was sent to it.
    Slow,
}

impl Dropped {
    const ALL: [Self; 5] = [
        Self::GaveWay,
        Self::Unproven,
        Self::Silent,
        Self::Form,
        Self::Slow,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::GaveWay => "gave_way",
            Self::Unproven => "unproven",
            Self::Silent => "silent",
            Self::Form => "form",
            Self::Slow => "slow",
        }
    }
}

const ANSWERS: [&str; 10] = [
    "durable",
    "refused",
    "busy",
    "not_yet_durable",
    "taken",
    "enrolled",
    "ledger",
    "admitted",
    "page",
    "piece",
];

/// Its place in [`ANSWERS`].
const fn place(answer: &Answer) -> usize {
    match answer {
        Answer::Durable(_) => 0,
        Answer::Refused(_) => 1,
        Answer::Busy(_) => 2,
        Answer::NotYetDurable(_) => 3,
        Answer::Taken(_) => 4,
        Answer::Enrolled(_) => 5,
        Answer::Ledger(_) => 6,
        Answer::Admitted(_) => 7,
        Answer::Page(_) => 8,
        Answer::Piece(_) => 9,
    }
}

/// An act on the ledger, as a label.
const fn act(kind: Option<StepKind>) -> &'static str {
    match kind {
        None => "look",
        Some(StepKind::Reserved) => "reserve",
        Some(StepKind::Confirmed) => "confirm",
        Some(StepKind::Released) => "release",
        Some(StepKind::Cancelled) => "cancel",
        Some(StepKind::Held) => "hold",
        Some(StepKind::Lifted) => "lift",
        Some(StepKind::Settled) => "settle",
    }
}

impl Metrics {
    /// Registers every metric.
    ///
    /// # Errors
    /// Only if two metrics have one name, which a test would show.
    pub fn new() -> Result<Self, prometheus::Error> {
        let r = Registry::new();
        let metrics = Self {
            connections: counter(&r, "connections_total", "TLS connections taken up.")?,
            dropped: counters(
                &r,
                "connections_dropped_total",
                "Connections ended by the relay, by reason.",
                "why",
            )?,
            unproven: gauge(
                &r,
                "connections_unproven",
                "Connections that have proved no right yet.",
            )?,
            sessions: gauge(&r, "sessions", "WebSocket sessions open.")?,
            frames: counters(&r, "frames_total", "WebSocket frames, by direction.", "direction")?,
            calls: {
                let calls = counters(
                    &r,
                    "calls_total",
                    "Commands answered, by kind of answer.",
                    "answer",
                )?;
                ANSWERS
                    .iter()
                    .map(|answer| calls.with_label_values(&[answer]))
                    .collect()
            },
            ledger: counters(
                &r,
                "ledger_total",
                "Acts on the dispense ledger carried out, by act; answers given again count again.",
                "act",
            )?,
            refusals: counters(&r, "refusals_total", "Refusals, by error code.", "code")?,
            call_seconds: histogram(
                &r,
                "call_seconds",
                "Time from a command's frame to its answer.",
                &[
                    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
                ],
            )?,
            calls_per_frame: histogram(
                &r,
                "calls_per_frame",
                "Commands that came in one frame.",
                &[1.0, 4.0, 16.0, 64.0, 256.0, 1024.0],
            )?,
            http: counters(
                &r,
                "http_requests_total",
                "HTTP requests answered, by status.",
                "status",
            )?,
            certificate_reloads: counters(
                &r,
                "certificate_reloads_total",
                "Reloads of the certificate, by outcome.",
                "outcome",
            )?,
            certificate_days: gauge(&r, "certificate_days_left", "Days until the certificate ends.")?,
            disk_free: gauge(
                &r,
                "disk_free_bytes",
                "Room on the store's disk, in steps of 64 MiB.",
            )?,
            disk_reserve: gauge(
                &r,
                "disk_reserve_bytes",
                "Room that is kept back: with less, new events are refused.",
            )?,
            writes_stopped: gauge(
                &r,
                "writes_stopped",
                "1 while new events are refused for want of room.",
            )?,
            clock_steps: counter(
                &r,
                "clock_steps_total",
                "Jumps of the machine's clock by more than five seconds.",
            )?,
            reclaims: counters(
                &r,
                "reclaims_total",
                "Rounds in which erased ciphertext was removed from the disk, by outcome.",
                "outcome",
            )?,
            delivery_records: counters(
                &r,
                "delivery_records_total",
                "Records of deliveries to readers, by outcome.",
                "outcome",
            )?,
            delivery_notes: gauge(
                &r,
                "delivery_notes",
                "Connections and mailboxes whose deliveries are remembered until they are recorded.",
            )?,
            traces_dropped: counter(
                &r,
                "traces_dropped_total",
                "Batches of support codes that were not recorded.",
            )?,
            ready: gauge(&r, "ready", "1 while the relay takes requests.")?,
            draining: gauge(&r, "draining", "1 while the relay is being stopped.")?,
            started: gauge(&r, "start_time_seconds", "When the process began, Unix seconds.")?,
            partitions: gauge(&r, "partitions", "Partitions that this relay serves.")?,
            partitions_fenced: gauge(
                &r,
                "partitions_fenced",
                "Partitions that confirm nothing because something is wrong.",
            )?,
            mailboxes_live: gauge(&r, "mailboxes_live", "Mailboxes that are awake in memory.")?,
            not_durable_seconds: gauge(
                &r,
                "oldest_not_durable_seconds",
                "Age of the oldest command that is not durable yet.",
            )?,
            syncs: counter(&r, "syncs_total", "Group commits, each with one fsync.")?,
            sync_seconds: seconds(
                &r,
                "sync_seconds_total",
                "Time spent in group commits with their fsync.",
            )?,
            blobs: blobs::BlobMetrics::new(&r)?,
            exchange: exchange::ExchangeMetrics::new(&r)?,
            registry: r,
        };
        metrics.show_all_labels();
        Ok(metrics)
    }

    /// A counter that was never raised is still shown, so that an alert on it can be written.
    fn show_all_labels(&self) {
        for why in Dropped::ALL {
            self.dropped.with_label_values(&[why.label()]);
        }
        for direction in ["in", "out"] {
            self.frames.with_label_values(&[direction]);
        }
        for outcome in ["done", "failed"] {
            self.reclaims.with_label_values(&[outcome]);
        }
        for outcome in ["written", "gave_way", "unsealed"] {
            self.delivery_records.with_label_values(&[outcome]);
        }
        for outcome in ["taken", "refused"] {
            self.certificate_reloads.with_label_values(&[outcome]);
        }
        for kind in StepKind::ALL.iter().copied().map(Some).chain([None]) {
            self.ledger.with_label_values(&[act(kind)]);
        }
        self.refusals
            .with_label_values(&[&ErrorCode::Refused.to_string()]);
        self.http.with_label_values(&["200"]);
    }

    /// The page.
    pub fn page(&self) -> Vec<u8> {
        let mut page = Vec::new();
        // Writing to memory does not fail; a broken metric would leave the page short.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut page);
        page
    }

    /// Names of all metrics, sorted.
    pub fn names(&self) -> Vec<String> {
        self.registry
            .gather()
            .iter()
            .map(|f| f.name().to_owned())
            .collect()
    }

    /// A TLS connection was taken up.
    pub fn connection_opened(&self) {
        self.connections.inc();
    }

    /// A connection was ended by the relay.
    pub fn connection_dropped(&self, why: Dropped) {
        self.dropped.with_label_values(&[why.label()]).inc();
    }

    /// So many connections have proved nothing.
    pub fn unproven_connections(&self, count: usize) {
        self.unproven.set(saturating(count as u64));
    }

    /// A session began.
    pub fn session_began(&self) {
        self.sessions.inc();
    }

    /// A session ended.
    pub fn session_ended(&self) {
        self.sessions.dec();
    }

    /// Sessions open.
    pub fn sessions(&self) -> u64 {
        u64::try_from(self.sessions.get()).unwrap_or(0)
    }

    /// A frame came.
    pub fn frame_in(&self) {
        self.frames.with_label_values(&["in"]).inc();
    }

    /// A frame went.
    pub fn frame_out(&self) {
        self.frames.with_label_values(&["out"]).inc();
    }

    /// So many commands came in one frame.
    pub fn calls_came(&self, count: usize) {
        self.calls_per_frame
            .observe(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
    }

    /// A command was answered.
    pub fn call_answered(&self, answer: &Answer, took: Duration) {
        if let Some(counter) = self.calls.get(place(answer)) {
            counter.inc();
        }
        self.call_seconds.observe(took.as_secs_f64());
        match answer {
            Answer::Refused(refusal) => self.refused(refusal.code),
            Answer::Ledger(told) => self
                .ledger
                .with_label_values(&[act(told.step.as_ref().map(|s| s.kind))])
                .inc(),
            _ => {}
        }
    }

    /// Something was refused.
    pub fn refused(&self, code: ErrorCode) {
        self.refusals.with_label_values(&[&code.to_string()]).inc();
    }

    /// An HTTP request was answered.
    pub fn http_answered(&self, status: u16) {
        self.http.with_label_values(&[status.to_string().as_str()]).inc();
    }

    /// The certificate was read again.
    pub fn certificate_reloaded(&self, taken: bool) {
        self.certificate_reloads
            .with_label_values(&[if taken { "taken" } else { "refused" }])
            .inc();
    }

    /// Erased ciphertext was removed from the disk, or could not be.
    pub fn reclaimed(&self, done: bool) {
        self.reclaims
            .with_label_values(&[if done { "done" } else { "failed" }])
            .inc();
    }

    /// Days until the certificate ends.
    pub fn certificate_days_left(&self, days: i64) {
        self.certificate_days.set(days);
    }

    /// Room on the store's disk. In coarse steps: exact growth would show message sizes.
    pub fn disk_free(&self, bytes: u64) {
        self.disk_free.set(saturating(bytes >> 26 << 26));
    }

    /// Room that is kept back.
    pub fn disk_reserve(&self, bytes: u64) {
        self.disk_reserve.set(saturating(bytes));
    }

    /// Whether new events are refused for want of room.
    pub fn writes_stopped(&self, stopped: bool) {
        self.writes_stopped.set(i64::from(stopped));
    }

    /// The clock jumped.
    pub fn clock_stepped(&self) {
        self.clock_steps.inc();
    }

    /// Jumps of the clock so far.
    pub fn clock_steps(&self) -> u64 {
        self.clock_steps.get()
    }

    /// How the writing of delivery records stands.
    pub fn deliveries(&self, now: &DeliveryStatus) {
        let totals = [
            ("written", now.written),
            ("gave_way", now.overwritten),
            ("unsealed", now.unsealed),
        ];
        for (outcome, total) in totals {
            let counter = self.delivery_records.with_label_values(&[outcome]);
            counter.inc_by(total.saturating_sub(counter.get()));
        }
        self.delivery_notes.set(saturating(now.waiting as u64));
    }

    /// A batch of support codes was not recorded.
    pub fn traces_dropped(&self) {
        self.traces_dropped.inc();
    }

    /// Whether the relay takes requests.
    pub fn ready(&self, ready: bool) {
        self.ready.set(i64::from(ready));
    }

    /// Whether the relay is being stopped.
    pub fn draining(&self, draining: bool) {
        self.draining.set(i64::from(draining));
    }

    /// When the process began, Unix seconds.
    pub fn started_at(&self, seconds: u64) {
        self.started.set(saturating(seconds));
    }

    /// Partitions served, and those among them that confirm nothing.
    pub fn partitions(&self, all: usize, fenced: usize) {
        self.partitions.set(saturating(all as u64));
        self.partitions_fenced.set(saturating(fenced as u64));
    }

    /// Mailboxes awake in memory.
    pub fn mailboxes_live(&self, count: usize) {
        self.mailboxes_live.set(saturating(count as u64));
    }

    /// Age of the oldest command that is not durable yet.
    pub fn oldest_not_durable(&self, age: Duration) {
        self.not_durable_seconds.set(saturating(age.as_secs()));
    }

    /// Group commits since the start, and the microseconds they took.
    pub fn syncs(&self, count: u64, micros: u64) {
        self.syncs.inc_by(count.saturating_sub(self.syncs.get()));
        let seconds = Duration::from_micros(micros).as_secs_f64() - self.sync_seconds.get();
        self.sync_seconds.inc_by(seconds.max(0.0));
    }
}
