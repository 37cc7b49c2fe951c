//! Roles and letters as they are shown.

use telesphor_clinical::attention::{Attention, Awaited};
use telesphor_clinical::instant::Instant;
use telesphor_clinical::receipt::ReceiptKind;
use telesphor_clinical::role::PassedWhy;
use telesphor_vault::{Records, Snapshot, Table};
use telesphor_wire::ids::{DocumentId, IdentityId};

use super::record::{Came, Heard, all_cards, all_desk, heard_of, letter_of, letter_to, senders};
use crate::core::Profile;
use crate::core::records::Known;
use crate::documents::show::People;
use crate::error::Result;
use crate::team::roster::all_rosters;
use crate::views::{AnswerView, DeskView, HeardView, PassedView, RoleView};

/// The word of the readers that counts: an acceptance that was not taken back before any refusal.
pub(crate) fn last_answer(heard: &[Heard], step: Option<u32>) -> Option<&Heard> {
    let (accepted, declined) = (ReceiptKind::Accepted.code(), ReceiptKind::Declined.code());
    let mut last: Vec<&Heard> = Vec::new();
    for one in heard.iter().filter(|h| step.is_none_or(|s| h.step == s)) {
        if one.kind == accepted || one.kind == declined {
            last.retain(|h| h.who != one.who);
            last.push(one);
        }
    }
    let taken = last.iter().rev().find(|h| h.kind == accepted);
    taken.or(last.last()).copied()
}

fn answer_view(people: &People, heard: &Heard) -> AnswerView {
    AnswerView {
        accepted: heard.kind == ReceiptKind::Accepted.code(),
        at: heard.at,
        words: heard.words.shown(),
        by: people.name(&heard.who),
    }
}

/// Whether somebody has still to accept what went to a role, by the time of that step.
fn awaited_at(attention: &Attention, by: Option<&Instant>, answer: Option<&AnswerView>, now: u64) -> Awaited {
    let at_step = Attention {
        acknowledge_by: by.cloned(),
        ..attention.clone()
    };
    at_step.awaited(answer.map(|a| a.accepted), now)
}

/// How a document that went to a role stands there.
pub(crate) struct AtRole {
    pub(crate) awaited: Awaited,
    pub(crate) answer: Option<AnswerView>,
    pub(crate) heard: Vec<HeardView>,
    pub(crate) passed: Option<PassedView>,
}

/// A sent document at a role; `None` if it went to somebody else.
pub(crate) fn at_role(
    records: &impl Records,
    people: &People,
    attention: Option<&Attention>,
    (document, role): (&DocumentId, &IdentityId),
    now: u64,
) -> Result<Option<AtRole>> {
    let Some((written, step)) = letter_to(records, document, role)? else {
        return Ok(None);
    };
    let all = heard_of(records, &written.letter)?;
    let answer = last_answer(&all, Some(step)).map(|h| answer_view(people, h));
    let by = usize::try_from(step).ok().and_then(|n| written.steps.get(n));
    let by = by.and_then(|s| s.by.as_ref());
    let next = written.passed.iter().find(|p| p.to == step + 1);
    Ok(Some(AtRole {
        awaited: attention.map_or(Awaited::Nobody, |a| awaited_at(a, by, answer.as_ref(), now)),
        answer,
        heard: all
            .iter()
            .filter(|h| h.step == step)
            .map(|h| HeardView {
                who: h.who,
                name: people.name(&h.who),
                what: ReceiptKind::from_code(h.kind).word(),
                at: h.at,
                words: h.words.shown(),
            })
            .collect(),
        passed: next.map(|p| PassedView {
            to: written
                .steps
                .get(usize::try_from(p.to).unwrap_or(usize::MAX))
                .map_or_else(String::new, |s| people.alias(&s.identity)),
            at: p.at,
            declined: p.why == PassedWhy::Declined,
        }),
    }))
}

