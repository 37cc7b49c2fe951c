//! Mandates as they are shown, and what their holder sees of the other's record.

use telesphor_clinical::grant::{Grant, Granted, SignedGrant};
use telesphor_clinical::mandate::Power;
use telesphor_clinical::standing_in::OnBehalf;
use telesphor_identity::mandate::MandateProblem;
use telesphor_identity::report::when;
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{DocumentId, IdentityId};

use super::judge::{is_of, runs};
use super::record::{KeptMandate, all_mandates, log_told, mandate, who_told};
use crate::attest::show::hex;
use crate::core::Profile;
use crate::core::shared::clock;
use crate::documents::keep::{Kept, Way, all_kept};
use crate::documents::show::People;
use crate::error::Result;
use crate::sharing::show::all_given;
use crate::views::{ActedView, GrantView, LogLine, MandateState, MandateView, Seen};

/// Grants that came from others.
pub(crate) fn grants_came(records: &impl Records) -> Result<Vec<(Digest, Grant)>> {
    let mut all = Vec::new();
    for (name, bytes) in records.scan(Table::Grants)? {
        let Ok(id) = <[u8; 32]>::try_from(name.as_slice()) else {
            continue;
        };
        if let Ok(signed) = canonical::decode::<SignedGrant>(&bytes) {
            all.push((Digest(id), signed.grant));
        }
    }
    Ok(all)
}

/// What is shown here by mandates that `me` holds.
pub(crate) fn shown_by_mandates(
    records: &impl Records,
    me: &IdentityId,
) -> Result<Vec<(OnBehalf, Vec<DocumentId>)>> {
    let mut all = Vec::new();
    for (_, grant) in grants_came(records)? {
        let (Some(id), Granted::Documents(documents)) = (grant.mandate, grant.what) else {
            continue;
        };
        let held = mandate(records, &id)?.is_some_and(|k| k.signed.mandate.holder == *me);
        if held && grant.by == grant.subject {
            let on_behalf = OnBehalf {
                subject: grant.subject,
                mandate: id,
            };
            all.push((on_behalf, documents));
        }
    }
    Ok(all)
}

/// What the holder of mandates for `whom` has of his record: what he is shown by them, and what
/// he wrote in his name.
pub(crate) fn record_of(records: &impl Records, profile: &Profile, whom: &IdentityId) -> Result<Vec<Kept>> {
    let shown = shown_by_mandates(records, &profile.identity)?;
    let mine = |kept: &Kept| {
        let by_mandate = shown
            .iter()
            .any(|(by, documents)| by.subject == *whom && documents.contains(&kept.id));
        let written = kept.way == Way::Own && kept.header.on_behalf_of == Some(*whom);
        by_mandate || written
    };
    let mut all = all_kept(records)?;
    all.retain(|kept| mine(kept) && (is_of(&kept.header, whom) || kept.from == Some(*whom)));
    Ok(all)
}

/// A mandate for a list.
pub(crate) fn view(records: &impl Records, profile: &Profile, kept: &KeptMandate) -> Result<MandateView> {
    let people = People::load(records, profile)?;
    let (m, now) = (&kept.signed.mandate, clock());
    let id = m.id();
    let (state, ended) = match (runs(records, profile, now, &kept.signed)?, kept.over) {
        (Err(MandateProblem::Ended(since)), _) => (MandateState::Ended, Some(since)),
        (Err(MandateProblem::NotThen), _) if m.from.stamp() > now => (MandateState::NotYet, None),
        (Err(MandateProblem::NotThen), _) => (MandateState::Over, None),
        (Err(MandateProblem::Dormant), _) => (MandateState::Sleeps, None),
        (Err(why), _) => (MandateState::NotProved(why.code()), None),
        (Ok(_), Some(over)) => (MandateState::Ended, Some(over)),
        (Ok(_), None) => (MandateState::Runs, None),
    };
    let shown = match m.holder == profile.identity {
        true => shown_by_mandates(records, &profile.identity)?
            .into_iter()
            .filter(|(by, _)| by.mandate == id)
            .map(|(_, documents)| documents.len())
            .sum(),
        false => all_given(records)?
            .iter()
            .filter(|g| g.under == Some(id) && g.to == m.holder && g.runs(now))
            .map(|g| g.documents.len())
            .sum(),
    };
    Ok(MandateView {
        id: hex(&id.0[..8]),
        issuer: m.issuer,
        issuer_name: people.name(&m.issuer),
        subject: m.subject,
        subject_name: people.name(&m.subject),
        holder: m.holder,
        holder_name: people.name(&m.holder),
        held: m.holder == profile.identity,
        mine: m.subject == profile.identity,
        powers: m.powers.iter().map(|p| p.word().to_owned()).collect(),
        scopes: m
            .scopes
            .as_ref()
            .map(|s| s.iter().map(|s| s.as_str().to_owned()).collect()),
        from: m.from.stamp(),
        until: m.until.as_ref().map(|until| until.stamp()),
        dormant_until: m.dormant_until.as_ref().map(|t| t.shown()),
        state,
        ended,
        documents: shown,
    })
}

