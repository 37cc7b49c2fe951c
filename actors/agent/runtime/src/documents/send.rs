//! Giving a document to a contact, and following how far it has come.

use serde::{Deserialize, Serialize};
use telesphor_clinical::blob::Carried;
use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::message::GroupMessage;
use telesphor_vault::Table;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::coded;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};
use telesphor_wire::receipt::Receipt;

use crate::blobs::record::Place;
use crate::core::records::{DocumentJob, GroupSay, Job, Known, Padding, Refused, TalkSay, What};
use crate::core::{Ctx, names};
use crate::error::{Error, Result};

coded! {
    /// How far a sent document has come.
    pub(crate) enum Reached {
        1 => Queued,
        2 => Durable,
        3 => Delivered,
        4 => Opened,
        5 => Taken,
        6 => Declined,
        7 => Failed,
    }
}

/// One document on its way to one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SentRecord {
    pub(crate) document: DocumentId,
    pub(crate) title: String,
    pub(crate) to: IdentityId,
    pub(crate) reached: Reached,
    pub(crate) queued: u64,
    pub(crate) durable: Option<u64>,
    pub(crate) delivered: Option<u64>,
    pub(crate) opened: Option<u64>,
    pub(crate) took_ms: Option<u64>,
    pub(crate) why: Option<Refused>,
    pub(crate) receipt: Option<Receipt>,
}

/// Kinds whose size would tell what they are travel in two sizes only.
fn padding_of(kind: DocumentKind) -> Padding {
    match kind {
        DocumentKind::Prescription
        | DocumentKind::Order
        | DocumentKind::Result
        | DocumentKind::Referral
        | DocumentKind::Consent => Padding::Uniform,
        _ => Padding::Message,
    }
}

impl Ctx<'_, '_> {
    /// Queues a document that is kept here for a contact. It waits in the vault until a
    /// conversation is open, and is durable only with a verified receipt.
    pub(crate) fn send_document(&mut self, document: &DocumentId, to: &IdentityId) -> Result<()> {
        self.send_document_into(document, to, None)?;
        Ok(())
    }

    /// The same into a room of one's own, if one is named; gives the outbox entry.
    pub(crate) fn send_document_into(
        &mut self,
        document: &DocumentId,
        to: &IdentityId,
        room: Option<MailboxId>,
    ) -> Result<u64> {
        let known: Known = self
            .get(Table::Contacts, &to.0)?
            .ok_or(Error::of(ErrorCode::NotFound))?;
        if known.removed {
            return Err(ErrorCode::Refused.into());
        }
        let kept = self.kept(document)?.ok_or(Error::of(ErrorCode::NotFound))?;
        if !kept.header.parts.is_empty() && room.is_none() {
            // Given for good, files would have to lie at the other domain; shown, they are fetched from here.
            self.must_be_at_home(to)?;
        }
        let bytes = self.document_bytes(document)?;
        let body = GroupMessage::Document(Carried::Inline(Bytes(bytes)));
        let encoded = Bytes(canonical::encode(&body));
        let most = self.largest_for(to)?;
        let fits = |padding: &Padding| {
            let size = padding.bucket().size_for(encoded.len() + MARGIN);
            size.is_some_and(|size| size <= most)
        };
        // What does not fit an ordinary message goes in the sizes a blob of it would show.
        let padding = [padding_of(kept.header.kind), Padding::Handshake]
            .into_iter()
            .find(fits)
            .ok_or(Error::of(ErrorCode::TooLarge))?;
        if kept.header.author != self.me() {
            self.send_proofs(&kept.header.author, to)?;
        }
        self.send_mandate_of(&kept, to)?;
        let name = names::sent(document, to);
        let before: Option<SentRecord> = self.get(Table::Receipts, &name)?;
        if before.is_none() {
            self.push(Table::Receipts, names::SENT, &(*document, *to))?;
        }
        // What was opened before stays known when the same is shown until another end.
        let known = before.filter(|_| room.is_some());
        self.put(
            Table::Receipts,
            &name,
            &SentRecord {
                document: *document,
                title: kept.header.title.as_str().to_owned(),
                to: *to,
                reached: Reached::Queued,
                queued: self.now,
                durable: None,
                delivered: known.as_ref().and_then(|k| k.delivered),
                opened: known.and_then(|k| k.opened),
                took_ms: None,
                why: None,
                receipt: None,
            },
        )?;
        let job = Job::Document(DocumentJob {
            document: *document,
            to: *to,
        });
        let what = match room {
            Some(mailbox) => What::Room(GroupSay {
                mailbox,
                body: encoded,
                padding,
            }),
            None => What::Talk(TalkSay {
                contact: *to,
                body: encoded,
                padding,
            }),
        };
        let entry = self.enqueue(what, job, None)?;
        self.evidence_to(&kept, to, room)?;
        let place = room.map_or(Place::Contact(*to), Place::In);
        self.want_parts(document, place)?;
        Ok(entry)
    }

    fn change_sent(&mut self, job: &DocumentJob, f: impl FnOnce(&mut SentRecord)) -> Result<()> {
        let name = names::sent(&job.document, &job.to);
        let Some(mut record) = self.get::<SentRecord>(Table::Receipts, &name)? else {
            return Ok(());
        };
        let before = record.durable;
        f(&mut record);
        self.put(Table::Receipts, &name, &record)?;
        if !self.keys.siblings {
            return Ok(());
        }
        let place = record.receipt.as_ref().map(|r| r.leaf.mailbox);
        // One's other endpoints do not sit in a room, and hear nothing of it. In a conversation
        // that was just begun they may have no seat yet: without this word they would not know to
        // whom a correction must go.
        let in_room = match place {
            Some(place) => self.room(&place)?.is_some(),
            None => false,
        };
        match in_room || record.durable != before {
            true => self.describe_sent(&record),
            false => Ok(()),
        }
    }

    /// The relay's receipt was verified.
    pub(crate) fn document_durable(&mut self, job: DocumentJob, receipt: &Receipt, took: u64) -> Result<()> {
        if !self.stands_in_room(&job, receipt)? {
            return Ok(());
        }
        self.change_sent(&job, |record| {
            record.reached = record.reached.max(Reached::Durable);
            record.durable = Some(receipt.head.stamp);
            record.took_ms = Some(took);
            record.receipt = Some(receipt.clone());
        })
    }

    /// It could not be sent.
    pub(crate) fn document_failed(&mut self, job: DocumentJob, refused: Refused) -> Result<()> {
        self.change_sent(&job, |record| {
            record.reached = Reached::Failed;
            record.why = Some(refused);
        })
    }

    /// The other side says what became of it.
    pub(crate) fn document_reached(
        &mut self,
        document: DocumentId,
        to: IdentityId,
        reached: Reached,
        at: u64,
    ) -> Result<()> {
        self.change_sent(&DocumentJob { document, to }, |record| {
            // An endpoint that reports late never takes a later word back; of two answers the
            // one that came last counts.
            record.reached = match (record.reached, reached) {
                (Reached::Taken | Reached::Declined, Reached::Taken | Reached::Declined) => reached,
                (before, _) => before.max(reached),
            };
            match reached {
                Reached::Delivered => {
                    record.delivered.get_or_insert(at);
                }
                Reached::Opened => {
                    record.opened.get_or_insert(at);
                }
                _ => {}
            }
        })
    }
}

/// Envelope, signature and framing beside the message's own bytes.
const MARGIN: usize = 512;
