//! Documents as they are shown.

use telesphor_clinical::attention::Urgency;
use telesphor_clinical::header::Subject;
use telesphor_vault::{Records, Table};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId};

use super::keep::{Kept, Way, all_kept};
use super::send::{Reached, SentRecord};
use crate::contacts::record::all_known;
use crate::core::records::Known;
use crate::core::shared::clock;
use crate::core::{Profile, names};
use crate::error::{Error, Result};
use crate::views::{Direction, DocumentView, SentState, SentView};

/// Names of people, looked up once for a whole list.
pub(crate) struct People {
    me: IdentityId,
    name: String,
    known: Vec<Known>,
}

impl People {
    pub(crate) fn load(records: &impl Records, profile: &Profile) -> Result<Self> {
        Ok(Self {
            me: profile.identity,
            name: profile.name.clone(),
            known: all_known(records)?,
        })
    }

    pub(crate) fn name(&self, id: &IdentityId) -> String {
        if *id == self.me {
            return self.name.clone();
        }
        match self.known.iter().find(|k| k.contact.record.identity == *id) {
            Some(known) => known
                .contact
                .record
                .petnames
                .first()
                .map_or(known.alias.clone(), |n| n.shown()),
            None => id.to_string().chars().take(12).collect(),
        }
    }

    pub(crate) fn alias(&self, id: &IdentityId) -> String {
        if *id == self.me {
            return "me".to_owned();
        }
        let known = self.known.iter().find(|k| k.contact.record.identity == *id);
        known.map_or_else(|| id.to_string().chars().take(12).collect(), |k| k.alias.clone())
    }
}

/// One document for a list.
pub(crate) fn view(people: &People, kept: &Kept) -> DocumentView {
    let header = &kept.header;
    DocumentView {
        id: kept.id,
        kind: header.kind.word().to_owned(),
        title: header.title.shown(),
        format: header.format.shown(),
        subject: match &header.subject {
            Some(Subject::Identity(id)) => Some(*id),
            _ => None,
        },
        author: header.author,
        author_name: people.name(&header.author),
        scopes: header.scopes.iter().map(|s| s.as_str().to_owned()).collect(),
        recorded: header.recorded.stamp(),
        direction: match kept.way {
            Way::Own => Direction::Own,
            Way::Received => Direction::Received,
            Way::Shared => Direction::Shared,
        },
        from: kept.from,
        arrived: kept.arrived,
        opened: kept.opened.is_some(),
        urgent: matches!(header.attention.urgency, Urgency::Urgent | Urgency::Stat),
        until: kept.until,
        ended: kept.until.is_some_and(|until| until <= clock()),
        size: kept.size,
    }
}

/// One sent document for a list.
pub(crate) fn sent_view(people: &People, record: &SentRecord) -> SentView {
    SentView {
        document: record.document,
        title: record.title.clone(),
        to: record.to,
        to_alias: people.alias(&record.to),
        state: match record.reached {
            Reached::Queued => SentState::Queued,
            Reached::Durable => SentState::Durable,
            Reached::Delivered => SentState::Delivered,
            Reached::Opened => SentState::Opened,
            Reached::Taken => SentState::Taken,
            Reached::Declined => SentState::Declined,
            Reached::Failed => SentState::Failed,
        },
        queued: record.queued,
        durable: record.durable,
        delivered: record.delivered,
        opened: record.opened,
        took_ms: record.took_ms,
        why: record.why.map(|why| why.code),
        support: record.why.and_then(|why| why.support),
    }
}

/// Every sent document, oldest first.
pub(crate) fn all_sent(records: &impl Records) -> Result<Vec<SentRecord>> {
    let mut all = Vec::new();
    let mut from = 0;
    loop {
        let page = records.range(Table::Receipts, names::SENT, from, 1024)?;
        let Some((last, _)) = page.last() else {
            return Ok(all);
        };
        from = last + 1;
        for (_, bytes) in &page {
            let (document, to): (DocumentId, IdentityId) =
                telesphor_wire::canonical::decode(bytes).map_err(|_| Error::fault("sent list"))?;
            if let Some(record) = records.get_value(Table::Receipts, &names::sent(&document, &to))? {
                all.push(record);
            }
        }
    }
}

/// Finds a document by its id or the beginning of it (with or without `teldoc1`), if only
/// one fits.
pub(crate) fn find(records: &impl Records, what: &str) -> Result<Kept> {
    let what = what.trim();
    if let Ok(id) = what.parse::<DocumentId>() {
        return records
            .get_value(Table::Documents, &id.0)?
            .ok_or(ErrorCode::NotFound.into());
    }
    let rest = what.strip_prefix("teldoc1").unwrap_or(what);
    if rest.is_empty() {
        return Err(ErrorCode::NotFound.into());
    }
    let mut fits = all_kept(records)?.into_iter().filter(|k| {
        k.id.to_string()
            .strip_prefix("teldoc1")
            .is_some_and(|id| id.starts_with(rest))
    });
    match (fits.next(), fits.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(ErrorCode::NotFound.into()),
        _ => Err(ErrorCode::Ambiguous.into()),
    }
}
