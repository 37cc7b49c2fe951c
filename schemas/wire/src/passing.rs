//! What the relays of a cluster pass on to each other for mailboxes that not all of them keep.
//!
//! A client's connection stays where it came in; that relay asks one that keeps the mailbox, each
//! question by itself, so that the next one can be asked if there is no answer. NATS may repeat, lose
//! and invent: a word counts if a relay of the cluster signed it for this one, and an answer if it
//! names the question. What a right rests on goes along as it was shown ([`Shown`]), so that whoever keeps
//! a mailbox believes the client and not the relay in between.

use serde::{Deserialize, Serialize};

use crate::answer::{Answer, Refusal};
use crate::bytes::Bytes;
use crate::canonical;
use crate::command::Command;
use crate::ext::Extensions;
use crate::hash::Digest;
use crate::ids::{Incarnation, MailboxId, Nonce, PartitionId};
use crate::labels::SignLabel;
use crate::limits::{MAX_CALLS_PER_FRAME, MAX_EVENTS_PER_FRAME, MAX_PASSED_NEWS, MAX_PASSED_WORD_BYTES};
use crate::list;
use crate::mailbox::{Cursor, Event};
use crate::records::RecordsPage;
use crate::seal::SealingPublic;
use crate::session::SessionProof;
use crate::sign::{PublicKey, Signature, Signed, SigningKey};
use crate::text::SupportCode;

/// A proof, and what it was bound to at the relay that it was shown to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// What it is bound to.
    pub bound: Bound,
    /// As the client made it.
    pub proof: SessionProof,
}

tagged! {
    /// What a proof is bound to. The relay and the domain are those of the word it stands in.
    pub enum Bound {
        /// A connection with the relay that passes it on.
        1 => Here(BoundHere),
        /// A request that another domain passed on.
        2 => Forwarded(BoundForwarded),
    }
}

/// A connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundHere {
    /// Its TLS exporter value.
    pub channel_binding: Nonce,
    /// The relay's nonce: whether it was still good is for that relay to say.
    pub relay_nonce: Nonce,
    /// The client's.
    pub agent_nonce: Nonce,
    /// Of a single call, what it was.
    pub body: Option<Digest>,
}

/// A forwarded request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundForwarded {
    /// The key of its answer.
    pub reply: SealingPublic,
    /// Its end.
    pub not_after: u64,
    /// The reader's nonce.
    pub agent_nonce: Nonce,
}

/// Is this right held?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskProof {
    /// The proof.
    pub shown: Shown,
    /// Whoever has not come so far in the partition does not answer.
    pub since: u64,
}

/// Commands for mailboxes of one partition, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskCalls {
    /// Proofs that they rest on.
    #[serde(deserialize_with = "list::bounded::<{ MAX_CALLS_PER_FRAME }, _, _>")]
    pub shown: Vec<Shown>,
    /// The commands.
    #[serde(deserialize_with = "list::bounded::<{ MAX_CALLS_PER_FRAME }, _, _>")]
    pub calls: Vec<PassedCall>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedCall {
    /// Printed by the client.
    pub support: SupportCode,
    /// Which proof; none where the command carries its own signature.
    pub shown: Option<u16>,
    /// What to do.
    pub command: Command,
}

/// A page of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskPage {
    /// The right to it.
    pub shown: Shown,
    /// Whoever has not come so far in the partition does not answer.
    pub since: u64,
    /// Events after this one.
    pub after: u64,
    /// At most so many.
    pub max_events: u32,
    /// And so many bytes of payload; the first comes whatever its size.
    pub max_bytes: u32,
}

/// A page of delivery records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskRecords {
    /// The right to it.
    pub shown: Shown,
    /// Records after this one.
    pub after: u64,
    /// At most so many.
    pub max_records: u32,
}

/// May this be done with a large file in the mailbox now?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskFile {
    /// The right to it.
    pub shown: Shown,
    /// What.
    pub act: FileAct,
}

tagged! {
    /// What is done with a large file.
    pub enum FileAct {
        /// Read it; it stands there since then, Unix milliseconds.
        1 => Fetch(u64),
        /// Show it.
        2 => Show(Extensions),
        /// Keep it.
        3 => Keep(Extensions),
        /// Take it out; whether the mailbox keeps it.
        4 => Detach(bool),
        /// Nothing: how much may be kept.
        5 => Quota(Extensions),
    }
}

/// Is the time of a large file over that stands in a mailbox since then?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskOver {
    /// Where.
    pub mailbox: MailboxId,
    /// Unix milliseconds.
    pub since: u64,
}

/// A partition as a whole, for a relay that is to keep it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskCopy {
    /// Which.
    pub partition: PartitionId,
    /// Drawn for one copy: all of its pages are of one moment.
    pub copy: Nonce,
    /// Which page, from 0; the last one may be asked for again.
    pub page: u64,
}

/// One page of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GotCopy {
    /// Records: the number of their family, key and value.
    pub rows: Vec<(u8, Bytes, Bytes)>,
    /// With the last page: where the partition stands there, and what its keeper stands by in it.
    pub end: Option<(Bytes, Bytes)>,
}

/// The right is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Where the mailbox stands.
    pub head: Cursor,
    /// The owner's last counter.
    pub counter: u64,
    /// How far the partition had come there.
    pub position: u64,
}

/// A page of events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GotPage {
    /// In order, without gaps.
    #[serde(deserialize_with = "list::bounded::<{ MAX_EVENTS_PER_FRAME }, _, _>")]
    pub events: Vec<Event>,
    /// Where the mailbox stands.
    pub head: Cursor,
    /// Where the reader stands after them.
    pub after: u64,
    /// Whether more is there already.
    pub more: bool,
    /// The right ends with these events.
    pub over: Option<Refusal>,
    /// How far the partition had come there.
    pub position: u64,
}

