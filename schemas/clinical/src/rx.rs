//! A prescription: the body of a document of that kind, and how its units are counted.
//!
//! Amounts are whole numbers of the smallest unit (tablets, tenths of a millilitre): no floats. On
//! the dispense ledger every prescription is worth the same number of parts, so the ledger learns
//! nothing of the amount.

use serde::{Deserialize, Serialize};
use telesphor_wire::canonical;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{EntryId, Nonce};
use telesphor_wire::ledger::{EntryKey, EntryStatement, Opening, key_hash};
use telesphor_wire::limits::{RX_MAX_KEEP_MINUTES, RX_MAX_UNITS, RX_PARTS};
use telesphor_wire::sign::PublicKey;
use telesphor_wire::text::Domain;

use crate::document::{DocumentError, SignedDocument};
use crate::header::DocumentKind;
use crate::limits;
use crate::text::{Text, bounded};

/// Media type of such a body.
pub const PRESCRIPTION: &str = "application/vnd.telesphor.prescription";
/// A prescription is worth nothing after this time, whatever it says, milliseconds (365 days): the
/// ledger keeps it little longer.
pub const MAX_AGE_MS: u64 = 365 * 24 * 3600 * 1000;
/// Portions of one prescription.
pub const MAX_PORTIONS: usize = 64;
/// Decimal places of an amount.
pub const MAX_SCALE: u8 = 4;

/// A part of a prescription that is due from a day on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Portion {
    /// Not before this instant, Unix milliseconds.
    pub from: u64,
    /// Units.
    pub units: u32,
}

/// What is prescribed, and what opens its ledger entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prescription {
    /// [`limits::VERSION`].
    pub version: u16,
    /// The one domain whose ledger counts it.
    pub domain: Domain,
    /// Its entry there.
    pub entry: EntryId,
    /// Random; part of the entry.
    pub salt: Nonce,
    /// The patient's key for this prescription, public half.
    pub holder: PublicKey,
    /// From which the patient's programs derive the private half.
    pub holder_nonce: Nonce,
    /// Hash of the prescriber's cancel key.
    pub cancel: Digest,
    /// What: "Amoxicillin 500 mg, capsules".
    pub medicine: Text,
    /// How to take it.
    pub dosage: Text,
    /// Name of the unit: "capsules", "ml".
    pub unit: Text,
    /// Decimal places of the unit that one counted unit has: 1 for tenths.
    pub scale: u8,
    /// Units altogether.
    pub total: u32,
    /// When how much of it is due, rising; none: all of it at once.
    #[serde(deserialize_with = "bounded::<{ MAX_PORTIONS }, _, _>")]
    pub portions: Vec<Portion>,
    /// Worth nothing before, Unix milliseconds.
    pub valid_from: u64,
    /// Worth nothing after, Unix milliseconds.
    pub valid_until: u64,
    /// How long a pharmacy may keep a reservation, minutes.
    pub keep_minutes: u16,
    /// Units that a pharmacy may supply while it cannot reach the ledger.
    pub offline: u32,
    /// For later versions.
    pub ext: Extensions,
}

/// Units as parts of the whole, rounded down: `floor(units * 2^40 / total)`. Exact as long as the
/// wire's limits on units and fills are kept.
pub fn parts_of(units: u32, total: u32) -> u64 {
    let parts = u128::from(units) * u128::from(RX_PARTS) / u128::from(total.max(1));
    u64::try_from(parts).unwrap_or(u64::MAX)
}

/// Units that so many parts are worth: `floor(parts * total / 2^40)`.
pub fn units_of(parts: u64, total: u32) -> u32 {
    let units = u128::from(parts) * u128::from(total) / u128::from(RX_PARTS);
    u32::try_from(units).unwrap_or(u32::MAX)
}

/// An amount as people write it: `14`, `1.5`; `None` if it has more places than the unit counts.
pub fn parse_amount(text: &str, scale: u8) -> Option<u32> {
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let given = u32::try_from(places.len()).ok()?;
    if !digits(whole) || (text.contains('.') && !digits(places)) || given > u32::from(scale) {
        return None;
    }
    let ten = |n: u32| 10u32.checked_pow(n);
    let whole: u32 = whole.parse().ok()?;
    let places: u32 = if places.is_empty() {
        0
    } else {
        places.parse().ok()?
    };
    whole
        .checked_mul(ten(u32::from(scale))?)?
        .checked_add(places.checked_mul(ten(u32::from(scale) - given)?)?)
}

