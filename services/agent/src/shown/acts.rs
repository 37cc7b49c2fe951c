//! What became of documents after they were sent: accepted, corrected, taken back.

use telesphor_agent::views::{
    Amended, AnswerView, Awaited, Direction, DocumentView, HadIt, Opened, Retracted, RetractedView, SentView,
    StandingView,
};
use telesphor_clinical::collection::COLLECTION;
use telesphor_clinical::lab::mapping::LAB_MAPPING;
use telesphor_clinical::manifest;
use telesphor_clinical::retraction::{RETRACTION, Retraction, RetractionReason};
use telesphor_clinical::rx::{PRESCRIPTION, Prescription};
use telesphor_identity::parcel::{PARCEL, Parcel};

use crate::out::{Out, Row, rfc3339};
use crate::short;

/// The words that a list sets before a document.
pub(crate) fn marks(d: &DocumentView) -> Vec<&'static str> {
    let standing = match &d.standing {
        StandingView::Current => "",
        StandingView::Replaced(_) => "REPLACED",
        StandingView::Retracted(_) => "TAKEN BACK",
    };
    let answered = match d.awaited {
        Awaited::Late(_) => "NOT ACCEPTED IN TIME",
        Awaited::Until(_) => "not accepted",
        Awaited::Declined => "declined",
        Awaited::Accepted => "accepted",
        Awaited::Nobody => "",
    };
    let current = d.standing.is_current();
    let news = current && !d.opened && d.direction != Direction::Own;
    let mut marks = vec![
        standing,
        super::mark(current && d.urgent, "URGENT"),
        answered,
        super::mark(news, "new"),
    ];
    marks.retain(|m| !m.is_empty());
    marks
}

const fn awaited(awaited: Awaited) -> &'static str {
    match awaited {
        Awaited::Nobody => "nobody",
        Awaited::Until(_) => "open",
        Awaited::Late(_) => "late",
        Awaited::Accepted => "accepted",
        Awaited::Declined => "declined",
    }
}

const fn accept_by(awaited: Awaited) -> Option<u64> {
    match awaited {
        Awaited::Until(by) => by,
        Awaited::Late(by) => Some(by),
        _ => None,
    }
}

fn answered(out: &Out, a: &AnswerView) -> String {
    let what = if a.accepted { "accepted" } else { "declined" };
    let why = match a.words.is_empty() {
        true => String::new(),
        false => format!(": {}", a.words),
    };
    let by = match a.by.is_empty() {
        true => String::new(),
        false => format!(" by {}", a.by),
    };
    format!("{what} {}{by}{why}", out.short(a.at))
}

/// What is still to be done, or was answered, for a person.
pub(crate) fn answer_words(out: &Out, state: Awaited, answer: Option<&AnswerView>) -> String {
    match (answer, state) {
        (Some(answer), _) => answered(out, answer),
        (None, Awaited::Late(by)) => format!("NOT ACCEPTED by {}", out.short(by)),
        (None, Awaited::Until(Some(by))) => format!("to be accepted by {}", out.short(by)),
        (None, Awaited::Until(None)) => "to be accepted".to_owned(),
        _ => String::new(),
    }
}

/// `replaced by 3f9c on ...`.
pub(crate) fn standing_words(out: &Out, standing: &StandingView, letters: usize) -> String {
    match standing {
        StandingView::Current => String::new(),
        StandingView::Replaced(r) => format!(
            "replaced by {} on {}{}",
            short::cut(&r.by.to_string(), letters),
            out.to_the_minute(r.at),
            if r.taken_back {
                ", which was taken back: nothing stands in its place"
            } else {
                ""
            }
        ),
        StandingView::Retracted(r) => {
            format!("taken back on {}: {}", out.to_the_minute(r.at), r.words)
        }
    }
}

/// When and why a document was taken back, in words.
pub(crate) fn gone_words(out: &Out, document: &DocumentView, back: &RetractedView) -> String {
    let before = match document.opened {
        true => "you had opened it: what you remember or copied must not be relied on",
        false => "you had not opened it",
    };
    format!(
        "taken back by {} on {}: {}; {before}",
        document.author_name,
        out.to_the_minute(back.at),
        back.words,
    )
}

/// The body of a retraction, a prescription or a laboratory order in words, and what somebody shows of other
/// documents; other bodies are shown as they are.
pub(crate) fn body_words(opened: &Opened) -> Option<String> {
    if opened.view.format == PARCEL {
        let reference = Parcel::from_bytes(&opened.body).ok().and_then(|p| p.reference);
        let filed = reference.map_or_else(String::new, |r| format!("reference: {}\n", r.as_str()));
        let text = super::parts::text(&opened.verdict.parts);
        return Some(format!("{filed}{text}").trim_end().to_owned());
    }
    if opened.view.format == PRESCRIPTION {
        return Prescription::from_bytes(&opened.body)
            .ok()
            .map(|rx| super::rx::body_words(&rx));
    }
    if opened.view.format == COLLECTION {
        return Some(format!(
            "A signed list of documents that go together. What of it is here: telesphor refer check {}",
            opened.view.id
        ));
    }
    if opened.view.format == manifest::FORMAT {
        return super::files::manifest_words(&opened.body);
    }
    if opened.view.format == LAB_MAPPING {
        return super::lab::body_words(&opened.body);
    }
    if opened.view.format != RETRACTION {
        return None;
    }
    let documents: Vec<String> = opened.view.corrects.iter().map(ToString::to_string).collect();
    let retraction = Retraction::from_bytes(&opened.body);
    let (reason, words) = match &retraction {
        Ok(r) => (r.reason.words(), r.words.as_ref().map(|w| w.shown())),
        Err(_) => (RetractionReason::Other(0).words(), None),
    };
    Some(format!(
        "{} takes this back: {}\nWhy: {reason}{}\nIt must not be relied on any more.",
        opened.view.author_name,
        documents.join(", "),
        words.map_or_else(String::new, |w| format!("\n{w}")),
    ))
}

