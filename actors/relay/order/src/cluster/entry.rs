//! What stands in a stream, and what a member remembers of it.
//!
//! ```text
//! stream   [kind, genesis | {from, header, signature, body}]      canonical MessagePack
//! memory   {inc, link, the bytes as they stood in the stream}
//! ```

use serde::{Deserialize, Serialize};
use telesphor_wire::batch::Submission;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, hash, hash_bytes};
use telesphor_wire::labels::{HashLabel, SignLabel};
use telesphor_wire::sign::{Signature, Signed, SigningKey};

use super::limits::MAX_ENTRY_BYTES;
use super::say::{Genesis, Link, Place, Said, Seat};
use crate::member::Inc;
use crate::record::{Group, GroupId, Origin, Position};

/// What a submitter signs of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchHeader {
    /// Where.
    pub place: Place,
    /// The incarnation it was meant for: in another one it does nothing.
    pub inc: Inc<Seat>,
    /// The submitter's number for it, high half: drawn at random when it started.
    pub life: u64,
    /// Low half: counts.
    pub number: u64,
    /// The submitter's clock, Unix milliseconds.
    pub stamp: u64,
    /// `H("order-entry", body)`.
    pub body: Digest,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for BatchHeader {
    const LABEL: SignLabel = SignLabel::Batch;
}

/// What a batch carries, beside its header: hashed as bytes, parsed once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchBody {
    /// Group numbers of the submitter (both halves) with the submissions of each.
    pub origins: Vec<(u64, u64, u32)>,
    /// In their order.
    pub submissions: Vec<Submission>,
}

/// A batch as it stands in a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedBatch {
    /// Who submits it.
    pub from: Seat,
    /// What is signed.
    pub header: BatchHeader,
    /// By `from`, over the header.
    pub signature: Signature,
    /// Canonical [`BatchBody`].
    pub body: Bytes,
}

telesphor_wire::tagged! {
    /// One entry of a stream.
    pub enum Entry {
        /// Its first one.
        1 => Genesis(Box<Said<Genesis>>),
        /// Any other.
        2 => Batch(Box<SignedBatch>),
    }
}

/// A batch's number, over all relays and all their lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId {
    /// Drawn when the submitter started.
    pub life: u64,
    /// Counts.
    pub number: u64,
}

/// What an entry means to those who apply it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Commands to be decided.
    Batch {
        /// The submitter's number.
        id: BatchId,
        /// The submitter's clock.
        stamp: u64,
        /// Where the submissions came from.
        origins: Vec<Origin>,
        /// What to decide.
        submissions: Vec<Submission>,
    },
    /// The beginning of an incarnation: nothing to decide.
    Genesis(Box<Said<Genesis>>),
    /// Whatever else stands there (junk, a bad signature, another incarnation's batch): nothing
    /// to decide. Every member finds the same.
    Nothing,
}

impl Meaning {
    /// Which batch it is, if it is one.
    pub(crate) fn batch(&self) -> Option<BatchId> {
        match self {
            Self::Batch { id, .. } => Some(*id),
            Self::Genesis(_) | Self::Nothing => None,
        }
    }
}

impl BatchHeader {
    fn id(&self) -> BatchId {
        BatchId {
            life: self.life,
            number: self.number,
        }
    }
}

/// Signs groups into one entry.
pub(crate) fn seal(key: &SigningKey, place: Place, inc: Inc<Seat>, id: BatchId, groups: &[Group]) -> Vec<u8> {
    let body = BatchBody {
        origins: groups
            .iter()
            .map(|g| {
                let count = u32::try_from(g.submissions.len()).unwrap_or(u32::MAX);
                ((g.id.0 >> 64) as u64, g.id.0 as u64, count)
            })
            .collect(),
        submissions: groups
            .iter()
            .flat_map(|g| g.submissions.iter().cloned())
            .collect(),
    };
    let body = canonical::encode(&body);
    let header = BatchHeader {
        place,
        inc,
        life: id.life,
        number: id.number,
        stamp: groups.iter().map(|g| g.stamp).max().unwrap_or(0),
        body: hash_bytes(HashLabel::OrderEntry, &body),
        ext: Extensions::none(),
    };
    let about = body.len() + 512;
    let entry = Entry::Batch(Box::new(SignedBatch {
        from: key.public(),
        signature: key.sign(&header),
        header,
        body: Bytes(body),
    }));
    canonical::encode_long(&entry, about)
}

