//! Joining a group by a Welcome that a contact deposited.

use telesphor_clinical::grant::Grantee;
use telesphor_clinical::message::{DepositMessage, Joined, Welcome};
use telesphor_clinical::self_entry::MailboxUse;
use telesphor_sealing::{Expectation, GroupSession, WelcomeLetter};
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::mailbox::MailboxKind;
use telesphor_wire::sign::PublicKey;

use super::begin::OWNER_KEY_EXTENSION;
use super::policy::policy_hash;
use super::rows::{Rows, apply};
use crate::core::Ctx;
use crate::core::records::{Held, Job, Known, MailboxState, Padding};
use crate::error::{Error, Result};
use crate::mailbox::open::NO_END;
use crate::sharing::came::end_of;

impl Ctx<'_, '_> {
    /// Judges a Welcome and joins. The sender must own the mailbox and be a contact, and every
    /// member must stand in the history of one of the two.
    pub(crate) fn welcomed_by(&mut self, sender: &IdentityId, welcome: &Welcome) -> Result<()> {
        let refused = Error::of(ErrorCode::CannotOpen);
        let supported = matches!(
            welcome.used,
            MailboxUse::Conversation | MailboxUse::Vitals | MailboxUse::Shared
        );
        if welcome.owner != *sender || !supported || self.tx.contains(Table::Mailboxes, &welcome.mailbox.0)? {
            return Err(refused);
        }
        let lease = self.lease_of(sender, welcome).ok_or(refused.clone())?;
        let mut known: Known = self.get(Table::Contacts, &sender.0)?.ok_or(refused.clone())?;
        let letter: WelcomeLetter = canonical::decode(&welcome.mls).map_err(|_| refused.clone())?;
        if letter.branch != welcome.branch || letter.epoch != welcome.epoch || letter.domain != welcome.domain
        {
            return Err(refused);
        }
        let expect = Expectation {
            mailbox: Some(welcome.mailbox),
            min_suite: self.min_suite(),
            owner: Some(*sender),
            policy: Some(policy_hash(welcome.used)),
            replace: false,
        };
        let step = GroupSession::join(&Rows(self.tx), &self.keys.member, &letter, &expect)
            .map_err(|_| refused.clone())?;
        let (_, joined) = step.commit(|diff, (_, joined)| {
            self.acceptable(welcome.used, sender, joined)?;
            apply(self.tx, diff)
        })?;
        let owner_key: PublicKey = welcome
            .ext
            .get(OWNER_KEY_EXTENSION)
            .and_then(|e| canonical::decode(&e.body).ok())
            .ok_or(refused)?;
        let held = Held {
            id: welcome.mailbox,
            domain: welcome.domain.clone(),
            kind: MailboxKind::Shared,
            used: welcome.used,
            state: MailboxState::Open,
            owner: None,
            entered: welcome.from.seq,
            genesis: telesphor_wire::hash::Digest([0; 32]),
            owner_key,
            branch: welcome.branch,
            epoch: welcome.epoch,
            with: Some(*sender),
            deposit_keys: Vec::new(),
            lease,
            name: String::new(),
        };
        self.put_cursor(&held.id, &welcome.from)?;
        self.put_held(&held)?;
        self.note_link(&held.id, welcome.from.seq, &welcome.from.hash)?;
        self.note_room_for(&held.id, welcome.grant.as_ref())?;
        if held.used == MailboxUse::Conversation {
            known.conversations.push(held.id);
        }
        known.packages = match joined.update_at_once {
            // By the last resort: then no other is left.
            true => 0,
            false => known.packages.saturating_sub(1),
        };
        self.put(Table::Contacts, &sender.0, &known)?;
        self.announce(&held.id, held.branch, held.epoch)?;
        if joined.update_at_once {
            // Whoever else holds that package could follow what is said here until this.
            self.renew_leaf(&held.id)?;
        }
        self.tell_mailbox(&held)?;
        let answer = DepositMessage::Joined(Joined {
            mailbox: held.id,
            epoch: held.epoch,
            endpoint: self.keys.endpoint.public(),
        });
        self.deposit_for(sender, answer, Padding::Message, Job::Nothing(true))?;
        self.top_up(sender)
    }

    /// Until when the mailbox serves: one of documents until its grant's end, others until their
    /// owner ends them. `None` if it is one of documents and no grant of its owner's came along.
    fn lease_of(&self, sender: &IdentityId, welcome: &Welcome) -> Option<u64> {
        if welcome.used != MailboxUse::Shared {
            return Some(NO_END);
        }
        let grant = &welcome.grant.as_ref()?.grant;
        let for_me = matches!(&grant.to, Grantee::Identity(id) if *id == self.me());
        (grant.by == *sender && for_me).then(|| end_of(grant).unwrap_or(NO_END))
    }

    /// Every member stands in the history of its identity. In a device's stream the owner may
    /// have let in others whose histories are not known here: it vouches for them.
    fn acceptable(
        &self,
        used: MailboxUse,
        sender: &IdentityId,
        joined: &telesphor_sealing::Joined,
    ) -> Result<()> {
        let mut good = joined.by.identity == *sender;
        for seat in &joined.members {
            let id = seat.member.identity;
            let party = id == *sender || id == self.me();
            good &= match self.history(&id)? {
                Some(history) if party || used == MailboxUse::Vitals => {
                    crate::people::members(&history).contains(&seat.member)
                }
                None => used == MailboxUse::Vitals,
                Some(_) => false,
            };
        }
        if good {
            Ok(())
        } else {
            Err(ErrorCode::BadDocument.into())
        }
    }
}
