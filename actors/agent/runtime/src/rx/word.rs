//! Words about prescriptions, in the conversations of patient, prescriber and pharmacy.

use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::header::Subject;
use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::rx::Prescription;
use telesphor_clinical::rx_word::{RxNotice, RxPass, RxTicket, RxUse, RxWord};
use telesphor_vault::Table;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{DocumentId, IdentityId};
use telesphor_wire::ledger::StepKind;

use super::record::{Fill, FillState, fill_of, fills_of, given_of};
use crate::core::Ctx;
use crate::core::records::{Known, Padding, Refused};
use crate::error::{Error, Result};

/// The people of a prescription, as seen from here.
pub(super) struct People {
    pub(super) author: IdentityId,
    pub(super) patient: Option<IdentityId>,
}

impl Ctx<'_, '_> {
    /// Says a word to a contact; somebody who is none is told nothing. All words about
    /// prescriptions have one size.
    pub(super) fn tell_rx(&mut self, to: &IdentityId, word: RxWord) -> Result<()> {
        self.say_to(to, &GroupMessage::Rx(word), Padding::Uniform)
    }

    /// A contact says a word about a prescription.
    pub(crate) fn rx_word(&mut self, from: &IdentityId, word: RxWord) -> Result<()> {
        match word {
            RxWord::AskKey(ask) => self.key_asked(from, &ask),
            RxWord::Key(key) => self.key_for_rx(from, &key),
            RxWord::Ticket(ticket) => self.ticket_came(from, &ticket),
            RxWord::Notice(notice) => self.notice_came(from, &notice),
            RxWord::Pass(pass) => self.pass_came(from, &pass),
            RxWord::Foreign(_) => Ok(()),
        }
    }

    pub(super) fn rx_people(&self, prescription: &DocumentId) -> Result<People> {
        let kept = self.kept(prescription)?.ok_or(Error::of(ErrorCode::NotFound))?;
        Ok(People {
            author: kept.header.author,
            patient: match kept.header.subject {
                Some(Subject::Identity(id)) => Some(id),
                _ => None,
            },
        })
    }

    /// A ticket for this pharmacy. One for another's key is worth nothing here.
    pub(super) fn ticket_came(&mut self, asker: &IdentityId, came: &RxTicket) -> Result<()> {
        let key = self.rx_key(RxUse::Fill, asker, &came.nonce)?;
        let rx = self.prescription(&came.prescription)?;
        let ticket = &came.ticket.ticket;
        let fits = ticket.key == key.public()
            && ticket.entry == rx.entry
            && came.units > 0
            && ticket.parts == rx.parts(came.units)
            && rx.holder.verify(ticket, &came.ticket.signature).is_ok();
        if !fits {
            return Err(ErrorCode::BadDocument.into());
        }
        if fill_of(self.tx, &ticket.key)?.is_some() {
            return Ok(());
        }
        if self.is_far(&rx.domain) {
            self.ask_of_domains()?;
        }
        self.put_fill(&Fill {
            prescription: came.prescription,
            asker: *asker,
            nonce: came.nonce,
            ticket: came.ticket.clone(),
            units: came.units,
            came: self.now,
            state: FillState::Ticket,
            until: 0,
            asked: false,
            said: false,
            elsewhere: false,
            held: false,
            step: None,
            receipt: None,
            why: None,
        })
    }

    /// Whether a notice is what it says: a durable step of this prescription's entry.
    pub(super) fn is_proved(&self, notice: &RxNotice, rx: &Prescription) -> Result<bool> {
        let (relays, quorum) = match self.is_far(&rx.domain) {
            true => self.attesting(&rx.domain)?,
            false => (self.profile.relays(), self.profile.quorum()),
        };
        Ok(notice.step.entry == rx.entry
            && notice.receipt.leaf == notice.step.leaf()
            && notice.receipt.verify(&relays, quorum).is_ok())
    }

    fn notice_came(&mut self, from: &IdentityId, notice: &RxNotice) -> Result<()> {
        let rx = self.prescription(&notice.prescription)?;
        if !self.is_proved(notice, &rx)? {
            return match self.is_far(&rx.domain) {
                true => self.keep_unproved(from, notice),
                false => Err(ErrorCode::BadReceipt.into()),
            };
        }
        self.note_step(Some(from), notice)
    }

    /// Keeps a step that was proved, and passes it on to whom it concerns.
    pub(super) fn note_step(&mut self, from: Option<&IdentityId>, notice: &RxNotice) -> Result<()> {
        if !self.add_notice(notice)? {
            return Ok(());
        }
        let people = self.rx_people(&notice.prescription)?;
        if notice.step.kind == StepKind::Cancelled {
            self.fills_cancelled(&notice.prescription)?;
        }
        if people.patient != Some(self.me()) {
            return Ok(());
        }
        let by_prescriber = from == Some(&people.author);
        let concerns_prescriber = matches!(
            notice.step.kind,
            StepKind::Held | StepKind::Lifted | StepKind::Settled
        );
        if by_prescriber {
            for pharmacy in self.pharmacies(&notice.prescription)? {
                self.tell_rx(&pharmacy, RxWord::Notice(Box::new(notice.clone())))?;
            }
        } else if concerns_prescriber {
            self.tell_rx(&people.author, RxWord::Notice(Box::new(notice.clone())))?;
        }
        Ok(())
    }

    /// Everybody to whom the patient gave a ticket.
    fn pharmacies(&self, prescription: &DocumentId) -> Result<Vec<IdentityId>> {
        let given = given_of(self.tx, prescription)?;
        let mut all: Vec<IdentityId> = given.iter().filter_map(|g| g.pharmacy).collect();
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }

    fn fills_cancelled(&mut self, prescription: &DocumentId) -> Result<()> {
        for mut fill in fills_of(self.tx, prescription)? {
            if matches!(fill.state, FillState::Ticket | FillState::Reserved) {
                fill.why = Some(Refused::here(ErrorCode::RxCancelled));
                self.put_fill(&fill)?;
            }
        }
        Ok(())
    }

    /// The patient's program carries a letter to the other side; the other side keeps it as any
    /// document.
    fn pass_came(&mut self, from: &IdentityId, pass: &RxPass) -> Result<()> {
        let people = self.rx_people(&pass.prescription)?;
        let me = self.me();
        if people.author == me {
            if let Some(key) = &pass.held {
                self.put_held_by(&pass.prescription, key)?;
            }
            return Ok(());
        }
        if people.patient != Some(me) {
            return Ok(());
        }
        // Only what its sender wrote himself, and about this very prescription.
        let bytes = self.document_bytes(&pass.document)?;
        let letter = SignedDocument::from_bytes(&bytes).map_err(|e| Error::of(e.code()))?;
        let about = letter
            .header
            .relates
            .iter()
            .any(|r| r.document == pass.prescription);
        if letter.header.author != *from || !about {
            return Err(ErrorCode::BadDocument.into());
        }
        let to = match *from == people.author {
            true => self.pharmacies(&pass.prescription)?,
            false => vec![people.author],
        };
        for to in to {
            let known: Option<Known> = self.get(Table::Contacts, &to.0)?;
            if known.is_some_and(|k| !k.removed) {
                self.send_document(&pass.document, &to)?;
                self.tell_rx(&to, RxWord::Pass(*pass))?;
            }
        }
        Ok(())
    }
}
