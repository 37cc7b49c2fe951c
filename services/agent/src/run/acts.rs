//! `ack`, `amend`, `retract`, and what other commands say of documents that are not current.

use std::time::Duration;

use telesphor_agent::views::{
    Awaited, DocumentView, HadIt, Retracted, RetractedView, SentView, StandingView,
};
use telesphor_agent::{Agent, Correction, RetractRequest};
use telesphor_clinical::retraction::RetractionReason;
use telesphor_wire::error::ErrorCode;

use super::durable::letters;
use super::session::Here;
use crate::args::{self, Why};
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::Progress;
use crate::{short, shown};

/// The instant so much later than now.
pub(super) fn by(here: &Here<'_>, within: Duration) -> u64 {
    here.now_ms()
        .saturating_add(u64::try_from(within.as_millis()).unwrap_or(u64::MAX))
}

/// `ack`: done when the answer is durable.
pub(super) async fn ack(here: &Here<'_>, args: &args::Ack) -> Result<Exit> {
    let agent = here.open(true).await?;
    let declined = args.decline.then(|| args.why.clone().unwrap_or_default());
    match agent.acknowledge(&args.id, declined).await {
        Err(error) if error.code == ErrorCode::Retracted => {
            let fault = taken_back(here, &agent, &args.id).await?;
            agent.close().await;
            return Err(fault);
        }
        other => other?,
    }
    let document = agent.document(&args.id).await?;
    let letters = letters(&agent).await?;
    here.out.one(&shown::document(here.out, &document, letters))?;
    let progress = Progress::start(here.out, "telling the sender");
    let told = agent.settle(here.wait()).await;
    drop(progress);
    agent.close().await;
    match told {
        Ok(()) => Ok(Exit::Done),
        Err(error) => Err(Fault::from(error).then("telesphor sync: the answer is kept and goes by itself")),
    }
}

/// `amend`: done when durable for everybody who is shown it.
pub(super) async fn amend(here: &Here<'_>, args: &args::Amend) -> Result<Exit> {
    let body = super::input::bytes(&args.file)?;
    let extension = args.file.extension().and_then(|e| e.to_str());
    let extension = extension.unwrap_or_default().to_lowercase();
    let agent = here.open(true).await?;
    let before = agent.document(&args.id).await?;
    let is = super::written::checked_type(&args.file, &extension, &body)?;
    let format = match extension.is_empty() {
        true => before.format.clone(),
        false => is.to_owned(),
    };
    let correction = Correction {
        format,
        title: args.title.clone(),
        body,
        urgent: args.urgent,
        acknowledge_by: args.ack_by.map(|within| by(here, within)),
    };
    let amended = match agent.amend(&args.id, correction).await {
        Err(error) => {
            let fault = not_current(here, &agent, &args.id, error).await?;
            agent.close().await;
            return Err(fault);
        }
        Ok(amended) => amended,
    };
    let progress = Progress::start(here.out, "waiting until it is durable");
    let gone = agent.wait_gone(vec![amended.document], here.wait()).await;
    drop(progress);
    let letters = letters(&agent).await?;
    here.out.one(&shown::acts::amended(&amended, letters))?;
    here.out.hint(&format!(
        "{} stays as it was signed, and is shown as replaced.",
        short::cut(&before.id.to_string(), letters)
    ));
    here.let_go(agent).await;
    match gone {
        Ok(()) => Ok(Exit::Done),
        Err(error) => Err(Fault::from(error).then("telesphor sync; telesphor sent")),
    }
}

/// `retract`: asks, then until everybody's copy of the word is durable.
pub(super) async fn retract(here: &Here<'_>, args: &args::Retract) -> Result<Exit> {
    let agent = here.open(true).await?;
    let document = agent.document(&args.id).await?;
    here.out.words(&format!(
        "{}: {} will be taken back from everybody who was sent or shown it.",
        short::cut(&document.id.to_string(), letters(&agent).await?),
        document.title
    ));
    here.out
        .words("Programs hide it from then on. What was read, remembered, printed or copied stays so.");
    if !args.yes && here.asking().can_ask() && !here.asking().yes("Take it back?")? {
        here.out.words("nothing was taken back");
        agent.close().await;
        return Ok(Exit::Refused);
    }
    let request = RetractRequest {
        what: args.id.clone(),
        reason: match args.why {
            Why::WrongPatient => RetractionReason::WrongPatient,
            Why::Error => RetractionReason::Error,
        },
        words: args.words.clone(),
        belongs_to: args.belongs_to.clone(),
    };
    let back = match agent.retract(request).await {
        Err(error) => {
            let fault = not_current(here, &agent, &args.id, error).await?;
            agent.close().await;
            return Err(fault);
        }
        Ok(back) => back,
    };
    let rows: Vec<_> = back
        .had
        .iter()
        .map(|h| shown::acts::had(here.out, h, &back))
        .collect();
    here.out.list(&rows, "taken back; it had not gone to anybody")?;
    for line in who_opened(&back) {
        here.out.words(&line);
    }
    let progress = Progress::start(here.out, "waiting until the word is durable");
    let told = agent.wait_gone(back.retractions.clone(), here.wait()).await;
    drop(progress);
    agent.close().await;
    match told {
        Ok(()) => Ok(Exit::Done),
        Err(error) => Err(Fault::from(error).then("telesphor sync; telesphor sent")),
    }
}

