//! News while a page is open: lines of the log as they come, that something arrived, that the
//! profile was locked. Nothing here counts as somebody using the page.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use telesphor_agent::Agent;
use telesphor_agent::views::LogLine;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::DocumentId;
use tokio::sync::mpsc::Sender;

use super::keeper::now_ms;
use super::limits;
use super::log::{Line, is_shown};
use super::reply::Reply;
use super::room::Room;
use crate::fault::Result;
use crate::out::{Form, Out};
use crate::shown::log::may_still_be_announced;

/// Events that may wait for a reader.
const WAITING: usize = 64;
/// While another command has the profile.
const BUSY: Duration = Duration::from_secs(1);

/// A stream, from the instant at which the page that asks for it was made; `None` if there are
/// too many.
pub(super) fn news(room: &Arc<Room>, since: u64) -> Option<Reply> {
    let place = room.streams.clone().try_acquire_owned().ok()?;
    let (to, from) = tokio::sync::mpsc::channel(WAITING);
    let room = room.clone();
    tokio::spawn(async move {
        let _place = place;
        tokio::select! {
            () = follow(&room, &to, since) => {}
            () = to.closed() => {}
        }
    });
    Some(Reply::stream(from))
}

/// What was said already.
struct Said {
    since: u64,
    opening: u64,
    lines: HashSet<(u64, u64, String)>,
    came: Option<BTreeSet<DocumentId>>,
}

async fn follow(room: &Room, to: &Sender<Bytes>, since: u64) {
    let mut said = Said {
        since,
        opening: 0,
        lines: HashSet::new(),
        came: None,
    };
    loop {
        let locked = match room.keeper.agent().await {
            Ok(agent) => {
                let opening = room.keeper.openings();
                let looked = look(&agent, to, &mut said, opening).await;
                agent.changed(limits::NEWS).await;
                looked.is_err_and(|fault| fault.code == ErrorCode::VaultLocked)
            }
            Err(fault) => {
                tokio::time::sleep(BUSY).await;
                fault.code == ErrorCode::VaultLocked
            }
        };
        if locked {
            send(to, "locked", &json!({})).await;
            return;
        }
    }
}

async fn look(agent: &Agent, to: &Sender<Bytes>, said: &mut Said, opening: u64) -> Result<()> {
    if said.opening != opening {
        agent.watch_log().await?;
        said.opening = opening;
    }
    let now = now_ms();
    let key = |l: &LogLine| (l.at, l.came, l.words.clone());
    let mut fresh: Vec<LogLine> = agent.log(limits::LOG).await?;
    fresh.retain(|l| is_shown(l) && l.came >= said.since && !may_still_be_announced(l, now));
    fresh.retain(|l| !said.lines.contains(&key(l)));
    fresh.sort_by_key(|l| l.at);
    let out = Out::new(Form::Plain);
    for l in &fresh {
        let line = Line::of(&out, l, now);
        let value =
            json!({"at": line.at.words, "iso": line.at.iso, "words": line.words, "alarm": line.alarm});
        send(to, "line", &value).await;
        said.lines.insert(key(l));
    }
    let came: BTreeSet<DocumentId> = agent.inbox().await?.iter().map(|d| d.id).collect();
    let more = said
        .came
        .as_ref()
        .map_or(0, |before| came.difference(before).count());
    if more > 0 {
        send(to, "came", &json!({ "n": more })).await;
    }
    said.came = Some(came);
    Ok(())
}

async fn send(to: &Sender<Bytes>, name: &str, value: &Value) {
    let event = format!("event: {name}\ndata: {value}\n\n");
    // Nobody reads any more: the stream ends.
    let _ = to.send(Bytes::from(event)).await;
}
