//! `refer ...`, `gather ...`.

use telesphor_agent::views::{DocumentView, ItemState};
use telesphor_agent::{Agent, BundleDraft};
use telesphor_wire::ids::DocumentId;

use super::session::Here;
use crate::args::{Gather, GatherAnswer, GatherAsk, Refer, ReferCheck, ReferGive};
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::{Progress, Row};
use crate::shown;

/// `refer ...`.
pub(super) async fn refer(here: &Here<'_>, act: &Refer) -> Result<Exit> {
    match act {
        Refer::Give(args) => give(here, args).await,
        Refer::Check(args) => check(here, args).await,
    }
}

/// `gather ...`.
pub(super) async fn gather(here: &Here<'_>, act: &Gather) -> Result<Exit> {
    match act {
        Gather::Ask(args) => ask(here, args).await,
        Gather::Answer(args) => answer(here, args).await,
        Gather::List => list(here).await,
    }
}

async fn give(here: &Here<'_>, args: &ReferGive) -> Result<Exit> {
    let agent = here.open(true).await?;
    let doctor = agent.contact(&args.who).await?;
    super::sharing::refuse_unverified(here, &doctor, args.unverified)?;
    let mut draft = BundleDraft {
        to: doctor.id,
        referral: None,
        documents: Vec::new(),
        scopes: super::documents::scopes(&args.scope)?,
        words: args.why.clone(),
    };
    for what in &args.what {
        draft.documents.push(agent.document(what).await?.id);
    }
    if let Some(what) = &args.referral {
        draft.referral = Some(agent.document(what).await?.id);
    }
    let plan = agent.plan_bundle(draft.clone()).await?;
    if plan.is_empty() {
        return Err(Fault::usage("nothing to give: name documents, or --scope"));
    }
    let question = format!(
        "Give these {} documents to {}, for good?",
        plan.len(),
        doctor.name
    );
    let row = |d: &DocumentView| {
        let row = Row::new()
            .text("kind", "KIND", &d.kind)
            .text("title", "TITLE", &d.title);
        row.text("by", "BY", &d.author_name)
    };
    let asks = !args.yes && here.asking().can_ask();
    if asks {
        here.out.list(&plan.iter().map(row).collect::<Vec<Row>>(), "")?;
    }
    if asks && !here.asking().yes(&question)? {
        here.out.words("nothing was given");
        agent.close().await;
        return Ok(Exit::Refused);
    }
    let id = agent.give_bundle(draft).await?;
    gone(here, agent, id).await
}

/// Waits until a list and all before it are with a relay, and says which it is.
async fn gone(here: &Here<'_>, agent: Agent, id: DocumentId) -> Result<Exit> {
    let progress = Progress::start(here.out, "waiting until everything is durable");
    let gone = agent.wait_gone(vec![id], here.wait()).await;
    drop(progress);
    let view = agent.check_bundle(&id.to_string()).await?;
    here.out.one(&shown::gather::list_of(&view))?;
    here.let_go(agent).await;
    match gone {
        Ok(()) => Ok(Exit::Done),
        Err(error) => Err(Fault::from(error).then("telesphor sync; telesphor sent")),
    }
}

async fn check(here: &Here<'_>, args: &ReferCheck) -> Result<Exit> {
    let (agent, stale) = here.open_fresh().await?;
    let view = agent.check_bundle(&args.what).await?;
    here.out.one(&shown::gather::list_of(&view))?;
    if let Some(code) = view.failed {
        agent.close().await;
        return Err(Fault::of(code));
    }
    let bad = view
        .items
        .iter()
        .any(|i| matches!(i.state, ItemState::NotGenuine(_)));
    let missing = view.items.iter().any(|i| i.state == ItemState::Missing);
    let exit = here.finish(agent, stale).await?;
    Ok(match (bad, missing) {
        (true, _) => Exit::NotGenuine,
        (false, true) => Exit::NotYet,
        (false, false) => exit,
    })
}

async fn ask(here: &Here<'_>, args: &GatherAsk) -> Result<Exit> {
    let agent = here.open(true).await?;
    for who in &args.who {
        agent.gather_ask(who, &args.why).await?;
    }
    let progress = Progress::start(here.out, "waiting until it is durable");
    let settled = agent.settle(here.wait()).await;
    drop(progress);
    let rows: Vec<_> = agent
        .gathered()
        .await?
        .iter()
        .map(|g| shown::gather::request(here.out, g))
        .collect();
    here.out.list(&rows, "")?;
    agent.close().await;
    settled.map(|()| Exit::Done).map_err(Fault::from)
}

async fn answer(here: &Here<'_>, args: &GatherAnswer) -> Result<Exit> {
    let (agent, _) = here.open_fresh().await?;
    let id = agent.gather_answer(&args.who).await?;
    gone(here, agent, id).await
}

async fn list(here: &Here<'_>) -> Result<Exit> {
    let (agent, stale) = here.open_fresh().await?;
    let all = agent.gathered().await?;
    let rows: Vec<_> = all.iter().map(|g| shown::gather::request(here.out, g)).collect();
    here.out.list(&rows, "nobody was asked, and nobody has asked")?;
    here.finish(agent, stale).await
}
