//! What travels inside a seal: messages of a group, and deposits to one person.

use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical::{self, CanonicalError};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};
use telesphor_wire::labels::SignLabel;
use telesphor_wire::mailbox::Cursor;
use telesphor_wire::sign::{PublicKey, Signature, Signed};
use telesphor_wire::text::Domain;

use crate::blob::Carried;
use crate::contact::ContactRecord;
use crate::grant::SignedGrant;
use crate::instant::Instant;
use crate::limits;
use crate::receipt::SignedReceipt;
use crate::self_entry::{GrantEnded, SelfEntry};
use crate::stream::{SignedAssociation, SignedStreamBatch};
use crate::text::{Text, bounded};

/// A message in a group, with the head its sender had last seen: a relay that shows two
/// histories of a mailbox is found out by the members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupEnvelope {
    /// [`limits::VERSION`].
    pub version: u16,
    /// What the sender had last read of this mailbox.
    pub seen: Cursor,
    /// The message.
    pub body: GroupMessage,
    /// For later versions.
    pub ext: Extensions,
}

crate::open_tagged! {
    /// What members of a group tell each other. Kinds of newer versions are kept.
    pub enum GroupMessage {
        /// A document.
        1 => Document(Carried),
        /// What became of one.
        2 => Receipt(Box<SignedReceipt>),
        /// Under which key the sender's endpoint appears at the relay in this epoch.
        3 => Pseudonym(PseudonymAnnouncement),
        /// Heads seen of other mailboxes and of identities.
        4 => Heads(Heads),
        /// A grant that this mailbox carries out.
        5 => Grant(Box<SignedGrant>),
        /// The end of one.
        6 => GrantEnded(GrantEnded),
        /// Samples of a device.
        7 => Stream(Box<SignedStreamBatch>),
        /// A device was attached or detached.
        8 => Association(Box<SignedAssociation>),
        /// A question to the other members' programs.
        9 => Request(Request),
        /// Events of an identity's history (canonical bytes of the identity crate's form).
        10 => History(Bytes),
        /// An entry of a self mailbox.
        11 => Own(Box<SelfEntry>),
        /// Attestations and status lists about the sender (canonical bytes of the identity
        /// crate's form).
        12 => Credentials(Bytes),
        /// A new contact record, for the members of a conversation.
        13 => Contact(Box<ContactRecord>),
        /// When a document that was sent is proved to have existed (canonical bytes of the
        /// identity crate's form). It follows the document: the relay's word comes after it.
        14 => Evidence(Bytes),
        /// A word about a care team.
        20 => Team(crate::team::TeamWord),
        /// A word between somebody and the holder of a mandate for him.
        21 => Mandate(crate::standing_in::MandateWord),
        /// A word about what is written to roles.
        24 => Role(crate::role::RoleWord),
        /// A word about a prescription.
        26 => Rx(crate::rx_word::RxWord),
        /// A word about laboratory orders.
        30 => Lab(crate::lab::word::LabWord),
        /// A word about collecting what others have.
        31 => Gather(crate::collection::GatherWord),
        /// Where the files of a document lie. It follows the document once they are there.
        32 => Parts(Box<crate::blob::PartsWord>),
        /// A word about a study.
        36 => Study(crate::study::word::StudyWord),
        /// What one endpoint had to say that nobody waited for.
        37 => Papers(Papers),
    }
}

/// Messages of one sender that travel as one. Each means what it would mean alone; none of them is
/// such a bundle itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Papers {
    /// Canonical bytes of each [`GroupMessage`], in the order in which they were to be said.
    #[serde(deserialize_with = "bounded::<{ limits::MAX_PAPERS }, _, _>")]
    pub words: Vec<Bytes>,
}

impl Papers {
    /// The messages. What cannot be read, or is a bundle itself, is left out: the others do not
    /// suffer for it.
    pub fn messages(&self) -> Vec<GroupMessage> {
        let all = self.words.iter();
        let all = all.filter_map(|word| canonical::decode::<GroupMessage>(word).ok());
        all.filter(|message| !matches!(message, GroupMessage::Papers(_)))
            .collect()
    }
}

