//! `team desk` and `team serve`: an organisation's desk, which always runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use telesphor_agent::views::{DeskView, RosterView};
use telesphor_agent::{Agent, Turn};
use telesphor_clinical::text::shown;

use super::roster_file::RosterFile;
use super::running::stop_after;
use super::session::Here;
use crate::args;
use crate::exit::Exit;
use crate::fault::{Fault, Result};
use crate::out::{Form, Row};

/// The longest between two looks at letters and at the folder of rosters.
const LOOK: Duration = Duration::from_secs(1);
/// Letters of a letter's name that are shown.
const LETTERS: usize = 8;

/// `team desk`.
pub(super) async fn desk(here: &Here<'_>) -> Result<Exit> {
    let (agent, stale) = here.open_fresh().await?;
    let rows: Vec<Row> = agent.desk().await?.iter().map(|d| row(here, d)).collect();
    here.out.list(&rows, "nothing was written to a role")?;
    here.finish(agent, stale).await
}

fn name(letter: &DeskView) -> String {
    letter.letter.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn row(here: &Here<'_>, d: &DeskView) -> Row {
    let id = name(d);
    let by = d.accept_by.map_or_else(String::new, |ms| here.out.short(ms));
    Row::new()
        .both(
            "letter",
            "LETTER",
            id.clone(),
            id.get(..LETTERS).unwrap_or_default(),
        )
        .text("from", "FROM", &d.from_name)
        .text("to", "TO", &d.first)
        .text("at", "NOW AT", &d.role)
        .both("given", "GIVEN TO", d.given.clone(), &d.given.join(", "))
        .instant("accept_by", "TO BE ACCEPTED BY", d.accept_by, &by)
        .text(
            "accepted_by",
            "ACCEPTED BY",
            d.accepted_by.as_deref().unwrap_or_default(),
        )
        .more("declined", d.declined.clone(), &d.declined.join(", "))
        .more("step", d.step, "")
        .more(
            "arrived",
            crate::out::rfc3339(Some(d.arrived)),
            &here.out.short(d.arrived),
        )
        .more("bytes", d.bytes, "")
}

/// A letter in one sentence.
fn words(d: &DeskView) -> String {
    let id = name(d);
    let id = id.get(..LETTERS).unwrap_or_default();
    let went = match d.step {
        0 => String::new(),
        _ => format!(", gone on to {}", d.role),
    };
    let state = match (&d.accepted_by, d.given.is_empty()) {
        (Some(who), _) => format!("accepted by {who}"),
        (None, true) => "waits for somebody on duty".to_owned(),
        (None, false) if !d.declined.is_empty() => {
            format!(
                "given to {}; declined by {}",
                d.given.join(", "),
                d.declined.join(", ")
            )
        }
        (None, false) => format!("given to {}", d.given.join(", ")),
    };
    shown(&format!(
        "letter {id} from {} to {}{went}: {state}",
        d.from_name, d.first
    ))
}

/// `team serve`: until Ctrl-C, or for a time.
pub(super) async fn serve(here: &Here<'_>, args: &args::TeamServe) -> Result<Exit> {
    if let Some(folder) = args.rosters.as_ref().filter(|f| !f.is_dir()) {
        return Err(Fault::usage(format!("{}: no folder", folder.display())));
    }
    let agent = here.open(true).await?;
    here.out.words("at the desk; Ctrl-C ends it");
    let stop = stop_after(args.duration);
    tokio::pin!(stop);
    let mut known: BTreeMap<String, DeskView> = BTreeMap::new();
    let mut seen = BTreeMap::new();
    loop {
        if let Some(folder) = &args.rosters {
            rosters(here, &agent, folder, args.good, &mut seen).await?;
        }
        for letter in agent.desk().await? {
            let id = name(&letter);
            if known.get(&id) != Some(&letter) {
                match here.out.form {
                    Form::Person => here.out.data(&words(&letter))?,
                    Form::Plain | Form::Json => here.out.list(&[row(here, &letter)], "")?,
                }
                known.insert(id, letter);
            }
        }
        tokio::select! {
            () = &mut stop => break,
            () = agent.changed(LOOK) => {}
        }
    }
    agent.close().await;
    Ok(Exit::Done)
}

/// A roster file as it was seen last, and what came of it.
struct Seen {
    text: String,
    line: String,
}

/// Publishes what has changed in a folder of roster files. A bad file is said once, and stops
/// nothing else.
async fn rosters(
    here: &Here<'_>,
    agent: &Agent,
    folder: &Path,
    good: Duration,
    seen: &mut BTreeMap<PathBuf, Seen>,
) -> Result<()> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    seen.retain(|file, _| files.contains(file));
    for file in files {
        let (text, outcome) = match super::input::text(&file) {
            Ok(text) => {
                let known = seen.get(&file).is_some_and(|s| s.text == text);
                let outcome = roster(agent, &text, known, good).await;
                (text, outcome)
            }
            Err(fault) => (String::new(), Err(fault)),
        };
        let words = match outcome {
            Ok(Some(words)) => words,
            Ok(None) if seen.contains_key(&file) => continue,
            Ok(None) => "as it was published".to_owned(),
            Err(fault) => fault.to_words(),
        };
        let line = format!("{}: {words}", file.display());
        if seen.get(&file).is_none_or(|s| s.line != line) {
            here.out.words(&line);
        }
        seen.insert(file, Seen { text, line });
    }
    Ok(())
}

/// Publishes one file if it says something new, or if the edition is half gone by. `known`: what it
/// says was seen before.
async fn roster(agent: &Agent, text: &str, known: bool, good: Duration) -> Result<Option<String>> {
    let now = here_now();
    let good = u64::try_from(good.as_millis()).unwrap_or(u64::MAX);
    let me = agent.me().await?.id;
    let rosters = agent.rosters().await?;
    let mine = rosters.iter().find(|r| r.organisation == me);
    let half_gone = mine.is_some_and(|r| r.until < now.saturating_add(good / 2));
    if known && !half_gone {
        return Ok(None);
    }
    let plan = RosterFile::read(text)?;
    let (turns, _) = plan.to_come(now)?;
    if !half_gone && mine.is_some_and(|r| same(r, &plan.place, &turns, now)) {
        return Ok(None);
    }
    let until = now.saturating_add(good);
    let published = agent.publish_roster(&plan.place, until, turns).await?;
    Ok(Some(format!(
        "edition {}: {} turns in all",
        published.edition,
        published.turns.len()
    )))
}

fn here_now() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0)
}

/// Whether a roster says of a place what a file says, as far as it is not past.
fn same(roster: &RosterView, place: &str, turns: &[Turn], now: u64) -> bool {
    let mut here: Vec<_> = roster
        .turns
        .iter()
        .filter(|t| t.place == place && t.until > now)
        .map(|t| (t.alias.clone(), t.role.clone(), t.from, t.until, t.source))
        .collect();
    let mut there: Vec<_> = turns
        .iter()
        .filter(|t| t.until > now)
        .map(|t| {
            (
                t.person.clone(),
                t.role.trim().to_owned(),
                t.from,
                t.until,
                t.source.word(),
            )
        })
        .collect();
    here.sort();
    there.sort();
    here == there
}
