//! The commands of one session that have no answer yet: their support codes and when they came.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use telesphor_wire::answer::Answer;
use telesphor_wire::session::{Call, Reply};
use telesphor_wire::text::SupportCode;

use crate::clock;
use crate::metrics::Metrics;
use crate::traces::{Outcome, Record, Trace, Traces};

/// Beyond the engine's bound on calls in flight nothing is noted, so this cannot grow.
const MOST: usize = 2 * telesphor_wire::limits::MAX_CALLS_IN_FLIGHT;

/// What is open on one session. Touched once per frame, not once per call.
pub(crate) struct Tally {
    open: Mutex<HashMap<u32, Open>>,
    metrics: Metrics,
    traces: Traces,
}

#[derive(Clone, Copy)]
struct Open {
    support: SupportCode,
    came: Instant,
    taken: u32,
}

impl Tally {
    /// For one session.
    pub(crate) fn new(metrics: Metrics, traces: Traces) -> Self {
        Self {
            open: Mutex::default(),
            metrics,
            traces,
        }
    }

    /// Calls came in one frame.
    pub(crate) fn came(&self, calls: &[Call]) {
        self.metrics.calls_came(calls.len());
        let (came, taken) = (Instant::now(), seconds());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for call in calls {
            if open.len() < MOST {
                open.insert(
                    call.call,
                    Open {
                        support: call.support,
                        came,
                        taken,
                    },
                );
            }
        }
    }

    /// Answers go in one frame.
    pub(crate) fn answered(&self, replies: &[Reply]) {
        let (now, answered) = (Instant::now(), seconds());
        let mut traces = Vec::with_capacity(replies.len());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for reply in replies {
            let Some(call) = open.remove(&reply.call) else {
                continue;
            };
            self.metrics
                .call_answered(&reply.answer, now.saturating_duration_since(call.came));
            traces.push(Record::Ended(Trace {
                support: call.support,
                taken: call.taken,
                answered,
                outcome: outcome(&reply.answer),
            }));
        }
        drop(open);
        self.record(traces);
    }

    fn record(&self, traces: Vec<Record>) {
        if !self.traces.record(traces) {
            self.metrics.traces_dropped();
        }
    }
}

/// Those that are still open when the session ends were never answered.
impl Drop for Tally {
    fn drop(&mut self) {
        let answered = seconds();
        let open = std::mem::take(self.open.get_mut().unwrap_or_else(PoisonError::into_inner));
        let unanswered = |call: Open| {
            Record::Ended(Trace {
                support: call.support,
                taken: call.taken,
                answered,
                outcome: Outcome::Unanswered,
            })
        };
        self.record(open.into_values().map(unanswered).collect());
    }
}

/// How an answer is remembered.
pub(crate) fn outcome(answer: &Answer) -> Outcome {
    match answer {
        Answer::Durable(_) | Answer::Taken(_) | Answer::Ledger(_) => Outcome::Durable,
        Answer::Enrolled(_) | Answer::Admitted(_) | Answer::Page(_) | Answer::Piece(_) => Outcome::Answered,
        Answer::Refused(refusal) => Outcome::Refused(refusal.code),
        Answer::Busy(_) => Outcome::Busy,
        Answer::NotYetDurable(_) => Outcome::NotYetDurable,
    }
}

/// Now, Unix seconds, as traces keep it.
pub(crate) fn seconds() -> u32 {
    u32::try_from(clock::now_ms() / 1000).unwrap_or(u32::MAX)
}
