//! The self mailbox: an MLS group of one's own endpoints. What they agree on is an entry of
//! its log, and the vault is a view of that log.

use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::self_entry::{MailboxUse, SelfEntry};
use telesphor_sealing::{Binding, Founding, GroupSession, Suite};
use telesphor_vault::Table;
use telesphor_wire::command::FirstAccess;
use telesphor_wire::mailbox::{MailboxKind, Policy};

use super::open::{NO_END, Plan};
use crate::core::records::{Held, Job, Padding};
use crate::core::{Ctx, names};
use crate::error::Result;
use crate::group::policy::policy_hash;
use crate::group::rows::{Rows, apply};

impl Ctx<'_, '_> {
    /// Founds the group of one's own endpoints and opens its mailbox.
    pub(crate) fn open_own(&mut self) -> Result<()> {
        let (id, voucher) = self.draw_mailbox()?;
        let used = MailboxUse::Own;
        let suite = Suite::default();
        let founding = Founding {
            binding: Binding::new(
                id,
                self.profile.domain().clone(),
                self.me(),
                suite,
                policy_hash(used),
            ),
            suite,
            members: Vec::new(),
            now: self.now,
        };
        let step = GroupSession::found(&Rows(self.tx), &self.keys.member, &founding)?;
        let (_, founded) = step.commit(|diff, _| apply(self.tx, diff))?;
        let access = FirstAccess {
            epoch: founded.epoch,
            key: founded.access,
            lease: NO_END,
            ceiling: NO_END,
        };
        let plan = Plan {
            id,
            voucher,
            kind: MailboxKind::Shared,
            used,
            with: None,
            min_suite: self.min_suite(),
            policy: Policy::standard(),
            access: Some(access),
            deposit_keys: Vec::new(),
            name: String::new(),
        };
        self.open_mailbox(plan, None)?;
        let mut profile = self.profile.clone();
        profile.own = Some(id);
        self.put_profile(profile)
    }

    /// The self mailbox is open: entries noted before it was go into it now.
    pub(crate) fn own_open(&mut self, held: &Held) -> Result<()> {
        self.announce(&held.id, held.branch, held.epoch)
    }

    /// Writes an entry. It counts here at once, and reaches one's other endpoints in the
    /// mailbox's order; the same entry coming from them is applied by [`Ctx::apply_own`].
    pub(crate) fn own(&mut self, entry: SelfEntry) -> Result<()> {
        self.push(Table::Scratch, names::OWN_LOG, &entry)?;
        let Some(own) = self.profile.own else {
            return Ok(());
        };
        self.say(
            own,
            &GroupMessage::Own(Box::new(entry)),
            Padding::Message,
            Job::Own(true),
        )?;
        Ok(())
    }

    /// The weakest suite accepted from others.
    pub(crate) fn min_suite(&self) -> u16 {
        Suite::default().code()
    }
}

impl Ctx<'_, '_> {
    /// An entry that another of one's own endpoints wrote.
    pub(crate) fn apply_own(&mut self, entry: SelfEntry) -> Result<()> {
        self.push(Table::Scratch, names::OWN_LOG, &entry)?;
        Ok(())
    }
}
