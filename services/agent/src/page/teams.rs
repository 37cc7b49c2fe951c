//! Care teams: whose record, which role sees what of it, who sits there until when.

use serde::Serialize;
use telesphor_agent::views::{TeamState, TeamView};
use telesphor_clinical::text::shown;

use super::frame::{Frame, Moment, Place, Scene};
use super::templates::render;
use super::words::words;
use crate::fault::Result;

#[derive(Serialize)]
struct Page {
    f: Frame,
    teams: Vec<Team>,
}

#[derive(Serialize)]
pub(super) struct Team {
    pub(super) id: String,
    pub(super) patient: String,
    patient_id: String,
    pub(super) role: String,
    pub(super) at: String,
    pub(super) scopes: String,
    pub(super) until: Option<Moment>,
    served: Option<Moment>,
    pub(super) why: String,
    state: String,
    pub(super) own: bool,
    sitting: bool,
    pub(super) documents: usize,
    pub(super) members: Vec<Member>,
}

#[derive(Serialize)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) until: Option<Moment>,
}

impl Team {
    pub(super) fn of(scene: &Scene<'_>, team: &TeamView) -> Self {
        let moment = |ms: u64| Moment::at(&scene.out, ms);
        let state = match team.state {
            TeamState::Own => words().say("team-own"),
            TeamState::Sitting => words().say("team-sitting"),
            TeamState::Called => words().say("team-called"),
            TeamState::Over => words().say("team-over"),
        };
        Self {
            id: hex(team),
            patient: scene.people.name(&team.patient),
            patient_id: team.patient.to_string(),
            role: shown(&team.role),
            at: shown(&team.organisation_name),
            scopes: team.scopes.join(", "),
            until: team.until.map(moment),
            served: team.lease.map(moment),
            why: shown(&team.why),
            state,
            own: team.state == TeamState::Own,
            sitting: team.state == TeamState::Sitting,
            documents: team.documents,
            members: team
                .members
                .iter()
                .filter(|m| !m.patient)
                .map(|m| Member {
                    name: shown(&m.name),
                    until: m.until.map(moment),
                })
                .collect(),
        }
    }
}

/// Letters that name a team.
pub(super) fn hex(team: &TeamView) -> String {
    team.mailbox.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) async fn teams(scene: &Scene<'_>) -> Result<String> {
    let page = Page {
        f: scene.frame(Place::Teams, &words().say("teams"), None).await?,
        teams: scene.people.teams.iter().map(|t| Team::of(scene, t)).collect(),
    };
    render("teams", &page)
}
