//! Behind the writer of a relay that stands alone: syncs what it has written, attests, answers,
//! while it decides the next group.
//!
//! ```text
//!   writer   decide, write -----------------> decide, write ------------> ...
//!                          \ group, origins                 \
//!   behind                  `-> sync -> attest, answer       `-> sync -> attest, answer
//!                                   ^
//!                              commit point
//! ```
//!
//! A group that nothing else waits beside is synced and answered by the writer itself: changing
//! threads would cost it more than it could win.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use telesphor_order::Origin;
use telesphor_store::{Applied, Fatal, StoreError, Syncer, Written};
use telesphor_wire::ids::PartitionId;
use telesphor_wire::receipt::Attest;

use crate::config::FatalHook;
use crate::house::House;
use crate::observe::Counters;
use crate::partition::Partition;
use crate::session::outbox::Wakes;
use crate::settle::Settler;
use crate::writer::Will;

/// Groups that may be written and not synced. More would only make smaller ones.
const GROUPS: usize = 2;

/// A group that was written ahead.
pub(crate) struct Group {
    pub(crate) began: Instant,
    pub(crate) written: Written,
    pub(crate) applied: Vec<Applied>,
    pub(crate) origins: Vec<Vec<Origin>>,
}

/// What is done with a group that is durable; the same on whichever thread.
pub(crate) struct After {
    pub(crate) house: Arc<House>,
    pub(crate) settler: Arc<Settler>,
    pub(crate) syncer: Syncer,
}

impl After {
    /// Notes and attests what was decided: the relay's word is given from here on.
    pub(crate) fn attest(&self, applied: &Applied) -> Result<Attest, Fatal> {
        if let Some(partition) = self.partition(applied.partition) {
            partition.position.store(applied.position, Ordering::Release);
        }
        self.house.core.clock.at_least(applied.head.stamp);
        self.syncer
            .note_attested(applied.partition, applied.position, &applied.digest)?;
        // One signature for the whole batch, and only after its fsync.
        Ok(self.settler.attest(applied))
    }

    /// Attests and answers a group that is durable by this relay's own sync.
    pub(crate) fn answer(
        &self,
        applied: Vec<Applied>,
        origins: Vec<Vec<Origin>>,
        wakes: &mut Wakes,
    ) -> Result<(), Fatal> {
        for (applied, origins) in applied.into_iter().zip(origins) {
            let attest = self.attest(&applied)?;
            self.settle(applied, &origins, &[attest], wakes);
        }
        Ok(())
    }

    /// Answers a batch that as many have attested as receipts need.
    pub(crate) fn settle(&self, applied: Applied, origins: &[Origin], attests: &[Attest], wakes: &mut Wakes) {
        if let Some(partition) = self.partition(applied.partition) {
            self.settler
                .settle(&self.house, &partition, applied, origins, attests, wakes);
        }
    }

    /// Counts a sync, and for how long the first of what it made durable was on its way.
    pub(crate) fn count(&self, began: Instant) {
        let counters = &self.house.core.counters;
        let us = u64::try_from(began.elapsed().as_micros())
            .unwrap_or(u64::MAX)
            .max(1);
        Counters::add(&counters.fsyncs, 1);
        Counters::add(&counters.fsync_us, us);
        counters.last_fsync_us.store(us, Ordering::Relaxed);
    }

    pub(crate) fn partition(&self, partition: PartitionId) -> Option<Arc<Partition>> {
        self.house.partitions.get(usize::from(partition.0)).cloned()
    }
}

enum Handed {
    Group(Group),
    /// Dropped when all before it is done.
    Ask(mpsc::SyncSender<()>),
}

/// What the thread tells of itself.
#[derive(Default)]
struct Tells {
    /// Groups that were handed over and not answered yet.
    under_way: AtomicUsize,
    /// How long the last sync took, microseconds.
    sync_us: AtomicU64,
}

