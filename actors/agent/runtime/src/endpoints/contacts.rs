//! Contacts and grants as the endpoints tell each other of them.

use telesphor_clinical::contact::Contact;
use telesphor_clinical::grant::{Granted, Grantee, SignedGrant, Until};
use telesphor_clinical::message::DepositMessage;
use telesphor_clinical::self_entry::GrantEnded;
use telesphor_vault::Table;
use telesphor_wire::ids::{IdentityId, MailboxId};

use crate::contacts::packages::STOCK;
use crate::core::Ctx;
use crate::core::records::{Acquaintance, Job, Known, Padding};
use crate::error::Result;
use crate::mailbox::open::NO_END;
use crate::sharing::give::{Given, given_name};

impl Ctx<'_, '_> {
    /// A contact, new or changed. What the contact itself told last stays, whoever heard it.
    pub(crate) fn contact_told(&mut self, mut contact: Contact) -> Result<()> {
        let id = contact.record.identity;
        if id == self.me() {
            return Ok(());
        }
        let alias = contact.petname.as_str().to_owned();
        if let Some(mut known) = self.get::<Known>(Table::Contacts, &id.0)? {
            if known.contact.record.made.unix_ms > contact.record.made.unix_ms {
                contact.record = known.contact.record;
            }
            known.contact = contact;
            known.alias = alias;
            known.removed = false;
            return self.put(Table::Contacts, &id.0, &known);
        }
        let given = contact.given.clone().filter(|_| self.profile.inbox.is_some());
        let known = Known {
            contact,
            alias,
            removed: false,
            conversations: Vec::new(),
            opening: false,
            retry_at: 0,
            packages: given.as_ref().map_or(0, |_| STOCK),
            stocked: self.now,
            last_resort: self.now,
            state: Acquaintance::Settled,
            support: None,
        };
        self.put(Table::Contacts, &id.0, &known)?;
        // Whatever this endpoint says first, the contact must be able to look it up.
        let history = DepositMessage::History(self.my_history()?.into());
        self.deposit_for(&id, history, Padding::Message, Job::Nothing(true))?;
        if let Some(given) = given {
            self.leave_packages(&given, None)?;
        }
        self.take_early(&id)
    }

    /// A contact was removed.
    pub(crate) fn contact_gone(&mut self, id: &IdentityId) -> Result<()> {
        let Some(mut known) = self.get::<Known>(Table::Contacts, &id.0)? else {
            return Ok(());
        };
        known.removed = true;
        self.put(Table::Contacts, &id.0, &known)
    }

    /// A grant, given by another endpoint or received by it.
    pub(crate) fn grant_told(&mut self, signed: SignedGrant) -> Result<()> {
        let grant = &signed.grant;
        let id = grant.id();
        if grant.by != self.me() {
            self.put(Table::Grants, &id.0, &signed)?;
            if let Granted::Documents(documents) = &grant.what {
                for document in documents.clone() {
                    self.shown_until(&signed.grant.by, &document, NO_END)?;
                }
            }
            return Ok(());
        }
        let (Grantee::Identity(to), Granted::Documents(documents)) = (&grant.to, &grant.what) else {
            return Ok(());
        };
        let name = given_name(&id);
        if self.get::<Given>(Table::Grants, &name)?.is_some() {
            return Ok(());
        }
        let given = Given {
            to: *to,
            // Which room it is comes next.
            mailbox: MailboxId([0; 32]),
            until: match &grant.until {
                Until::Instant(at) => Some(at.stamp()),
                _ => None,
            },
            why: grant
                .why
                .words
                .as_ref()
                .map_or_else(String::new, |w| w.as_str().to_owned()),
            documents: documents.clone(),
            revoked: None,
            under: grant.mandate,
            signed: signed.clone(),
        };
        self.put(Table::Grants, &name, &given)
    }

    /// A grant has ended: one's own, or one that was received.
    pub(crate) fn grant_end_told(&mut self, ended: &GrantEnded) -> Result<()> {
        let name = given_name(&ended.grant);
        if let Some(mut given) = self.get::<Given>(Table::Grants, &name)? {
            given.revoked.get_or_insert(ended.at.stamp());
            self.put(Table::Grants, &name, &given)?;
            // Whoever ended it has closed the room if nothing is left in it.
            return match self.room_grant(&given.mailbox)? {
                None => self.room_closed(&given.mailbox),
                Some(_) => Ok(()),
            };
        }
        match self.get::<SignedGrant>(Table::Grants, &ended.grant.0)? {
            Some(signed) => self.grant_ended(&signed.grant.by, ended),
            None => Ok(()),
        }
    }
}