/// How a document that came to a role stands: what a colleague has accepted nobody else has to.
pub(crate) fn came_to_role(
    records: &impl Records,
    people: &People,
    document: &DocumentId,
) -> Result<Option<(Came, Option<AnswerView>)>> {
    let Some(came) = letter_of(records, document)? else {
        return Ok(None);
    };
    let heard = heard_of(records, &came.letter)?;
    let accepted = last_answer(&heard, None).filter(|h| h.kind == ReceiptKind::Accepted.code());
    let answer = accepted.map(|h| answer_view(people, h));
    Ok(Some((came, answer)))
}

/// The same, with whether somebody has still to accept it.
pub(crate) fn awaited_here(
    came: &Came,
    attention: &Attention,
    answer: Option<&AnswerView>,
    now: u64,
) -> Awaited {
    let step = usize::try_from(came.at).ok().and_then(|n| came.steps.get(n));
    awaited_at(attention, step.and_then(|s| s.by.as_ref()), answer, now)
}

/// `role@organisation` of every role known here, and who has written to this person by one.
pub(crate) fn names(
    records: &impl Records,
    alias: impl Fn(&IdentityId) -> String,
) -> Result<Vec<(IdentityId, String)>> {
    let mut names: Vec<(IdentityId, String)> = all_cards(records)?
        .into_iter()
        .map(|c| {
            let at = alias(&c.card.organisation);
            (c.card.identity, format!("{}@{at}", c.card.role.shown()))
        })
        .collect();
    names.extend(
        senders(records)?
            .into_iter()
            .map(|(who, name)| (who, name.shown())),
    );
    Ok(names)
}

/// Every role that can be written to from here.
pub(crate) fn roles(records: &Snapshot, profile: &Profile, now: u64) -> Result<Vec<RoleView>> {
    let people = People::load(records, profile)?;
    let rosters = all_rosters(records)?;
    let mut views = Vec::new();
    for signed in all_cards(records)? {
        let card = &signed.card;
        let roster = rosters
            .iter()
            .find(|s| s.roster.organisation == card.organisation);
        let entries = roster.iter().flat_map(|s| &s.roster.entries);
        let known: Option<Known> = records.get_value(Table::Contacts, &card.organisation.0)?;
        let addresses = known.iter().flat_map(|k| &k.contact.record.addresses);
        let elsewhere = addresses.take(1).any(|a| a.domain != *profile.domain());
        let mut on_duty: Vec<String> = entries
            .filter(|e| e.role == card.role && e.from.stamp() <= now && now < e.until.stamp())
            .map(|e| e.name.shown())
            .collect();
        on_duty.dedup();
        views.push(RoleView {
            id: card.identity,
            organisation: card.organisation,
            organisation_name: people.name(&card.organisation),
            address: people.alias(&card.identity),
            role: card.role.shown(),
            name: card.name.shown(),
            on_duty: (!elsewhere).then_some(on_duty),
        });
    }
    views.sort_by(|a, b| a.address.cmp(&b.address));
    Ok(views)
}

/// Letters at this organisation's desk, oldest first.
pub(crate) fn desk(records: &Snapshot, profile: &Profile) -> Result<Vec<DeskView>> {
    let people = People::load(records, profile)?;
    let mut views = Vec::new();
    for desk in all_desk(records)? {
        let letter = &desk.letter;
        let step = letter.steps.get(usize::try_from(letter.at).unwrap_or(usize::MAX));
        let mut given: Vec<IdentityId> = desk.given.iter().map(|g| g.person).collect();
        given.dedup();
        views.push(DeskView {
            letter: letter.letter,
            from: letter.from,
            from_name: people.name(&letter.from),
            first: letter.steps.first().map_or_else(String::new, |s| s.role.shown()),
            role: step.map_or_else(String::new, |s| s.role.shown()),
            step: letter.at,
            arrived: desk.arrived,
            accept_by: step.and_then(|s| s.by.as_ref()).map(Instant::stamp),
            given: given.iter().map(|who| people.name(who)).collect(),
            declined: desk.declined.iter().map(|who| people.name(who)).collect(),
            accepted_by: desk.taken.as_ref().map(|who| people.name(who)),
            bytes: letter.sealed.len() as u64,
        });
    }
    Ok(views)
}
