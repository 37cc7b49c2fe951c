//! What is said about a study: from whoever takes part to its desk, between the two who add up,
//! from the study to whoever takes part, and between researcher and those who add up as contacts.

use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};
use telesphor_wire::labels::SignLabel;
use telesphor_wire::seal::SealingPublic;
use telesphor_wire::sign::{PublicKey, Signature, Signed};
use telesphor_wire::text::Domain;

use super::row::StudyRow;
use crate::instant::Instant;
use crate::text::{Text, bounded};

/// Rows of one message.
pub const MAX_ROWS: usize = 512;
/// Halves that are checked in one message.
pub const MAX_CHECKED: usize = 16;
/// People in one batch.
pub const MAX_BATCH: usize = 1024;

crate::open_tagged! {
    /// A word between contacts. Kinds of newer versions are kept.
    pub enum StudyWord {
        /// Where somebody adds up for a researcher.
        1 => Place(Box<SignedStudyPlace>),
    }
}

/// Where somebody adds up, for one study of one researcher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudyPlace {
    /// [`crate::limits::VERSION`].
    pub version: u16,
    /// Who.
    pub aggregator: IdentityId,
    /// Its history as it stood.
    pub head: Digest,
    /// Its endpoint whose key signs.
    pub endpoint: PublicKey,
    /// By which name it goes.
    pub name: Text,
    /// For whose study.
    pub researcher: IdentityId,
    /// The cluster.
    pub domain: Domain,
    /// The mailbox.
    pub mailbox: MailboxId,
    /// With which key one deposits there.
    pub deposit_seed: Secret,
    /// To whom halves are sealed.
    pub key: SealingPublic,
    /// When this was said.
    pub made: Instant,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for StudyPlace {
    const LABEL: SignLabel = SignLabel::StudyPlace;
}

/// A signed [`StudyPlace`] with what proves whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedStudyPlace {
    /// What is signed.
    pub place: StudyPlace,
    /// By `place.endpoint`.
    pub signature: Signature,
    /// About the aggregator (canonical bytes of the identity crate's proofs).
    pub proofs: Bytes,
}

crate::open_tagged! {
    /// What is deposited at a desk. Nothing in it says who deposits.
    pub enum ToStudy {
        /// Somebody takes part.
        1 => Join(Box<SignedStudyJoin>),
        /// Values.
        2 => Rows(Box<SignedStudyRows>),
        /// Somebody takes part no more.
        3 => Leave(Box<SignedStudyLeave>),
        /// One half of a number.
        4 => Share(Box<SignedStudyShare>),
        /// Between those who add up, and to whoever asked.
        5 => Sum(Box<SignedStudySum>),
    }
}

/// Where a study answers somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerAt {
    /// The cluster.
    pub domain: Domain,
    /// A mailbox for this study alone.
    pub mailbox: MailboxId,
    /// With which key the study deposits there.
    pub deposit_seed: Secret,
    /// To whom the answer is sealed.
    pub key: SealingPublic,
    /// A voucher that nobody can recognise, to be signed.
    pub blinded: Bytes,
}

/// Somebody takes part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudyJoin {
    /// [`crate::limits::VERSION`].
    pub version: u16,
    /// In which study.
    pub study: DocumentId,
    /// A key for this study alone.
    pub key: PublicKey,
    /// Where the voucher goes, if the study pays.
    pub answer: Option<AnswerAt>,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for StudyJoin {
    const LABEL: SignLabel = SignLabel::StudyJoin;
}

/// A signed [`StudyJoin`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedStudyJoin {
    /// What is signed.
    pub join: StudyJoin,
    /// By `join.key`.
    pub signature: Signature,
}

/// Values. Those of a higher number take the place of all before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudyRows {
    /// [`crate::limits::VERSION`].
    pub version: u16,
    /// For which study.
    pub study: DocumentId,
    /// Whose, by the key for this study.
    pub key: PublicKey,
    /// Which delivery, from 1.
    pub number: u32,
    /// What.
    #[serde(deserialize_with = "bounded::<{ MAX_ROWS }, _, _>")]
    pub rows: Vec<StudyRow>,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for StudyRows {
    const LABEL: SignLabel = SignLabel::Study;
}

