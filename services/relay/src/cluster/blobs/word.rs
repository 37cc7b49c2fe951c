//! What relays of a cluster say to each other of large files. NATS may repeat, lose and invent: nothing
//! is believed without a signature by a relay that has a seat, and content only by its hash.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use telesphor_blobs::card::Card;
use telesphor_wire::canonical;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{Incarnation, Nonce};
use telesphor_wire::labels::SignLabel;
use telesphor_wire::sign::{PublicKey, Signature, Signed, SigningKey};
use telesphor_wire::tagged;

/// Longest word, bytes: the list of the largest file, or a page of cards, with room to spare.
pub(crate) const MAX_WORD_BYTES: usize = 768 << 10;
/// Cards in one word, at most.
const MAX_CARDS: usize = 8_192;

/// A blob and what is said of it.
pub(crate) type Listed = (Digest, Card);

tagged! {
    /// What it is about.
    pub(crate) enum About {
        /// Question: take these over; which of them stand on your disk as they say?
        1 => Tell(Vec<Listed>) at most MAX_CARDS,
        /// Question: your cards after this address (of all zeros: from the first one on).
        2 => List(Digest),
        /// Question: your card of this one.
        3 => Card(Digest),
        /// Question: the list of its chunks.
        4 => Hashes(Digest),
        /// Question: a chunk of it, of a blob of this length.
        5 => Chunk((Digest, u64, u64)),
        /// Answer to 1.
        6 => Stand(Vec<Digest>) at most MAX_CARDS,
        /// Answer to 2 and 3.
        7 => Cards(Vec<Listed>) at most MAX_CARDS,
        /// Answer to 4: length and list.
        8 => Listing((u64, telesphor_wire::bytes::Bytes)),
        /// Answer to 5.
        9 => Bytes(telesphor_wire::bytes::Bytes),
        /// It cannot be given now.
        10 => Nothing(Extensions),
    }
}

/// One word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Word {
    /// The cluster's history: two clusters on one NATS do not meet.
    pub(crate) cluster: Incarnation,
    /// Who says it.
    pub(crate) from: PublicKey,
    /// To whom.
    pub(crate) to: PublicKey,
    /// Drawn for a question, and repeated in its answer.
    pub(crate) question: Nonce,
    /// What.
    pub(crate) about: About,
    /// For later versions.
    pub(crate) ext: Extensions,
}

impl Signed for Word {
    const LABEL: SignLabel = SignLabel::BlobWord;
}

#[derive(Serialize, Deserialize)]
struct SignedWord {
    word: Word,
    signature: Signature,
}

impl Word {
    /// Its bytes, signed by whom it is from.
    pub(crate) fn signed(self, key: &SigningKey) -> Bytes {
        let signature = key.sign(&self);
        canonical::encode(&SignedWord {
            word: self,
            signature,
        })
        .into()
    }

    /// A word to `me` of the cluster, by whom it says.
    pub(crate) fn read(bytes: &[u8], cluster: Incarnation, me: &PublicKey) -> Option<Self> {
        let SignedWord { word, signature } = canonical::decode_bounded(bytes, MAX_WORD_BYTES).ok()?;
        let meant = word.cluster == cluster && word.to == *me && word.ext.check(&[]).is_ok();
        (meant && word.from.verify(&word, &signature).is_ok()).then_some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_to_somebody_else_or_by_nobody_is_not_read() {
        let (key, me) = (SigningKey::generate(), SigningKey::generate().public());
        let cluster = Incarnation([3; 32]);
        let word = Word {
            cluster,
            from: key.public(),
            to: me,
            question: Nonce([4; 32]),
            about: About::Card(Digest([5; 32])),
            ext: Extensions::none(),
        };
        let bytes = word.clone().signed(&key);
        assert_eq!(Word::read(&bytes, cluster, &me), Some(word.clone()));
        assert_eq!(Word::read(&bytes, cluster, &key.public()), None);
        assert_eq!(Word::read(&bytes, Incarnation([9; 32]), &me), None);
        let mut changed = bytes.to_vec();
        let last = changed.len() - 1;
        changed[last] ^= 1;
        assert_eq!(Word::read(&changed, cluster, &me), None);
        let forged = word.signed(&SigningKey::generate());
        assert_eq!(
            Word::read(&forged, cluster, &me),
            None,
            "by another key than it says"
        );
        for cut in 0..bytes.len() {
            assert_eq!(Word::read(&bytes[..cut], cluster, &me), None);
        }
    }
}
