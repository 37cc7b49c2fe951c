//! What each request is answered with.

use std::sync::Arc;

use serde::Serialize;
use telesphor_agent::Agent;
use telesphor_wire::error::ErrorCode;

use super::ask::Ask;
use super::frame::Scene;
use super::reply::Reply;
use super::room::Room;
use super::templates::render;
use super::words::words;
use super::{document, inbox, limits, live, log, patient, revoke, teams, who};
use crate::fault::{Fault, Result};

const STYLE: &str = include_str!("../../page/assets/page.css");
const SCRIPT: &str = include_str!("../../page/assets/page.js");

/// A page without anything of the profile.
#[derive(Serialize)]
struct Page {
    room: String,
    title: String,
    line: String,
    code: String,
    locked: bool,
}

pub(super) async fn answer(room: &Arc<Room>, ask: Ask) -> Reply {
    let answered = match ask {
        Ask::Style => return Reply::file("text/css; charset=utf-8", STYLE),
        Ask::Script => return Reply::file("text/javascript; charset=utf-8", SCRIPT),
        Ask::News(since) => match live::news(room, since) {
            Some(stream) => return stream,
            None => Err(Fault::of(ErrorCode::SessionLimit)),
        },
        Ask::Lock => room
            .keeper
            .lock()
            .await
            .map(|()| Reply::look(room.door.room.clone(), None)),
        ask => {
            room.keeper.used();
            with_profile(room, ask).await
        }
    };
    answered.unwrap_or_else(|fault| failed(room, &fault))
}

async fn with_profile(room: &Arc<Room>, ask: Ask) -> Result<Reply> {
    let agent = room.keeper.agent().await?;
    let scene = Scene::set(room, &agent).await?;
    let page = match ask {
        Ask::Inbox => inbox::inbox(&scene).await,
        Ask::Patient(id) => patient::patient(&scene, id).await,
        Ask::Document(id) => document::document(&scene, id).await,
        Ask::Decline(id) => document::decline(&scene, id).await,
        Ask::Who => who::who(&scene).await,
        Ask::Log => log::log(&scene).await,
        Ask::Teams => teams::teams(&scene).await,
        Ask::Revoke(id, scope) => revoke::preview(&scene, id, scope).await,
        Ask::RevokeTeam(id) => revoke::preview_team(&scene, &id).await,
        act => return did(room, &scene, &agent, act).await,
    };
    page.map(|text| Reply::html(200, text))
}

/// Carries a form out and sends the browser to what it should show then.
async fn did(room: &Room, scene: &Scene<'_>, agent: &Agent, act: Ask) -> Result<Reply> {
    let to = match act {
        Ask::Open(id) => {
            // Its opening is written down before this returns; it is shown by the next request.
            match agent.read(&id.to_string()).await {
                Err(e) if !matches!(e.code, ErrorCode::Retracted | ErrorCode::LeaseOver) => {
                    return Err(e.into());
                }
                _ => format!("document/{id}"),
            }
        }
        Ask::Accept(id) => {
            agent.acknowledge(&id.to_string(), None).await?;
            room.leave(words().say("accepted-now"));
            format!("document/{id}")
        }
        Ask::Declined(id, why) if why.is_empty() => format!("decline/{id}"),
        Ask::Declined(id, why) => {
            agent.acknowledge(&id.to_string(), Some(why)).await?;
            room.leave(words().say("declined-now"));
            format!("document/{id}")
        }
        Ask::End(id, scope) => {
            room.leave(revoke::end(scene, id, scope).await?);
            "who".to_owned()
        }
        Ask::EndTeam(id) => {
            room.leave(revoke::end_team(scene, &id).await?);
            "who".to_owned()
        }
        _ => String::new(),
    };
    // What has to travel is given a moment, so that the next page shows it as done.
    let _ = agent.settle(limits::FRESH).await;
    Ok(Reply::look(format!("{}{to}", room.door.room), None))
}

/// A fault as a page. It shows nothing of the profile.
pub(super) fn failed(room: &Room, fault: &Fault) -> Reply {
    let (status, title, line) = match fault.code {
        ErrorCode::VaultLocked => (423, words().say("locked"), words().say("locked-line")),
        ErrorCode::VaultInUse => (503, words().say("busy"), words().say("busy-line")),
        ErrorCode::NotFound => (404, words().say("nothing"), words().say("nothing-line")),
        code => (409, words().say("failed"), code.words().to_owned()),
    };
    let page = Page {
        room: room.door.room.clone(),
        title,
        line,
        code: fault.code.to_string(),
        locked: fault.code == ErrorCode::VaultLocked,
    };
    Reply::html(status, render("fault", &page).unwrap_or_default())
}
