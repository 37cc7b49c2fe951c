//! What comes of an event of a group.

use telesphor_clinical::message::{GroupEnvelope, GroupMessage};
use telesphor_clinical::self_entry::MailboxUse;
use telesphor_sealing::{Forbidden, Incoming, Message, Moved, Received, Seat};
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::command::{Commit, OwnerAct, SignedOwnerCommand};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::mailbox::{Cursor, Event, EventKind, payload_hash};

use super::policy::Rules;
use super::rows::Rows;
use crate::core::records::Held;
use crate::core::{Ctx, names};
use crate::endpoints::siblings::worth_telling;
use crate::error::{Error, Result};
use crate::sync::events::is_local;
use crate::sync::reoffer::KEEP_MS;

/// Until when the access key serves that a commit or rewind brings.
fn lease_of(event: &Event, payload: &[u8]) -> Option<u64> {
    match event.header.kind {
        EventKind::COMMIT => canonical::decode::<Commit>(payload).ok().map(|c| c.body.lease),
        EventKind::REWIND => match canonical::decode::<SignedOwnerCommand>(payload).ok()?.command.act {
            OwnerAct::Rewind(rewind) => Some(rewind.lease),
            _ => None,
        },
        _ => None,
    }
}

/// A message changes nothing.
const NOT_A_CHANGE: Forbidden = Forbidden(5);

const OWN_NAMES: &[u8] = b"own-names";

fn own_name(payload: &[u8]) -> Vec<u8> {
    [b"own/", &payload_hash(payload).0[..]].concat()
}

/// Whether reading goes on after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// It was taken in, or means nothing here.
    On,
    /// It cannot be taken in yet: the cursor stays before it.
    Stay,
}

impl Ctx<'_, '_> {
    /// Remembers a ciphertext of this endpoint, so that its coming back is no surprise.
    pub(crate) fn remember_own(&mut self, payload: &[u8]) -> Result<()> {
        let now = self.now;
        let name = own_name(payload);
        self.put(Table::Scratch, &name, &now)?;
        self.push(
            Table::Scratch,
            OWN_NAMES,
            &(now, telesphor_wire::bytes::Bytes(name)),
        )?;
        // The oldest go when they can no longer come back.
        for (position, bytes) in self.tx.range(Table::Scratch, OWN_NAMES, 0, 2)? {
            let Ok((at, name)) =
                telesphor_wire::canonical::decode::<(u64, telesphor_wire::bytes::Bytes)>(&bytes)
            else {
                continue;
            };
            if at + 2 * KEEP_MS < now {
                self.tx.delete(Table::Scratch, &name)?;
                self.tx.delete_at(Table::Scratch, OWN_NAMES, position)?;
            }
        }
        Ok(())
    }

    /// Takes in one event of a group. Where the group cannot be followed, nothing was consumed
    /// and the cursor stays before the event: it is offered again.
    pub(crate) fn take_group_event(
        &mut self,
        held: &Held,
        event: &Event,
        payload: &[u8],
        at: &Cursor,
    ) -> Result<Pace> {
        let Some(session) = self.lend_group(&held.id)? else {
            return Ok(Pace::On);
        };
        let owner = session.binding().owner;
        // Of most events there is nothing to judge, and what is needed for it is much to read.
        let rules = match (event.header.kind, held.used) {
            (EventKind::MESSAGE, _) => None,
            (_, MailboxUse::Team) => Some(self.rules_in_team(held, event, payload)?),
            _ => Some(self.rules(held, owner)?),
        };
        let judge = |change: &telesphor_sealing::Change| {
            rules
                .as_ref()
                .map_or(Err(NOT_A_CHANGE), |rules| rules.judge(change))
        };
        let incoming = Incoming {
            kind: event.header.kind,
            branch: event.header.branch,
            epoch: event.header.epoch,
            stamp: event.header.stamp,
            payload,
        };
        let step = session.receive(
            &Rows(self.tx),
            &self.keys.member,
            incoming,
            &held.owner_key,
            &judge,
        )?;
        let received = self.write_group(step)?;
        match received {
            Received::Message(message) => self.heard(held, &message, event.header.stamp),
            Received::Echo => self.echo(held, payload),
            Received::Moved(moved) => self.moved(held, &moved, at, event, payload),
            Received::Removed(_) => self.access_over(&held.id, event.header.stamp),
            Received::Void(void) if held.used == MailboxUse::Team => self.team_void(held, &void),
            Received::Void(_) | Received::RewindRefused(_) => self.note_trouble(held, ErrorCode::VoidCommit),
            Received::Lost(_) | Received::Ahead { .. }
                if held.used == MailboxUse::Team && held.owner.is_none() =>
            {
                // It asks for another seat, and is removed and added in one.
                self.access_over(&held.id, event.header.stamp)
            }
            Received::Lost(_) | Received::Ahead { .. } => {
                self.note_trouble(held, ErrorCode::CannotFollow)?;
                return Ok(Pace::Stay);
            }
            Received::Proposed(_) | Received::ProposalRefused(_) | Received::Past | Received::Junk => Ok(()),
        }
        .map(|()| Pace::On)
    }

