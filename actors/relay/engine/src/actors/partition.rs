//! The actor of one partition: stamps groups, keeps their tickets, hands them to the order.
//!
//! Its other half is the writer ([`crate::writer`]), one thread for all partitions, which
//! applies what the order yields and answers the tickets kept here.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ractor::{Actor, ActorProcessingErr, ActorRef};
use telesphor_order::{Group, GroupId, Order, Why};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::PartitionId;

use crate::core::Core;
use crate::observe::{EngineStanding, PartitionStatus};
use crate::submit::Item;
use crate::ticket::Ticket;

/// Everything that reaches a partition's actor.
pub(crate) enum PartitionMessage {
    /// Admitted commands of one mailbox, in their order.
    Submit(Vec<Item>),
}

/// What the actor, the writer and the operator see of one partition.
pub(crate) struct Partition {
    pub(crate) id: PartitionId,
    /// Groups handed to the order and not yet applied. Their ids rise, so the first is the oldest.
    waiting: Mutex<BTreeMap<GroupId, Waiting>>,
    pub(crate) position: AtomicU64,
    pub(crate) fenced: AtomicBool,
}

struct Waiting {
    tickets: Vec<Ticket>,
    since: Instant,
}

impl Partition {
    pub(crate) fn new(id: PartitionId, position: u64) -> Self {
        Self {
            id,
            waiting: Mutex::new(BTreeMap::new()),
            position: AtomicU64::new(position),
            fenced: AtomicBool::new(false),
        }
    }

    /// No code panics while holding the lock, so a poisoned one is still whole.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<GroupId, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, group: GroupId, tickets: Vec<Ticket>) {
        self.lock().insert(
            group,
            Waiting {
                tickets,
                since: Instant::now(),
            },
        );
    }

    /// The tickets of a group, once; none for a group of another relay, or one that the order
    /// yields a second time.
    pub(crate) fn claim(&self, group: GroupId) -> Vec<Ticket> {
        self.lock().remove(&group).map_or_else(Vec::new, |w| w.tickets)
    }

    /// Lets go of every ticket; each answers that the outcome is unknown.
    pub(crate) fn abandon(&self) {
        let waiting = std::mem::take(&mut *self.lock());
        drop(waiting);
    }

    fn oldest(&self) -> Option<Duration> {
        self.lock().values().next().map(|w| w.since.elapsed())
    }

    pub(crate) fn status(&self, order: &dyn Order) -> PartitionStatus {
        PartitionStatus {
            partition: self.id,
            position: self.position.load(Ordering::Acquire),
            waiting: order.waiting(self.id),
            oldest_not_durable: self.oldest(),
            fenced: self.fenced.load(Ordering::Acquire),
        }
    }
}

/// The behaviour; all state is in [`State`].
pub(crate) struct PartitionActor;

pub(crate) struct State {
    core: Arc<Core>,
    partition: Arc<Partition>,
    order: Arc<dyn Order>,
    next: GroupId,
}

impl Actor for PartitionActor {
    type Msg = PartitionMessage;
    type State = State;
    /// With the first group id: its high half is this life's own.
    type Arguments = (Arc<Core>, Arc<Partition>, Arc<dyn Order>, GroupId);

    async fn pre_start(
        &self,
        _: ActorRef<PartitionMessage>,
        (core, partition, order, next): Self::Arguments,
    ) -> Result<State, ActorProcessingErr> {
        Ok(State {
            core,
            partition,
            order,
            next,
        })
    }

    async fn handle(
        &self,
        _: ActorRef<PartitionMessage>,
        PartitionMessage::Submit(items): PartitionMessage,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        state.submit(items);
        Ok(())
    }
}

impl State {
    fn submit(&mut self, items: Vec<Item>) {
        let (mut submissions, mut tickets) =
            (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
        for Item {
            submission,
            mut ticket,
        } in items
        {
            ticket.handed_over();
            submissions.push(submission);
            tickets.push(ticket);
        }
        let id = self.next;
        self.next = GroupId(id.0.wrapping_add(1));
        let group = Group {
            id,
            stamp: self.core.clock.now_ms(),
            submissions,
        };
        // Kept first: the writer may have applied the group before `append` returns.
        self.partition.keep(id, tickets);
        if let Err(rejected) = self.order.append(self.partition.id, group) {
            for mut ticket in self.partition.claim(id) {
                ticket.handed_back();
                match rejected.why {
                    Why::Full => ticket.busy(),
                    Why::Fenced => ticket.refuse(ErrorCode::Fenced),
                    // Closed by a drain, or by a store that failed.
                    Why::Closed if self.core.standing() == EngineStanding::Failed => {
                        ticket.refuse(ErrorCode::Fenced);
                    }
                    Why::Closed => ticket.refuse(ErrorCode::Draining),
                    Why::NoSuchPartition => ticket.refuse(ErrorCode::Internal),
                }
            }
        }
    }
}
