//! Who is signed in here, and who was anywhere at this place.

use serde::{Deserialize, Serialize};
use telesphor_clinical::receipt::SignedPresence;
use telesphor_clinical::self_entry::SelfEntry;
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::sign::PublicKey;
use telesphor_wire::tagged;

use crate::core::{Core, Ctx};
use crate::error::{Error, Result};

const SIGNED_IN: &[u8] = b"signed-in";
const PRESENCES: &[u8] = b"presences";
const PSEUDONYMS: &[u8] = b"staff-pseudonyms";
const POLICY: &[u8] = b"staff-policy";
/// Presences kept: some years of a large ward.
const KEPT: u64 = 65_536;

/// Somebody at this device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SignedIn {
    pub(crate) presence: SignedPresence,
    /// By which name he goes here.
    pub(crate) name: String,
    /// In which role he acts, in the place's words; may be empty.
    pub(crate) role: String,
    /// The vault's session that it holds for.
    pub(crate) session: Digest,
}

/// Somebody was or is at a device of this place, as its devices tell each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Presence {
    pub(crate) presence: SignedPresence,
    pub(crate) name: String,
    pub(crate) role: String,
    /// When he left before the end that he said, Unix milliseconds.
    pub(crate) left: Option<u64>,
}

/// Who goes by a pseudonym, and towards whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pseudonym {
    pub(crate) key: PublicKey,
    pub(crate) person: IdentityId,
    pub(crate) name: String,
    pub(crate) role: String,
    /// Who sees it.
    pub(crate) towards: IdentityId,
}

/// How a place shows its people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Policy {
    pub(crate) pseudonyms: bool,
    /// When it was decided, Unix milliseconds: the last word counts.
    pub(crate) at: u64,
}

tagged! {
    /// What the devices of a place tell each other of people.
    enum Told {
        1 => Presence(Box<Presence>),
        2 => Pseudonym(Box<Pseudonym>),
        3 => Policy(Policy),
    }
}

/// Whoever is signed in at this device now.
pub(crate) fn signed_in(
    records: &impl Records,
    session: Option<Digest>,
    now: u64,
) -> Result<Option<SignedIn>> {
    let here: Option<SignedIn> = records.get_value(Table::Settings, SIGNED_IN)?;
    Ok(here.filter(|here| {
        let until = here.presence.statement.until.stamp();
        session == Some(here.session) && now < until
    }))
}

/// How this place shows its people.
pub(crate) fn policy(records: &impl Records) -> Result<Policy> {
    Ok(records.get_value(Table::Settings, POLICY)?.unwrap_or_default())
}

/// Everybody who said that he was at a device of this place, newest first.
pub(crate) fn presences(records: &impl Records) -> Result<Vec<Presence>> {
    let newest = records.newest(Table::Receipts, PRESENCES, u64::MAX, KEPT as usize)?;
    newest
        .iter()
        .map(|(_, bytes)| canonical::decode(bytes).map_err(|_| Error::fault("presences")))
        .collect()
}

/// Every pseudonym that was used.
pub(crate) fn pseudonyms(records: &impl Records) -> Result<Vec<Pseudonym>> {
    Ok(records
        .get_value(Table::Settings, PSEUDONYMS)?
        .unwrap_or_default())
}

impl Core {
    /// Whoever is signed in at this device now.
    pub(crate) fn present(&self) -> Result<Option<SignedIn>> {
        signed_in(&self.read()?, self.session, (self.clock)())
    }
}

impl Ctx<'_, '_> {
    /// Who acts here: nobody is named where a device has one user.
    ///
    /// # Errors
    /// [`ErrorCode::NobodySignedIn`] at a device that several people use.
    pub(crate) fn acting(&self) -> Result<Option<SignedIn>> {
        if !self.keys.shared {
            return Ok(None);
        }
        let here = signed_in(self.tx, self.session, self.now)?;
        here.map(Some).ok_or(ErrorCode::NobodySignedIn.into())
    }

