//! Ending what somebody, or a role, is shown: first what would end, then the deed.

use std::collections::BTreeSet;

use serde::Serialize;
use telesphor_agent::views::{GrantView, TeamState, TeamView};
use telesphor_clinical::scope::{Scope, Scopes};
use telesphor_clinical::text::shown;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::IdentityId;

use super::frame::{Frame, Place, Scene};
use super::teams::{Team, hex};
use super::templates::render;
use super::who::{Grant, can_end, together};
use super::words::words;
use crate::fault::{Fault, Result};
use crate::shown::revoked_words;

#[derive(Serialize)]
struct Page {
    f: Frame,
    name: String,
    id: String,
    scope: Option<String>,
    /// Other scopes that could be ended alone.
    scopes: Vec<String>,
    grants: Vec<Grant>,
    documents: usize,
    opened: usize,
    /// Documents that were given for good: nothing ends those.
    given: usize,
}

#[derive(Serialize)]
struct TeamPage {
    f: Frame,
    team: Team,
}

fn fits(g: &GrantView, scope: Option<&Scope>) -> bool {
    scope.is_none_or(|wanted| g.scopes.iter().any(|s| s == wanted.as_str()))
}

pub(super) async fn preview(scene: &Scene<'_>, who: IdentityId, scope: Option<Scope>) -> Result<String> {
    let all = scene.agent.who().await?;
    let running: Vec<&GrantView> = all
        .iter()
        .filter(|g| g.with == who && can_end(&scene.out, &scene.people, g))
        .collect();
    let ending: Vec<&GrantView> = running
        .iter()
        .copied()
        .filter(|g| fits(g, scope.as_ref()))
        .collect();
    if ending.is_empty() {
        return Err(Fault::of(ErrorCode::NotFound));
    }
    let scopes: BTreeSet<&String> = running.iter().flat_map(|g| &g.scopes).collect();
    let name = scene.people.name(&who);
    let page = Page {
        f: scene
            .frame(Place::Who, &words().named("revoke", &name), None)
            .await?,
        name,
        id: who.to_string(),
        scope: scope.map(|s| s.as_str().to_owned()),
        scopes: scopes.into_iter().cloned().collect(),
        documents: ending.len(),
        opened: ending.iter().filter(|g| g.opened.is_some()).count(),
        grants: together(&scene.out, ending.into_iter()),
        given: all.iter().filter(|g| g.with == who && g.given).count(),
    };
    render("revoke", &page)
}

/// Ends it; gives what was done, in words.
pub(super) async fn end(scene: &Scene<'_>, who: IdentityId, scope: Option<Scope>) -> Result<String> {
    let mut scopes = Scopes::none();
    if let Some(scope) = scope {
        scopes.insert(scope);
    }
    let ended = scene.agent.revoke(&who.to_string(), scopes, Vec::new()).await?;
    Ok(done(scene, &revoked_words(&scene.people.name(&who), &ended)))
}

fn done(scene: &Scene<'_>, words_said: &str) -> String {
    let at = scene.out.short(super::keeper::now_ms());
    format!("{} {}", words().named("done", &at), shown(words_said))
}

fn own_team<'s>(scene: &'s Scene<'_>, id: &str) -> Result<&'s TeamView> {
    let mut teams = scene.people.teams.iter();
    teams
        .find(|t| t.state == TeamState::Own && hex(t) == id)
        .ok_or(Fault::of(ErrorCode::NotFound))
}

pub(super) async fn preview_team(scene: &Scene<'_>, id: &str) -> Result<String> {
    let team = Team::of(scene, own_team(scene, id)?);
    let page = TeamPage {
        f: scene
            .frame(Place::Who, &words().named("revoke", &team.role), None)
            .await?,
        team,
    };
    render("revoke_team", &page)
}

/// Ends it for a role; gives what was done, in words.
pub(super) async fn end_team(scene: &Scene<'_>, id: &str) -> Result<String> {
    let team = own_team(scene, id)?;
    let mut scopes = Scopes::none();
    for name in &team.scopes {
        scopes.insert(
            name.parse::<Scope>()
                .map_err(|_| Fault::of(ErrorCode::AgentFault))?,
        );
    }
    let organisation = team.organisation.to_string();
    let ended = scene.agent.revoke_team(&organisation, &team.role, scopes).await?;
    Ok(done(scene, &revoked_words(&team.role, &ended)))
}
