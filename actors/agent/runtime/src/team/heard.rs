//! What is said about teams: in a team itself, and in conversations with a roster service.

use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::team::{TeamAsk, TeamBasis, TeamWord};
use telesphor_sealing::Seat;
use telesphor_vault::Table;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::mailbox::payload_hash;

use super::record::{Standing, Terms};
use super::serve::proved_again;
use crate::core::Ctx;
use crate::core::records::Held;
use crate::error::{Error, Result};
use crate::sync::events::is_local;

fn said_name(payload: &[u8]) -> Vec<u8> {
    [b"team-said/", &payload_hash(payload).0[..]].concat()
}

impl Ctx<'_, '_> {
    /// Something was said in a team.
    pub(crate) fn heard_in_team(
        &mut self,
        held: &Held,
        from: &Seat,
        body: GroupMessage,
        stamp: u64,
    ) -> Result<()> {
        let Some(known) = self.team(&held.id)? else {
            return Ok(());
        };
        let patient = from.member.identity == known.terms.patient;
        match body {
            GroupMessage::Document(carried) => {
                self.team_document_came(held, &known, &from.member, carried, stamp)
            }
            // Who opened what is the patient's to know; of one's own note, the author's.
            GroupMessage::Receipt(receipt)
                if known.team.standing == Standing::Own || self.wrote(&receipt.receipt.document)? =>
            {
                self.receipt_came(&from.member, &receipt)
            }
            GroupMessage::Pseudonym(said) => self.announced(&held.id, from, &said),
            // They prove themselves, whoever brings them: who was at a ward's device.
            GroupMessage::Credentials(bytes) => self.credentials_came(&from.member.identity, &bytes),
            GroupMessage::Evidence(bytes) => self.evidence_came(&bytes),
            GroupMessage::Parts(word) => self.parts_came(&from.member.identity, *word, held),
            GroupMessage::Team(TeamWord::Basis(basis)) => self.basis_said(&held.id, *basis),
            GroupMessage::Team(TeamWord::Barred(who)) if patient => self.barred(&held.id, who),
            _ => Ok(()),
        }
    }

    fn wrote(&self, document: &telesphor_wire::ids::DocumentId) -> Result<bool> {
        let kept = self.kept(document)?;
        Ok(kept.is_some_and(|k| k.header.author == self.me()))
    }

    /// Somebody says what the next change rests on.
    fn basis_said(&mut self, mailbox: &MailboxId, basis: TeamBasis) -> Result<()> {
        self.take_all_proofs(&basis.proofs)?;
        let known = self.team(mailbox)?.ok_or(Error::of(ErrorCode::NotFound))?;
        if basis.roster.roster.organisation != known.terms.organisation {
            return Err(ErrorCode::BadDocument.into());
        }
        self.roster_came(&basis.roster)?;
        let mut view = self.team_view(mailbox)?;
        view.learn(basis.roster);
        self.put_view(mailbox, &view)
    }

    /// Remembers what this endpoint says in a team: it counts for itself, too, only where the
    /// order puts it.
    pub(crate) fn remember_word(&mut self, payload: &[u8], word: &TeamWord) -> Result<()> {
        self.put(Table::Scratch, &said_name(payload), word)
    }

    /// A word of this endpoint has come back in its place.
    pub(crate) fn word_echoed(&mut self, held: &Held, payload: &[u8]) -> Result<()> {
        let name = said_name(payload);
        let word: Option<TeamWord> = self.get(Table::Scratch, &name)?;
        self.tx.delete(Table::Scratch, &name)?;
        match word {
            Some(TeamWord::Basis(basis)) => self.basis_said(&held.id, *basis),
            Some(TeamWord::Barred(who)) => self.barred(&held.id, who),
            _ => Ok(()),
        }
    }

    /// A word about teams in the conversation with a contact.
    pub(crate) fn team_word(&mut self, from: &IdentityId, word: TeamWord) -> Result<()> {
        match word {
            TeamWord::Roster(signed) => {
                self.roster_came(&signed)?;
                self.offer_role_key(&signed.roster.organisation)?;
                self.want_all_seats()
            }
            TeamWord::Place(place) => {
                let mine = Terms::of(&place.grant).is_some_and(|t| t.organisation == self.me());
                match mine {
                    true => self.team_opened_by(from, *place),
                    false => self.called(from, *place),
                }
            }
            TeamWord::Asks(asks) => self.asked(from, asks.asks),
            TeamWord::Seat(seat) => match self.served(&seat.welcome.mailbox)? {
                Some(_) => self.carry_seat(from, &seat),
                None => self.seat_came(from, *seat),
            },
            TeamWord::Ended(ended) => match self.served(&ended.mailbox)? {
                Some(_) => self.team_ended_by(from, &ended),
                None => self.team_gone(from, &ended.mailbox),
            },
            TeamWord::Discharged(signed) => self.discharge_came(from, &signed),
            TeamWord::Basis(_) | TeamWord::Barred(_) | TeamWord::Foreign(_) => Ok(()),
        }
    }

    /// Somebody asks for seats, in one or many teams. One that is no good does not hold up the
    /// others.
    fn asked(&mut self, from: &IdentityId, mut asks: Vec<TeamAsk>) -> Result<()> {
        proved_again(&mut asks);
        let (mut teams, mut proved) = (Vec::new(), Vec::new());
        for ask in asks {
            match self.one_asked(from, &ask, &mut proved) {
                Err(error) if is_local(error.code) => return Err(error),
                Ok(true) if !teams.contains(&ask.mailbox) => teams.push(ask.mailbox),
                Ok(_) | Err(_) => {}
            }
        }
        for mailbox in teams {
            self.team_line(&mailbox)?;
        }
        Ok(())
    }

    /// Gives whether a seat may have to be given here.
    fn one_asked(&mut self, from: &IdentityId, ask: &TeamAsk, proved: &mut Vec<IdentityId>) -> Result<bool> {
        if self.served(&ask.mailbox)?.is_some() {
            self.carry_ask(from, ask)?;
            return Ok(false);
        }
        let Some(known) = self.team(&ask.mailbox)? else {
            return Ok(false);
        };
        if known.terms.organisation != *from || known.team.standing == Standing::Over {
            return Ok(false);
        }
        if !proved.contains(&ask.person) {
            self.take_all_proofs(std::slice::from_ref(&ask.proofs))?;
            proved.push(ask.person);
        }
        self.put_ask(&TeamAsk {
            proofs: Bytes::default(),
            ..ask.clone()
        })?;
        Ok(true)
    }
}
