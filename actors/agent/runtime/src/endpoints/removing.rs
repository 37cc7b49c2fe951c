//! A device that is no longer one's own: its seats go by commits, and whatever it knew that can
//! be replaced is replaced, by the endpoint whose commit put it out of the self mailbox.

use telesphor_clinical::message::DepositMessage;
use telesphor_clinical::self_entry::{MailboxUse, SelfEntry};
use telesphor_identity::endpoint::EndReason;
use telesphor_identity::event::{Change, EndEndpoint};
use telesphor_sealing::Moved;
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::OwnerAct;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::sign::{PublicKey, SigningKey};

use crate::core::records::{Acquaintance, Entry, Held, Job, Known, MailboxState, Padding, What};
use crate::core::{Ctx, names};
use crate::error::{Error, Result};
use crate::mandates::acted::OPENED_FOR_ME;
use crate::recovery::backup::BACKUP_USE;

impl Ctx<'_, '_> {
    /// Ends an endpoint: an event of the history, told to the others and to contacts, and
    /// commits that take its seats.
    pub(crate) fn remove_endpoint(
        &mut self,
        endpoint: PublicKey,
        reason: EndReason,
        identity_key: &SigningKey,
    ) -> Result<()> {
        if endpoint == self.keys.endpoint.public() {
            return Err(ErrorCode::ThisEndpoint.into());
        }
        self.note_seats(&endpoint)?;
        let end = EndEndpoint {
            endpoint,
            since: self.now,
            reason,
        };
        self.extend_history(Change::EndEndpoint(end), identity_key)?;
        let history = SelfEntry::History(Bytes(self.my_history()?));
        // One that was merely put away learns that it has ended; what follows it cannot read.
        self.own(history)?;
        self.reconcile_all()
    }

    /// A commit has put endpoints out of a group. If it was the self mailbox, what they knew is
    /// replaced now, by the endpoint whose commit it was: nothing of it was said before they
    /// were out.
    pub(crate) fn endpoints_gone(&mut self, held: &Held, moved: &Moved) -> Result<()> {
        let me = self.me();
        let gone = moved.change.removed.iter().any(|seat| seat.member.identity == me);
        if held.used != MailboxUse::Own || !gone {
            return Ok(());
        }
        self.no_backup_before_new_kit()?;
        if !moved.own {
            return Ok(());
        }
        self.new_intake_key()?;
        self.leave_rooms_of_ended()?;
        let teams = self.found_teams_anew()?;
        self.replace_owner_keys(&teams)?;
        self.tell_contacts_anew()
    }

    /// Owner keys of everything that the removed device could still own, also of what is closed: its
    /// owner reads there. A team goes on under the key by which its members know its owner; one in
    /// which the device had a part was founded anew.
    fn replace_owner_keys(&mut self, teams: &[MailboxId]) -> Result<()> {
        let mut owned = Vec::new();
        for (_, bytes) in self.tx.scan(Table::Mailboxes)? {
            if let Ok(held) = canonical::decode::<Held>(&bytes)
                && held.owner.is_some()
                && held.state == MailboxState::Open
                && !matches!(held.used, MailboxUse::OneTime | MailboxUse::Team)
                && held.used != BACKUP_USE
                && held.name != OPENED_FOR_ME
            {
                owned.push(held.id);
            }
        }
        for mailbox in owned {
            let left = crate::sharing::room::is_left(self.tx, &mailbox)?;
            match left || self.close_waits(&mailbox)? {
                true => self.replace_once_closed(&mailbox)?,
                false => self.replace_owner(&mailbox)?,
            }
        }
        for mailbox in teams {
            self.replace_once_closed(mailbox)?;
        }
        Ok(())
    }

    /// What ends a mailbox is signed by the key that owns it now, when its turn comes: the key is
    /// replaced after it.
    fn replace_once_closed(&mut self, mailbox: &MailboxId) -> Result<()> {
        self.put(Table::Groups, &once_closed_name(mailbox), &true)
    }

    /// Whether a mailbox is to be closed and that has not been signed yet: what it shows is
    /// granted elsewhere first.
    fn close_waits(&self, mailbox: &MailboxId) -> Result<bool> {
        for (_, bytes) in self.tx.range(Table::Outbox, names::OUTBOX, 0, usize::MAX)? {
            let entry: Entry = canonical::decode(&bytes).map_err(|_| Error::fault("outbox"))?;
            let closes = matches!(&entry.what, What::Owner(say)
                if say.mailbox == *mailbox && matches!(say.act, OwnerAct::Close(_)));
            if closes && entry.command.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A mailbox of one's own is closed at the relay.
    pub(crate) fn closed_at_relay(&mut self, mailbox: &MailboxId) -> Result<()> {
        match self.tx.delete(Table::Groups, &once_closed_name(mailbox))? {
            true => self.replace_owner(mailbox),
            false => Ok(()),
        }
    }

    /// The backup's key comes from the kit, and the one that is gone knew it.
    pub(crate) fn no_backup_before_new_kit(&mut self) -> Result<()> {
        let mut profile = self.profile.clone();
        profile.kit_due = true;
        self.put_profile(profile)
    }

    /// Contacts learn who is left, the new intake key, and get key packages of this endpoint.
    fn tell_contacts_anew(&mut self) -> Result<()> {
        self.tell_contacts_history()?;
        for mut known in self.all_known()? {
            if known.removed || known.state != Acquaintance::Settled {
                continue;
            }
            let id = known.contact.record.identity;
            let Some(given) = known.contact.given.clone() else {
                continue;
            };
            let renewed = self.renewed_record(&given)?;
            self.leave_packages(&renewed, None)?;
            let message = DepositMessage::Contact(Box::new(renewed.clone()));
            self.deposit_for(&id, message, Padding::Message, Job::Nothing(true))?;
            known.contact.given = Some(Box::new(renewed));
            self.put::<Known>(Table::Contacts, &id.0, &known)?;
            self.own(SelfEntry::Contact(Box::new(known.contact)))?;
        }
        Ok(())
    }

    /// The live endpoint that a person means by a name or the beginning of a key.
    pub(crate) fn endpoint_named(&self, name: &str) -> Result<PublicKey> {
        let history = self.history(&self.me())?.ok_or(Error::fault("own history"))?;
        let live: Vec<_> = history.now().live_endpoints().collect();
        let exact: Vec<_> = live
            .iter()
            .filter(|e| e.record.name.as_str() == name || endpoint_id(&e.record.key) == name)
            .collect();
        let fits: Vec<_> = match exact.is_empty() {
            false => exact,
            true => live
                .iter()
                .filter(|e| {
                    !name.is_empty()
                        && (e.record.name.as_str().starts_with(name)
                            || endpoint_id(&e.record.key).starts_with(name))
                })
                .collect(),
        };
        match fits.as_slice() {
            [one] => Ok(one.record.key),
            [] => Err(ErrorCode::NotFound.into()),
            _ => Err(ErrorCode::Ambiguous.into()),
        }
    }
}

/// Whether a mailbox that a removed device could write to is still to be closed at the relay.
pub(super) fn closing(records: &impl Records, mailbox: &MailboxId) -> Result<bool> {
    let waits: Option<bool> = records.get_value(Table::Groups, &once_closed_name(mailbox))?;
    Ok(waits.is_some())
}

fn once_closed_name(mailbox: &MailboxId) -> Vec<u8> {
    [b"replace-once-closed/", &mailbox.0[..]].concat()
}

/// Letters that name an endpoint on a command line.
pub(crate) fn endpoint_id(key: &PublicKey) -> String {
    use std::fmt::Write;
    key.0.iter().take(6).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
