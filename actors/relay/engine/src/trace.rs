//! What became of a support code: when, how long, and how it ended. Nothing else is kept, so
//! there is nothing here that could name a mailbox, a key or a person.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use telesphor_wire::answer::Answer;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::text::SupportCode;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done and durable.
    Durable,
    /// Refused with this code.
    Refused(ErrorCode),
    /// Told to come again.
    Busy,
    /// Ordered, not yet durable.
    NotYetDurable,
}

impl Outcome {
    /// The outcome an answer tells.
    pub fn of(answer: &Answer) -> Self {
        match answer {
            Answer::Durable(_) | Answer::Taken(_) | Answer::Enrolled(_) => Self::Durable,
            Answer::Refused(refusal) => Self::Refused(refusal.code),
            Answer::Busy(_) => Self::Busy,
            Answer::NotYetDurable(_) => Self::NotYetDurable,
        }
    }
}

/// One call, as an operator may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The code the client printed.
    pub support: SupportCode,
    /// When it was answered, Unix milliseconds.
    pub answered_ms: u64,
    /// From its arrival to its answer, microseconds.
    pub took_us: u64,
    /// How it ended.
    pub outcome: Outcome,
}

/// The latest calls, bounded in number and age.
pub(crate) struct TraceRing {
    entries: Mutex<VecDeque<Trace>>,
    capacity: usize,
    life_ms: u64,
}

impl TraceRing {
    pub(crate) fn new(capacity: usize, life: Duration) -> Self {
        let life_ms = u64::try_from(life.as_millis()).unwrap_or(u64::MAX);
        Self {
            entries: Mutex::new(VecDeque::new()),
            capacity: capacity.max(1),
            life_ms,
        }
    }

    pub(crate) fn push(&self, trace: Trace) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = trace.answered_ms.saturating_sub(self.life_ms);
        while entries.len() >= self.capacity || entries.front().is_some_and(|t| t.answered_ms < oldest) {
            entries.pop_front();
        }
        entries.push_back(trace);
    }

    /// All calls under this code, oldest first; a retry has a code of its own.
    pub(crate) fn find(&self, support: SupportCode, now_ms: u64) -> Vec<Trace> {
        let oldest = now_ms.saturating_sub(self.life_ms);
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries
            .iter()
            .filter(|t| t.support == support && t.answered_ms >= oldest)
            .copied()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Trace {
        Trace {
            support: SupportCode::random(),
            answered_ms: ms,
            took_us: 1,
            outcome: Outcome::Durable,
        }
    }

    #[test]
    fn traces_grow_neither_beyond_their_number_nor_their_age() {
        let ring = TraceRing::new(3, Duration::from_millis(100));
        let old = at(0);
        ring.push(old);
        for ms in 1..10 {
            ring.push(at(ms));
        }
        assert_eq!(ring.entries.lock().unwrap().len(), 3);
        assert!(
            ring.find(old.support, 10).is_empty(),
            "the fourth pushes the first out"
        );
        let kept = at(11);
        ring.push(kept);
        assert_eq!(ring.find(kept.support, 100), vec![kept]);
        assert!(ring.find(kept.support, 112).is_empty(), "too old to be shown");
        ring.push(at(1000));
        assert_eq!(ring.entries.lock().unwrap().len(), 1, "too old to be kept");
    }
}
