//! Waiting until what was sent is with a relay for good, and saying where it is.

use std::time::Instant;

use telesphor_agent::Agent;
use telesphor_agent::views::{SentState, SentView};

use super::session::Here;
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::Progress;
use crate::{short, shown};

/// Letters that every document's id needs.
pub(super) async fn letters(agent: &Agent) -> Result<usize> {
    let known = agent.documents().await?;
    let ids: Vec<String> = known.iter().map(|d| d.id.to_string()).collect();
    Ok(short::needed(ids.iter().map(String::as_str)))
}

/// One document. One that is not durable in time stays on its way, and the exit code says so.
pub(super) async fn until_durable(here: &Here<'_>, agent: Agent, sent: SentView) -> Result<Exit> {
    let progress = Progress::start(here.out, "waiting until it is durable");
    let durable = agent
        .wait_sent(sent.document, sent.to, SentState::Durable, here.wait())
        .await;
    drop(progress);
    let letters = letters(&agent).await?;
    let (sent, fault) = match durable {
        Ok(sent) => (sent, None),
        Err(error) => (sent, Some(Fault::from(error))),
    };
    here.out.list(&[shown::sent(here.out, &sent, letters)], "")?;
    match fault {
        None => {
            // The proof of its time follows the document.
            here.let_go(agent).await;
            Ok(Exit::Done)
        }
        Some(fault) => {
            agent.close().await;
            here.out
                .fault(&fault.clone().then("telesphor sync; telesphor sent"));
            Ok(fault.exit())
        }
    }
}

/// Several, within one time for all of them; the first fault is the answer.
pub(super) async fn until_all_durable(here: &Here<'_>, agent: Agent, sent: Vec<SentView>) -> Result<Exit> {
    let progress = Progress::start(here.out, "waiting until everything is durable");
    let deadline = Instant::now() + here.wait();
    let letters = letters(&agent).await?;
    let (mut rows, mut fault) = (Vec::new(), None);
    for one in sent {
        let left = deadline.saturating_duration_since(Instant::now());
        let row = match agent
            .wait_sent(one.document, one.to, SentState::Durable, left)
            .await
        {
            Ok(durable) => shown::sent(here.out, &durable, letters),
            Err(error) => {
                fault.get_or_insert(Fault::from(error));
                shown::sent(here.out, &one, letters)
            }
        };
        rows.push(row);
    }
    drop(progress);
    here.out.list(&rows, "")?;
    here.let_go(agent).await;
    match fault {
        None => Ok(Exit::Done),
        Some(fault) => Err(fault.then("telesphor sync; telesphor sent")),
    }
}
