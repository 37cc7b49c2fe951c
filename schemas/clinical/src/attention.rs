//! How soon somebody must see a document, and who is next if nobody does.
//!
//! The priority stays inside the seal: a relay treats all events alike. This is not an
//! alarm system; it lets agents sort, remind and pass on.

use serde::{Deserialize, Serialize};
use telesphor_wire::ids::IdentityId;

use crate::instant::Instant;
use crate::limits;
use crate::text::{Text, bounded};

open_coded! {
    /// How soon.
    pub enum Urgency {
        /// When there is time.
        1 => Routine "routine",
        /// Today.
        2 => Urgent "urgent",
        /// Now.
        3 => Stat "stat",
    }
}

/// Whom to ask next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// A role, in the organisation's words: "cardiology on call".
    pub role: Text,
    /// The role's identity, if it has one.
    pub identity: Option<IdentityId>,
    /// How long after the step before, milliseconds.
    pub after_ms: u64,
}

/// How soon somebody must accept a document, and who is next if nobody does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attention {
    /// How soon.
    pub urgency: Urgency,
    /// By when somebody must have accepted it.
    pub acknowledge_by: Option<Instant>,
    /// Whom to ask then, in this order.
    #[serde(deserialize_with = "bounded::<{ limits::MAX_ESCALATIONS }, _, _>")]
    pub then: Vec<Escalation>,
}

/// Whether somebody has still to accept a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// Nobody has to.
    Nobody,
    /// Somebody has, until this instant if one was named; Unix milliseconds.
    Until(Option<u64>),
    /// Nobody did in the time that was named. From here an always-on agent asks
    /// [`Attention::then`].
    Late(u64),
    /// Somebody did.
    Accepted,
    /// Whoever was asked said that it is not for him: somebody else has to.
    Declined,
}

impl Awaited {
    /// Whether somebody has still to act.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Until(_) | Self::Late(_) | Self::Declined)
    }
}

impl Attention {
    /// Whether somebody has still to accept it at `now` (Unix milliseconds). `answer`: the last
    /// word of whoever was asked, accepted or not. What is urgent has to be accepted, with or
    /// without a time.
    pub fn awaited(&self, answer: Option<bool>, now: u64) -> Awaited {
        let by = self.acknowledge_by.as_ref().map(Instant::stamp);
        match (answer, by) {
            (Some(true), _) => Awaited::Accepted,
            (Some(false), _) if self.asks() => Awaited::Declined,
            (None, Some(by)) if by < now => Awaited::Late(by),
            (None, by) if self.asks() => Awaited::Until(by),
            _ => Awaited::Nobody,
        }
    }

    /// Whether somebody has to accept it at all.
    fn asks(&self) -> bool {
        self.acknowledge_by.is_some() || matches!(self.urgency, Urgency::Urgent | Urgency::Stat)
    }

    /// No hurry.
    pub const fn routine() -> Self {
        Self {
            urgency: Urgency::Routine,
            acknowledge_by: None,
            then: Vec::new(),
        }
    }
}
