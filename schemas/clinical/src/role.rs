//! Writing to a role: "cardiology on call, hospital A", whoever that is at the moment.
//!
//! A role is an identity in its organisation's custody that has no endpoints: nobody can speak as
//! it, and what is written to it is sealed to those who hold it by the roster. The organisation's
//! desk, a program that always runs, carries the letter to them and on to the next role when its
//! time has come, and can open nothing of it.

use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{DocumentId, IdentityId};
use telesphor_wire::labels::SignLabel;
use telesphor_wire::seal::{Sealed, SealingPublic};
use telesphor_wire::sign::{PublicKey, Signature, Signed};

use crate::instant::Instant;
use crate::limits::{MAX_ESCALATIONS, MAX_LIST, MAX_TEAM};
use crate::receipt::{ReceiptKind, SignedReceipt};
use crate::text::{Text, bounded};

crate::open_tagged! {
    /// One word about what is written to roles. Kinds of newer versions are kept.
    pub enum RoleWord {
        /// There is a role that one can write to: organisation to everybody who knows it.
        1 => Card(Box<SignedRoleCard>),
        /// A key for what is written to roles: member of staff to the organisation.
        2 => Key(Box<SignedRoleKey>),
        /// Somebody wants to write: to the organisation.
        3 => Ask(RoleAsk),
        /// To whom it is to be sealed: the answer.
        4 => Keys(Box<RoleKeys>),
        /// A letter: to the organisation, and on to those who hold the role.
        5 => Letter(Box<RoleLetter>),
        /// Somebody holds the role for whom the letter was not sealed: organisation to a reader.
        6 => Want(Box<RoleWant>),
        /// The letter's key for that one: reader to the organisation.
        7 => More(RoleMore),
        /// What became of a letter: reader to the organisation, and on to the sender and to the
        /// other readers.
        8 => Answer(RoleAnswer),
        /// A letter went on to its next role: organisation to the sender.
        9 => Passed(RolePassed),
        /// When a letter's document is proved to have existed: sender to the organisation, and on
        /// to the readers. It follows the letter: the relay's word comes after it.
        10 => Evidence(RoleEvidence),
    }
}

/// That a role can be written to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleCard {
    /// [`crate::limits::VERSION`].
    pub version: u16,
    /// Whose role.
    pub organisation: IdentityId,
    /// Its history as it stood.
    pub head: Digest,
    /// The endpoint whose key signs.
    pub endpoint: PublicKey,
    /// The role as the roster writes it.
    pub role: Text,
    /// The role for a person to read: "Cardiology on call".
    pub name: Text,
    /// The role's identity.
    pub identity: IdentityId,
    /// Its history (canonical bytes of the identity crate's form): in the organisation's custody.
    pub history: Bytes,
    /// When.
    pub made: Instant,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for RoleCard {
    const LABEL: SignLabel = SignLabel::RoleCard;
}

/// A signed [`RoleCard`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedRoleCard {
    /// What is signed.
    pub card: RoleCard,
    /// By `card.endpoint`.
    pub signature: Signature,
}

/// A key to which letters are sealed for one endpoint of a member of staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleKey {
    /// [`crate::limits::VERSION`].
    pub version: u16,
    /// For letters to roles of this organisation.
    pub organisation: IdentityId,
    /// Whose.
    pub person: IdentityId,
    /// That one's history as it stood.
    pub head: Digest,
    /// The endpoint that holds the private half, and whose key signs.
    pub endpoint: PublicKey,
    /// The public half.
    pub key: SealingPublic,
    /// When it was made.
    pub made: Instant,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for RoleKey {
    const LABEL: SignLabel = SignLabel::RoleKey;
}

/// A signed [`RoleKey`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedRoleKey {
    /// What is signed.
    pub key: RoleKey,
    /// By `key.endpoint`.
    pub signature: Signature,
}

/// A question: to whom is a letter to these roles to be sealed?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleAsk {
    /// The letter that waits for the answer.
    pub letter: Digest,
    /// The roles, the first one first.
    #[serde(deserialize_with = "bounded::<{ MAX_ESCALATIONS + 1 }, _, _>")]
    pub roles: Vec<IdentityId>,
    /// An earlier letter that it corrects: the keys of its readers are asked for, too.
    pub follows: Option<Digest>,
}

/// The answer: the keys of everybody who holds one of the roles, now or by a turn to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleKeys {
    /// The letter that was asked for.
    pub letter: Digest,
    /// The keys; each proves itself.
    #[serde(deserialize_with = "bounded::<{ MAX_LIST }, _, _>")]
    pub keys: Vec<SignedRoleKey>,
    /// What proves whose they are (canonical bytes of the identity crate's proofs).
    #[serde(deserialize_with = "bounded::<{ MAX_TEAM }, _, _>")]
    pub proofs: Vec<Bytes>,
}

/// One role on a letter's way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleStep {
    /// The role, as the roster writes it.
    pub role: Text,
    /// Its identity.
    pub identity: IdentityId,
    /// By when somebody must have accepted it; then it goes on to the next.
    pub by: Option<Instant>,
}

/// The letter's key, sealed for one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleCopy {
    /// For whom.
    pub person: IdentityId,
    /// For which endpoint.
    pub endpoint: PublicKey,
    /// Opens with that endpoint's role key.
    pub key: Sealed,
}

