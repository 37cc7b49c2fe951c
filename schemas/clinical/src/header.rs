//! The document header: what lists, inboxes and checks need without opening the body.
//!
//! The fields stand in this order on the wire and in no other. Everything in it lies inside
//! the seal and under the author's signature (how: [`crate::statement`]).

use serde::{Deserialize, Serialize};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};
use telesphor_wire::seal::SealingPublic;
use telesphor_wire::text::Domain;

use crate::attention::Attention;
use crate::instant::Instant;
use crate::limits;
use crate::scope::Scopes;
use crate::text::{Text, bounded};

open_coded! {
    /// What a document is.
    pub enum DocumentKind {
        /// A clinical note.
        1 => Note "note",
        /// One FHIR resource, as it came from another system.
        2 => Resource "resource",
        /// A prescription.
        3 => Prescription "prescription",
        /// An order to a laboratory or another service.
        4 => Order "order",
        /// A result.
        5 => Result "result",
        /// An imaging study or its manifest.
        6 => Image "image",
        /// A referral.
        7 => Referral "referral",
        /// A summary of a record.
        8 => Summary "summary",
        /// A consent.
        9 => Consent "consent",
        /// A message between people.
        10 => Message "message",
        /// A bill, or codes for one.
        11 => Claim "claim",
        /// A signed list of other documents.
        12 => List "list",
        /// A manifest of a device's recording.
        13 => Recording "recording",
        /// A list of addresses that an organisation publishes.
        14 => Directory "directory",
        /// Any other file.
        15 => File "file",
        /// Says that other documents are withdrawn; `relates` names them.
        16 => Retraction "retraction",
        /// A study that people are asked to take part in.
        17 => Study "study",
    }
}

open_coded! {
    /// Where a document stands in its life.
    pub enum Status {
        /// May still change.
        1 => Preliminary "preliminary",
        /// The author stands by it.
        2 => Final "final",
        /// Changes an earlier one; `relates` names it.
        3 => Amended "amended",
        /// Must not be relied on: wrong, or about somebody else.
        4 => EnteredInError "entered-in-error",
    }
}

open_coded! {
    /// How a document relates to another.
    pub enum RelationKind {
        /// Stands in its place.
        1 => Replaces "replaces",
        /// Changes part of it.
        2 => Amends "amends",
        /// Withdraws it.
        3 => Retracts "retracts",
        /// Answers it.
        4 => RepliesTo "replies-to",
        /// Carries it out (result to order, fill to prescription).
        5 => Fulfils "fulfils",
        /// Takes back what it recorded (a fill entered by mistake).
        6 => Reverses "reverses",
    }
}

impl RelationKind {
    /// Whether the other document must not be relied on without this one. Only these are
    /// shown to whoever sees a part of the document.
    pub const fn supersedes(self) -> bool {
        matches!(
            self,
            Self::Replaces | Self::Amends | Self::Retracts | Self::Reverses
        )
    }
}

/// A relation to another document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Relation {
    /// How.
    pub kind: RelationKind,
    /// To which.
    pub document: DocumentId,
}

telesphor_wire::tagged! {
    /// Whom a document is about.
    pub enum Subject {
        /// An identity.
        1 => Identity(IdentityId),
        /// A number that stands for somebody whom the reader must not know (laboratory).
        2 => Blind(Text),
    }
}

open_coded! {
    /// What something is read or shared for, in HL7's words (v3 PurposeOfUse).
    pub enum PurposeCode {
        /// Treatment.
        1 => Treatment "TREAT",
        /// Emergency treatment.
        2 => Emergency "ETREAT",
        /// Payment.
        3 => Payment "HPAYMT",
        /// Research.
        4 => Research "HRESCH",
        /// Asked for by a family member.
        5 => Family "FAMRQT",
        /// Asked for by the patient.
        6 => Patient "PATRQT",
        /// Running a hospital.
        7 => Operations "HOPERAT",
        /// Public health.
        8 => PublicHealth "PUBHLTH",
        /// Legal duty.
        9 => Legal "HLEGAL",
    }
}

/// What something is read or shared for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purpose {
    /// The coded purpose.
    pub code: PurposeCode,
    /// In the words of whoever said it.
    pub words: Option<Text>,
}

open_coded! {
    /// How long a document must be kept by an organisation that holds it.
    pub enum Retention {
        /// A clinical record: the statutory time for one.
        1 => Clinical "clinical",
        /// Bills and claims.
        2 => Financial "financial",
        /// A message without clinical weight.
        3 => Transient "transient",
        /// Under legal hold: not to be erased until this is lifted.
        4 => Hold "hold",
    }
}

/// Who said into which scopes a document belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Classified {
    /// Who.
    pub by: Classifier,
    /// The identity, if it was a person or organisation.
    pub identity: Option<IdentityId>,
}

