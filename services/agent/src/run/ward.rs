//! `sign-in`, `sign-out`, `presence`, `prompt`, `team staff`.

use std::path::Path;
use std::time::Duration;

use telesphor_agent::Agent;
use telesphor_agent::views::{PresenceView, PresentView};
use telesphor_clinical::text::shown;
use telesphor_vault::{VaultPaths, session_lasts};
use telesphor_wire::error::ErrorCode;

use super::session::Here;
use crate::args::{self, Presence, Staff};
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::home::{Home, Who};
use crate::out::{Out, Row, qr};

/// What a shared device can and cannot prove, said where somebody signs in.
const WORTH: &str = "What is opened or written here names you and this place. It proves that you said you were here; that it was \
you at the keys, nothing proves: lock when you leave.";

/// Whoever is signed in, in one line.
pub(super) fn in_words(out: &Out, here: &PresentView) -> String {
    let role = match here.role.is_empty() {
        true => String::new(),
        false => format!(", {}", here.role),
    };
    shown(&format!(
        "signed in: {}{role}, at {}, \"{}\", until {}",
        here.name,
        here.place,
        here.device,
        out.short(here.until)
    ))
}

fn later(here: &Here<'_>, duration: Duration) -> u64 {
    here.now_ms()
        .saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// `sign-in`.
pub(super) async fn sign_in(here: &Here<'_>, args: &args::SignIn) -> Result<Exit> {
    let until = later(here, args.duration);
    let agent = here.open_session(until).await?;
    let signed = word(here, &agent, args, until).await;
    let signed = match signed {
        Ok(word) => agent.sign_in(&word, &args.role).await.map_err(Fault::from),
        Err(fault) => Err(fault),
    };
    agent.close().await;
    let present = signed?;
    here.home.note_who(
        &here.profile,
        &Who {
            name: present.name.clone(),
            place: format!("{}, \"{}\"", present.place, present.device),
            until: present.until,
        },
    )?;
    here.out.one(
        &Row::new()
            .text("name", "SIGNED IN", &present.name)
            .text("role", "ROLE", &present.role)
            .text("place", "AT", &present.place)
            .text("device", "DEVICE", &present.device)
            .instant(
                "until",
                "UNTIL",
                Some(present.until),
                &here.out.exactly(present.until),
            )
            .more("person", present.person.to_string(), &present.person.to_string()),
    )?;
    here.out.hint(WORTH);
    Ok(Exit::Done)
}

/// The person's word: as it was given, or said by his profile on this machine.
async fn word(here: &Here<'_>, agent: &Agent, args: &args::SignIn, until: u64) -> Result<String> {
    match (&args.word, &args.other) {
        (Some(word), _) if word == "-" => Ok(super::input::text(Path::new("-"))?.trim().to_owned()),
        (Some(word), _) => Ok(word.clone()),
        (None, Some(other)) => {
            let code = agent.presence_code().await.map_err(not_shared)?;
            let theirs = here.beside(other)?.open(false).await?;
            let said = theirs.say_presence(&code, until).await;
            theirs.close().await;
            Ok(said?)
        }
        (None, None) => Err(
            Fault::usage("who signs in? Give the word of the person's own device").then(
                "telesphor presence code here, telesphor presence say CODE there; or sign-in --with PROFILE",
            ),
        ),
    }
}

fn not_shared(error: telesphor_agent::Error) -> Fault {
    match error.code {
        ErrorCode::Usage => Fault::usage("nobody signs in here: one person has this device for himself"),
        _ => error.into(),
    }
}

/// `sign-out`.
pub(super) async fn sign_out(here: &Here<'_>) -> Result<Exit> {
    let agent = here.open(false).await?;
    let was = agent.sign_out().await;
    here.home.forget_who(&here.profile)?;
    agent.close().await;
    here.out.words(&match was? {
        Some(was) => format!("{} is not signed in any more", shown(&was.name)),
        None => "nobody was signed in".to_owned(),
    });
    Ok(Exit::Done)
}

/// `presence ...`.
pub(super) async fn presence(here: &Here<'_>, act: &Presence) -> Result<Exit> {
    match act {
        Presence::Code(args) => code(here, args).await,
        Presence::Say(args) => say(here, args).await,
        Presence::List => list(here).await,
    }
}

async fn code(here: &Here<'_>, args: &args::PresenceCode) -> Result<Exit> {
    let agent = here.open(false).await?;
    let code = agent.presence_code().await;
    agent.close().await;
    let code = code.map_err(not_shared)?;
    here.out.one(&Row::new().text("code", "CODE", &code))?;
    if args.qr
        && let Some(drawn) = qr(&code)
    {
        here.out.data(&drawn)?;
    }
    here.out
        .hint("On your own device: telesphor presence say CODE; then here: telesphor sign-in WORD");
    Ok(Exit::Done)
}

async fn say(here: &Here<'_>, args: &args::PresenceSay) -> Result<Exit> {
    let until = later(here, args.duration);
    let agent = here.open(false).await?;
    let asked = agent.presence_asked(&args.code).await?;
    let known = match &asked.known {
        Some(name) => format!("known to you as {}", shown(name)),
        None => "which you do not know".to_owned(),
    };
    let question = shown(&format!(
        "Are you at \"{}\" of {} ({known})? It is said until {}.",
        asked.device,
        asked.name,
        here.out.exactly(until)
    ));
    let yes = args.yes || here.asking().yes(&question)?;
    let said = match yes {
        true => agent.say_presence(&args.code, until).await.map_err(Fault::from),
        false => Err(Fault::of(ErrorCode::Unverified).with("nothing was said")),
    };
    agent.close().await;
    here.out.one(
        &Row::new()
            .text("word", "WORD", &said?)
            .instant("until", "UNTIL", Some(until), &here.out.exactly(until))
            .text("place", "AT", &asked.name)
            .text("device", "DEVICE", &asked.device),
    )?;
    Ok(Exit::Done)
}

fn row(out: &Out, p: &PresenceView) -> Row {
    let end = match p.left {
        true => format!("{}, left", out.short(p.until)),
        false => out.short(p.until),
    };
    Row::new()
        .text("name", "WHO", &p.name)
        .text("role", "ROLE", &p.role)
        .text("device", "DEVICE", &p.device)
        .instant("from", "FROM", Some(p.from), &out.short(p.from))
        .instant("until", "UNTIL", Some(p.until), &end)
        .more("left", p.left, "")
        .more("person", p.person.to_string(), "")
}

async fn list(here: &Here<'_>) -> Result<Exit> {
    let (agent, stale) = here.open_fresh().await?;
    let rows: Vec<Row> = agent
        .presences()
        .await?
        .iter()
        .map(|p| row(here.out, p))
        .collect();
    here.out.list(&rows, "nobody was here")?;
    here.finish(agent, stale).await
}

/// `prompt`: who is signed in, without opening anything.
pub(super) fn prompt(out: &Out, home: &Home, profiles: &[String], now: u64) -> Result<Exit> {
    for profile in profiles {
        let paths = VaultPaths::in_folder(&home.folder(profile));
        let open = session_lasts(&paths.session(), &home.session(profile)?, now);
        let who = home.who(profile)?.filter(|who| open && now < who.until);
        let state = match (&who, open) {
            (Some(who), _) => format!("{} at {} until {}", who.name, who.place, out.short(who.until)),
            (None, true) => "unlocked".to_owned(),
            (None, false) => "locked".to_owned(),
        };
        match out.form {
            crate::out::Form::Person => out.data(&shown(&format!("{profile}: {state}")))?,
            _ => out.list(
                &[Row::new()
                    .text("profile", "PROFILE", profile)
                    .text("state", "STATE", if open { "unlocked" } else { "locked" })
                    .text("signed_in", "SIGNED IN", who.as_ref().map_or("", |w| &w.name))
                    .instant("until", "UNTIL", who.map(|w| w.until), "")],
                "",
            )?,
        }
    }
    Ok(Exit::Done)
}

/// `team staff ...`.
pub(super) async fn staff(here: &Here<'_>, act: &Staff) -> Result<Exit> {
    match act {
        Staff::Name(args) => return name(here, args).await,
        Staff::Show => {
            let (agent, stale) = here.open_fresh().await?;
            here.out.words(how(agent.shows_pseudonyms().await?));
            return here.finish(agent, stale).await;
        }
        Staff::Names | Staff::Pseudonyms => {}
    }
    let pseudonyms = matches!(act, Staff::Pseudonyms);
    let agent = here.open(true).await?;
    agent.show_pseudonyms(pseudonyms).await?;
    here.out.words(how(pseudonyms));
    here.let_go(agent).await;
    Ok(Exit::Done)
}

const fn how(pseudonyms: bool) -> &'static str {
    match pseudonyms {
        true => {
            "Whoever is signed in at a device of this organisation is shown to patients by a pseudonym and a role, the same whenever \
that person looks. Patients see that it is one, and that this organisation can name the person: telesphor team staff name PSEUDONYM. \
Whoever opens something with a device of his own is named as before."
        }
        false => "Whoever is signed in at a device of this organisation is shown to patients by name.",
    }
}

async fn name(here: &Here<'_>, args: &args::StaffName) -> Result<Exit> {
    let (agent, stale) = here.open_fresh().await?;
    let named = match agent.name_pseudonym(&args.pseudonym).await {
        Err(error) => {
            agent.close().await;
            return Err(Fault::from(error));
        }
        Ok(named) => named,
    };
    here.out.one(
        &Row::new()
            .text("pseudonym", "PSEUDONYM", &named.code)
            .text("name", "NAME", &named.name)
            .text("role", "ROLE", &named.role)
            .text("towards", "SEEN BY", &named.towards)
            .more("person", named.person.to_string(), &named.person.to_string()),
    )?;
    let rows: Vec<Row> = named.presences.iter().map(|p| row(here.out, p)).collect();
    here.out
        .words("That person said, by a device of his own, to be here at these times:");
    here.out
        .list(&rows, "never: nothing but this vault says who it was")?;
    here.finish(agent, stale).await
}
