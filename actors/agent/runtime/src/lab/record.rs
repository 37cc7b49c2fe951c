//! What is kept of laboratory orders beside the documents themselves.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use telesphor_clinical::lab::code::LabCode;
use telesphor_clinical::lab::order::{LabTest, SignedLabOrder, SignedLabPass};
use telesphor_clinical::lab::state::LabState;
use telesphor_clinical::lab::word::{LabDesk, LabPlace};
use telesphor_clinical::text::Text;
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId, Nonce};

use crate::core::Ctx;
use crate::core::records::Refused;
use crate::error::{Error, Result};

/// Orders of this identity, oldest first.
const ORDERS: &[u8] = b"lab-orders";
/// Orders that came to this laboratory, oldest first.
const CASES: &[u8] = b"lab-cases";
const PLACES: &[u8] = b"lab-places";
const OWN_DESK: &[u8] = b"lab-own-desk";
const REFUSED: &[u8] = b"lab-refused";
/// Results of one order, and refusals that are remembered.
pub(super) const MAX_OF_ONE: usize = 32;

/// Something about an order that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LabJob {
    pub(crate) order: Digest,
    /// By the laboratory.
    pub(crate) from_lab: bool,
}

/// Where a laboratory takes orders, and under which pass.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) place: LabPlace,
    /// The hospital that gives passes, if this is an orderer.
    pub(super) through: Option<IdentityId>,
    pub(super) pass: Option<(SignedLabPass, Secret)>,
}

/// What a hospital lets somebody do at a laboratory.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Allowed {
    pub(super) laboratory: IdentityId,
    pub(super) centre: Text,
    pub(super) switchboard: Text,
    pub(super) role: Option<IdentityId>,
    pub(super) minutes: u16,
}

/// The mailbox in which a laboratory takes orders, and the deposit keys that it gave.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct OwnDesk {
    pub(super) mailbox: MailboxId,
    pub(super) seeds: Vec<(IdentityId, Secret)>,
}

/// An order, at the one who ordered.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Ordered {
    pub(super) order: Digest,
    pub(super) salt: Nonce,
    /// The signed mapping.
    pub(super) mapping: DocumentId,
    pub(super) patient: IdentityId,
    pub(super) tests: Vec<LabTest>,
    pub(super) tube: LabCode,
    pub(super) form: LabCode,
    pub(super) desk: LabDesk,
    /// Where the answer comes.
    pub(super) mailbox: MailboxId,
    pub(super) urgent: bool,
    /// The orderer speaks with the patient first.
    pub(super) hold: bool,
    pub(super) at: u64,
    pub(super) state: LabState,
    pub(super) changed: u64,
    /// Why it was rejected.
    pub(super) why: Option<Text>,
    /// Results that belong to it, oldest first.
    pub(super) results: Vec<DocumentId>,
    /// Those that the patient was given.
    pub(super) released: Vec<DocumentId>,
    pub(super) acknowledged: Option<u64>,
    /// What came and was not taken, and when.
    pub(super) refused: Vec<(u64, ErrorCode)>,
    /// Why it never left.
    pub(super) unsent: Option<Refused>,
}

/// A value for which somebody must be called.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Critical {
    pub(super) at: u64,
    pub(super) tests: Vec<Text>,
    /// A letter went to the hospital's role.
    pub(super) letter: bool,
}

/// An order, at the laboratory.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Case {
    pub(super) order: SignedLabOrder,
    pub(super) came: u64,
    pub(super) state: LabState,
    pub(super) changed: u64,
    pub(super) why: Option<Text>,
    pub(super) results: Vec<DocumentId>,
    pub(super) critical: Option<Critical>,
    pub(super) acknowledged: Option<u64>,
    /// Something about it could not be sent.
    pub(super) unsent: Option<Refused>,
}

fn named(prefix: &[u8], rest: &[u8]) -> Vec<u8> {
    [prefix, rest].concat()
}

fn listed<T: DeserializeOwned + Serialize>(
    records: &impl Records,
    list: &[u8],
    prefix: &[u8],
) -> Result<Vec<T>> {
    let mut all = Vec::new();
    for (_, bytes) in records.range(Table::Receipts, list, 0, usize::MAX)? {
        let order: Digest = canonical::decode(&bytes).map_err(|_| Error::fault("lab list"))?;
        all.extend(records.get_value(Table::Receipts, &named(prefix, &order.0))?);
    }
    Ok(all)
}

pub(super) fn all_orders(records: &impl Records) -> Result<Vec<Ordered>> {
    listed(records, ORDERS, b"lab-order/")
}

pub(super) fn all_cases(records: &impl Records) -> Result<Vec<Case>> {
    listed(records, CASES, b"lab-case/")
}

pub(super) fn all_places(records: &impl Records) -> Result<Vec<Place>> {
    let ids: Option<Vec<IdentityId>> = records.get_value(Table::Receipts, PLACES)?;
    let mut all = Vec::new();
    for id in ids.unwrap_or_default() {
        all.extend(records.get_value(Table::Receipts, &named(b"lab-place/", &id.0))?);
    }
    Ok(all)
}