/// The thread, as the writer sees it. Dropping it lets the thread finish, and waits for that.
pub(crate) struct Behind {
    queue: Option<mpsc::SyncSender<Handed>>,
    tells: Arc<Tells>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Behind {
    /// # Errors
    /// If the thread cannot be started.
    pub(crate) fn start(after: Arc<After>, on_fatal: FatalHook) -> std::io::Result<Self> {
        let (queue, groups) = mpsc::sync_channel(GROUPS);
        let tells = Arc::new(Tells::default());
        let work = Work {
            after,
            groups,
            tells: tells.clone(),
        };
        let thread = std::thread::Builder::new()
            .name("telesphor-syncer".into())
            .spawn(move || work.run(on_fatal))?;
        Ok(Self {
            queue: Some(queue),
            tells,
            thread: Some(thread),
        })
    }

    /// Whether everything that was handed over has been answered.
    pub(crate) fn idle(&self) -> bool {
        self.tells.under_way.load(Ordering::Acquire) == 0
    }

    /// How long the last sync took.
    pub(crate) fn last_sync(&self) -> Duration {
        Duration::from_micros(self.tells.sync_us.load(Ordering::Relaxed))
    }

    /// Waits for room.
    ///
    /// # Errors
    /// [`Fatal`] if a sync has failed.
    pub(crate) fn hand_over(&self, group: Group) -> Result<(), Fatal> {
        self.tells.under_way.fetch_add(1, Ordering::AcqRel);
        self.give(Handed::Group(group))
    }

    /// Waits until everything that was handed over has been answered.
    ///
    /// # Errors
    /// [`Fatal`] if a sync has failed.
    pub(crate) fn finish(&self) -> Result<(), Fatal> {
        if self.idle() {
            return Ok(());
        }
        let (ask, answer) = mpsc::sync_channel(1);
        self.give(Handed::Ask(ask))?;
        // Nothing is ever sent: the other end goes when its turn has come.
        let _ = answer.recv();
        match self.idle() {
            true => Ok(()),
            false => Err(Fatal::Store(StoreError::Poisoned)),
        }
    }

    fn give(&self, handed: Handed) -> Result<(), Fatal> {
        let queue = self.queue.as_ref();
        match queue.map(|queue| queue.send(handed)) {
            Some(Ok(())) => Ok(()),
            _ => Err(Fatal::Store(StoreError::Poisoned)),
        }
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        self.queue = None;
        // One that panicked has told so on its way out.
        let _ = self.thread.take().map(std::thread::JoinHandle::join);
    }
}

struct Work {
    after: Arc<After>,
    groups: mpsc::Receiver<Handed>,
    tells: Arc<Tells>,
}

impl Work {
    fn run(self, on_fatal: FatalHook) {
        let will = Will::new(self.after.house.clone(), on_fatal);
        if let Err(fatal) = self.work() {
            will.fails(&fatal);
        }
    }

    fn work(&self) -> Result<(), Fatal> {
        while let Ok(first) = self.groups.recv() {
            let (mut groups, mut asks) = (Vec::with_capacity(GROUPS), Vec::new());
            for handed in std::iter::once(first).chain(self.groups.try_iter()) {
                match handed {
                    Handed::Group(group) => groups.push(group),
                    Handed::Ask(ask) => asks.push(ask),
                }
            }
            self.round(groups)?;
            drop(asks);
        }
        Ok(())
    }

    fn round(&self, groups: Vec<Group>) -> Result<(), Fatal> {
        let (Some(first), Some(last)) = (groups.first(), groups.last()) else {
            return Ok(());
        };
        let (began, written, count) = (first.began, last.written, groups.len());
        let syncing = Instant::now();
        self.after.syncer.sync(written)?;
        // ---- COMMIT POINT, of a relay alone, of groups that were written ahead: `sync` has
        // returned, so they are on this disk. It is the one of `Writer::write`, moved here.
        let us = u64::try_from(syncing.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.tells.sync_us.store(us, Ordering::Relaxed);
        self.after.count(began);
        let mut wakes = Wakes::default();
        for group in groups {
            self.after.answer(group.applied, group.origins, &mut wakes)?;
        }
        drop(wakes);
        self.tells.under_way.fetch_sub(count, Ordering::AcqRel);
        Ok(())
    }
}
