//! Proof of time: each document signed here is stamped in one's own mailbox, and the relay's
//! receipt is stapled beside it (crypto profile, part 8).
//!
//! The document leaves at once and the evidence follows: what was signed never changes, so the
//! two need not wait for each other, and a prescription is not held up by a relay that is away.
//!
//! ```text
//! sign -> outbox [stamp, document]                            one transaction
//! stamp sealed: payload stored under its hash                 one transaction
//! receipt | own event read, in either order: each is noted    one transaction each
//! both there and they fit: stapled, and sent after the document
//! ```
//! A crash between any two steps costs nothing: the stamp goes again as the same bytes and gets
//! the old receipt, its event is read again because the cursor moved with what was noted.

use serde::{Deserialize, Serialize};
use telesphor_clinical::message::GroupMessage;
use telesphor_identity::evidence::{BadEvidence, EvidenceOf, TimeEvidence, document_stamp, stamp_payload};
use telesphor_vault::Table;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::{Command, Deposit};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{CommandId, DocumentId, IdentityId, MailboxId};
use telesphor_wire::mailbox::{Event, EventHeader, EventKind, payload_hash};
use telesphor_wire::receipt::Receipt;

use super::keep::Kept;
use crate::core::records::{GroupSay, Job, MailboxState, Padding, TalkSay, Via, What};
use crate::core::{Ctx, names};
use crate::error::{Error, Result};
use crate::mailbox::owner::COMMAND_LIFE_MS;
use crate::people;

/// Bytes of a stamp's payload: the smallest message there is.
const STAMP_BYTES: usize = 512;
/// Pieces of evidence kept of one document. One is enough; others come from elsewhere.
const MOST: usize = 4;

/// A stamp on its way to being evidence.
#[derive(Clone, Serialize, Deserialize)]
struct Pending {
    document: DocumentId,
    salt: Secret,
    payload: Bytes,
    /// Where it stands: the chain before it, and its header.
    place: Option<(Digest, EventHeader)>,
    receipt: Option<Receipt>,
}

/// Who was given a document, and in which room it was shown if in one.
type Waiter = (IdentityId, Option<MailboxId>);

/// The hash under which the payload of a sealed stamp is known.
fn payload_of(command: &Bytes) -> Option<Digest> {
    match canonical::decode(command) {
        Ok(Command::Deposit(deposit)) => Some(payload_hash(&deposit.payload)),
        _ => None,
    }
}

pub(crate) fn evidence_message(kept: &Kept) -> GroupMessage {
    let message = EvidenceOf {
        document: kept.id,
        evidence: kept.evidence.clone(),
        ext: Extensions::none(),
    };
    GroupMessage::Evidence(Bytes(message.to_bytes()))
}

impl Ctx<'_, '_> {
    /// Seals the stamp of a document, once the own mailbox is open.
    pub(crate) fn seal_stamp(&mut self, document: &DocumentId) -> Result<Option<(Command, Via)>> {
        let Some(inbox) = self.profile.inbox else {
            return Ok(None);
        };
        if self.held(&inbox)?.state != MailboxState::Open {
            return Ok(None);
        }
        let salt = Secret::random();
        let payload = Bytes(stamp_payload(&document_stamp(&salt, document), STAMP_BYTES));
        let pending = Pending {
            document: *document,
            salt,
            payload: payload.clone(),
            place: None,
            receipt: None,
        };
        self.put(Table::Scratch, &names::stamp(&payload_hash(&payload)), &pending)?;
        let deposit = Deposit {
            mailbox: inbox,
            branch: 0,
            epoch: 0,
            kind: EventKind::MESSAGE,
            command_id: CommandId::random(),
            not_after: self.now + COMMAND_LIFE_MS,
            payload,
            ext: Extensions::none(),
            signature: None,
        };
        Ok(Some((Command::Deposit(deposit), Via::Owner(inbox))))
    }

    /// A sealed stamp was refused: another is made in its place, or none.
    pub(crate) fn drop_stamp(&mut self, command: &Bytes) -> Result<()> {
        if let Some(hash) = payload_of(command) {
            self.tx.delete(Table::Scratch, &names::stamp(&hash))?;
        }
        Ok(())
    }

