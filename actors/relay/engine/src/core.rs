//! What every part of the engine shares: facts, limits, counters, permits. No behaviour of
//! its own, and nothing here waits for anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use telesphor_store::Reader;
use telesphor_wire::answer::Refusal;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{Incarnation, MailboxId, PartitionId};
use telesphor_wire::sign::{PublicKey, SigningKey};
use telesphor_wire::text::{Domain, SupportCode};
use tokio::sync::{Notify, Semaphore};

use crate::away::Away;
use crate::clock::Clock;
use crate::config::{DeliveredHook, EngineConfig};
use crate::deliveries::Notes;
use crate::limits::Limits;
use crate::observe::{Counters, EngineStanding};
use crate::trace::{Given, Place, Trace, TraceRing};

/// Shared by all parts of one engine.
pub(crate) struct Core {
    // -- facts, fixed at the start
    pub(crate) domain: Domain,
    pub(crate) relay: PublicKey,
    pub(crate) incarnation: Incarnation,
    pub(crate) partitions: u16,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) runtime: tokio::runtime::Handle,

    // -- shared, each with its own lock
    /// The other relays, where not every one keeps every partition.
    pub(crate) away: Option<Arc<Away>>,
    pub(crate) reader: Reader,
    pub(crate) counters: Counters,
    traces: TraceRing,
    /// Deliveries that stand in no record yet.
    pub(crate) notes: Notes,
    on_delivered: DeliveredHook,
    /// Permits for commands without an answer, over all sessions.
    pub(crate) calls: Arc<Semaphore>,
    /// Permits for their bytes.
    pub(crate) bytes: Arc<Semaphore>,
    /// Permits for work that blocks on the disk, so that no crowd takes every thread.
    disk: Semaphore,
    /// Permits for the bytes of full pages that are being sent.
    pub(crate) pages: Arc<Semaphore>,
    standing: AtomicU8,
    /// No more sessions are taken.
    retiring: AtomicBool,
    /// Told each time the last command without an answer got one.
    pub(crate) all_answered: Notify,
}

const SERVING: u8 = 0;
const DRAINING: u8 = 1;
const FAILED: u8 = 2;

impl Core {
    /// Within the runtime that the engine is to live on.
    pub(crate) fn new(config: &EngineConfig, key: &SigningKey, reader: Reader) -> Self {
        let limits = config.limits.clone();
        let (relay, cluster) = (key.public(), reader.incarnation());
        let away = |away| Arc::new(Away::new(away, key.clone(), cluster, config.partitions));
        Self {
            away: config.away.as_ref().map(away),
            domain: config.domain.clone(),
            relay,
            incarnation: cluster,
            partitions: config.partitions,
            clock: config.clock.clone(),
            runtime: tokio::runtime::Handle::current(),
            traces: TraceRing::new(limits.traces, limits.trace_life),
            notes: Notes::new(limits.delivery_notes),
            on_delivered: config.on_delivered.clone(),
            calls: Arc::new(Semaphore::new(limits.calls_in_flight)),
            bytes: Arc::new(Semaphore::new(limits.bytes_in_flight)),
            disk: Semaphore::new(limits.disk_reads.max(1)),
            pages: Arc::new(Semaphore::new(limits.pages_bytes)),
            counters: Counters::default(),
            standing: AtomicU8::new(SERVING),
            retiring: AtomicBool::new(false),
            all_answered: Notify::new(),
            limits,
            reader,
        }
    }

    /// Runs what blocks on the disk where blocking is allowed. Abandoned while it waits, it
    /// is not begun; abandoned later, it ends by itself.
    pub(crate) async fn blocking<T: Send + 'static>(
        self: Arc<Self>,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let draining = Refusal::of(ErrorCode::Draining);
        // The only errors are those of a runtime that is going down.
        let Ok(_permit) = self.disk.acquire().await else {
            return Err(draining);
        };
        self.runtime.spawn_blocking(work).await.unwrap_or(Err(draining))
    }

    /// The partition a mailbox lives in.
    pub(crate) fn partition_of(&self, mailbox: &MailboxId) -> PartitionId {
        PartitionId::of(mailbox, self.partitions)
    }

    /// Those who keep a mailbox and the partition it lives in, if it is not kept here.
    pub(crate) fn away_for(&self, mailbox: &MailboxId) -> Option<(&Arc<Away>, PartitionId)> {
        let away = self.away.as_ref()?;
        let partition = self.partition_of(mailbox);
        (!away.is_here(partition)).then_some((away, partition))
    }

    /// Whether a partition is kept here.
    pub(crate) fn keeps(&self, partition: PartitionId) -> bool {
        self.away.as_ref().is_none_or(|away| away.is_kept(partition))
    }

    pub(crate) fn standing(&self) -> EngineStanding {
        match self.standing.load(Ordering::Acquire) {
            SERVING => EngineStanding::Serving,
            DRAINING => EngineStanding::Draining,
            _ => EngineStanding::Failed,
        }
    }

    /// From now on nothing new is taken. A failure is not forgotten over it.
    pub(crate) fn begin_draining(&self) {
        self.standing.fetch_max(DRAINING, Ordering::AcqRel);
    }

    /// From now on no more sessions are taken.
    pub(crate) fn retire(&self) {
        self.retiring.store(true, Ordering::Release);
    }

    pub(crate) fn is_retiring(&self) -> bool {
        self.retiring.load(Ordering::Acquire)
    }

    /// From now on nothing is confirmed.
    pub(crate) fn fail(&self) {
        self.standing.store(FAILED, Ordering::Release);
        self.all_answered.notify_waiters();
    }

    /// All calls under a support code that are still known, oldest first.
    pub(crate) fn trace(&self, support: SupportCode) -> Vec<Trace> {
        self.traces.find(support, self.clock.now_ms())
    }

    /// Notes how a call ended.
    pub(crate) fn traced(&self, trace: Trace, session: u64, place: Option<Place>) {
        let already = self.traces.push(trace, session, place);
        for _ in 0..already {
            (self.on_delivered)(&[trace.support]);
        }
    }

    /// Notes that events left for a session.
    pub(crate) fn delivered(&self, session: u64, given: Given) {
        let codes = self.traces.given(session, given);
        if !codes.is_empty() {
            (self.on_delivered)(&codes);
        }
    }

    /// So many commands less without an answer.
    pub(crate) fn answered(&self, calls: usize) {
        if self.counters.calls_in_flight.fetch_sub(calls, Ordering::AcqRel) == calls {
            self.all_answered.notify_waiters();
        }
    }
}
