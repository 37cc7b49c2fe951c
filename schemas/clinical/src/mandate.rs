//! Mandates: one person acts for another, within bounds and until a date.

use serde::{Deserialize, Serialize};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, hash};
use telesphor_wire::ids::IdentityId;
use telesphor_wire::labels::{HashLabel, SignLabel};
use telesphor_wire::sign::{PublicKey, Signature, Signed};

use crate::instant::Instant;
use crate::scope::{Scopes, Sharing, sharing};
use crate::text::{Text, bounded};

open_coded! {
    /// What a mandate allows.
    pub enum Power {
        /// Grant others access.
        1 => Share "share",
        /// Read.
        2 => Read "read",
        /// End grants.
        3 => Revoke "revoke",
        /// Collect medicine.
        4 => Collect "collect",
        /// Consent to treatment.
        5 => Decide "decide",
        /// Write documents for the other to be signed by both.
        6 => Write "write",
    }
}

/// A place in one of the issuer's status lists, which tells whether it was withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusPlace {
    /// The list's random name.
    pub list: Digest,
    /// The place in it.
    pub index: u32,
}

/// A mandate, as signed by the one acted for, or by an authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mandate {
    /// [`crate::limits::VERSION`].
    pub version: u16,
    /// Who says so: `subject` in advance, or an authority (a court).
    pub issuer: IdentityId,
    /// The issuer's history as it stood.
    pub issuer_head: Digest,
    /// The issuer's endpoint whose key signs.
    pub endpoint: PublicKey,
    /// For whom.
    pub subject: IdentityId,
    /// Who may act.
    pub holder: IdentityId,
    /// What he may do, sorted, each once.
    #[serde(deserialize_with = "bounded::<64, _, _>")]
    pub powers: Vec<Power>,
    /// In which scopes; `None` is all. The access log is cut to the same scopes.
    pub scopes: Option<Scopes>,
    /// From when.
    pub from: Instant,
    /// Until when; for an adolescent, the birthday.
    pub until: Option<Instant>,
    /// Where it is told whether it was withdrawn; without it the mandate holds to its end.
    pub status: Option<StatusPlace>,
    /// Dormant until an attestation of this claim about the subject exists ("incapacity").
    pub dormant_until: Option<Text>,
    /// In words.
    pub words: Option<Text>,
    /// Makes two equal mandates two.
    pub random: Digest,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for Mandate {
    const LABEL: SignLabel = SignLabel::Mandate;
}

impl Mandate {
    /// `H("mandate-id", mandate)`.
    pub fn id(&self) -> Digest {
        hash(HashLabel::MandateId, self)
    }

    /// Whether `at` (Unix milliseconds) lies in its time.
    pub fn runs_at(&self, at: u64) -> bool {
        self.from.stamp() <= at && self.until.as_ref().is_none_or(|until| at <= until.stamp())
    }

    /// Whether it reaches a document of these scopes, of which `sensitivity` are sensitive: by
    /// the same rule as a grant of its scopes would.
    pub fn covers(&self, scopes: &Scopes, sensitivity: &Scopes) -> bool {
        self.scopes
            .as_ref()
            .is_none_or(|granted| sharing(scopes, sensitivity, granted) == Sharing::Shared)
    }
}

/// A signed [`Mandate`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedMandate {
    /// What is signed.
    pub mandate: Mandate,
    /// By `mandate.endpoint`.
    pub signature: Signature,
}