    /// The rules of a team for what an event may change.
    fn rules_in_team(&self, held: &Held, event: &Event, payload: &[u8]) -> Result<Rules> {
        let known = self.team(&held.id)?.ok_or(Error::of(ErrorCode::NotFound))?;
        let view = self.team_view(&held.id)?;
        let lease = lease_of(event, payload);
        Ok(Rules::of_team(self.team_rules(
            view,
            known.terms,
            event.header.stamp,
            lease,
        )?))
    }

    /// A ciphertext of this endpoint has come back. One that this vault never made was made by
    /// a later copy of it: then these sending keys have been used already.
    fn echo(&mut self, held: &Held, payload: &[u8]) -> Result<()> {
        if self.tx.contains(Table::Scratch, &own_name(payload))? {
            match held.used {
                MailboxUse::Own => self.entry_echoed(payload),
                MailboxUse::Team => self.word_echoed(held, payload),
                _ => Ok(()),
            }
        } else {
            Err(ErrorCode::OldVault.into())
        }
    }

    fn moved(
        &mut self,
        held: &Held,
        moved: &Moved,
        at: &Cursor,
        event: &Event,
        payload: &[u8],
    ) -> Result<()> {
        let mut held = held.clone();
        held.branch = moved.branch;
        held.epoch = moved.epoch;
        held.entered = at.seq;
        if held.used == MailboxUse::Team {
            held.lease = lease_of(event, payload).unwrap_or(held.lease);
        }
        self.put_held(&held)?;
        self.trouble_over(&held)?;
        if held.used == MailboxUse::Team {
            return self.team_moved(&held, moved, at, event.header.stamp);
        }
        self.announce(&held.id, held.branch, held.epoch)?;
        if moved.own {
            self.commit_won(&held, at)?;
        }
        self.endpoints_gone(&held, moved)?;
        self.reconcile(&held.id)
    }

