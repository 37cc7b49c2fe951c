//! Which mailboxes are awake.
//!
//! Nobody talks to a mailbox's actor without a [`Lease`], and an actor is put to sleep only
//! while there is none; both are decided under one lock. So nobody ever meets an actor that
//! is on its way out, and no two actors live for one mailbox.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ractor::{ActorCell, ActorId, ActorRef, ActorRuntime};
use telesphor_wire::ids::MailboxId;

use super::mailbox::{MailboxActor, MailboxMessage};
use crate::core::Core;
use crate::session::shared::Follower;
use crate::submit::Item;
use crate::ticket::Gauge;
use crate::weight;

/// All mailboxes that are awake.
pub(crate) struct Registry {
    core: Arc<Core>,
    awake: Mutex<HashMap<MailboxId, Lease>>,
    began: Instant,
}

/// The right to talk to a mailbox's actor; keeps it awake.
#[derive(Clone)]
pub(crate) struct Lease(Arc<Awake>);

struct Awake {
    actor: ActorRef<MailboxMessage>,
    live: Arc<Live>,
    /// Milliseconds since the registry began.
    last_used: AtomicU64,
}

/// What is known of a mailbox without asking its actor.
#[derive(Default)]
pub(crate) struct Live {
    /// Its commands without an answer.
    gauge: Arc<Gauge>,
    /// Its followers; changed by its actor alone.
    followers: Mutex<Vec<Follower>>,
    /// How many, for a look without the lock.
    count: AtomicUsize,
}

impl Live {
    /// No code panics while holding the lock, so a poisoned one is still whole.
    fn list(&self) -> MutexGuard<'_, Vec<Follower>> {
        self.followers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn follow(&self, follower: Follower) {
        let mut list = self.list();
        list.push(follower);
        self.count.store(list.len(), Ordering::SeqCst);
        if let Some(follower) = list.last() {
            follower.wake();
        }
    }

    pub(crate) fn unfollow(&self, meant: impl Fn(&Follower) -> bool) {
        let mut list = self.list();
        let gone: Vec<_> = list.extract_if(.., |f| meant(f)).collect();
        self.count.store(list.len(), Ordering::SeqCst);
        // Dropped outside the lock: each may still tell its session.
        drop(list);
        drop(gone);
    }

    pub(crate) fn take_followers(&self) -> Vec<Follower> {
        let mut list = self.list();
        self.count.store(0, Ordering::SeqCst);
        std::mem::take(&mut *list)
    }

    fn wake(&self) {
        self.list().iter().for_each(Follower::wake);
    }

    fn wake_up_to(&self, to: u64) {
        self.list().iter().for_each(|follower| follower.wake_up_to(to));
    }

    /// Commands beyond the mailbox's bounds are answered Busy; the others keep their order.
    ///
    /// Once one is turned away, so are the rest of its frame: a sender's later command must
    /// not overtake its earlier one.
    fn admit(&self, core: &Core, items: Vec<Item>) -> Vec<Item> {
        let limits = &core.limits;
        let mut admitted = Vec::with_capacity(items.len());
        let mut full = false;
        for mut item in items {
            let bytes = weight::bytes(&item.submission.command);
            let share = match full {
                true => None,
                false => self.gauge.take(bytes, limits.mailbox_calls, limits.mailbox_bytes),
            };
            match share {
                Some(share) => {
                    item.ticket.hold(share);
                    admitted.push(item);
                }
                None => {
                    full = true;
                    item.ticket.busy();
                }
            }
        }
        admitted
    }
}

impl Lease {
    /// The commands that are within the mailbox's bounds; the others are answered.
    pub(crate) fn admit(&self, core: &Core, items: Vec<Item>) -> Vec<Item> {
        self.0.live.admit(core, items)
    }

    pub(crate) fn follow(&self, follower: Follower) {
        drop(self.0.actor.cast(MailboxMessage::Follow(follower)));
    }

