//! `claim`: what an insurer needs of documents, and nothing else of them.

use telesphor_agent::{ParcelDraft, Shown};
use telesphor_clinical::claim::{billing, resource_type};
use telesphor_clinical::header::DocumentKind;

use super::disclose::{chosen, faults};
use super::durable::until_durable;
use super::session::Here;
use crate::args;
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::Row;
use crate::shown;

/// `claim`.
pub(super) async fn claim(here: &Here<'_>, args: &args::Claim) -> Result<Exit> {
    if args.what.is_empty() && args.note.is_empty() {
        return Err(Fault::usage("nothing to claim: name a document, or --note"));
    }
    let agent = here.open(true).await?;
    let insurer = agent.contact(&args.who).await?;
    super::sharing::refuse_unverified(here, &insurer, args.unverified)?;
    let (mut rows, mut shows): (Vec<Row>, Vec<Shown>) = (Vec::new(), Vec::new());
    let me = agent.me().await?.id;
    for what in &args.what {
        let (document, leaves) = agent.parts(what).await?;
        let parts = billing(&leaves, args.diagnoses);
        if parts.is_empty() {
            let kind = resource_type(&leaves).unwrap_or("document").to_owned();
            return Err(Fault::usage(format!(
                "{what}: no billing codes in {kind}; choose its parts with `telesphor disclose {what}`, or give it whole with --note"
            )));
        }
        if document.author == me {
            here.out.words(&format!(
                "{what} is signed by yourself: an insurer will ask for what a provider signed"
            ));
        }
        for leaf in chosen(&leaves, &parts, what)? {
            rows.push(
                Row::new()
                    .text("of", "OF", &document.title)
                    .with(shown::parts::leaf(leaf)),
            );
        }
        shows.push(Shown {
            what: document.id.to_string(),
            parts,
        });
    }
    for note in &args.note {
        let document = agent.document(note).await?;
        rows.push(
            Row::new()
                .text("of", "OF", &document.title)
                .text("path", "PATH", "$")
                .text("kind", "KIND", "whole")
                .text("values", "VALUE", "all of it"),
        );
        shows.push(Shown {
            what: document.id.to_string(),
            parts: Vec::new(),
        });
    }
    here.out.list(&rows, "")?;
    here.out.words(&format!(
        "{} will see this, for good, and nothing else of these documents.",
        insurer.name
    ));
    if !args.yes && here.asking().can_ask() && !here.asking().yes("Claim?")? {
        here.out.words("nothing was claimed");
        agent.close().await;
        return Ok(Exit::Refused);
    }
    let answers = match &args.adds_to {
        Some(id) => Some(agent.document(id).await?.id),
        None => None,
    };
    let draft = ParcelDraft {
        kind: DocumentKind::Claim,
        title: args.title.clone().unwrap_or_else(|| match &args.policy {
            Some(policy) => format!("Claim, policy {policy}"),
            None => "Claim".to_owned(),
        }),
        reference: args.policy.clone(),
        question: args.question.clone(),
        answers,
        shown: shows,
    };
    let sent = agent.show(&insurer.alias, draft).await.map_err(faults)?;
    until_durable(here, agent, sent).await
}
