//! Writing a prescription: the patient's key is asked for first, then the document is signed, kept
//! and sent.

use telesphor_clinical::header::DocumentKind;
use telesphor_clinical::limits::VERSION;
use telesphor_clinical::rx::{MAX_AGE_MS, PRESCRIPTION, Portion, Prescription};
use telesphor_clinical::rx_word::{RxKey, RxUse};
use telesphor_clinical::scope::Scopes;
use telesphor_clinical::text::Text;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{DocumentId, EntryId, IdentityId, Nonce};
use telesphor_wire::ledger::key_hash;
use telesphor_wire::limits::RX_KEEP_MINUTES;

use crate::core::Ctx;
use crate::documents::write::Draft;
use crate::error::{Error, Result};

/// A prescription to be written, as a command line or a page knows it.
#[derive(Clone, Debug)]
pub struct RxDraft {
    /// What.
    pub medicine: String,
    /// How to take it.
    pub dosage: String,
    /// Name of the unit.
    pub unit: String,
    /// Decimal places of the unit that one counted unit has.
    pub scale: u8,
    /// Units altogether.
    pub total: u32,
    /// When how much of it is due; none: all of it at once.
    pub portions: Vec<Portion>,
    /// Worth nothing after, Unix milliseconds.
    pub valid_until: u64,
    /// How long a pharmacy may keep a reservation, minutes.
    pub keep_minutes: u16,
    /// Units that may be supplied while the ledger cannot be reached.
    pub offline: u32,
    /// Compartments of the record that it lies in.
    pub scopes: Scopes,
}

impl RxDraft {
    /// All at once, for a year, nothing without the ledger.
    pub fn new(medicine: &str, dosage: &str, unit: &str, total: u32, now: u64) -> Self {
        Self {
            medicine: medicine.to_owned(),
            dosage: dosage.to_owned(),
            unit: unit.to_owned(),
            scale: 0,
            total,
            portions: Vec::new(),
            valid_until: now.saturating_add(MAX_AGE_MS),
            keep_minutes: RX_KEEP_MINUTES,
            offline: 0,
            scopes: Scopes::none(),
        }
    }
}

impl Ctx<'_, '_> {
    /// Writes and sends it, with the key that the patient's program gave. Nothing of the key is
    /// used if the draft is not well-formed.
    pub(super) fn write_rx(&mut self, patient: &IdentityId, draft: RxDraft) -> Result<DocumentId> {
        let key = self
            .take_key(RxUse::Holder, patient)?
            .ok_or(Error::of(ErrorCode::NotYetDurable))?;
        let rx = self.rx_body(&key, &draft)?;
        let title = format!("{}, {}", rx.medicine.as_str(), rx.amount(rx.total));
        let mut written = Draft::new(DocumentKind::Prescription, PRESCRIPTION, &title, rx.to_bytes());
        written.subject = Some(*patient);
        written.scopes = draft.scopes;
        let (id, _) = self.write_document(written)?;
        self.send_document(&id, patient)?;
        Ok(id)
    }

    fn rx_body(&self, key: &RxKey, draft: &RxDraft) -> Result<Prescription> {
        let text = |text: &str| Text::new(text).map_err(|_| Error::of(ErrorCode::InputRefused));
        let salt = Nonce::random();
        let mut rx = Prescription {
            version: VERSION,
            domain: self.profile.domain().clone(),
            entry: EntryId([0; 32]),
            salt,
            holder: key.key,
            holder_nonce: key.nonce,
            cancel: key_hash(&self.rx_cancel_key(&salt)?.public()),
            medicine: text(&draft.medicine)?,
            dosage: text(&draft.dosage)?,
            unit: text(&draft.unit)?,
            scale: draft.scale,
            total: draft.total,
            portions: draft.portions.clone(),
            valid_from: self.now,
            valid_until: draft.valid_until.min(self.now.saturating_add(MAX_AGE_MS)),
            keep_minutes: draft.keep_minutes,
            offline: draft.offline,
            ext: Extensions::none(),
        };
        rx.entry = rx.statement().id();
        rx.check().map_err(|_| Error::of(ErrorCode::InputRefused))?;
        Ok(rx)
    }
}
