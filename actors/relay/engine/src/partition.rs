//! One partition: stamps groups, keeps their tickets, hands them to the order.
//!
//! Nothing here waits, so whoever brings commands does it himself, and a message on its way to
//! the writer wakes nobody but the writer ([`crate::writer`]): one thread for all partitions,
//! which applies what the order yields and answers the tickets kept here.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use telesphor_order::{Group, GroupId, Order, Origin, Why};
use telesphor_rules::prepared::Hashed;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{Nonce, PartitionId};

use crate::core::Core;
use crate::observe::{EngineStanding, PartitionStatus};
use crate::submit::Item;
use crate::ticket::Ticket;

/// What sessions, the writer and the operator see of one partition.
pub(crate) struct Partition {
    pub(crate) id: PartitionId,
    /// Groups handed to the order and not yet applied. Their ids rise, so the first is the oldest.
    waiting: Mutex<BTreeMap<GroupId, Waiting>>,
    /// High half of the group ids: this life's own, so that no two lives number a group alike.
    life: u64,
    /// Low half of the next one.
    next: AtomicU64,
    pub(crate) position: AtomicU64,
    pub(crate) fenced: AtomicBool,
}

struct Waiting {
    tickets: Vec<Ticket>,
    hashed: Vec<Hashed>,
    since: Instant,
}

impl Partition {
    pub(crate) fn new(id: PartitionId, position: u64) -> Self {
        Self {
            id,
            waiting: Mutex::new(BTreeMap::new()),
            life: random_life(),
            next: AtomicU64::new(0),
            position: AtomicU64::new(position),
            fenced: AtomicBool::new(false),
        }
    }

    /// No code panics while holding the lock, so a poisoned one is still whole.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<GroupId, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_group(&self) -> GroupId {
        let low = self.next.fetch_add(1, Ordering::Relaxed);
        GroupId((u128::from(self.life) << 64) | u128::from(low))
    }

    /// Hands admitted commands of one mailbox over, in their order. Commands that one caller
    /// hands over one after the other are ordered that way.
    pub(crate) fn submit(&self, core: &Core, order: &dyn Order, items: Vec<Item>) {
        // Here, and not by the writer: it is one thread, and those who submit are many.
        let hashed = Hashed::of_all(items.iter().map(|item| &item.submission));
        let (mut submissions, mut tickets) =
            (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
        for Item {
            submission,
            mut ticket,
            ..
        } in items
        {
            ticket.handed_over();
            submissions.push(submission);
            tickets.push(ticket);
        }
        let id = self.next_group();
        let group = Group {
            id,
            stamp: core.clock.now_ms(),
            submissions,
        };
        // Kept first: the writer may have applied the group before `append` returns.
        self.keep(id, tickets, hashed);
        if let Err(rejected) = order.append(self.id, group) {
            for mut ticket in self.claim(id) {
                ticket.handed_back();
                match rejected.why {
                    Why::Full => ticket.busy(),
                    Why::Fenced => ticket.refuse(ErrorCode::Fenced),
                    // Closed by a drain, or by a store that failed.
                    Why::Closed if core.standing() == EngineStanding::Failed => {
                        ticket.refuse(ErrorCode::Fenced);
                    }
                    Why::Closed => ticket.refuse(ErrorCode::Draining),
                    Why::NoSuchPartition => ticket.refuse(ErrorCode::Internal),
                }
            }
        }
    }

    fn keep(&self, group: GroupId, tickets: Vec<Ticket>, hashed: Vec<Hashed>) {
        self.lock().insert(
            group,
            Waiting {
                tickets,
                hashed,
                since: Instant::now(),
            },
        );
    }

    /// What was made of the submissions of these groups when they were taken in, once; nothing if
    /// one of them is another relay's, or was yielded before.
    pub(crate) fn hashed(&self, origins: &[Origin]) -> Vec<Hashed> {
        let mut waiting = self.lock();
        let mut all = Vec::new();
        for origin in origins {
            match waiting.get_mut(&origin.group) {
                Some(known) if known.hashed.len() == origin.count => all.append(&mut known.hashed),
                _ => return Vec::new(),
            }
        }
        all
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

    pub(crate) fn is_fenced(&self) -> bool {
        self.fenced.load(Ordering::Acquire)
    }

    /// The last position that is decided and attested.
    pub(crate) fn reached(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    /// `kept`: whether it is kept here.
    pub(crate) fn status(&self, order: &dyn Order, kept: bool) -> PartitionStatus {
        PartitionStatus {
            kept,
            partition: self.id,
            position: self.position.load(Ordering::Acquire),
            waiting: order.waiting(self.id),
            oldest_not_durable: self.oldest(),
            fenced: self.fenced.load(Ordering::Acquire),
            member: kept.then(|| order.standing(self.id)).flatten(),
        }
    }
}

fn random_life() -> u64 {
    let Nonce([a, b, c, d, e, f, g, h, ..]) = Nonce::random();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
