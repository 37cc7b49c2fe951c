//! `--as WHOM`: what is done for somebody else, by a mandate.

use telesphor_agent::views::{DocumentView, GrantView, LogLine, MandateAsked};
use telesphor_agent::{Agent, ShareRequest};
use telesphor_clinical::mandate::Power;
use telesphor_clinical::scope::Scopes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::DocumentId;

use super::durable::{letters, until_all_durable};
use super::session::Here;
use super::sharing::UNTIL_REVOKED;
use crate::args::{self, Command};
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::{Progress, Row};
use crate::shown;

/// Lines of the log that are looked at.
const LOG: usize = 10_000;

/// Carries a command out for somebody else.
pub(super) async fn act(here: &Here<'_>, whom: &str, command: &Command) -> Result<Exit> {
    match command {
        Command::Share(args) => share(here, whom, args).await,
        Command::Revoke(args) => revoke(here, whom, args).await,
        Command::Who(args) => who(here, whom, args).await,
        Command::Log(args) => log(here, whom, args).await,
        Command::Inbox(args) => inbox(here, whom, args).await,
        Command::List(args) => list(here, whom, args).await,
        Command::Read(args) => super::documents::read_for(here, args, Some(whom)).await,
        Command::Add(args) => super::documents::add_for(here, args, Some(whom)).await,
        Command::Mandate(args::Mandate::Give(_)) => Err(Fault::of(ErrorCode::MandateGivenOn)),
        _ => Err(Fault::usage(
            "with --as there are: share, revoke, who, log, inbox, list, read, add",
        )),
    }
}

/// `scope:NAME` and document ids, told apart.
async fn what(agent: &Agent, words: &[String]) -> Result<(Scopes, Vec<DocumentId>)> {
    let (mut names, mut documents) = (Vec::new(), Vec::new());
    for word in words {
        match word.strip_prefix("scope:") {
            Some(name) => names.push(name.to_owned()),
            None => documents.push(agent.document(word).await?.id),
        }
    }
    Ok((super::documents::scopes(&names)?, documents))
}

async fn share(here: &Here<'_>, whom: &str, args: &args::Share) -> Result<Exit> {
    if super::teams::role_at(&args.whom).is_some() {
        return Err(Fault::usage(
            "a role can be granted something by the person alone",
        ));
    }
    let until = match args.until.as_str() {
        UNTIL_REVOKED => None,
        when => Some(here.until(when)?),
    };
    let (agent, _) = here.open_fresh().await?;
    agent.may(whom, Power::Share).await?;
    let to = agent.contact(&args.whom).await?;
    super::sharing::refuse_unverified(here, &to, args.unverified)?;
    let (scopes, documents) = what(&agent, &args.what).await?;
    let request = ShareRequest {
        with: args.whom.clone(),
        scopes,
        documents,
        until,
        why: args.why.clone(),
        although_unverified: args.unverified,
    };
    let (plan, end) = agent.plan_share_as(whom, &request).await?;
    here.out.words(&format!(
        "For {whom}, by mandate: {} will see {} documents.",
        telesphor_clinical::text::shown(&to.name),
        plan.shown.len()
    ));
    for line in super::sharing::left_out(&plan) {
        here.out.words(&line);
    }
    here.out.words(&match (until, end) {
        (None, Some(end)) => format!("It ends with the mandate, {}.", here.out.exactly(end)),
        (None, None) => "It ends when it is revoked, or with the mandate.".to_owned(),
        _ => "The relay ends it then by its own clock, with every device switched off.".to_owned(),
    });
    if plan.shown.is_empty() {
        return Err(Fault::of(ErrorCode::NotFound).with("there is no document to share"));
    }
    if !args.yes && here.asking().can_ask() && !here.asking().yes("Share?")? {
        here.out.words("nothing was shared");
        agent.close().await;
        return Ok(Exit::Refused);
    }
    let sent = agent
        .share_as(whom, request)
        .await
        .map_err(|error| match error.code {
            ErrorCode::AdmissionInvalid => Fault::from(error).then("telesphor identity admit LINK"),
            _ => Fault::from(error),
        })?;
    until_all_durable(here, agent, sent).await
}

async fn revoke(here: &Here<'_>, whom: &str, args: &args::Revoke) -> Result<Exit> {
    let (agent, _) = here.open_fresh().await?;
    agent.may(whom, Power::Revoke).await?;
    let (scopes, documents) = what(&agent, &args.what).await?;
    let asked = agent
        .revoke_as(whom, &args.who, scopes, documents, here.wait())
        .await?;
    if asked.done.grants > 0 {
        super::sharing::show_revoked(here, &args.who, &asked.done)?;
    }
    let exit = theirs(here, whom, &args.who, &asked)?;
    let progress = Progress::start(here.out, "ending it at the relay");
    let told = agent.settle(here.wait()).await;
    drop(progress);
    agent.close().await;
    told.map_err(Fault::from)?;
    Ok(exit)
}

