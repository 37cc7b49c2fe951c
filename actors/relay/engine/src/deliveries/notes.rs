//! What was handed over and is in no record yet.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use telesphor_rules::records::{Gathered, pause};
use telesphor_wire::ids::{MailboxId, Nonce};
use telesphor_wire::records::Range;
use telesphor_wire::session::Right;
use telesphor_wire::sign::PublicKey;
use tokio::sync::Notify;

use crate::observe::DeliveryStatus;

/// Who fetched from where: one connection, one mailbox, one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Who {
    pub(crate) session: Nonce,
    pub(crate) mailbox: MailboxId,
    pub(crate) right: Right,
    pub(crate) branch: u32,
    pub(crate) epoch: u64,
    pub(crate) key: PublicKey,
}

/// Deliveries of one [`Who`].
#[derive(Debug)]
struct Run {
    gathered: Gathered,
    /// Records written before.
    written: u32,
    /// When the next one is due, if something is gathered.
    due: Instant,
    /// The connection has ended: due at once, and forgotten then.
    over: bool,
}

#[derive(Debug, Default)]
struct Inner {
    /// By connection, so that the end of one does not look at all the others.
    runs: HashMap<Nonce, HashMap<Who, Run>>,
    count: usize,
    /// When the writer looks next, unless it is woken.
    look_at: Option<Instant>,
    closed: bool,
}

/// The notes of one relay.
pub(crate) struct Notes {
    most: usize,
    inner: Mutex<Inner>,
    /// Told when something is noted that may be due sooner, and at the close.
    work: Condvar,
    /// Runs, for a look without the lock.
    count: AtomicUsize,
    room: Notify,
    /// Set with the lock held.
    closed: AtomicBool,
    /// The writer has ended.
    over: AtomicBool,
    pub(crate) written: AtomicU64,
    pub(crate) overwritten: AtomicU64,
    pub(crate) unsealed: AtomicU64,
}

/// What is to be written now.
pub(crate) enum Work {
    /// These.
    Due(Vec<(Who, Gathered)>),
    /// Nothing for now.
    Idle,
    /// Nothing, and nothing will come.
    Over,
}

/// Records sealed and written in one step.
const AT_ONCE: usize = 256;
/// The writer looks around at least so often.
pub(crate) const LOOK: Duration = Duration::from_secs(5);
/// And at most so often, so that many connections do not make it look at all of them for each.
const REST: Duration = Duration::from_millis(50);

