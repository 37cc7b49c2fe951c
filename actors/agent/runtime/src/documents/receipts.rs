//! Receipts inside the seal: delivered, opened, accepted, declined.

use telesphor_clinical::header::Purpose;
use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::receipt::{OpeningReceipt, Person, ReceiptKind, SignedReceipt};
use telesphor_clinical::text::Text;
use telesphor_identity::signing::{Judged, SignerSaid};
use telesphor_sealing::Member;
use telesphor_vault::Table;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};

use super::send::Reached;
use crate::acts::answers::is_answer;
use crate::core::records::{GroupSay, Job, Known, Padding, TalkSay, What};
use crate::core::{Ctx, names};
use crate::error::{Error, Result};

impl Ctx<'_, '_> {
    /// Tells a contact what became of its document.
    pub(crate) fn tell(&mut self, to: &IdentityId, document: DocumentId, kind: ReceiptKind) -> Result<()> {
        self.tell_with(to, document, kind, None, None)?;
        Ok(())
    }

    /// The same, with a purpose and words; gives the receipt.
    pub(crate) fn tell_with(
        &mut self,
        to: &IdentityId,
        document: DocumentId,
        kind: ReceiptKind,
        purpose: Option<Purpose>,
        words: Option<Text>,
    ) -> Result<SignedReceipt> {
        let on_behalf = match kind {
            ReceiptKind::Delivered => None,
            _ => self.read_by_mandate(&document)?,
        };
        let named = match kind {
            ReceiptKind::Delivered => None,
            _ => match self.acting()? {
                Some(here) => Some(self.named_towards(&here, to)?),
                None => None,
            },
        };
        let person = named
            .as_ref()
            .map_or(Person::Identity(self.me()), |n| n.person.clone());
        let receipt = OpeningReceipt {
            document,
            kind,
            person: (kind != ReceiptKind::Delivered).then_some(person),
            place: self.me(),
            place_head: self.my_head()?,
            at_endpoint: self.keys.endpoint.public(),
            presence: named.as_ref().and_then(|n| n.presence.clone()),
            at: self.instant(),
            purpose,
            words,
            ext: match on_behalf {
                Some(said) => Extensions::none().with(said.extension()),
                None => Extensions::none(),
            },
        };
        let signature = self.keys.endpoint.sign(&receipt);
        let signed = SignedReceipt {
            receipt,
            signature,
            staff: None,
        };
        let signed = match &named {
            Some(named) => named.sign_too(signed),
            None => signed,
        };
        // What came to a role is answered by the way it came.
        if let Some(came) = crate::role::letter_of(self.tx, &document)? {
            self.answer_letter(&came, &signed, named.map(|n| n.proofs))?;
            return Ok(signed);
        }
        let word = GroupMessage::Receipt(Box::new(signed.clone()));
        let body = Bytes(canonical::encode(&word));
        let padding = Padding::Receipt;
        // Said where the document was shown, which needs no conversation; else in one.
        let what = match self.get::<MailboxId>(Table::Receipts, &names::came_in(&document))? {
            Some(mailbox) => What::Room(GroupSay {
                mailbox,
                body,
                padding,
            }),
            None => {
                // Whoever wrote a note in a team may be no contact, and never become one: what
                // waits for a conversation with him would wait for ever.
                let known: Option<Known> = self.get(Table::Contacts, &to.0)?;
                if known.is_none_or(|k| k.removed) {
                    return Ok(signed);
                }
                What::Talk(TalkSay {
                    contact: *to,
                    body,
                    padding,
                })
            }
        };
        if let Some(named) = &named {
            self.vouch(&named.proofs, &what)?;
        }
        match &what {
            What::Room(say) if !is_answer(kind) && self.team(&say.mailbox)?.is_some() => {
                self.say_for_the_record(say.mailbox, &word)?;
            }
            _ => _ = self.enqueue(what, Job::Nothing(true), None)?,
        }
        Ok(signed)
    }

    /// A contact says what became of a document: counts only if the contact's own endpoint
    /// signed it and is the one that speaks.
    pub(crate) fn receipt_came(&mut self, from: &Member, signed: &SignedReceipt) -> Result<()> {
        let receipt = &signed.receipt;
        if receipt.place != from.identity || receipt.at_endpoint != from.endpoint {
            return Err(ErrorCode::BadDocument.into());
        }
        let history = self
            .history(&receipt.place)?
            .ok_or(Error::of(ErrorCode::BrokenHistory))?;
        let said = SignerSaid {
            identity: &receipt.place,
            head: &receipt.place_head,
            endpoint: &receipt.at_endpoint,
        };
        history
            .check_signed(said, Judged::now(self.now), receipt, &signed.signature)
            .map_err(|e| Error::of(e.code()))?;
        let reached = match receipt.kind {
            ReceiptKind::Delivered => Reached::Delivered,
            ReceiptKind::Opened => Reached::Opened,
            ReceiptKind::Accepted => Reached::Taken,
            ReceiptKind::Declined => Reached::Declined,
            ReceiptKind::Other(_) => return Ok(()),
        };
        self.note_opener(signed)?;
        self.push(Table::Receipts, names::LOG, signed)?;
        self.pass_on_receipt(&from.identity, signed)?;
        if is_answer(receipt.kind) && !self.answer_heard(signed)? {
            return Ok(());
        }
        self.document_reached(receipt.document, from.identity, reached, receipt.at.stamp())
    }
}
