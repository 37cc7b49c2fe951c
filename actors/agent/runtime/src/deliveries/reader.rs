//! Who held the key of a record, as far as this device can tell.
//!
//! A key names a device only if the device said so: inside the group (a pseudonym), or by the
//! mark of its connection where all devices of an identity share one key. What fits neither is
//! an alarm; so is a device that was ended and fetches all the same.

use std::collections::HashSet;

use telesphor_clinical::message::PseudonymAnnouncement;
use telesphor_identity::endpoint::{EndReason, EndpointState};
use telesphor_vault::{Records, Table};
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::{IdentityId, Nonce};
use telesphor_wire::records::DeliveryRecord;
use telesphor_wire::session::Right;
use telesphor_wire::sign::PublicKey;

use super::keys::{SESSIONS, own_sessions};
use super::marks::bears;
use crate::api::create::UNNAMED_DEVICE;
use crate::core::{Core, Profile, names};
use crate::documents::show::People;
use crate::endpoints::removing::endpoint_id;
use crate::error::Result;

/// Who held the key of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// This device.
    Here,
    /// Another device of this identity.
    Own(String),
    /// Another member of the group, and on which device.
    Member(IdentityId, String),
    /// A device that had ended by then: whose, and which.
    Ended(IdentityId, String),
    /// A connection that bears this device's mark, or shows its key, and was not made here.
    NotHere,
    /// The key of another device of this identity, in a connection without its mark.
    Unmarked(String),
    /// The owner's key, in a connection that bears the mark of no device.
    OwnersKey,
    /// Nobody announced it, and this device would have heard it.
    Nobody,
    /// Nobody announced it, and a member of that epoch has still to say which key is its own.
    NotYet,
    /// This device cannot say: it was not in the group then.
    Unknown,
}

impl Reader {
    /// Whether somebody has fetched who should not have.
    pub(crate) const fn alarms(&self) -> bool {
        matches!(
            self,
            Self::Ended(..) | Self::NotHere | Self::Unmarked(_) | Self::OwnersKey | Self::Nobody
        )
    }

    /// By whom, in words.
    pub(crate) fn words(&self, people: &People) -> String {
        match self {
            Self::Here => "this device".to_owned(),
            Self::Own(device) => format!("your device \"{device}\""),
            Self::Member(who, device) if device.is_empty() => format!("{}'s device", people.name(who)),
            Self::Member(who, device) => format!("{}'s device \"{device}\"", people.name(who)),
            Self::Ended(who, device) if people.is_me(who) => {
                format!("YOUR DEVICE \"{device}\", WHICH YOU REMOVED")
            }
            Self::Ended(who, device) => {
                format!("{}'s device \"{device}\", WHICH WAS REMOVED", people.name(who))
            }
            Self::NotHere => "A PROGRAM ELSEWHERE THAT HAS THIS DEVICE'S KEYS".to_owned(),
            Self::Unmarked(device) => {
                format!("A PROGRAM THAT HAS THE KEY OF YOUR DEVICE \"{device}\" AND IS NOT ITS OWN")
            }
            Self::OwnersKey => "SOMEBODY ELSE WITH YOUR OWNER'S KEY".to_owned(),
            Self::Nobody => "A KEY THAT NOBODY ANNOUNCED".to_owned(),
            Self::NotYet => "a key that nobody has announced yet".to_owned(),
            Self::Unknown => "a key that this device cannot name".to_owned(),
        }
    }

    /// Who it was, if it is somebody else, and by which short name he goes here.
    pub(crate) fn who(&self, people: &People) -> (Option<IdentityId>, String) {
        match self {
            Self::Here | Self::Own(_) => (None, "me".to_owned()),
            Self::Ended(who, _) if people.is_me(who) => (None, "me".to_owned()),
            Self::Member(who, _) | Self::Ended(who, _) => (Some(*who), people.alias(who)),
            Self::NotHere | Self::Unmarked(_) | Self::OwnersKey | Self::Nobody => {
                (None, "nobody known".to_owned())
            }
            Self::NotYet | Self::Unknown => (None, "unknown".to_owned()),
        }
    }

    /// Which device, by its name.
    pub(crate) fn device(&self) -> String {
        match self {
            Self::Own(device) | Self::Member(_, device) | Self::Ended(_, device) | Self::Unmarked(device) => {
                device.clone()
            }
            _ => String::new(),
        }
    }
}