pub(super) fn all_refused(records: &impl Records) -> Result<Vec<(u64, ErrorCode)>> {
    Ok(records.get_value(Table::Receipts, REFUSED)?.unwrap_or_default())
}

impl Ctx<'_, '_> {
    pub(super) fn place(&self, laboratory: &IdentityId) -> Result<Option<Place>> {
        self.get(Table::Receipts, &named(b"lab-place/", &laboratory.0))
    }

    pub(super) fn put_place(&mut self, place: &Place) -> Result<()> {
        let id = place.place.desk.laboratory;
        let mut all: Vec<IdentityId> = self.get(Table::Receipts, PLACES)?.unwrap_or_default();
        if !all.contains(&id) {
            all.push(id);
            self.put(Table::Receipts, PLACES, &all)?;
        }
        self.put(Table::Receipts, &named(b"lab-place/", &id.0), place)
    }

    pub(super) fn allowed(&self, who: &IdentityId) -> Result<Vec<Allowed>> {
        let all = self.get(Table::Receipts, &named(b"lab-allowed/", &who.0))?;
        Ok(all.unwrap_or_default())
    }

    pub(super) fn put_allowed(&mut self, who: &IdentityId, all: &[Allowed]) -> Result<()> {
        self.put(Table::Receipts, &named(b"lab-allowed/", &who.0), all)
    }

    /// The pass of a day: signed once, so that all who order on that day show the same bytes.
    pub(super) fn pass_of(&self, key: &[u8; 32]) -> Result<Option<SignedLabPass>> {
        self.get(Table::Receipts, &named(b"lab-pass/", key))
    }

    pub(super) fn put_pass(&mut self, signed: &SignedLabPass) -> Result<()> {
        self.put(Table::Receipts, &named(b"lab-pass/", &signed.pass.key.0), signed)
    }

    pub(super) fn own_desk(&self) -> Result<Option<OwnDesk>> {
        self.get(Table::Receipts, OWN_DESK)
    }

    pub(super) fn put_own_desk(&mut self, desk: &OwnDesk) -> Result<()> {
        self.put(Table::Receipts, OWN_DESK, desk)
    }

    pub(super) fn ordered(&self, order: &Digest) -> Result<Option<Ordered>> {
        self.get(Table::Receipts, &named(b"lab-order/", &order.0))
    }

    pub(super) fn ordered_at(&self, mailbox: &MailboxId) -> Result<Option<Ordered>> {
        let order: Option<Digest> = self.get(Table::Receipts, &named(b"lab-mailbox/", &mailbox.0))?;
        match order {
            Some(order) => self.ordered(&order),
            None => Ok(None),
        }
    }

    pub(super) fn put_ordered(&mut self, ordered: &Ordered) -> Result<()> {
        if self.ordered(&ordered.order)?.is_none() {
            self.push(Table::Receipts, ORDERS, &ordered.order)?;
            let name = named(b"lab-mailbox/", &ordered.mailbox.0);
            self.put(Table::Receipts, &name, &ordered.order)?;
        }
        self.put(Table::Receipts, &named(b"lab-order/", &ordered.order.0), ordered)
    }

    pub(super) fn case(&self, order: &Digest) -> Result<Option<Case>> {
        self.get(Table::Receipts, &named(b"lab-case/", &order.0))
    }

    /// The order on whose tube or form a code stands.
    pub(super) fn coded(&self, code: &LabCode) -> Result<Option<Digest>> {
        self.get(Table::Receipts, &named(b"lab-code/", code.plain().as_bytes()))
    }

    pub(super) fn put_case(&mut self, case: &Case) -> Result<()> {
        let order = &case.order.order;
        if self.case(&order.order)?.is_none() {
            self.push(Table::Receipts, CASES, &order.order)?;
            for code in [order.tube, order.form] {
                let name = named(b"lab-code/", code.plain().as_bytes());
                self.put(Table::Receipts, &name, &order.order)?;
            }
        }
        self.put(Table::Receipts, &named(b"lab-case/", &order.order.0), case)
    }

    /// An order came that is not worked on.
    pub(super) fn note_refused_order(&mut self, at: u64, code: ErrorCode) -> Result<()> {
        let mut all = all_refused(self.tx)?;
        all.push((at, code));
        let spare = all.len().saturating_sub(MAX_OF_ONE);
        all.drain(..spare);
        self.put(Table::Receipts, REFUSED, &all)
    }

    /// Of which order a document of this laboratory is the result.
    pub(super) fn result_of(&self, document: &DocumentId) -> Result<Option<Digest>> {
        self.get(Table::Receipts, &named(b"lab-result/", &document.0))
    }

    pub(super) fn put_result_of(&mut self, document: &DocumentId, order: &Digest) -> Result<()> {
        self.put(Table::Receipts, &named(b"lab-result/", &document.0), order)
    }
}
