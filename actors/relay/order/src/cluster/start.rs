//! Putting a cluster's order together, behind [`Order`] and [`Feed`].

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{Nonce, PartitionId};
use telesphor_wire::receipt::Attest;
use tokio::sync::mpsc;

use super::bus::Bus;
use super::context::{ClusterConfig, Context};
use super::driver::Driver;
use super::entry::Kept;
use super::fetch;
use super::follow::NO_LINK;
use super::history::History;
use super::lane::Lane;
use super::limits::{STEPS, WORDS};
use super::memory::{Memory, Unreadable};
use super::phase::{FromWriter, Phase};
use super::say::{Place, Seat};
use super::seated::{Seated, Stood};
use super::shared::Shared;
use super::take::Taken;
use super::tally::{Verdicts, Votes};
use crate::member::{Accepted, Inc, Point, Standing};
use crate::order::{Feed, GroupLimits, Order, OrderError, Rejected, RestsOn, Why};
use crate::record::{Group, Position, Step};

/// One total order per partition, over a bus, remembered by a majority of relays.
pub struct Cluster<B: Bus> {
    context: Arc<Context<B>>,
    lanes: Vec<Arc<Shared>>,
    runtime: tokio::runtime::Handle,
    /// Wakes a feed that waits; there is none before somebody follows.
    waker: Mutex<Option<mpsc::WeakSender<Step>>>,
}

impl<B: Bus> Cluster<B> {
    /// A member of a cluster, on the Tokio runtime of the caller. Nothing runs before somebody
    /// follows.
    pub fn new(config: ClusterConfig, bus: Arc<B>, memory: Arc<dyn Memory>) -> Self {
        let Nonce([a, b, c, d, e, f, g, h, ..]) = Nonce::random();
        let life = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        let lanes = config
            .founding
            .seats
            .iter()
            .map(|_| Arc::new(Shared::new(Lane::new(life, config.waiting_submissions))))
            .collect();
        let context = Context {
            me: config.key.public(),
            founding: config.founding,
            wanted: config.wanted,
            key: config.key,
            clocks: config.clocks,
            rules: config.rules,
            patience: config.patience,
            bus,
            memory,
        };
        Self {
            context: Arc::new(context),
            lanes,
            runtime: tokio::runtime::Handle::current(),
            waker: Mutex::new(None),
        }
    }

    fn lane(&self, partition: PartitionId) -> Option<&Arc<Shared>> {
        self.lanes.get(usize::from(partition.0))
    }

    fn begin(
        &self,
        partition: PartitionId,
        applied: Position,
        steps: mpsc::Sender<Step>,
    ) -> Result<mpsc::UnboundedSender<FromWriter>, OrderError> {
        let lane = self.lane(partition).ok_or(OrderError::NoSuchPartition)?.clone();
        let place = Place {
            cluster: self.context.founding.cluster,
            partition,
        };
        let (stood, history) = self
            .recall(place, applied)
            .map_err(|_| OrderError::Unreachable)?
            .ok_or(OrderError::Unreachable)?;
        let Stood {
            standing,
            seated,
            taken_after,
        } = stood;
        let head = history.head();
        let now = Instant::now();
        let driver = Driver {
            context: self.context.clone(),
            place,
            round: standing.promised.round,
            standing: Standing { head, ..standing },
            history,
            taken: taken_after.map(|_| Taken::behind(head, seated.clone())),
            taking: None,
            seated,
            synced: head.n,
            pending: VecDeque::new(),
            ticket: 0,
            chosen: applied,
            given: applied,
            giving: VecDeque::new(),
            giving_bytes: 0,
            decided: applied,
            durable: applied,
            votes: Votes::default(),
            verdicts: Verdicts::default(),
            forgotten: 0,
            cleared: NOTHING_YET,
            heard: HashMap::new(),
            phase: Phase::Starting {
                nonce: Nonce::random(),
                heard: BTreeSet::new(),
            },
            lost: None,
            fenced_for: None,
            refused: None,
            follower: None,
            out: Vec::new(),
            jobs: tokio::task::JoinSet::new(),
            lane,
            steps,
            publishing: false,
            looking: false,
            reading: false,
            attesting: false,
            announcing: None,
            change_since: None,
            waited: 0,
            lacked: None,
            hold_until: now,
            said: now,
            looked: now,
        };
        let (tell, told) = mpsc::unbounded_channel();
        let (into, words) = mpsc::channel(WORDS);
        let bus = self.context.bus.clone();
        self.runtime.spawn(async move { bus.hear(partition, into).await });
        self.runtime.spawn(driver.run(told, words));
        Ok(tell)
    }

