//! The self mailbox: an MLS group of one's own endpoints. What they agree on is an entry of
//! its log, and the vault is a view of that log.

use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::self_entry::{MailboxUse, SelfEntry};
use telesphor_sealing::{Binding, Founding, GroupSession, Suite};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::FirstAccess;
use telesphor_wire::mailbox::{MailboxKind, Policy};

use super::open::{NO_END, Plan};
use crate::core::Ctx;
use crate::core::records::{GroupSay, Held, Job, Padding, What};
use crate::error::Result;
use crate::group::policy::policy_hash;
use crate::group::rows::Rows;

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
        let founded = self.write_group(step)?;
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
    /// mailbox's order; the same entry coming from them is applied by [`Ctx::apply_own`]. One that
    /// fits no message stays on this device.
    pub(crate) fn own(&mut self, entry: SelfEntry) -> Result<()> {
        self.own_after(entry, None)
    }

    /// The same, once another outbox entry is durable.
    pub(crate) fn own_after(&mut self, entry: SelfEntry, after: Option<u64>) -> Result<()> {
        let Some(own) = self.profile.own else {
            return Ok(());
        };
        let body = Bytes(canonical::encode(&GroupMessage::Own(Box::new(entry))));
        let fits = |padding: &Padding| padding.bucket().size_for(body.len() + MARGIN).is_some();
        let Some(padding) = [Padding::Message, Padding::Handshake].into_iter().find(fits) else {
            return Ok(());
        };
        let say = GroupSay {
            mailbox: own,
            body,
            padding,
        };
        self.enqueue(What::Group(say), Job::Own(true), after)?;
        Ok(())
    }

    /// Writes an entry if there is another endpoint to read it. A newcomer is told everything
    /// when it comes, so an identity with one endpoint need not write it down twice.
    pub(crate) fn tell_siblings(&mut self, entry: SelfEntry) -> Result<()> {
        if self.keys.siblings {
            self.own(entry)
        } else {
            Ok(())
        }
    }

    /// The weakest suite accepted from others.
    pub(crate) fn min_suite(&self) -> u16 {
        Suite::default().code()
    }
}

/// Envelope, signature and framing beside an entry's own bytes.
const MARGIN: usize = 512;
