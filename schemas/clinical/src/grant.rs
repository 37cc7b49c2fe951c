//! Grants: who may read what until when and why, in the patient's word.

use serde::{Deserialize, Serialize};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, hash};
use telesphor_wire::ids::{DocumentId, IdentityId};
use telesphor_wire::labels::{HashLabel, SignLabel};
use telesphor_wire::sign::{PublicKey, Signature, Signed};

use crate::header::Purpose;
use crate::instant::Instant;
use crate::scope::Scopes;

telesphor_wire::tagged! {
    /// What is granted.
    pub enum Granted {
        /// Every document, present and future, that the rule of scopes lets through.
        1 => Scopes(Scopes),
        /// These documents and no others.
        2 => Documents(Vec<DocumentId>) at most crate::limits::MAX_LIST,
    }
}

telesphor_wire::tagged! {
    /// To whom.
    pub enum Grantee {
        /// An identity.
        1 => Identity(IdentityId),
        /// Whoever holds a role at an organisation, by its roster.
        2 => Role(RoleAt),
    }
}

/// A role at an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleAt {
    /// Which organisation.
    pub organisation: IdentityId,
    /// The role in its words.
    pub role: crate::text::Text,
}

telesphor_wire::tagged! {
    /// When a grant ends.
    pub enum Until {
        /// At an instant; the lease of the mailbox is set to it.
        1 => Instant(Instant),
        /// When this admission or stay ends (a thread's name).
        2 => Stay(Digest),
        /// When the patient says so.
        3 => Revoked(Extensions),
    }
}

/// A grant, as signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// [`crate::limits::VERSION`].
    pub version: u16,
    /// Whose record.
    pub subject: IdentityId,
    /// Who grants: the subject, or somebody under a mandate.
    pub by: IdentityId,
    /// `by`'s history as it stood.
    pub head: Digest,
    /// The endpoint whose key signs.
    pub endpoint: PublicKey,
    /// `H("mandate-id", ..)` of what it rests on: the mandate under which `by` acts for the
    /// subject, or, where the subject grants, the mandate by whose holder it is read.
    pub mandate: Option<Digest>,
    /// To whom.
    pub to: Grantee,
    /// What.
    pub what: Granted,
    /// From when.
    pub from: Instant,
    /// Until when.
    pub until: Until,
    /// What for.
    pub why: Purpose,
    /// Makes two equal grants two.
    pub random: Digest,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for Grant {
    const LABEL: SignLabel = SignLabel::Grant;
}

impl Grant {
    /// `H("grant-id", grant)`.
    pub fn id(&self) -> Digest {
        hash(HashLabel::GrantId, self)
    }
}

/// A signed [`Grant`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedGrant {
    /// What is signed.
    pub grant: Grant,
    /// By `grant.endpoint`.
    pub signature: Signature,
}