/// A signed [`StudyRows`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedStudyRows {
    /// What is signed.
    pub said: StudyRows,
    /// By `said.key`.
    pub signature: Signature,
}

/// Somebody takes part no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudyLeave {
    /// [`crate::limits::VERSION`].
    pub version: u16,
    /// In which study.
    pub study: DocumentId,
    /// By the key for this study.
    pub key: PublicKey,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for StudyLeave {
    const LABEL: SignLabel = SignLabel::Withdrawal;
}

/// A signed [`StudyLeave`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedStudyLeave {
    /// What is signed.
    pub leave: StudyLeave,
    /// By `leave.key`.
    pub signature: Signature,
}

/// One half of a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudyShare {
    /// [`crate::limits::VERSION`].
    pub version: u16,
    /// For which study.
    pub study: DocumentId,
    /// Which of its sums, counted from 0.
    pub task: u16,
    /// Whose: a key for this one sum, so that nobody counts twice and no two sums are linked.
    pub key: PublicKey,
    /// What both halves have in common.
    pub public: Bytes,
    /// The half.
    pub half: Bytes,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for StudyShare {
    const LABEL: SignLabel = SignLabel::StudyShare;
}

/// A signed [`StudyShare`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedStudyShare {
    /// What is signed.
    pub share: StudyShare,
    /// By `share.key`.
    pub signature: Signature,
}

/// One half that is being checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Whose.
    pub key: PublicKey,
    /// What this side says of it; nothing: it is refused.
    pub message: Option<Bytes>,
}

/// Halves that are being checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checking {
    /// The secret of the two, by which halves are checked. Whoever sends halves never learns it.
    pub secret: Option<Secret>,
    /// The halves.
    #[serde(deserialize_with = "bounded::<{ MAX_CHECKED }, _, _>")]
    pub halves: Vec<Checked>,
}

/// A batch that is to be added up: the same people at both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Whose halves.
    #[serde(deserialize_with = "bounded::<{ MAX_BATCH }, _, _>")]
    pub keys: Vec<PublicKey>,
}

/// One of the two sums, with its noise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HalfSum {
    /// Of which batch: `H("study-batch", keys)`.
    pub batch: Digest,
    /// Of how many people.
    pub people: u32,
    /// The half.
    pub half: Bytes,
}

crate::open_tagged! {
    /// What those who add up say.
    pub enum SumSaid {
        /// First to second: are these good?
        1 => Check(Checking),
        /// Second to first: these are.
        2 => Checked(Checking),
        /// First to second: add these up.
        3 => Add(Batch),
        /// To the researcher.
        4 => Half(HalfSum),
    }
}

/// A word of one who adds up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudySum {
    /// [`crate::limits::VERSION`].
    pub version: u16,
    /// For which study.
    pub study: DocumentId,
    /// Which of its sums.
    pub task: u16,
    /// Who.
    pub aggregator: IdentityId,
    /// His history as it stood.
    pub head: Digest,
    /// His endpoint whose key signs.
    pub endpoint: PublicKey,
    /// What.
    pub said: SumSaid,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for StudySum {
    const LABEL: SignLabel = SignLabel::StudySum;
}

/// A signed [`StudySum`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedStudySum {
    /// What is signed.
    pub sum: StudySum,
    /// By `sum.endpoint`.
    pub signature: Signature,
}

crate::open_tagged! {
    /// What a study deposits in the mailbox of somebody who takes part.
    pub enum FromStudy {
        /// A voucher, signed without being seen.
        1 => Voucher(SignedBlind),
    }
}

/// A voucher, signed without being seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedBlind {
    /// Of which study.
    pub study: DocumentId,
    /// The signature on what was sent.
    pub signature: Bytes,
}

/// A voucher, as it is brought to whoever pays. It says of which study, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voucher {
    /// Of which study.
    pub study: DocumentId,
    /// Random.
    pub serial: Digest,
    /// Random, too (RFC 9474).
    pub noise: Digest,
    /// By the study's voucher key.
    pub signature: Bytes,
}
