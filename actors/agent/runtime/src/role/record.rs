//! What is kept of roles and of letters to them.

use serde::{Deserialize, Serialize};
use telesphor_clinical::role::{
    PassedWhy, RoleEvidence, RoleLetter, RoleStep, SignedRoleCard, SignedRoleKey,
};
use telesphor_clinical::text::Text;
use telesphor_vault::{Records, Table};
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{DocumentId, IdentityId};
use telesphor_wire::seal::SealingKey;
use telesphor_wire::sign::PublicKey;

use crate::core::Ctx;
use crate::error::Result;

/// Cards of roles known here.
const CARDS: &[u8] = b"role-cards";
/// Endpoints of staff whose keys lie at this desk.
const READERS: &[u8] = b"role-readers";
/// Letters written here.
const WRITTEN: &[u8] = b"role-letters-written";
/// Letters that came here.
const CAME: &[u8] = b"role-letters-came";
/// Letters written here whose readers' keys have not come.
const WAITING: &[u8] = b"role-letters-waiting";
/// Letters at this desk that somebody has still to take.
const DESK: &[u8] = b"role-letters-desk";
/// Letters at this desk that go nowhere any more, oldest first.
const DONE: &[u8] = b"role-letters-done";
/// Receipts kept of one letter.
const MAX_HEARD: usize = 1024;
/// Letters that one desk carries at once; further ones wait with their senders.
pub(super) const MAX_DESK: usize = 4096;

/// A private key for letters to roles of one organisation.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct OwnKey {
    pub(super) key: SealingKey,
    pub(super) made: u64,
}

/// A letter written here.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Written {
    pub(crate) letter: Digest,
    pub(crate) document: DocumentId,
    pub(crate) organisation: IdentityId,
    pub(crate) steps: Vec<RoleStep>,
    /// At which of them it is, as far as the organisation has said.
    pub(crate) at: u32,
    pub(crate) follows: Option<Digest>,
    /// Once it is sealed.
    pub(crate) key: Option<Secret>,
    /// When its readers' keys were asked for last.
    pub(crate) asked: u64,
    /// Where in the outbox that stands or stood.
    pub(crate) asks: Option<u64>,
    /// When and why it went on, step by step.
    pub(crate) passed: Vec<Passed>,
}

/// That a letter went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Passed {
    pub(crate) to: u32,
    pub(crate) at: u64,
    pub(crate) why: PassedWhy,
}

/// A letter that came here.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Came {
    pub(crate) letter: Digest,
    pub(crate) document: DocumentId,
    pub(crate) organisation: IdentityId,
    pub(crate) from: IdentityId,
    pub(crate) name: Text,
    pub(crate) steps: Vec<RoleStep>,
    pub(crate) at: u32,
    pub(crate) key: Secret,
}

/// What a reader of a letter said of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Heard {
    pub(crate) who: IdentityId,
    pub(crate) step: u32,
    /// Code of the receipt's kind.
    pub(crate) kind: u16,
    pub(crate) at: u64,
    pub(crate) words: Text,
}

/// A letter at its organisation's desk.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Desk {
    pub(crate) letter: RoleLetter,
    pub(crate) arrived: u64,
    /// To whom it was given, by endpoint, and at which step.
    pub(crate) given: Vec<Given>,
    /// Who has declined and not accepted since.
    pub(crate) declined: Vec<IdentityId>,
    /// Who has accepted it: it goes nowhere else.
    pub(crate) taken: Option<IdentityId>,
    /// For which endpoints its key was asked of its readers, and when.
    pub(crate) wanted: Vec<(PublicKey, u64)>,
    pub(crate) evidence: Vec<RoleEvidence>,
    pub(crate) passed: Vec<Passed>,
    /// Nobody has taken it in all the time that it lay here.
    pub(crate) over: bool,
}

/// That a letter was given to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Given {
    pub(crate) person: IdentityId,
    pub(crate) endpoint: PublicKey,
    pub(crate) step: u32,
}

impl Desk {
    /// Everybody to whom it was given.
    pub(super) fn readers(&self) -> Vec<IdentityId> {
        let mut people: Vec<IdentityId> = self.given.iter().map(|g| g.person).collect();
        people.sort_unstable();
        people.dedup();
        people
    }
}

fn named(prefix: &[u8], id: &[u8; 32]) -> Vec<u8> {
    [prefix, id].concat()
}

fn sent_name(document: &DocumentId, role: &IdentityId) -> Vec<u8> {
    [b"role-sent/", &document.0[..], &role.0[..]].concat()
}

fn list<T: serde::de::DeserializeOwned + Serialize>(records: &impl Records, name: &[u8]) -> Result<Vec<T>> {
    Ok(records.get_value(Table::Receipts, name)?.unwrap_or_default())
}