    /// What is to follow if a command that was archived is offered again: only a stamp whose
    /// evidence is not whole waits for its receipt.
    pub(crate) fn stamp_job(&self, command: &Bytes) -> Result<Option<Job>> {
        let Some(hash) = payload_of(command) else {
            return Ok(None);
        };
        let pending: Option<Pending> = self.get(Table::Scratch, &names::stamp(&hash))?;
        Ok(pending.map(|p| Job::Stamp(p.document)))
    }

    /// A stamp is durable.
    pub(crate) fn stamped(
        &mut self,
        document: &DocumentId,
        command: Option<&Bytes>,
        receipt: &Receipt,
    ) -> Result<()> {
        let Some(hash) = command.and_then(payload_of) else {
            return Err(Error::fault("stamp"));
        };
        let Some(mut pending) = self.get::<Pending>(Table::Scratch, &names::stamp(&hash))? else {
            return Ok(());
        };
        if pending.document != *document {
            return Err(Error::fault("stamp"));
        }
        pending.receipt = Some(receipt.clone());
        // Quiet is only when the event has been read as well.
        self.fx.proved.push((receipt.leaf.mailbox, receipt.leaf.seq));
        self.staple(&hash, pending)
    }

    /// Whether an event of the own mailbox is a stamp of this endpoint's; if so, notes its place.
    pub(crate) fn stamp_came(&mut self, event: &Event, before: &Digest) -> Result<bool> {
        let hash = event.payload_hash;
        let Some(mut pending) = self.get::<Pending>(Table::Scratch, &names::stamp(&hash))? else {
            return Ok(false);
        };
        pending.place = Some((*before, event.header.clone()));
        self.staple(&hash, pending)?;
        Ok(true)
    }

    /// Staples the evidence if it is whole, and sends it after the document.
    fn staple(&mut self, hash: &Digest, pending: Pending) -> Result<()> {
        let name = names::stamp(hash);
        let (Some((previous, header)), Some(receipt)) = (&pending.place, &pending.receipt) else {
            return self.put(Table::Scratch, &name, &pending);
        };
        let evidence = TimeEvidence {
            domain: self.profile.domain().clone(),
            salt: pending.salt.clone(),
            previous: *previous,
            header: header.clone(),
            payload: pending.payload.clone(),
            receipt: receipt.clone(),
        };
        let domains = people::domains(&self.profile);
        if evidence.verify_document(&pending.document, &domains).is_err() {
            // A relay that was restored in between gives it another place: the rest is to come.
            return self.put(Table::Scratch, &name, &pending);
        }
        self.tx.delete(Table::Scratch, &name)?;
        let Some(mut kept) = self.kept(&pending.document)? else {
            return Ok(());
        };
        kept.evidence.push(evidence);
        self.put_kept(&kept)?;
        if self.keys.siblings {
            self.describe_evidence(&kept)?;
        }
        let waiting = names::unstamped(&kept.id);
        let recipients: Vec<Waiter> = self.get(Table::Scratch, &waiting)?.unwrap_or_default();
        self.tx.delete(Table::Scratch, &waiting)?;
        self.evidence_to_roles(&kept)?;
        self.evidence_to_order(&kept)?;
        self.evidence_to_teams(&kept)?;
        for (to, room) in recipients {
            self.evidence_to(&kept, &to, room)?;
        }
        Ok(())
    }

    /// Lets the evidence of a document follow it to a contact, into the room it was shown in if it
    /// was: now, or when it is whole.
    pub(crate) fn evidence_to(
        &mut self,
        kept: &Kept,
        to: &IdentityId,
        room: Option<MailboxId>,
    ) -> Result<()> {
        if !kept.evidence.is_empty() {
            let body = evidence_message(kept);
            let Some(mailbox) = room else {
                let say = TalkSay {
                    contact: *to,
                    body: Bytes(canonical::encode(&body)),
                    padding: Padding::Message,
                };
                self.enqueue(What::Talk(say), Job::Nothing(true), None)?;
                return Ok(());
            };
            let say = GroupSay {
                mailbox,
                body: Bytes(canonical::encode(&body)),
                padding: Padding::Message,
            };
            self.enqueue(What::Room(say), Job::Nothing(true), None)?;
        } else if kept.header.author == self.me() {
            let name = names::unstamped(&kept.id);
            let mut waiting: Vec<Waiter> = self.get(Table::Scratch, &name)?.unwrap_or_default();
            if !waiting.contains(&(*to, room)) {
                waiting.push((*to, room));
                self.put(Table::Scratch, &name, &waiting)?;
            }
        }
        Ok(())
    }

