//! What came, by patient: urgent first, allergies above all.

use serde::Serialize;
use telesphor_agent::views::{DocumentView, TeamState};
use telesphor_wire::ids::IdentityId;

use super::card::Card;
use super::frame::{Frame, Place, Scene};
use super::patient::allergies;
use super::templates::render;
use super::words::words;
use crate::fault::Result;
use crate::shown::allergies::Allergies;

#[derive(Serialize)]
struct Inbox {
    f: Frame,
    patients: Vec<Patient>,
    urgent: usize,
    open: usize,
}

#[derive(Serialize)]
struct Patient {
    /// `None`: of these documents nobody says whom they are about.
    id: Option<String>,
    name: String,
    allergies: Option<Line>,
    cards: Vec<Card>,
}

/// The line about allergies, and whether it is a warning.
#[derive(Serialize)]
pub(super) struct Line {
    pub(super) words: String,
    pub(super) loud: bool,
}

impl Line {
    pub(super) fn of(allergies: &Allergies) -> Self {
        Self {
            words: telesphor_clinical::text::shown(&allergies.words()),
            loud: *allergies != Allergies::NoneKnown,
        }
    }
}

pub(super) async fn inbox(scene: &Scene<'_>) -> Result<String> {
    let known = scene.agent.documents().await?;
    let came: Vec<DocumentView> = scene.agent.inbox().await?;
    let came: Vec<&DocumentView> = came.iter().filter(|d| !d.ended).collect();
    let mut order: Vec<Option<IdentityId>> = Vec::new();
    for d in &came {
        if !order.contains(&d.subject) {
            order.push(d.subject);
        }
    }
    // Somebody whose record one may see is there, also before anything of it has come.
    for team in &scene.people.teams {
        if team.state == TeamState::Sitting && !order.contains(&Some(team.patient)) {
            order.push(Some(team.patient));
        }
    }
    let patients = order
        .into_iter()
        .map(|subject| Patient {
            id: subject.map(|id| id.to_string()),
            name: subject.map_or_else(|| words().say("about-nobody"), |id| scene.people.name(&id)),
            allergies: subject.map(|id| allergies(scene, &known, &id)),
            cards: came
                .iter()
                .filter(|d| d.subject == subject)
                .map(|d| Card::of(&scene.out, d))
                .collect(),
        })
        .collect();
    let page = Inbox {
        f: scene.frame(Place::Inbox, &words().say("inbox"), None).await?,
        patients,
        urgent: came
            .iter()
            .filter(|d| d.urgent && d.standing.is_current())
            .count(),
        open: came.iter().filter(|d| d.awaited.is_open()).count(),
    };
    render("inbox", &page)
}
