//! Mailboxes as the endpoints tell each other of them: that they exist, who owns them, from
//! where they are read on.

use telesphor_clinical::message::{Heads, MailboxHead};
use telesphor_clinical::self_entry::{DepositKeyEntry, MailboxEntry, MailboxUse, OwnerKeyEntry, SelfEntry};
use telesphor_vault::Table;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::ext::{Extension, Extensions};
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::{Cursor, MailboxKind};
use telesphor_wire::sign::PublicKey;
use telesphor_wire::text::Domain;

use crate::core::Ctx;
use crate::core::records::{Held, MailboxState, OwnerKeys};
use crate::error::Result;
use crate::mailbox::open::NO_END;
use crate::recovery::backup::BACKUP_USE;
use crate::sharing::give::{Given, given_name};

/// Extension of a mailbox's entry: which device opened a room, and so sits in it.
const OPENED_BY_EXTENSION: u32 = 1;

fn owner_name(mailbox: &MailboxId) -> Vec<u8> {
    [b"owner/", &mailbox.0[..]].concat()
}

fn start_name(mailbox: &MailboxId) -> Vec<u8> {
    [b"start/", &mailbox.0[..]].concat()
}

/// Whether a mailbox is read from a seat in its group, which must be asked for. Personal ones and
/// rooms of one's own are read by the owner's right.
fn by_seat(used: MailboxUse) -> bool {
    used != MailboxUse::Inbox && used != MailboxUse::Shared && used != BACKUP_USE
}

/// Whether every endpoint has to do with a mailbox. An invitation's is carried through by the
/// endpoint that made it; so is a room, but the others must be able to end what it shows.
pub(crate) fn concerns_all(held: &Held) -> bool {
    match held.used {
        // A team is told of by itself; an order is carried on by the endpoint that made it, a
        // laboratory's desk by the one that opened it.
        MailboxUse::OneTime | MailboxUse::Team | MailboxUse::Orders | MailboxUse::Results => false,
        // A study's desk likewise, and its answer.
        MailboxUse::Study | MailboxUse::StudyAnswers => false,
        // What became of a request opens with a key that its endpoint alone has.
        MailboxUse::Outbox => false,
        MailboxUse::Shared => held.owner.is_some(),
        _ => true,
    }
}

/// In which room a grant is carried out.
pub(crate) fn room_entry(given: &Given, domain: &Domain) -> SelfEntry {
    SelfEntry::Mailbox(MailboxEntry {
        mailbox: given.mailbox,
        domain: domain.clone(),
        used: MailboxUse::Shared,
        with: Some(given.to),
        grant: Some(given.signed.grant.id()),
        name: None,
        closed: false,
        ext: Extensions::none(),
    })
}

pub(crate) fn owner_entry(mailbox: MailboxId, owner: &OwnerKeys) -> SelfEntry {
    SelfEntry::OwnerKey(OwnerKeyEntry {
        mailbox,
        seed: owner.seed.clone(),
        next_seed: Some(owner.next_seed.clone()),
        counter: owner.counter,
    })
}

pub(crate) fn mailbox_entry(held: &Held) -> SelfEntry {
    SelfEntry::Mailbox(MailboxEntry {
        mailbox: held.id,
        domain: held.domain.clone(),
        used: held.used,
        with: held.with,
        grant: None,
        name: None,
        closed: held.state == MailboxState::Ended,
        ext: Extensions::none(),
    })
}

impl Ctx<'_, '_> {
    /// Tells the other endpoints of a mailbox: what they need to read and to own it.
    pub(crate) fn tell_mailbox(&mut self, held: &Held) -> Result<()> {
        let (siblings, told) = (self.keys.siblings, concerns_all(held));
        match siblings && told && held.used != MailboxUse::Own {
            true => self.describe_mailbox(held),
            false => Ok(()),
        }
    }

    /// The same, whoever is there to read it.
    pub(crate) fn describe_mailbox(&mut self, held: &Held) -> Result<()> {
        if let Some(owner) = &held.owner {
            self.own(owner_entry(held.id, owner))?;
        }
        if !by_seat(held.used) {
            let cursor = self.cursor(&held.id)?;
            self.own(SelfEntry::Seen(Heads {
                mailboxes: vec![MailboxHead {
                    mailbox: held.id,
                    cursor,
                }],
                identities: Vec::new(),
            }))?;
        }
        let mut entry = mailbox_entry(held);
        if let (SelfEntry::Mailbox(entry), MailboxUse::Shared) = (&mut entry, held.used) {
            let by = self.room_opened_by(&held.id)?;
            let by = by.unwrap_or_else(|| self.keys.endpoint.public());
            entry.ext = entry.ext.clone().with(Extension {
                id: OPENED_BY_EXTENSION,
                critical: false,
                body: Bytes(canonical::encode(&by)),
            });
        }
        self.own(entry)?;
        for key in &held.deposit_keys {
            self.own(SelfEntry::DepositKey(DepositKeyEntry {
                mailbox: held.id,
                contact: None,
                key: *key,
                ended: false,
            }))?;
        }
        Ok(())
    }