/// Adds to a row what programs and `read` need to know of a document's standing.
fn standing(out: &Out, row: Row, standing: &StandingView, letters: usize) -> Row {
    let words = standing_words(out, standing, letters);
    let (word, by, at, reason) = match standing {
        StandingView::Current => ("current", None, None, None),
        StandingView::Replaced(r) => ("replaced", Some(r.by.to_string()), Some(r.at), None),
        StandingView::Retracted(r) => (
            "taken-back",
            Some(r.by.to_string()),
            Some(r.at),
            Some(r.reason.clone()),
        ),
    };
    row.more("standing", word, &words)
        .more("standing_by", by, "")
        .more("standing_since", rfc3339(at), "")
        .more("taken_back_why", reason, "")
}

fn answer(out: &Out, row: Row, state: Awaited, answer: Option<&AnswerView>, heading: bool) -> Row {
    let words = answer_words(out, state, answer);
    let row = match heading {
        true => row.both("acceptance", "ACCEPTED", awaited(state), &words),
        false => row.more("acceptance", awaited(state), &words),
    };
    row.more("accept_by", rfc3339(accept_by(state)), "")
        .more("answered", rfc3339(answer.map(|a| a.at)), "")
        .more("answer_words", answer.map(|a| a.words.clone()), "")
        .more(
            "answer_by",
            answer.map(|a| a.by.clone()).filter(|by| !by.is_empty()),
            "",
        )
}

/// Who of a role's people did what with a document, and where it went on to.
fn at_role(out: &Out, row: Row, s: &SentView) -> Row {
    let heard: Vec<String> = s
        .heard
        .iter()
        .map(|h| format!("{} {} by {}", h.what, out.short(h.at), h.name))
        .collect();
    let passed = s.passed.as_ref().map(|p| {
        let why = if p.declined {
            "everybody declined"
        } else {
            "not accepted in time"
        };
        format!("went on to {} {}: {why}", p.to, out.short(p.at))
    });
    let words: Vec<String> = heard.iter().cloned().chain(passed).collect();
    row.more("heard", heard, &words.join("; "))
        .more("passed_to", s.passed.as_ref().map(|p| p.to.clone()), "")
        .more("passed_at", rfc3339(s.passed.as_ref().map(|p| p.at)), "")
}

pub(super) fn of_document(out: &Out, row: Row, d: &DocumentView, letters: usize) -> Row {
    let row = answer(out, row, d.awaited, d.answer.as_ref(), false);
    let corrects: Vec<String> = d.corrects.iter().map(ToString::to_string).collect();
    let short: Vec<String> = corrects.iter().map(|id| short::cut(id, letters)).collect();
    standing(out, row, &d.standing, letters).more("corrects", corrects.clone(), &short.join(", "))
}

pub(super) fn of_sent(out: &Out, row: Row, s: &SentView, letters: usize) -> Row {
    let row = answer(out, row, s.awaited, s.answer.as_ref(), true);
    standing(out, at_role(out, row, s), &s.standing, letters)
}

/// `amend`'s answer.
pub(crate) fn amended(a: &Amended, letters: usize) -> Row {
    let id = a.document.to_string();
    Row::new()
        .both("id", "ID", id.clone(), &short::cut(&id, letters))
        .both("to", "TO", a.to.len() as u64, &a.to.len().to_string())
        .both("left", "NOT TOLD", a.left.clone(), &a.left.join(", "))
}

/// `retract`'s answer: everybody who had it.
pub(crate) fn had(out: &Out, h: &HadIt, back: &Retracted) -> Row {
    let said_by: Vec<String> = back.retractions.iter().map(ToString::to_string).collect();
    let opened = match (h.stopped, h.opened) {
        (true, _) => "it never left".to_owned(),
        (false, Some(ms)) => out.short(ms),
        (false, None) => "not opened, as far as is known".to_owned(),
    };
    let told = match (h.stopped, h.told) {
        (true, _) => "nothing to tell",
        (false, true) => "yes",
        (false, false) => "NO: not a contact any more",
    };
    Row::new()
        .text("who", "WHO", &h.alias)
        .instant("opened", "OPENED", h.opened, &opened)
        .both("told", "TOLD", h.told, told)
        .more("state", super::sent_word(h.state), super::sent_state(h.state))
        .more("stopped", h.stopped, "")
        .more("who_id", h.who.to_string(), "")
        .more("said_by", said_by, "")
}
