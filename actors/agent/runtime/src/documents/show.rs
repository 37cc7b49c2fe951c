//! Documents as they are shown.

use telesphor_clinical::attention::{Awaited, Urgency};
use telesphor_clinical::header::{DocumentKind, Subject};
use telesphor_clinical::receipt::SignedReceipt;
use telesphor_clinical::standing::corrects;
use telesphor_clinical::standing_in::OnBehalf;
use telesphor_vault::{Records, Table};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};

use super::keep::{Kept, Way, all_kept};
use super::send::{Reached, SentRecord};
use crate::acts::answers::answer;
use crate::acts::standing::Standings;
use crate::acts::views::StandingView;
use crate::contacts::record::all_known;
use crate::core::records::Known;
use crate::core::shared::clock;
use crate::core::{Profile, names};
use crate::error::{Error, Result};
use crate::views::{ActedView, Direction, DocumentView, SentState, SentView};

/// Names of people and what is not current any more, looked up once for a whole list.
pub(crate) struct People {
    me: IdentityId,
    profile: Profile,
    name: String,
    known: Vec<Known>,
    standings: Standings,
    /// Names by which organisations know their people.
    staff: Vec<(IdentityId, String)>,
    /// Roles that can be written to.
    roles: Vec<(IdentityId, String)>,
}

impl People {
    pub(crate) fn load(records: &impl Records, profile: &Profile) -> Result<Self> {
        let mut people = Self {
            me: profile.identity,
            profile: profile.clone(),
            name: profile.name.clone(),
            known: all_known(records)?,
            standings: Standings::load(records, profile)?,
            staff: named(records)?,
            roles: Vec::new(),
        };
        people.roles = crate::role::show::names(records, |id| people.alias(id))?;
        Ok(people)
    }

    /// Whether a document is current, as far as is known here.
    pub(crate) fn standing(&self, kept: &Kept) -> StandingView {
        self.standings.of(&kept.id, &kept.header.author)
    }

    pub(crate) fn is_current(&self, kept: &Kept) -> bool {
        self.standing(kept).is_current()
    }

    /// That somebody acts for another.
    fn acted(&self, records: &impl Records, by: &IdentityId, said: &OnBehalf) -> Result<ActedView> {
        crate::mandates::show::acted(records, &self.profile, self, by, said)
    }

    pub(crate) fn is_me(&self, id: &IdentityId) -> bool {
        *id == self.me
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
            None => self.on_a_roster(id),
        }
    }

    /// Who answered, where somebody is named beside the place that did.
    pub(crate) fn answered_by(&self, records: &impl Records, signed: &SignedReceipt) -> Result<String> {
        crate::ward::show::answered_by(records, &self.profile, self, signed)
    }

    /// By which name somebody is known here: as a contact, by a roster, or as a role.
    pub(crate) fn known_name(&self, id: &IdentityId) -> Option<String> {
        let mut contacts = self.known.iter().map(|k| k.contact.record.identity);
        let mut named = self.staff.iter().chain(&self.roles);
        let known = *id == self.me || contacts.any(|c| c == *id) || named.any(|(who, _)| who == id);
        known.then(|| self.name(id))
    }

    pub(crate) fn alias(&self, id: &IdentityId) -> String {
        if *id == self.me {
            return "me".to_owned();
        }
        let known = self.known.iter().find(|k| k.contact.record.identity == *id);
        known.map_or_else(|| self.on_a_roster(id), |k| k.alias.clone())
    }

    /// Somebody who is no contact: by the name on a roster, or by the beginning of the id.
    fn on_a_roster(&self, id: &IdentityId) -> String {
        let mut named = self.staff.iter().chain(&self.roles);
        let named = named.find(|(person, _)| person == id);
        named.map_or_else(
            || id.to_string().chars().take(12).collect(),
            |(_, name)| name.clone(),
        )
    }
}

/// Names of people who are no contacts: by rosters, and by those who act for this identity.
fn named(records: &impl Records) -> Result<Vec<(IdentityId, String)>> {
    let mut all = crate::team::show::staff(records)?;
    all.extend(crate::mandates::acted::readers(records)?);
    Ok(all)
}