/// A letter to a role. Everything but `sealed` and `copies` is what its carrier must know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleLetter {
    /// [`crate::limits::VERSION`].
    pub version: u16,
    /// Its random name.
    pub letter: Digest,
    /// Whose roles.
    pub organisation: IdentityId,
    /// Who sends it.
    pub from: IdentityId,
    /// By which name the organisation knows the sender; its word.
    pub name: Text,
    /// The role it is to, and those it goes on to.
    #[serde(deserialize_with = "bounded::<{ MAX_ESCALATIONS + 1 }, _, _>")]
    pub steps: Vec<RoleStep>,
    /// At which of them it is; the carrier's word.
    pub at: u32,
    /// An earlier letter that this one corrects: whoever was given that one is given this one.
    pub follows: Option<Digest>,
    /// A [`RoleContent`] under the letter's key.
    pub sealed: Bytes,
    /// That key, for each reader.
    #[serde(deserialize_with = "bounded::<{ MAX_LIST }, _, _>")]
    pub copies: Vec<RoleCopy>,
    /// For later versions.
    pub ext: Extensions,
}

/// What a letter holds, under its seal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleContent {
    /// The document (canonical bytes of a signed document).
    pub document: Bytes,
    /// What proves sender and author (canonical bytes of the identity crate's proofs).
    #[serde(deserialize_with = "bounded::<{ MAX_TEAM }, _, _>")]
    pub proofs: Vec<Bytes>,
    /// The sender's word that it is meant for these roles.
    pub said: RoleSaid,
    /// By `said.endpoint`.
    pub signature: Signature,
}

/// The sender's word in a letter: a letter cannot be passed on as if meant for somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleSaid {
    /// The letter's name.
    pub letter: Digest,
    /// Whose roles.
    pub organisation: IdentityId,
    /// Who sends it.
    pub from: IdentityId,
    /// His history as it stood.
    pub head: Digest,
    /// The endpoint whose key signs.
    pub endpoint: PublicKey,
    /// The document.
    pub document: DocumentId,
    /// For which roles, and by when.
    #[serde(deserialize_with = "bounded::<{ MAX_ESCALATIONS + 1 }, _, _>")]
    pub steps: Vec<RoleStep>,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for RoleSaid {
    const LABEL: SignLabel = SignLabel::RoleLetter;
}

/// Somebody holds a letter's role for whom it was not sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleWant {
    /// The letter.
    pub letter: Digest,
    /// The keys of whoever needs it.
    #[serde(deserialize_with = "bounded::<{ MAX_LIST }, _, _>")]
    pub keys: Vec<SignedRoleKey>,
    /// What proves whose they are.
    #[serde(deserialize_with = "bounded::<{ MAX_TEAM }, _, _>")]
    pub proofs: Vec<Bytes>,
}

/// A letter's key for further readers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleMore {
    /// The letter.
    pub letter: Digest,
    /// Its key for each of them.
    #[serde(deserialize_with = "bounded::<{ MAX_LIST }, _, _>")]
    pub copies: Vec<RoleCopy>,
}

/// What became of a letter with one of its readers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleAnswer {
    /// The letter.
    pub letter: Digest,
    /// Who.
    pub person: IdentityId,
    /// At which of its steps that one was given it.
    pub step: u32,
    /// What happened: all that its carrier learns, to know whether it goes on.
    pub kind: ReceiptKind,
    /// A [`RoleReceipt`] under the letter's key.
    pub sealed: Bytes,
}

/// A reader's receipt, for the sender and the other readers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleReceipt {
    /// The receipt.
    pub receipt: SignedReceipt,
    /// What proves who signed it.
    pub proofs: Bytes,
}

/// What proves the time of a letter's document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleEvidence {
    /// The letter.
    pub letter: Digest,
    /// Under the letter's key: canonical bytes of the identity crate's form.
    pub sealed: Bytes,
}

open_coded! {
    /// Why a letter went on.
    pub enum PassedWhy {
        /// Nobody had accepted it in time.
        1 => Late "late",
        /// Everybody who was given it has declined.
        2 => Declined "declined",
    }
}

/// That a letter went on to its next role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolePassed {
    /// The letter.
    pub letter: Digest,
    /// To which of its steps.
    pub to: u32,
    /// When.
    pub at: Instant,
    /// Why.
    pub why: PassedWhy,
}

/// What a copy is sealed for beside its reader's key: it opens as nothing else.
pub fn copy_for(
    organisation: &IdentityId,
    letter: &Digest,
    person: &IdentityId,
    endpoint: &PublicKey,
) -> Vec<u8> {
    telesphor_wire::canonical::encode(&(organisation, letter, person, endpoint))
}

/// What the sealed part of a letter belongs to.
pub fn content_of(organisation: &IdentityId, letter: &Digest, from: &IdentityId) -> Vec<u8> {
    telesphor_wire::canonical::encode(&("role letter", organisation, letter, from))
}

/// What a sealed answer belongs to.
pub fn answer_of(letter: &Digest, person: &IdentityId) -> Vec<u8> {
    telesphor_wire::canonical::encode(&("role answer", letter, person))
}

/// What sealed evidence belongs to.
pub fn evidence_of(letter: &Digest) -> Vec<u8> {
    telesphor_wire::canonical::encode(&("role evidence", letter))
}
