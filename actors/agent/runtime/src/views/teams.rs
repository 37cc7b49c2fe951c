//! Rosters and care teams as they are shown.

use telesphor_wire::ids::{IdentityId, MailboxId};

/// One edition of an organisation's roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterView {
    /// Whose.
    pub organisation: IdentityId,
    /// Its name as known here.
    pub organisation_name: String,
    /// Number of the edition.
    pub edition: u64,
    /// When it was made.
    pub issued: u64,
    /// Until when it may be gone by.
    pub until: u64,
    /// Everybody's turns.
    pub turns: Vec<TurnView>,
}

/// One turn of one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnView {
    /// Who.
    pub person: IdentityId,
    /// The alias here, if it is a contact.
    pub alias: String,
    /// By which name the organisation knows the person.
    pub name: String,
    /// In which role.
    pub role: String,
    /// Where.
    pub place: String,
    /// From when.
    pub from: u64,
    /// Until when.
    pub until: u64,
    /// Shift, consult, cover, agency.
    pub source: &'static str,
    /// Who approved it.
    pub approved_by: Option<String>,
}

/// How one stands to a care team.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TeamState {
    /// It is one's own record that is shown there.
    Own,
    /// One sits there.
    Sitting,
    /// One may come in when one's turn is there.
    Called,
    /// It has ended.
    Over,
}

/// A care team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamView {
    /// Its mailbox.
    pub mailbox: MailboxId,
    /// Whose record is shown there.
    pub patient: IdentityId,
    /// By which name the patient goes here.
    pub patient_name: String,
    /// Whose role it was granted to.
    pub organisation: IdentityId,
    /// The organisation's name as known here.
    pub organisation_name: String,
    /// The role.
    pub role: String,
    /// What is granted.
    pub scopes: Vec<String>,
    /// Until when; `None` = until the patient ends it.
    pub until: Option<u64>,
    /// Until when the relay serves its members, if no later edition of the roster comes.
    pub lease: Option<u64>,
    /// What for.
    pub why: String,
    /// How one stands to it.
    pub state: TeamState,
    /// When the organisation has discharged the patient, and why, if it has.
    pub discharged: Option<(u64, String)>,
    /// Who sits there beside oneself, as far as one can see.
    pub members: Vec<TeamMember>,
    /// How many documents are shown there.
    pub documents: usize,
}

/// Somebody in a care team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamMember {
    /// Who.
    pub id: IdentityId,
    /// The name as known here.
    pub name: String,
    /// Whether it is the patient.
    pub patient: bool,
    /// When the last turn ends, by the roster that is known here.
    pub until: Option<u64>,
}

/// What a discharge has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Discharged {
    /// Grants of the patient to roles of this organisation.
    pub grants: usize,
    /// People who are told.
    pub people: usize,
}
