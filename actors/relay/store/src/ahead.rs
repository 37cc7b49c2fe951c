//! What is written and not synced yet.
//!
//! While one group is synced, the next is decided and written ([`crate::Applier::write_ahead`]). The
//! database shows a write as soon as it is made, but a reader may see only what is durable: so the
//! mailboxes that such a group changes are kept here as they durably stand, until it is synced, and
//! are shown like that.
//!
//! ```text
//! writer   keeps here -> writes ----------------------> next group
//! syncer                          syncs -> lets go here
//! reader   snapshot -> looks here -> shows what was kept, or the snapshot
//! ```
//!
//! A reader must take its snapshot first: what is not kept here any more is then durable, and what
//! was not kept yet is not in the snapshot.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use telesphor_rules::state::Mailbox;
use telesphor_wire::ids::MailboxId;

/// Counts the groups that were written ahead, in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Written(u64);

/// Mailboxes that stand otherwise on the disk than in the database.
#[derive(Default)]
pub(crate) struct Ahead {
    /// How many; read without the lock, since mostly there are none.
    count: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: u64,
    mailboxes: HashMap<MailboxId, Waiting>,
    /// What each group changed, oldest first.
    groups: VecDeque<(u64, Vec<MailboxId>)>,
}

struct Waiting {
    /// `None`: it does not durably exist.
    durable: Option<Mailbox>,
    /// What each group made of it, oldest first.
    made: VecDeque<(u64, Mailbox)>,
}

/// A mailbox before and after a group.
pub(crate) struct Changed {
    pub(crate) before: Option<Mailbox>,
    pub(crate) after: Mailbox,
}

impl Ahead {
    /// No code panics while holding the lock, so a poisoned one is still whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before a group is written.
    pub(crate) fn keep(&self, changed: impl Iterator<Item = Changed>) -> Written {
        let mut state = self.lock();
        state.last += 1;
        let group = state.last;
        let mut ids = Vec::new();
        for Changed { before, after } in changed {
            ids.push(after.id);
            let waiting = state.mailboxes.entry(after.id).or_insert_with(|| Waiting {
                durable: before,
                made: VecDeque::new(),
            });
            waiting.made.push_back((group, after));
        }
        state.groups.push_back((group, ids));
        self.count.store(state.mailboxes.len(), Ordering::SeqCst);
        Written(group)
    }

    /// After this group, and with it all before it, was synced.
    pub(crate) fn synced(&self, Written(group): Written) {
        let mut state = self.lock();
        while state.groups.front().is_some_and(|(n, _)| *n <= group) {
            let Some((number, ids)) = state.groups.pop_front() else {
                break;
            };
            for id in ids {
                let Some(waiting) = state.mailboxes.get_mut(&id) else {
                    continue;
                };
                while waiting.made.front().is_some_and(|(n, _)| *n <= number) {
                    waiting.durable = waiting.made.pop_front().map(|(_, mailbox)| mailbox);
                }
                if waiting.made.is_empty() {
                    state.mailboxes.remove(&id);
                }
            }
        }
        self.count.store(state.mailboxes.len(), Ordering::SeqCst);
    }

    /// A mailbox as it durably stands, if that is not how the database shows it. Call it after
    /// the snapshot was taken.
    pub(crate) fn durable(&self, id: &MailboxId) -> Option<Option<Mailbox>> {
        if self.count.load(Ordering::SeqCst) == 0 {
            return None;
        }
        self.lock().mailboxes.get(id).map(|w| w.durable.clone())
    }
}
