//! `mandate give|list|end`.

use telesphor_agent::MandateDraft;
use telesphor_agent::views::{MandateState, MandateView};
use telesphor_clinical::mandate::Power;
use telesphor_clinical::text::shown;
use telesphor_wire::error::ErrorCode;

use super::session::Here;
use crate::args::{Mandate, MandateGive};
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::{Out, Progress, Row};

/// The end of a mandate that has none but its giver's word.
const UNTIL_ENDED: &str = "ended";

/// `mandate give|list|end`.
pub(super) async fn mandate(here: &Here<'_>, act: &Mandate) -> Result<Exit> {
    match act {
        Mandate::Give(args) => give(here, args).await,
        Mandate::List => {
            let (agent, stale) = here.open_fresh().await?;
            let rows: Vec<Row> = agent.mandates().await?.iter().map(|m| row(here.out, m)).collect();
            here.out
                .list(&rows, "nobody acts for you, and you act for nobody")?;
            here.finish(agent, stale).await
        }
        Mandate::End(args) => {
            let agent = here.open(true).await?;
            let ended = agent.end_mandate(&args.what).await?;
            here.out.one(&row(here.out, &ended))?;
            let progress = Progress::start(here.out, "ending at the relay what rested on it");
            let settled = agent.settle(here.wait()).await;
            drop(progress);
            agent.close().await;
            here.out.hint(
                "What its holder was shown and the rooms he opened are closed; everybody you know gets the list that says so. What was read or copied stays with him.",
            );
            settled.map(|()| Exit::Done).map_err(Fault::from)
        }
    }
}

fn powers(words: &[String]) -> Result<Vec<Power>> {
    let known = |word: &String| {
        Power::from_word(word).ok_or_else(|| {
            let all: Vec<&str> = Power::KNOWN.iter().map(|p| p.word()).collect();
            Fault::usage(format!("no such power: {word}. There are: {}", all.join(", ")))
        })
    };
    words.iter().map(known).collect()
}

async fn give(here: &Here<'_>, args: &MandateGive) -> Result<Exit> {
    let powers = powers(&args.may)?;
    let until = match args.until.as_str() {
        UNTIL_ENDED => None,
        when => Some(here.until(when)?),
    };
    let scopes = super::documents::scopes(&args.scope)?;
    if powers.contains(&Power::Share) && !powers.contains(&Power::Read) {
        return Err(Fault::usage(
            "whoever shows documents must have them: --may read,share",
        ));
    }
    let agent = here.open(true).await?;
    let holder = agent.contact(&args.who).await?;
    super::sharing::refuse_unverified(here, &holder, args.unverified)?;
    let subject = match &args.whom {
        Some(who) => Some(agent.contact(who).await?),
        None => None,
    };
    let whose = subject.as_ref().map_or("your", |_| "their");
    let words: Vec<&str> = powers.iter().map(|p| p.word()).collect();
    here.out.words(&format!(
        "{} may {} for {}, {}.",
        shown(&holder.name),
        listed(&words),
        subject.as_ref().map_or("you".to_owned(), |s| shown(&s.name)),
        match args.scope.is_empty() {
            true => "in every scope".to_owned(),
            false => format!("in {} only", listed(&args.scope)),
        }
    ));
    if powers.contains(&Power::Read) && subject.is_none() && args.dormant_until_attested.is_none() {
        here.out.words(
            "Documents in reach are shown to the holder from now on, also later ones; the relay ends it by its own clock, with every device switched off.",
        );
    }
    if let Some(claim) = &args.dormant_until_attested {
        here.out.words(&format!(
            "It sleeps until {claim} is attested by somebody whose word is accepted (telesphor trust add WHO --for {claim}). Nothing is shown before that, and then by a device of {whose} own: one must be on.",
        ));
    }
    if subject.is_some() {
        here.out.words(
            "It counts for whoever trusts you for mandates (telesphor trust add YOU --for mandate). What is to be read is shown by a device of theirs: one must be on once.",
        );
    }
    if powers.contains(&Power::Revoke) {
        here.out.words(&format!(
            "What was granted by {whose} own hand is ended by a device of {whose} own, when one is next on.",
        ));
    }
    if !args.yes && here.asking().can_ask() && !here.asking().yes("Give it?")? {
        here.out.words("no mandate was given");
        agent.close().await;
        return Ok(Exit::Refused);
    }
    let given = agent
        .give_mandate(MandateDraft {
            holder: args.who.clone(),
            subject: args.whom.clone(),
            powers,
            scopes: (!scopes.is_empty()).then_some(scopes),
            until,
            dormant_until: args.dormant_until_attested.clone(),
            although_unverified: args.unverified,
        })
        .await
        .map_err(|error| match error.code {
            ErrorCode::AdmissionInvalid => Fault::from(error).then("telesphor identity admit LINK"),
            _ => Fault::from(error),
        })?;
    let progress = Progress::start(here.out, "telling its holder");
    let settled = agent.settle(here.wait()).await;
    drop(progress);
    here.out.one(&row(here.out, &given))?;
    agent.close().await;
    match settled {
        Ok(()) => Ok(Exit::Done),
        Err(error) => Err(Fault::from(error).then("telesphor sync")),
    }
}

