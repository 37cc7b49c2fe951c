//! What became of a support code: when, how long, how it ended, and to how many sessions its
//! event was delivered. What is told holds nothing that could name a mailbox, a key or a
//! person; which event a code belongs to is known in memory only.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use telesphor_wire::answer::Answer;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::MailboxId;
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
            Answer::Durable(_)
            | Answer::Taken(_)
            | Answer::Enrolled(_)
            | Answer::Ledger(_)
            | Answer::Admitted(_)
            | Answer::Page(_)
            | Answer::Piece(_) => Self::Durable,
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
    /// Sessions, other than its own, to which its event was delivered while this relay ran.
    pub sessions: u32,
}

/// Numbers that stand for no session: who sent, and who reads, by single HTTP calls.
pub(crate) const HTTP_SENDER: u64 = u64::MAX;
pub(crate) const HTTP_READER: u64 = 0;

/// Where a call's event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) mailbox: MailboxId,
    pub(crate) seq: u64,
}

impl Place {
    /// Of the event that an answer proves, if it proves one.
    pub(crate) fn of(answer: &Answer) -> Option<Self> {
        let leaf = match answer {
            Answer::Durable(receipt) => &receipt.leaf,
            Answer::Taken(taken) => &taken.receipt.leaf,
            _ => return None,
        };
        Some(Self {
            mailbox: leaf.mailbox,
            seq: leaf.seq,
        })
    }
}

/// Events that left for one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) mailbox: MailboxId,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// The latest calls, bounded in number and age.
pub(crate) struct TraceRing {
    state: Mutex<State>,
    capacity: usize,
    life_ms: u64,
}

#[derive(Default)]
struct State {
    entries: VecDeque<Entry>,
    /// Number of the first entry.
    first: u64,
    /// What is known of each mailbox of late.
    mailboxes: HashMap<MailboxId, Late>,
    /// Whose span is oldest; bounds all spans together.
    spans: VecDeque<MailboxId>,
}

struct Entry {
    trace: Trace,
    /// Who sent it.
    session: u64,
    place: Option<Place>,
}

/// A reader may be given an event before its sender is answered, since what is durable can be
/// read. So both are kept, and whichever comes second counts.
#[derive(Default)]
struct Late {
    /// Sequence number and number of the entry, by sequence number.
    sent: VecDeque<(u64, u64)>,
    /// Session, first and last event given to it.
    given: VecDeque<(u64, u64, u64)>,
}

/// Sessions remembered for one mailbox; one that is forgotten still counts what it gets next.
const SPANS_PER_MAILBOX: usize = 64;

impl TraceRing {
    pub(crate) fn new(capacity: usize, life: Duration) -> Self {
        let life_ms = u64::try_from(life.as_millis()).unwrap_or(u64::MAX);
        Self {
            state: Mutex::default(),
            capacity: capacity.max(1),
            life_ms,
        }
    }

    /// No code panics while holding the lock, so a poisoned one is still whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a call's end; gives how many sessions had been given its event already.
    pub(crate) fn push(&self, mut trace: Trace, session: u64, place: Option<Place>) -> u32 {
        let mut state = self.lock();
        let oldest = trace.answered_ms.saturating_sub(self.life_ms);
        while state.entries.len() >= self.capacity
            || state
                .entries
                .front()
                .is_some_and(|e| e.trace.answered_ms < oldest)
        {
            state.forget_first();
        }
        if let Some(Place { mailbox, seq }) = place {
            let number = state.first + state.entries.len() as u64;
            let late = state.mailboxes.entry(mailbox).or_default();
            // Mostly the newest one.
            let at = match late.sent.back() {
                Some((newest, _)) if *newest > seq => late.sent.partition_point(|(s, _)| *s <= seq),
                _ => late.sent.len(),
            };
            late.sent.insert(at, (seq, number));
            let got =
                |(reader, from, to): &&(u64, u64, u64)| *reader != session && (*from..=*to).contains(&seq);
            trace.sessions = u32::try_from(late.given.iter().filter(got).count()).unwrap_or(u32::MAX);
        }
        let sessions = trace.sessions;
        state.entries.push_back(Entry {
            trace,
            session,
            place,
        });
        sessions
    }

    /// Notes that events left for a session; gives the codes of the calls that sent them, as
    /// far as they are still known, each once for each session.
    pub(crate) fn given(&self, session: u64, given: Given) -> Vec<SupportCode> {
        let mut state = self.lock();
        let state = &mut *state;
        let late = state.mailboxes.entry(given.mailbox).or_default();
        let before = late.given.iter_mut().find(|(s, from, to)| {
            *s == session && given.from <= to.saturating_add(1) && *from <= given.to.saturating_add(1)
        });
        // What the session had already.
        let had = match before {
            Some((_, from, to)) => {
                let had = (*from, *to);
                (*from, *to) = (had.0.min(given.from), had.1.max(given.to));
                had
            }
            None => {
                late.given.push_back((session, given.from, given.to));
                if late.given.len() > SPANS_PER_MAILBOX {
                    late.given.pop_front();
                }
                state.spans.push_back(given.mailbox);
                (1, 0)
            }
        };
        let begin = late.sent.partition_point(|(seq, _)| *seq < given.from);
        let sent = late.sent.range(begin..).take_while(|(seq, _)| *seq <= given.to);
        let mut codes = Vec::new();
        for (_, number) in sent.filter(|(seq, _)| !(had.0..=had.1).contains(seq)) {
            let at = number
                .checked_sub(state.first)
                .and_then(|at| usize::try_from(at).ok());
            if let Some(entry) = at
                .and_then(|at| state.entries.get_mut(at))
                .filter(|e| e.session != session)
            {
                entry.trace.sessions = entry.trace.sessions.saturating_add(1);
                codes.push(entry.trace.support);
            }
        }
        while state.spans.len() > self.capacity {
            state.forget_span();
        }
        codes
    }