    /// Owner keys of a mailbox that another endpoint told of.
    pub(crate) fn owner_keys_told(&self, mailbox: &MailboxId) -> Result<Option<OwnerKeys>> {
        self.get(Table::Groups, &owner_name(mailbox))
    }

    /// The owner keys of a mailbox have changed.
    pub(crate) fn owner_key_told(&mut self, entry: OwnerKeyEntry) -> Result<()> {
        let Some(next_seed) = entry.next_seed else {
            return Ok(());
        };
        let mut owner = OwnerKeys {
            seed: entry.seed,
            next_seed,
            counter: entry.counter,
        };
        let held: Option<Held> = self.get(Table::Mailboxes, &entry.mailbox.0)?;
        if let Some(mut held) = held {
            if let Some(known) = &held.owner {
                // The relay says better which number comes next.
                owner.counter = owner.counter.max(known.counter);
            }
            held.owner_key = owner.key().public();
            held.owner = Some(owner.clone());
            self.put_held(&held)?;
        }
        self.put(Table::Groups, &owner_name(&entry.mailbox), &owner)?;
        self.team_owner_told(&entry.mailbox)
    }

    /// Where another endpoint stands in mailboxes that all read.
    pub(crate) fn heads_told(&mut self, heads: &Heads) -> Result<()> {
        for head in &heads.mailboxes {
            self.put(Table::Groups, &start_name(&head.mailbox), &head.cursor)?;
        }
        Ok(())
    }

    /// There is a mailbox of this identity, or there is none any more.
    pub(crate) fn mailbox_told(&mut self, entry: &MailboxEntry) -> Result<()> {
        if let Some(grant) = &entry.grant {
            return self.room_told(grant, entry.mailbox);
        }
        let held: Option<Held> = self.get(Table::Mailboxes, &entry.mailbox.0)?;
        if let Some(mut held) = held {
            if entry.closed && held.state == MailboxState::Open {
                held.state = MailboxState::Ended;
                self.put_held(&held)?;
            }
            return Ok(());
        }
        if entry.closed || matches!(entry.used, MailboxUse::Own | MailboxUse::OneTime) {
            return Ok(());
        }
        if by_seat(entry.used) {
            return self.ask_seat(entry.mailbox, entry.with);
        }
        let start: Option<Cursor> = self.get(Table::Groups, &start_name(&entry.mailbox))?;
        let (Some(owner), Some(start)) = (self.owner_keys_told(&entry.mailbox)?, start) else {
            return Ok(());
        };
        let held = Held {
            id: entry.mailbox,
            domain: entry.domain.clone(),
            kind: match entry.used {
                MailboxUse::Shared => MailboxKind::Shared,
                _ => MailboxKind::Personal,
            },
            used: entry.used,
            state: MailboxState::Open,
            owner_key: owner.key().public(),
            owner: Some(owner),
            entered: start.seq,
            genesis: Digest([0; 32]),
            branch: 0,
            epoch: 0,
            with: entry.with,
            deposit_keys: Vec::new(),
            lease: NO_END,
            name: String::new(),
        };
        self.put_cursor(&held.id, &start)?;
        self.put_held(&held)?;
        if let (MailboxUse::Shared, Some(to)) = (entry.used, entry.with) {
            let by = entry.ext.get(OPENED_BY_EXTENSION);
            let by: Option<PublicKey> = by.and_then(|e| canonical::decode(&e.body).ok());
            return self.sibling_room(entry.mailbox, to, by);
        }
        let mut profile = self.profile.clone();
        if entry.used == MailboxUse::Inbox {
            profile.inbox = Some(entry.mailbox);
        } else {
            profile.backup = Some(entry.mailbox);
        }
        self.put_profile(profile)
    }

    /// In which room another endpoint carries out a grant.
    fn room_told(&mut self, grant: &Digest, room: MailboxId) -> Result<()> {
        let name = given_name(grant);
        let Some(mut given) = self.get::<Given>(Table::Grants, &name)? else {
            return Ok(());
        };
        given.mailbox = room;
        self.put(Table::Grants, &name, &given)
    }

    /// Somebody may deposit, or no longer.
    pub(crate) fn deposit_key_told(&mut self, entry: &DepositKeyEntry) -> Result<()> {
        let Some(mut held) = self.get::<Held>(Table::Mailboxes, &entry.mailbox.0)? else {
            return Ok(());
        };
        held.deposit_keys.retain(|key| *key != entry.key);
        if !entry.ended {
            held.deposit_keys.push(entry.key);
        }
        self.put_held(&held)
    }
}