/// The key under which an endpoint appears at the relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PseudonymAnnouncement {
    /// The mailbox's branch.
    pub branch: u32,
    /// The epoch it is for.
    pub epoch: u64,
    /// Whose endpoint.
    pub identity: IdentityId,
    /// Which endpoint.
    pub endpoint: PublicKey,
    /// The key at the relay.
    pub pseudonym: PublicKey,
}

/// Heads that were seen elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heads {
    /// Of mailboxes that both sides read.
    #[serde(deserialize_with = "bounded::<{ limits::MAX_LIST }, _, _>")]
    pub mailboxes: Vec<MailboxHead>,
    /// Of identities: how many events, and the last one's hash.
    #[serde(deserialize_with = "bounded::<{ limits::MAX_LIST }, _, _>")]
    pub identities: Vec<IdentityHead>,
}

/// What was last read of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxHead {
    /// Which.
    pub mailbox: MailboxId,
    /// Where the reader stands.
    pub cursor: Cursor,
}

/// What was last seen of an identity's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityHead {
    /// Whose.
    pub identity: IdentityId,
    /// Number of the last event.
    pub n: u64,
    /// Its hash.
    pub head: Digest,
}

open_coded! {
    /// What is asked for.
    pub enum RequestKind {
        /// Send these documents again.
        1 => Documents "documents",
        /// Send the sender's history from event `from`.
        2 => History "history",
        /// Send attestations and a fresh status list.
        3 => Credentials "credentials",
        /// Prolong access.
        4 => Extend "extend",
    }
}

/// A question to other programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What is asked for.
    pub kind: RequestKind,
    /// Which documents.
    #[serde(deserialize_with = "bounded::<{ limits::MAX_LIST }, _, _>")]
    pub documents: Vec<DocumentId>,
    /// Whose history, or whose credentials.
    pub identity: Option<IdentityId>,
    /// From which event.
    pub from: u64,
    /// In words.
    pub words: Option<Text>,
}

/// A deposit's content, inside the seal and the sender's `deposit-inner` signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepositEnvelope {
    /// [`limits::VERSION`].
    pub version: u16,
    /// The message.
    pub body: DepositMessage,
    /// Heads of identities and mailboxes that both know.
    pub heads: Heads,
    /// For later versions.
    pub ext: Extensions,
}

crate::open_tagged! {
    /// What somebody puts into a personal mailbox. Kinds of newer versions are kept.
    pub enum DepositMessage {
        /// A document.
        1 => Document(Carried),
        /// What became of one.
        2 => Receipt(Box<SignedReceipt>),
        /// Where the sender can be written to.
        3 => Contact(Box<ContactRecord>),
        /// An invitation into a group.
        4 => Welcome(Box<Welcome>),
        /// That a Welcome was taken.
        5 => Joined(Joined),
        /// Events of an identity's history (canonical bytes of the identity crate's form).
        6 => History(Bytes),
        /// Attestations and status lists (canonical bytes of the identity crate's form).
        7 => Credentials(Bytes),
        /// A member says that a commit was void.
        8 => Complaint(SignedComplaint),
        /// An endpoint that lost its state asks to be added again.
        9 => Rejoin(SignedRejoin),
        /// A question to the other's program.
        10 => Request(Request),
        /// A mandate.
        11 => Mandate(Box<crate::mandate::SignedMandate>),
        /// What would be said in a conversation (canonical bytes of a [`GroupMessage`]), to
        /// somebody at another domain.
        20 => Said(Bytes),
    }
}

/// An invitation into a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The group's mailbox.
    pub mailbox: MailboxId,
    /// Where it lives.
    pub domain: Domain,
    /// What it is for, as the joiner's program keeps it.
    pub used: crate::self_entry::MailboxUse,
    /// The owner.
    pub owner: IdentityId,
    /// The mailbox's branch.
    pub branch: u32,
    /// The epoch the joiner enters.
    pub epoch: u64,
    /// From which event the joiner can read; he checks the chain from here.
    pub from: Cursor,
    /// The MLS Welcome with its ratchet tree.
    pub mls: Bytes,
    /// The grant it carries out.
    pub grant: Option<SignedGrant>,
    /// For later versions.
    pub ext: Extensions,
}