/// `heart, allergies and medication`.
fn listed(words: &[impl AsRef<str>]) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.split_last() {
        None => String::new(),
        Some((one, [])) => (*one).to_owned(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// One mandate as a sentence, and its facts.
fn row(out: &Out, m: &MandateView) -> Row {
    let who = |me: bool, name: &str| if me { "you".to_owned() } else { shown(name) };
    let reach = match &m.scopes {
        Some(scopes) => listed(scopes),
        None => "every scope".to_owned(),
    };
    let words = format!(
        "{} may {} for {}: {reach}",
        who(m.held, &m.holder_name),
        listed(&m.powers),
        who(m.mine, &m.subject_name),
    );
    let until = m
        .until
        .map_or_else(|| "until it is ended".to_owned(), |ms| out.exactly(ms));
    let (state, standing) = match m.state {
        MandateState::Runs => ("runs", "runs".to_owned()),
        MandateState::NotYet => ("not-yet", format!("begins {}", out.exactly(m.from))),
        MandateState::Sleeps => (
            "sleeps",
            format!(
                "sleeps until {} is attested",
                m.dormant_until.as_deref().unwrap_or("something")
            ),
        ),
        MandateState::Over => ("over", "over, as agreed".to_owned()),
        MandateState::Ended => (
            "ended",
            m.ended
                .map_or_else(|| "ended".to_owned(), |ms| format!("ended {}", out.exactly(ms))),
        ),
        MandateState::NotProved(code) => ("not-proved", format!("does not count here: {}", code.words())),
    };
    let refused = match m.state {
        MandateState::NotProved(code) => Some(code.to_string()),
        _ => None,
    };
    Row::new()
        .text("id", "ID", &m.id)
        .text("words", "MANDATE", &words)
        .instant("until", "UNTIL", m.until, &until)
        .both("state", "STATE", state, &standing)
        .both("documents", "SHOWN", m.documents as u64, &m.documents.to_string())
        .more("holder", m.holder.to_string(), "")
        .more("subject", m.subject.to_string(), "")
        .more("issuer", m.issuer.to_string(), "")
        .more("issuer_name", m.issuer_name.clone(), "")
        .more("held", m.held, "")
        .more("may", m.powers.clone(), "")
        .more("scopes", m.scopes.clone(), "")
        .more("from", crate::out::rfc3339(Some(m.from)), "")
        .more("dormant_until", m.dormant_until.clone(), "")
        .more("ended", crate::out::rfc3339(m.ended), "")
        .more("error", refused, "")
}