/// What is needed to say whose a record is, read once.
pub(crate) struct Devices {
    profile: Profile,
    here: PublicKey,
    root: Option<Secret>,
    own: Vec<EndpointState>,
    sessions: HashSet<Nonce>,
    now: u64,
}

impl Devices {
    pub(crate) fn load(records: &impl Records, core: &Core) -> Result<Self> {
        let profile = core.profile.clone();
        let history = crate::people::history(records, &profile, &profile.identity)?;
        Ok(Self {
            here: core.keys.endpoint.public(),
            root: core.keys.stored.root.clone(),
            own: history.map_or_else(Vec::new, |(_, h)| h.now().endpoints.clone()),
            sessions: own_sessions(records)?,
            now: (core.clock)(),
            profile,
        })
    }

    /// Whose the key of a record was.
    pub(crate) fn reader(&self, records: &impl Records, record: &DeliveryRecord) -> Result<Reader> {
        if self.sessions.contains(&record.session) {
            return Ok(Reader::Here);
        }
        if record.right == Right::Owner {
            return Ok(self.by_mark(record, None));
        }
        let name = names::pseudonym(&record.mailbox, &record.key.0);
        let said: Option<PseudonymAnnouncement> = records.get_value(Table::Receipts, &name)?;
        if let Some(said) = said {
            return match said.identity == self.profile.identity {
                true => Ok(self.by_mark(record, Some(said.endpoint))),
                false => self.of_somebody(records, record, &said),
            };
        }
        // Whoever was in the group in that epoch has heard every announcement that was made.
        let there = names::was_in(&record.mailbox, record.branch, record.epoch);
        if !records.contains(Table::Receipts, &there)? {
            return Ok(Reader::Unknown);
        }
        Ok(match crate::team::may_be_unsaid(records, record, self.now)? {
            true => Reader::NotYet,
            false => Reader::Nobody,
        })
    }

    /// One of this identity's own devices, if the connection bears its mark; the one that said
    /// that the key is its own, if one did.
    fn by_mark(&self, record: &DeliveryRecord, said: Option<PublicKey>) -> Reader {
        let Some(root) = &self.root else {
            return Reader::Unknown;
        };
        let marked = self
            .own
            .iter()
            .find(|e| bears(&record.session, root, &e.record.key));
        let device = match (marked, said) {
            (Some(device), None) => device,
            (Some(device), Some(said)) if device.record.key == said => device,
            (_, Some(said)) if said == self.here => return Reader::NotHere,
            (_, Some(said)) => return Reader::Unmarked(self.label(&said)),
            (None, None) => return Reader::OwnersKey,
        };
        let label = label_of(device);
        if device.record.key == self.here {
            // Of this device's own connections only the newest are remembered.
            return match self.sessions.len() >= SESSIONS {
                true => Reader::Here,
                false => Reader::NotHere,
            };
        }
        match ended_before(device, record.last) {
            true => Reader::Ended(self.profile.identity, label),
            false => Reader::Own(label),
        }
    }

    fn label(&self, key: &PublicKey) -> String {
        let device = self.own.iter().find(|e| e.record.key == *key);
        device.map_or_else(String::new, label_of)
    }

    /// A device of another member, by the name that its owner gave it.
    fn of_somebody(
        &self,
        records: &impl Records,
        record: &DeliveryRecord,
        said: &PseudonymAnnouncement,
    ) -> Result<Reader> {
        let history = crate::people::history(records, &self.profile, &said.identity)?;
        let device = history.and_then(|(_, h)| h.now().endpoint(&said.endpoint).cloned());
        Ok(match device {
            None => Reader::Member(said.identity, String::new()),
            Some(device) => match ended_before(&device, record.last) {
                true => Reader::Ended(said.identity, label_of(&device)),
                false => Reader::Member(said.identity, given_name(&device)),
            },
        })
    }
}

/// The name that its owner gave a device; empty if it goes by the one that each has at first.
fn given_name(device: &EndpointState) -> String {
    let name = device.record.name.shown();
    match name == UNNAMED_DEVICE {
        true => String::new(),
        false => name,
    }
}

/// The same; else the letters by which `endpoint list` names it.
fn label_of(device: &EndpointState) -> String {
    match given_name(device) {
        name if name.is_empty() => endpoint_id(&device.record.key),
        name => name,
    }
}

/// Whether a device was out of its owner's hands before that instant. One that was merely put
/// away may come by once more to learn it.
fn ended_before(device: &EndpointState, at: u64) -> bool {
    device
        .ended
        .is_some_and(|end| end.reason != EndReason::Retired && end.since < at)
}
