//! What another endpoint of this identity says in a group that it shares with a contact: the
//! contact is told something, and this endpoint learns that it was.

use serde::{Deserialize, Serialize};
use telesphor_clinical::blob::Carried;
use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::receipt::ReceiptKind;
use telesphor_clinical::self_entry::{MailboxUse, SelfEntry};
use telesphor_sealing::{GroupSession, Seat};
use telesphor_vault::{Records, Table};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::DocumentId;
use telesphor_wire::sign::PublicKey;

use crate::acts::answers::is_answer;
use crate::core::records::Held;
use crate::core::{Ctx, names};
use crate::documents::keep::Way;
use crate::documents::send::{Reached, SentRecord};
use crate::error::{Error, Result};

/// When an endpoint was last heard, by the relay's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Heard {
    pub(crate) stamp: u64,
}

pub(crate) fn heard_name(endpoint: &PublicKey) -> Vec<u8> {
    [b"heard/", &endpoint.0[..]].concat()
}

/// When an endpoint of this identity was last heard here.
pub(crate) fn last_heard(records: &impl Records, endpoint: &PublicKey) -> Result<Option<u64>> {
    let heard: Option<Heard> = records.get_value(Table::Groups, &heard_name(endpoint))?;
    Ok(heard.map(|h| h.stamp))
}

impl Ctx<'_, '_> {
    /// Another endpoint of this identity speaks in a group. Gives the message back if it means
    /// the same from whomever it comes.
    pub(crate) fn sibling_said(
        &mut self,
        held: &Held,
        from: &Seat,
        body: GroupMessage,
        stamp: u64,
    ) -> Result<Option<GroupMessage>> {
        self.put(
            Table::Groups,
            &heard_name(&from.member.endpoint),
            &Heard { stamp },
        )?;
        match body {
            GroupMessage::Document(carried) => self.sibling_sent(held, carried, stamp)?,
            GroupMessage::Receipt(signed) => {
                let receipt = &signed.receipt;
                if receipt.kind == ReceiptKind::Opened
                    && let Some(mut kept) = self.kept(&receipt.document)?
                {
                    kept.opened.get_or_insert(receipt.at.stamp());
                    self.put_kept(&kept)?;
                }
            }
            // What one's other device says of letters is between it and the organisation.
            GroupMessage::Role(_) => {}
            // These come through the self mailbox.
            GroupMessage::Grant(_) | GroupMessage::GrantEnded(_) | GroupMessage::Contact(_) => {}
            other => return Ok(Some(other)),
        }
        Ok(None)
    }

    fn sibling_sent(&mut self, held: &Held, carried: Carried, stamp: u64) -> Result<()> {
        let (Carried::Inline(bytes), Some(to)) = (carried, held.with) else {
            return Ok(());
        };
        let document = SignedDocument::from_bytes(&bytes).map_err(|e| Error::of(e.code()))?;
        if self.doubt(&document)? == Some(ErrorCode::BadDocument) {
            return Err(ErrorCode::BadDocument.into());
        }
        let mine = document.header.author == self.me();
        let id = match (self.kept(&document.id())?, mine) {
            (Some(kept), _) => kept.id,
            (None, true) => self.keep(&document, &bytes, Way::Own, None, stamp, None)?,
            // Somebody else's document, passed on: it comes as an entry of the self mailbox.
            (None, false) => document.id(),
        };
        let name = names::sent(&id, &to);
        if self.get::<SentRecord>(Table::Receipts, &name)?.is_some() {
            return Ok(());
        }
        self.push(Table::Receipts, names::SENT, &(id, to))?;
        self.put(
            Table::Receipts,
            &name,
            &SentRecord {
                document: id,
                title: document.header.title.as_str().to_owned(),
                to,
                reached: Reached::Durable,
                queued: stamp,
                durable: Some(stamp),
                delivered: None,
                opened: None,
                took_ms: None,
                why: None,
                receipt: None,
            },
        )
    }

    /// Whether an endpoint of this identity has no seat in a group: it does not hear what is
    /// said there, and must be told.
    pub(crate) fn somebody_stands(&self, held: &Held) -> Result<bool> {
        if !self.keys.siblings || matches!(held.used, MailboxUse::Own | MailboxUse::Team) {
            return Ok(false);
        }
        let Some(seats) = self.look_group(&held.id, GroupSession::members)? else {
            return Ok(false);
        };
        let seats = seats?;
        Ok(self
            .endpoint_keys(&self.me())?
            .iter()
            .any(|key| !seats.iter().any(|seat| seat.member.endpoint == *key)))
    }

    /// Passes on what a contact said to those of one's own endpoints that cannot hear it.
    pub(crate) fn pass_on(&mut self, told: Told) -> Result<()> {
        match told {
            Told::Document(id) => self.tell_record(&id),
            Told::Entry(entry) => self.own(*entry),
        }
    }
}

/// Something that a contact said.
pub(crate) enum Told {
    Document(DocumentId),
    Entry(Box<SelfEntry>),
}

/// What of a message is passed on, if anything.
pub(crate) fn worth_telling(body: &GroupMessage) -> Option<Told> {
    match body {
        GroupMessage::Document(Carried::Inline(bytes)) => SignedDocument::from_bytes(bytes)
            .ok()
            .map(|d| Told::Document(d.id())),
        GroupMessage::Grant(signed) => Some(Told::Entry(Box::new(SelfEntry::Grant(signed.clone())))),
        GroupMessage::Receipt(signed) if is_answer(signed.receipt.kind) => {
            Some(Told::Entry(Box::new(SelfEntry::Answer(signed.clone()))))
        }
        GroupMessage::GrantEnded(ended) => Some(Told::Entry(Box::new(SelfEntry::GrantEnded(ended.clone())))),
        _ => None,
    }
}
