//! `share`, `revoke`, `who`, and whom documents may go to.

use telesphor_agent::views::{ContactState, ContactView, DocumentView, GrantView, Revoked, SharePlan};
use telesphor_agent::{Agent, ShareRequest};
use telesphor_clinical::scope::Scopes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId};

use super::durable::{letters, until_all_durable};
use super::session::Here;
use crate::args;
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::{Progress, Row};
use crate::{short, shown};

/// The end of a share that has none but the owner's word.
pub(super) const UNTIL_REVOKED: &str = "revoked";

/// Clinical content goes to somebody whose words were compared, unless it is said explicitly.
pub(super) fn refuse_unverified(here: &Here<'_>, to: &ContactView, anyway: bool) -> Result<()> {
    if to.state == ContactState::Verified || anyway {
        return Ok(());
    }
    here.out.hint(&format!(
        "The words to compare with {}: {}",
        to.alias,
        to.words.join(" ")
    ));
    Err(Fault::of(ErrorCode::Unverified).then(format!(
        "telesphor contacts confirm {}, or --unverified",
        to.alias
    )))
}

/// A contact's identity, or one's own for `me`.
pub(super) async fn person(agent: &Agent, who: &str) -> Result<IdentityId> {
    if who == "me" {
        return Ok(agent.me().await?.id);
    }
    Ok(agent.contact(who).await?.id)
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

/// `share`: preview, yes, then until everything is durable.
pub(super) async fn share(here: &Here<'_>, args: &args::Share) -> Result<Exit> {
    if let Some(granted) = super::teams::granted_to(args)? {
        return super::teams::share(here, args, granted).await;
    }
    let until = match args.until.as_str() {
        UNTIL_REVOKED => None,
        when => Some(here.until(when)?),
    };
    let agent = here.open(true).await?;
    let to = agent.contact(&args.whom).await?;
    refuse_unverified(here, &to, args.unverified)?;
    let (scopes, documents) = what(&agent, &args.what).await?;
    let request = ShareRequest {
        with: args.whom.clone(),
        scopes,
        documents,
        until,
        why: args.why.clone(),
        although_unverified: args.unverified,
    };
    let plan = agent.plan_share(&request).await?;
    for line in preview(&to, &plan) {
        here.out.words(&line);
    }
    here.out.words(match until {
        Some(_) => "The relay ends it then by its own clock, with every device switched off.",
        None => "It ends when you revoke it.",
    });
    if plan.shown.is_empty() {
        return Err(Fault::of(ErrorCode::NotFound).with("there is no document to share"));
    }
    if !args.yes && here.asking().can_ask() && !here.asking().yes("Share?")? {
        here.out.words("nothing was shared");
        agent.close().await;
        return Ok(Exit::Refused);
    }
    let sent = agent.share(request).await.map_err(|error| match error.code {
        // Another end is another mailbox, and the places for them are used up.
        ErrorCode::AdmissionInvalid => Fault::from(error).then("telesphor identity admit LINK"),
        _ => Fault::from(error),
    })?;
    until_all_durable(here, agent, sent).await
}

/// What will happen, in words.
fn preview(to: &ContactView, plan: &SharePlan) -> Vec<String> {
    let mut lines = vec![format!("{} will see {} documents.", to.name, plan.shown.len())];
    lines.extend(left_out(plan));
    lines
}

/// What a role will see, and what not.
pub(super) fn plan_lines(plan: &SharePlan) -> Vec<String> {
    let mut lines = vec![format!("Documents: {}.", plan.shown.len())];
    lines.extend(left_out(plan));
    lines
}

pub(super) fn left_out(plan: &SharePlan) -> Vec<String> {
    let mut lines = Vec::new();
    if !plan.outside.is_empty() {
        let rest: Vec<String> = plan
            .outside
            .iter()
            .map(|(scope, n)| format!("{scope} ({n})"))
            .collect();
        lines.push(format!("Not: {}.", rest.join(", ")));
    }
    for (document, missing) in &plan.withheld {
        lines.push(format!(
            "Withheld: {}, because it is also marked {}. To share it, name it: {}",
            telesphor_clinical::text::shown(&document.title),
            missing.join(" and "),
            short::cut(&document.id.to_string(), 12),
        ));
    }
    lines
}

/// `revoke`.
pub(super) async fn revoke(here: &Here<'_>, args: &args::Revoke) -> Result<Exit> {
    if let Some(role) = super::teams::role_at(&args.who) {
        return super::teams::revoke(here, args, role).await;
    }
    let agent = here.open(true).await?;
    let alias = match agent.contact(&args.who).await {
        Ok(contact) => contact.alias,
        // Somebody to whom only the holder of a mandate has shown something.
        Err(error) if error.code == ErrorCode::NotFound => args.who.clone(),
        Err(error) => return Err(error.into()),
    };
    let (scopes, documents) = what(&agent, &args.what).await?;
    let ended = agent.revoke(&args.who, scopes, documents).await?;
    show_revoked(here, &alias, &ended)?;
    let progress = Progress::start(here.out, "ending it at the relay");
    let told = agent.settle(here.wait()).await;
    drop(progress);
    agent.close().await;
    told.map(|()| Exit::Done).map_err(Fault::from)
}

/// What a revocation ended, and what it cannot.
pub(super) fn show_revoked(here: &Here<'_>, who: &str, ended: &Revoked) -> Result<()> {
    let now = here.now_ms();
    here.out.one(
        &Row::new()
            .text("who", "WHO", who)
            .both(
                "ended",
                "GRANTS ENDED",
                ended.grants as u64,
                &ended.grants.to_string(),
            )
            .both(
                "documents",
                "DOCUMENTS",
                ended.documents as u64,
                &ended.documents.to_string(),
            )
            .both("opened", "OPENED", ended.opened as u64, &ended.opened.to_string())
            .instant("at", "AT", Some(now), &here.out.exactly(now)),
    )?;
    here.out.hint(&shown::revoked_words(who, ended));
    Ok(())
}

/// `who`.
pub(super) async fn who(here: &Here<'_>, args: &args::Who) -> Result<Exit> {
    let (agent, stale) = here.open_fresh().await?;
    let grants = agent.who().await?;
    let wanted: Vec<GrantView> = match args.what.as_deref() {
        None => grants,
        Some(word) => match word.strip_prefix("scope:") {
            Some(scope) => grants
                .into_iter()
                .filter(|g| g.scopes.iter().any(|s| s == scope))
                .collect(),
            None => match agent.contact(word).await {
                Ok(contact) => grants.into_iter().filter(|g| g.with == contact.id).collect(),
                Err(_) => {
                    let document: DocumentView = agent.document(word).await?;
                    grants.into_iter().filter(|g| g.document == document.id).collect()
                }
            },
        },
    };
    let letters = letters(&agent).await?;
    let rows: Vec<Row> = wanted
        .iter()
        .map(|g| shown::grant(here.out, g, letters))
        .collect();
    here.out.list(&rows, "nobody but you")?;
    here.finish(agent, stale).await
}
