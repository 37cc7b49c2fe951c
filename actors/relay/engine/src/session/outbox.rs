//! What waits to be sent on one connection.
//!
//! Bounded without a bound of its own: a reply has room because its call held a permit,
//! another frame because the frame it answers held one, and events never wait here at all:
//! they are read when the connection has room for them ([`super::pull`]).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use telesphor_wire::limits::MAX_CALLS_PER_FRAME;
use telesphor_wire::session::{Goodbye, RelayFrame, Reply};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// The outgoing side of one connection.
pub(crate) struct Outbox {
    state: Mutex<State>,
    /// Wakes the one task that sends.
    pub(crate) ready: Notify,
    /// Call permits, given back when replies leave.
    calls: Arc<Semaphore>,
}

/// Connections that were given replies, and whose tasks are woken when this is dropped: once for
/// all that a group holds for them, so that they go in few frames.
#[derive(Default)]
pub(crate) struct Wakes(Vec<Arc<Outbox>>);

impl Wakes {
    pub(crate) fn later(&mut self, outbox: Arc<Outbox>) {
        self.0.push(outbox);
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        for outbox in &self.0 {
            outbox.ready.notify_one();
        }
    }
}

#[derive(Default)]
struct State {
    replies: VecDeque<(Reply, u32)>,
    frames: VecDeque<(RelayFrame, Option<OwnedSemaphorePermit>)>,
    goodbye: Option<Goodbye>,
    closed: bool,
}

/// What the sender finds.
pub(crate) enum Next {
    Frame(RelayFrame),
    /// Nothing here; events may be read.
    Empty,
    /// Nothing more will come.
    Over,
}

impl Outbox {
    pub(crate) fn new(calls: Arc<Semaphore>) -> Self {
        Self {
            state: Mutex::new(State::default()),
            ready: Notify::new(),
            calls,
        }
    }

    /// No code panics while holding the lock, so a poisoned one is still whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a reply; on a closed connection it goes nowhere. `true` if it is the first that waits:
    /// then the task that sends is to be woken.
    #[must_use]
    pub(crate) fn reply(&self, reply: Reply, weight: u32) -> bool {
        let mut state = self.lock();
        if state.closed {
            return false;
        }
        state.replies.push_back((reply, weight));
        state.replies.len() == 1
    }

    /// Puts another frame, together with the permit of the frame it answers.
    pub(crate) fn frame(&self, frame: RelayFrame, permit: Option<OwnedSemaphorePermit>) {
        let mut state = self.lock();
        if !state.closed && state.goodbye.is_none() {
            state.frames.push_back((frame, permit));
        }
        drop(state);
        self.ready.notify_one();
    }

    /// The last frame: what waits is still sent before it, nothing after it. The first one counts.
    pub(crate) fn goodbye(&self, goodbye: Goodbye) {
        self.lock().goodbye.get_or_insert(goodbye);
        self.ready.notify_one();
    }

    /// Nothing more is taken; what waits may still be fetched.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_one();
    }

    /// Whether the connection is ending.
    pub(crate) fn ending(&self) -> bool {
        let state = self.lock();
        state.closed || state.goodbye.is_some()
    }

    /// The next frame: other frames first (a client waits for them), then replies, joined.
    pub(crate) fn take(&self) -> Next {
        let mut state = self.lock();
        if let Some((frame, _permit)) = state.frames.pop_front() {
            return Next::Frame(frame);
        }
        if !state.replies.is_empty() {
            let mut weight = 0;
            let mut replies = Vec::with_capacity(state.replies.len().min(MAX_CALLS_PER_FRAME));
            // By weight, so that a frame of heavy replies stays below the frame limit.
            while weight < MAX_CALLS_PER_FRAME {
                let Some((reply, w)) = state.replies.pop_front() else {
                    break;
                };
                weight += w as usize;
                replies.push(reply);
            }
            drop(state);
            self.calls.add_permits(weight);
            return Next::Frame(RelayFrame::Replies(replies));
        }
        if state.closed {
            return Next::Over;
        }
        match state.goodbye.take() {
            Some(goodbye) => {
                state.closed = true;
                Next::Frame(RelayFrame::Goodbye(goodbye))
            }
            None => Next::Empty,
        }
    }
}