/// That a Welcome was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// The group's mailbox.
    pub mailbox: MailboxId,
    /// The epoch entered.
    pub epoch: u64,
    /// The endpoint that joined.
    pub endpoint: PublicKey,
}

open_coded! {
    /// Why a commit was void (crypto profile 4).
    pub enum VoidReason {
        /// It could not be processed.
        1 => Unprocessable "unprocessable",
        /// The access key is not the one that the commit leads to.
        2 => WrongAccessKey "wrong-access-key",
        /// The attribution does not open or names another sender.
        3 => BadAttribution "bad-attribution",
        /// The team's policy does not allow it.
        4 => NotAllowed "not-allowed",
    }
}

/// A member's word that a commit was void.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complaint {
    /// The group's mailbox.
    pub mailbox: MailboxId,
    /// Its branch.
    pub branch: u32,
    /// Position of the commit.
    pub seq: u64,
    /// `H("commit-bytes", mls)` of it.
    pub commit: Digest,
    /// Why.
    pub reason: VoidReason,
    /// Who complains.
    pub member: IdentityId,
    /// His history as it stood.
    pub head: Digest,
    /// The endpoint whose key signs.
    pub endpoint: PublicKey,
    /// When.
    pub at: Instant,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for Complaint {
    const LABEL: SignLabel = SignLabel::Complaint;
}

/// A signed [`Complaint`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedComplaint {
    /// What is signed.
    pub complaint: Complaint,
    /// By `complaint.endpoint`.
    pub signature: Signature,
}

/// An endpoint that lost its state asks to be removed and added again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejoin {
    /// The group's mailbox.
    pub mailbox: MailboxId,
    /// Who asks.
    pub member: IdentityId,
    /// His history as it stood.
    pub head: Digest,
    /// The endpoint that lost its state and whose key signs.
    pub endpoint: PublicKey,
    /// The last event it had read, if it knows.
    pub read: Option<Cursor>,
    /// When.
    pub at: Instant,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for Rejoin {
    const LABEL: SignLabel = SignLabel::RejoinRequest;
}

/// A signed [`Rejoin`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedRejoin {
    /// What is signed.
    pub request: Rejoin,
    /// By `request.endpoint`.
    pub signature: Signature,
}

macro_rules! envelope {
    ($envelope:ident, $body:ident) => {
        impl $envelope {
            /// The canonical bytes, to be sealed.
            pub fn to_bytes(&self) -> Vec<u8> {
                canonical::encode(self)
            }

            /// Reads what was opened. Unknown kinds are kept; critical extensions refused.
            ///
            /// # Errors
            /// [`MessageError`].
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, MessageError> {
                let envelope: Self = canonical::decode(bytes)?;
                if envelope.version != limits::VERSION {
                    return Err(MessageError::Version(envelope.version));
                }
                envelope.ext.check(&[])?;
                Ok(envelope)
            }
        }
    };
}

envelope!(GroupEnvelope, GroupMessage);
envelope!(DepositEnvelope, DepositMessage);

impl GroupEnvelope {
    /// A message from somebody who has read up to `seen`.
    pub fn new(seen: Cursor, body: GroupMessage) -> Self {
        Self {
            version: limits::VERSION,
            seen,
            body,
            ext: Extensions::none(),
        }
    }
}

impl DepositEnvelope {
    /// A deposit.
    pub fn new(body: DepositMessage) -> Self {
        Self {
            version: limits::VERSION,
            body,
            heads: Heads::default(),
            ext: Extensions::none(),
        }
    }
}

/// Why the content of a seal was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Not a message, or not in its one form.
    #[error("not a message: {0}")]
    Form(#[from] CanonicalError),
    /// Of a version that this program does not know.
    #[error("made by a newer version ({0})")]
    Version(u16),
    /// A critical extension is not known here.
    #[error(transparent)]
    Critical(#[from] telesphor_wire::ext::UnknownCritical),
}
