//! Accepting and declining: who took responsibility for what a document asks.
//!
//! The answer is a signed receipt. It is kept beside the document here, and beside what was sent
//! there; of one person's answers the last one counts.

use telesphor_clinical::receipt::{ReceiptKind, SignedReceipt};
use telesphor_clinical::self_entry::SelfEntry;
use telesphor_clinical::text::Text;
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId};

use super::standing::refuse_retracted;
use super::views::AnswerView;
use crate::core::{Ctx, names};
use crate::documents::keep::Way;
use crate::documents::send::{Reached, SentRecord};
use crate::documents::show::{People, find};
use crate::error::{Error, Result};

const PREFIX: &[u8] = b"answer/";

fn name(document: &DocumentId, who: &IdentityId) -> Vec<u8> {
    [PREFIX, &document.0, &who.0].concat()
}

/// Whether a receipt is an answer: accepted or declined.
pub(crate) const fn is_answer(kind: ReceiptKind) -> bool {
    matches!(kind, ReceiptKind::Accepted | ReceiptKind::Declined)
}

/// What somebody answered to a document.
pub(crate) fn answer(
    records: &impl Records,
    people: &People,
    document: &DocumentId,
    who: &IdentityId,
) -> Result<Option<AnswerView>> {
    let signed: Option<SignedReceipt> = records.get_value(Table::Receipts, &name(document, who))?;
    let Some(signed) = signed else { return Ok(None) };
    let by = people.answered_by(records, &signed)?;
    Ok(Some(AnswerView {
        accepted: signed.receipt.kind == ReceiptKind::Accepted,
        at: signed.receipt.at.stamp(),
        words: signed.receipt.words.map_or_else(String::new, |w| w.shown()),
        by,
    }))
}

impl Ctx<'_, '_> {
    /// Takes responsibility for what a document asks, or declines it in words; tells its sender.
    /// The same answer twice is said once.
    pub(crate) fn accept_or_decline(&mut self, what: &str, declined: Option<&str>) -> Result<()> {
        let kept = find(self.tx, what)?;
        let from = match (kept.way, kept.from) {
            (Way::Received | Way::Shared, Some(from)) => from,
            _ => return Err(ErrorCode::NothingToAccept.into()),
        };
        refuse_retracted(self.tx, &self.profile, &kept)?;
        if kept.way == Way::Shared && self.tx.body(&kept.id)?.is_none() {
            return Err(ErrorCode::LeaseOver.into());
        }
        let (kind, words) = match declined {
            None => (ReceiptKind::Accepted, None),
            Some(why) => (ReceiptKind::Declined, Some(Text::cut(why))),
        };
        let before: Option<SignedReceipt> = self.get(Table::Receipts, &name(&kept.id, &self.me()))?;
        if before.is_some_and(|b| (b.receipt.kind, &b.receipt.words) == (kind, &words)) {
            return Ok(());
        }
        let signed = self.tell_with(&from, kept.id, kind, None, words)?;
        self.keep_answer(&signed)?;
        if self.keys.siblings {
            self.own(SelfEntry::Answer(Box::new(signed)))?;
        }
        Ok(())
    }

    /// Keeps an answer unless a later one is here. `false`: nothing is new.
    pub(crate) fn keep_answer(&mut self, signed: &SignedReceipt) -> Result<bool> {
        let receipt = &signed.receipt;
        let name = name(&receipt.document, &receipt.place);
        let before: Option<SignedReceipt> = self.get(Table::Receipts, &name)?;
        if before.is_some_and(|b| b.receipt.at.stamp() > receipt.at.stamp() || b == *signed) {
            return Ok(false);
        }
        self.put(Table::Receipts, &name, signed)?;
        Ok(true)
    }

    /// A contact answered to something that it was sent or shown. `false`: to nothing of the
    /// kind, or nothing new.
    pub(crate) fn answer_heard(&mut self, signed: &SignedReceipt) -> Result<bool> {
        let receipt = &signed.receipt;
        let sent = names::sent(&receipt.document, &receipt.place);
        if self.get::<SentRecord>(Table::Receipts, &sent)?.is_none() {
            return Ok(false);
        }
        self.keep_answer(signed)
    }

    /// Another endpoint of this identity answered, or heard an answer where this one does not sit.
    pub(crate) fn answer_told(&mut self, signed: &SignedReceipt) -> Result<()> {
        let receipt = &signed.receipt;
        let reached = match receipt.kind {
            ReceiptKind::Accepted => Reached::Taken,
            ReceiptKind::Declined => Reached::Declined,
            _ => return Err(Error::of(ErrorCode::Malformed)),
        };
        if receipt.place == self.me() {
            self.keep_answer(signed)?;
            return Ok(());
        }
        if !self.answer_heard(signed)? {
            return Ok(());
        }
        self.document_reached(receipt.document, receipt.place, reached, receipt.at.stamp())
    }

    /// Tells a new endpoint of every answer, given and heard.
    pub(crate) fn brief_answers(&mut self) -> Result<()> {
        for (name, bytes) in self.tx.scan(Table::Receipts)? {
            if name.starts_with(PREFIX)
                && let Ok(signed) = canonical::decode::<SignedReceipt>(&bytes)
            {
                self.own(SelfEntry::Answer(Box::new(signed)))?;
            }
        }
        Ok(())
    }
}
