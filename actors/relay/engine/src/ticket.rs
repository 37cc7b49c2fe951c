//! One command's claim to one answer.
//!
//! A ticket is made when a command arrives and travels beside it. Whoever knows the answer
//! uses the ticket up; whoever drops it on whatever path (a full queue, a dead actor, a
//! failed writer, a panic) has thereby sent the fallback answer. So every command is
//! answered exactly once, and all that it held is given back at that moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use telesphor_wire::answer::{Answer, Refusal};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::session::Reply;
use telesphor_wire::text::SupportCode;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::core::Core;
use crate::observe::Counters;
use crate::session::outbox::{Outbox, Wakes};
use crate::trace::{HTTP_SENDER, Outcome, Place, Trace};

/// Where an answer goes.
pub(crate) enum Sink {
    /// A session's outgoing queue, which has room: the session's call permit saw to that.
    Session {
        /// Whose call it is.
        session: u64,
        outbox: Arc<Outbox>,
        call: u32,
        weight: u32,
    },
    /// A single HTTP call.
    Single(oneshot::Sender<Answer>),
}

/// What the commands of one frame hold of the relay's memory until the last of them is
/// answered. They count as under way from the moment it is made, so that a drain waits for
/// those too that no actor has looked at yet.
pub(crate) struct Held {
    core: Arc<Core>,
    calls: usize,
    _permits: [OwnedSemaphorePermit; 2],
    _session: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// With permits for their number and their bytes, of the relay and of the session.
    pub(crate) fn new(
        core: Arc<Core>,
        calls: usize,
        permits: [OwnedSemaphorePermit; 2],
        session: Option<OwnedSemaphorePermit>,
    ) -> Arc<Self> {
        core.counters.calls_in_flight.fetch_add(calls, Ordering::AcqRel);
        Arc::new(Self {
            core,
            calls,
            _permits: permits,
            _session: session,
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.core.answered(self.calls);
    }
}

/// A share of one mailbox's bounds, given back on drop.
pub(crate) struct Share {
    pub(crate) gauge: Arc<Gauge>,
    pub(crate) bytes: usize,
}

/// How much of one mailbox's bounds is taken.
#[derive(Default)]
pub(crate) struct Gauge {
    pub(crate) calls: AtomicUsize,
    pub(crate) bytes: AtomicUsize,
}

impl Gauge {
    /// Takes a share, or nothing where it would pass the bounds.
    pub(crate) fn take(self: &Arc<Self>, bytes: usize, max_calls: usize, max_bytes: usize) -> Option<Share> {
        let calls = self.calls.fetch_add(1, Ordering::AcqRel);
        let held = self.bytes.fetch_add(bytes, Ordering::AcqRel);
        // Dropping the share takes both sums back. The first command always fits, whatever its size.
        let share = Share {
            gauge: self.clone(),
            bytes,
        };
        (calls < max_calls && (held == 0 || held.saturating_add(bytes) <= max_bytes)).then_some(share)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.gauge.calls.fetch_sub(1, Ordering::AcqRel);
        self.gauge.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// One command's claim to one answer.
pub(crate) struct Ticket {
    core: Arc<Core>,
    sink: Option<Sink>,
    support: SupportCode,
    began: Instant,
    fallback: ErrorCode,
    /// Given back before the answer can be seen, so that a sender who goes on meets room.
    share: Option<Share>,
    /// Given back after the last answer of the frame is on its way.
    _held: Arc<Held>,
}

impl Ticket {
    pub(crate) fn new(
        core: Arc<Core>,
        sink: Sink,
        support: SupportCode,
        began: Instant,
        held: Arc<Held>,
    ) -> Self {
        Self {
            core,
            sink: Some(sink),
            support,
            began,
            fallback: ErrorCode::Internal,
            share: None,
            _held: held,
        }
    }

    /// The code that its client printed.
    pub(crate) const fn support(&self) -> SupportCode {
        self.support
    }

    /// Takes over a share of the mailbox's bounds.
    pub(crate) fn hold(&mut self, share: Share) {
        self.share = Some(share);
    }

    /// From here on the command may have been ordered: if the answer gets lost now, nobody
    /// knows whether it was carried out, and the sender must ask again with the same bytes.
    pub(crate) fn handed_over(&mut self) {
        self.fallback = ErrorCode::Fenced;
    }

    /// It came back from the order unordered.
    pub(crate) fn handed_back(&mut self) {
        self.fallback = ErrorCode::Internal;
    }

    /// The one answer.
    pub(crate) fn answer(self, answer: Answer) {
        self.answer_with(answer, &mut Wakes::default());
    }

    /// The one answer, as one of many: its connection is woken with `wakes`.
    pub(crate) fn answer_with(mut self, answer: Answer, wakes: &mut Wakes) {
        self.send(answer, wakes);
    }

    pub(crate) fn refuse(self, code: ErrorCode) {
        self.answer(Answer::Refused(Refusal::of(code)));
    }

    /// Ordered, but not yet on a majority of disks.
    pub(crate) fn not_yet_durable(self) {
        self.answer(Answer::NotYetDurable(crate::settle::NOT_YET_DURABLE_MS));
    }

    /// Too much at once.
    pub(crate) fn busy(self) {
        let retry = self.core.limits.busy_retry_ms;
        self.answer(Answer::Busy(retry));
    }

    fn send(&mut self, answer: Answer, wakes: &mut Wakes) {
        let Some(sink) = self.sink.take() else { return };
        self.share = None;
        let outcome = Outcome::of(&answer);
        match outcome {
            Outcome::Refused(code) => self.core.counters.refuse(code),
            Outcome::Busy => Counters::add(&self.core.counters.busy, 1),
            Outcome::Durable | Outcome::NotYetDurable => {}
        }
        let took_us = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let trace = Trace {
            support: self.support,
            answered_ms: self.core.clock.now_ms(),
            took_us,
            outcome,
            sessions: 0,
        };
        let session = match &sink {
            Sink::Session { session, .. } => *session,
            Sink::Single(_) => HTTP_SENDER,
        };
        self.core.traced(trace, session, Place::of(&answer));
        tracing::debug!(target: "telesphor::call", support = %trace.support, took_us, outcome = ?outcome);
        match sink {
            Sink::Session {
                outbox, call, weight, ..
            } => {
                if outbox.reply(Reply { call, answer }, weight) {
                    wakes.later(outbox);
                }
            }
            // A caller that went away has nobody left to be told.
            Sink::Single(sender) => drop(sender.send(answer)),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.send(Answer::Refused(Refusal::of(self.fallback)), &mut Wakes::default());
    }
}
