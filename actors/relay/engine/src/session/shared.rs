//! What the two directions of one connection and its actor share.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use telesphor_rules::read::Claim;
use telesphor_wire::answer::Refusal;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{MailboxId, Nonce};
use telesphor_wire::session::{Credit, Ended, Goodbye, RelayFrame};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::far::Far;
use super::outbox::Outbox;
use crate::actors::registry::Lease;
use crate::away::ShownRight;
use crate::core::Core;
use crate::reading::{PageFound, PageOrder};
use crate::submit::Granted;
use crate::trace::Given;

/// One connection's shared part.
pub(crate) struct Shared {
    pub(crate) core: Arc<Core>,
    /// Its number in this process, for unfollowing.
    pub(crate) id: u64,
    pub(crate) outbox: Arc<Outbox>,
    /// Answers the client has not fetched yet, by weight.
    pub(crate) calls: Arc<Semaphore>,
    /// Bytes of commands without an answer.
    pub(crate) bytes: Arc<Semaphore>,
    /// Other frames not dealt with.
    pub(crate) frames: Arc<Semaphore>,
    /// Whether events come before answers next time, so that neither starves the other.
    pub(crate) turn: AtomicBool,
    /// The client's nonce, after Hello: the connection's name in delivery records.
    pub(crate) name: OnceLock<Nonce>,
    /// Frames given to the session's actor that it has not dealt with.
    pub(crate) with_actor: AtomicUsize,
    /// What was proved, by the client's number for it.
    handles: Mutex<Handles>,
    reading: Mutex<Reading>,
    sending: Mutex<Sending>,
}

/// What was proved, by the client's number for it.
pub(crate) type Handles = HashMap<u32, Granted>;

/// What belongs to the frame that is being sent.
#[derive(Default)]
struct Sending {
    /// Of the relay's memory for pages.
    permit: Option<OwnedSemaphorePermit>,
    /// The events in it.
    given: Option<Given>,
}

/// What is being read on this connection.
#[derive(Default)]
pub(crate) struct Reading {
    pub(crate) follows: HashMap<u32, Following>,
    pub(crate) fetches: VecDeque<Fetching>,
    pub(crate) records: VecDeque<FetchingRecords>,
    /// Handles that may have something to push, each at most once.
    pub(crate) ready: VecDeque<u32>,
    /// The same of mailboxes that are kept elsewhere, and what is fetched from there.
    pub(crate) far: Far,
    generation: u64,
    over: bool,
}

/// One follow.
pub(crate) struct Following {
    /// Tells it from an earlier follow under the same handle.
    pub(crate) generation: u64,
    pub(crate) mailbox: MailboxId,
    pub(crate) claim: Claim,
    /// Pushed up to here.
    pub(crate) after: u64,
    /// Bytes that may still be pushed. One page may overdraw it by one event.
    pub(crate) credit: i64,
    /// Whether everything there was has been pushed, so that what comes next is fresh.
    pub(crate) caught_up: bool,
    /// Whether the handle stands among those that may have something to push.
    pub(crate) queued: bool,
    /// If the mailbox is kept elsewhere: the right, as it was shown.
    pub(crate) shown: Option<ShownRight>,
    /// Keeps the mailbox awake, and unfollows when dropped.
    pub(crate) _subscription: Subscription,
}

/// One page to be read.
pub(crate) struct Fetching {
    pub(crate) handle: u32,
    pub(crate) mailbox: MailboxId,
    pub(crate) claim: Claim,
    pub(crate) after: u64,
    pub(crate) max_events: usize,
    /// If the mailbox is kept elsewhere: the right, as it was shown.
    pub(crate) shown: Option<ShownRight>,
    /// Given back when the page has been read.
    pub(crate) _permit: OwnedSemaphorePermit,
}

/// One page of delivery records to be read; `Err`: to be refused.
pub(crate) struct FetchingRecords {
    pub(crate) handle: u32,
    pub(crate) asked: Result<Granted, Refusal>,
    pub(crate) after: u64,
    pub(crate) max_records: u32,
    /// Given back when the page has been read.
    pub(crate) _permit: OwnedSemaphorePermit,
}

