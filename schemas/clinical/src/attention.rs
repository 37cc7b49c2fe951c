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

impl Attention {
    /// No hurry.
    pub const fn routine() -> Self {
        Self {
            urgency: Urgency::Routine,
            acknowledge_by: None,
            then: Vec::new(),
        }
    }
}
