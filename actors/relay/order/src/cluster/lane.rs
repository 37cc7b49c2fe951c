//! What was given to this relay to be ordered: from its callers to what was decided.
//!
//! One batch of a partition is on its way at a time, so groups stand in the order in which they
//! were taken. A batch stays here until it was decided, because the incarnation it was published
//! in may be given up before: then it is published again under the same number, and the rules'
//! memory of command ids makes a second time harmless.

use std::collections::VecDeque;

use crate::order::{Rejected, Why};
use crate::record::{Group, GroupId};

use super::entry::BatchId;
use super::limits::{BATCH_BYTES, BATCH_SUBMISSIONS};

/// How far a batch got in the order that is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    /// Nowhere that is known.
    Nowhere,
    /// The bus says that it was ordered.
    Ordered,
    /// It was seen there.
    Seen,
}

/// One batch that is not decided yet.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) id: BatchId,
    pub(crate) groups: Vec<Group>,
    /// How far it got in the order that is followed now.
    pub(crate) got: Got,
    /// How often the bus said that it had ordered it, and it never came: it is told anew then.
    pub(crate) tries: u32,
    /// Its callers were told that it takes long.
    pub(crate) late: bool,
    pub(crate) since: std::time::Instant,
}

/// Groups of one partition.
#[derive(Debug)]
pub(crate) struct Lane {
    waiting: VecDeque<Group>,
    submissions: usize,
    at_most: usize,
    sent: VecDeque<Sent>,
    life: u64,
    next: u64,
    closed: bool,
}

impl Lane {
    pub(crate) fn new(life: u64, at_most: usize) -> Self {
        Self {
            waiting: VecDeque::new(),
            submissions: 0,
            at_most,
            sent: VecDeque::new(),
            life,
            next: 0,
            closed: false,
        }
    }

    /// Takes a group, if there is room.
    pub(crate) fn push(&mut self, group: Group) -> Result<(), Box<Rejected>> {
        if self.closed {
            return Err(Box::new(Rejected {
                group,
                why: Why::Closed,
            }));
        }
        let after = self.submissions + group.submissions.len();
        if after > self.at_most && self.submissions > 0 {
            return Err(Box::new(Rejected {
                group,
                why: Why::Full,
            }));
        }
        self.submissions = after;
        self.waiting.push_back(group);
        Ok(())
    }

    /// Takes no more.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    /// Whether nothing is left to be ordered or decided.
    pub(crate) fn done(&self) -> bool {
        self.closed && self.waiting.is_empty() && self.sent.is_empty()
    }

    /// Groups that are not decided.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len() + self.sent.iter().map(|s| s.groups.len()).sum::<usize>()
    }

    /// The next batch to be published: one that must be published again, or whatever waits.
    pub(crate) fn next(&mut self) -> Option<Sent> {
        if let Some(again) = self.sent.iter().find(|s| s.got == Got::Nowhere) {
            return Some(again.clone());
        }
        let first = self.waiting.pop_front()?;
        let (mut count, mut bytes) = (first.submissions.len(), about(&first));
        let mut groups = vec![first];
        while let Some(next) = self.waiting.front() {
            count += next.submissions.len();
            bytes += about(next);
            if count > BATCH_SUBMISSIONS || bytes > BATCH_BYTES {
                break;
            }
            groups.extend(self.waiting.pop_front());
        }
        let sent = Sent {
            id: BatchId {
                life: self.life,
                number: self.next,
            },
            groups,
            got: Got::Nowhere,
            tries: 0,
            late: false,
            since: std::time::Instant::now(),
        };
        self.next += 1;
        self.sent.push_back(sent.clone());
        Some(sent)
    }

    /// A batch got further; whether it was seen in the order before (or is not known here).
    pub(crate) fn got(&mut self, id: BatchId, got: Got) -> bool {
        match self.sent.iter_mut().find(|s| s.id == id) {
            Some(sent) if sent.got != Got::Seen => {
                sent.got = got;
                false
            }
            _ => true,
        }
    }

    /// Another order is followed from now on; it holds what `held` says.
    pub(crate) fn reconsider(&mut self, held: &dyn Fn(BatchId) -> bool) {
        for sent in &mut self.sent {
            sent.got = if held(sent.id) { Got::Seen } else { Got::Nowhere };
        }
    }

    /// A batch was given to be decided: its callers' answers come from there.
    pub(crate) fn decided(&mut self, id: BatchId) {
        if let Some(at) = self.sent.iter().position(|s| s.id == id)
            && let Some(sent) = self.sent.remove(at)
        {
            let count: usize = sent.groups.iter().map(|g| g.submissions.len()).sum();
            self.submissions = self.submissions.saturating_sub(count);
        }
    }

    /// Groups that have been under way for long, once each.
    pub(crate) fn late(&mut self, after: std::time::Duration) -> Vec<GroupId> {
        let late = self
            .sent
            .iter_mut()
            .filter(|s| !s.late && s.since.elapsed() >= after);
        late.flat_map(|s| {
            s.late = true;
            // What the bus said it had ordered has not come: it is published again.
            if s.got == Got::Ordered {
                s.got = Got::Nowhere;
                s.tries += 1;
            }
            s.groups.iter().map(|g| g.id).collect::<Vec<_>>()
        })
        .collect()
    }
}

/// About how many bytes a group's commands are on the bus.
fn about(group: &Group) -> usize {
    use telesphor_wire::command::Command;
    let one = |command: &Command| match command {
        Command::Deposit(deposit) => deposit.payload.len() + 256,
        other => telesphor_wire::canonical::encode(other).len() + 64,
    };
    group.submissions.iter().map(|s| one(&s.command)).sum()
}
