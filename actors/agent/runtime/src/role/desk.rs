//! The organisation's part: letters are carried from senders to those who hold the role, and
//! what these say back. Nothing of it opens under a key of the organisation.

use telesphor_clinical::limits::VERSION;
use telesphor_clinical::receipt::ReceiptKind;
use telesphor_clinical::role::{
    RoleAnswer, RoleAsk, RoleEvidence, RoleKeys, RoleLetter, RoleMore, RoleWord, SignedRoleKey,
};
use telesphor_vault::Table;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::IdentityId;

use super::record::{Desk, MAX_DESK, card_of, open_desk};
use crate::core::Ctx;
use crate::core::records::Known;
use crate::error::{Error, Result};

/// How long a letter stays at the desk, milliseconds: corrections of it go to those who had it.
const KEEP_MS: u64 = 30 * 24 * 3600 * 1000;
/// Copies of one letter's key, and keys in one answer.
const MAX_COPIES: usize = 1024;
/// Proofs of a document's time kept with one letter.
const MAX_EVIDENCE: usize = 4;

impl Ctx<'_, '_> {
    /// Somebody wants to write: whose keys are they?
    pub(super) fn keys_asked(&mut self, from: &IdentityId, ask: &RoleAsk) -> Result<()> {
        let me = self.me();
        let Some(roster) = self.roster(&me)? else {
            return Ok(());
        };
        let mut roles = Vec::new();
        for identity in &ask.roles {
            let card = card_of(self.tx, identity)?.ok_or(Error::of(ErrorCode::NotFound))?;
            roles.push(card.card.role);
        }
        let holds = |who: &IdentityId| {
            roles.iter().any(|role| {
                let mut turns = roster.roster.turns(who, role.as_str());
                turns.any(|t| t.until.stamp() > self.now)
            })
        };
        let earlier = ask
            .follows
            .map(|letter| self.desk(&letter))
            .transpose()?
            .flatten();
        // Only its own sender learns who was given it.
        let had = earlier.filter(|d| d.letter.from == *from).map(|d| d.readers());
        let had = had.unwrap_or_default();
        let keys: Vec<SignedRoleKey> = self
            .readers_keys()?
            .into_iter()
            .filter(|k| holds(&k.key.person) || had.contains(&k.key.person))
            .take(MAX_COPIES)
            .collect();
        self.tell_roster_elsewhere(from)?;
        let answer = RoleKeys {
            letter: ask.letter,
            proofs: self.proofs_of_readers(&keys)?,
            keys,
        };
        self.tell_role(from, RoleWord::Keys(Box::new(answer)))
    }

    /// What proves whose keys these are.
    pub(super) fn proofs_of_readers(&self, keys: &[SignedRoleKey]) -> Result<Vec<Bytes>> {
        let mut people: Vec<IdentityId> = keys.iter().map(|k| k.key.person).collect();
        people.sort_unstable();
        people.dedup();
        let mut proofs = Vec::new();
        for who in people {
            proofs.push(Bytes(self.proofs_about(&who)?.to_bytes()));
        }
        Ok(proofs)
    }

    /// A letter has come to the desk. It goes on with the next look at what is due.
    pub(super) fn letter_at_desk(&mut self, from: &IdentityId, mut letter: RoleLetter) -> Result<()> {
        let bad = Error::of(ErrorCode::BadDocument);
        if letter.from != *from || letter.version != VERSION || letter.ext.check(&[]).is_err() {
            return Err(bad);
        }
        for step in &letter.steps {
            let card = card_of(self.tx, &step.identity)?.ok_or(bad.clone())?.card;
            if card.organisation != self.me() || card.role != step.role {
                return Err(bad);
            }
        }
        if letter.steps.is_empty() || letter.at != 0 || self.desk(&letter.letter)?.is_some() {
            return Ok(());
        }
        if open_desk(self.tx)?.len() >= MAX_DESK {
            return Err(ErrorCode::TooMany.into());
        }
        self.forget_done(self.now.saturating_sub(KEEP_MS))?;
        // The names that people go by here are the organisation's, not the sender's.
        let known: Option<Known> = self.get(Table::Contacts, &from.0)?;
        let record = known.map(|k| k.contact.record);
        letter.name = record
            .and_then(|r| r.petnames.first().cloned())
            .unwrap_or_default();
        self.fx.teams = true;
        self.put_desk(&Desk {
            letter,
            arrived: self.now,
            given: Vec::new(),
            declined: Vec::new(),
            taken: None,
            wanted: Vec::new(),
            evidence: Vec::new(),
            passed: Vec::new(),
            over: false,
        })
    }

    /// A reader has sealed a letter's key for others.
    pub(super) fn more_copies(&mut self, from: &IdentityId, more: RoleMore) -> Result<()> {
        let Some(mut desk) = self.desk(&more.letter)? else {
            return Ok(());
        };
        if !desk.readers().contains(from) && desk.letter.from != *from {
            return Err(ErrorCode::BadDocument.into());
        }
        for copy in more.copies {
            let known = desk.letter.copies.iter().any(|c| c.endpoint == copy.endpoint);
            if !known && desk.letter.copies.len() < MAX_COPIES {
                desk.letter.copies.push(copy);
            }
        }
        self.fx.teams = true;
        self.put_desk(&desk)
    }

    /// A reader says what became of a letter: it goes on to the sender and the other readers,
    /// and the desk learns whether somebody has taken it.
    pub(super) fn answer_at_desk(&mut self, from: &IdentityId, answer: &RoleAnswer) -> Result<()> {
        let Some(mut desk) = self.desk(&answer.letter)? else {
            return Ok(());
        };
        let readers = desk.readers();
        if answer.person != *from || !readers.contains(from) {
            return Err(ErrorCode::BadDocument.into());
        }
        match answer.kind {
            ReceiptKind::Accepted => {
                desk.taken = Some(*from);
                desk.declined.retain(|who| who != from);
            }
            ReceiptKind::Declined => {
                desk.taken = desk.taken.filter(|who| who != from);
                if !desk.declined.contains(from) {
                    desk.declined.push(*from);
                }
            }
            _ => {}
        }
        self.fx.teams = true;
        self.put_desk(&desk)?;
        let sender = desk.letter.from;
        let others = readers.into_iter().filter(|who| who != from && *who != sender);
        for to in others.chain([sender]) {
            self.tell_role(&to, RoleWord::Answer(answer.clone()))?;
        }
        Ok(())
    }

    /// What proves the time of a letter's document goes to everybody who has the letter, and to
    /// those who get it later.
    pub(super) fn evidence_at_desk(&mut self, from: &IdentityId, evidence: RoleEvidence) -> Result<()> {
        let Some(mut desk) = self.desk(&evidence.letter)? else {
            return Ok(());
        };
        if desk.letter.from != *from || desk.evidence.len() >= MAX_EVIDENCE {
            return Ok(());
        }
        for to in desk.readers() {
            self.tell_role(&to, RoleWord::Evidence(evidence.clone()))?;
        }
        desk.evidence.push(evidence);
        self.put_desk(&desk)
    }
}
