//! People at shared devices as they are shown.

use telesphor_wire::ids::IdentityId;
use telesphor_wire::sign::PublicKey;

/// Whoever is signed in at this shared device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentView {
    /// Who.
    pub person: IdentityId,
    /// By which name he goes here.
    pub name: String,
    /// In which role; may be empty.
    pub role: String,
    /// Whose device it is.
    pub place: String,
    /// What it is called.
    pub device: String,
    /// Until when.
    pub until: u64,
}

/// Which device a presence is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceView {
    /// Whose device.
    pub place: IdentityId,
    /// By which name the place goes, in its own word.
    pub name: String,
    /// What the device is called.
    pub device: String,
    /// Whether the place is known here, and by which name.
    pub known: Option<String>,
}

/// Somebody was at a device of this place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresenceView {
    /// Who.
    pub person: IdentityId,
    /// By which name he went.
    pub name: String,
    /// In which role; may be empty.
    pub role: String,
    /// The device's key.
    pub key: PublicKey,
    /// What the device is called.
    pub device: String,
    /// From when.
    pub from: u64,
    /// Until when he said, or when he left.
    pub until: u64,
    /// Whether he left before the end that he said.
    pub left: bool,
}

/// Who wrote a document that a place signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandView {
    /// Who, in words.
    pub name: String,
    /// At which device; empty if it is not said.
    pub device: String,
    /// Until when he said that he was there.
    pub until: Option<u64>,
    /// Whether it is proved that he said so; for a pseudonym, whether the organisation says it.
    pub proved: bool,
}

/// Who must act before a removed device is out of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// This device does it, as soon as the relay can be reached.
    Here,
    /// The other side's program, when it is online.
    Other,
    /// Whoever of the team is on duty, or the patient.
    Team,
}

/// What became of a removed device in one mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutView {
    /// What the mailbox is for; `keys`: the owner's keys that the device knew.
    pub purpose: &'static str,
    /// With whom, or whose, if with one.
    pub with: Option<String>,
    /// Whether the device is out of it.
    pub done: bool,
    /// Who must act, if it is not.
    pub waits_for: Option<Holds>,
}

/// Who goes by a pseudonym.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedStaff {
    /// The pseudonym as it is shown.
    pub code: String,
    /// Who.
    pub person: IdentityId,
    /// By which name.
    pub name: String,
    /// In which role.
    pub role: String,
    /// Who sees the pseudonym.
    pub towards: String,
    /// When that person said that he was at a device of this place.
    pub presences: Vec<PresenceView>,
}
