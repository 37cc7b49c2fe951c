//! `log`: who opened, who fetched, and what is missing of it.

use std::collections::HashSet;
use std::time::Duration;

use telesphor_agent::Agent;
use telesphor_agent::views::{LogLine, Seen};
use telesphor_clinical::text::shown;
use telesphor_wire::ids::IdentityId;

use super::running::stop_after;
use super::session::Here;
use crate::args;
use crate::exit::Exit;
use crate::fault::Result;
use crate::out::{Form, Out, Row};
use crate::shown::log::{in_words, may_still_be_announced, verdict};

/// Lines of the log that are looked at.
const LOG: usize = 10_000;
/// Between two looks of `--follow`.
const LOOK: Duration = Duration::from_millis(500);

/// Whose lines are wanted.
enum By {
    Anybody,
    Me,
    Nobody,
    Contact(IdentityId),
}

impl By {
    async fn of(agent: &Agent, who: Option<&str>) -> Result<Self> {
        Ok(match who {
            None => Self::Anybody,
            Some("me") => Self::Me,
            Some("nobody") => Self::Nobody,
            Some(who) => Self::Contact(agent.contact(who).await?.id),
        })
    }

    /// Whether a line is shown; `all` also what concerns nobody.
    fn wants(&self, line: &LogLine, all: bool) -> bool {
        match self {
            Self::Anybody => all || matches!(line.seen, Seen::Alarm | Seen::Plain),
            Self::Me => line.seen == Seen::Own,
            Self::Nobody => line.seen == Seen::Alarm,
            Self::Contact(id) => {
                [line.who, line.place].contains(&Some(*id)) && (all || line.seen == Seen::Plain)
            }
        }
    }
}

/// `log`.
pub(super) async fn log(here: &Here<'_>, args: &args::Log) -> Result<Exit> {
    let since = match &args.since {
        Some(text) => crate::dates::since(text, here.out.now, &here.out.zone)?.ms(),
        None => 0,
    };
    let (agent, stale) = here.open_fresh().await?;
    let by = By::of(&agent, args.by.as_deref()).await?;
    let lines: Vec<LogLine> = agent
        .log(LOG)
        .await?
        .into_iter()
        .filter(|l| l.at >= since && by.wants(l, args.all))
        .collect();
    let rows: Vec<Row> = lines.iter().map(|l| row(here.out, l, here.now_ms())).collect();
    here.out.list(&rows, "nobody looked at anything")?;
    let check = agent.log_check().await?;
    for line in verdict(
        here.out,
        &check,
        stale.is_some(),
        (lines.len() == LOG).then_some(LOG),
    ) {
        here.out.words(&line);
    }
    if args.follow {
        let printed = lines.iter().map(key).collect();
        return follow(here, agent, &by, args.all, printed).await;
    }
    here.finish(agent, stale).await
}

/// What tells one line from another; the same fetch changes its words when its key is announced.
fn key(line: &LogLine) -> (u64, u64, String) {
    (line.at, line.came, line.words.clone())
}

/// Prints what happens, oldest first, until it is ended.
async fn follow(
    here: &Here<'_>,
    agent: Agent,
    by: &By,
    all: bool,
    mut printed: HashSet<(u64, u64, String)>,
) -> Result<Exit> {
    agent.watch_log().await?;
    let stop = stop_after(None);
    tokio::pin!(stop);
    loop {
        let now = here.now_ms();
        let mut fresh: Vec<LogLine> = agent
            .log(LOG)
            .await?
            .into_iter()
            .filter(|l| by.wants(l, all))
            .filter(|l| !may_still_be_announced(l, now))
            .filter(|l| !printed.contains(&key(l)))
            .collect();
        fresh.sort_by_key(|l| l.at);
        for line in &fresh {
            match here.out.form {
                Form::Person => here.out.data(&format!(
                    "{}  {}",
                    here.out.short(line.at),
                    shown(&in_words(line, now))
                ))?,
                Form::Plain | Form::Json => here.out.list(&[row(here.out, line, now)], "")?,
            }
            printed.insert(key(line));
        }
        tokio::select! {
            () = &mut stop => break,
            () = agent.changed(LOOK) => {}
        }
    }
    agent.close().await;
    Ok(Exit::Done)
}

pub(super) fn row(out: &Out, l: &LogLine, now: u64) -> Row {
    Row::new()
        .instant("at", "WHEN", Some(l.at), &out.short(l.at))
        .text("words", "WHAT HAPPENED", &in_words(l, now))
        .more("who", l.alias.clone(), "")
        .more("what", l.what, "")
        .more("alarm", l.seen == Seen::Alarm, "")
        .more("title", l.title.clone(), "")
        .more("device", l.device.clone(), "")
        .more("who_id", l.who.map(|id| id.to_string()), "")
        .more("document", l.document.map(|d| d.to_string()), "")
}