    /// What this member stood by, from its disk: or how the cluster was founded.
    fn recall(&self, place: Place, applied: Position) -> Result<Option<Recalled>, Unreadable> {
        let memory = &self.context.memory;
        let stood: Stood = match memory.standing(place.partition)? {
            Some(bytes) => Stood::read(&bytes).ok_or(Unreadable)?,
            None => match self.founded(place.partition) {
                Some(stood) => stood,
                None => return Ok(None),
            },
        };
        // From a little before what was decided, so that the stream can be checked at the head.
        let mut history: Option<History> = None;
        let mut from = applied.saturating_sub(RECALL);
        if from == 0 {
            history = Some(History::new(Point { n: 0, mark: NO_LINK }));
            from = 1;
        }
        loop {
            let mut page = memory.entries(place.partition, from, 1 << 20)?;
            page.retain(|(n, _)| stood.taken_after.is_none_or(|after| *n <= after));
            let Some((last, _)) = page.last() else { break };
            from = last + 1;
            for (n, bytes) in page {
                let kept = Kept::decode(&bytes).ok_or(Unreadable)?;
                let Some(known) = &mut history else {
                    history = Some(History::new(Point { n, mark: kept.link }));
                    continue;
                };
                if known.head().n + 1 != n {
                    return Err(Unreadable);
                }
                let (meaning, _) = super::entry::read(
                    &kept.raw,
                    place,
                    kept.inc,
                    &|seat| self.context.knows(seat),
                    &|seat| stood.seated.has(kept.inc, seat),
                );
                known.push(kept.link, meaning, stood.seated.rules(kept.inc), kept.raw.len());
                known.decided_to(n.min(applied));
            }
        }
        match history {
            Some(history) if history.head().n >= applied => Ok(Some((stood, history))),
            _ => Err(Unreadable),
        }
    }

    /// Before anything was ordered: incarnation 0 has no stream, so its members open the first.
    fn founded(&self, partition: PartitionId) -> Option<Stood> {
        let members = self.context.founding.seats.get(usize::from(partition.0))?.clone();
        let start = Point { n: 0, mark: NO_LINK };
        Some(Stood {
            seated: Seated::since(NOTHING_YET, members.clone()),
            standing: Standing {
                promised: NOTHING_YET,
                accepted: Accepted {
                    inc: NOTHING_YET,
                    genesis: start,
                    before: members.clone(),
                    members,
                },
                head: start,
                silent_to: 0,
            },
            taken_after: None,
        })
    }

    fn waker(&self) -> std::sync::MutexGuard<'_, Option<mpsc::WeakSender<Step>>> {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Before the first incarnation.
const NOTHING_YET: Inc<Seat> = Inc {
    round: 0,
    opener: telesphor_wire::sign::PublicKey([0; 32]),
};

/// What a member stood by, and what it remembers.
type Recalled = (Stood, History);

/// Entries behind the one decided last that are looked at again at the start.
const RECALL: u64 = 64;

impl<B: Bus> Order for Cluster<B> {
    fn append(&self, partition: PartitionId, group: Group) -> Result<(), Box<Rejected>> {
        let Some(lane) = self.lane(partition) else {
            return Err(Box::new(Rejected {
                group,
                why: Why::NoSuchPartition,
            }));
        };
        lane.lock().push(group)?;
        lane.changed.notify_one();
        Ok(())
    }