tagged! {
    /// What a word is about: questions, then answers.
    pub enum About {
        /// Is this right held?
        1 => Proof(Box<AskProof>),
        /// Carry these out.
        2 => Calls(AskCalls),
        /// Events.
        3 => Page(Box<AskPage>),
        /// Delivery records.
        4 => Records(Box<AskRecords>),
        /// A large file.
        5 => File(Box<AskFile>),
        /// Whether a large file's time is over.
        6 => Over(AskOver),
        /// A partition as a whole.
        7 => Copy(AskCopy),
        /// Answer to 1.
        33 => Held(Held),
        /// Answer to 2, one for each.
        34 => Answers(Vec<Answer>) at most MAX_CALLS_PER_FRAME,
        /// Answer to 3.
        35 => Events(Box<GotPage>),
        /// Answer to 4.
        36 => Recorded(Box<RecordsPage>),
        /// Answer to 5: it may be done, and so many bytes of large files may be kept.
        37 => Allowed(u64),
        /// Answer to 6.
        38 => IsOver(bool),
        /// The refusal that the client is told.
        39 => Refused(Refusal),
        /// Not by this relay: it does not keep the partition, or not up to there yet. Another one is asked.
        40 => Elsewhere(Extensions),
        /// Too much at once; the same again after so many milliseconds.
        41 => Busy(u64),
        /// Answer to 7.
        42 => Copied(Box<GotCopy>),
    }
}

/// One word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedWord {
    /// The cluster's history: two clusters on one NATS do not meet.
    pub cluster: Incarnation,
    /// Which relay says it.
    pub from: PublicKey,
    /// To which.
    pub to: PublicKey,
    /// Drawn for a question, and repeated in its answer.
    pub question: Nonce,
    /// What.
    pub about: About,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for PassedWord {
    const LABEL: SignLabel = SignLabel::PassedWord;
}

#[derive(Serialize, Deserialize)]
struct SignedWord {
    word: PassedWord,
    signature: Signature,
}

impl PassedWord {
    /// Its bytes, signed by whom it is from.
    pub fn signed(self, key: &SigningKey) -> Vec<u8> {
        let signature = key.sign(&self);
        canonical::encode(&SignedWord {
            word: self,
            signature,
        })
    }

    /// A word to `me` of the cluster, by whom it says; whether he belongs to it is the caller's to look up.
    pub fn read(bytes: &[u8], cluster: Incarnation, me: &PublicKey) -> Option<Self> {
        let SignedWord { word, signature } = canonical::decode_bounded(bytes, MAX_PASSED_WORD_BYTES).ok()?;
        let meant = word.cluster == cluster && word.to == *me && word.ext.check(&[]).is_ok();
        (meant && word.from.verify(&word, &signature).is_ok()).then_some(word)
    }
}

/// That mailboxes have new events: said by whoever keeps them to all who do not. Nobody believes more of it
/// than that it is worth looking, so it is not signed; what is lost shows in the count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// Whose.
    pub from: PublicKey,
    /// Of which partition.
    pub partition: PartitionId,
    /// Drawn when the relay started.
    pub life: u64,
    /// Counts what it has said of the partition in this life; said again where there is nothing new.
    pub count: u64,
    /// Mailboxes with their last events.
    #[serde(deserialize_with = "list::bounded::<{ MAX_PASSED_NEWS }, _, _>")]
    pub fresh: Vec<(MailboxId, u64)>,
}

impl News {
    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::encode(self)
    }

    /// Reads them.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        canonical::decode_bounded(bytes, MAX_PASSED_NEWS * 48 + 256).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    #[test]
    fn a_word_to_somebody_else_or_by_nobody_is_read() {
        let (key, me) = (SigningKey::generate(), SigningKey::generate().public());
        let cluster = Incarnation([3; 32]);
        let word = PassedWord {
            cluster,
            from: key.public(),
            to: me,
            question: Nonce([4; 32]),
            about: About::Refused(ErrorCode::Refused.into()),
            ext: Extensions::none(),
        };
        let bytes = word.clone().signed(&key);
        let read = |bytes: &[u8], cluster, me: &PublicKey| PassedWord::read(bytes, cluster, me);
        assert_eq!(read(&bytes, cluster, &me), Some(word.clone()));
        assert_eq!(read(&bytes, cluster, &key.public()), None);
        assert_eq!(read(&bytes, Incarnation([9; 32]), &me), None);
        let mut changed = bytes.clone();
        let last = changed.len() - 1;
        changed[last] ^= 1;
        assert_eq!(read(&changed, cluster, &me), None);
        let forged = word.signed(&SigningKey::generate());
        assert_eq!(read(&forged, cluster, &me), None, "by another key than it says");
        for cut in 0..bytes.len() {
            assert_eq!(read(&bytes[..cut], cluster, &me), None);
        }
    }

    #[test]
    fn news_that_are_none_are_read() {
        let news = News {
            from: PublicKey([1; 32]),
            partition: PartitionId(3),
            life: u64::MAX,
            count: u64::MAX,
            fresh: vec![(MailboxId([9; 32]), u64::MAX); MAX_PASSED_NEWS],
        };
        let bytes = news.to_bytes();
        assert_eq!(News::read(&bytes), Some(news));
        assert_eq!(News::read(&bytes[..bytes.len() - 1]), None);
    }
}
