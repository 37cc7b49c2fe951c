//! Contact records: what this identity tells one contact, and what a contact told it.

use telesphor_clinical::contact::{Certainty, Contact, ContactAddress, ContactRecord, IntakeKey};
use telesphor_clinical::limits::VERSION;
use telesphor_clinical::self_entry::SelfEntry;
use telesphor_clinical::text::Text;
use telesphor_vault::{Records, Table};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::sign::SigningKey;

use crate::core::Ctx;
use crate::core::records::{Acquaintance, Known};
use crate::error::{Error, Result};

impl Ctx<'_, '_> {
    /// A record for one contact, with a deposit key and a secret that nobody else gets. The key
    /// is allowed at the relay; the outbox entry that does so comes with it.
    pub(crate) fn new_record(&mut self) -> Result<(ContactRecord, u64)> {
        let inbox = self.profile.inbox.ok_or(Error::of(ErrorCode::NotYetDurable))?;
        let deposit_seed = Secret::random();
        let allowed = self.allow_deposits(&inbox, SigningKey::from_seed(&deposit_seed).public())?;
        let record = ContactRecord {
            version: VERSION,
            identity: self.me(),
            history_head: self.my_head()?,
            addresses: vec![ContactAddress {
                domain: self.profile.domain().clone(),
                mailbox: inbox,
                deposit_seed,
            }],
            intake: self.intake_key()?,
            contact_secret: Secret::random(),
            min_suite: self.min_suite(),
            petnames: vec![Text::cut(&self.profile.name)],
            made: self.instant(),
            ext: Extensions::none(),
        };
        Ok((self.with_holder(record), allowed))
    }

    /// A record that was given, with today's history and intake key.
    pub(crate) fn renewed_record(&self, given: &ContactRecord) -> Result<ContactRecord> {
        let record = ContactRecord {
            history_head: self.my_head()?,
            intake: self.intake_key()?,
            min_suite: self.min_suite(),
            petnames: vec![Text::cut(&self.profile.name)],
            made: self.instant(),
            ..given.clone()
        };
        Ok(self.with_holder(record))
    }

    fn intake_key(&self) -> Result<IntakeKey> {
        let newest = self
            .intake_keys()?
            .into_iter()
            .next()
            .ok_or(Error::fault("intake key"))?;
        Ok(IntakeKey {
            id: newest.id,
            key: newest.key.public(),
            until: newest.until,
        })
    }

    /// Keeps a new contact.
    pub(crate) fn add_contact(
        &mut self,
        record: ContactRecord,
        given: ContactRecord,
        wished: &str,
        state: Acquaintance,
        packages: u32,
    ) -> Result<()> {
        let id = record.identity;
        let alias = self.free_alias(wished, record.petnames.first().map_or("", Text::as_str))?;
        let contact = Contact {
            petname: Text::cut(&alias),
            record,
            certainty: Certainty::Unverified,
            allow_unverified: false,
            given: Some(Box::new(given)),
            since: self.instant(),
            ext: Extensions::none(),
        };
        let known = Known {
            contact: contact.clone(),
            alias,
            removed: false,
            conversations: Vec::new(),
            opening: false,
            retry_at: 0,
            packages,
            stocked: self.now,
            last_resort: self.now,
            state,
            support: None,
        };
        self.put(Table::Contacts, &id.0, &known)?;
        self.own(SelfEntry::Contact(Box::new(contact)))?;
        self.show_credentials(&id)?;
        if state == Acquaintance::Settled {
            self.greet_as_organisation(&id)?;
        }
        self.take_early(&id)
    }

    /// A short name for the command line: what was wished for, or what the contact calls
    /// itself, made unique.
    fn free_alias(&self, wished: &str, petname: &str) -> Result<String> {
        let base = match slug(wished) {
            empty if empty.is_empty() => slug(petname),
            slug => slug,
        };
        let base = if base.is_empty() {
            "contact".to_owned()
        } else {
            base
        };
        let taken: Vec<String> = self.all_known()?.into_iter().map(|k| k.alias).collect();
        let mut alias = base.clone();
        let mut n = 2;
        while taken.contains(&alias) {
            alias = format!("{base}-{n}");
            n += 1;
        }
        Ok(alias)
    }

    /// Whether somebody is no contact yet, or no longer.
    pub(crate) fn is_new(&self, id: &IdentityId) -> Result<bool> {
        Ok(self
            .get::<Known>(Table::Contacts, &id.0)?
            .is_none_or(|k| k.removed))
    }

    pub(crate) fn all_known(&self) -> Result<Vec<Known>> {
        all_known(self.tx)
    }

    /// A contact told a newer record.
    pub(crate) fn contact_renewed(&mut self, who: &IdentityId, record: ContactRecord) -> Result<()> {
        let Some(mut known) = self.get::<Known>(Table::Contacts, &who.0)? else {
            return Ok(());
        };
        let newer = record.made.unix_ms > known.contact.record.made.unix_ms;
        if record.identity != *who || !newer || record.addresses.is_empty() {
            return Err(ErrorCode::BadDocument.into());
        }
        known.contact.record = record;
        self.put(Table::Contacts, &who.0, &known)
    }
}

/// Every contact, removed ones too.
pub(crate) fn all_known(records: &impl Records) -> Result<Vec<Known>> {
    let mut all = Vec::new();
    for (_, bytes) in records.scan(Table::Contacts)? {
        if let Ok(known) = telesphor_wire::canonical::decode::<Known>(&bytes) {
            all.push(known);
        }
    }
    all.sort_by(|a, b| a.alias.cmp(&b.alias));
    Ok(all)
}

/// Small letters, digits and hyphens.
fn slug(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
        if out.len() >= 32 {
            break;
        }
    }
    out.trim_end_matches('-').to_owned()
}
