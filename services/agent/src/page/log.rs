//! The access log: who opened, who fetched, and what it is worth.

use serde::Serialize;
use telesphor_agent::views::{LogLine, Seen};
use telesphor_clinical::text::shown;

use super::frame::{Frame, Moment, Place, Scene};
use super::keeper::now_ms;
use super::limits;
use super::templates::render;
use super::words::words;
use crate::fault::Result;
use crate::out::Out;
use crate::shown::log::{in_words, may_still_be_announced, verdict};

/// For how long an alarm stands on every page.
const RECENT_MS: u64 = 24 * 3600 * 1000;

#[derive(Serialize)]
struct Page {
    f: Frame,
    lines: Vec<Line>,
    more: usize,
    verdict: Vec<String>,
}

/// One line.
#[derive(Serialize)]
pub(super) struct Line {
    pub(super) at: Moment,
    pub(super) words: String,
    pub(super) alarm: bool,
}

impl Line {
    pub(super) fn of(out: &Out, l: &LogLine, now: u64) -> Self {
        Self {
            at: Moment::at(out, l.at),
            words: shown(&in_words(l, now)),
            alarm: l.seen == Seen::Alarm,
        }
    }
}

/// What the command line shows too, if nothing else was asked for.
pub(super) fn is_shown(l: &LogLine) -> bool {
    matches!(l.seen, Seen::Alarm | Seen::Plain)
}

pub(super) fn is_recent(l: &LogLine, now: u64) -> bool {
    !may_still_be_announced(l, now) && l.came.saturating_add(RECENT_MS) > now
}

/// A line with its time, on its own.
pub(super) fn line_words(out: &Out, l: &LogLine, now: u64) -> String {
    format!("{}  {}", out.short(l.at), shown(&in_words(l, now)))
}

pub(super) async fn log(scene: &Scene<'_>) -> Result<String> {
    let now = now_ms();
    let all = scene.agent.log(limits::LOG).await?;
    let cut = (all.len() == limits::LOG).then_some(limits::LOG);
    let wanted: Vec<&LogLine> = all.iter().filter(|l| is_shown(l)).collect();
    let check = scene.agent.log_check().await?;
    let page = Page {
        f: scene.frame(Place::Log, &words().say("log"), None).await?,
        lines: wanted
            .iter()
            .take(limits::LOG_SHOWN)
            .map(|l| Line::of(&scene.out, l, now))
            .collect(),
        more: wanted.len().saturating_sub(limits::LOG_SHOWN),
        verdict: verdict(&scene.out, &check, !scene.is_complete(), cut),
    };
    render("log", &page)
}
