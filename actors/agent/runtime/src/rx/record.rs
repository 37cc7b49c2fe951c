//! What is kept of prescriptions beside the documents themselves.

use serde::{Deserialize, Serialize};
use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::rx::Prescription;
use telesphor_clinical::rx_word::{RxNotice, RxUse};
use telesphor_vault::{Records, Table};
use telesphor_wire::coded;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::{DocumentId, EntryId, IdentityId, Nonce};
use telesphor_wire::ledger::{EntryStanding, LedgerAct, SignedTicket, Step};
use telesphor_wire::receipt::Receipt;
use telesphor_wire::sign::PublicKey;

use crate::core::Ctx;
use crate::core::records::Refused;
use crate::error::{Error, Result};

/// Keys of all fills, oldest first.
pub(super) const FILLS: &[u8] = b"rx-fills";
/// Fills, tickets and steps that are kept of one prescription.
pub(super) const MAX_OF_ONE: usize = 256;

/// An act on the ledger that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LedgerSay {
    pub(crate) entry: EntryId,
    pub(crate) act: LedgerAct,
}

/// Who waits for the answer, and what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LedgerJob {
    pub(crate) ask: Nonce,
    pub(crate) entry: EntryId,
    pub(crate) prescription: DocumentId,
    pub(crate) fill: Option<PublicKey>,
}

/// What the ledger said to one act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) standing: Option<EntryStanding>,
    pub(crate) step: Option<Step>,
    pub(crate) refused: Option<Refused>,
}

/// A key that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    pub(crate) nonce: Nonce,
    pub(crate) key: Option<PublicKey>,
}

coded! {
    /// How far a fill has come.
    pub(crate) enum FillState {
        /// A ticket is here.
        1 => Ticket,
        /// Set aside.
        2 => Reserved,
        /// Handed over, durably.
        3 => Confirmed,
        /// Let go.
        4 => Released,
        /// Supplied without the ledger; waits to be entered.
        5 => Supplied,
        /// Entered.
        6 => Settled,
    }
}

/// One fill, at the pharmacy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fill {
    pub(crate) prescription: DocumentId,
    /// Who asked for the key, and with what: the private half follows from both.
    pub(crate) asker: IdentityId,
    pub(crate) nonce: Nonce,
    pub(crate) ticket: SignedTicket,
    pub(crate) units: u32,
    pub(crate) came: u64,
    pub(crate) state: FillState,
    /// Until when it is set aside.
    pub(crate) until: u64,
    /// This vault has said that it is handed over.
    pub(crate) asked: bool,
    /// Somebody here was told that it may be handed over.
    pub(crate) said: bool,
    /// It was handed over before this vault said so: by another desk, or in an earlier life.
    pub(crate) elsewhere: bool,
    /// Stopped with a question, and not lifted here.
    pub(crate) held: bool,
    /// The step that ended it, and its proof.
    pub(crate) step: Option<Step>,
    pub(crate) receipt: Option<Receipt>,
    /// What the ledger refused last.
    pub(crate) why: Option<Refused>,
}

impl Fill {
    pub(crate) const fn key(&self) -> PublicKey {
        self.ticket.ticket.key
    }
}

/// A ticket that was given, at the patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Given {
    pub(crate) pharmacy: Option<IdentityId>,
    pub(crate) key: PublicKey,
    pub(crate) units: u32,
    pub(crate) offline: bool,
    pub(crate) at: u64,
}

fn named(prefix: &[u8], rest: &[u8]) -> Vec<u8> {
    [prefix, rest].concat()
}

fn wanted_name(what: RxUse, who: &IdentityId) -> Vec<u8> {
    [b"rx-wanted/", &what.code().to_be_bytes()[..], &who.0[..]].concat()
}

pub(super) fn fill_of(records: &impl Records, key: &PublicKey) -> Result<Option<Fill>> {
    Ok(records.get_value(Table::Receipts, &named(b"rx-fill/", &key.0))?)
}

pub(super) fn fills_of(records: &impl Records, prescription: &DocumentId) -> Result<Vec<Fill>> {
    let keys: Option<Vec<PublicKey>> =
        records.get_value(Table::Receipts, &named(b"rx-fills-of/", &prescription.0))?;
    let mut all = Vec::new();
    for key in keys.unwrap_or_default() {
        all.extend(fill_of(records, &key)?);
    }
    Ok(all)
}

pub(super) fn given_of(records: &impl Records, prescription: &DocumentId) -> Result<Vec<Given>> {
    let all: Option<Vec<Given>> =
        records.get_value(Table::Receipts, &named(b"rx-given/", &prescription.0))?;
    Ok(all.unwrap_or_default())
}