/// What a device of the other's has done, or is still to do.
fn theirs(here: &Here<'_>, whom: &str, who: &str, asked: &MandateAsked) -> Result<Exit> {
    match (&asked.theirs, asked.refused) {
        (Some(ended), _) => {
            super::sharing::show_revoked(here, who, ended)?;
            Ok(Exit::Done)
        }
        // Nothing of the other's own was there to end.
        (None, Some(ErrorCode::NotFound)) if asked.done.grants > 0 => Ok(Exit::Done),
        (None, Some(code)) => Err(Fault::of(code)),
        (None, None) if asked.asked => {
            here.out.words(&format!(
                "{whom} granted this: it ends when a device of theirs is next on. Asked, signed by you; nothing more is to be done here."
            ));
            Ok(Exit::NotYet)
        }
        (None, None) => Ok(Exit::Done),
    }
}

async fn who(here: &Here<'_>, whom: &str, args: &args::Who) -> Result<Exit> {
    let (agent, stale) = here.open_fresh().await?;
    let wanted: Vec<GrantView> = agent
        .who_as(whom)
        .await?
        .into_iter()
        .filter(|g| match args.what.as_deref() {
            None => true,
            Some(word) => match word.strip_prefix("scope:") {
                Some(scope) => g.scopes.iter().any(|s| s == scope),
                None => g.alias == word || g.document.to_string().contains(word),
            },
        })
        .collect();
    let letters = letters(&agent).await?;
    let rows: Vec<Row> = wanted
        .iter()
        .map(|g| shown::grant(here.out, g, letters))
        .collect();
    here.out.list(&rows, "nobody, as far as the mandate reaches")?;
    reach(here, whom);
    here.finish(agent, stale).await
}

async fn log(here: &Here<'_>, whom: &str, args: &args::Log) -> Result<Exit> {
    if args.follow || args.all {
        return Err(Fault::usage("with --as, `log` takes --since and --by"));
    }
    let since = match &args.since {
        Some(text) => crate::dates::since(text, here.out.now, &here.out.zone)?.ms(),
        None => 0,
    };
    let (agent, stale) = here.open_fresh().await?;
    let lines: Vec<LogLine> = agent
        .log_as(whom, LOG)
        .await?
        .into_iter()
        .filter(|l| l.at >= since && args.by.as_ref().is_none_or(|by| l.alias == *by))
        .collect();
    let rows: Vec<Row> = lines
        .iter()
        .map(|l| super::log::row(here.out, l, here.now_ms()))
        .collect();
    here.out
        .list(&rows, "nobody looked at anything, as far as the mandate reaches")?;
    reach(here, whom);
    here.finish(agent, stale).await
}

/// What a list for somebody else is worth.
fn reach(here: &Here<'_>, whom: &str) {
    here.out.words(&format!(
        "Only what lies in the scopes of the mandate, as the devices of {whom} last told it; what you did in their name is as it stands here."
    ));
}

async fn inbox(here: &Here<'_>, whom: &str, args: &args::Inbox) -> Result<Exit> {
    let (agent, stale) = here.open_fresh().await?;
    let mut wanted: Vec<DocumentView> = agent
        .documents_as(whom)
        .await?
        .into_iter()
        .filter(|d| d.from.is_some() && !d.ended)
        .filter(|d| !args.unread || !d.opened)
        .collect();
    wanted.sort_by_key(|d| (!d.urgent, std::cmp::Reverse(d.arrived)));
    let known = agent.documents().await?;
    here.out.list(
        &shown::documents(here.out, &wanted, &known),
        "nothing is shown to you of this record yet",
    )?;
    here.finish(agent, stale).await
}

async fn list(here: &Here<'_>, whom: &str, args: &args::List) -> Result<Exit> {
    let agent = here.open(false).await?;
    let wanted: Vec<DocumentView> = agent
        .documents_as(whom)
        .await?
        .into_iter()
        .filter(|d| args.scope.as_ref().is_none_or(|s| d.scopes.contains(s)))
        .collect();
    let known = agent.documents().await?;
    agent.close().await;
    here.out.list(
        &shown::documents(here.out, &wanted, &known),
        "nothing is shown to you of this record yet",
    )?;
    Ok(Exit::Done)
}
