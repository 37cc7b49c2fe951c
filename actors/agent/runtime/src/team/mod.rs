//! Care teams: a patient grants scopes to a *role* of an organisation, the organisation's signed
//! roster says who that is, and the members' programs bring the group in line with it.
//!
//! One team is one shared mailbox, of which the patient is the owner: for one role of one
//! organisation, one set of scopes and one end (decision 6). The roster service carries requests
//! and Welcomes between people who do not know each other; it sits in no group (decision 24).

mod after;
mod ask;
mod correct;
mod cut;
mod discharge;
mod documents;
mod drill;
mod end;
mod found;
mod heal;
mod heard;
mod line;
mod papers;
mod record;
pub(crate) mod roster;
pub(crate) mod rules;
pub(crate) mod serve;
pub(crate) mod show;
mod tend;
mod told;
mod unheard;
mod verbs;

pub(crate) use papers::papers_due;
pub(crate) use record::{change_name, is_over, team_patient, team_policy};
pub(crate) use serve::padding_for;
pub(crate) use unheard::may_be_unsaid;

pub use drill::{Mischief, TeamStand};
pub use roster::Turn;
pub use verbs::TeamRequest;

/// How long before a turn begins its person may be let in, milliseconds: at the change of shift
/// whoever comes sits there before whoever goes has left.
pub(crate) const EARLY_MS: u64 = 30 * 60 * 1000;
/// How far members' clocks and the order of events may blur the edge of a turn when a change is
/// judged, milliseconds. What honest programs make stays well inside of it.
pub(crate) const GRACE_MS: u64 = 30 * 60 * 1000;
/// How long a change of a team stays valid on its way, milliseconds. Shorter than the grace, so
/// that one which was held up cannot be judged by another turn than it was made for.
pub(crate) const CHANGE_LIFE_MS: u64 = 10 * 60 * 1000;
