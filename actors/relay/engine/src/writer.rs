//! The one thread that writes: takes what the order yields, lets the store apply it with one
//! fsync, attests, answers.
//!
//! ```text
//!   alone     order --> decide, write, fsync --> attest --> receipts --> answers, followers
//!                                             ^
//!                                        commit point      (under load: `behind`)
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

use crate::behind::{After, Behind, Group};
use crate::config::FatalHook;
use crate::house::House;
use crate::memory;
use crate::observe::Counters;
use crate::pace::Pace;
use crate::session::outbox::Wakes;
use crate::unsettled::Unsettled;

/// Something else for the writer to do, between two groups.
pub(crate) type Job = Box<dyn FnOnce(&mut Applier) -> Result<(), Fatal> + Send>;

/// Everything the writer owns.
pub(crate) struct Writer {
    pub(crate) house: Arc<House>,
    pub(crate) feed: Box<dyn Feed>,
    pub(crate) applier: Applier,
    pub(crate) after: Arc<After>,
    /// Syncs and answers while the next group is decided.
    pub(crate) behind: Behind,
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
        let will = Will::new(self.house.clone(), self.on_fatal.clone());
        if let Err(fatal) = self.work() {
            will.fails(&fatal);
        }
    }

    fn work(&mut self) -> Result<(), Fatal> {
        let mut steps = Vec::new();
        let (mut noted, mut unsynced) = (Instant::now(), false);
        let mut pace = Pace::default();
        while self.feed.next(self.limits(&pace), &mut steps) {
            unsynced |= self.group(&mut steps, &mut pace)?;
            while let Ok(job) = self.jobs.try_recv() {
                self.behind.finish()?;
                job(&mut self.applier)?;
            }
            if unsynced && noted.elapsed() >= NOTE_EVERY {
                self.after.syncer.sync_note()?;
                (noted, unsynced) = (Instant::now(), false);
            }
        }
        self.behind.finish()?;
        self.after.syncer.sync_note()
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
        let in_flight = self.house.core.counters.calls_in_flight.load(Ordering::Relaxed);
        pace.begins(in_flight);
        let commands: usize = group.iter().map(|o| o.batch.submissions.len()).sum();
        if self.feed.rests_on() != RestsOn::OwnDisk {
            self.remember(keeps, group, origins, pace)?;
        } else if in_flight > commands || !self.behind.idle() {
            let (applied, written) = self.applier.write_ahead(group)?;
            self.count(&applied);
            pace.took(commands, began.elapsed(), self.behind.last_sync());
            self.behind.hand_over(Group {
                began,
                written,
                applied,
                origins,
            })?;
        } else {
            let applied = self.applier.apply(group)?;
            let synced = self.applier.last_write();
            pace.took(commands, began.elapsed().saturating_sub(synced), synced);
            // ---- COMMIT POINT of a relay alone: `apply` has returned, so the group is synced on
            // this disk. (Under load: `behind`. In a cluster it lies before: a majority had the
            // group on disk when it came here.)
            // A crash before this line: nobody was answered; what of the group reached the disk is
            // found by the next start, its senders ask again with the same ids and get the receipt
            // of the first time, or have it done then. A crash after it: the group stands, whoever
            // was not answered yet asks again and gets the receipt from the disk.
            self.after.count(began);
            self.count(&applied);
            let mut wakes = Wakes::default();
            self.after.answer(applied, origins, &mut wakes)?;
        }
        Ok(())
    }

    /// In a cluster: keeps what was ordered, and decides what a majority keeps.
    fn remember(
        &mut self,
        keeps: Vec<Keep>,
        group: &[telesphor_store::Ordered],
        origins: Vec<Vec<Origin>>,
        pace: &mut Pace,
    ) -> Result<(), Fatal> {
        let (began, commands) = (
            Instant::now(),
            group.iter().map(|o| o.batch.submissions.len()).sum(),
        );
        let tickets: Vec<_> = keeps.iter().map(|k| (k.partition, k.ticket)).collect();
        let keeps: Vec<_> = keeps.into_iter().map(memory::kept).collect();
        let applied = self.applier.round(&keeps, group, false)?;
        let wrote = self.applier.last_write();
        pace.took(commands, began.elapsed().saturating_sub(wrote), wrote);
        for (partition, ticket) in tickets {
            self.feed.kept(partition, ticket);
        }
        self.after.count(began);
        self.count(&applied);
        for (applied, origins) in applied.into_iter().zip(origins) {
            let attest = self.after.attest(&applied)?;
            self.feed
                .decided(applied.partition, applied.position, applied.digest, &attest);
            self.unsettled.wait(applied, origins);
        }
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

    /// A majority has made the same of a position as this relay.
    fn agreed(&mut self, durable: Durable, wakes: &mut Wakes) {
        if let Some((applied, origins)) = self.unsettled.take(durable.partition, durable.position) {
            self.after.settle(applied, &origins, &durable.attests, wakes);
        }
    }

    /// Ordered, but not yet on a majority of disks: their senders are told so, and keep them.
    fn late(&self, late: &Late) {
        if let Some(partition) = self.after.partition(late.partition) {
            for group in &late.groups {
                for ticket in partition.claim(*group) {
                    ticket.not_yet_durable();
                }
            }
        }
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

    fn count(&self, applied: &[Applied]) {
        let counters = &self.house.core.counters;
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

/// However a thread of the store ends, nobody waits for it: tickets that are left say "unknown" when
/// they are dropped. A panic counts as a failed store, since nobody knows what it left.
pub(crate) struct Will {
    house: Arc<House>,
    on_fatal: FatalHook,
}

impl Will {
    pub(crate) fn new(house: Arc<House>, on_fatal: FatalHook) -> Self {
        Self { house, on_fatal }
    }

    /// Nothing is acknowledged after this.
    pub(crate) fn fails(&self, fatal: &Fatal) {
        self.house.core.fail();
        tracing::error!(target: "telesphor::engine", "the store failed; nothing more is confirmed");
        (self.on_fatal)(fatal);
    }
}

impl Drop for Will {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.fails(&Fatal::Store(StoreError::Poisoned));
        }
        self.house.order.close();
        for partition in &self.house.partitions {
            partition.abandon();
        }
    }
}
