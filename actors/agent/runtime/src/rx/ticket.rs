//! Tickets: the patient lets one pharmacy draw one amount.

use telesphor_clinical::limits::VERSION;
use telesphor_clinical::rx::Prescription;
use telesphor_clinical::rx_word::{RxKey, RxPaper, RxTicket, RxUse, RxWord};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{DocumentId, IdentityId, Nonce};
use telesphor_wire::ledger::{SignedTicket, Ticket};
use telesphor_wire::sign::{PublicKey, SigningKey};

use super::record::Given;
use crate::core::Ctx;
use crate::error::{Error, Result};

/// A ticket can be used so long, milliseconds (24 hours).
pub(super) const TICKET_LIFE_MS: u64 = 24 * 3600 * 1000;

impl Ctx<'_, '_> {
    /// Signs a ticket for a pharmacy's key.
    pub(super) fn sign_ticket(
        &self,
        rx: &Prescription,
        holder: &SigningKey,
        key: PublicKey,
        (units, offline): (u32, bool),
    ) -> Result<SignedTicket> {
        if units == 0 || units > rx.total {
            return Err(ErrorCode::RxNotEnough.into());
        }
        if offline && units > rx.offline {
            return Err(ErrorCode::RxNoOffline.into());
        }
        let mut ticket = Ticket::new(rx.entry, key, rx.parts(units), self.now + TICKET_LIFE_MS);
        ticket.keep_minutes = rx.keep_minutes;
        ticket.offline = offline;
        Ok(ticket.signed(holder))
    }

    /// The patient's ticket for a pharmacy that has given a key, sent with the prescription.
    pub(super) fn give_ticket(
        &mut self,
        prescription: &DocumentId,
        pharmacy: &IdentityId,
        amount: (u32, bool),
    ) -> Result<()> {
        let rx = self.prescription(prescription)?;
        let holder = self.rx_holder_key(&rx, &self.rx_people(prescription)?.author)?;
        let key = self
            .take_key(RxUse::Fill, pharmacy)?
            .ok_or(Error::of(ErrorCode::NotYetDurable))?;
        let ticket = self.ticket_of(prescription, &rx, &holder, key, amount)?;
        self.send_document(prescription, pharmacy)?;
        self.note_given(prescription, Some(*pharmacy), &ticket)?;
        self.tell_rx(pharmacy, RxWord::Ticket(Box::new(ticket)))
    }

    fn ticket_of(
        &self,
        prescription: &DocumentId,
        rx: &Prescription,
        holder: &SigningKey,
        key: RxKey,
        amount: (u32, bool),
    ) -> Result<RxTicket> {
        Ok(RxTicket {
            prescription: *prescription,
            units: amount.0,
            nonce: key.nonce,
            ticket: self.sign_ticket(rx, holder, key.key, amount)?,
        })
    }

    fn note_given(
        &mut self,
        prescription: &DocumentId,
        pharmacy: Option<IdentityId>,
        ticket: &RxTicket,
    ) -> Result<()> {
        let given = Given {
            pharmacy,
            key: ticket.ticket.ticket.key,
            units: ticket.units,
            offline: ticket.ticket.ticket.offline,
            at: self.now,
        };
        self.add_given(prescription, given)
    }

    /// A file for a pharmacy's desk: with a ticket for its key, or with the patient's own key.
    pub(super) fn rx_paper(
        &mut self,
        prescription: &DocumentId,
        desk: Option<RxKey>,
        amount: Option<(u32, bool)>,
    ) -> Result<Vec<u8>> {
        let rx = self.prescription(prescription)?;
        let holder = self.rx_holder_key(&rx, &self.rx_people(prescription)?.author)?;
        let kept = self.kept(prescription)?.ok_or(Error::of(ErrorCode::NotFound))?;
        let bytes = self.document_bytes(prescription)?;
        let mut paper = RxPaper {
            version: VERSION,
            tel: Bytes(self.bundle(&kept, &bytes)?.to_file()),
            ticket: None,
            holder: None,
            ext: Extensions::none(),
        };
        match (desk, amount) {
            (Some(key), Some(amount)) => {
                let ticket = self.ticket_of(prescription, &rx, &holder, key, amount)?;
                self.note_given(prescription, None, &ticket)?;
                paper.ticket = Some(ticket);
            }
            (None, None) => paper.holder = Some(holder.seed()),
            _ => return Err(ErrorCode::Usage.into()),
        }
        Ok(paper.to_file())
    }

    /// A key for one fill, to be shown at a pharmacy's desk.
    pub(super) fn rx_desk(&self) -> Result<RxKey> {
        let nonce = Nonce::random();
        let key = self.rx_key(RxUse::Fill, &self.me(), &nonce)?.public();
        Ok(RxKey {
            what: RxUse::Fill,
            nonce,
            key,
        })
    }
}
