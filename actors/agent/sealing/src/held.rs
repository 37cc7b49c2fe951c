//! Groups held in memory from one event to the next.
//!
//! Reading a group from its rows costs more than most events do. So a session may be given back
//! after an operation and lent again for the next one. It is lent only if the store, as the
//! caller's transaction sees it, holds exactly the state that is in memory: each state has a
//! [`Stamp`] of its own, written with it. Whatever became of a transaction, a group that is ahead
//! of the store or behind it is not lent; it is wiped and read again.

use std::collections::BTreeMap;

use telesphor_wire::ids::MailboxId;

use crate::error::SessionError;
use crate::limits::{MAX_HELD_GROUPS, MAX_HELD_LEAVES};
use crate::overlay::Provider;
use crate::record::Stamp;
use crate::session::GroupSession;
use crate::state::MlsStateRead;

/// Sessions at rest, bounded in number and size. Those that were used longest ago go first.
#[derive(Debug, Default)]
pub struct HeldGroups {
    at_rest: BTreeMap<MailboxId, AtRest>,
    uses: u64,
    leaves: usize,
}

#[derive(Debug)]
struct AtRest {
    session: GroupSession,
    leaves: usize,
    used: u64,
    /// Its state may be that of a transaction which is not written yet.
    open: bool,
}

impl HeldGroups {
    /// The session of a mailbox, if there is one: from memory if that is what the store has, else
    /// from the store.
    ///
    /// # Errors
    /// As [`GroupSession::load`].
    pub fn lend(
        &mut self,
        state: &dyn MlsStateRead,
        mailbox: MailboxId,
    ) -> Result<Option<GroupSession>, SessionError> {
        let Some(held) = self.take(&mailbox) else {
            return GroupSession::load(state, mailbox);
        };
        let provider = Provider::new(state);
        let stored = Stamp::load(&provider.rows, &mailbox)?;
        drop(provider);
        if stored.is_some() && stored == held.stamp {
            return Ok(Some(held));
        }
        drop(held);
        GroupSession::load(state, mailbox)
    }

    /// Takes a session back, as the last step on it or a mere look left it. Its state need not be
    /// written yet, but must be what the open transaction has.
    pub fn give_back(&mut self, session: GroupSession) {
        let (mailbox, leaves) = (session.mailbox(), session.leaves());
        self.take(&mailbox);
        // What no stamp names cannot be told from another state.
        if session.stamp.is_none() || leaves > MAX_HELD_LEAVES {
            return;
        }
        self.uses += 1;
        self.leaves += leaves;
        let at_rest = AtRest {
            session,
            leaves,
            used: self.uses,
            open: true,
        };
        self.at_rest.insert(mailbox, at_rest);
        while self.at_rest.len() > MAX_HELD_GROUPS || self.leaves > MAX_HELD_LEAVES {
            let oldest = self.at_rest.iter().min_by_key(|(_, held)| held.used);
            let Some(oldest) = oldest.map(|(mailbox, _)| *mailbox) else {
                break;
            };
            self.take(&oldest);
        }
    }

    /// The transaction in which sessions were given back is on the disk.
    pub fn written(&mut self) {
        self.at_rest.values_mut().for_each(|held| held.open = false);
    }

    /// It never happened: nothing of it stays in memory.
    pub fn undone(&mut self) {
        let undone: Vec<MailboxId> = self
            .at_rest
            .iter()
            .filter_map(|(mailbox, held)| held.open.then_some(*mailbox))
            .collect();
        for mailbox in undone {
            self.take(&mailbox);
        }
    }

    /// Wipes all of them: the store is closed to whoever could use them.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.at_rest.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.at_rest.is_empty()
    }

    fn take(&mut self, mailbox: &MailboxId) -> Option<GroupSession> {
        let held = self.at_rest.remove(mailbox)?;
        self.leaves -= held.leaves;
        Some(held.session)
    }
}
