//! One document in a list.

use serde::Serialize;
use telesphor_agent::views::{Awaited, Direction, DocumentView};
use telesphor_clinical::text::shown;

use super::frame::Moment;
use crate::out::Out;
use crate::shown::acts::{answer_words, marks};
use crate::shown::direction;

#[derive(Serialize)]
pub(super) struct Card {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) kind: String,
    /// Words that stand before it; the loud ones are in capitals already.
    pub(super) marks: Vec<&'static str>,
    pub(super) by: String,
    pub(super) came: Moment,
    pub(super) scopes: String,
    pub(super) way: &'static str,
    pub(super) until: Option<Moment>,
    /// Opening it tells somebody.
    pub(super) tells: bool,
    /// Somebody here has still to accept it.
    pub(super) open: bool,
    pub(super) answer: String,
    /// Whether any of its words is loud.
    pub(super) loud: bool,
}

impl Card {
    pub(super) fn of(out: &Out, d: &DocumentView) -> Self {
        let title = match d.title.trim().is_empty() {
            true => d.kind.clone(),
            false => shown(&d.title),
        };
        let marks = marks(d);
        let is_loud = |m: &&str| m.chars().all(|c| c.is_uppercase() || c == ' ');
        Self {
            id: d.id.to_string(),
            title,
            loud: marks.iter().any(is_loud),
            kind: d.kind.clone(),
            marks,
            by: shown(&crate::shown::ward::by(d)),
            came: Moment::at(out, d.arrived),
            scopes: d.scopes.join(", "),
            way: direction(d.direction),
            until: d.until.map(|ms| Moment::at(out, ms)),
            tells: tells(d),
            open: d.awaited.is_open() || matches!(d.awaited, Awaited::Declined),
            answer: shown(&answer_words(out, d.awaited, d.answer.as_ref())),
        }
    }
}

/// Whether opening it for the first time tells its sender.
pub(super) fn tells(d: &DocumentView) -> bool {
    d.direction != Direction::Own && !d.opened
}