    /// All calls under this code, oldest first; a retry has a code of its own.
    pub(crate) fn find(&self, support: SupportCode, now_ms: u64) -> Vec<Trace> {
        let oldest = now_ms.saturating_sub(self.life_ms);
        let state = self.lock();
        let traces = state.entries.iter().map(|e| e.trace);
        traces
            .filter(|t| t.support == support && t.answered_ms >= oldest)
            .collect()
    }
}

impl State {
    fn forget_first(&mut self) {
        let Some(entry) = self.entries.pop_front() else {
            return;
        };
        let number = self.first;
        self.first += 1;
        let Some(Place { mailbox, seq }) = entry.place else {
            return;
        };
        if let Some(late) = self.mailboxes.get_mut(&mailbox) {
            // Mostly the oldest one.
            let at = match late.sent.front() {
                Some((_, first)) if *first == number => Some(0),
                _ => {
                    let from = late.sent.partition_point(|(s, _)| *s < seq);
                    let found = late.sent.range(from..).position(|(_, n)| *n == number);
                    found.map(|at| from + at)
                }
            };
            if let Some(at) = at {
                late.sent.remove(at);
            }
            if !late.sent.is_empty() {
                return;
            }
        }
        self.tidy(mailbox);
    }

    fn forget_span(&mut self) {
        if let Some(mailbox) = self.spans.pop_front() {
            if let Some(late) = self.mailboxes.get_mut(&mailbox) {
                late.given.pop_front();
            }
            self.tidy(mailbox);
        }
    }

    fn tidy(&mut self, mailbox: MailboxId) {
        if self
            .mailboxes
            .get(&mailbox)
            .is_some_and(|late| late.sent.is_empty() && late.given.is_empty())
        {
            self.mailboxes.remove(&mailbox);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: MailboxId = MailboxId([7; 32]);

    fn at(ms: u64) -> Trace {
        Trace {
            support: SupportCode::random(),
            answered_ms: ms,
            took_us: 1,
            outcome: Outcome::Durable,
            sessions: 0,
        }
    }

    fn place(seq: u64) -> Option<Place> {
        Some(Place { mailbox: HERE, seq })
    }

    fn given(from: u64, to: u64) -> Given {
        Given {
            mailbox: HERE,
            from,
            to,
        }
    }

    #[test]
    fn traces_grow_neither_beyond_their_number_nor_their_age() {
        let ring = TraceRing::new(3, Duration::from_millis(100));
        let old = at(0);
        ring.push(old, 1, place(1));
        for ms in 1..10 {
            ring.push(at(ms), 1, place(1 + ms));
            ring.given(ms, given(ms, ms));
        }
        {
            let state = ring.lock();
            assert_eq!((state.entries.len(), state.spans.len()), (3, 3));
            assert_eq!(state.mailboxes[&HERE].sent.len(), 3);
            assert_eq!(state.mailboxes[&HERE].given.len(), 3);
        }
        assert!(
            ring.find(old.support, 10).is_empty(),
            "the fourth pushes the first out"
        );
        let kept = at(11);
        ring.push(kept, 1, None);
        assert_eq!(ring.find(kept.support, 100), vec![kept]);
        assert!(ring.find(kept.support, 112).is_empty(), "too old to be shown");
        ring.push(at(1000), 1, None);
        assert_eq!(ring.lock().entries.len(), 1, "too old to be kept");
    }

    #[test]
    fn a_session_is_counted_twice_or_not_at_all() {
        let ring = TraceRing::new(100, Duration::from_secs(1));
        let traces: Vec<_> = (1..=5).map(at).collect();
        // The third and later ones are read before their sender is answered.
        for (trace, seq) in traces[..2].iter().zip(1..) {
            ring.push(*trace, 9, place(seq));
        }
        assert_eq!(ring.given(1, given(1, 4)).len(), 2);
        assert_eq!(ring.given(1, given(2, 4)).len(), 0, "fetched again");
        assert_eq!(ring.given(9, given(1, 4)).len(), 0, "its own sender");
        assert_eq!(ring.given(2, given(2, 2)), vec![traces[1].support]);
        for (trace, seq) in traces[2..].iter().zip(3..) {
            ring.push(*trace, 9, place(seq));
        }
        assert_eq!(ring.given(1, given(5, 5)), vec![traces[4].support]);
        let counted: Vec<_> = traces
            .iter()
            .map(|t| ring.find(t.support, 10)[0].sessions)
            .collect();
        assert_eq!(counted, [1, 2, 1, 1, 1]);
    }
}