/// Who had opened what was taken back, and who was told, in words.
fn who_opened(back: &Retracted) -> Vec<String> {
    let names = |f: &dyn Fn(&HadIt) -> bool| -> String {
        let all: Vec<&str> = back
            .had
            .iter()
            .filter(|h| f(h))
            .map(|h| h.alias.as_str())
            .collect();
        all.join(", ")
    };
    let opened = names(&|h| h.opened.is_some());
    let untold = names(&|h| !h.told && !h.stopped);
    let mut lines = Vec::new();
    if !back.had.is_empty() {
        lines.push(match opened.is_empty() {
            true => "Nobody had opened it, as far as is known; `sent` shows it if that changes.".to_owned(),
            false => format!("Had opened it, and may remember or have copied it: {opened}."),
        });
    }
    if !untold.is_empty() {
        lines.push(format!(
            "Not a contact any more, so tell them yourself: {untold}."
        ));
    }
    if !back.notified.is_empty() {
        lines.push(format!(
            "Patients told in words of their own: {}.",
            back.notified.join(", ")
        ));
    }
    lines
}

/// What was taken back cannot be read any more; the word that it was is read instead.
pub(super) const fn is_taken_back(document: &DocumentView) -> bool {
    matches!(document.standing, StandingView::Retracted(_))
}

/// When and why a document was taken back, in words.
pub(super) async fn taken_back(here: &Here<'_>, agent: &Agent, what: &str) -> Result<Fault> {
    let document = agent.document(what).await?;
    Ok(match &document.standing {
        StandingView::Retracted(back) => gone(here, &document, back),
        _ => Fault::of(ErrorCode::Retracted),
    })
}

fn gone(here: &Here<'_>, document: &DocumentView, back: &RetractedView) -> Fault {
    Fault::of(ErrorCode::Retracted).with(shown::acts::gone_words(here.out, document, back))
}

/// An error about a document that is not the current one, with the one that is.
async fn not_current(
    here: &Here<'_>,
    agent: &Agent,
    what: &str,
    error: telesphor_agent::Error,
) -> Result<Fault> {
    if !matches!(error.code, ErrorCode::Replaced | ErrorCode::Retracted) {
        return Ok(error.into());
    }
    let document = agent.document(what).await?;
    let letters = letters(agent).await?;
    let words = shown::acts::standing_words(here.out, &document.standing, letters);
    Ok(Fault::of(error.code).with(words))
}

/// Says loudly that an opened document is not current.
pub(super) fn warn(here: &Here<'_>, document: &DocumentView, letters: usize) {
    if !document.standing.is_current() {
        here.out.words(&format!(
            "NOT CURRENT: {}",
            shown::acts::standing_words(here.out, &document.standing, letters)
        ));
    }
}

/// What an inbox says at its end: what is urgent, and what nobody has accepted, here or there.
pub(super) fn summary(here: &Here<'_>, shown: &[DocumentView], sent: &[SentView]) {
    let count = |f: &dyn Fn(&DocumentView) -> bool| shown.iter().filter(|d| f(d)).count();
    let urgent = count(&|d| d.urgent && d.standing.is_current());
    let open = count(&|d| d.awaited.is_open());
    let late = count(&|d| matches!(d.awaited, Awaited::Late(_)));
    if urgent + open > 0 {
        let late = match late {
            0 => String::new(),
            n => format!(", {n} of them not in time"),
        };
        here.out.hint(&format!(
            "{urgent} urgent, {open} not accepted by anybody{late}: telesphor ack WHAT"
        ));
    }
    let theirs = sent
        .iter()
        .filter(|s| matches!(s.awaited, Awaited::Late(_) | Awaited::Declined))
        .count();
    if theirs > 0 {
        here.out.words(&format!(
            "of what you sent, {theirs} not accepted in time or declined: telesphor sent"
        ));
    }
}