/// One document for a list.
pub(crate) fn view(records: &impl Records, people: &People, kept: &Kept) -> Result<DocumentView> {
    let header = &kept.header;
    let standing = people.standing(kept);
    let mine = match kept.way {
        Way::Own => None,
        Way::Received | Way::Shared => answer(records, people, &kept.id, &people.me)?,
    };
    let now = clock();
    let (answer, awaited) = match crate::role::show::came_to_role(records, people, &kept.id)? {
        // What came to a role is one's own to accept, or a colleague's.
        Some((came, theirs)) => {
            let answer = mine.filter(|a| a.accepted || theirs.is_none()).or(theirs);
            let awaited = crate::role::show::awaited_here(&came, &header.attention, answer.as_ref(), now);
            (answer, awaited)
        }
        None => {
            let awaited = header.attention.awaited(mine.as_ref().map(|a| a.accepted), now);
            (mine, awaited)
        }
    };
    let asks = kept.way != Way::Own && standing.is_current() && header.kind != DocumentKind::Retraction;
    Ok(DocumentView {
        id: kept.id,
        kind: header.kind.word().to_owned(),
        title: match &standing {
            // Its title may say as much as its body.
            StandingView::Retracted(_) if kept.way != Way::Own => "(taken back)".to_owned(),
            _ => header.title.shown(),
        },
        format: header.format.shown(),
        subject: match &header.subject {
            Some(Subject::Identity(id)) => Some(*id),
            _ => None,
        },
        author: header.author,
        author_name: people.name(&header.author),
        hand: crate::ward::show::hand(records, &people.profile, people, header)?,
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
        ended: kept.until.is_some_and(|until| until <= now),
        size: kept.size,
        acted: acted(records, people, kept)?,
        corrects: header
            .relates
            .iter()
            .filter(|r| corrects(r.kind))
            .map(|r| r.document)
            .collect(),
        awaited: if asks { awaited } else { Awaited::Nobody },
        answer,
        standing,
    })
}

/// Who shows a document for another, or wrote it for another.
fn acted(records: &impl Records, people: &People, kept: &Kept) -> Result<Option<ActedView>> {
    let room = match kept.way {
        Way::Shared => records.get_value::<MailboxId>(Table::Receipts, &names::came_in(&kept.id))?,
        _ => None,
    };
    let shown = match room {
        Some(room) => crate::mandates::shown::room_for(records, &room)?,
        None => None,
    };
    if let (Some(said), Some(by)) = (shown, kept.from) {
        return people.acted(records, &by, &said).map(Some);
    }
    let header = &kept.header;
    match (header.on_behalf_of, header.mandate) {
        (Some(subject), Some(mandate)) => {
            let said = OnBehalf { subject, mandate };
            people.acted(records, &header.author, &said).map(Some)
        }
        _ => Ok(None),
    }
}

pub(crate) const fn sent_state(reached: Reached) -> SentState {
    match reached {
        Reached::Queued => SentState::Queued,
        Reached::Durable => SentState::Durable,
        Reached::Delivered => SentState::Delivered,
        Reached::Opened => SentState::Opened,
        Reached::Taken => SentState::Taken,
        Reached::Declined => SentState::Declined,
        Reached::Failed => SentState::Failed,
    }
}

/// One sent document for a list.
pub(crate) fn sent_view(records: &impl Records, people: &People, record: &SentRecord) -> Result<SentView> {
    let kept: Option<Kept> = records.get_value(Table::Documents, &record.document.0)?;
    let answer = answer(records, people, &record.document, &record.to)?;
    let now = clock();
    let standing = kept
        .as_ref()
        .map_or(StandingView::Current, |k| people.standing(k));
    let asks = kept
        .as_ref()
        .filter(|k| k.header.kind != DocumentKind::Retraction && record.reached != Reached::Failed)
        .filter(|_| standing.is_current());
    let attention = asks.map(|k| &k.header.attention);
    let place = (&record.document, &record.to);
    let at = crate::role::show::at_role(records, people, attention, place, now)?;
    let (awaited, answer, heard, passed) = match at {
        Some(at) => (at.awaited, at.answer, at.heard, at.passed),
        None => {
            let accepted = answer.as_ref().map(|a| a.accepted);
            let awaited = attention.map_or(Awaited::Nobody, |a| a.awaited(accepted, now));
            (awaited, answer, Vec::new(), None)
        }
    };
    Ok(SentView {
        document: record.document,
        title: record.title.clone(),
        to: record.to,
        to_alias: people.alias(&record.to),
        state: sent_state(record.reached),
        queued: record.queued,
        durable: record.durable,
        delivered: record.delivered,
        opened: record.opened,
        took_ms: record.took_ms,
        why: record.why.map(|why| why.code),
        support: record.why.and_then(|why| why.support),
        awaited,
        answer,
        standing,
        heard,
        passed,
    })
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
