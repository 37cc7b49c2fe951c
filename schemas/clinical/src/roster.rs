//! Rosters: who works for an organisation in which role, where and when, in its signed word.
//!
//! Patients grant a scope to a *role*; the roster says who that is at any moment. An organisation
//! has one roster, whose editions are numbered: a lower number never takes the place of a higher.

use serde::{Deserialize, Serialize};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, hash};
use telesphor_wire::ids::IdentityId;
use telesphor_wire::labels::{HashLabel, SignLabel};
use telesphor_wire::sign::{PublicKey, Signature, Signed};

use crate::instant::Instant;
use crate::limits::{MAX_ROSTER, VERSION};
use crate::text::{Text, bounded};

open_coded! {
    /// How somebody came onto a roster.
    pub enum RosterSource {
        /// By the plan of shifts.
        1 => Shift "shift",
        /// Asked to look at one matter.
        2 => Consult "consult",
        /// In place of somebody else.
        3 => Cover "cover",
        /// Sent by an agency.
        4 => Agency "agency",
    }
}

/// One turn of one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterEntry {
    /// Who.
    pub person: IdentityId,
    /// By which name the organisation knows the person.
    pub name: Text,
    /// In which role, in the organisation's words.
    pub role: Text,
    /// Where.
    pub place: Text,
    /// From when.
    pub from: Instant,
    /// Until when.
    pub until: Instant,
    /// How it came about.
    pub source: RosterSource,
    /// Who approved it, where it was not the plan.
    pub approved_by: Option<IdentityId>,
}

/// One edition of an organisation's roster, as signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// [`VERSION`].
    pub version: u16,
    /// Whose roster.
    pub organisation: IdentityId,
    /// Its history as it stood.
    pub head: Digest,
    /// The endpoint whose key signs: the roster service.
    pub endpoint: PublicKey,
    /// One more than the edition before.
    pub edition: u64,
    /// When it was made.
    pub issued: Instant,
    /// Until when it may be gone by: access that rests on it ends then, if no later edition comes.
    pub until: Instant,
    /// Everybody's turns, those to come as well.
    #[serde(deserialize_with = "bounded::<{ MAX_ROSTER }, _, _>")]
    pub entries: Vec<RosterEntry>,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for Roster {
    const LABEL: SignLabel = SignLabel::Roster;
}

impl Roster {
    /// `H("roster-id", roster)`.
    pub fn id(&self) -> Digest {
        hash(HashLabel::RosterId, self)
    }

    /// Whether its own words fit together: a version known here, no turn that ends before it
    /// begins, nothing critical that is not known.
    pub fn is_sound(&self) -> bool {
        let turns = self.entries.iter().all(|e| e.from.stamp() < e.until.stamp());
        self.version == VERSION && turns && self.ext.check(&[]).is_ok()
    }

    /// The turns of a person in a role.
    pub fn turns<'a>(
        &'a self,
        person: &'a IdentityId,
        role: &'a str,
    ) -> impl Iterator<Item = &'a RosterEntry> {
        self.entries
            .iter()
            .filter(move |e| e.person == *person && e.role.as_str() == role)
    }

    /// Whether a person has a turn in a role at an instant (Unix milliseconds) that began at most
    /// `early` before it begins, and at most `late` after it ends.
    pub fn on_duty(&self, person: &IdentityId, role: &str, at: u64, early: u64, late: u64) -> bool {
        self.turns(person, role)
            .any(|e| e.from.stamp() <= at.saturating_add(early) && at < e.until.stamp().saturating_add(late))
    }

    /// By which name a person stands in it.
    pub fn name(&self, person: &IdentityId) -> Option<&Text> {
        let entry = self.entries.iter().find(|e| e.person == *person)?;
        Some(&entry.name)
    }
}

/// A signed [`Roster`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedRoster {
    /// What is signed.
    pub roster: Roster,
    /// By `roster.endpoint`.
    pub signature: Signature,
}
