//! Who can see what, and who looked.

use telesphor_clinical::receipt::{ReceiptKind, SignedReceipt};
use telesphor_clinical::standing_in::OnBehalf;
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::ids::{DocumentId, IdentityId};

use super::give::Given;
use crate::core::{Profile, names};
use crate::documents::keep::Kept;
use crate::documents::send::SentRecord;
use crate::documents::show::People;
use crate::error::{Error, Result};
use crate::mandates::show::by_mandate;
use crate::views::{ActedView, GrantView, LogLine, Seen};

/// Every grant given here.
pub(crate) fn all_given(records: &impl Records) -> Result<Vec<Given>> {
    let mut all = Vec::new();
    for (name, bytes) in records.scan(Table::Grants)? {
        if name.starts_with(b"given/")
            && let Ok(given) = canonical::decode::<Given>(&bytes)
        {
            all.push(given);
        }
    }
    all.sort_by_key(|g| g.signed.grant.from.unix_ms);
    Ok(all)
}

/// What was granted of somebody's record, by himself or in his name. One's own record, or that of
/// somebody for whom this identity acts.
pub(crate) fn who_of(records: &impl Records, profile: &Profile, whom: &IdentityId) -> Result<Vec<GrantView>> {
    let people = People::load(records, profile)?;
    let mut views = Vec::new();
    let mut all = all_given(records)?;
    all.retain(|g| g.signed.grant.subject == *whom);
    let runs = |document: &DocumentId, to: &IdentityId| {
        let mut live = all.iter().filter(|g| g.to == *to && g.revoked.is_none());
        live.any(|g| g.documents.contains(document))
    };
    for given in &all {
        for document in &given.documents {
            // What is shown until another end now is listed once, with that end.
            if given.revoked.is_some() && runs(document, &given.to) {
                continue;
            }
            let Some(kept) = records.get_value::<Kept>(Table::Documents, &document.0)? else {
                continue;
            };
            let sent: Option<SentRecord> =
                records.get_value(Table::Receipts, &names::sent(document, &given.to))?;
            views.push(GrantView {
                with: given.to,
                alias: people.alias(&given.to),
                document: *document,
                title: kept.header.title.shown(),
                scopes: kept.header.scopes.iter().map(|s| s.as_str().to_owned()).collect(),
                until: given.until,
                given: false,
                why: given.why.clone(),
                opened: sent.and_then(|s| s.opened),
                revoked: given.revoked,
                acted: acted_by(records, profile, &people, given)?,
            });
        }
    }
    Ok(views)
}

/// A line for each document that somebody was shown in another's name.
fn acts(records: &impl Records, people: &People, whom: &IdentityId, given: &[Given]) -> Result<Vec<LogLine>> {
    let mut lines = Vec::new();
    for one in given {
        let grant = &one.signed.grant;
        let (Some(mandate), true) = (grant.mandate, grant.by != grant.subject && grant.subject == *whom)
        else {
            continue;
        };
        let said = OnBehalf {
            subject: grant.subject,
            mandate,
        };
        let how = by_mandate(records, people, &said)?;
        let (by, to) = (people.name(&grant.by), people.name(&one.to));
        for document in &one.documents {
            let kept: Option<Kept> = records.get_value(Table::Documents, &document.0)?;
            let title = kept.map_or_else(String::new, |k| k.header.title.shown());
            lines.push(LogLine {
                at: grant.from.stamp(),
                came: grant.from.stamp(),
                who: Some(grant.by),
                alias: people.alias(&grant.by),
                what: "shared-by-mandate",
                words: format!("shown to {to} by {by}, {how}: {title}"),
                document: Some(*document),
                title,
                seen: Seen::Plain,
                device: String::new(),
                place: None,
            });
        }
    }
    Ok(lines)
}

/// Who gave a grant for another.
fn acted_by(
    records: &impl Records,
    profile: &Profile,
    people: &People,
    given: &Given,
) -> Result<Option<ActedView>> {
    let grant = &given.signed.grant;
    let (Some(mandate), true) = (grant.mandate, grant.by != grant.subject) else {
        return Ok(None);
    };
    let said = OnBehalf {
        subject: grant.subject,
        mandate,
    };
    crate::mandates::show::acted(records, profile, people, &grant.by, &said).map(Some)
}

