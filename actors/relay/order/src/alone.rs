//! The order of a relay that stands alone: a bounded queue per partition, in memory.
//!
//! Nothing here outlives the process, and nothing needs to: a group that was not applied was
//! not acknowledged, and its sender sends it again. The one follower is the relay's writer;
//! the position of the next record is the store's head plus one.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use telesphor_wire::batch::Batch;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::PartitionId;
use telesphor_wire::receipt::Attest;

use crate::order::{Feed, GroupLimits, Order, OrderError, Rejected, RestsOn, Why};
use crate::record::{Group, Ordered, Origin, Position, Step};

/// How much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AloneLimits {
    /// Submissions that wait in one partition. Their bytes are bounded by whoever admits them.
    pub waiting_submissions: usize,
}

/// One total order per partition, within one process.
#[derive(Clone)]
pub struct Alone(Arc<Shared>);

struct Shared {
    limits: AloneLimits,
    state: Mutex<State>,
    /// Signalled when something was appended, on wake and on close.
    changed: Condvar,
}

struct State {
    partitions: BTreeMap<PartitionId, Lane>,
    /// Where the next round begins, so that no partition starves another.
    next: PartitionId,
    followed: bool,
    woken: bool,
    closed: bool,
}

#[derive(Default)]
struct Lane {
    waiting: VecDeque<Group>,
    submissions: usize,
    /// Position of the last record yielded; the follower's store head to begin with.
    position: Position,
}

impl Alone {
    /// An order for partitions 0 to `count - 1`.
    pub fn new(count: u16, limits: AloneLimits) -> Self {
        let partitions = (0..count).map(|p| (PartitionId(p), Lane::default())).collect();
        let state = State {
            partitions,
            next: PartitionId(0),
            followed: false,
            woken: false,
            closed: false,
        };
        Self(Arc::new(Shared {
            limits,
            state: Mutex::new(state),
            changed: Condvar::new(),
        }))
    }
}

impl Shared {
    /// No code panics while holding the lock, so a poisoned one is still whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Order for Alone {
    fn append(&self, partition: PartitionId, group: Group) -> Result<(), Box<Rejected>> {
        let mut state = self.0.lock();
        let closed = state.closed;
        let reject = |group, why| Err(Box::new(Rejected { group, why }));
        if closed {
            return reject(group, Why::Closed);
        }
        let Some(lane) = state.partitions.get_mut(&partition) else {
            return reject(group, Why::NoSuchPartition);
        };
        let after = lane.submissions.saturating_add(group.submissions.len());
        if after > self.0.limits.waiting_submissions && lane.submissions > 0 {
            return reject(group, Why::Full);
        }
        lane.submissions = after;
        lane.waiting.push_back(group);
        drop(state);
        self.0.changed.notify_one();
        Ok(())
    }

    /// At most one follower at a time; another may come after the first one's feed is gone.
    fn follow(&self, after: &[(PartitionId, Position)]) -> Result<Box<dyn Feed>, OrderError> {
        let mut state = self.0.lock();
        if state.followed {
            return Err(OrderError::Taken);
        }
        if after
            .iter()
            .any(|(partition, _)| !state.partitions.contains_key(partition))
        {
            return Err(OrderError::NoSuchPartition);
        }
        for (partition, position) in after {
            if let Some(lane) = state.partitions.get_mut(partition) {
                lane.position = *position;
            }
        }
        state.followed = true;
        Ok(Box::new(AloneFeed(self.0.clone())))
    }

    fn wake(&self) {
        self.0.lock().woken = true;
        self.0.changed.notify_one();
    }

    fn close(&self) {
        self.0.lock().closed = true;
        self.0.changed.notify_one();
    }

    fn waiting(&self, partition: PartitionId) -> usize {
        self.0
            .lock()
            .partitions
            .get(&partition)
            .map_or(0, |lane| lane.waiting.len())
    }

    fn attests(
        &self,
        _: PartitionId,
        _: Position,
        _: Digest,
    ) -> Pin<Box<dyn Future<Output = Vec<Attest>> + Send + '_>> {
        Box::pin(std::future::ready(Vec::new()))
    }
}

struct AloneFeed(Arc<Shared>);

impl Drop for AloneFeed {
    fn drop(&mut self) {
        self.0.lock().followed = false;
    }
}

impl Feed for AloneFeed {
    fn next(&mut self, limits: GroupLimits, into: &mut Vec<Step>) -> bool {
        let mut state = self.0.lock();
        loop {
            let yielded = state.drain(limits, into);
            if yielded || std::mem::take(&mut state.woken) {
                return true;
            }
            if state.closed {
                return false;
            }
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn rests_on(&self) -> RestsOn {
        RestsOn::OwnDisk
    }

    fn kept(&mut self, _: PartitionId, _: u64) {}

    fn decided(&mut self, _: PartitionId, _: Position, _: Digest, _: &Attest) {}
}

impl State {
    /// One record per partition at most, beginning where the last round ended.
    fn drain(&mut self, limits: GroupLimits, into: &mut Vec<Step>) -> bool {
        let mut left = limits.submissions.max(1);
        let mut yielded = false;
        let order: Vec<PartitionId> = self
            .partitions
            .range(self.next..)
            .chain(self.partitions.range(..self.next))
            .map(|(p, _)| *p)
            .collect();
        for partition in order {
            if left == 0 {
                self.next = partition;
                break;
            }
            let Some(lane) = self.partitions.get_mut(&partition) else {
                continue;
            };
            if let Some(record) = lane.join(partition, limits.record_submissions.min(left)) {
                left = left.saturating_sub(record.batch.submissions.len());
                into.push(Step::Record(record));
                yielded = true;
            }
        }
        yielded
    }
}

impl Lane {
    /// Joins what waits into the next record.
    fn join(&mut self, partition: PartitionId, at_most: usize) -> Option<Ordered> {
        let first = self.waiting.pop_front()?;
        let mut origins = vec![Origin {
            group: first.id,
            count: first.submissions.len(),
        }];
        let (mut stamp, mut submissions) = (first.stamp, first.submissions);
        while let Some(next) = self.waiting.front() {
            if submissions.len().saturating_add(next.submissions.len()) > at_most {
                break;
            }
            let Some(next) = self.waiting.pop_front() else {
                break;
            };
            origins.push(Origin {
                group: next.id,
                count: next.submissions.len(),
            });
            stamp = stamp.max(next.stamp);
            submissions.extend(next.submissions);
        }
        self.submissions = self.submissions.saturating_sub(submissions.len());
        self.position += 1;
        Some(Ordered {
            partition,
            position: self.position,
            origins,
            batch: Batch {
                stamp,
                submissions,
                ext: Extensions::none(),
            },
        })
    }
}
