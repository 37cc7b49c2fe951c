//! What the agent knows, as rows to print. One function per kind of thing.

use telesphor_agent::views::{
    ActedView, AttestationView, ContactState, ContactView, DeviceView, Direction, DocumentView, EndView,
    EndpointView, Exported, Finding, GrantView, Me, Revoked, SentState, SentView, Status, TrustView, Verdict,
};
use telesphor_wire::ids::IdentityId;
use telesphor_wire::text::SupportCode;

use crate::out::{Out, Row};
use crate::short;

pub(crate) mod acts;
pub(crate) mod allergies;
pub(crate) mod files;
pub(crate) mod gather;
pub(crate) mod lab;
pub(crate) mod log;
pub(crate) mod parts;
pub(crate) mod rx;
pub(crate) mod samples;
pub(crate) mod study;
pub(crate) mod ward;

/// Yes or nothing: a column of "no" is noise.
fn mark(yes: bool, word: &'static str) -> &'static str {
    if yes { word } else { "" }
}

pub(crate) fn identity_short(id: &IdentityId) -> String {
    let text = id.to_string();
    format!("tel1{}", short::cut(&text, 10))
}

pub(crate) fn me(out: &Out, me: &Me) -> Row {
    Row::new()
        .text("name", "NAME", &me.name)
        .text("id", "ID", &me.id.to_string())
        .text("device", "DEVICE", &me.endpoint)
        .text("home", "HOME", me.domain.as_str())
        .instant(
            "kit_tested",
            "KIT TESTED",
            me.kit_tested,
            &me.kit_tested
                .map_or_else(|| "never".to_owned(), |ms| out.exactly(ms)),
        )
}

pub(crate) const fn contact_state(state: ContactState) -> &'static str {
    match state {
        ContactState::Awaiting => "awaiting answer",
        ContactState::Unverified => "not compared",
        ContactState::Verified => "compared",
        ContactState::Removed => "removed",
    }
}

pub(crate) fn contact(out: &Out, c: &ContactView) -> Row {
    let roles: Vec<String> = c
        .attested
        .iter()
        .map(|a| {
            format!(
                "{}{}",
                a.claim,
                if a.trusted {
                    ""
                } else {
                    " (not by anybody you trust)"
                }
            )
        })
        .collect();
    let words = c.words.join(" ");
    Row::new()
        .text("who", "WHO", &c.alias)
        .text("name", "NAME", &c.name)
        .text("state", "STATE", contact_state(c.state))
        .both("words", "WORDS", c.words.clone(), &words)
        .both("attested", "ATTESTED", roles.clone(), &roles.join(", "))
        .more("number", c.number.clone(), &grouped_digits(&c.number))
        .more("home", c.domain.as_str(), c.domain.as_str())
        .more("id", c.id.to_string(), &c.id.to_string())
        .more("since", crate::out::rfc3339(Some(c.since)), &out.exactly(c.since))
}

/// `12345 67890 ...`: sixty digits in a row cannot be read aloud.
fn grouped_digits(digits: &str) -> String {
    let plain: Vec<char> = digits.chars().filter(|c| !c.is_whitespace()).collect();
    plain
        .chunks(5)
        .map(|five| five.iter().collect::<String>())
        .collect::<Vec<_>>()
        .join(" ")
}

pub(crate) const fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Own => "mine",
        Direction::Received => "sent to me",
        Direction::Shared => "shown to me",
    }
}

/// Documents of one list, their ids cut as short as all of `known` allows.
pub(crate) fn documents(out: &Out, documents: &[DocumentView], known: &[DocumentView]) -> Vec<Row> {
    let ids: Vec<String> = known.iter().map(|d| d.id.to_string()).collect();
    let letters = short::needed(ids.iter().map(String::as_str));
    documents.iter().map(|d| document(out, d, letters)).collect()
}

