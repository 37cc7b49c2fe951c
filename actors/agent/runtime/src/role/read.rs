//! The reader's part: a letter that came, its key for whoever holds the role later, and what
//! becomes of it.

use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::limits::VERSION;
use telesphor_clinical::receipt::{ReceiptKind, SignedReceipt};
use telesphor_clinical::role::{
    RoleAnswer, RoleContent, RoleEvidence, RoleLetter, RoleMore, RoleReceipt, RoleWant, RoleWord, answer_of,
    content_of, evidence_of,
};
use telesphor_identity::bundle::Proofs;
use telesphor_identity::signing::{Judged, SignerSaid};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::IdentityId;

use super::record::Came;
use super::seal::{copy, open_copy, open_value, seal_value};
use crate::core::Ctx;
use crate::documents::keep::Way;
use crate::error::{Error, Result};

impl Ctx<'_, '_> {
    /// The desk brings a letter. It counts by its sender's signature, which says for which roles
    /// it is meant.
    pub(super) fn letter_came(&mut self, from: &IdentityId, letter: RoleLetter, stamp: u64) -> Result<()> {
        if letter.organisation != *from || letter.version != VERSION || letter.ext.check(&[]).is_err() {
            return Err(ErrorCode::BadDocument.into());
        }
        if let Some(mut came) = self.came(&letter.letter)? {
            came.at = came.at.max(letter.at);
            return self.put_came(&came);
        }
        let (me, here) = (self.me(), self.keys.endpoint.public());
        let keys = self.own_role_keys(from)?.into_iter().map(|k| k.key);
        let key = open_copy((from, &letter.letter), (&me, &here), keys, &letter.copies)
            .ok_or(Error::of(ErrorCode::CannotOpen))?;
        let of = content_of(from, &letter.letter, &letter.from);
        let content: RoleContent = open_value(&key, &of, &letter.sealed)?;
        self.take_all_proofs(&content.proofs)?;
        let said = &content.said;
        let same = said.letter == letter.letter
            && said.organisation == *from
            && said.from == letter.from
            && said.steps == letter.steps
            && said.ext.check(&[]).is_ok();
        let document = SignedDocument::from_bytes(&content.document).map_err(|e| Error::of(e.code()))?;
        if !same || document.id() != said.document {
            return Err(ErrorCode::BadDocument.into());
        }
        let history = self
            .history(&said.from)?
            .ok_or(Error::of(ErrorCode::BrokenHistory))?;
        let signer = SignerSaid {
            identity: &said.from,
            head: &said.head,
            endpoint: &said.endpoint,
        };
        history
            .check_signed(signer, Judged::now(self.now), said, &content.signature)
            .map_err(|e| Error::of(e.code()))?;
        let doubt = self.doubt(&document)?;
        if doubt == Some(ErrorCode::BadDocument) {
            return Err(ErrorCode::BadDocument.into());
        }
        let sender = Some(letter.from);
        let id = self.keep(&document, &content.document, Way::Received, sender, stamp, doubt)?;
        self.put_came(&Came {
            letter: letter.letter,
            document: id,
            organisation: *from,
            from: letter.from,
            name: letter.name,
            steps: letter.steps,
            at: letter.at,
            key,
        })?;
        let kept = self.kept(&id)?.ok_or(Error::fault("kept"))?;
        if kept.way == Way::Own {
            return Ok(());
        }
        self.tell(&letter.from, id, ReceiptKind::Delivered)?;
        self.correction_came(&kept)
    }

    /// Says a receipt for a document that came by a letter: to the sender and the other readers,
    /// who can open it; the desk learns its kind.
    pub(crate) fn answer_letter(
        &mut self,
        came: &Came,
        receipt: &SignedReceipt,
        more: Option<Proofs>,
    ) -> Result<()> {
        let me = self.me();
        let mut proofs = self.proofs_about(&me)?;
        if let Some(more) = more {
            proofs.histories.extend(more.histories);
            proofs.histories.dedup();
            proofs.attestations.extend(more.attestations);
        }
        let value = RoleReceipt {
            receipt: receipt.clone(),
            proofs: Bytes(proofs.to_bytes()),
        };
        let answer = RoleAnswer {
            letter: came.letter,
            person: me,
            step: came.at,
            kind: receipt.receipt.kind,
            sealed: seal_value(&came.key, &answer_of(&came.letter, &me), &value),
        };
        self.tell_role(&came.organisation, RoleWord::Answer(answer))
    }

    /// The desk asks for a letter's key for somebody who holds its role now: on the roster, by
    /// what is known here, and by nobody's word alone.
    pub(super) fn wanted(&mut self, from: &IdentityId, want: &RoleWant) -> Result<()> {
        let here = match (self.came(&want.letter)?, self.written(&want.letter)?) {
            (Some(came), _) => Some((came.organisation, came.steps, came.key)),
            (None, Some(written)) => written.key.map(|key| (written.organisation, written.steps, key)),
            (None, None) => None,
        };
        let Some((organisation, steps, secret)) = here else {
            return Ok(());
        };
        if organisation != *from {
            return Err(ErrorCode::BadDocument.into());
        }
        self.take_all_proofs(&want.proofs)?;
        let letter = want.letter;
        let mut copies = Vec::new();
        for reader in &want.keys {
            let holds = self.holds_any(from, &steps, &reader.key.person)?;
            if reader.key.organisation == *from && holds && self.check_role_key(reader).is_ok() {
                copies.push(copy(from, &letter, &secret, reader)?);
            }
        }
        if copies.is_empty() {
            return Ok(());
        }
        self.tell_role(from, RoleWord::More(RoleMore { letter, copies }))
    }

    /// What proves the time of a letter's document.
    pub(super) fn role_evidence_came(&mut self, from: &IdentityId, evidence: &RoleEvidence) -> Result<()> {
        let Some(came) = self.came(&evidence.letter)? else {
            return Ok(());
        };
        if came.organisation != *from {
            return Err(ErrorCode::BadDocument.into());
        }
        let bytes: Bytes = open_value(&came.key, &evidence_of(&came.letter), &evidence.sealed)?;
        self.evidence_came(&bytes)
    }
}