/// Mandates that concern this identity: given, held, or for it.
pub(crate) fn list(records: &impl Records, profile: &Profile) -> Result<Vec<MandateView>> {
    let me = profile.identity;
    let mut views = Vec::new();
    for kept in all_mandates(records)? {
        let m = &kept.signed.mandate;
        if [m.issuer, m.subject, m.holder].contains(&me) {
            views.push(view(records, profile, &kept)?);
        }
    }
    Ok(views)
}

/// Who acted for whom, for a document or a grant.
pub(crate) fn acted(
    records: &impl Records,
    profile: &Profile,
    people: &People,
    by: &IdentityId,
    said: &OnBehalf,
) -> Result<ActedView> {
    let kept = mandate(records, &said.mandate)?;
    let refused = match &kept {
        Some(kept) => runs(records, profile, clock(), &kept.signed)?
            .err()
            .map(|why| why.code()),
        None => Some(telesphor_wire::error::ErrorCode::NoMandate),
    };
    Ok(ActedView {
        by: people.name(by),
        whom: people.name(&said.subject),
        for_me: people.is_me(&said.subject),
        until: kept.and_then(|k| k.signed.mandate.until.map(|until| until.stamp())),
        refused,
    })
}

/// `for you, by mandate until 2027-11-26 10:00:00 UTC`.
pub(crate) fn by_mandate(records: &impl Records, people: &People, said: &OnBehalf) -> Result<String> {
    let whom = match people.is_me(&said.subject) {
        true => "you".to_owned(),
        false => people.name(&said.subject),
    };
    let until = mandate(records, &said.mandate)?.and_then(|k| k.signed.mandate.until);
    Ok(match until {
        Some(until) => format!("for {whom}, by mandate until {}", when(until.stamp())),
        None => format!("for {whom}, by mandate"),
    })
}

/// Who can see what of somebody's record, for the holder of a mandate to read it.
pub(crate) fn who_as(records: &impl Records, profile: &Profile, whom: &IdentityId) -> Result<Vec<GrantView>> {
    let people = People::load(records, profile)?;
    let mut views = crate::sharing::show::who_of(records, profile, whom)?;
    for id in held(records, profile, whom)? {
        let Some(told) = who_told(records, &id)? else {
            continue;
        };
        for line in told.lines {
            let known = views
                .iter()
                .any(|v| (v.document, v.with, v.revoked) == (line.document, line.to, line.revoked));
            let kept: Option<Kept> = records.get_value(Table::Documents, &line.document.0)?;
            let Some(kept) = kept.filter(|_| !known) else {
                continue;
            };
            let alias = people.alias(&line.to);
            let stranger = line.to.to_string().starts_with(&alias);
            views.push(GrantView {
                with: line.to,
                alias: if stranger { line.name.shown() } else { alias },
                document: line.document,
                title: kept.header.title.shown(),
                scopes: kept.header.scopes.iter().map(|s| s.as_str().to_owned()).collect(),
                until: line.until,
                given: line.given,
                why: line.why.map_or_else(String::new, |w| w.shown()),
                opened: line.opened,
                revoked: line.revoked,
                acted: None,
            });
        }
    }
    Ok(views)
}

/// Mandates to read that are held for somebody.
fn held(records: &impl Records, profile: &Profile, whom: &IdentityId) -> Result<Vec<Digest>> {
    Ok(all_mandates(records)?
        .iter()
        .map(|kept| &kept.signed.mandate)
        .filter(|m| m.holder == profile.identity && m.subject == *whom && m.powers.contains(&Power::Read))
        .map(|m| m.id())
        .collect())
}

/// What happened with somebody's record, for the holder of a mandate to read it, newest first.
pub(crate) fn log_as(
    records: &impl Records,
    profile: &Profile,
    whom: &IdentityId,
    limit: usize,
) -> Result<Vec<LogLine>> {
    let people = People::load(records, profile)?;
    let mut lines = crate::sharing::show::log_of(records, profile, whom, limit)?;
    for id in held(records, profile, whom)? {
        for entry in log_told(records, &id)? {
            let kept: Option<Kept> = records.get_value(Table::Documents, &entry.document.0)?;
            let what = WHAT.iter().find(|w| **w == entry.what.as_str()).copied();
            let again = lines.iter().any(|l| {
                (l.at, l.document, l.who) == (entry.at, Some(entry.document), entry.who)
                    && Some(l.what) == what
            });
            if again {
                continue;
            }
            lines.push(LogLine {
                at: entry.at,
                came: entry.at,
                who: entry.who,
                alias: match &entry.who {
                    Some(who) if !who.to_string().starts_with(&people.alias(who)) => people.alias(who),
                    _ => entry.name.shown(),
                },
                what: what.unwrap_or("made-by-a-newer-version"),
                words: entry.words.shown(),
                document: Some(entry.document),
                title: kept.map_or_else(String::new, |k| k.header.title.shown()),
                seen: Seen::Plain,
                device: String::new(),
                place: None,
            });
        }
    }
    lines.sort_by_key(|line| std::cmp::Reverse(line.at));
    lines.truncate(limit);
    Ok(lines)
}

/// Words of a log that may come from another program.
const WHAT: [&str; 7] = [
    "delivered",
    "opened",
    "accepted",
    "declined",
    "fetched",
    "shared-by-mandate",
    "fetched-by-nobody-known",
];
