//! Who opened a document: the program, a person by name, or staff under a pseudonym.
//!
//! An endpoint signs every receipt, but it may not put words into anybody's mouth: a person who
//! is not the endpoint's own must have said that he is there ([`Presence`]), and a member of
//! staff must sign with the key that the organisation attested.

use telesphor_clinical::receipt::{
    OpeningReceipt, Person, Presence, ReceiptKind, SignedReceipt, StaffPseudonym,
};
use telesphor_clinical::text::Text;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::IdentityId;

use crate::attestation::{Claim, SignedAttestation};
use crate::history::VerifiedHistory;
use crate::limits::MAX_PRESENCE_MS;
use crate::signing::{Judged, SignerError, SignerSaid};

/// Who stands behind a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opener {
    /// Only the program of this endpoint's identity: the document was delivered.
    Program(IdentityId),
    /// A person.
    Person(IdentityId),
    /// A member of staff whom only the organisation can name.
    Staff {
        /// Who can name the person.
        organisation: IdentityId,
        /// The role to show.
        role: Text,
    },
}

/// Why a receipt proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReceipt {
    /// A history that is needed is not here.
    #[error("the key history of who signed the receipt is not here")]
    NoHistory,
    /// The endpoint's signature does not count.
    #[error("the receipt: {0}")]
    Endpoint(SignerError),
    /// Opened, accepted or declined by nobody.
    #[error("the receipt names nobody who looked")]
    Nobody,
    /// The person named did not say that he was at this endpoint then.
    #[error("nothing proves that the person named was there")]
    NotPresent,
    /// The organisation did not attest this pseudonym, or its key did not sign.
    #[error("nothing proves that the organisation knows this member of staff")]
    NotStaff,
}

impl BadReceipt {
    /// The stable code for users.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::NoHistory => ErrorCode::BrokenHistory,
            Self::Endpoint(e) => e.code(),
            Self::Nobody | Self::NotPresent => ErrorCode::BadDocument,
            Self::NotStaff => ErrorCode::NotAttested,
        }
    }
}

/// Checks a receipt: the endpoint that signed it, and the person it names.
///
/// `history` finds checked histories; `attestations` are those that came about staff.
///
/// # Errors
/// [`BadReceipt`].
pub fn check_receipt<'h>(
    signed: &SignedReceipt,
    history: impl Fn(&IdentityId) -> Option<&'h VerifiedHistory>,
    attestations: &[SignedAttestation],
    now: u64,
) -> Result<Opener, BadReceipt> {
    let receipt = &signed.receipt;
    let judged = Judged::now(now);
    let said = SignerSaid {
        identity: &receipt.place,
        head: &receipt.place_head,
        endpoint: &receipt.at_endpoint,
    };
    history(&receipt.place)
        .ok_or(BadReceipt::NoHistory)?
        .check_signed(said, judged, receipt, &signed.signature)
        .map_err(BadReceipt::Endpoint)?;
    match &receipt.person {
        None if receipt.kind == ReceiptKind::Delivered => Ok(Opener::Program(receipt.place)),
        None => Err(BadReceipt::Nobody),
        Some(Person::Identity(person)) if *person == receipt.place => Ok(Opener::Person(*person)),
        Some(Person::Identity(person)) => {
            let presence = receipt.presence.as_ref().ok_or(BadReceipt::NotPresent)?;
            let statement = &presence.statement;
            if !covers(statement, person, receipt) {
                return Err(BadReceipt::NotPresent);
            }
            let said = SignerSaid {
                identity: person,
                head: &statement.person_head,
                endpoint: &statement.by_endpoint,
            };
            history(person)
                .ok_or(BadReceipt::NoHistory)?
                .check_signed(said, judged, statement, &presence.signature)
                .map_err(|_| BadReceipt::NotPresent)?;
            Ok(Opener::Person(*person))
        }
        Some(Person::Staff(staff)) => {
            let signature = signed.staff.as_ref().ok_or(BadReceipt::NotStaff)?;
            staff
                .key
                .verify(receipt, signature)
                .map_err(|_| BadReceipt::NotStaff)?;
            let organisation = history(&staff.organisation).ok_or(BadReceipt::NoHistory)?;
            if !attestations
                .iter()
                .any(|a| names(a, staff, organisation, receipt.at.stamp(), judged))
            {
                return Err(BadReceipt::NotStaff);
            }
            Ok(Opener::Staff {
                organisation: staff.organisation,
                role: staff.role.clone(),
            })
        }
    }
}

/// Whether a presence is about this person, endpoint and time, and short.
fn covers(presence: &Presence, person: &IdentityId, receipt: &OpeningReceipt) -> bool {
    let (from, until, at) = (presence.from.unix_ms, presence.until.unix_ms, receipt.at.unix_ms);
    presence.person == *person
        && presence.place == receipt.place
        && presence.at_endpoint == receipt.at_endpoint
        && from <= at
        && at <= until
        && until.saturating_sub(from) <= MAX_PRESENCE_MS
        && presence.ext.check(&[]).is_ok()
}

/// Whether an attestation is the organisation's word about this pseudonym at that time.
fn names(
    signed: &SignedAttestation,
    staff: &StaffPseudonym,
    organisation: &VerifiedHistory,
    at: u64,
    judged: Judged,
) -> bool {
    let a = &signed.attestation;
    let said = SignerSaid {
        identity: &a.issuer,
        head: &a.issuer_head,
        endpoint: &a.endpoint,
    };
    let claimed =
        matches!(&a.claim, Claim::Staff(claim) if claim.key == staff.key && claim.role == staff.role);
    claimed
        && a.id() == staff.attestation
        && a.issuer == staff.organisation
        && a.subject == staff.organisation
        && (a.from..=a.until).contains(&at)
        && a.ext.check(&[]).is_ok()
        && organisation
            .check_signed(said, judged, a, &signed.signature)
            .is_ok()
}
