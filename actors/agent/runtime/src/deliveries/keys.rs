//! The key that a mailbox's delivery records are sealed to, and which connections were one's own.

use telesphor_clinical::self_entry::MailboxUse;
use telesphor_identity::kit::root_derived;
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::ids::{MailboxId, Nonce};
use telesphor_wire::mailbox::Policy;
use telesphor_wire::records::with_key;
use telesphor_wire::seal::SealingKey;

use crate::core::profile::Keys;
use crate::core::{Ctx, names};
use crate::error::Result;

/// Connections of this device that are remembered.
const SESSIONS: u64 = 4_096;

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
        if position > SESSIONS {
            self.tx
                .delete_at(Table::Receipts, names::OWN_SESSIONS, position - SESSIONS)?;
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