pub(crate) fn document(out: &Out, d: &DocumentView, letters: usize) -> Row {
    let id = d.id.to_string();
    let marks = acts::marks(d);
    let by = d.acted.as_ref().map_or_else(String::new, |a| acted(out, a));
    let until = d.until.map_or_else(String::new, |ms| {
        format!("{} {}", if d.ended { "ended" } else { "until" }, out.short(ms))
    });
    let row = Row::new()
        .both("id", "ID", id.clone(), &short::cut(&id, letters))
        .both("marks", "", marks.clone(), &marks.join(", "))
        .text("kind", "KIND", &d.kind)
        .text("title", "TITLE", &d.title)
        .both("author_name", "BY", d.author_name.clone(), &ward::by(d))
        .instant("arrived", "CAME", Some(d.arrived), &out.short(d.arrived))
        .both("scopes", "SCOPES", d.scopes.clone(), &d.scopes.join(", "))
        .text("way", "WAY", direction(d.direction))
        .instant("until", "UNTIL", d.until, &until)
        .more("author", d.author.to_string(), &d.author.to_string())
        .more("from", d.from.map(|id| id.to_string()), "")
        .more("about", d.subject.map(|id| id.to_string()), "")
        .more(
            "recorded",
            crate::out::rfc3339(Some(d.recorded)),
            &out.exactly(d.recorded),
        )
        .more("format", d.format.clone(), &d.format)
        .more("bytes", d.size, &format!("{} bytes", d.size))
        .more("written_by", d.hand.as_ref().map(|h| h.name.clone()), "")
        .more("opened", d.opened, if d.opened { "yes" } else { "no" })
        .more("urgent", d.urgent, "")
        .more("acted", d.acted.as_ref().map(|a| acted(out, a)), &by);
    acts::of_document(out, row, d, letters)
}

pub(crate) const fn sent_state(state: SentState) -> &'static str {
    match state {
        SentState::Queued => "waiting here",
        SentState::Accepted => "accepted, not yet durable",
        SentState::Durable => "durable",
        SentState::Delivered => "delivered",
        SentState::Opened => "opened",
        SentState::Taken => "accepted",
        SentState::Declined => "declined",
        SentState::Failed => "not delivered",
    }
}

/// The state as one word for programs.
const fn sent_word(state: SentState) -> &'static str {
    match state {
        SentState::Queued => "queued",
        SentState::Accepted => "accepted",
        SentState::Durable => "durable",
        SentState::Delivered => "delivered",
        SentState::Opened => "opened",
        SentState::Taken => "taken",
        SentState::Declined => "declined",
        SentState::Failed => "failed",
    }
}

pub(crate) fn sent(out: &Out, s: &SentView, letters: usize) -> Row {
    let id = s.document.to_string();
    let at = |ms: Option<u64>| ms.map_or_else(String::new, |ms| out.short(ms));
    let row = Row::new()
        .both("id", "ID", id.clone(), &short::cut(&id, letters))
        .text("title", "TITLE", &s.title)
        .text("to", "TO", &s.to_alias)
        .both("state", "STATE", sent_word(s.state), sent_state(s.state))
        .instant("durable", "DURABLE", s.durable, &at(s.durable))
        .instant("delivered", "DELIVERED", s.delivered, &at(s.delivered))
        .instant("opened", "OPENED", s.opened, &at(s.opened));
    acts::of_sent(out, row, s, letters)
        .more("queued", crate::out::rfc3339(Some(s.queued)), &at(Some(s.queued)))
        .more(
            "took_ms",
            s.took_ms,
            &s.took_ms.map_or_else(String::new, |ms| format!("{ms} ms")),
        )
        .more("to_id", s.to.to_string(), "")
        .more(
            "why",
            s.why.map(|c| c.to_string()),
            s.why.map_or("", |c| c.words()),
        )
        .more("support", s.support.map(|c| c.to_string()), &support(s.support))
}

fn support(code: Option<SupportCode>) -> String {
    code.map_or_else(String::new, |code| format!("support code {code}"))
}

pub(crate) fn attestation(out: &Out, a: &AttestationView, name: impl Fn(&IdentityId) -> String) -> Row {
    let state = match (a.withdrawn, a.trusted) {
        (Some(ms), _) => format!("withdrawn {}", out.short(ms)),
        (None, true) => "by an authority you trust".to_owned(),
        (None, false) => String::new(),
    };
    Row::new()
        .text("id", "ID", &a.id)
        .text("claim", "CLAIM", &a.claim)
        .both("subject", "ABOUT", a.subject.to_string(), &name(&a.subject))
        .both("issuer", "BY", a.issuer.to_string(), &name(&a.issuer))
        .instant("until", "UNTIL", Some(a.until), &out.short(a.until))
        .text("state", "STATE", &state)
        .more("from", crate::out::rfc3339(Some(a.from)), &out.exactly(a.from))
        .more("withdrawn", crate::out::rfc3339(a.withdrawn), "")
        .more("trusted", a.trusted, "")
}

