//! Records as lines of the access log, and what is missing of them.

use std::collections::HashMap;

use telesphor_clinical::self_entry::MailboxUse;
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};
use telesphor_wire::records::DeliveryRecord;

use super::came::{Delivery, Standing, all_deliveries, is_others, is_recorded};
use super::reader::{Devices, Reader};
use crate::core::records::{Held, MailboxState};
use crate::core::{Core, Profile, names};
use crate::documents::show::{People, all_sent};
use crate::error::Result;
use crate::sharing::show::all_given;
use crate::views::{LogCheck, LogLine, Missing, Seen};

/// Documents named in one line.
const NAMED: usize = 3;

/// Everything a line needs, read once.
struct Book {
    people: People,
    mailboxes: HashMap<MailboxId, Held>,
    /// Which document stands where.
    places: HashMap<MailboxId, Vec<(u64, DocumentId, String)>>,
    devices: Devices,
}

/// One line for each record, in the order in which they came: of one's own mailboxes, or of rooms
/// that were opened here for somebody else.
pub(crate) fn lines(core: &Core, whom: &IdentityId) -> Result<Vec<LogLine>> {
    let snapshot = core.read()?;
    let mut all = all_deliveries(&snapshot)?;
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let acted: HashMap<MailboxId, IdentityId> = all_given(&snapshot)?
        .into_iter()
        .map(|given| (given.mailbox, given.signed.grant.subject))
        .collect();
    all.retain(|d| acted.get(&d.record.mailbox).unwrap_or(&core.profile.identity) == whom);
    let book = Book::load(core, &snapshot)?;
    all.iter().map(|d| book.line(&snapshot, d)).collect()
}

impl Book {
    fn load(core: &Core, records: &impl Records) -> Result<Self> {
        let profile: &Profile = &core.profile;
        let mut places: HashMap<MailboxId, Vec<_>> = HashMap::new();
        for sent in all_sent(records)? {
            if let Some(receipt) = &sent.receipt {
                let leaf = &receipt.leaf;
                let place = (leaf.seq, sent.document, sent.title.clone());
                places.entry(leaf.mailbox).or_default().push(place);
            }
        }
        Ok(Self {
            people: People::load(records, profile)?,
            mailboxes: all_held(records)?.into_iter().map(|h| (h.id, h)).collect(),
            places,
            devices: Devices::load(records, core)?,
        })
    }

    fn line(&self, records: &impl Records, delivery: &Delivery) -> Result<LogLine> {
        let record = &delivery.record;
        let reader = self.devices.reader(records, record)?;
        let (documents, title) = self.documents(record);
        let what = match &reader {
            _ if reader.alarms() => "fetched-by-nobody-known",
            Reader::NotYet => LogLine::NOT_YET,
            _ => "fetched",
        };
        let by = reader.words(&self.people);
        let place = self
            .mailboxes
            .get(&record.mailbox)
            .map_or("a mailbox", |held| place(held.used));
        let things = match (title.is_empty(), record.payloads) {
            (false, _) => title.clone(),
            (true, 1) => format!("one entry of {place}, no document"),
            (true, n) => format!("{n} entries of {place}, no document"),
        };
        let (who, alias) = reader.who(&self.people);
        let seen = match &reader {
            _ if reader.alarms() => Seen::Alarm,
            Reader::Here | Reader::Own(_) => Seen::Own,
            // It may be an alarm in a moment: that is no upkeep.
            Reader::NotYet => Seen::Plain,
            _ if documents.is_empty() => Seen::Upkeep,
            _ => Seen::Plain,
        };
        Ok(LogLine {
            at: record.last,
            came: delivery.came,
            who,
            alias,
            what,
            words: format!("fetched by {by}: {things}"),
            document: match documents.as_slice() {
                [one] => Some(*one),
                _ => None,
            },
            title,
            seen,
            device: reader.device(),
            place: None,
        })
    }

    /// Documents that lie in the ranges, and their titles.
    fn documents(&self, record: &DeliveryRecord) -> (Vec<DocumentId>, String) {
        let Some(places) = self.places.get(&record.mailbox) else {
            return (Vec::new(), String::new());
        };
        let within = |seq: u64| record.ranges.iter().any(|r| r.from <= seq && seq <= r.to);
        let found: Vec<_> = places.iter().filter(|(seq, _, _)| within(*seq)).collect();
        let mut titles: Vec<&str> = found.iter().map(|(_, _, t)| t.as_str()).take(NAMED).collect();
        let more = format!("and {} more", found.len().saturating_sub(NAMED));
        if found.len() > NAMED {
            titles.push(&more);
        }
        (
            found.iter().map(|(_, document, _)| *document).collect(),
            titles.join(", "),
        )
    }
}

/// A mailbox in words.
const fn place(used: MailboxUse) -> &'static str {
    match used {
        MailboxUse::Own => "your devices' mailbox",
        MailboxUse::Inbox => "your inbox",
        MailboxUse::Conversation => "a conversation",
        MailboxUse::Shared => "a room of shared documents",
        MailboxUse::Vitals => "a machine's stream",
        MailboxUse::Team => "a team's room",
        _ => "a mailbox",
    }
}

fn all_held(records: &impl Records) -> Result<Vec<Held>> {
    let all = records.scan(Table::Mailboxes)?;
    Ok(all
        .iter()
        .filter_map(|(_, bytes)| canonical::decode::<Held>(bytes).ok())
        .collect())
}

/// Whether everything that the relay wrote down has been read, and what has not.
pub(crate) fn check(core: &Core) -> Result<LogCheck> {
    let snapshot = core.read()?;
    let (mut missing, mut others, mut own) = (Vec::new(), 0, 0);
    if core.index.records_kept == Some(false) {
        missing.push(Missing::NoRecords);
    }
    let mut torn = 0;
    for held in all_held(&snapshot)? {
        others += usize::from(is_others(&held));
        if !is_recorded(&held) || held.state == MailboxState::Opening {
            continue;
        }
        own += 1;
        let purpose = place(held.used);
        let at: Option<Standing> = snapshot.get_value(Table::Receipts, &names::records_at(&held.id))?;
        let Some(at) = at.filter(|at| at.looked > 0) else {
            missing.push(Missing::NotRead(purpose));
            continue;
        };
        if at.refused {
            missing.push(Missing::Refused(purpose));
        }
        if at.not_kept {
            missing.push(Missing::NotKept(purpose));
        }
        if at.let_go > 0 {
            missing.push(Missing::LetGo(purpose, at.let_go));
        }
        if at.unreadable > 0 {
            missing.push(Missing::Unreadable(purpose, at.unreadable));
        }
        torn = torn.max(at.torn);
    }
    if torn > 0 {
        missing.push(Missing::Torn(torn));
    }
    Ok(LogCheck {
        missing,
        mailboxes: own,
        others,
    })
}
