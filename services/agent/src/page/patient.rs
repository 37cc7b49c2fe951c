//! One patient's record, as far as it is here. What was not shared looks different from what
//! is not there.

use std::collections::BTreeSet;

use serde::Serialize;
use telesphor_agent::views::{DocumentView, TeamState};
use telesphor_clinical::scope::STANDARD;
use telesphor_wire::ids::IdentityId;

use super::card::Card;
use super::frame::{Frame, Moment, Place, Scene};
use super::inbox::Line;
use super::templates::render;
use super::words::words;
use crate::fault::Result;
use crate::shown::allergies::Allergies;

#[derive(Serialize)]
struct Page {
    f: Frame,
    name: String,
    own: bool,
    complete: bool,
    allergies: Line,
    scopes: Vec<ScopeLine>,
    teams: Vec<Seat>,
    cards: Vec<Card>,
}

/// What there is of one scope.
#[derive(Serialize)]
struct ScopeLine {
    name: String,
    documents: usize,
    /// It was shared, so that nothing means nothing.
    shared: bool,
}

/// By which team one sees the record.
#[derive(Serialize)]
struct Seat {
    role: String,
    at: String,
    until: Option<Moment>,
}

/// The line about allergies. One's own record cannot be withheld from oneself.
pub(super) fn allergies(scene: &Scene<'_>, known: &[DocumentView], id: &IdentityId) -> Line {
    let about = known.iter().filter(|d| d.subject == Some(*id) && !d.ended);
    let allergies = Allergies::of(about, scene.is_complete());
    match allergies == Allergies::NotShared && *id == scene.people.me.id {
        true => Line {
            words: words().say("allergies-own-nothing"),
            loud: true,
        },
        false => Line::of(&allergies),
    }
}

pub(super) async fn patient(scene: &Scene<'_>, id: IdentityId) -> Result<String> {
    let known = scene.agent.documents().await?;
    let own = id == scene.people.me.id;
    let mut about: Vec<&DocumentView> = known
        .iter()
        .filter(|d| d.subject == Some(id) && !d.ended)
        .collect();
    about.sort_by_key(|d| {
        let settled = !(d.awaited.is_open() || (d.urgent && d.standing.is_current()));
        (settled, std::cmp::Reverse(d.arrived))
    });
    let seats: Vec<_> = scene
        .people
        .teams
        .iter()
        .filter(|t| t.patient == id && t.state == TeamState::Sitting)
        .collect();
    let granted: BTreeSet<&str> = seats.iter().flat_map(|t| &t.scopes).map(String::as_str).collect();
    let used = about.iter().flat_map(|d| &d.scopes).map(String::as_str);
    let standard = STANDARD.iter().map(|(name, _)| *name);
    let mut names: Vec<&str> = standard.collect();
    for name in used.chain(granted.iter().copied()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let scopes = names.into_iter().map(|name| {
        let documents = about
            .iter()
            .filter(|d| d.scopes.iter().any(|s| s == name))
            .count();
        ScopeLine {
            name: name.to_owned(),
            documents,
            shared: own || documents > 0 || granted.contains(name),
        }
    });
    let name = scene.people.name(&id);
    let place = if own { Place::Record } else { Place::Elsewhere };
    let page = Page {
        f: scene.frame(place, &name, Some(name.clone())).await?,
        name,
        own,
        complete: scene.is_complete(),
        allergies: allergies(scene, &known, &id),
        scopes: scopes.collect(),
        teams: seats
            .iter()
            .map(|t| Seat {
                role: t.role.clone(),
                at: t.organisation_name.clone(),
                until: t.until.map(|ms| Moment::at(&scene.out, ms)),
            })
            .collect(),
        cards: about.iter().map(|d| Card::of(&scene.out, d)).collect(),
    };
    render("patient", &page)
}
