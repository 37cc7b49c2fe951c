//! What an operator sees: numbers only.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{Incarnation, PartitionId};

/// The engine at one moment.
#[derive(Clone, Debug)]
pub struct Observation {
    /// Whether commands are taken and confirmed, and if not, why.
    pub standing: EngineStanding,
    /// The store's life.
    pub incarnation: Incarnation,
    /// Connections.
    pub sessions: usize,
    /// Mailboxes with an actor.
    pub live_mailboxes: usize,
    /// Follows in all sessions.
    pub follows: usize,
    /// Commands without an answer yet.
    pub calls_in_flight: usize,
    /// Bytes of commands without an answer yet.
    pub bytes_in_flight: usize,
    /// The partitions.
    pub partitions: Vec<PartitionStatus>,
    /// Since the start.
    pub totals: Totals,
    /// How long the last apply with its fsync took.
    pub last_fsync: Option<Duration>,
    /// Delivery records.
    pub deliveries: DeliveryStatus,
    /// What is passed on between relays, where not every one keeps every partition.
    pub passing: Option<PassingStatus>,
}

/// What passes between relays, since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassingStatus {
    /// Questions that were passed on to whoever keeps the mailbox.
    pub passed_on: u64,
    /// Of these, questions that none of them answered in time.
    pub unanswered: u64,
    /// Questions of other relays that were answered.
    pub answered: u64,
}

/// The writing of delivery records, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryStatus {
    /// Connections and mailboxes that are remembered.
    pub waiting: usize,
    /// Records written since the start.
    pub written: u64,
    /// Records that gave way to newer ones since the start.
    pub overwritten: u64,
    /// Records that could not be sealed to their owner since the start.
    pub unsealed: u64,
}

/// Whether the engine does its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineStanding {
    /// Yes.
    Serving,
    /// Being stopped: what was taken is finished, nothing new is taken.
    Draining,
    /// The store failed; nothing more is confirmed. The process is about to end.
    Failed,
}

/// One partition at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionStatus {
    /// Which.
    pub partition: PartitionId,
    /// Whether it is kept here; if not, what concerns it is passed on to relays that do.
    pub kept: bool,
    /// Last position applied and durable.
    pub position: u64,
    /// Groups that wait to be ordered.
    pub waiting: usize,
    /// How long the oldest command that was taken and is not durable has waited.
    pub oldest_not_durable: Option<Duration>,
    /// Fenced: its order cannot be trusted, nothing of it is confirmed.
    pub fenced: bool,
    /// How the relay stands in the partition's cluster, if it is one of several.
    pub member: Option<telesphor_order::Standing>,
}

/// Sums since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Commands that changed something and are durable.
    pub accepted: u64,
    /// Commands that were answered from memory of their id.
    pub repeated: u64,
    /// Events appended to mailboxes.
    pub events: u64,
    /// Payload bytes of commands taken in.
    pub bytes_in: u64,
    /// Payload bytes of events pushed or fetched.
    pub bytes_out: u64,
    /// Events pushed or fetched.
    pub events_out: u64,
    /// Records applied.
    pub records: u64,
    /// Group commits, each with one fsync.
    pub fsyncs: u64,
    /// Microseconds spent in group commits.
    pub fsync_us: u64,
    /// Answers Busy.
    pub busy: u64,
    /// Refusals of calls, proofs and follows, by code.
    pub refused: BTreeMap<u16, u64>,
}

/// Counters the parts of the engine raise.
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) sessions: AtomicUsize,
    pub(crate) follows: AtomicUsize,
    pub(crate) calls_in_flight: AtomicUsize,
    pub(crate) accepted: AtomicU64,
    pub(crate) repeated: AtomicU64,
    pub(crate) events: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    pub(crate) events_out: AtomicU64,
    pub(crate) records: AtomicU64,
    pub(crate) fsyncs: AtomicU64,
    pub(crate) fsync_us: AtomicU64,
    pub(crate) last_fsync_us: AtomicU64,
    pub(crate) busy: AtomicU64,
    refused: Mutex<BTreeMap<u16, u64>>,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn refuse(&self, code: ErrorCode) {
        *self
            .refused
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(code.code())
            .or_insert(0) += 1;
    }

    pub(crate) fn last_fsync(&self) -> Option<Duration> {
        match self.last_fsync_us.load(Ordering::Relaxed) {
            0 => None,
            us => Some(Duration::from_micros(us)),
        }
    }

    pub(crate) fn totals(&self) -> Totals {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Totals {
            accepted: get(&self.accepted),
            repeated: get(&self.repeated),
            events: get(&self.events),
            bytes_in: get(&self.bytes_in),
            bytes_out: get(&self.bytes_out),
            events_out: get(&self.events_out),
            records: get(&self.records),
            fsyncs: get(&self.fsyncs),
            fsync_us: get(&self.fsync_us),
            busy: get(&self.busy),
            refused: self
                .refused
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }
}
