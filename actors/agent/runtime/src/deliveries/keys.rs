//! The key that a mailbox's delivery records are sealed to, and which connections were one's own.

use telesphor_clinical::self_entry::MailboxUse;
use telesphor_identity::kit::root_derived;
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::ids::{MailboxId, Nonce};
use telesphor_wire::mailbox::Policy;
use telesphor_wire::records::with_key;
use telesphor_wire::seal::SealingKey;

use super::marks::marked;
use crate::core::profile::Keys;
use crate::core::{Ctx, names};
use crate::error::Result;

/// Connections of this device that are remembered.
pub(crate) const SESSIONS: usize = 4_096;

/// Whether deliveries of such a mailbox are recorded. Not those of an invitation, whose taker
/// nobody can know yet, nor of the backup, which is found by the kit alone.
pub(crate) const fn are_recorded(used: MailboxUse) -> bool {
    matches!(
        used,
        MailboxUse::Inbox
            | MailboxUse::Own
            | MailboxUse::Conversation
            | MailboxUse::Vitals
            | MailboxUse::Shared
            | MailboxUse::Team
    )
}

impl Keys {
    /// A number for a connection, by which one's other devices know whose it was.
    pub(crate) fn session_nonce(&self) -> Nonce {
        match &self.stored.root {
            Some(root) => marked(root, &self.endpoint.public()),
            None => Nonce::random(),
        }
    }

    /// One key for each mailbox, so that a relay's disk does not show which belong together; from
    /// the root secret, so that every device of the identity has it, and so has the kit.
    pub(crate) fn records_key(&self, mailbox: &MailboxId) -> Option<SealingKey> {
        let root = self.stored.root.as_ref()?;
        Some(SealingKey::from_seed(root_derived(
            root,
            "delivery-log",
            &mailbox.0,
        )))
    }
}

impl Ctx<'_, '_> {
    /// The policy under which a mailbox is opened, with the key for its delivery records.
    pub(crate) fn recorded(&self, policy: Policy, used: MailboxUse, mailbox: &MailboxId) -> Policy {
        match self.keys.records_key(mailbox) {
            Some(key) if are_recorded(used) => with_key(policy, &key.public()),
            _ => policy,
        }
    }

    /// Remembers a connection of this device: what a record says of it is no news.
    pub(crate) fn own_session(&mut self, session: &Nonce) -> Result<()> {
        let position = self.push(Table::Receipts, names::OWN_SESSIONS, session)?;
        let kept = SESSIONS as u64;
        if position > kept {
            self.tx
                .delete_at(Table::Receipts, names::OWN_SESSIONS, position - kept)?;
        }
        Ok(())
    }
}

/// Connections of this device.
pub(crate) fn own_sessions(records: &impl Records) -> Result<std::collections::HashSet<Nonce>> {
    let mut all = std::collections::HashSet::new();
    let mut from = 0;
    loop {
        let page = records.range(Table::Receipts, names::OWN_SESSIONS, from, 1024)?;
        let Some((last, _)) = page.last() else {
            return Ok(all);
        };
        from = last + 1;
        all.extend(
            page.iter()
                .filter_map(|(_, b)| canonical::decode::<Nonce>(b).ok()),
        );
    }
}