    fn follow(&self, after: &[(PartitionId, Position)]) -> Result<Box<dyn Feed>, OrderError> {
        let mut waker = self.waker();
        if waker.as_ref().is_some_and(|w| w.upgrade().is_some()) {
            return Err(OrderError::Taken);
        }
        let _entered = self.runtime.enter();
        let (steps, from_drivers) = mpsc::channel(STEPS);
        let mut tell = HashMap::new();
        for (partition, applied) in after {
            tell.insert(*partition, self.begin(*partition, *applied, steps.clone())?);
        }
        let (into, questions) = mpsc::channel(16);
        let (bus, me) = (self.context.bus.clone(), self.context.me);
        self.runtime.spawn(async move { bus.asked(me, into).await });
        self.runtime.spawn(fetch::answer(self.context.clone(), questions));
        *waker = Some(steps.downgrade());
        Ok(Box::new(ClusterFeed {
            steps: from_drivers,
            tell,
        }))
    }

    fn wake(&self) {
        if let Some(steps) = self.waker().as_ref().and_then(mpsc::WeakSender::upgrade) {
            // A full queue wakes by itself.
            let _ = steps.try_send(Step::Nothing);
        }
    }

    fn close(&self) {
        for lane in &self.lanes {
            lane.lock().close();
            lane.changed.notify_one();
        }
    }

    fn waiting(&self, partition: PartitionId) -> usize {
        self.lane(partition).map_or(0, |lane| lane.lock().waiting())
    }

    fn standing(&self, partition: PartitionId) -> Option<crate::order::Standing> {
        self.lane(partition).map(|lane| lane.standing().clone())
    }

    fn attests(
        &self,
        partition: PartitionId,
        position: Position,
        head: Digest,
    ) -> Pin<Box<dyn Future<Output = Vec<Attest>> + Send + '_>> {
        Box::pin(async move {
            let place = Place {
                cluster: self.context.founding.cluster,
                partition,
            };
            let mut others = self.context.wanted.borrow().seats(partition);
            others.remove(&self.context.me);
            let others: Vec<_> = others.into_iter().collect();
            let said = fetch::attests(&*self.context.bus, place, &others, position, position).await;
            let good = |(at, of, attest): &(Position, Digest, Attest)| {
                *at == position
                    && *of == head
                    && self.context.knows(&attest.relay)
                    && attest
                        .relay
                        .verify(&fetch::statement(place, position, head), &attest.signature)
                        .is_ok()
            };
            // One for each relay: whoever answers for others, or repeats this one, adds nothing.
            let mut by = BTreeMap::new();
            for (_, _, attest) in said.into_iter().filter(good) {
                by.insert(attest.relay, attest);
            }
            by.remove(&self.context.me);
            by.into_values().collect()
        })
    }
}

/// The order as the writer sees it.
struct ClusterFeed {
    steps: mpsc::Receiver<Step>,
    tell: HashMap<PartitionId, mpsc::UnboundedSender<FromWriter>>,
}

impl ClusterFeed {
    /// What is told is bounded by the steps that were yielded. A partition that has ended hears nothing.
    fn tell(&self, partition: PartitionId, what: FromWriter) {
        if let Some(tell) = self.tell.get(&partition) {
            let _ = tell.send(what);
        }
    }
}

impl Feed for ClusterFeed {
    fn next(&mut self, limits: GroupLimits, into: &mut Vec<Step>) -> bool {
        let Some(first) = self.steps.blocking_recv() else {
            return false;
        };
        let mut left = limits.submissions.max(1);
        let mut next = Some(first);
        while let Some(step) = next {
            match step {
                Step::Nothing => {}
                Step::Record(record) => {
                    left = left.saturating_sub(record.batch.submissions.len());
                    into.push(Step::Record(record));
                }
                other => into.push(other),
            }
            next = if left > 0 {
                self.steps.try_recv().ok()
            } else {
                None
            };
        }
        true
    }

    fn rests_on(&self) -> RestsOn {
        RestsOn::Majority
    }

    fn kept(&mut self, partition: PartitionId, ticket: u64) {
        self.tell(partition, FromWriter::Kept(ticket));
    }

    fn decided(&mut self, partition: PartitionId, position: Position, head: Digest, attest: &Attest) {
        self.tell(
            partition,
            FromWriter::Decided(position, head, Box::new(attest.clone())),
        );
    }
}