/// An amount for a person: whole units without places.
pub fn show_amount(units: u32, scale: u8) -> String {
    let ten = 10u32.checked_pow(u32::from(scale.min(MAX_SCALE))).unwrap_or(1);
    match units % ten {
        0 => (units / ten).to_string(),
        rest => {
            let places = format!("{rest:0width$}", width = usize::from(scale));
            format!("{}.{}", units / ten, places.trim_end_matches('0'))
        }
    }
}

impl Prescription {
    /// Reads the prescription that a document is.
    ///
    /// # Errors
    /// [`DocumentError::Header`] for a document of another kind, [`DocumentError::Form`],
    /// [`DocumentError::Version`], [`DocumentError::Critical`].
    pub fn of(document: &SignedDocument) -> Result<Self, DocumentError> {
        if document.header.kind != DocumentKind::Prescription
            || document.header.format.as_str() != PRESCRIPTION
        {
            return Err(DocumentError::Header("not a prescription that can be filled"));
        }
        Self::from_bytes(&document.body)
    }

    /// Reads a body.
    ///
    /// # Errors
    /// As [`Prescription::of`].
    pub fn from_bytes(body: &[u8]) -> Result<Self, DocumentError> {
        let read: Self = canonical::decode_bounded(body, limits::MAX_BODY_BYTES)?;
        if read.version != limits::VERSION {
            return Err(DocumentError::Version(read.version));
        }
        read.ext.check(&[])?;
        read.check().map_err(DocumentError::Header)?;
        Ok(read)
    }

    /// The body.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::encode(self)
    }

    /// Whether its numbers fit together, and its entry to what opens it.
    ///
    /// # Errors
    /// What does not, in words.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.total == 0 || u64::from(self.total) > RX_MAX_UNITS || self.scale > MAX_SCALE {
            return Err("an amount that cannot be counted");
        }
        if self.offline > self.total {
            return Err("more without the ledger than altogether");
        }
        let portions: u64 = self.portions.iter().map(|p| u64::from(p.units)).sum();
        let rising = self.portions.windows(2).all(|w| w[0].from < w[1].from);
        if !self.portions.is_empty() && (portions != u64::from(self.total) || !rising) {
            return Err("portions that are not the whole, or not in order");
        }
        if self.valid_until <= self.valid_from
            || self.valid_until - self.valid_from > MAX_AGE_MS
            || self.portions.last().is_some_and(|p| p.from > self.valid_until)
        {
            return Err("a time of validity that is longer than a year, or none");
        }
        if self.keep_minutes == 0 || self.keep_minutes > RX_MAX_KEEP_MINUTES {
            return Err("a time for reservations that no ledger keeps");
        }
        if self.medicine.is_empty() || self.unit.is_empty() {
            return Err("no medicine, or no unit");
        }
        if self.statement().id() != self.entry {
            return Err("a ledger entry that it does not open");
        }
        Ok(())
    }

    /// What its entry commits to.
    pub fn statement(&self) -> EntryStatement {
        EntryStatement {
            domain: self.domain.clone(),
            salt: self.salt,
            holder: key_hash(&self.holder),
            cancel: self.cancel,
        }
    }

    /// What opens its entry, as whoever has the prescription can show it.
    pub const fn opening(&self) -> Opening {
        Opening {
            salt: self.salt,
            holder: EntryKey::Shown(self.holder),
            cancel: EntryKey::Hidden(self.cancel),
        }
    }

    /// Units that are due at an instant, altogether.
    pub fn due(&self, now: u64) -> u32 {
        if self.portions.is_empty() {
            return self.total;
        }
        let due = self.portions.iter().filter(|p| p.from <= now);
        due.fold(0u32, |sum, p| sum.saturating_add(p.units))
    }

    /// When the next portion is due after an instant.
    pub fn next_due(&self, now: u64) -> Option<u64> {
        self.portions.iter().map(|p| p.from).find(|from| *from > now)
    }

    /// Parts that units of it cost.
    pub fn parts(&self, units: u32) -> u64 {
        parts_of(units, self.total)
    }

    /// Units of it that parts are worth.
    pub fn units(&self, parts: u64) -> u32 {
        units_of(parts, self.total)
    }

    /// An amount with its unit: `14 capsules`.
    pub fn amount(&self, units: u32) -> String {
        format!("{} {}", show_amount(units, self.scale), self.unit.shown())
    }
}
