//! What a member says for the record and nobody waits for: under which key it appears at the
//! relay, that a document has come, that it was opened.
//!
//! Every such word is a message to everybody in the team, so at a change of shift their number grows
//! with the square of its size, at the very moment at which those who come wait for their charts.
//! So a large team's members hold them for some seconds after a change, and each says all of
//! its own in one message (0071). They lie in the vault from the first: whatever becomes of the
//! program, they are said.

use serde::{Deserialize, Serialize};
use telesphor_clinical::limits::MAX_PAPERS;
use telesphor_clinical::message::{GroupMessage, Papers};
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::hash::{Digest, hash};
use telesphor_wire::ids::MailboxId;
use telesphor_wire::labels::HashLabel;

use super::serve::padding_for;
use crate::core::records::{GroupSay, Job, Padding, What};
use crate::core::{Core, Ctx};
use crate::error::Result;

/// Members from which on words are held: below, they are few.
pub(super) const CROWD: usize = 8;
/// After so long everybody has said what was held, milliseconds.
pub(super) const SAID_MS: u64 = HOLD_MS + SPREAD_MS + BUSY_MS;
/// How long words are held after a change, milliseconds: longer than a shift takes to come in.
const HOLD_MS: u64 = 4_000;
/// Over so many more the members are spread, milliseconds.
const SPREAD_MS: u64 = 4_000;
/// How much longer somebody holds them who has not caught up, milliseconds.
const BUSY_MS: u64 = 20_000;
/// Teams of which words are held.
const HELD: &[u8] = b"teams-papers";

fn name(mailbox: &MailboxId) -> Vec<u8> {
    [b"team-papers/", &mailbox.0[..]].concat()
}

/// Words that are held.
#[derive(Clone, Serialize, Deserialize)]
struct Waiting {
    /// Since when, Unix milliseconds.
    since: u64,
    /// When they are to be said, Unix milliseconds.
    due: u64,
    /// Canonical bytes of the messages.
    words: Vec<Bytes>,
}

/// When the words of each team are due.
pub(crate) fn papers_due(records: &impl Records) -> Result<Vec<(MailboxId, u64)>> {
    let all: Vec<MailboxId> = records.get_value(Table::Groups, HELD)?.unwrap_or_default();
    let mut due = Vec::new();
    for mailbox in all {
        let waiting: Option<Waiting> = records.get_value(Table::Groups, &name(&mailbox))?;
        due.extend(waiting.map(|waiting| (mailbox, waiting.due)));
    }
    Ok(due)
}

impl Core {
    /// Says what is due, if this endpoint has caught up or cannot wait any longer; gives when the
    /// next is due, Unix milliseconds.
    pub(crate) fn say_papers(&mut self, now: u64) -> Result<u64> {
        let index = &self.index;
        if index.papers.is_empty() {
            return Ok(u64::MAX);
        }
        let busy = index.behind() > 0 || !index.lines.is_empty();
        let wait = if busy { BUSY_MS } else { 0 };
        let at = |due: u64| if index.papers_wanted > 0 { 0 } else { due + wait };
        let due = index.papers.iter().filter(|(_, due)| at(**due) <= now);
        let due: Vec<MailboxId> = due.map(|(mailbox, _)| *mailbox).collect();
        if !due.is_empty() {
            self.write(|ctx| due.iter().try_for_each(|mailbox| ctx.say_held(mailbox)))?;
        }
        let next = self.index.papers.values().map(|due| due + wait).min();
        Ok(next.unwrap_or(u64::MAX))
    }
}

impl Ctx<'_, '_> {
    /// A team has changed at `changed`, by the order's clock: in a large one, what is to be said for
    /// the record waits from now on.
    pub(crate) fn hold_papers(&mut self, mailbox: &MailboxId, changed: u64) -> Result<()> {
        let members = self.look_group(mailbox, |session| session.members().map(|m| m.len()))?;
        let crowd = members.transpose()?.is_some_and(|members| members >= CROWD);
        if !crowd || self.held_words(mailbox)?.is_some() {
            return Ok(());
        }
        // Whoever was off meanwhile speaks as soon as it has caught up: nobody waits for a chart
        // any more, and its own fetches are those that somebody must be able to name.
        let hold = self.now < changed.saturating_add(BUSY_MS);
        self.hold_now(mailbox, hold)
    }

