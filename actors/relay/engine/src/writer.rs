//! The one thread that writes: takes what the order yields, lets the store apply it with one
//! fsync, attests, answers.
//!
//! ```text
//!   alone     order --> decide, write, fsync --> attest --> receipts --> answers, followers
//!                                             ^
//!                                        commit point
//!
//!   cluster   order --> keep, fsync --> (a majority has it: commit point, in the order) -->
//!                   --> decide, write --> attest --> (a majority agrees) --> receipts --> answers
//! ```
//!
//! Start-up is the same loop from the store's position: there is no other recovery.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use telesphor_order::cluster::Keep;
use telesphor_order::{Durable, Feed, GroupLimits, Late, Origin, RestsOn, Step};
use telesphor_rules::prepared::Hashed;
use telesphor_store::{Applied, Applier, Fatal, StoreError};
use telesphor_wire::ids::PartitionId;
use tokio::sync::watch;

use crate::config::FatalHook;
use crate::house::House;
use crate::memory;
use crate::observe::Counters;
use crate::pace::Pace;
use crate::partition::Partition;
use crate::session::outbox::Wakes;
use crate::settle::Settler;
use crate::unsettled::Unsettled;

/// Something else for the writer to do, between two groups.
pub(crate) type Job = Box<dyn FnOnce(&mut Applier) -> Result<(), Fatal> + Send>;

/// Everything the writer owns.
pub(crate) struct Writer {
    pub(crate) house: Arc<House>,
    pub(crate) feed: Box<dyn Feed>,
    pub(crate) applier: Applier,
    pub(crate) settler: Arc<Settler>,
    /// Decided here, and not yet agreed on by a majority.
    pub(crate) unsettled: Unsettled,
    pub(crate) jobs: mpsc::Receiver<Job>,
    pub(crate) on_fatal: FatalHook,
    /// Dropped with the writer, which tells whoever waits for its end.
    pub(crate) _ended: watch::Sender<bool>,
}

/// How often the note of what was attested is synced.
const NOTE_EVERY: Duration = Duration::from_secs(1);

impl Writer {
    /// Runs until the order is closed and everything it took is applied, or the store fails.
    pub(crate) fn run(mut self) {
        let _will = Will {
            house: self.house.clone(),
            on_fatal: self.on_fatal.clone(),
        };
        if let Err(fatal) = self.work() {
            end(&self.house, &self.on_fatal, &fatal);
        }
    }

    fn work(&mut self) -> Result<(), Fatal> {
        let mut steps = Vec::new();
        let (mut noted, mut unsynced) = (Instant::now(), false);
        let mut pace = Pace::default();
        while self.feed.next(self.limits(&pace), &mut steps) {
            unsynced |= self.group(&mut steps, &mut pace)?;
            while let Ok(job) = self.jobs.try_recv() {
                job(&mut self.applier)?;
            }
            if unsynced && noted.elapsed() >= NOTE_EVERY {
                self.applier.sync_note()?;
                (noted, unsynced) = (Instant::now(), false);
            }
        }
        self.applier.sync_note()
    }

    fn limits(&self, pace: &Pace) -> GroupLimits {
        let limits = &self.house.core.limits;
        GroupLimits {
            record_submissions: limits.record_calls,
            submissions: pace.most(limits.group_calls),
        }
    }

    /// One round; gives whether anything was applied and attested.
    fn group(&mut self, steps: &mut Vec<Step>, pace: &mut Pace) -> Result<bool, Fatal> {
        let round = self.sort(steps);
        let applied = !round.group.is_empty();
        if applied || !round.keeps.is_empty() {
            self.write(round.keeps, &round.group, round.origins, pace)?;
        }
        let mut wakes = Wakes::default();
        for durable in round.durable {
            self.agreed(durable, &mut wakes);
        }
        Ok(applied)
    }

    fn write(
        &mut self,
        keeps: Vec<Keep>,
        group: &[telesphor_store::Ordered],
        origins: Vec<Vec<Origin>>,
        pace: &mut Pace,
    ) -> Result<(), Fatal> {
        let began = Instant::now();
        pace.begins(self.house.core.counters.calls_in_flight.load(Ordering::Relaxed));
        let tickets: Vec<_> = keeps.iter().map(|k| (k.partition, k.ticket)).collect();
        let keeps: Vec<_> = keeps.into_iter().map(memory::kept).collect();
        let own_disk = self.feed.rests_on() == RestsOn::OwnDisk;
        let applied = self.applier.round(&keeps, group, own_disk)?;
        // ---- COMMIT POINT of a relay alone: `round` has returned, so the group is synced on this
        // disk. (In a cluster it lies before: a majority had the group on disk when it came here.)
        // A crash before this line: nobody was answered; what of the group reached the disk is
        // found by the next start, its senders ask again with the same ids and get the receipt
        // of the first time, or have it done then. A crash after it: the group stands, whoever
        // was not answered yet asks again and gets the receipt from the disk.
        for (partition, ticket) in tickets {
            self.feed.kept(partition, ticket);
        }
        self.count(began.elapsed(), &applied);
        let mut wakes = Wakes::default();
        for (applied, origins) in applied.into_iter().zip(origins) {
            self.settle(applied, origins, own_disk, &mut wakes)?;
        }
        drop(wakes);
        let commands = group.iter().map(|o| o.batch.submissions.len()).sum();
        pace.took(commands, began.elapsed(), self.applier.last_write());
        Ok(())
    }

