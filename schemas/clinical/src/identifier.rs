//! Identifier links: "the hospital's number 123 is this identity", as somebody checked it.
//!
//! A wrong link puts a result into a stranger's record, so who linked, how and when is part
//! of it, and it can be ended or merged. Links live in vaults and sealed messages only.

use serde::{Deserialize, Serialize};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::IdentityId;

use crate::instant::Instant;
use crate::text::Text;

open_coded! {
    /// How the link was checked.
    pub enum HowChecked {
        /// A document with a photograph was seen.
        1 => PhotoId "photo-id",
        /// Two identifiers were asked for and agreed.
        2 => TwoIdentifiers "two-identifiers",
        /// The wristband was scanned.
        3 => Wristband "wristband",
        /// Another organisation said so.
        4 => Referred "referred",
        /// A program matched it; nobody looked.
        5 => Automatic "automatic",
        /// Somebody known to the patient said so.
        6 => Vouched "vouched",
    }
}

open_coded! {
    /// What a link says.
    pub enum LinkKind {
        /// The identifier is this identity's.
        1 => Linked "linked",
        /// It is not, or no longer.
        2 => Unlinked "unlinked",
        /// The identifier was merged into another one.
        3 => MergedInto "merged-into",
    }
}

/// A hospital's identifier for an identity; the body of an attestation's claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentifierLink {
    /// Whose.
    pub identity: IdentityId,
    /// The system that gives the identifier (a URI or OID, as in FHIR `Identifier.system`).
    pub system: Text,
    /// The identifier.
    pub value: Text,
    /// What is said.
    pub kind: LinkKind,
    /// For `merged-into`: the identifier that replaces it.
    pub into: Option<Text>,
    /// How it was checked.
    pub how: HowChecked,
    /// By whom.
    pub by: IdentityId,
    /// When.
    pub at: Instant,
    /// The attestation this one ends or corrects.
    pub corrects: Option<Digest>,
    /// For later versions.
    pub ext: Extensions,
}