pub(crate) fn trust(t: &TrustView) -> Row {
    Row::new()
        .text("claim", "CLAIM", &t.claim)
        .text("name", "AUTHORITY", &t.name)
        .both(
            "authority",
            "ID",
            t.authority.to_string(),
            &identity_short(&t.authority),
        )
}

pub(crate) fn endpoint(out: &Out, e: &EndpointView) -> Row {
    let state = match (e.removed, e.here) {
        (Some(ms), _) => format!("removed {}", out.short(ms)),
        (None, true) => "this one".to_owned(),
        (None, false) => String::new(),
    };
    let heard = match (e.here, e.heard) {
        (true, _) => "now".to_owned(),
        (false, Some(ms)) => out.short(ms),
        (false, None) => "not yet".to_owned(),
    };
    Row::new()
        .text("id", "ID", &e.id)
        .text("label", "DEVICE", &e.label)
        .instant("since", "SINCE", Some(e.since), &out.short(e.since))
        .instant("heard", "LAST HEARD", e.heard, &heard)
        .text("state", "STATE", &state)
        .more("here", e.here, "")
        .more("removed", crate::out::rfc3339(e.removed), "")
}

/// How a grant stands, until when it is shown, and when it was last opened.
pub(crate) fn grant_words(out: &Out, g: &GrantView) -> (&'static str, String, String) {
    let past = |ms: u64| crate::dates::instant(ms) <= out.now;
    let (state, until) = match (g.revoked, g.until) {
        (Some(ms), _) => ("revoked", format!("ended {}, revoked", out.short(ms))),
        (None, Some(ms)) if past(ms) => ("ended", format!("ended {}, as agreed", out.short(ms))),
        (None, Some(ms)) => ("shown", out.short(ms)),
        (None, None) if g.given => ("given", "for good".to_owned()),
        (None, None) => ("shown", "until you revoke it".to_owned()),
    };
    let opened = g
        .opened
        .map_or_else(|| "not opened".to_owned(), |ms| out.short(ms));
    (state, until, opened)
}

pub(crate) fn grant(out: &Out, g: &GrantView, letters: usize) -> Row {
    let id = g.document.to_string();
    let (state, until, opened) = grant_words(out, g);
    let why = match &g.acted {
        Some(by) => format!("{} ({})", g.why, acted(out, by)),
        None => g.why.clone(),
    };
    Row::new()
        .text("who", "WHO", &g.alias)
        .both("id", "ID", id.clone(), &short::cut(&id, letters))
        .text("title", "TITLE", &g.title)
        .both("scopes", "SCOPES", g.scopes.clone(), &g.scopes.join(", "))
        .instant("until", "UNTIL", g.until, &until)
        .both("why", "WHY", g.why.clone(), &why)
        .instant("opened", "LAST OPENED", g.opened, &opened)
        .more("by", g.acted.as_ref().map(|a| a.by.clone()), "")
        .more(
            "mandate_until",
            crate::out::rfc3339(g.acted.as_ref().and_then(|a| a.until)),
            "",
        )
        .more("state", state, "")
        .more("with", g.with.to_string(), "")
        .more("revoked", crate::out::rfc3339(g.revoked), "")
}

/// `Liisa, for Aino Korhonen, by mandate until 26 Nov 2027 10:00`.
pub(crate) fn acted(out: &Out, a: &ActedView) -> String {
    let whom = match a.for_me {
        true => "you".to_owned(),
        false => telesphor_clinical::text::shown(&a.whom),
    };
    let until = match (a.refused, a.until) {
        (Some(code), _) => format!(", which does not hold now: {}", code.words()),
        (None, Some(ms)) => format!(" until {}", out.short(ms)),
        (None, None) => String::new(),
    };
    format!(
        "{}, for {whom}, by mandate{until}",
        telesphor_clinical::text::shown(&a.by)
    )
}

/// What a revocation cannot take back.
pub(crate) fn revoked_words(who: &str, ended: &Revoked) -> String {
    match ended.opened {
        0 => format!("{who} had opened none of them."),
        n => format!(
            "{who} had opened {n} of {}; those may be remembered or copied.",
            ended.documents
        ),
    }
}

/// When and how access ended, in words.
pub(crate) fn end_words(out: &Out, end: &EndView) -> String {
    let how = if end.agreed {
        "as agreed".to_owned()
    } else {
        format!("{} ended it", end.by)
    };
    let kept = if end.opened {
        "you had opened it; what you remember or copied stays with you"
    } else {
        "you had not opened it"
    };
    format!("access ended on {}, {how}: {kept}", out.to_the_minute(end.at))
}