    fn sort(&self, steps: &mut Vec<Step>) -> Round {
        let mut round = Round::default();
        for step in steps.drain(..) {
            match step {
                Step::Record(record) if self.fenced(record.partition) => {
                    // Neither applied nor acknowledged; its tickets say "unknown".
                    self.fence(record.partition);
                }
                Step::Record(record) => {
                    round.group.push(telesphor_store::Ordered {
                        partition: record.partition,
                        position: record.position,
                        batch: Arc::new(record.batch),
                        hashed: self.hashed(record.partition, &record.origins),
                    });
                    round.origins.push(record.origins);
                }
                Step::Keep(keep) => round.keeps.push(keep),
                Step::Durable(durable) => round.durable.push(durable),
                Step::Late(late) => self.late(&late),
                Step::Fenced(partition) => self.fence(partition),
                Step::Nothing => {}
            }
        }
        round
    }

    fn settle(
        &mut self,
        applied: Applied,
        origins: Vec<Origin>,
        own_disk: bool,
        wakes: &mut Wakes,
    ) -> Result<(), Fatal> {
        let Some(partition) = self.partition(applied.partition) else {
            return Ok(());
        };
        partition.position.store(applied.position, Ordering::Release);
        self.house.core.clock.at_least(applied.head.stamp);
        self.applier
            .note_attested(applied.partition, applied.position, &applied.digest)?;
        // One signature for the whole batch, and only after its fsync.
        let attest = self.settler.attest(&applied);
        if own_disk {
            self.settler
                .settle(&self.house, &partition, applied, &origins, &[attest], wakes);
        } else {
            self.feed
                .decided(applied.partition, applied.position, applied.digest, &attest);
            self.unsettled.wait(applied, origins);
        }
        Ok(())
    }

    /// A majority has made the same of a position as this relay.
    fn agreed(&mut self, durable: Durable, wakes: &mut Wakes) {
        let found = self.unsettled.take(durable.partition, durable.position);
        if let (Some((applied, origins)), Some(partition)) = (found, self.partition(durable.partition)) {
            self.settler.settle(
                &self.house,
                &partition,
                applied,
                &origins,
                &durable.attests,
                wakes,
            );
        }
    }

    /// Ordered, but not yet on a majority of disks: their senders are told so, and keep them.
    fn late(&self, late: &Late) {
        if let Some(partition) = self.partition(late.partition) {
            for group in &late.groups {
                for ticket in partition.claim(*group) {
                    ticket.not_yet_durable();
                }
            }
        }
    }

    fn partition(&self, partition: PartitionId) -> Option<Arc<Partition>> {
        self.house.partitions.get(usize::from(partition.0)).cloned()
    }

    fn hashed(&self, partition: PartitionId, origins: &[Origin]) -> Vec<Hashed> {
        let partition = self.house.partitions.get(usize::from(partition.0));
        partition.map_or_else(Vec::new, |p| p.hashed(origins))
    }

    fn fenced(&self, partition: PartitionId) -> bool {
        let partition = self.house.partitions.get(usize::from(partition.0));
        partition.is_none_or(|p| p.fenced.load(Ordering::Acquire))
    }

    fn fence(&self, partition: PartitionId) {
        if let Some(partition) = self.house.partitions.get(usize::from(partition.0)) {
            partition.fenced.store(true, Ordering::Release);
            partition.abandon();
        }
    }

    fn count(&self, took: Duration, applied: &[Applied]) {
        let counters = &self.house.core.counters;
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        Counters::add(&counters.fsyncs, 1);
        Counters::add(&counters.fsync_us, us);
        counters.last_fsync_us.store(us, Ordering::Relaxed);
        Counters::add(&counters.records, applied.len() as u64);
        let events: usize = applied.iter().map(|a| a.fresh.len()).sum();
        Counters::add(&counters.events, events as u64);
    }
}

/// What the order yielded at one time.
#[derive(Default)]
struct Round {
    keeps: Vec<Keep>,
    group: Vec<telesphor_store::Ordered>,
    origins: Vec<Vec<Origin>>,
    durable: Vec<Durable>,
}

/// Nothing is acknowledged after this.
fn end(house: &House, on_fatal: &FatalHook, fatal: &Fatal) {
    house.core.fail();
    tracing::error!(target: "telesphor::engine", "the store failed; nothing more is confirmed");
    on_fatal(fatal);
}

/// However the writer ends, nobody waits for it: tickets that are left say "unknown" when
/// they are dropped. A panic counts as a failed store, since nobody knows what it left.
struct Will {
    house: Arc<House>,
    on_fatal: FatalHook,
}

impl Drop for Will {
    fn drop(&mut self) {
        if std::thread::panicking() {
            end(&self.house, &self.on_fatal, &Fatal::Store(StoreError::Poisoned));
        }
        self.house.order.close();
        for partition in &self.house.partitions {
            partition.abandon();
        }
    }
}
