//! Prescriptions in words.

use serde_json::{Value, json};
use telesphor_agent::views::{RxFillState, RxFillView, RxLeft, RxView, Verdict};
use telesphor_clinical::rx::Prescription;
use telesphor_wire::error::ErrorCode;

use crate::out::{Out, Row};
use crate::short;

/// What is left, in words for a counter.
pub(crate) fn left_words(out: &Out, rx: &Prescription, left: &RxLeft) -> String {
    if let Some(at) = left.cancelled {
        return format!(
            "CANCELLED by the prescriber at {}; {} had been handed over",
            out.exactly(at),
            rx.amount(left.dispensed)
        );
    }
    let mut words = rx.amount(left.free);
    if left.reserved > 0 {
        let until = left
            .next_free
            .map_or_else(String::new, |at| format!(" until {}", out.exactly(at)));
        words.push_str(&format!("; {} set aside{until}", rx.amount(left.reserved)));
    }
    if left.over > 0 {
        words.push_str(&format!(
            "; OVERDRAWN by {}, supplied without the ledger",
            rx.amount(left.over)
        ));
    }
    if let Some(at) = left.held_until {
        words.push_str(&format!(
            "; STOPPED by a pharmacist with a question, at the latest until {}",
            out.exactly(at)
        ));
    }
    words
}

fn left_json(left: &RxLeft) -> Value {
    json!({
        "free": left.free,
        "dispensed": left.dispensed,
        "reserved": left.reserved,
        "over": left.over,
        "held_until_ms": left.held_until,
        "cancelled_ms": left.cancelled,
        "asked_at_ms": left.asked_at,
    })
}

fn due_words(out: &Out, rx: &Prescription) -> String {
    let due =
        |p: &telesphor_clinical::rx::Portion| format!("{} from {}", rx.amount(p.units), out.exactly(p.from));
    let all: Vec<String> = rx.portions.iter().map(due).collect();
    all.join("; ")
}

/// A fill in words.
pub(crate) fn fill_words(out: &Out, f: &RxFillView) -> String {
    let at =
        f.at.map_or_else(String::new, |at| format!(" at {}", out.exactly(at)));
    let mut words = match f.state {
        RxFillState::Ticket => format!("{}: ticket here, nothing set aside", f.amount),
        RxFillState::Reserved => format!(
            "{}: set aside until {}; NOT to be handed over yet",
            f.amount,
            f.until.map_or_else(String::new, |at| out.exactly(at))
        ),
        RxFillState::HandedOver => format!("{}: handed over{at}", f.amount),
        RxFillState::LetGo => format!("{}: let go", f.amount),
        RxFillState::Supplied => format!("{}: supplied without the ledger, not entered yet", f.amount),
        RxFillState::Settled => format!("{}: supplied without the ledger, entered{at}", f.amount),
    };
    if f.over > 0 {
        words.push_str(&format!("; {} units OVER what was prescribed", f.over));
    }
    if f.held {
        words.push_str("; stopped with a question of yours");
    }
    if let Some(code) = f.why {
        words.push_str(&format!("; {code}: {}", code.words()));
    }
    words
}

fn facts(out: &Out, view: &RxView, letters: usize) -> Row {
    let rx = &view.rx;
    let id = view.document.id.to_string();
    Row::new()
        .both("id", "ID", id.clone(), &short::cut(&id, letters))
        .text("medicine", "MEDICINE", rx.medicine.as_str())
        .both("amount", "AMOUNT", rx.total, &rx.amount(rx.total))
        .more("dosage", rx.dosage.as_str(), rx.dosage.as_str())
        .more("unit", rx.unit.as_str(), "")
        .more("decimals", rx.scale, "")
        .more("due", due_words(out, rx), &due_words(out, rx))
        .instant(
            "valid_until",
            "VALID UNTIL",
            Some(rx.valid_until),
            &out.exactly(rx.valid_until),
        )
        .more("ledger", rx.domain.as_str(), rx.domain.as_str())
}