    fn hold_now(&mut self, mailbox: &MailboxId, hold: bool) -> Result<()> {
        let lot: Digest = hash(
            HashLabel::Original,
            &("team papers", mailbox, self.now, self.keys.endpoint.public()),
        );
        let lot = u64::from(u16::from_be_bytes([lot.0[0], lot.0[1]]));
        let wait = HOLD_MS + lot * SPREAD_MS / u64::from(u16::MAX);
        let waiting = Waiting {
            since: self.now,
            due: self.now + if hold { wait } else { 0 },
            words: Vec::new(),
        };
        let mut all: Vec<MailboxId> = self.get(Table::Groups, HELD)?.unwrap_or_default();
        if !all.contains(mailbox) {
            all.push(*mailbox);
            self.put(Table::Groups, HELD, &all)?;
        }
        self.fx.papers.push((*mailbox, Some(waiting.due)));
        self.put(Table::Groups, &name(mailbox), &waiting)
    }

    fn held_words(&self, mailbox: &MailboxId) -> Result<Option<Waiting>> {
        self.get(Table::Groups, &name(mailbox))
    }

    /// When everybody will have said what is held since the last change of a team; nothing if
    /// nothing is held.
    pub(crate) fn papers_said_at(&self, mailbox: &MailboxId) -> Result<Option<u64>> {
        let waiting = self.held_words(mailbox)?;
        Ok(waiting.map(|waiting| waiting.since + HOLD_MS + SPREAD_MS))
    }

    /// Says a word for the record in a team: later, with others, if words are held there.
    pub(crate) fn say_for_the_record(&mut self, mailbox: MailboxId, word: &GroupMessage) -> Result<()> {
        let word = Bytes(canonical::encode(word));
        let Some(mut waiting) = self.held_words(&mailbox)? else {
            return self.say_word(mailbox, word);
        };
        waiting.words.push(word);
        let full = waiting.words.len() >= MAX_PAPERS;
        self.put(Table::Groups, &name(&mailbox), &waiting)?;
        match full {
            true => self.say_held(&mailbox),
            false => Ok(()),
        }
    }

    fn say_word(&mut self, mailbox: MailboxId, body: Bytes) -> Result<()> {
        let receipt = matches!(canonical::decode(&body), Ok(GroupMessage::Receipt(_)));
        let padding = match receipt {
            true => Padding::Receipt,
            false => padding_for(&body),
        };
        let say = GroupSay {
            mailbox,
            body,
            padding,
        };
        self.enqueue(What::Room(say), Job::Nothing(true), None)?;
        Ok(())
    }

    /// Says what is held, as one message.
    fn say_held(&mut self, mailbox: &MailboxId) -> Result<()> {
        let words = self.held_words(mailbox)?.map_or_else(Vec::new, |w| w.words);
        self.forget_papers(mailbox)?;
        match <[Bytes; 1]>::try_from(words) {
            Ok([word]) => self.say_word(*mailbox, word),
            Err(words) if words.is_empty() => Ok(()),
            Err(words) => {
                let papers = GroupMessage::Papers(Papers { words });
                self.say_word(*mailbox, Bytes(canonical::encode(&papers)))
            }
        }
    }