    /// Tells one's other endpoints what proves the time of a document, if anything does yet.
    pub(crate) fn describe_evidence(&mut self, kept: &Kept) -> Result<()> {
        let Some(own) = self.profile.own.filter(|_| !kept.evidence.is_empty()) else {
            return Ok(());
        };
        self.say(own, &evidence_message(kept), Padding::Message, Job::Nothing(true))?;
        Ok(())
    }

    /// Evidence came for a document that is kept here. What proves nothing is not kept; what a
    /// domain unknown here says is, for verifiers who know it.
    pub(crate) fn evidence_came(&mut self, bytes: &[u8]) -> Result<()> {
        let came = EvidenceOf::from_bytes(bytes).map_err(|_| Error::of(ErrorCode::Malformed))?;
        let Some(mut kept) = self.kept(&came.document)? else {
            return Err(ErrorCode::NotFound.into());
        };
        let before = kept.evidence.clone();
        let domains = people::domains(&self.profile);
        for item in came.evidence {
            if kept.evidence.contains(&item) {
                continue;
            }
            match item.verify_document(&kept.id, &domains) {
                // First, so that nothing unproved can crowd it out.
                Ok(_) => kept.evidence.insert(0, item),
                Err(BadEvidence::UnknownDomain) => kept.evidence.push(item),
                Err(_) => {}
            }
        }
        kept.evidence.truncate(MOST);
        let news = before != kept.evidence;
        self.put_kept(&kept)?;
        match news {
            true => self.evidence_to_teams(&kept),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Draft;
    use crate::core::Core;
    use crate::testing::{Paper, cursor};
    use telesphor_clinical::header::DocumentKind;

    fn written(core: &mut Core) -> DocumentId {
        let draft = Draft::new(DocumentKind::Note, "text/plain", "a note", b"a note".to_vec());
        core.write(|ctx| Ok(ctx.write_document(draft)?.0)).unwrap()
    }

    fn evidence(core: &mut Core, id: &DocumentId) -> Vec<TimeEvidence> {
        core.write(|ctx| Ok(ctx.kept(id)?.unwrap().evidence)).unwrap()
    }

    /// Seals the stamp of a fresh document and orders it; the answer is still to come.
    fn ordered(paper: &mut Paper, core: &mut Core) -> (DocumentId, MailboxId, u64, Receipt) {
        let id = written(core);
        let inbox = core.profile.inbox.unwrap();
        paper.show(core, inbox).unwrap();
        let (seq, command) = crate::testing::first_sealed(core);
        let receipt = paper.take_in(&command);
        (id, inbox, seq, receipt)
    }

    #[test]
    fn a_receipt_before_or_after_its_event_makes_the_same_evidence() {
        for receipt_first in [true, false] {
            let mut paper = Paper::new();
            let mut core = paper.person("doctor");
            let (id, inbox, seq, receipt) = ordered(&mut paper, &mut core);
            if receipt_first {
                core.write(|ctx| ctx.durable(seq, receipt.clone())).unwrap();
                assert!(evidence(&mut core, &id).is_empty());
                assert!(
                    !core.index.is_read(Some(inbox)),
                    "quiet only when its event was read"
                );
                paper.show(&mut core, inbox).unwrap();
            } else {
                paper.show(&mut core, inbox).unwrap();
                assert!(evidence(&mut core, &id).is_empty());
                core.write(|ctx| ctx.durable(seq, receipt.clone())).unwrap();
            }
            let found = evidence(&mut core, &id);
            assert_eq!(found.len(), 1);
            let time = found[0]
                .verify_document(&id, &people::domains(&core.profile))
                .unwrap();
            assert_eq!(time.at, receipt.head.stamp);
            assert!(core.index.is_read(Some(inbox)));
        }
    }

    #[test]
    fn a_crash_between_receipt_and_event_loses_no_evidence_and_stamps_nothing_twice() {
        let mut paper = Paper::new();
        let mut core = paper.person("doctor");
        let (id, inbox, seq, receipt) = ordered(&mut paper, &mut core);
        let vault = core.vault.clone();
        // Killed before the answer was taken over: the same bytes go again and get the old receipt.
        drop(core);
        let mut core = Core::load(vault.clone()).unwrap();
        core.index.connected = true;
        core.seal_some(64).unwrap();
        let again = core.take_ready(64).unwrap();
        assert_eq!(again.iter().filter(|r| r.seq == seq).count(), 1);
        core.write(|ctx| ctx.durable(seq, receipt)).unwrap();
        // Killed again, before the event was read.
        drop(core);
        let mut core = Core::load(vault).unwrap();
        paper.show(&mut core, inbox).unwrap();
        assert_eq!(evidence(&mut core, &id).len(), 1);
        assert_eq!(cursor(&core, inbox).seq, paper.events(inbox, 0).head.seq);
    }

    #[test]
    fn a_relay_that_was_restored_between_stamp_and_staple_costs_no_evidence() {
        let mut paper = Paper::new();
        let mut core = paper.person("doctor");
        let (id, inbox, seq, receipt) = ordered(&mut paper, &mut core);
        core.write(|ctx| ctx.durable(seq, receipt)).unwrap();
        // The event is lost before it was read, and something else takes its place.
        paper.forget_last(inbox);
        paper.order(inbox, (EventKind::MESSAGE, 0), b"somebody else's deposit");
        core.write(|ctx| ctx.relay_restored()).unwrap();
        assert!(paper.carry(&mut core) > 0, "the stamp is offered again");
        paper.show(&mut core, inbox).unwrap();
        let found = evidence(&mut core, &id);
        assert_eq!(found.len(), 1);
        found[0]
            .verify_document(&id, &people::domains(&core.profile))
            .unwrap();
    }

    #[test]
    fn evidence_of_another_document_or_forged_is_not_kept_and_a_foreign_domains_is() {
        let (mut paper, mut elsewhere) = (Paper::new(), Paper::new());
        let mut core = paper.person("doctor");
        let mut abroad = elsewhere.person("abroad");
        let (id, other) = (written(&mut core), written(&mut core));
        let inbox = core.profile.inbox.unwrap();
        paper.carry(&mut core);
        paper.show(&mut core, inbox).unwrap();
        let (own, theirs) = (
            evidence(&mut core, &id)[0].clone(),
            evidence(&mut core, &other)[0].clone(),
        );
        let foreign = {
            // The same document, stamped in a mailbox of another domain.
            abroad
                .write(|ctx| ctx.enqueue(What::Stamp(id), Job::Stamp(id), None))
                .unwrap();
            let inbox = abroad.profile.inbox.unwrap();
            elsewhere.show(&mut abroad, inbox).unwrap();
            let (_, command) = crate::testing::first_sealed(&mut abroad);
            let receipt = elsewhere.take_in(&command);
            let Command::Deposit(deposit) = command else {
                unreachable!()
            };
            let pending: Pending = abroad
                .write(|ctx| ctx.get(Table::Scratch, &names::stamp(&payload_hash(&deposit.payload))))
                .unwrap()
                .unwrap();
            let event = elsewhere.events(inbox, 0).events.pop().unwrap();
            TimeEvidence {
                domain: "hospital-b.example".parse().unwrap(),
                salt: pending.salt,
                previous: cursor(&abroad, inbox).hash,
                header: event.header,
                payload: pending.payload,
                receipt,
            }
        };
        let mut forged = own.clone();
        forged.receipt.head.stamp -= 1;
        core.write(|ctx| {
            let mut kept = ctx.kept(&id)?.unwrap();
            kept.evidence.clear();
            ctx.put_kept(&kept)
        })
        .unwrap();
        let come = |core: &mut Core, item: &TimeEvidence| {
            let message = EvidenceOf {
                document: id,
                evidence: vec![item.clone()],
                ext: Extensions::none(),
            };
            core.write(|ctx| ctx.evidence_came(&message.to_bytes())).unwrap();
            evidence(core, &id).len()
        };
        assert_eq!(come(&mut core, &theirs), 0, "another document's");
        assert_eq!(come(&mut core, &forged), 0, "a forged one");
        assert_eq!(
            come(&mut core, &foreign),
            1,
            "kept for verifiers who know the domain"
        );
        assert_eq!(come(&mut core, &own), 2);
        assert_eq!(come(&mut core, &own), 2, "once");
    }
}