/// Genuine or not, in a line.
pub(crate) fn genuine_words(v: &Verdict) -> String {
    match v.failed {
        None => "genuine".to_owned(),
        Some(code) => format!("NOT GENUINE ({code}): {}", code.words()),
    }
}

pub(crate) fn verdict(v: &Verdict) -> Row {
    let words = genuine_words(v);
    Row::new()
        .both("genuine", "", v.failed.is_none(), &words)
        .more("error", v.failed.map(|c| c.to_string()), "")
        .both(
            "current",
            "",
            v.standing.is_current(),
            mark(v.standing.is_current(), "yes, as far as is known here"),
        )
        .more("checked", v.lines.clone(), &v.lines.join("\n"))
        .more(
            "document",
            v.document.map(|d| d.to_string()),
            &v.document.map_or_else(String::new, |d| d.to_string()),
        )
        .more(
            "author",
            v.author.map(|a| a.to_string()),
            &v.author.map_or_else(String::new, |a| a.to_string()),
        )
}

/// How the relay is reached.
pub(crate) fn relay_words(s: &Status) -> String {
    match (s.connected, s.last_failure) {
        (true, _) => "connected".to_owned(),
        (false, Some(code)) => format!("not connected: {} ({code})", code.words()),
        (false, None) => "not connected".to_owned(),
    }
}

pub(crate) fn status(out: &Out, s: &Status) -> Row {
    let relay = relay_words(s);
    let outbox = match s.outbox {
        0 => "empty".to_owned(),
        n => format!("{n} waiting; they go on by themselves"),
    };
    let clock = s.clock_difference.map_or_else(
        || "not compared yet".to_owned(),
        |ms| format!("{:.1} s from the relay's", ms as f64 / 1000.0),
    );
    let ever = |ms: Option<u64>| ms.map_or_else(|| "never".to_owned(), |ms| out.exactly(ms));
    Row::new()
        .both("connected", "RELAY", s.connected, &relay)
        .more("last_failure", s.last_failure.map(|c| c.to_string()), "")
        .both("outbox", "OUTBOX", s.outbox as u64, &outbox)
        .both(
            "mailboxes",
            "MAILBOXES",
            s.mailboxes as u64,
            &s.mailboxes.to_string(),
        )
        .both("behind", "BEHIND", s.behind as u64, &s.behind.to_string())
        .instant("last_sync", "LAST SYNC", s.last_sync, &ever(s.last_sync))
        .both("clock_difference_ms", "CLOCK", s.clock_difference, &clock)
        .instant("kit_tested", "KIT TESTED", s.kit_tested, &ever(s.kit_tested))
        .both("devices", "DEVICES", s.endpoints as u64, &s.endpoints.to_string())
        .more(
            "kit_due",
            s.kit_due,
            if s.kit_due {
                "yes: telesphor identity rotate"
            } else {
                ""
            },
        )
        .more(
            "removed",
            s.ended,
            if s.ended { "this device was removed" } else { "" },
        )
}

pub(crate) fn finding(f: &Finding) -> Row {
    Row::new()
        .both("error", "CODE", f.code.to_string(), &f.code.to_string())
        .text("words", "WHAT", f.code.words())
        .text("next", "NEXT STEP", &f.next)
        .more("support", f.support.map(|c| c.to_string()), &support(f.support))
}

pub(crate) fn exported(e: &Exported) -> Row {
    let folder = e.folder.to_string_lossy();
    Row::new()
        .text("folder", "FOLDER", &folder)
        .both(
            "documents",
            "DOCUMENTS",
            e.documents as u64,
            &e.documents.to_string(),
        )
        .both("files", "FILES", e.files as u64, &e.files.to_string())
        .both("bytes", "BYTES", e.bytes, &e.bytes.to_string())
        .more("taken_back", e.taken_back as u64, "")
        .more("absent", e.absent.len() as u64, "")
}

pub(crate) fn device(out: &Out, d: &DeviceView, name_of: impl Fn(&IdentityId) -> String) -> Row {
    let patient = d.attached.as_ref().map_or_else(|| "nobody".to_owned(), &name_of);
    Row::new()
        .text("device", "DEVICE", &d.alias)
        .both(
            "attached_to",
            "ATTACHED TO",
            d.attached.map(|p| p.to_string()),
            &patient,
        )
        .instant(
            "since",
            "SINCE",
            d.since,
            &d.since.map_or_else(String::new, |ms| out.short(ms)),
        )
        .more("id", d.id.to_string(), "")
}