/// Everything that anybody can see of the own record: granted until, and given for good.
pub(crate) fn who(records: &impl Records, profile: &Profile) -> Result<Vec<GrantView>> {
    let people = People::load(records, profile)?;
    let mut views = who_of(records, profile, &profile.identity)?;
    let granted: Vec<_> = all_given(records)?
        .iter()
        .flat_map(|g| {
            g.documents
                .iter()
                .map(|d| (*d, g.to, g.mailbox))
                .collect::<Vec<_>>()
        })
        .collect();
    views.extend(crate::team::show::who(records, profile, &people)?);
    for sent in crate::documents::show::all_sent(records)? {
        let place = sent.receipt.as_ref().map(|r| r.leaf.mailbox);
        let shown = granted
            .iter()
            .any(|(d, to, room)| (*d, *to) == (sent.document, sent.to) && place.is_none_or(|p| p == *room));
        if shown {
            continue;
        }
        let Some(kept) = records.get_value::<Kept>(Table::Documents, &sent.document.0)? else {
            continue;
        };
        views.push(GrantView {
            with: sent.to,
            alias: people.alias(&sent.to),
            document: sent.document,
            title: kept.header.title.shown(),
            scopes: kept.header.scopes.iter().map(|s| s.as_str().to_owned()).collect(),
            until: None,
            given: true,
            why: "given for good".to_owned(),
            opened: sent.opened,
            revoked: None,
            acted: None,
        });
    }
    Ok(views)
}

/// What others did with documents of the own record, newest first, at most `limit` lines.
pub(crate) fn log(records: &impl Records, profile: &Profile, limit: usize) -> Result<Vec<LogLine>> {
    let people = People::load(records, profile)?;
    let mut lines = log_of(records, profile, &profile.identity, limit)?;
    lines.extend(crate::team::show::log(records, &people)?);
    lines.sort_by_key(|line| std::cmp::Reverse(line.at));
    lines.truncate(limit);
    Ok(lines)
}

/// What was granted of somebody's record in his name, and what readers did with it.
pub(crate) fn log_of(
    records: &impl Records,
    profile: &Profile,
    whom: &IdentityId,
    limit: usize,
) -> Result<Vec<LogLine>> {
    let people = People::load(records, profile)?;
    let given = all_given(records)?;
    let mut lines = acts(records, &people, whom, &given)?;
    for (_, bytes) in records.newest(Table::Receipts, names::LOG, u64::MAX, limit)? {
        let signed: SignedReceipt = canonical::decode(&bytes).map_err(|_| Error::fault("log"))?;
        let opener = crate::ward::show::opener(records, profile, &people, &signed)?;
        let receipt = signed.receipt;
        let acted = given.iter().find(|g| {
            g.to == receipt.place
                && g.documents.contains(&receipt.document)
                && g.signed.grant.by != g.signed.grant.subject
        });
        // What a reader said of a room that this identity opened for another belongs to his log.
        if acted.map_or(profile.identity, |g| g.signed.grant.subject) != *whom {
            continue;
        }
        let by_mandate = match OnBehalf::of(&receipt) {
            Some(said) if said.subject == *whom => {
                format!(", {}", by_mandate(records, &people, &said)?)
            }
            _ => String::new(),
        };
        let kept: Option<Kept> = records.get_value(Table::Documents, &receipt.document.0)?;
        let title = kept.map_or_else(String::new, |k| k.header.title.shown());
        let name = opener.name;
        let (what, did) = match receipt.kind {
            ReceiptKind::Delivered => ("delivered", format!("delivered to {name}'s device")),
            ReceiptKind::Opened => ("opened", format!("opened by {name}")),
            ReceiptKind::Accepted => ("accepted", format!("accepted by {name}")),
            ReceiptKind::Declined => ("declined", format!("declined by {name}")),
            ReceiptKind::Other(_) => ("made-by-a-newer-version", format!("something done by {name}")),
        };
        lines.push(LogLine {
            at: receipt.at.stamp(),
            came: receipt.at.stamp(),
            who: Some(opener.who),
            alias: people.alias(&opener.who),
            what,
            words: format!("{did}{by_mandate}: {title}"),
            document: Some(receipt.document),
            title,
            seen: Seen::Plain,
            device: opener.device,
            place: Some(receipt.place),
        });
    }
    lines.sort_by_key(|line| std::cmp::Reverse(line.at));
    lines.truncate(limit);
    Ok(lines)
}
