//! The keys that follow from the master key, and where they put a record. [`crate::layout`] draws it.

use telesphor_wire::hash::{Secret, derive_key};
use telesphor_wire::ids::DocumentId;
use telesphor_wire::labels::KdfLabel;
use telesphor_wire::seal;
use zeroize::Zeroizing;

use crate::error::{Damage, VaultError};
use crate::layout::Value;
use crate::limits;
use crate::table::Table;

const NAMED: u8 = 0;
const LISTED: u8 = 1;
const INTAKE: u8 = 2;

const USE_INDEX: u8 = 1;
const USE_RECORD: u8 = 2;
const USE_HEAD: u8 = 3;
const USE_COUNTER: u8 = 4;
const USE_BODY: u8 = 6;

/// The keys that follow from the master key, held while the vault is unlocked.
pub struct Keys {
    pub(crate) master: Secret,
    index: Secret,
}

impl Keys {
    pub(crate) fn new(master: Secret) -> Self {
        let index = derive_key(KdfLabel::VaultPage, &master, &[USE_INDEX]);
        Self { master, index }
    }

    fn hidden(&self, table: Table, form: u8, name: &[u8]) -> Secret {
        let mut x = Zeroizing::new(Vec::with_capacity(2 + name.len()));
        x.extend_from_slice(&[table.number(), form]);
        x.extend_from_slice(name);
        derive_key(KdfLabel::VaultPage, &self.index, &x)
    }

    /// Where a named record stands.
    pub(crate) fn named(&self, table: Table, name: &[u8]) -> Vec<u8> {
        [
            &[table.number(), NAMED],
            &self.hidden(table, NAMED, name).expose()[..],
        ]
        .concat()
    }

    /// Where an entry of a list stands.
    pub(crate) fn listed(&self, table: Table, list: &[u8], position: u64) -> Vec<u8> {
        let hidden = self.hidden(table, LISTED, list);
        [
            &[table.number(), LISTED],
            &hidden.expose()[..],
            &position.to_be_bytes(),
        ]
        .concat()
    }

    fn record_key(&self, physical: &[u8]) -> Secret {
        derive_key(
            KdfLabel::VaultPage,
            &self.master,
            &[&[USE_RECORD], physical].concat(),
        )
    }

    /// Seals a record for the place it will stand at.
    pub(crate) fn seal(&self, physical: &[u8], name: &[u8], value: &[u8]) -> Result<Vec<u8>, VaultError> {
        if name.len() > limits::MAX_NAME_BYTES || value.len() > limits::MAX_VALUE_BYTES {
            return Err(VaultError::TooLarge);
        }
        let mut record = Zeroizing::new(Vec::with_capacity(4 + name.len() + value.len()));
        let name_len = u32::try_from(name.len()).map_err(|_| VaultError::TooLarge)?;
        record.extend_from_slice(&name_len.to_be_bytes());
        record.extend_from_slice(name);
        record.extend_from_slice(value);
        Ok(seal::seal(&self.record_key(physical), physical, &record))
    }

    /// Opens a record that stood at `physical`: its name and its value.
    pub(crate) fn open(&self, physical: &[u8], sealed: &[u8]) -> Result<(Value, Value), VaultError> {
        const BAD: VaultError = VaultError::Damaged(Damage::Record);
        let record =
            Zeroizing::new(seal::open(&self.record_key(physical), physical, sealed).map_err(|_| BAD)?);
        let (len, rest) = record.split_first_chunk::<4>().ok_or(BAD)?;
        let (name, value) = rest
            .split_at_checked(u32::from_be_bytes(*len) as usize)
            .ok_or(BAD)?;
        Ok((Zeroizing::new(name.to_vec()), Zeroizing::new(value.to_vec())))
    }

    /// A keyed hash over the header, so that a changed slot list is noticed.
    pub(crate) fn head_mac(&self, bytes: &[u8]) -> Secret {
        derive_key(KdfLabel::VaultPage, &self.master, &[&[USE_HEAD], bytes].concat())
    }

    /// A keyed hash over the counter.
    pub(crate) fn counter_mac(&self, bytes: &[u8]) -> Secret {
        derive_key(
            KdfLabel::VaultPage,
            &self.master,
            &[&[USE_COUNTER], bytes].concat(),
        )
    }
}

/// The key that the bytes of a document are sealed under, inside their record: it dies with the
/// document's own key. It does not depend on the vault, so that a backup carries the bytes as they are.
pub(crate) fn body_key(document_key: &Secret, document: &DocumentId) -> Secret {
    derive_key(
        KdfLabel::VaultPage,
        document_key,
        &[&[USE_BODY], &document.0[..]].concat(),
    )
}

/// All places of named records of a table, as a half-open range.
pub(crate) fn all_named(table: Table) -> (Vec<u8>, Vec<u8>) {
    (vec![table.number(), NAMED], vec![table.number(), LISTED])
}

/// All places of list entries of a table, as a half-open range.
pub(crate) fn all_listed(table: Table) -> (Vec<u8>, Vec<u8>) {
    (vec![table.number(), LISTED], vec![table.number(), INTAKE])
}

/// Where an event taken in while locked stands.
pub(crate) fn intake(position: u64) -> Vec<u8> {
    [&[Table::Intake.number(), INTAKE], &position.to_be_bytes()[..]].concat()
}

/// All places of events taken in while locked, as a half-open range.
pub(crate) fn all_intake() -> (Vec<u8>, Vec<u8>) {
    (
        vec![Table::Intake.number(), INTAKE],
        vec![Table::Intake.number(), INTAKE + 1],
    )
}

/// The position at the end of a list entry's or an intake's place.
pub(crate) fn position_of(physical: &[u8]) -> Result<u64, VaultError> {
    let (_, last) = physical
        .split_last_chunk::<8>()
        .ok_or(VaultError::Damaged(Damage::Store))?;
    Ok(u64::from_be_bytes(*last))
}
