//! A pharmacist's question, the prescriber's answer, the end of a prescription, and what came back.
//! Letters go through the patient, who has both as contacts; each is signed by its author.

use telesphor_clinical::header::{DocumentKind, Relation, RelationKind};
use telesphor_clinical::rx_word::{RxPass, RxWord};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{DocumentId, IdentityId, Nonce};
use telesphor_wire::ledger::{ByPharmacy, ByPrescriber, CancelWord, HoldWord, LedgerAct, LiftWord};
use telesphor_wire::limits::RX_MAX_HOLD_MS;
use telesphor_wire::sign::PublicKey;

use super::record::{Fill, FillState};
use crate::core::Ctx;
use crate::documents::write::Draft;
use crate::error::{Error, Result};

/// A stop ends a little before the ledger's longest, so that clocks may differ, milliseconds.
const HOLD_MS: u64 = RX_MAX_HOLD_MS - 3600 * 1000;

impl Ctx<'_, '_> {
    /// Writes a letter about a prescription and has the patient's program pass it on.
    fn rx_letter(
        &mut self,
        prescription: &DocumentId,
        to: &IdentityId,
        (title, words): (&str, &str),
        held: Option<PublicKey>,
    ) -> Result<DocumentId> {
        let kept = self.kept(prescription)?.ok_or(Error::of(ErrorCode::NotFound))?;
        let title = format!("{title}: {}", kept.header.title.as_str());
        let mut draft = Draft::new(
            DocumentKind::Message,
            "text/plain",
            &title,
            words.as_bytes().to_vec(),
        );
        draft.subject = self.rx_people(prescription)?.patient;
        draft.urgent = true;
        draft.corrects.push(Relation {
            kind: RelationKind::RepliesTo,
            document: *prescription,
        });
        let (document, _) = self.write_document(draft)?;
        self.send_document(&document, to)?;
        let pass = RxPass {
            prescription: *prescription,
            document,
            held,
        };
        self.tell_rx(to, RxWord::Pass(pass))?;
        Ok(document)
    }

    fn fill_key_of(&self, fill: &Fill) -> Result<telesphor_wire::sign::SigningKey> {
        self.rx_key(telesphor_clinical::rx_word::RxUse::Fill, &fill.asker, &fill.nonce)
    }

    /// Stops the prescription and asks its prescriber.
    pub(super) fn ask_prescriber(&mut self, fill: &Fill, words: &str) -> Result<Nonce> {
        let (entry, key) = (fill.ticket.ticket.entry, fill.key());
        let word = HoldWord {
            entry,
            until: self.now + HOLD_MS,
            ext: Extensions::none(),
        };
        let act = LedgerAct::Hold(ByPharmacy::new(&self.fill_key_of(fill)?, word));
        let ask = self.ask_ledger(&fill.prescription, entry, Some(key), act)?;
        let people = self.rx_people(&fill.prescription)?;
        let to = people.patient.ok_or(Error::of(ErrorCode::NotFound))?;
        self.rx_letter(&fill.prescription, &to, ("Question", words), Some(key))?;
        Ok(ask)
    }

    /// The prescriber answers; the prescription goes on.
    pub(super) fn answer_pharmacist(
        &mut self,
        prescription: &DocumentId,
        words: &str,
    ) -> Result<Option<Nonce>> {
        let people = self.rx_people(prescription)?;
        if people.author != self.me() {
            return Err(ErrorCode::NotAuthor.into());
        }
        let to = people.patient.ok_or(Error::of(ErrorCode::NotFound))?;
        let ask = match self.held_by(prescription)? {
            Some(held) => {
                let rx = self.prescription(prescription)?;
                let word = LiftWord {
                    entry: rx.entry,
                    held,
                    ext: Extensions::none(),
                };
                let key = self.rx_cancel_key(&rx.salt)?;
                let act = LedgerAct::Answered(Box::new(ByPrescriber::new(&rx.opening(), &key, word)));
                Some(self.ask_ledger(prescription, rx.entry, None, act)?)
            }
            None => None,
        };
        self.rx_letter(prescription, &to, ("Answer", words), None)?;
        Ok(ask)
    }

    /// The pharmacist goes on without an answer, or has had it.
    pub(super) fn lift_hold(&mut self, fill: &Fill) -> Result<Nonce> {
        let (entry, held) = (fill.ticket.ticket.entry, fill.key());
        let word = LiftWord {
            entry,
            held,
            ext: Extensions::none(),
        };
        let act = LedgerAct::Lift(ByPharmacy::new(&self.fill_key_of(fill)?, word));
        self.ask_ledger(&fill.prescription, entry, Some(held), act)
    }

    /// The prescriber ends it. What was not handed over is refused from then on; patient and
    /// pharmacies hear it as soon as the ledger has answered.
    pub(super) fn cancel_rx(&mut self, prescription: &DocumentId) -> Result<Nonce> {
        if self.rx_people(prescription)?.author != self.me() {
            return Err(ErrorCode::NotAuthor.into());
        }
        let rx = self.prescription(prescription)?;
        let key = self.rx_cancel_key(&rx.salt)?;
        let word = CancelWord {
            entry: rx.entry,
            ext: Extensions::none(),
        };
        let act = LedgerAct::Cancel(Box::new(ByPrescriber::new(&rx.opening(), &key, word)));
        self.ask_ledger(prescription, rx.entry, None, act)
    }

    /// What was handed over came back: the ledger keeps it, so the prescriber is asked for a new
    /// prescription of as much.
    pub(super) fn tell_came_back(&mut self, prescription: &DocumentId, words: &str) -> Result<DocumentId> {
        let fill = self.last_fill(prescription, &[FillState::Confirmed, FillState::Settled])?;
        let rx = self.prescription(prescription)?;
        let people = self.rx_people(prescription)?;
        let to = people.patient.ok_or(Error::of(ErrorCode::NotFound))?;
        let words = format!(
            "{} came back and cannot be given out again on this prescription: what is confirmed stays so. \
             If it is still needed, please write a new one. {words}",
            rx.amount(fill.units)
        );
        self.rx_letter(prescription, &to, ("Came back", &words), None)
    }
}
