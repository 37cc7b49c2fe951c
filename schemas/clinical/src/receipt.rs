//! Receipts inside the seal: what became of a document after it was durable.

use serde::{Deserialize, Serialize};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{DocumentId, IdentityId};
use telesphor_wire::labels::SignLabel;
use telesphor_wire::sign::{PublicKey, Signature, Signed};

use crate::header::Purpose;
use crate::instant::Instant;
use crate::text::Text;

open_coded! {
    /// What happened to the document.
    pub enum ReceiptKind {
        /// It reached an endpoint and was opened by its program.
        1 => Delivered "delivered",
        /// A person looked at it.
        2 => Opened "opened",
        /// A person takes responsibility for what it asks.
        3 => Accepted "accepted",
        /// A person says that it is not for him.
        4 => Declined "declined",
    }
}

telesphor_wire::tagged! {
    /// Who looked: a person by name, or one whom only the organisation can name.
    pub enum Person {
        /// An identity.
        1 => Identity(IdentityId),
        /// A member of staff under the organisation's word; resolved by it on formal request.
        2 => Staff(StaffPseudonym),
    }
}

/// A member of staff whom only the organisation can name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffPseudonym {
    /// Who can name the person.
    pub organisation: IdentityId,
    /// The person's key for this patient, attested by the organisation.
    pub key: PublicKey,
    /// `H("attestation-id", ..)` of that attestation.
    pub attestation: Digest,
    /// The role to show: "nurse, Ward 4B".
    pub role: Text,
}

/// "I am at this endpoint until then": lets a person sign at a workstation that others use too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Who.
    pub person: IdentityId,
    /// The person's history as it stood.
    pub person_head: Digest,
    /// The person's own endpoint (badge, phone) whose key signs.
    pub by_endpoint: PublicKey,
    /// Whose workstation.
    pub place: IdentityId,
    /// Its endpoint key.
    pub at_endpoint: PublicKey,
    /// From when.
    pub from: Instant,
    /// Until when, at most.
    pub until: Instant,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for Presence {
    const LABEL: SignLabel = SignLabel::Presence;
}

/// A signed [`Presence`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedPresence {
    /// What is signed.
    pub statement: Presence,
    /// By `statement.by_endpoint`.
    pub signature: Signature,
}

/// What became of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpeningReceipt {
    /// Which document.
    pub document: DocumentId,
    /// What happened.
    pub kind: ReceiptKind,
    /// Who; none for `delivered`, which a program says.
    pub person: Option<Person>,
    /// Whose endpoint it was.
    pub place: IdentityId,
    /// The history of `place` as it stood.
    pub place_head: Digest,
    /// The endpoint that opened it, and whose key signs.
    pub at_endpoint: PublicKey,
    /// That the person was there, if the endpoint is not the person's own.
    pub presence: Option<SignedPresence>,
    /// When, by that endpoint's clock.
    pub at: Instant,
    /// What for.
    pub purpose: Option<Purpose>,
    /// In words, e.g. why declined.
    pub words: Option<Text>,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for OpeningReceipt {
    const LABEL: SignLabel = SignLabel::OpeningReceipt;
}

/// A signed [`OpeningReceipt`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedReceipt {
    /// What is signed.
    pub receipt: OpeningReceipt,
    /// By `receipt.at_endpoint`.
    pub signature: Signature,
    /// By the staff pseudonym's key, if the person is one.
    pub staff: Option<Signature>,
}