impl Notes {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            inner: Mutex::default(),
            work: Condvar::new(),
            count: AtomicUsize::new(0),
            room: Notify::new(),
            closed: false.into(),
            over: false.into(),
            written: AtomicU64::new(0),
            overwritten: AtomicU64::new(0),
            unsealed: AtomicU64::new(0),
        }
    }

    /// No code panics while holding the lock, so a poisoned one is still whole.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until one more delivery can be noted; `false` when none will be any more, and
    /// nothing may be handed over that would have to be.
    pub(crate) async fn room(&self) -> bool {
        loop {
            if self.closed.load(Ordering::Acquire) {
                return false;
            }
            if self.count.load(Ordering::Acquire) < self.most {
                return true;
            }
            let freed = self.room.notified();
            tokio::pin!(freed);
            // Registered before the second look, so that no notice falls between the two.
            freed.as_mut().enable();
            if self.count.load(Ordering::Acquire) >= self.most && !self.closed.load(Ordering::Acquire) {
                freed.await;
            }
        }
    }

    /// Notes a delivery that is about to leave; `false` if it must not, because the relay ends.
    /// `single`: nothing more comes over this connection.
    pub(crate) fn note(&self, who: Who, (range, payloads): (Range, u64), now: u64, single: bool) -> bool {
        let mut inner = self.inner();
        if inner.closed {
            return false;
        }
        let fresh = || Run {
            gathered: Gathered::default(),
            written: 0,
            due: Instant::now(),
            over: single,
        };
        let runs = inner.runs.entry(who.session).or_default();
        let before = runs.len();
        let run = runs.entry(who).or_insert_with(fresh);
        if run.gathered.is_empty() {
            let wait = if run.over { 0 } else { pause(run.written) };
            run.due = Instant::now() + Duration::from_millis(wait);
        }
        run.gathered.add(range, payloads, now);
        let (due, added) = (run.due, runs.len() - before);
        inner.count += added;
        self.tell(inner, Some(due));
        true
    }

    /// Lets go of the lock; wakes the writer if something is due before it looks by itself.
    fn tell(&self, mut inner: MutexGuard<'_, Inner>, due: Option<Instant>) {
        self.count.store(inner.count, Ordering::Release);
        let sooner = due.is_some_and(|due| inner.look_at.is_some_and(|at| due < at));
        if sooner {
            inner.look_at = due;
        }
        let wake = sooner || inner.closed;
        drop(inner);
        if wake {
            self.work.notify_one();
        }
    }

    /// A connection has ended: what it was handed is due now.
    pub(crate) fn ended(&self, session: &Nonce) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut inner = self.inner();
        let Some(mut runs) = inner.runs.remove(session) else {
            return;
        };
        let (now, before) = (Instant::now(), runs.len());
        runs.retain(|_, run| {
            (run.over, run.due) = (true, now);
            !run.gathered.is_empty()
        });
        inner.count -= before - runs.len();
        let due = (!runs.is_empty()).then_some(now);
        if due.is_some() {
            inner.runs.insert(*session, runs);
        }
        self.tell(inner, due);
        self.room.notify_waiters();
    }

    /// From now on nothing is noted or handed over; what is noted is written.
    pub(crate) fn close(&self) {
        let mut inner = self.inner();
        inner.closed = true;
        self.closed.store(true, Ordering::Release);
        self.tell(inner, None);
        self.room.notify_waiters();
    }

    /// Waits for work, at most [`LOOK`].
    pub(crate) fn wait(&self) -> Work {
        let mut inner = self.inner();
        let until = Instant::now() + LOOK;
        loop {
            let now = Instant::now();
            let due = inner.take_due(now, self.most);
            self.count.store(inner.count, Ordering::Release);
            if !due.is_empty() {
                drop(inner);
                self.room.notify_waiters();
                return Work::Due(due);
            }
            if inner.closed {
                return Work::Over;
            }
            if now >= until {
                return Work::Idle;
            }
            let next = inner.next_due().map_or(until, |due| due.min(until));
            inner.look_at = Some(next);
            let left = next.saturating_duration_since(now).max(REST);
            let waited = self.work.wait_timeout(inner, left);
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The writer has ended, in whatever way.
    pub(crate) fn over(&self) {
        self.close();
        self.over.store(true, Ordering::Release);
        self.room.notify_waiters();
    }

    /// Waits until the writer has ended after [`Notes::close`].
    pub(crate) async fn all_written(&self) {
        loop {
            let told = self.room.notified();
            tokio::pin!(told);
            // Registered before the look, so that no notice falls between the two.
            told.as_mut().enable();
            if self.over.load(Ordering::Acquire) {
                return;
            }
            told.await;
        }
    }

    /// In numbers.
    pub(crate) fn status(&self) -> DeliveryStatus {
        DeliveryStatus {
            waiting: self.count.load(Ordering::Acquire),
            written: self.written.load(Ordering::Relaxed),
            overwritten: self.overwritten.load(Ordering::Relaxed),
            unsealed: self.unsealed.load(Ordering::Relaxed),
        }
    }
}

impl Inner {
    fn next_due(&self) -> Option<Instant> {
        let all = self.runs.values().flat_map(HashMap::values);
        all.filter(|r| !r.gathered.is_empty()).map(|r| r.due).min()
    }

    fn take_due(&mut self, now: Instant, most: usize) -> Vec<(Who, Gathered)> {
        let mut due = Vec::new();
        // Where there is no room everything is written now, and what is quiet is forgotten: that
        // loses nothing but its pause.
        let hurry = self.closed || self.count >= most;
        let mut left = 0;
        self.runs.retain(|_, runs| {
            runs.retain(|who, run| {
                let ripe = run.due <= now || hurry;
                if !run.gathered.is_empty() && ripe && due.len() < AT_ONCE {
                    due.push((*who, std::mem::take(&mut run.gathered)));
                    run.written = run.written.saturating_add(1);
                }
                !(run.gathered.is_empty() && (run.over || hurry))
            });
            left += runs.len();
            !runs.is_empty()
        });
        self.count = left;
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(n: u8) -> Who {
        Who {
            session: Nonce([n; 32]),
            mailbox: MailboxId([1; 32]),
            right: Right::Read,
            branch: 0,
            epoch: 0,
            key: PublicKey([n; 32]),
        }
    }

    fn range(from: u64) -> (Range, u64) {
        (Range { from, to: from }, 1)
    }

    fn due(notes: &Notes) -> Vec<(Who, Gathered)> {
        loop {
            match notes.wait() {
                Work::Due(due) => return due,
                Work::Idle => {}
                Work::Over => return Vec::new(),
            }
        }
    }

    #[test]
    fn what_a_connection_was_handed_is_scattered_or_lost_at_its_end() {
        let notes = Notes::new(10);
        for seq in 1..=3 {
            assert!(notes.note(who(1), range(seq), 100 + seq, false));
        }
        assert!(notes.note(who(2), range(9), 100, false));
        notes.ended(&who(1).session);
        let first = due(&notes);
        let of_one = first.iter().find(|(w, _)| *w == who(1)).unwrap();
        assert_eq!((of_one.1.ranges.len(), of_one.1.payloads), (1, 3));
        notes.close();
        let rest = due(&notes);
        assert_eq!(first.len() + rest.len(), 2);
        assert!(matches!(notes.wait(), Work::Over));
        assert_eq!(notes.status().waiting, 0);
        assert!(!notes.note(who(1), range(4), 0, false), "nothing leaves unnoted");
    }

    #[tokio::test]
    async fn a_flood_of_fetches_fills_the_memory_or_hides_one() {
        let notes = Notes::new(4);
        let mut seen = 0;
        for n in 0..40 {
            if tokio::time::timeout(Duration::ZERO, notes.room()).await.is_err() {
                seen += due(&notes).len();
            }
            assert!(notes.room().await);
            assert!(notes.status().waiting < 4);
            assert!(notes.note(who(n), range(1), 0, false));
        }
        notes.close();
        assert!(!notes.room().await);
        loop {
            match notes.wait() {
                Work::Due(due) => seen += due.len(),
                Work::Idle => {}
                Work::Over => break,
            }
        }
        assert_eq!(seen, 40);
    }
}
