//! What a letter's readers say of it, as its sender and the other readers hear it.

use telesphor_clinical::receipt::ReceiptKind;
use telesphor_clinical::role::{RoleAnswer, RolePassed, RoleReceipt, answer_of};
use telesphor_identity::signing::{Judged, SignerSaid};
use telesphor_vault::Table;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::IdentityId;

use super::record::{Heard, Passed};
use super::seal::open_value;
use crate::core::{Ctx, names};
use crate::documents::send::Reached;
use crate::error::{Error, Result};

impl Ctx<'_, '_> {
    /// The desk brings what a reader said. It counts by that one's signature.
    pub(super) fn role_answer_came(&mut self, from: &IdentityId, answer: &RoleAnswer) -> Result<()> {
        let (written, came) = (self.written(&answer.letter)?, self.came(&answer.letter)?);
        let (organisation, key): (IdentityId, Secret) = match (&written, &came) {
            (Some(w), _) => match &w.key {
                Some(key) => (w.organisation, key.clone()),
                None => return Ok(()),
            },
            (None, Some(c)) => (c.organisation, c.key.clone()),
            (None, None) => return Ok(()),
        };
        if organisation != *from {
            return Err(ErrorCode::BadDocument.into());
        }
        let of = answer_of(&answer.letter, &answer.person);
        let said: RoleReceipt = open_value(&key, &of, &answer.sealed)?;
        self.take_all_proofs(std::slice::from_ref(&said.proofs))?;
        let receipt = &said.receipt.receipt;
        let document = written.as_ref().map(|w| w.document);
        let document = document.or(came.map(|c| c.document));
        let fits = receipt.place == answer.person
            && receipt.kind == answer.kind
            && Some(receipt.document) == document;
        if !fits {
            return Err(ErrorCode::BadDocument.into());
        }
        let history = self
            .history(&receipt.place)?
            .ok_or(Error::of(ErrorCode::BrokenHistory))?;
        let signer = SignerSaid {
            identity: &receipt.place,
            head: &receipt.place_head,
            endpoint: &receipt.at_endpoint,
        };
        history
            .check_signed(signer, Judged::now(self.now), receipt, &said.receipt.signature)
            .map_err(|e| Error::of(e.code()))?;
        let heard = Heard {
            who: answer.person,
            step: answer.step,
            kind: receipt.kind.code(),
            at: receipt.at.stamp(),
            words: receipt.words.clone().unwrap_or_default(),
        };
        let fresh = self.note_heard(&answer.letter, heard)?;
        let Some(written) = written.filter(|_| fresh) else {
            return Ok(());
        };
        self.push(Table::Receipts, names::LOG, &said.receipt)?;
        let reached = match receipt.kind {
            ReceiptKind::Delivered => Reached::Delivered,
            ReceiptKind::Opened => Reached::Opened,
            ReceiptKind::Accepted => Reached::Taken,
            ReceiptKind::Declined => Reached::Declined,
            ReceiptKind::Other(_) => return Ok(()),
        };
        let step = usize::try_from(answer.step).unwrap_or(usize::MAX);
        let Some(role) = written.steps.get(step).map(|s| s.identity) else {
            return Ok(());
        };
        // One who declines does not take back what another has accepted.
        if reached == Reached::Declined && self.somebody_took(&answer.letter, answer.step)? {
            return Ok(());
        }
        self.document_reached(receipt.document, role, reached, receipt.at.stamp())
    }

    fn somebody_took(&self, letter: &telesphor_wire::hash::Digest, step: u32) -> Result<bool> {
        let heard = super::record::heard_of(self.tx, letter)?;
        let last = super::show::last_answer(&heard, Some(step));
        Ok(last.is_some_and(|h| h.kind == ReceiptKind::Accepted.code()))
    }

    /// The desk says that a letter went on to its next role.
    pub(super) fn passed_came(&mut self, from: &IdentityId, passed: &RolePassed) -> Result<()> {
        let Some(mut written) = self.written(&passed.letter)? else {
            return Ok(());
        };
        let step = usize::try_from(passed.to).unwrap_or(usize::MAX);
        let Some(role) = written.steps.get(step).map(|s| s.identity) else {
            return Err(ErrorCode::BadDocument.into());
        };
        if written.organisation != *from || written.passed.iter().any(|p| p.to == passed.to) {
            return Ok(());
        }
        written.at = written.at.max(passed.to);
        written.passed.push(Passed {
            to: passed.to,
            at: passed.at.stamp(),
            why: passed.why,
        });
        self.put_written(&written)?;
        self.put_letter_to(&written, passed.to, &role)?;
        self.note_sent_to_role(&written.document, &role, Reached::Durable)
    }
}
