//! Roles that can be written to, and letters to them, as they are shown.

use telesphor_wire::hash::Digest;
use telesphor_wire::ids::IdentityId;

/// A role that can be written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleView {
    /// Its identity.
    pub id: IdentityId,
    /// Whose.
    pub organisation: IdentityId,
    /// The organisation's name as known here.
    pub organisation_name: String,
    /// `role@organisation`, as a command line names it.
    pub address: String,
    /// The role, as the roster writes it.
    pub role: String,
    /// The role for a person to read.
    pub name: String,
    /// Who holds it now, by the roster known here. `None`: that is known at its hospital, which is another one.
    pub on_duty: Option<Vec<String>>,
}

/// What one of a role's people did with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeardView {
    /// Who.
    pub who: IdentityId,
    /// The name as known here.
    pub name: String,
    /// delivered, opened, accepted, declined.
    pub what: &'static str,
    /// When, by that one's device.
    pub at: u64,
    /// In words, such as why it was declined.
    pub words: String,
}

/// That a document went on to the next role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedView {
    /// To which one.
    pub to: String,
    /// When.
    pub at: u64,
    /// Everybody had declined; else nobody had accepted it in time.
    pub declined: bool,
}

/// A letter at an organisation's desk: what its carrier knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeskView {
    /// Its random name.
    pub letter: Digest,
    /// Who sent it.
    pub from: IdentityId,
    /// The sender's name as known here.
    pub from_name: String,
    /// To which role it was sent.
    pub first: String,
    /// At which role it is now.
    pub role: String,
    /// How often it went on.
    pub step: u32,
    /// When it came.
    pub arrived: u64,
    /// By when somebody must have accepted it there.
    pub accept_by: Option<u64>,
    /// To whom it was given.
    pub given: Vec<String>,
    /// Who has declined it.
    pub declined: Vec<String>,
    /// Who has accepted it.
    pub accepted_by: Option<String>,
    /// Bytes under its seal.
    pub bytes: u64,
}