    pub(crate) fn put_signed_in(&mut self, here: &SignedIn) -> Result<()> {
        self.put(Table::Settings, SIGNED_IN, here)?;
        self.presence_new(Presence {
            presence: here.presence.clone(),
            name: here.name.clone(),
            role: here.role.clone(),
            left: None,
        })
    }

    /// Nobody is signed in any more; gives who was.
    pub(crate) fn take_signed_in(&mut self) -> Result<Option<SignedIn>> {
        let here: Option<SignedIn> = self.get(Table::Settings, SIGNED_IN)?;
        self.tx.delete(Table::Settings, SIGNED_IN)?;
        Ok(here)
    }

    /// Keeps a presence, and tells the place's other devices.
    pub(crate) fn presence_new(&mut self, presence: Presence) -> Result<()> {
        self.keep_presence(&presence)?;
        self.tell_place(&Told::Presence(Box::new(presence)))
    }

    fn keep_presence(&mut self, presence: &Presence) -> Result<()> {
        for (_, bytes) in self.tx.newest(Table::Receipts, PRESENCES, u64::MAX, 256)? {
            if canonical::decode::<Presence>(&bytes).is_ok_and(|known| known == *presence) {
                return Ok(());
            }
        }
        let position = self.push(Table::Receipts, PRESENCES, presence)?;
        if position > KEPT {
            self.tx.delete_at(Table::Receipts, PRESENCES, position - KEPT)?;
        }
        Ok(())
    }

    /// Remembers who goes by a pseudonym, and tells the place's other devices.
    pub(crate) fn pseudonym_new(&mut self, pseudonym: Pseudonym) -> Result<()> {
        if self.keep_named(&pseudonym)? {
            self.tell_place(&Told::Pseudonym(Box::new(pseudonym)))?;
        }
        Ok(())
    }

    fn keep_named(&mut self, pseudonym: &Pseudonym) -> Result<bool> {
        let mut all = pseudonyms(self.tx)?;
        if all.contains(pseudonym) {
            return Ok(false);
        }
        all.push(pseudonym.clone());
        self.put(Table::Settings, PSEUDONYMS, &all)?;
        Ok(true)
    }

    /// Decides how this place shows its people.
    pub(crate) fn decide_policy(&mut self, pseudonyms: bool) -> Result<()> {
        let policy = Policy {
            pseudonyms,
            at: self.now,
        };
        self.put(Table::Settings, POLICY, &policy)?;
        self.tell_place(&Told::Policy(policy))
    }

    fn tell_place(&mut self, told: &Told) -> Result<()> {
        self.tell_siblings(SelfEntry::Staff(Bytes(canonical::encode(told))))
    }

    /// Another device of this place tells of people.
    pub(crate) fn place_told(&mut self, bytes: &[u8]) -> Result<()> {
        let told: Told = canonical::decode(bytes).map_err(|_| Error::of(ErrorCode::Malformed))?;
        match told {
            Told::Presence(presence) => self.keep_presence(&presence),
            Told::Pseudonym(pseudonym) => self.keep_named(&pseudonym).map(|_| ()),
            Told::Policy(other) if other.at > policy(self.tx)?.at => {
                self.put(Table::Settings, POLICY, &other)
            }
            Told::Policy(_) => Ok(()),
        }
    }

    /// Tells a new device of this place everything about people.
    pub(crate) fn brief_place(&mut self) -> Result<()> {
        let mut all = vec![Told::Policy(policy(self.tx)?)];
        all.extend(
            pseudonyms(self.tx)?
                .into_iter()
                .map(|p| Told::Pseudonym(Box::new(p))),
        );
        let known = presences(self.tx)?.into_iter().rev();
        all.extend(known.map(|p| Told::Presence(Box::new(p))));
        for told in all {
            self.own(SelfEntry::Staff(Bytes(canonical::encode(&told))))?;
        }
        Ok(())
    }
}
