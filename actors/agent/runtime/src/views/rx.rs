//! Prescriptions as they are shown.

use telesphor_clinical::rx::Prescription;
use telesphor_wire::error::ErrorCode;

use super::DocumentView;

/// How much of a prescription is left, as the ledger said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RxLeft {
    /// When, by the ledger's clock, Unix milliseconds.
    pub asked_at: u64,
    /// Units that can be reserved.
    pub free: u32,
    /// Units that were handed over.
    pub dispensed: u32,
    /// Units that are set aside now.
    pub reserved: u32,
    /// When the first of those is let go by itself.
    pub next_free: Option<u64>,
    /// Units supplied without the ledger beyond what there was.
    pub over: u32,
    /// Until when a pharmacist has stopped it.
    pub held_until: Option<u64>,
    /// When the prescriber ended it.
    pub cancelled: Option<u64>,
}

/// How far a fill has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RxFillState {
    /// A ticket is here.
    Ticket,
    /// Set aside; nothing may be handed over yet.
    Reserved,
    /// Durably confirmed.
    HandedOver,
    /// Let go.
    LetGo,
    /// Supplied without the ledger; not entered yet.
    Supplied,
    /// Entered.
    Settled,
}

/// One fill, at the pharmacy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RxFillView {
    /// Units.
    pub units: u32,
    /// The same with the unit's name.
    pub amount: String,
    /// How far it has come.
    pub state: RxFillState,
    /// For a supply without the ledger.
    pub offline: bool,
    /// Until when it is set aside.
    pub until: Option<u64>,
    /// When it was handed over or entered, by the ledger's clock.
    pub at: Option<u64>,
    /// Units beyond what there was.
    pub over: u32,
    /// It was handed over before this desk said so.
    pub elsewhere: bool,
    /// Stopped with a question of this pharmacy.
    pub held: bool,
    /// What the ledger refused last.
    pub why: Option<ErrorCode>,
}

/// Something that was done on the ledger, proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RxNoticeView {
    /// When, by the ledger's clock.
    pub at: u64,
    /// What.
    pub what: &'static str,
    /// Units.
    pub units: u32,
    /// Of these beyond what there was.
    pub over: u32,
}

/// A prescription with everything known here.
#[derive(Clone, Debug)]
pub struct RxView {
    /// The document.
    pub document: DocumentView,
    /// What it says.
    pub rx: Prescription,
    /// Another hospital keeps it in its ledger.
    pub elsewhere: bool,
    /// Fills of this pharmacy.
    pub fills: Vec<RxFillView>,
    /// Tickets given by this patient: to whom, units, when, whether for a supply without the ledger.
    pub tickets: Vec<(Option<String>, u32, u64, bool)>,
    /// What was done on the ledger, as far as told.
    pub notices: Vec<RxNoticeView>,
}