/// One prescription in a list.
pub(crate) fn rx(out: &Out, view: &RxView, letters: usize) -> Row {
    let rx = &view.rx;
    let fills: Vec<String> = view.fills.iter().map(|f| fill_words(out, f)).collect();
    let tickets: Vec<String> = view
        .tickets
        .iter()
        .map(|(to, units, at, offline)| {
            let to = to.as_deref().unwrap_or("a desk");
            let kind = if *offline {
                " for a supply without the ledger"
            } else {
                ""
            };
            format!("{} to {to}{kind}, {}", rx.amount(*units), out.exactly(*at))
        })
        .collect();
    let notices: Vec<String> = view
        .notices
        .iter()
        .map(|n| {
            let units = if n.units > 0 {
                format!(" {}", rx.amount(n.units))
            } else {
                String::new()
            };
            let over = if n.over > 0 {
                format!(", {} of it OVER", rx.amount(n.over))
            } else {
                String::new()
            };
            format!("{}: {}{units}{over}", out.exactly(n.at), n.what)
        })
        .collect();
    facts(out, view, letters)
        .more("tickets", tickets.clone(), &tickets.join("\n"))
        .more("fills", fills.clone(), &fills.join("\n"))
        .both("told", "TOLD", notices.clone(), &notices.join("\n"))
}

/// What a pharmacist must know before he fills it.
pub(crate) fn check(
    out: &Out,
    view: &RxView,
    verdict: &Verdict,
    left: std::result::Result<&RxLeft, &Option<ErrorCode>>,
) -> Row {
    let words = super::genuine_words(verdict);
    let remaining = match left {
        Ok(left) => format!("{} (asked just now)", left_words(out, &view.rx, left)),
        Err(None) => "unknown: the ledger was not asked".to_owned(),
        Err(Some(ErrorCode::NotYetDurable)) if view.elsewhere => {
            format!(
                "unknown: {} keeps it and has not answered",
                view.rx.domain.as_str()
            )
        }
        Err(Some(code)) => format!(
            "unknown: {} keeps it; {code}: {}",
            view.rx.domain.as_str(),
            code.words()
        ),
    };
    let row = Row::new()
        .both("genuine", "", verdict.failed.is_none(), &words)
        .more("error", verdict.failed.map(|c| c.to_string()), "")
        .more("checked", verdict.lines.clone(), &verdict.lines.join("\n"));
    let facts = facts(out, view, usize::MAX);
    let fills: Vec<String> = view.fills.iter().map(|f| fill_words(out, f)).collect();
    row.and(facts)
        .both("remaining", "", left.ok().map(left_json), &remaining)
        .more(
            "remaining_why",
            left.err().copied().flatten().map(|c| c.to_string()),
            "",
        )
        .more("here", fills.clone(), &fills.join("\n"))
}

/// A fill that was carried on.
pub(crate) fn filled(out: &Out, view: &RxView, fill: &RxFillView, left: &RxLeft) -> Row {
    let words = match (fill.state, fill.elsewhere) {
        (RxFillState::HandedOver, false) => format!("HAND OVER NOW: {}", fill.amount),
        (RxFillState::HandedOver, true) => format!(
            "DO NOT HAND OVER: {} were handed over already, by another of your desks or in an earlier run",
            fill.amount
        ),
        _ => fill_words(out, fill),
    };
    let state = match fill.state {
        RxFillState::Ticket => "ticket",
        RxFillState::Reserved => "reserved",
        RxFillState::HandedOver => "handed-over",
        RxFillState::LetGo => "let-go",
        RxFillState::Supplied => "supplied",
        RxFillState::Settled => "settled",
    };
    Row::new()
        .both("state", "", state, &words)
        .more("elsewhere", fill.elsewhere, "")
        .both("amount", "", fill.units, "")
        .text("medicine", "", view.rx.medicine.as_str())
        .more("dosage", view.rx.dosage.as_str(), view.rx.dosage.as_str())
        .both("remaining", "", left_json(left), &left_words(out, &view.rx, left))
}

/// What a prescription says, for whoever reads it.
pub(crate) fn body_words(rx: &Prescription) -> String {
    format!(
        "{}: {}\n{}\nDays and what is left: telesphor rx check WHAT",
        rx.medicine.shown(),
        rx.amount(rx.total),
        rx.dosage.shown()
    )
}