    pub(crate) fn unfollow(&self, session: u64, handle: u32, generation: u64) {
        drop(self.0.actor.cast(MailboxMessage::Unfollow {
            session,
            handle,
            generation,
        }));
    }
}

impl Registry {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self {
            core,
            awake: Mutex::new(HashMap::new()),
            began: Instant::now(),
        }
    }

    /// No code panics while holding the lock, so a poisoned one is still whole.
    fn lock(&self) -> MutexGuard<'_, HashMap<MailboxId, Lease>> {
        self.awake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Wakes a mailbox, or finds it awake. `None` if too many are.
    pub(crate) fn lease(&self, mailbox: MailboxId, supervisor: &ActorCell) -> Option<Lease> {
        let mut awake = self.lock();
        if let Some(lease) = awake.get(&mailbox) {
            lease.0.last_used.store(self.now(), Ordering::Relaxed);
            return Some(lease.clone());
        }
        if awake.len() >= self.core.limits.live_mailboxes {
            return None;
        }
        let live = Arc::new(Live::default());
        let _entered = self.core.runtime.enter();
        let (actor, _) =
            ActorRuntime::spawn_linked_instant(None, MailboxActor, live.clone(), supervisor.clone()).ok()?;
        let lease = Lease(Arc::new(Awake {
            actor,
            live,
            last_used: AtomicU64::new(self.now()),
        }));
        awake.insert(mailbox, lease.clone());
        Some(lease)
    }

    /// Tells the followers of these mailboxes that there is something new.
    pub(crate) fn fresh(&self, mailboxes: &[MailboxId]) {
        let followed: Vec<Lease> = {
            let awake = self.lock();
            let found = mailboxes.iter().filter_map(|mailbox| awake.get(mailbox));
            // A follower that is counted later looks at the disk later, and finds it there.
            found
                .filter(|lease| lease.0.live.count.load(Ordering::SeqCst) > 0)
                .cloned()
                .collect()
        };
        for lease in followed {
            lease.0.live.wake();
        }
    }

    /// Tells the followers of mailboxes that are kept elsewhere that there is something new, up to where;
    /// whoever has it already is left alone.
    pub(crate) fn fresh_up_to(&self, fresh: &[(MailboxId, u64)]) {
        let followed: Vec<(Lease, u64)> = {
            let awake = self.lock();
            let found = fresh
                .iter()
                .filter_map(|(mailbox, to)| Some((awake.get(mailbox)?.clone(), *to)));
            found.collect()
        };
        for (lease, to) in followed {
            lease.0.live.wake_up_to(to);
        }
    }

    /// Has the followers of these mailboxes look whether there is something new.
    pub(crate) fn look_again(&self, meant: impl Fn(&MailboxId) -> bool) {
        let followed: Vec<Lease> = {
            let awake = self.lock();
            let found = awake.iter().filter(|(mailbox, _)| meant(mailbox));
            found.map(|(_, lease)| lease.clone()).collect()
        };
        for lease in followed {
            lease.0.live.wake();
        }
    }

    /// See [`crate::Limits::mailbox_idle`].
    pub(crate) fn mailbox_idle(&self) -> Duration {
        self.core.limits.mailbox_idle
    }

    /// Puts every mailbox to sleep that nobody has used for a while. Its state is on the
    /// disk; nothing is lost with the actor.
    pub(crate) fn passivate(&self) {
        let idle = u64::try_from(self.core.limits.mailbox_idle.as_millis()).unwrap_or(u64::MAX);
        let now = self.now();
        self.lock().retain(|_, lease| {
            // New leases are given out only under this lock, or by cloning one that exists.
            let alone = Arc::strong_count(&lease.0) == 1;
            let asleep = alone && now.saturating_sub(lease.0.last_used.load(Ordering::Relaxed)) >= idle;
            if asleep {
                lease.0.actor.stop(None);
            }
            !asleep
        });
    }

    /// Forgets an actor that failed, so that the next use begins a new one.
    pub(crate) fn forget(&self, actor: ActorId) {
        self.lock().retain(|_, lease| lease.0.actor.get_id() != actor);
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }
}
