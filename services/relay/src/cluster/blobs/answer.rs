//! What this relay is asked of large files.

use std::sync::Arc;

use telesphor_blobs::{BlobsError, Told};
use telesphor_order::cluster::Question;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::sign::PublicKey;
use tokio::sync::{Semaphore, mpsc};

use super::word::{About, Listed, Word};
use super::{ANSWERS, Peers};

impl Peers {
    /// Takes questions until it is dropped.
    pub(super) async fn answer(self: Arc<Self>) {
        let (into, mut questions) = mpsc::channel::<Question>(ANSWERS);
        let answering = async {
            let room = Arc::new(Semaphore::new(ANSWERS));
            while let Some(question) = questions.recv().await {
                let Ok(permit) = room.clone().acquire_owned().await else {
                    return;
                };
                let me = self.clone();
                let (runtime, begun) = (tokio::runtime::Handle::current(), me.clone());
                // It runs from here on, whether or not anybody waits for its end.
                drop(tokio::task::spawn_blocking(move || {
                    let _permit = permit;
                    if let Some((answer, wanted)) = me.answered(&question.bytes) {
                        (question.reply)(answer);
                        for (from, address) in wanted {
                            runtime.spawn(begun.clone().pull(address, Some(from)));
                        }
                    }
                }));
            }
        };
        tokio::join!(self.nats.asked_of_blobs(into), answering);
    }

    /// The answer, and what is to be pulled from whom.
    fn answered(&self, bytes: &[u8]) -> Option<(bytes::Bytes, Vec<(PublicKey, Digest)>)> {
        let Word {
            from,
            question,
            about,
            ..
        } = Word::read(bytes, self.cluster, &self.me())?;
        // Who has lost its seat may neither tell nor ask.
        if !self.others().contains(&from) {
            return None;
        }
        let mut wanted = Vec::new();
        let answer = match about {
            About::Tell(cards) => Ok(About::Stand(self.take_over(from, cards, &mut wanted))),
            About::List(after) => {
                let after = (after != Digest([0; 32])).then_some(after);
                self.blobs.cards(after).map(About::Cards)
            }
            About::Card(address) => {
                let card = self.blobs.card(&address);
                card.map(|card| About::Cards(card.map(|card| (address, card)).into_iter().collect()))
            }
            About::Hashes(address) => self
                .blobs
                .list(&address)
                .map(|list| About::Listing((list.length(), telesphor_wire::bytes::Bytes(list.to_bytes())))),
            About::Chunk((address, length, index)) => self
                .blobs
                .chunk(&address, length, index)
                .map(|chunk| About::Bytes(telesphor_wire::bytes::Bytes(chunk))),
            // An answer is no question.
            About::Stand(_) | About::Cards(_) | About::Listing(_) | About::Bytes(_) | About::Nothing(_) => {
                return None;
            }
        };
        let answer = answer.unwrap_or_else(|error| {
            if !matches!(error, BlobsError::Absent) {
                tracing::warn!(code = %error.code(), "a file could not be given to another relay");
            }
            About::Nothing(Extensions::none())
        });
        Some((self.word(from, question, answer), wanted))
    }

    /// Takes cards over; gives which of them stand here.
    fn take_over(
        &self,
        from: PublicKey,
        cards: Vec<Listed>,
        wanted: &mut Vec<(PublicKey, Digest)>,
    ) -> Vec<Digest> {
        let mut stand = Vec::new();
        for (address, card) in cards {
            match self.blobs.told(address, &card) {
                Ok(Told::Stands) => stand.push(address),
                Ok(Told::Wanted) => wanted.push((from, address)),
                Err(error) => {
                    tracing::error!(code = %error.code(), "what another relay said of a file could not be kept");
                }
            }
        }
        stand
    }
}