/// The session's end of a follow.
pub(crate) struct Subscription {
    pub(crate) core: Arc<Core>,
    pub(crate) lease: Lease,
    pub(crate) session: u64,
    pub(crate) handle: u32,
    pub(crate) generation: u64,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.core.counters.follows.fetch_sub(1, Ordering::AcqRel);
        self.lease.unfollow(self.session, self.handle, self.generation);
    }
}

/// The mailbox's end of a follow.
pub(crate) struct Follower {
    pub(crate) session: Weak<Shared>,
    /// Of a reader without a session, in its place.
    pub(crate) bell: Option<Arc<Notify>>,
    pub(crate) session_id: u64,
    pub(crate) handle: u32,
    pub(crate) generation: u64,
}

impl Follower {
    /// There may be something new. Never waits.
    pub(crate) fn wake(&self) {
        if let Some(bell) = &self.bell {
            bell.notify_one();
        }
        if let Some(session) = self.session.upgrade() {
            session.ready(self.handle, Some(self.generation));
        }
    }

    /// There is something new up to there, if that is new to this one. Never waits.
    pub(crate) fn wake_up_to(&self, to: u64) {
        let lacks = |f: &Following| f.generation == self.generation && f.after < to;
        if let Some(session) = self.session.upgrade() {
            let wake = session.reading().follows.get(&self.handle).is_some_and(lacks);
            if wake {
                session.ready(self.handle, Some(self.generation));
            }
        }
    }
}

/// A follow whose mailbox actor is gone would wait for ever; its client is told to begin anew.
impl Drop for Follower {
    fn drop(&mut self) {
        if let Some(bell) = &self.bell {
            bell.notify_one();
        }
        if let Some(session) = self.session.upgrade() {
            session.end_follow(self.handle, self.generation, ErrorCode::Internal.into());
        }
    }
}

impl Shared {
    pub(crate) fn new(core: Arc<Core>, id: u64) -> Self {
        core.counters.sessions.fetch_add(1, Ordering::AcqRel);
        let calls = Arc::new(Semaphore::new(core.limits.session_calls));
        Self {
            id,
            outbox: Arc::new(Outbox::new(calls.clone())),
            calls,
            bytes: Arc::new(Semaphore::new(core.limits.session_bytes)),
            frames: Arc::new(Semaphore::new(core.limits.session_frames)),
            turn: AtomicBool::new(false),
            name: OnceLock::new(),
            with_actor: AtomicUsize::new(0),
            handles: Mutex::default(),
            reading: Mutex::new(Reading::default()),
            sending: Mutex::default(),
            core,
        }
    }

    /// No code panics while holding the lock, so a poisoned one is still whole.
    pub(crate) fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No code panics while holding the lock, so a poisoned one is still whole.
    pub(crate) fn handles(&self) -> MutexGuard<'_, Handles> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// No code panics while holding the lock, so a poisoned one is still whole.
    fn being_sent(&self) -> MutexGuard<'_, Sending> {
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The frame before has left: its memory is free, and its events are delivered.
    pub(crate) fn sent(&self) {
        let Sending { permit, given } = std::mem::take(&mut *self.being_sent());
        drop(permit);
        if let Some(given) = given {
            self.core.delivered(self.id, given);
        }
    }

    /// This permit belongs to the frame that is sent next.
    pub(crate) fn sending(&self, permit: Option<OwnedSemaphorePermit>) {
        self.being_sent().permit = permit;
    }

    /// These events are in the frame that is sent next.
    pub(crate) fn giving(&self, given: Given) {
        self.being_sent().given = Some(given);
    }

    /// Begins a follow, in the place of an earlier one under the same handle; not if the
    /// session is over. The mailbox's actor wakes it as soon as it has it on its list.
    pub(crate) fn follow(&self, handle: u32, begin: impl FnOnce(u64) -> Following) -> bool {
        let mut reading = self.reading();
        if reading.over {
            return false;
        }
        reading.generation += 1;
        let following = begin(reading.generation);
        let replaced = reading.follows.insert(handle, following);
        drop(reading);
        drop(replaced);
        true
    }

