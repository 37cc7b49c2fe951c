//! Who opened something, as far as it can be proved here.
//!
//! A receipt counts by the signature of the endpoint that speaks; whom it names is another
//! question. A word about somebody whom nothing here proves is kept and shown as that: an opening
//! must not be missing from the log because its opener could not be checked.

use std::collections::HashMap;

use telesphor_clinical::receipt::{Person, SignedReceipt};
use telesphor_identity::attestation::SignedAttestation;
use telesphor_identity::opener::check_receipt;
use telesphor_vault::{Records, Table};
use telesphor_wire::ids::IdentityId;

use crate::core::{Ctx, Profile};
use crate::error::Result;
use crate::people;

fn name(signed: &SignedReceipt) -> Vec<u8> {
    [b"opener/", &signed.signature.0[..]].concat()
}

/// Whether a receipt names somebody else than the identity whose endpoint signed it.
fn names_another(signed: &SignedReceipt) -> bool {
    match &signed.receipt.person {
        Some(Person::Identity(person)) => *person != signed.receipt.place,
        Some(Person::Staff(_)) => true,
        None => false,
    }
}

fn provable(records: &impl Records, profile: &Profile, signed: &SignedReceipt, now: u64) -> Result<bool> {
    let receipt = &signed.receipt;
    let mut concerned: Vec<IdentityId> = vec![receipt.place];
    let mut attestations: Vec<SignedAttestation> = Vec::new();
    match &receipt.person {
        Some(Person::Identity(person)) => concerned.push(*person),
        Some(Person::Staff(staff)) => {
            concerned.push(staff.organisation);
            attestations.extend(records.get_value(Table::Attestations, &staff.attestation.0)?);
        }
        None => {}
    }
    let mut histories = HashMap::new();
    for id in concerned {
        if let Some((_, history)) = people::history(records, profile, &id)? {
            histories.insert(id, history);
        }
    }
    Ok(check_receipt(signed, |id| histories.get(id), &attestations, now).is_ok())
}

/// Whether it is proved that the person named was there: when the receipt came, or by now.
pub(crate) fn is_proved(
    records: &impl Records,
    profile: &Profile,
    signed: &SignedReceipt,
    now: u64,
) -> Result<bool> {
    if !names_another(signed) || records.contains(Table::Receipts, &name(signed))? {
        return Ok(true);
    }
    provable(records, profile, signed, now)
}

impl Ctx<'_, '_> {
    /// Notes that the person named is proved, now that his keys are good: they may end later.
    pub(crate) fn note_opener(&mut self, signed: &SignedReceipt) -> Result<()> {
        if names_another(signed) && provable(self.tx, &self.profile, signed, self.now)? {
            self.put(Table::Receipts, &name(signed), &true)?;
        }
        Ok(())
    }
}
