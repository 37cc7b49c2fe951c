//! The roster service's part: it tells people of teams, and carries requests and Welcomes between
//! those who do not know each other. It holds no key of any team, and none of what it carries
//! opens under a key of its own.

use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::team::{TeamAsk, TeamAsks, TeamEnded, TeamPlace, TeamSeat, TeamWord};
use telesphor_clinical::text::Text;
use telesphor_vault::Table;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{IdentityId, MailboxId};

use super::EARLY_MS;
use super::record::{Served, Terms};
use crate::core::Ctx;
use crate::core::records::{GroupSay, Job, Known, Padding, What};
use crate::error::{Error, Result};

/// Requests kept for one team: two endpoints of everybody on a large ward.
const MAX_ASKS: usize = 256;
/// Requests in one word: each is some kilobytes, and a message has a largest size.
const ASKS_AT_ONCE: usize = 48;

impl Ctx<'_, '_> {
    /// Queues a message for a team; gives the outbox entry.
    pub(crate) fn say_in_team(&mut self, mailbox: MailboxId, body: &GroupMessage) -> Result<u64> {
        let body = Bytes(canonical::encode(body));
        let padding = padding_for(&body);
        let say = GroupSay {
            mailbox,
            body,
            padding,
        };
        self.enqueue(What::Room(say), Job::Nothing(true), None)
    }