    fn heard(&mut self, held: &Held, message: &Message, stamp: u64) -> Result<()> {
        let envelope =
            GroupEnvelope::from_bytes(&message.content).map_err(|_| Error::of(ErrorCode::Malformed))?;
        self.compare_heads(held, &envelope.seen)?;
        let GroupMessage::Papers(papers) = envelope.body else {
            return self.heard_one(held, &message.from, envelope.body, stamp);
        };
        for body in papers.messages() {
            // Each is as good as it would be alone.
            match self.heard_one(held, &message.from, body, stamp) {
                Err(error) if is_local(error.code) => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn heard_one(&mut self, held: &Held, from: &Seat, body: GroupMessage, stamp: u64) -> Result<()> {
        let who = from.member.identity;
        if who != self.me() {
            let told = match self.somebody_stands(held)? {
                true => worth_telling(&body),
                false => None,
            };
            self.carry_out(held, from, body, stamp)?;
            return told.map_or(Ok(()), |told| self.pass_on(told));
        }
        match self.sibling_said(held, from, body, stamp)? {
            Some(body) => self.carry_out(held, from, body, stamp),
            None => Ok(()),
        }
    }

    fn carry_out(&mut self, held: &Held, from: &Seat, body: GroupMessage, stamp: u64) -> Result<()> {
        let who = from.member.identity;
        if held.used == MailboxUse::Team {
            return self.heard_in_team(held, from, body, stamp);
        }
        match body {
            GroupMessage::Document(carried) => self.document_came(&who, carried, stamp, held),
            GroupMessage::Receipt(receipt) => self.receipt_came(&from.member, &receipt),
            GroupMessage::Pseudonym(said) => self.announced(&held.id, from, &said),
            GroupMessage::History(bytes) => self.history_grew(&who, &bytes),
            GroupMessage::Contact(record) => self.contact_renewed(&who, *record),
            GroupMessage::Own(entry) if held.used == MailboxUse::Own && who == self.me() => {
                self.apply_own(*entry)
            }
            GroupMessage::Evidence(bytes) => self.evidence_came(&bytes),
            GroupMessage::Parts(word) => self.parts_came(&who, *word, held),
            GroupMessage::Credentials(bytes) => self.credentials_came(&who, &bytes),
            GroupMessage::Grant(grant) => self.grant_came(&from.member, *grant, held),
            GroupMessage::GrantEnded(ended) => self.grant_ended(&who, &ended),
            GroupMessage::Association(association) => self.association_came(held, &from.member, *association),
            GroupMessage::Stream(batch) => self.batch_came(held, &from.member, *batch, stamp),
            GroupMessage::Team(word) if held.used == MailboxUse::Conversation => self.team_word(&who, word),
            GroupMessage::Mandate(word) => self.mandate_word(held, &from.member, word),
            GroupMessage::Role(word) if held.used == MailboxUse::Conversation => {
                self.role_word(&who, word, stamp)
            }
            GroupMessage::Rx(word) if held.used == MailboxUse::Conversation => self.rx_word(&who, word),
            GroupMessage::Lab(word) if held.used == MailboxUse::Conversation => self.lab_word(&who, word),
            GroupMessage::Study(word) if held.used == MailboxUse::Conversation => self.study_word(&who, word),
            GroupMessage::Gather(word) if held.used == MailboxUse::Conversation => {
                self.gather_word(&who, word)
            }
            GroupMessage::Own(_)
            | GroupMessage::Gather(_)
            | GroupMessage::Study(_)
            | GroupMessage::Lab(_)
            | GroupMessage::Team(_)
            | GroupMessage::Role(_)
            | GroupMessage::Rx(_)
            | GroupMessage::Papers(_)
            | GroupMessage::Heads(_)
            | GroupMessage::Request(_)
            | GroupMessage::Foreign(_) => Ok(()),
        }
    }

    /// What a member had read must be what this endpoint read there: else the relay shows two
    /// histories. That is said; the message counts all the same, since its member sealed it.
    ///
    /// A relay that was restored tells of another history from there on, and what is offered to it
    /// again was sealed in sight of the lost one: then there is nothing to say.
    fn compare_heads(&mut self, held: &Held, seen: &telesphor_wire::mailbox::Cursor) -> Result<()> {
        let differs = self
            .link_at(&held.id, seen.seq)?
            .is_some_and(|hash| hash != seen.hash);
        let restored: Option<u64> = self.get(Table::Settings, names::RESTORED)?;
        if differs && restored.is_none_or(|at| at.saturating_add(KEEP_MS) < self.now) {
            self.note_split(held)?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use telesphor_sealing::epoch_keys;
    use telesphor_vault::{Records, Table};
    use telesphor_wire::error::ErrorCode;
    use telesphor_wire::mailbox::EventKind;

    use super::Rows;
    use crate::core::names;
    use crate::core::records::Known;
    use crate::testing::{Paper, Told, cursor};

    #[test]
    fn for_each_message_everybodys_keys_are_checked_again() {
        let mut paper = Paper::new();
        let (mut aino, mut doctor) = (paper.person("aino"), paper.person("doctor"));
        let told = paper.tell(&mut aino, &mut doctor, Told::Both);
        paper.converse(&mut doctor, &told, false);
        let inbox = aino.profile.inbox.unwrap();
        paper.show(&mut aino, inbox).unwrap();
        let who = doctor.profile.identity;
        let known: Known = aino
            .write(|ctx| ctx.get(Table::Contacts, &who.0))
            .unwrap()
            .unwrap();
        let room = known.conversations[0];
        // Whoever looks at it finds that it does not hold.
        aino.write(|ctx| Ok(ctx.tx.put(Table::Histories, &who.0, b"no history")?))
            .unwrap();
        paper.show(&mut aino, room).unwrap();
        let keys = epoch_keys(&Rows(&doctor.read().unwrap()), room, 0, 1)
            .unwrap()
            .unwrap();
        let said = names::pseudonym(&room, &keys.pseudonym().public().0);
        assert!(
            aino.read().unwrap().contains(Table::Receipts, &said).unwrap(),
            "what was said is heard"
        );
    }

    #[test]
    fn what_was_made_ahead_of_this_endpoint_is_not_stepped_over() {
        let mut paper = Paper::new();
        let mut core = paper.person("aino");
        let own = core.profile.own.unwrap();
        paper.show(&mut core, own).unwrap();
        paper.order(own, (EventKind::MESSAGE, 0), b"junk that means nothing");
        let before = paper.order(own, (EventKind::MESSAGE, 0), b"more of it").leaf;
        let ahead = paper
            .order(own, (EventKind::MESSAGE, 5), b"made in a later epoch")
            .leaf;
        for _ in 0..2 {
            // The same event gives the same answer, however often it is offered.
            let refused = paper.show(&mut core, own).unwrap_err();
            assert_eq!(refused.code, ErrorCode::CannotFollow);
            assert_eq!(cursor(&core, own).seq, ahead.seq - 1);
            assert_eq!(
                cursor(&core, own).hash,
                before.hash,
                "what stands before it is taken in"
            );
        }
        let noted = super::super::trouble::trouble(&core.read().unwrap(), &own).unwrap();
        assert_eq!(
            noted.map(|(code, _)| code),
            Some(ErrorCode::CannotFollow),
            "`check` says so"
        );
    }
}