/// Reads an entry of a stream: what it means, and the hash by which the order links it. Total:
/// whatever the bytes are, every member finds the same.
///
/// `known` says of an opener whether it belongs to the cluster, `seated` of an author whether he had
/// a seat in the incarnation.
pub fn read(
    raw: &[u8],
    place: Place,
    inc: Inc<Seat>,
    known: &dyn Fn(&Seat) -> bool,
    seated: &dyn Fn(&Seat) -> bool,
) -> (Meaning, Digest) {
    let (entry, hash) = digest(raw);
    let meaning = match entry {
        None => None,
        Some((Entry::Genesis(said), _)) => {
            let good = said.what.place == place
                && said.what.genesis.inc == inc
                && said.from == inc.opener
                && known(&said.from)
                && said.what.ext.check(&[]).is_ok()
                && said.verify().is_ok();
            good.then_some(Meaning::Genesis(said))
        }
        Some((Entry::Batch(batch), body)) => batch.meaning(body, place, inc, seated),
    };
    (meaning.unwrap_or(Meaning::Nothing), hash)
}

/// The hash by which the order links an entry. It covers every byte: whoever fetches an entry by its
/// link gets what was ordered, body and all, or nothing.
pub(crate) fn entry_hash(raw: &[u8]) -> Digest {
    digest(raw).1
}

/// An entry, if it is one, with its body's hash; and the hash of all of it.
fn digest(raw: &[u8]) -> (Option<(Entry, Digest)>, Digest) {
    let Ok(entry) = canonical::decode_bounded::<Entry>(raw, MAX_ENTRY_BYTES) else {
        return (None, hash_bytes(HashLabel::OrderEntry, raw));
    };
    let (body, whole) = match &entry {
        Entry::Genesis(said) => (Digest([0; 32]), hash(HashLabel::OrderEntry, said)),
        Entry::Batch(batch) => {
            let body = hash_bytes(HashLabel::OrderEntry, &batch.body);
            let parts = (&batch.from, &batch.header, &batch.signature, body);
            (body, hash(HashLabel::OrderEntry, &parts))
        }
    };
    (Some((entry, body)), whole)
}

impl SignedBatch {
    fn meaning(
        &self,
        body: Digest,
        place: Place,
        inc: Inc<Seat>,
        seated: &dyn Fn(&Seat) -> bool,
    ) -> Option<Meaning> {
        let meant = self.header.place == place && self.header.inc == inc && seated(&self.from);
        if !meant
            || self.header.ext.check(&[]).is_err()
            || self.from.verify(&self.header, &self.signature).is_err()
            || body != self.header.body
        {
            return None;
        }
        let body: BatchBody = canonical::decode_bounded(&self.body, MAX_ENTRY_BYTES).ok()?;
        let counted: u64 = body.origins.iter().map(|(_, _, n)| u64::from(*n)).sum();
        if counted != body.submissions.len() as u64 {
            return None;
        }
        let origin = |(high, low, count): &(u64, u64, u32)| Origin {
            group: GroupId((u128::from(*high) << 64) | u128::from(*low)),
            count: *count as usize,
        };
        Some(Meaning::Batch {
            id: self.header.id(),
            stamp: self.header.stamp,
            origins: body.origins.iter().map(origin).collect(),
            submissions: body.submissions,
        })
    }
}

/// `H("order-link", {before, inc, n, entry})`.
pub fn link(before: Link, inc: Inc<Seat>, n: Position, entry: Digest) -> Link {
    hash(HashLabel::OrderLink, &(before, inc, n, entry))
}

/// An entry as a member keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The incarnation it was ordered in.
    pub inc: Inc<Seat>,
    /// What was ordered up to and with it.
    pub link: Link,
    /// As it stood in the stream.
    pub raw: Bytes,
}

impl Kept {
    pub(crate) fn encode(&self) -> Vec<u8> {
        canonical::encode_long(self, self.raw.len() + 160)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        canonical::decode_bounded(bytes, MAX_ENTRY_BYTES + 1024).ok()
    }
}
