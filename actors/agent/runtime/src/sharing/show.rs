//! Who can see what, and who looked.

use telesphor_clinical::receipt::{ReceiptKind, SignedReceipt};
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::ids::{DocumentId, IdentityId};

use super::give::Given;
use crate::core::{Profile, names};
use crate::documents::keep::Kept;
use crate::documents::send::SentRecord;
use crate::documents::show::People;
use crate::error::{Error, Result};
use crate::views::{GrantView, LogLine, Seen};

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

/// Everything that anybody can see of the own record: granted until, and given for good.
pub(crate) fn who(records: &impl Records, profile: &Profile) -> Result<Vec<GrantView>> {
    let people = People::load(records, profile)?;
    let mut views = Vec::new();
    let mut granted = Vec::new();
    let all = all_given(records)?;
    let runs = |document: &DocumentId, to: &IdentityId| {
        let mut live = all.iter().filter(|g| g.to == *to && g.revoked.is_none());
        live.any(|g| g.documents.contains(document))
    };
    for given in &all {
        for document in &given.documents {
            granted.push((*document, given.to, given.mailbox));
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
            });
        }
    }
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
        });
    }
    Ok(views)
}

/// What others did with documents of this record, newest first, at most `limit` lines.
pub(crate) fn log(records: &impl Records, profile: &Profile, limit: usize) -> Result<Vec<LogLine>> {
    let people = People::load(records, profile)?;
    let mut lines = Vec::new();
    for (_, bytes) in records.newest(Table::Receipts, names::LOG, u64::MAX, limit)? {
        let signed: SignedReceipt = canonical::decode(&bytes).map_err(|_| Error::fault("log"))?;
        let receipt = signed.receipt;
        let kept: Option<Kept> = records.get_value(Table::Documents, &receipt.document.0)?;
        let title = kept.map_or_else(String::new, |k| k.header.title.shown());
        let name = people.name(&receipt.place);
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
            who: Some(receipt.place),
            alias: people.alias(&receipt.place),
            what,
            words: format!("{did}: {title}"),
            document: Some(receipt.document),
            title,
            seen: Seen::Plain,
        });
    }
    lines.extend(crate::team::show::log(records, &people)?);
    lines.sort_by_key(|line| std::cmp::Reverse(line.at));
    lines.truncate(limit);
    Ok(lines)
}
