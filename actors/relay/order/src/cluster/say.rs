//! What members say to each other. Any of it may be lost, late or repeated; none of it is
//! believed without its signature, and none of it is secret.

use serde::{Deserialize, Serialize};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{Incarnation, Nonce, PartitionId};
use telesphor_wire::labels::SignLabel;
use telesphor_wire::receipt::Attest;
use telesphor_wire::sign::{BadSignature, PublicKey, Signature, Signed, SigningKey};

use crate::member::{self, Accepted, Inc, Point};
use crate::record::Position;

/// A member, by its attesting key.
pub type Seat = PublicKey;
/// What was ordered, up to and with one entry: `H("order-link", {before, inc, n, entry})`.
pub type Link = Digest;

/// Where a statement belongs: nothing said in one place means anything in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The cluster's history, as receipts name it.
    pub cluster: Incarnation,
    /// The partition.
    pub partition: PartitionId,
}

/// A statement with its speaker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said<T> {
    /// Who says it.
    pub from: Seat,
    /// What.
    pub what: T,
    /// By `from`.
    pub signature: Signature,
}

impl<T: Signed> Said<T> {
    /// Says it.
    pub fn by(key: &SigningKey, what: T) -> Self {
        Self {
            from: key.public(),
            signature: key.sign(&what),
            what,
        }
    }

    /// Checks the speaker's signature.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self) -> Result<(), BadSignature> {
        self.from.verify(&self.what, &self.signature)
    }
}

/// "This order, up to here, is on my disk" (rule 3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Where.
    pub place: Place,
    /// In which incarnation.
    pub inc: Inc<Seat>,
    /// Up to where.
    pub at: Point<Link>,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for Vote {
    const LABEL: SignLabel = SignLabel::Vote;
}

/// "Promise me this incarnation" (rule 8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collect {
    /// Where.
    pub place: Place,
    /// Which.
    pub inc: Inc<Seat>,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for Collect {
    const LABEL: SignLabel = SignLabel::Collect;
}

/// "I follow nothing below this incarnation any more, and here my history ends" (rule 9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promised {
    /// Where.
    pub place: Place,
    /// Which.
    pub inc: Inc<Seat>,
    /// What it followed last.
    pub accepted: Accepted<Seat, Link>,
    /// Where its history ends.
    pub head: Point<Link>,
    /// Links of the entries before the head, the nearest first: where two histories part is
    /// found in them. At most [`TAIL_LINKS`].
    pub before: Vec<Link>,
    /// For later versions.
    pub ext: Extensions,
}

/// Links that a promise carries, at most. Two members of one incarnation are rarely further
/// apart than what is on its way; a longer gap is asked for link by link.
pub const TAIL_LINKS: usize = 512;

impl Signed for Promised {
    const LABEL: SignLabel = SignLabel::Promise;
}

impl Promised {
    /// The link of this history at a position, if the promise carries it.
    pub fn link(&self, n: Position) -> Option<Link> {
        match self.head.n.checked_sub(n)? {
            0 => Some(self.head.mark),
            back => self.before.get(usize::try_from(back - 1).ok()?).copied(),
        }
    }
}

/// The first entry of an incarnation (rules 11 and 12).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genesis {
    /// Where.
    pub place: Place,
    /// The edition of the cluster's record by which a seat changed hands last; 0 if none did.
    pub edition: u64,
    /// What it opens.
    pub genesis: member::Genesis<Seat, Link>,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for Genesis {
    const LABEL: SignLabel = SignLabel::OrderGenesis;
}

/// "I have started; what have you heard from me?" (rule 17).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Where.
    pub place: Place,
    /// Binds the answers to this start.
    pub nonce: Nonce,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for Hello {
    const LABEL: SignLabel = SignLabel::Hello;
}

/// The answer to a [`Hello`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// Where.
    pub place: Place,
    /// Of that hello.
    pub nonce: Nonce,
    /// The highest incarnation that the one who asks has promised, as far as is known.
    pub promised: Option<Inc<Seat>>,
    /// The highest place that it has voted for, as far as is known.
    pub voted: Option<(Inc<Seat>, Position)>,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for Heard {
    const LABEL: SignLabel = SignLabel::Heard;
}

/// What the rules made of a position: one relay's part of a receipt. Its signature stands in
/// the attestation ([`telesphor_wire::receipt::AttestStatement`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Which position.
    pub position: Position,
    /// Digest of its batch head.
    pub head: Digest,
    /// As it stands in receipts.
    pub attest: Attest,
}

telesphor_wire::tagged! {
    /// One word of a message.
    pub enum Word {
        /// An order is on a disk.
        1 => Vote(Said<Vote>),
        /// What the rules made of it.
        2 => Decided(Decided),
        /// Asking for promises.
        3 => Collect(Said<Collect>),
        /// A promise.
        4 => Promise(Box<Said<Promised>>),
        /// An incarnation was opened: its first entry, as it stands in its stream.
        5 => Opened(Box<Said<Genesis>>),
        /// A relay has started.
        6 => Hello(Said<Hello>),
        /// What was heard of it.
        7 => Heard(Said<Heard>),
    }
}

/// Words of one message, at most.
pub const MAX_WORDS: usize = 256;

/// What a member asks one other for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// Where.
    pub place: Place,
    /// The first entry wanted.
    pub from: Position,
    /// The last one.
    pub to: Position,
}