/// The card of every role known here.
pub(crate) fn all_cards(records: &impl Records) -> Result<Vec<SignedRoleCard>> {
    let mut all = Vec::new();
    for identity in list::<IdentityId>(records, CARDS)? {
        all.extend(card_of(records, &identity)?);
    }
    Ok(all)
}

pub(crate) fn card_of(records: &impl Records, role: &IdentityId) -> Result<Option<SignedRoleCard>> {
    Ok(records.get_value(Table::Receipts, &named(b"role-card/", &role.0))?)
}

/// Whether an identity is a role known here.
pub(crate) fn is_role(records: &impl Records, who: &IdentityId) -> Result<bool> {
    Ok(records.contains(Table::Receipts, &named(b"role-card/", &who.0))?)
}

/// The letter by which a document came here, the newest if there are several.
pub(crate) fn letter_of(records: &impl Records, document: &DocumentId) -> Result<Option<Came>> {
    let letter: Option<Digest> = records.get_value(Table::Receipts, &named(b"role-came-of/", &document.0))?;
    match letter {
        Some(letter) => Ok(records.get_value(Table::Receipts, &named(b"role-came/", &letter.0))?),
        None => Ok(None),
    }
}

/// The letter by which a document went to a role, and at which of its steps that role stands.
pub(crate) fn letter_to(
    records: &impl Records,
    document: &DocumentId,
    role: &IdentityId,
) -> Result<Option<(Written, u32)>> {
    let place: Option<(Digest, u32)> = records.get_value(Table::Receipts, &sent_name(document, role))?;
    let Some((letter, step)) = place else {
        return Ok(None);
    };
    let written: Option<Written> = records.get_value(Table::Receipts, &named(b"role-written/", &letter.0))?;
    Ok(written.map(|written| (written, step)))
}

/// What readers said of a letter, in the order in which it came.
pub(crate) fn heard_of(records: &impl Records, letter: &Digest) -> Result<Vec<Heard>> {
    list(records, &named(b"role-heard/", &letter.0))
}

/// By which names organisations know those who have written to their roles.
pub(super) fn senders(records: &impl Records) -> Result<Vec<(IdentityId, Text)>> {
    let mut all = Vec::new();
    for letter in list::<Digest>(records, CAME)? {
        let came: Option<Came> = records.get_value(Table::Receipts, &named(b"role-came/", &letter.0))?;
        all.extend(
            came.filter(|c| !c.name.as_str().is_empty())
                .map(|c| (c.from, c.name)),
        );
    }
    Ok(all)
}

fn desk_of(records: &impl Records, name: &[u8]) -> Result<Vec<Desk>> {
    let mut all = Vec::new();
    for letter in list::<Digest>(records, name)? {
        all.extend(records.get_value(Table::Receipts, &named(b"role-desk/", &letter.0))?);
    }
    Ok(all)
}

/// Every letter at this desk that somebody has still to take, oldest first.
pub(crate) fn open_desk(records: &impl Records) -> Result<Vec<Desk>> {
    desk_of(records, DESK)
}

/// Every letter at this desk, oldest first.
pub(crate) fn all_desk(records: &impl Records) -> Result<Vec<Desk>> {
    let mut all = desk_of(records, DONE)?;
    all.extend(open_desk(records)?);
    all.sort_by_key(|d| d.arrived);
    Ok(all)
}

impl Ctx<'_, '_> {
    fn enlist_once<T>(&mut self, name: &[u8], item: T) -> Result<()>
    where
        T: serde::de::DeserializeOwned + Serialize + PartialEq,
    {
        let mut all: Vec<T> = list(self.tx, name)?;
        if !all.contains(&item) {
            all.push(item);
            self.put(Table::Receipts, name, &all)?;
        }
        Ok(())
    }

    pub(super) fn put_card(&mut self, card: &SignedRoleCard) -> Result<()> {
        let identity = card.card.identity;
        self.enlist_once(CARDS, identity)?;
        self.fx.teams = true;
        self.put(Table::Receipts, &named(b"role-card/", &identity.0), card)
    }

    pub(super) fn own_role_keys(&self, organisation: &IdentityId) -> Result<Vec<OwnKey>> {
        let name = named(b"role-keys/", &organisation.0);
        Ok(self.get(Table::IdentityKeys, &name)?.unwrap_or_default())
    }

    pub(super) fn put_own_role_keys(&mut self, organisation: &IdentityId, keys: &[OwnKey]) -> Result<()> {
        self.put(Table::IdentityKeys, &named(b"role-keys/", &organisation.0), keys)
    }