pub(super) fn notices_of(records: &impl Records, prescription: &DocumentId) -> Result<Vec<RxNotice>> {
    let all: Option<Vec<RxNotice>> =
        records.get_value(Table::Receipts, &named(b"rx-notices/", &prescription.0))?;
    Ok(all.unwrap_or_default())
}

pub(super) fn told(records: &impl Records, ask: &Nonce) -> Result<Option<Told>> {
    Ok(records.get_value(Table::Scratch, &named(b"rx-told/", &ask.0))?)
}

impl Ctx<'_, '_> {
    /// The prescription that a kept document is.
    pub(super) fn prescription(&self, id: &DocumentId) -> Result<Prescription> {
        let bytes = self.document_bytes(id)?;
        let document = SignedDocument::from_bytes(&bytes).map_err(|e| Error::of(e.code()))?;
        Prescription::of(&document).map_err(|_| Error::of(ErrorCode::RxNotPrescription))
    }

    pub(super) fn put_fill(&mut self, fill: &Fill) -> Result<()> {
        let (key, prescription) = (fill.key(), fill.prescription);
        if fill_of(self.tx, &key)?.is_none() {
            let name = named(b"rx-fills-of/", &prescription.0);
            let mut keys: Vec<PublicKey> = self.get(Table::Receipts, &name)?.unwrap_or_default();
            if keys.len() >= MAX_OF_ONE {
                return Err(ErrorCode::RxTooManyFills.into());
            }
            keys.push(key);
            self.put(Table::Receipts, &name, &keys)?;
            self.push(Table::Receipts, FILLS, &key)?;
        }
        self.put(Table::Receipts, &named(b"rx-fill/", &key.0), fill)
    }

    pub(super) fn add_given(&mut self, prescription: &DocumentId, given: Given) -> Result<()> {
        let mut all = given_of(self.tx, prescription)?;
        if all.len() >= MAX_OF_ONE {
            return Err(ErrorCode::RxTooManyFills.into());
        }
        all.push(given);
        self.put(Table::Receipts, &named(b"rx-given/", &prescription.0), &all)
    }

    /// Keeps a notice; `false` if it was known.
    pub(super) fn add_notice(&mut self, notice: &RxNotice) -> Result<bool> {
        let mut all = notices_of(self.tx, &notice.prescription)?;
        if all.iter().any(|n| n.step.seq == notice.step.seq) {
            return Ok(false);
        }
        all.push(notice.clone());
        all.sort_by_key(|n| n.step.seq);
        let spare = all.len().saturating_sub(MAX_OF_ONE);
        all.drain(..spare);
        self.put(
            Table::Receipts,
            &named(b"rx-notices/", &notice.prescription.0),
            &all,
        )?;
        Ok(true)
    }

    pub(super) fn wanted_key(&self, what: RxUse, who: &IdentityId) -> Result<Option<Wanted>> {
        self.get(Table::Receipts, &wanted_name(what, who))
    }

    pub(super) fn put_wanted(
        &mut self,
        what: RxUse,
        who: &IdentityId,
        wanted: Option<&Wanted>,
    ) -> Result<()> {
        let name = wanted_name(what, who);
        match wanted {
            Some(wanted) => self.put(Table::Receipts, &name, wanted),
            None => Ok(_ = self.tx.delete(Table::Receipts, &name)?),
        }
    }

    pub(super) fn put_told(&mut self, ask: &Nonce, told: &Told) -> Result<()> {
        self.put(Table::Scratch, &named(b"rx-told/", &ask.0), told)
    }

    pub(super) fn take_told(&mut self, ask: &Nonce) -> Result<Option<Told>> {
        let found = told(self.tx, ask)?;
        self.tx.delete(Table::Scratch, &named(b"rx-told/", &ask.0))?;
        Ok(found)
    }

    /// Under which key the prescription is stopped, as the pharmacist's letter says.
    pub(super) fn held_by(&self, prescription: &DocumentId) -> Result<Option<PublicKey>> {
        self.get(Table::Receipts, &named(b"rx-held/", &prescription.0))
    }

    pub(super) fn put_held_by(&mut self, prescription: &DocumentId, key: &PublicKey) -> Result<()> {
        self.put(Table::Receipts, &named(b"rx-held/", &prescription.0), key)
    }

    /// The patient's key that came on paper: whoever has it can draw.
    pub(super) fn paper_key(&self, prescription: &DocumentId) -> Result<Option<Secret>> {
        self.get(Table::Receipts, &named(b"rx-paper/", &prescription.0))
    }

    pub(super) fn put_paper_key(&mut self, prescription: &DocumentId, key: &Secret) -> Result<()> {
        self.put(Table::Receipts, &named(b"rx-paper/", &prescription.0), key)
    }
}
