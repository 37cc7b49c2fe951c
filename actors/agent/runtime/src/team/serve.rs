//! The roster service's part: it tells people of teams, and carries requests and Welcomes between
//! those who do not know each other. It holds no key of any team, and none of what it carries
//! opens under a key of its own.

use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::team::{TeamAsk, TeamEnded, TeamPlace, TeamSeat, TeamWord};
use telesphor_clinical::text::Text;
use telesphor_vault::Table;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::IdentityId;

use super::record::{Served, Terms};
use crate::core::Ctx;
use crate::core::records::{Job, Known, Padding, TalkSay, What};
use crate::error::{Error, Result};

/// Requests kept for one team: two endpoints of everybody on a large ward.
const MAX_ASKS: usize = 256;

impl Ctx<'_, '_> {
    /// Says a word about a team to a contact, in the conversation with it. Somebody who is no
    /// contact is told nothing.
    pub(crate) fn tell_team(&mut self, to: &IdentityId, word: TeamWord) -> Result<()> {
        let known: Option<Known> = self.get(Table::Contacts, &to.0)?;
        if known.is_none_or(|k| k.removed) {
            return Ok(());
        }
        let body = Bytes(canonical::encode(&GroupMessage::Team(word)));
        let padding = padding_for(&body);
        let say = TalkSay {
            contact: *to,
            body,
            padding,
        };
        self.enqueue(What::Talk(say), Job::Nothing(true), None)?;
        Ok(())
    }

    /// A contact has granted a role of this organisation something: whoever holds the role is
    /// told where.
    pub(crate) fn team_opened_by(&mut self, from: &IdentityId, mut place: TeamPlace) -> Result<()> {
        let terms = Terms::of(&place.grant).ok_or(Error::of(ErrorCode::BadDocument))?;
        if terms.patient != *from || terms.organisation != self.me() || self.served(&place.mailbox)?.is_some()
        {
            return Err(ErrorCode::BadDocument.into());
        }
        self.check_grant(&place.grant)?;
        let known: Option<Known> = self.get(Table::Contacts, &from.0)?;
        let record = known.map(|k| k.contact.record);
        // The names that people go by here are the organisation's, not the sender's.
        place.patient = record
            .and_then(|r| r.petnames.first().cloned())
            .unwrap_or_default();
        let mut served = Served {
            place,
            owner: *from,
            told: Vec::new(),
            asks: Vec::new(),
        };
        self.call(&mut served)
    }

    /// Tells everybody whom the newest roster brings into a role of every team that has it.
    pub(crate) fn call_all(&mut self) -> Result<()> {
        for mut served in self.all_served()? {
            self.call(&mut served)?;
        }
        Ok(())
    }

    fn call(&mut self, served: &mut Served) -> Result<()> {
        let Some(terms) = Terms::of(&served.place.grant) else {
            return Ok(());
        };
        let roster = self.roster(&self.me())?;
        for entry in roster.iter().flat_map(|s| &s.roster.entries) {
            let due = entry.role.as_str() == terms.role && entry.until.stamp() > self.now;
            if !due || served.told.contains(&entry.person) {
                continue;
            }
            served.told.push(entry.person);
            self.tell_team(&entry.person, TeamWord::Place(Box::new(served.place.clone())))?;
            for ask in served.asks.clone() {
                self.tell_team(&entry.person, TeamWord::Ask(Box::new(ask)))?;
            }
        }
        self.put_served(served)
    }

    /// Whoever of the told ones, and the patient, can give a seat.
    fn circle(served: &Served) -> impl Iterator<Item = IdentityId> {
        served.told.clone().into_iter().chain([served.owner])
    }

    /// Somebody asks for a seat: it goes on to those who can give it.
    pub(crate) fn carry_ask(&mut self, from: &IdentityId, ask: &TeamAsk) -> Result<()> {
        let Some(mut served) = self.served(&ask.mailbox)? else {
            return Ok(());
        };
        if ask.person != *from || !served.told.contains(from) {
            return Err(ErrorCode::BadDocument.into());
        }
        served.asks.retain(|a| a.endpoint != ask.endpoint);
        if served.asks.len() < MAX_ASKS {
            served.asks.push(ask.clone());
        }
        self.put_served(&served)?;
        for to in Self::circle(&served).filter(|to| to != from) {
            self.tell_team(&to, TeamWord::Ask(Box::new(ask.clone())))?;
        }
        Ok(())
    }

    /// A seat was given: the Welcome goes on to the one who asked.
    pub(crate) fn carry_seat(&mut self, from: &IdentityId, seat: TeamSeat) -> Result<()> {
        let Some(mut served) = self.served(&seat.welcome.mailbox)? else {
            return Ok(());
        };
        if !Self::circle(&served).any(|id| id == *from) || !served.told.contains(&seat.person) {
            return Err(ErrorCode::BadDocument.into());
        }
        served.asks.retain(|a| a.endpoint != seat.endpoint);
        self.put_served(&served)?;
        let person = seat.person;
        self.tell_team(&person, TeamWord::Seat(Box::new(seat)))
    }

    /// The patient has ended a team: nobody is called there any more.
    pub(crate) fn team_ended_by(&mut self, from: &IdentityId, ended: &TeamEnded) -> Result<()> {
        let Some(served) = self.served(&ended.mailbox)? else {
            return Ok(());
        };
        if served.owner != *from {
            return Err(ErrorCode::BadDocument.into());
        }
        for person in &served.told {
            self.tell_team(person, TeamWord::Ended(ended.clone()))?;
        }
        self.forget_served(&ended.mailbox)
    }
}

/// The smallest sizes on the wire that a word fits into.
pub(crate) fn padding_for(body: &Bytes) -> Padding {
    const MARGIN: usize = 1024;
    match Padding::Message.bucket().size_for(body.len() + MARGIN) {
        Some(_) => Padding::Message,
        None => Padding::Handshake,
    }
}

/// A name to fill in by whoever knows one.
pub(crate) fn no_name() -> Text {
    Text::default()
}
