//! What is said about laboratory orders: between laboratory, hospital and orderer as contacts, to
//! the laboratory's desk, and from the laboratory into the mailbox of one order.

use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::labels::SignLabel;
use telesphor_wire::seal::SealingPublic;
use telesphor_wire::sign::{PublicKey, Signature, Signed};
use telesphor_wire::text::Domain;

use super::order::{SignedLabOrder, SignedLabPass};
use super::state::LabState;
use crate::instant::Instant;
use crate::text::Text;

crate::open_tagged! {
    /// A word between contacts. Kinds of newer versions are kept.
    pub enum LabWord {
        /// Where orders go: laboratory to a hospital.
        1 => Desk(Box<LabPlace>),
        /// A pass for today is asked for: orderer to his hospital.
        2 => AskPass(LabAsk),
        /// A pass, and where orders go: hospital to an orderer.
        3 => Pass(Box<LabPassGiven>),
    }
}

/// Where a laboratory takes orders from one hospital.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabDesk {
    /// [`crate::limits::VERSION`].
    pub version: u16,
    /// Which laboratory.
    pub laboratory: IdentityId,
    /// Its history as it stood.
    pub head: Digest,
    /// Its endpoint whose key signs.
    pub endpoint: PublicKey,
    /// By which name it goes.
    pub name: Text,
    /// For which hospital.
    pub organisation: IdentityId,
    /// The cluster.
    pub domain: Domain,
    /// The mailbox.
    pub mailbox: MailboxId,
    /// With which key this hospital's people deposit there.
    pub deposit_seed: Secret,
    /// To whom orders are sealed.
    pub key: SealingPublic,
    /// When this was said.
    pub made: Instant,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for LabDesk {
    const LABEL: SignLabel = SignLabel::LabDesk;
}

/// A signed [`LabDesk`] with what proves whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabPlace {
    /// What is signed.
    pub desk: LabDesk,
    /// By `desk.endpoint`.
    pub signature: Signature,
    /// About the laboratory (canonical bytes of the identity crate's proofs).
    pub proofs: Bytes,
}

/// A pass is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabAsk {
    /// For which laboratory.
    pub laboratory: IdentityId,
}

/// A pass for a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabPassGiven {
    /// Where orders go.
    pub place: LabPlace,
    /// The hospital's word.
    pub pass: SignedLabPass,
    /// The private half of its key.
    pub seed: Secret,
}

crate::open_tagged! {
    /// What is deposited at a laboratory's desk. Nothing in it says who deposits.
    pub enum ToLab {
        /// An order.
        1 => Order(Box<SignedLabOrder>),
        /// Something about an order that went before.
        2 => News(Box<SignedLabNews>),
    }
}

open_coded! {
    /// What an orderer tells the laboratory later.
    pub enum LabNewsKind {
        /// The sample was taken.
        1 => Collected "collected",
        /// A critical value was seen and is acted on.
        2 => Acknowledged "acknowledged",
    }
}

/// Something about an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabNews {
    /// Which.
    pub order: Digest,
    /// What.
    pub kind: LabNewsKind,
    /// When.
    pub at: Instant,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for LabNews {
    const LABEL: SignLabel = SignLabel::LabNews;
}

/// A signed [`LabNews`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedLabNews {
    /// What is signed.
    pub news: LabNews,
    /// By the order's own key.
    pub signature: Signature,
}

crate::open_tagged! {
    /// What a laboratory deposits in the mailbox of an order.
    pub enum FromLab {
        /// Where the order stands.
        1 => Notice(Box<SignedLabNotice>),
        /// Values.
        2 => Result(Box<LabResult>),
        /// When a result is proved to have existed (canonical bytes of the identity crate's
        /// form). It follows the result: the relay's word comes after it.
        3 => Evidence(Bytes),
    }
}

/// The laboratory's word on where an order stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabNotice {
    /// [`crate::limits::VERSION`].
    pub version: u16,
    /// Which laboratory.
    pub laboratory: IdentityId,
    /// Its history as it stood.
    pub head: Digest,
    /// Its endpoint whose key signs.
    pub endpoint: PublicKey,
    /// The order.
    pub order: Digest,
    /// Received or rejected.
    pub state: LabState,
    /// Why it was rejected.
    pub why: Option<Text>,
    /// When.
    pub at: Instant,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for LabNotice {
    const LABEL: SignLabel = SignLabel::LabNotice;
}

/// A signed [`LabNotice`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedLabNotice {
    /// What is signed.
    pub notice: LabNotice,
    /// By `notice.endpoint`.
    pub signature: Signature,
}

/// A result on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabResult {
    /// The document (canonical bytes of a signed document), about the order's number.
    pub document: Bytes,
    /// What proves its author (canonical bytes of the identity crate's proofs).
    pub proofs: Bytes,
}