    /// The keys of staff that lie at this desk.
    pub(super) fn readers_keys(&self) -> Result<Vec<SignedRoleKey>> {
        let mut all = Vec::new();
        for endpoint in list::<PublicKey>(self.tx, READERS)? {
            all.extend(self.get::<SignedRoleKey>(Table::Receipts, &named(b"role-reader/", &endpoint.0))?);
        }
        Ok(all)
    }

    pub(super) fn put_reader_key(&mut self, key: &SignedRoleKey) -> Result<()> {
        let endpoint = key.key.endpoint;
        self.enlist_once(READERS, endpoint)?;
        self.fx.teams = true;
        self.put(Table::Receipts, &named(b"role-reader/", &endpoint.0), key)
    }

    pub(super) fn written(&self, letter: &Digest) -> Result<Option<Written>> {
        self.get(Table::Receipts, &named(b"role-written/", &letter.0))
    }

    pub(super) fn all_written(&self) -> Result<Vec<Written>> {
        let mut all = Vec::new();
        for letter in list::<Digest>(self.tx, WRITTEN)? {
            all.extend(self.written(&letter)?);
        }
        Ok(all)
    }

    /// Letters that wait for their readers' keys.
    pub(super) fn waiting(&self) -> Result<Vec<Written>> {
        let mut all = Vec::new();
        for letter in list::<Digest>(self.tx, WAITING)? {
            all.extend(self.written(&letter)?);
        }
        Ok(all)
    }

    /// A letter waits for nothing any more.
    pub(super) fn waits_no_more(&mut self, letter: &Digest) -> Result<()> {
        self.strike(WAITING, letter)
    }

    fn strike(&mut self, name: &[u8], letter: &Digest) -> Result<()> {
        let mut all: Vec<Digest> = list(self.tx, name)?;
        let before = all.len();
        all.retain(|l| l != letter);
        match all.len() < before {
            true => self.put(Table::Receipts, name, &all),
            false => Ok(()),
        }
    }

    pub(super) fn put_written(&mut self, written: &Written) -> Result<()> {
        self.enlist_once(WRITTEN, written.letter)?;
        match &written.key {
            None => self.enlist_once(WAITING, written.letter)?,
            Some(_) => self.waits_no_more(&written.letter)?,
        }
        self.fx.teams = true;
        self.put(
            Table::Receipts,
            &named(b"role-written/", &written.letter.0),
            written,
        )
    }

    /// Notes at which step of which letter a document goes to a role.
    pub(super) fn put_letter_to(&mut self, written: &Written, step: u32, role: &IdentityId) -> Result<()> {
        self.put(
            Table::Receipts,
            &sent_name(&written.document, role),
            &(written.letter, step),
        )
    }

    pub(super) fn came(&self, letter: &Digest) -> Result<Option<Came>> {
        self.get(Table::Receipts, &named(b"role-came/", &letter.0))
    }

    pub(super) fn put_came(&mut self, came: &Came) -> Result<()> {
        self.enlist_once(CAME, came.letter)?;
        self.put(
            Table::Receipts,
            &named(b"role-came-of/", &came.document.0),
            &came.letter,
        )?;
        self.put(Table::Receipts, &named(b"role-came/", &came.letter.0), came)
    }

    /// Notes what a reader said. `false`: that was known.
    pub(super) fn note_heard(&mut self, letter: &Digest, heard: Heard) -> Result<bool> {
        let mut all = heard_of(self.tx, letter)?;
        if all.contains(&heard) || all.len() >= MAX_HEARD {
            return Ok(false);
        }
        all.push(heard);
        self.put(Table::Receipts, &named(b"role-heard/", &letter.0), &all)?;
        Ok(true)
    }

    pub(super) fn desk(&self, letter: &Digest) -> Result<Option<Desk>> {
        self.get(Table::Receipts, &named(b"role-desk/", &letter.0))
    }

    pub(super) fn put_desk(&mut self, desk: &Desk) -> Result<()> {
        let letter = desk.letter.letter;
        let (here, not_here) = match desk.over || desk.taken.is_some() {
            true => (DONE, DESK),
            false => (DESK, DONE),
        };
        self.strike(not_here, &letter)?;
        self.enlist_once(here, letter)?;
        self.put(Table::Receipts, &named(b"role-desk/", &letter.0), desk)
    }

    /// Forgets letters that came before an instant and go nowhere any more.
    pub(super) fn forget_done(&mut self, before: u64) -> Result<()> {
        for letter in list::<Digest>(self.tx, DONE)? {
            match self.desk(&letter)? {
                Some(desk) if desk.arrived >= before => return Ok(()),
                _ => {}
            }
            self.strike(DONE, &letter)?;
            self.tx
                .delete(Table::Receipts, &named(b"role-desk/", &letter.0))?;
        }
        Ok(())
    }
}
