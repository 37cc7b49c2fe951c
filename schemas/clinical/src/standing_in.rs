//! Standing in for somebody: what the programs of a mandate's holder and of the one he acts for
//! tell each other, in the conversation of the two.
//!
//! The mandate itself travels as a proof, with the histories and the status list that prove it.
//! What stands here is what follows from it.

use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::ext::{Extension, Extensions};
use telesphor_wire::hash::{Digest, hash};
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};
use telesphor_wire::labels::{HashLabel, SignLabel};
use telesphor_wire::sign::{PublicKey, Signature, Signed};
use telesphor_wire::text::Domain;

use crate::grant::SignedGrant;
use crate::instant::Instant;
use crate::limits::MAX_LIST;
use crate::receipt::{OpeningReceipt, SignedReceipt};
use crate::scope::Scopes;
use crate::self_entry::{GrantEnded, OwnerKeyEntry};
use crate::text::{Text, bounded};

/// Extension of an opening receipt: for whom it was opened, and by which mandate.
pub const ON_BEHALF_EXTENSION: u32 = 1;

/// For whom somebody acts, and what allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnBehalf {
    /// For whom.
    pub subject: IdentityId,
    /// `H("mandate-id", ..)`.
    pub mandate: Digest,
}

impl OnBehalf {
    /// As it stands in a receipt. Whoever does not know it still knows who opened.
    pub fn extension(&self) -> Extension {
        Extension {
            id: ON_BEHALF_EXTENSION,
            critical: false,
            body: Bytes(canonical::encode(self)),
        }
    }

    /// What a receipt says of it.
    pub fn of(receipt: &OpeningReceipt) -> Option<Self> {
        let said = receipt.ext.get(ON_BEHALF_EXTENSION)?;
        canonical::decode(&said.body).ok()
    }
}

crate::open_tagged! {
    /// One word under a mandate. Kinds of newer versions are kept.
    pub enum MandateWord {
        /// Who can see what of the record, as far as the mandate reaches: to the holder.
        1 => Who(MandateWho),
        /// What happened with the record, as far as the mandate reaches: to the holder.
        2 => Log(MandateLog),
        /// The holder has granted something: to the one he acts for.
        3 => Acted(Box<MandateAct>),
        /// The owner keys of a room that the holder opened: to the one he acts for, who can end
        /// it by them with every device of the holder's switched off.
        4 => Owner(OwnerKeyEntry),
        /// The holder asks for something that only a device of the other's can do.
        5 => Request(Box<SignedMandateRequest>),
        /// What became of it.
        6 => Answer(MandateAnswer),
        /// A grant that the holder gave was ended: to the holder.
        7 => Over(GrantEnded),
        /// What the reader of a room that the holder opened says: to the one he acts for.
        8 => Read(Box<SignedReceipt>),
    }
}

/// Who can see what of a record, as far as a mandate reaches. The newest word counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MandateWho {
    /// `H("mandate-id", ..)`.
    pub mandate: Digest,
    /// When it was so.
    pub at: Instant,
    /// The lines.
    #[serde(deserialize_with = "bounded::<{ MAX_LIST }, _, _>")]
    pub lines: Vec<WhoLine>,
}

/// One document, and one who can see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhoLine {
    /// Which document.
    pub document: DocumentId,
    /// Who can see it.
    pub to: IdentityId,
    /// By which name the one acted for knows him.
    pub name: Text,
    /// Until when, Unix milliseconds.
    pub until: Option<u64>,
    /// It was given for good.
    pub given: bool,
    /// What for; left out if the grant reaches beyond the mandate.
    pub why: Option<Text>,
    /// When it was last opened, Unix milliseconds.
    pub opened: Option<u64>,
    /// When it was ended, Unix milliseconds.
    pub revoked: Option<u64>,
}

/// What happened with a record, as far as a mandate reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MandateLog {
    /// `H("mandate-id", ..)`.
    pub mandate: Digest,
    /// The lines.
    #[serde(deserialize_with = "bounded::<{ MAX_LIST }, _, _>")]
    pub lines: Vec<LogEntry>,
}

/// One line of an access log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// When, Unix milliseconds.
    pub at: u64,
    /// Who, if that is known.
    pub who: Option<IdentityId>,
    /// By which name the one acted for knows him.
    pub name: Text,
    /// What happened, as a word: opened, fetched, ...
    pub what: Text,
    /// In words.
    pub words: Text,
    /// Which document.
    pub document: DocumentId,
}

/// A grant that the holder of a mandate gave, and the room that carries it out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MandateAct {
    /// The grant, in the holder's hand and in the name of the one he acts for.
    pub grant: SignedGrant,
    /// The room.
    pub mailbox: MailboxId,
    /// Where it lives.
    pub domain: Domain,
    /// What proves who the reader is (canonical bytes of the identity crate's proofs).
    pub reader: Bytes,
    /// By which name the holder knows the reader.
    pub name: Text,
    /// For later versions.
    pub ext: Extensions,
}

telesphor_wire::tagged! {
    /// What a holder asks for.
    pub enum MandateAsk {
        /// End what somebody is shown.
        1 => Revoke(RevokeAsk),
    }
}

/// Which grants are to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokeAsk {
    /// Whose looking.
    pub to: IdentityId,
    /// Only of documents in one of these scopes; empty with no document named: of all.
    pub scopes: Scopes,
    /// Only of these.
    #[serde(deserialize_with = "bounded::<{ MAX_LIST }, _, _>")]
    pub documents: Vec<DocumentId>,
}

/// What the holder of a mandate asks a device of the other's to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MandateRequest {
    /// [`crate::limits::VERSION`].
    pub version: u16,
    /// For whom.
    pub subject: IdentityId,
    /// Who asks.
    pub by: IdentityId,
    /// His history as it stood.
    pub head: Digest,
    /// The endpoint whose key signs.
    pub endpoint: PublicKey,
    /// `H("mandate-id", ..)`.
    pub mandate: Digest,
    /// What.
    pub ask: MandateAsk,
    /// When it was asked.
    pub at: Instant,
    /// When it is too late, Unix milliseconds.
    pub not_after: u64,
    /// Makes two equal requests two.
    pub random: Digest,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for MandateRequest {
    const LABEL: SignLabel = SignLabel::MandateRequest;
}

impl MandateRequest {
    /// `H("mandate-request-id", request)`.
    pub fn id(&self) -> Digest {
        hash(HashLabel::MandateRequestId, self)
    }
}

/// A signed [`MandateRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedMandateRequest {
    /// What is signed.
    pub request: MandateRequest,
    /// By `request.endpoint`.
    pub signature: Signature,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MandateAnswer {
    /// [`MandateRequest::id`].
    pub request: Digest,
    /// The stable code of why it was refused; 0: it was carried out.
    pub refused: u16,
    /// Grants that were ended, wholly or in part.
    pub grants: u32,
    /// Documents that are shown no more.
    pub documents: u32,
    /// How many of them had been opened.
    pub opened: u32,
}