    /// A handle was proved anew: its follow goes on under the new right, or ends if it was of
    /// another mailbox.
    pub(crate) fn regrant(&self, handle: u32, granted: &Granted) {
        let mut reading = self.reading();
        match reading.follows.get_mut(&handle) {
            Some(following) if following.mailbox == granted.mailbox => {
                following.claim = granted.claim;
                following.shown.clone_from(&granted.shown);
            }
            Some(_) => {
                let other = reading.follows.remove(&handle);
                drop(reading);
                drop(other);
            }
            None => {}
        }
    }

    /// Puts a handle among those that may have something to push.
    pub(crate) fn ready(&self, handle: u32, generation: Option<u64>) {
        let mut reading = self.reading();
        let Some(following) = reading.follows.get_mut(&handle) else {
            return;
        };
        let meant = generation.is_none_or(|g| g == following.generation);
        if !meant || following.queued || following.credit <= 0 {
            return;
        }
        following.queued = true;
        match following.shown {
            None => reading.ready.push_back(handle),
            Some(_) => reading.far.ready.push_back(handle),
        }
        drop(reading);
        self.outbox.ready.notify_one();
    }

    /// Lets more be pushed. There is something to look for only if there was no credit left:
    /// otherwise whatever came was queued when it came.
    pub(crate) fn credit(&self, credit: Credit) {
        let mut reading = self.reading();
        let Some(following) = reading.follows.get_mut(&credit.handle) else {
            return;
        };
        let starved = following.credit <= 0;
        following.credit = following.credit.saturating_add(i64::from(credit.bytes));
        if starved {
            // What waited for credit may have left the memory meanwhile.
            following.caught_up = false;
            drop(reading);
            self.ready(credit.handle, None);
        }
    }

    /// Ends a follow that is still the one meant, and says why.
    pub(crate) fn end_follow(&self, handle: u32, generation: u64, refusal: Refusal) {
        let mut reading = self.reading();
        if reading
            .follows
            .get(&handle)
            .is_none_or(|f| f.generation != generation)
        {
            return;
        }
        let ended = reading.follows.remove(&handle);
        drop(reading);
        drop(ended);
        self.core.counters.refuse(refusal.code);
        self.outbox
            .frame(RelayFrame::Ended(Ended { handle, refusal }), None);
    }

    /// Stops a follow at its client's wish.
    pub(crate) fn unfollow(&self, handle: u32) {
        let removed = self.reading().follows.remove(&handle);
        drop(removed);
    }

    /// Notes that events are about to leave; `false` if they must not, since that cannot be noted.
    pub(crate) fn note(&self, order: &PageOrder, found: &PageFound) -> bool {
        if !found.recorded {
            return true;
        }
        let (Some(handed), Some(name)) = (found.handed(), self.name.get()) else {
            return true;
        };
        let now = self.core.clock.now_ms();
        self.core.notes.note(order.who(*name), handed, now, false)
    }

    fn noted_to_the_end(&self) {
        if let Some(name) = self.name.get() {
            self.core.notes.ended(name);
        }
    }

    /// Ends the session with a last word: what waits is still sent, nothing more is taken.
    pub(crate) fn goodbye(&self, code: ErrorCode) {
        let retry_after_ms = self.core.limits.goodbye_retry_ms;
        self.outbox.goodbye(Goodbye {
            refusal: code.into(),
            retry_after_ms,
        });
        self.stop();
    }

    /// Ends the session without a word.
    pub(crate) fn close(&self) {
        self.outbox.close();
        self.stop();
    }

    /// Lets go of everything that could grow or hold something else back.
    fn stop(&self) {
        let (follows, fetches, records) = {
            let mut reading = self.reading();
            reading.over = true;
            reading.ready.clear();
            (
                std::mem::take(&mut reading.follows),
                std::mem::take(&mut reading.fetches),
                (
                    std::mem::take(&mut reading.records),
                    std::mem::take(&mut reading.far),
                ),
            )
        };
        // Dropped outside the lock: unfollowing sends messages.
        drop((follows, fetches, records));
        self.noted_to_the_end();
        self.frames.close();
        self.bytes.close();
        self.calls.close();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Also what was noted while the session was being stopped.
        self.noted_to_the_end();
        self.core.counters.sessions.fetch_sub(1, Ordering::AcqRel);
    }
}
