//! The access log as it is shown.

use telesphor_wire::ids::{DocumentId, IdentityId};

/// How much a line of the log concerns somebody who looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Somebody has fetched who should not hold the key, or did not say that he does.
    Alarm,
    /// Somebody did something with a document.
    Plain,
    /// A member's program fetched what is no document.
    Upkeep,
    /// One's own devices.
    Own,
}

/// One line of the access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it happened.
    pub at: u64,
    /// When it became known here.
    pub came: u64,
    /// Who, if that is known and it is somebody else.
    pub who: Option<IdentityId>,
    /// The alias, or words where there is none.
    pub alias: String,
    /// What happened: delivered, opened, accepted, declined, fetched, fetched-by-nobody-known,
    /// fetched-by-nobody-yet,
    /// came-on-duty, went-off-duty, discharged.
    pub what: &'static str,
    /// The line in words.
    pub words: String,
    /// Which document, if it is one.
    pub document: Option<DocumentId>,
    /// Its title, or those of several.
    pub title: String,
    /// How much it concerns.
    pub seen: Seen,
    /// On which device, by the name that its owner gave it; empty if that is not known.
    pub device: String,
    /// Whose device it was, where somebody opened something at a place's.
    pub place: Option<IdentityId>,
}

impl LogLine {
    /// Something was fetched by a key that a member may still announce; else it is an alarm.
    pub const NOT_YET: &'static str = "fetched-by-nobody-yet";
}

/// What is not in the log although it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The relay keeps no records of deliveries at all.
    NoRecords,
    /// Those of this mailbox (in words) have not been read yet.
    NotRead(&'static str),
    /// The relay does not give those of this mailbox (in words).
    Refused(&'static str),
    /// This mailbox (in words) was opened without them; they are asked for from now on.
    NotKept(&'static str),
    /// So many of this mailbox (in words) had given way before they were read.
    LetGo(&'static str, u64),
    /// So many of this mailbox (in words) do not open.
    Unreadable(&'static str, u64),
    /// The relay began again at this instant after an end in which some can have been lost.
    Torn(u64),
}

/// Whether the log is complete, as far as the relay tells the truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogCheck {
    /// What is missing; empty: everything that the relay wrote down was read.
    pub missing: Vec<Missing>,
    /// Own mailboxes that were looked at.
    pub mailboxes: usize,
    /// Mailboxes that others own: only they learn who fetched there.
    pub others: usize,
}