open_coded! {
    /// Whose word the scopes are.
    pub enum Classifier {
        /// The author's.
        1 => Author "author",
        /// The patient's.
        2 => Subject "subject",
        /// Proposed by rules of this program and not corrected.
        3 => Rules "rules",
        /// An organisation's.
        4 => Organisation "organisation",
    }
}

/// Where an answer goes: a mailbox and a deposit key for this one purpose.
///
/// Whoever reads the document can answer; so the key is fresh, and ended when answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyTo {
    /// The cluster.
    pub domain: Domain,
    /// The mailbox.
    pub mailbox: MailboxId,
    /// Who reads there.
    pub identity: IdentityId,
    /// Seed of the deposit key.
    pub deposit_seed: Secret,
    /// To whom to seal; if absent, the contact record's intake key.
    pub intake: Option<SealingPublic>,
    /// In words: "Ward 4B, call".
    pub hint: Option<Text>,
}

/// An attachment, named by the hash of its bytes. Where its ciphertext lies is not signed:
/// it may be sealed anew for another reader ([`crate::blob`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// `H("original", {salt, bytes})`, the salt derived from the document's seed
    /// ([`crate::statement::part_hash`]).
    pub hash: Digest,
    /// Length, bytes.
    pub size: u64,
    /// Media type.
    pub media_type: Text,
    /// File name or title.
    pub name: Text,
}

/// Root of the field tree over the body, with what is needed to read it
/// ([`crate::fields`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldsRoot {
    /// Which table of units and guards cut the body; [`crate::fields::units::FHIR_R4`].
    pub table: u16,
    /// Leaves with padding, one of [`limits::FIELD_BUCKETS`].
    pub bucket: u32,
    /// The root.
    pub root: Digest,
}

/// The header of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// What it is.
    pub kind: DocumentKind,
    /// Media type of the body: `application/fhir+json`, `text/markdown` ...
    pub format: Text,
    /// BCP 47 tag of the language it is written in.
    pub language: Option<Text>,
    /// One line for lists.
    pub title: Text,
    /// Whom it is about.
    pub subject: Option<Subject>,
    /// Who wrote and signs it.
    pub author: IdentityId,
    /// For whom the author acts, if not for himself.
    pub on_behalf_of: Option<IdentityId>,
    /// `H("mandate-id", ..)` of the mandate that allows it.
    pub mandate: Option<Digest>,
    /// The author's role when writing, in words; proof is an attestation, not this.
    pub role_at_time: Option<Text>,
    /// When what it tells was so.
    pub effective: Option<Instant>,
    /// When it was written down, by the author's own clock.
    pub recorded: Instant,
    /// Where it stands.
    pub status: Status,
    /// How it relates to others, sorted, each once.
    #[serde(deserialize_with = "bounded::<{ limits::MAX_RELATIONS }, _, _>")]
    pub relates: Vec<Relation>,
    /// The compartments it lies in.
    pub scopes: Scopes,
    /// Those of them (or others) that are sensitive here: all must be granted
    /// ([`crate::scope::sharing`]).
    pub sensitivity: Scopes,
    /// Who said so.
    pub classified_by: Option<Classified>,
    /// How soon somebody must see it.
    pub attention: Attention,
    /// Names a conversation: claims, referrals, questions and answers.
    pub thread: Option<Digest>,
    /// Where an answer goes.
    pub reply_to: Option<Box<ReplyTo>>,
    /// `H("original", {salt, body})`, the salt derived from the document's seed. Set when
    /// signing.
    pub body_hash: Digest,
    /// Root of the field tree; none for plain files. Set when signing.
    pub fields_root: Option<FieldsRoot>,
    /// Attachments.
    #[serde(deserialize_with = "bounded::<{ limits::MAX_PARTS }, _, _>")]
    pub parts: Vec<Part>,
    /// What it was written or sent for.
    pub purpose: Option<Purpose>,
    /// How long it must be kept.
    pub retention: Option<Retention>,
    /// For later versions.
    pub ext: Extensions,
}

impl Header {
    /// A header with the least that a document must say; the rest is set field by field.
    pub fn new(kind: DocumentKind, format: Text, title: Text, author: IdentityId, recorded: Instant) -> Self {
        Self {
            kind,
            format,
            language: None,
            title,
            subject: None,
            author,
            on_behalf_of: None,
            mandate: None,
            role_at_time: None,
            effective: None,
            recorded,
            status: Status::Final,
            relates: Vec::new(),
            scopes: Scopes::none(),
            sensitivity: Scopes::none(),
            classified_by: None,
            attention: Attention::routine(),
            thread: None,
            reply_to: None,
            body_hash: Digest([0; 32]),
            fields_root: None,
            parts: Vec::new(),
            purpose: None,
            retention: None,
            ext: Extensions::none(),
        }
    }
}
