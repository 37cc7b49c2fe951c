//! What may be fetched: every mailbox of a grant as a row of spans of its log, each with whom the
//! relay must serve and whom it may.

use std::collections::BTreeMap;

use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::{Event, EventKind};

use crate::model::{Model, PATIENT, People, Who};

struct Span {
    from: u64,
    must: People,
    may: People,
}

/// One mailbox.
#[derive(Default)]
pub struct Log {
    spans: Vec<Span>,
    pub head: u64,
    /// When it was last looked at in full: its head, and whether it was served.
    pub looked: Option<(u64, bool)>,
}

impl Log {
    /// What comes from a position on may be fetched by these.
    pub fn span(&mut self, from: u64, must: People, may: People) {
        self.spans.push(Span { from, must, may });
    }

    fn at(&self, seq: u64) -> Option<&Span> {
        self.spans.iter().rev().find(|s| s.from <= seq)
    }

    /// Whether somebody must, or may, be served what stands at a position.
    pub fn serves(&self, who: Who, seq: u64) -> (bool, bool) {
        let span = self.at(seq);
        (
            span.is_some_and(|s| s.must.contains(who)),
            span.is_some_and(|s| s.may.contains(who)),
        )
    }
}

/// Who sat in each grant in the course of a step: always, and at any time.
pub struct Course {
    pub always: Vec<People>,
    pub ever: Vec<People>,
}

impl Course {
    pub fn begin(model: &Model) -> Self {
        let members: Vec<People> = model.grants.iter().map(|g| model.members(g)).collect();
        Self {
            always: members.clone(),
            ever: members,
        }
    }

    pub fn goes_on(&mut self, model: &Model) {
        for (i, grant) in model.grants.iter().enumerate() {
            let members = model.members(grant);
            match self.always.get_mut(i) {
                Some(always) => {
                    always.retain(|who| members.contains(who));
                    self.ever[i].extend(&members);
                }
                // Nobody but the patient was there when it began.
                None => {
                    self.always.push(People::new());
                    self.ever.push(members);
                }
            }
        }
    }
}

/// What one person was served of one mailbox, against what the script says.
pub fn differences(
    who: Who,
    (name, live): (&str, bool),
    log: &Log,
    events: &[Event],
    served: &std::collections::BTreeSet<u64>,
    has_epoch: impl Fn(u32, u64) -> bool,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for event in events.iter().filter(|e| e.payload.is_some()) {
        let seq = event.header.seq;
        let (must, may) = log.serves(who, seq);
        let gets = served.contains(&seq);
        let said =
            event.header.kind == EventKind::MESSAGE && has_epoch(event.header.branch, event.header.epoch);
        if who == PATIENT {
            if !gets {
                wrong.push(format!("the owner is not served {seq} of {name}"));
            }
        } else if gets && !(may && live) {
            wrong.push(format!("{who} is served {seq} of {name}"));
        } else if !gets && must && live && said {
            wrong.push(format!("{who} is not served {seq} of {name}"));
        }
    }
    wrong
}

pub type Logs = BTreeMap<MailboxId, Log>;