    /// Says a word about a team to a contact, in the conversation with it. Somebody who is no
    /// contact is told nothing.
    pub(crate) fn tell_team(&mut self, to: &IdentityId, word: TeamWord) -> Result<()> {
        let message = GroupMessage::Team(word);
        let padding = padding_for(&Bytes(canonical::encode(&message)));
        self.say_to(to, &message, padding)
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
            // Moved to another hospital since the roster was made: no seat can be brought there.
            if self.elsewhere(&entry.person)?.is_some() {
                continue;
            }
            served.told.push(entry.person);
            self.tell_team(&entry.person, TeamWord::Place(Box::new(served.place.clone())))?;
        }
        self.put_served(served)
    }

    /// Whoever can give a seat now: the patient, and those who were brought one and are on duty.
    fn able(&self, served: &Served) -> Result<Vec<IdentityId>> {
        let mut able = self.seated(&served.place.mailbox)?;
        let (roster, terms) = (self.roster(&self.me())?, Terms::of(&served.place.grant));
        able.retain(|who| match (&roster, &terms) {
            (Some(signed), Some(terms)) => signed.roster.on_duty(who, &terms.role, self.now, EARLY_MS, 0),
            _ => false,
        });
        able.push(served.owner);
        Ok(able)
    }

    /// Somebody asks for a seat: it goes on to those who can give it. Whoever is brought a seat
    /// later hears of it then.
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
        for to in self.able(&served)?.into_iter().filter(|to| to != from) {
            self.fx.asks.push((to, ask.clone()));
        }
        Ok(())
    }

    /// Tells of the requests that came together: one word to each who must know.
    pub(crate) fn tell_asks(&mut self) -> Result<()> {
        let mut words: Vec<(IdentityId, Vec<TeamAsk>)> = Vec::new();
        for (to, ask) in std::mem::take(&mut self.fx.asks) {
            match words.iter_mut().find(|(who, _)| *who == to) {
                Some((_, asks)) => asks.push(ask),
                None => words.push((to, vec![ask])),
            }
        }
        for (to, asks) in words {
            for asks in asks.chunks(ASKS_AT_ONCE) {
                let mut asks = asks.to_vec();
                prove_once(&mut asks);
                self.tell_team(&to, TeamWord::Asks(Box::new(TeamAsks { asks })))?;
            }
        }
        Ok(())
    }

    /// Seats were given: the Welcome goes on to each who asked, and with it what others ask there.
    pub(crate) fn carry_seat(&mut self, from: &IdentityId, seat: &TeamSeat) -> Result<()> {
        let mailbox = seat.welcome.mailbox;
        let Some(mut served) = self.served(&mailbox)? else {
            return Ok(());
        };
        if served.owner != *from && !served.told.contains(from) {
            return Err(ErrorCode::BadDocument.into());
        }
        let mut seated = self.seated(&mailbox)?;
        let guests = seat.to.iter().filter(|(who, _)| served.told.contains(who));
        let guests: Vec<_> = guests.copied().collect();
        served
            .asks
            .retain(|a| !guests.iter().any(|(_, endpoint)| *endpoint == a.endpoint));
        self.put_served(&served)?;
        for (person, endpoint) in guests {
            let his = TeamSeat {
                to: vec![(person, endpoint)],
                ..seat.clone()
            };
            self.tell_team(&person, TeamWord::Seat(Box::new(his)))?;
            let others = served.asks.iter().cloned();
            self.fx.asks.extend(others.map(|ask| (person, ask)));
            if !seated.contains(&person) {
                seated.push(person);
            }
        }
        self.put_seated(&mailbox, &seated)
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

/// Leaves out of a word what proves somebody who asks for several seats in it, but once.
fn prove_once(asks: &mut [TeamAsk]) {
    let mut said: Vec<(IdentityId, Bytes)> = Vec::new();
    for ask in asks {
        let proved = (ask.person, ask.proofs.clone());
        match said.contains(&proved) {
            true => ask.proofs = Bytes::default(),
            false => said.push(proved),
        }
    }
}

/// Puts in again what [`prove_once`] has left out.
pub(super) fn proved_again(asks: &mut [TeamAsk]) {
    let mut said: Vec<(IdentityId, Bytes)> = Vec::new();
    for ask in asks {
        let known = said.iter().rev().find(|(who, _)| *who == ask.person);
        match known {
            Some((_, proofs)) if ask.proofs.is_empty() => ask.proofs = proofs.clone(),
            _ => said.push((ask.person, ask.proofs.clone())),
        }
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use telesphor_vault::Records;
    use telesphor_wire::hash::Secret;
    use telesphor_wire::ids::MailboxId;

    use super::*;
    use crate::core::names;
    use crate::core::records::Entry;
    use crate::testing::{Paper, Told};

    #[test]
    fn what_is_asked_in_a_ward_of_teams_goes_to_everybody_in_as_many_words() {
        let mut paper = Paper::new();
        let (mut hospital, mut nurse) = (paper.person("hospital"), paper.person("nurse"));
        paper.tell(&mut hospital, &mut nurse, Told::Both);
        let who = hospital
            .write(|ctx| Ok(ctx.all_known()?[0].contact.record.identity))
            .unwrap();
        let ask = |n: u8| TeamAsk {
            mailbox: MailboxId([n; 32]),
            person: IdentityId([9; 32]),
            endpoint: telesphor_wire::sign::SigningKey::generate().public(),
            package: vec![n; 4_000].into(),
            secret: Secret::new([n; 32]),
            again: false,
            proofs: vec![7; 600].into(),
        };
        hospital
            .write(|ctx| {
                (0..60).for_each(|n| ctx.fx.asks.push((who, ask(n))));
                Ok(())
            })
            .unwrap();
        let outbox = hospital.read().unwrap();
        let outbox = outbox.range(Table::Outbox, names::OUTBOX, 0, 64).unwrap();
        let told = outbox.iter().filter_map(|(_, bytes)| {
            let entry: Entry = canonical::decode(bytes).unwrap();
            let crate::core::records::What::Talk(say) = entry.what else {
                return None;
            };
            let body: GroupMessage = canonical::decode(&say.body).unwrap();
            let GroupMessage::Team(TeamWord::Asks(asks)) = body else {
                return None;
            };
            let proofs = asks.asks.iter().filter(|ask| !ask.proofs.is_empty()).count();
            let mut again = asks.asks;
            let there = again.len();
            proved_again(&mut again);
            assert!(again.iter().all(|ask| *ask.proofs == [7; 600]), "each is proved");
            Some((say.padding, there, proofs))
        });
        let told: Vec<_> = told.collect();
        // What proves that person goes once with each.
        assert_eq!(told, [(Padding::Handshake, 48, 1), (Padding::Message, 12, 1)]);
    }
}