    /// Nothing of what is held is said any more.
    pub(crate) fn forget_papers(&mut self, mailbox: &MailboxId) -> Result<()> {
        let mut all: Vec<MailboxId> = self.get(Table::Groups, HELD)?.unwrap_or_default();
        if all.contains(mailbox) {
            all.retain(|m| m != mailbox);
            self.put(Table::Groups, HELD, &all)?;
            self.tx.delete(Table::Groups, &name(mailbox))?;
            self.fx.papers.push((*mailbox, None));
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::Ordering;

    use telesphor_clinical::message::{Heads, PseudonymAnnouncement};
    use telesphor_wire::sign::{PublicKey, SigningKey};

    use super::*;
    use crate::core::names;
    use crate::testing::{Paper, Told};

    fn said(core: &Core, pseudonym: PublicKey) -> GroupMessage {
        GroupMessage::Pseudonym(PseudonymAnnouncement {
            branch: 0,
            epoch: 1,
            identity: core.profile.identity,
            endpoint: core.keys.endpoint.public(),
            pseudonym,
        })
    }

    #[test]
    fn what_is_held_is_lost_with_the_program_or_said_word_by_word() {
        let mut paper = Paper::new();
        let (mut aino, mut doctor) = (paper.person("aino"), paper.person("doctor"));
        let told = paper.tell(&mut aino, &mut doctor, Told::Both);
        paper.converse(&mut doctor, &told, false);
        let inbox = aino.profile.inbox.unwrap();
        paper.show(&mut aino, inbox).unwrap();
        let who = doctor.profile.identity;
        let known = aino.write(|ctx| ctx.get::<crate::core::records::Known>(Table::Contacts, &who.0));
        let room = known.unwrap().unwrap().conversations[0];
        paper.show(&mut aino, room).unwrap();
        paper.carry(&mut doctor);

        let keys: Vec<PublicKey> = (0..2).map(|_| SigningKey::generate().public()).collect();
        let words = [
            said(&doctor, keys[0]),
            GroupMessage::Heads(Heads::default()),
            said(&doctor, keys[1]),
        ];
        let waiting = doctor.index.outbox.len();
        doctor
            .write(|ctx| {
                ctx.hold_now(&room, true)?;
                let mut words = words.iter();
                words.try_for_each(|word| ctx.say_for_the_record(room, word))
            })
            .unwrap();
        let now = paper.clock.load(Ordering::SeqCst);
        let due = doctor.say_papers(now).unwrap();
        assert!(due > now && doctor.index.outbox.len() == waiting, "they are held");

        // The program is killed and begins again.
        let clock = doctor.clock.clone();
        let mut doctor = Core::load(doctor.vault).unwrap();
        doctor.clock = clock;
        doctor.index.connected = true;
        for followed in doctor.index.followed.values_mut() {
            followed.head = Some(followed.seq);
        }
        paper.clock.store(due, Ordering::SeqCst);
        assert_eq!(doctor.say_papers(due).unwrap(), u64::MAX);
        assert_eq!(
            doctor.index.outbox.len(),
            waiting + 1,
            "one message for all of them"
        );
        assert_eq!(doctor.say_papers(due).unwrap(), u64::MAX);
        assert_eq!(paper.carry(&mut doctor), waiting + 1);
        paper.show(&mut aino, room).unwrap();
        for key in keys {
            let name = names::pseudonym(&room, &key.0);
            assert!(aino.read().unwrap().contains(Table::Receipts, &name).unwrap());
        }
        // Nothing is held any more: a word goes at once.
        let word = said(&doctor, SigningKey::generate().public());
        doctor.write(|ctx| ctx.say_for_the_record(room, &word)).unwrap();
        assert_eq!(doctor.index.outbox.len(), 1);
    }

    #[test]
    fn who_has_not_caught_up_speaks_first_and_a_settling_program_waits_for_its_papers() {
        let mut paper = Paper::new();
        let mut core = paper.person("aino");
        let own = core.profile.own.unwrap();
        let word = said(&core, SigningKey::generate().public());
        core.write(|ctx| {
            ctx.hold_now(&own, true)?;
            ctx.say_for_the_record(own, &word)
        })
        .unwrap();
        let due = core.index.papers[&own];
        core.index.followed.values_mut().for_each(|f| f.head = None);
        assert_eq!(
            core.say_papers(due).unwrap(),
            due + BUSY_MS,
            "there is more to hear"
        );
        core.index.papers_wanted = 1;
        core.say_papers(due).unwrap();
        assert!(core.index.papers.is_empty(), "somebody waits for it");

        // One who was off when the team changed has nothing to wait for.
        let now = (core.clock)();
        core.write(|ctx| ctx.hold_now(&own, false)).unwrap();
        assert_eq!(core.index.papers[&own], now);
    }
}
