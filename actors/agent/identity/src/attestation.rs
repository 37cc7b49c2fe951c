//! Attestations: signed statements by one identity about another.
//!
//! Whether the issuer may say such a thing is not in the attestation: that is what the
//! verifier's anchors are for ([`crate::trust`]).

use serde::{Deserialize, Serialize};
use telesphor_clinical::identifier::IdentifierLink;
use telesphor_clinical::text::{Text, bounded};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, hash};
use telesphor_wire::ids::{IdentityId, Nonce};
use telesphor_wire::labels::{HashLabel, SignLabel};
use telesphor_wire::sign::{PublicKey, Signature, Signed, SigningKey};

use crate::limits;

telesphor_clinical::open_tagged! {
    /// What is said about the subject.
    pub enum Claim {
        /// Licensed in a profession.
        1 => Licensed(License),
        /// Employed by the issuer.
        2 => Employed(Employment),
        /// A device made by the issuer.
        3 => Made(Manufactured),
        /// A hospital's identifier is the subject's.
        4 => Identifier(Box<IdentifierLink>),
        /// The subject bears this name.
        5 => Named(Text),
        /// A member of staff under a pseudonym for one patient; the subject is the organisation
        /// itself, which can name the person.
        6 => Staff(StaffKey),
        /// The subject may attest claims of these words in the issuer's place.
        7 => MayAttest(Words),
        /// The subject cannot decide for himself.
        8 => Incapacity(Text),
        /// The subject is a role of the issuer.
        9 => RoleOf(Text),
    }
}

/// A licence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct License {
    /// `physician`, `pharmacist`, `nurse` ...: small letters and hyphens.
    pub profession: Text,
    /// Speciality, in words.
    pub speciality: Option<Text>,
    /// The register's number.
    pub number: Option<Text>,
}

/// An employment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Employment {
    /// As what.
    pub role: Text,
    /// Where: ward, department.
    pub place: Option<Text>,
}

/// A device as made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manufactured {
    /// Model.
    pub model: Text,
    /// Serial number.
    pub serial: Text,
}

/// A member of staff under a pseudonym.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffKey {
    /// The key for this patient.
    pub key: PublicKey,
    /// The role to show.
    pub role: Text,
}

/// A list of claim words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words(#[serde(deserialize_with = "bounded::<32, _, _>")] pub Vec<Text>);

impl Claim {
    /// The word under which a verifier trusts somebody for such claims:
    /// `licensed-physician`, `employed-by`, `made-by` ...
    pub fn word(&self) -> String {
        match self {
            Self::Licensed(license) => format!("licensed-{}", license.profession.as_str()),
            Self::Employed(_) => "employed-by".into(),
            Self::Made(_) => "made-by".into(),
            Self::Identifier(_) => "identifier".into(),
            Self::Named(_) => "named".into(),
            Self::Staff(_) => "staff".into(),
            Self::MayAttest(_) => "may-attest".into(),
            Self::Incapacity(_) => "incapacity".into(),
            Self::RoleOf(_) => "role-of".into(),
            Self::Foreign(f) => format!("claim-{}", f.kind),
        }
    }

    /// The claim of a word as a command line names it, if it needs no more than the word.
    pub fn from_word(word: &str, detail: Text) -> Option<Self> {
        let plain = |p: &str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        Some(match word {
            "employed-by" => Self::Employed(Employment {
                role: detail,
                place: None,
            }),
            "named" => Self::Named(detail),
            "role-of" => Self::RoleOf(detail),
            "incapacity" => Self::Incapacity(detail),
            "made-by" => Self::Made(Manufactured {
                model: detail,
                serial: Text::default(),
            }),
            _ => {
                let profession = word.strip_prefix("licensed-").filter(|p| plain(p))?;
                let number = (!detail.is_empty()).then_some(detail);
                Self::Licensed(License {
                    profession: Text::cut(profession),
                    speciality: None,
                    number,
                })
            }
        })
    }
}

/// An attestation, as signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestation {
    /// [`limits::VERSION`].
    pub version: u16,
    /// Who says it.
    pub issuer: IdentityId,
    /// The issuer's history as it stood.
    pub issuer_head: Digest,
    /// The issuer's endpoint whose key signs.
    pub endpoint: PublicKey,
    /// About whom.
    pub subject: IdentityId,
    /// What.
    pub claim: Claim,
    /// From when, Unix milliseconds.
    pub from: u64,
    /// Until when, Unix milliseconds.
    pub until: u64,
    /// The issuer's status list that tells whether it was withdrawn.
    pub list: Digest,
    /// Its place there.
    pub index: u32,
    /// Makes two equal attestations two.
    pub random: Nonce,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for Attestation {
    const LABEL: SignLabel = SignLabel::Attestation;
}

impl Attestation {
    /// `H("attestation-id", attestation)`.
    pub fn id(&self) -> Digest {
        hash(HashLabel::AttestationId, self)
    }
}

/// An attestation with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedAttestation {
    /// What is signed.
    pub attestation: Attestation,
    /// By `attestation.endpoint`.
    pub signature: Signature,
}

/// Who issues attestations, and with which key.
#[derive(Clone, Debug)]
pub struct Issuer<'a> {
    /// The issuer.
    pub identity: IdentityId,
    /// Its history as it stands.
    pub head: Digest,
    /// The endpoint's key.
    pub key: &'a SigningKey,
}

impl Issuer<'_> {
    /// Attests a claim about a subject for a time, at a place of a status list.
    pub fn attest(
        &self,
        subject: IdentityId,
        claim: Claim,
        (from, until): (u64, u64),
        (list, index): (Digest, u32),
    ) -> SignedAttestation {
        let attestation = Attestation {
            version: limits::VERSION,
            issuer: self.identity,
            issuer_head: self.head,
            endpoint: self.key.public(),
            subject,
            claim,
            from,
            until,
            list,
            index,
            random: Nonce::random(),
            ext: Extensions::none(),
        };
        let signature = self.key.sign(&attestation);
        SignedAttestation {
            attestation,
            signature,
        }
    }
}
