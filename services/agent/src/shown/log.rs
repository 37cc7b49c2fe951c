//! The access log in words.

use telesphor_agent::views::{LogCheck, LogLine, Missing, Seen};
use telesphor_wire::error::ErrorCode;

use crate::fault::Fault;
use crate::out::Out;

/// How long a key may have been announced too late before it is called one that nobody
/// announced: an honest program says it right after its first look.
const GRACE_MS: u64 = 2_000;

/// Whether an alarm may still turn out to be none.
pub(crate) fn may_still_be_announced(l: &LogLine, now: u64) -> bool {
    l.what == LogLine::NOT_YET || l.seen == Seen::Alarm && l.came.saturating_add(GRACE_MS) > now
}

/// A line in words.
pub(crate) fn in_words(l: &LogLine, now: u64) -> String {
    match l.seen {
        Seen::Alarm if may_still_be_announced(l, now) => {
            format!("ALARM, unless it is announced in a moment: {}", l.words)
        }
        Seen::Alarm => format!("ALARM: {}", l.words),
        _ => l.words.clone(),
    }
}

/// What the log is worth, in words.
pub(crate) fn verdict(out: &Out, check: &LogCheck, stale: bool, cut: Option<usize>) -> Vec<String> {
    let mut lines = Vec::new();
    let whole = check.missing.is_empty() && !stale && cut.is_none() && check.mailboxes > 0;
    if whole {
        lines.push("checked: complete, no gap in what the relay wrote down".to_owned());
    } else {
        lines.push("NOT complete:".to_owned());
    }
    if stale {
        lines.push(format!(
            "  the relay was not asked ({})",
            Fault::of(ErrorCode::Unreachable).to_words()
        ));
    }
    if let Some(lines_read) = cut {
        lines.push(format!("  only the newest {lines_read} lines were looked at"));
    }
    if check.mailboxes == 0 {
        lines.push("  there is no mailbox of yours yet".to_owned());
    }
    lines.extend(check.missing.iter().map(|m| format!("  {}", missing(out, m))));
    if check.others > 0 {
        lines.push(format!(
            "{} of your mailboxes belong to the other side: only it learns who fetched there.",
            check.others
        ));
    }
    lines.push(
        "Fetched is the relay's word that a key got the ciphertext; opened is the reader's program's word. Neither proves that eyes saw it, and a relay can leave a fetch out."
            .to_owned(),
    );
    lines
}

fn missing(out: &Out, missing: &Missing) -> String {
    match missing {
        Missing::NoRecords => "this relay writes down no fetches".to_owned(),
        Missing::NotRead(of) => format!("{of} was not looked at yet"),
        Missing::Refused(of) => format!("the relay does not say who fetched from {of}"),
        Missing::NotKept(of) => {
            format!("nothing is known of fetches from {of} before now; it is asked for from now on")
        }
        Missing::LetGo(of, n) => format!("{n} records of {of} gave way before they were read here"),
        Missing::Unreadable(of, n) => format!("{n} records of {of} do not open"),
        Missing::Torn(at) => format!(
            "the relay came up on {} after a hard stop: fetches of the minutes before may be missing",
            out.exactly(*at)
        ),
    }
}
