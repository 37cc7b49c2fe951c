//! `disclose`: parts of a document for one reader.

use telesphor_agent::views::{ContactView, DocumentView};
use telesphor_agent::{Agent, Disclosure, ParcelDraft, Shown};
use telesphor_clinical::fields::select::{NotAPart, select};
use telesphor_clinical::fields::{Leaf, Path as PartPath, path};
use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::presentation::Audience;
use telesphor_clinical::text::Text;
use telesphor_wire::error::ErrorCode;

use super::durable::until_durable;
use super::session::Here;
use crate::args;
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::shown;

/// What was typed, as a path.
pub(super) fn parse(text: &str) -> Result<PartPath> {
    path::parse(text).map_err(|e| Fault::usage(format!("{text}: {e}")))
}

/// Why a choice means nothing, and what to do.
fn not_a_part(why: &NotAPart, id: &str) -> Fault {
    Fault::of(ErrorCode::NoSuchPart)
        .with(why.to_string())
        .then(format!("telesphor disclose {id}"))
}

/// The leaves that paths mean.
pub(super) fn chosen<'a>(all: &'a [Leaf], wanted: &[PartPath], id: &str) -> Result<Vec<&'a Leaf>> {
    select(all, wanted).map_err(|why| not_a_part(&why, id))
}

/// `disclose`.
pub(super) async fn disclose(here: &Here<'_>, args: &args::Disclose) -> Result<Exit> {
    if let Some(file) = &args.output {
        super::identity::refuse_existing(file)?;
    }
    let wanted: Vec<PartPath> = args.show.iter().map(|text| parse(text)).collect::<Result<_>>()?;
    let agent = here.open(!wanted.is_empty()).await?;
    let (document, leaves) = agent.parts(&args.id).await?;
    if wanted.is_empty() {
        if leaves.is_empty() {
            return Err(not_a_part(&NotAPart::NoParts, &args.id));
        }
        let rows: Vec<_> = leaves.iter().map(shown::parts::leaf).collect();
        here.out.list(&rows, "")?;
        here.out.hint(
            "a guard goes with every part below it: it holds what could turn the meaning round.\nshow parts: telesphor disclose ID --show PATH --to WHO",
        );
        agent.close().await;
        return Ok(Exit::Done);
    }
    let picked = chosen(&leaves, &wanted, &args.id)?;
    let rows: Vec<_> = picked.into_iter().map(shown::parts::leaf).collect();
    if let (true, Some(file)) = (args.sd_jwt, &args.output) {
        let shows = Shown {
            what: document.id.to_string(),
            parts: wanted,
        };
        return super::sd_jwt::write(here, agent, args, file, shows, &rows).await;
    }
    let to = match &args.whom {
        Some(who) => Some(agent.contact(who).await?),
        None => None,
    };
    if let Some(to) = &to {
        super::sharing::refuse_unverified(here, to, args.unverified)?;
    }
    let reader = match (&to, &args.name) {
        (Some(to), _) => to.name.clone(),
        (None, Some(name)) => name.clone(),
        (None, None) => {
            return Err(Fault::usage(
                "to whom? --to CONTACT sends it; --for NAME --output FILE is for somebody who is no contact",
            ));
        }
    };
    let shows = Shown {
        what: document.id.to_string(),
        parts: wanted,
    };
    if let Some(file) = &args.output {
        let bytes = written(&agent, args, to.as_ref(), shows).await?;
        super::identity::write_new(file, &bytes)?;
        here.out.list(&rows, "")?;
        here.out
            .words(&format!("written to {}, made out to {reader}", file.display()));
        here.let_go(agent).await;
        return Ok(Exit::Done);
    }
    here.out.list(&rows, "")?;
    here.out.words(&format!(
        "{reader} will see this, for good, and nothing else of it."
    ));
    if !args.yes && here.asking().can_ask() && !here.asking().yes("Show?")? {
        here.out.words("nothing was shown");
        agent.close().await;
        return Ok(Exit::Refused);
    }
    let Some(to) = to else {
        return Err(Fault::of(ErrorCode::AgentFault));
    };
    let draft = ParcelDraft {
        kind: DocumentKind::from_word(&document.kind).unwrap_or(DocumentKind::Message),
        title: args.title.clone().unwrap_or_else(|| title(&document)),
        reference: None,
        question: args.question.clone(),
        answers: None,
        shown: vec![shows],
    };
    let sent = agent.show(&to.alias, draft).await.map_err(faults)?;
    until_durable(here, agent, sent).await
}

/// A title that tells no more than the parts do: the document's own may.
fn title(document: &DocumentView) -> String {
    format!("Parts of a {}", document.kind)
}

async fn written(
    agent: &Agent,
    args: &args::Disclose,
    to: Option<&ContactView>,
    shows: Shown,
) -> Result<Vec<u8>> {
    let text = |words: &str| Text::new(words).map_err(|e| Fault::usage(e.to_string()));
    let audience = match (to, &args.name) {
        (Some(to), _) => Audience::Identity(to.id),
        (None, name) => Audience::Named(text(name.as_deref().unwrap_or_default())?),
    };
    let disclosure = Disclosure {
        audience,
        nonce: args.question.as_deref().map(text).transpose()?,
        by_me: false,
    };
    agent.disclose(shows, disclosure).await.map_err(faults)
}

/// Who can act where parts cannot be shown.
pub(super) fn faults(error: telesphor_agent::Error) -> Fault {
    match error.code {
        ErrorCode::NotTheHolder => Fault::from(error).with(
            "only the one whom this document is about can show parts of it; give it whole, or ask them",
        ),
        _ => Fault::from(error),
    }
}
