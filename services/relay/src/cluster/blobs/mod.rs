//! Large files of a cluster: each lies on a majority of its relays before its sender is told so, and
//! on all of them soon after.
//!
//! ```text
//! put at one relay  -> told to the others -> each pulls it, chunk by chunk, checks, syncs, says so
//!                   -> a majority has it: the sender's answer
//! not here          -> asked for at the others, and pulled
//! every minute      -> cards are compared with each other relay; what is missing or damaged is pulled
//! ```
//!
//! Blobs are named by what they are, so nobody needs to agree on their order; of what is said about one
//! (who keeps it, where it is shown, that it is kept no more) the later word counts
//! ([`telesphor_blobs::card`]).

mod answer;
mod pull;
mod spread;
mod tend;
mod word;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use telesphor_blobs::Blobs;
use telesphor_blobs::card::Card;
use telesphor_order::cluster::Wanted;
use telesphor_order::cluster::nats::Nats;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{Incarnation, Nonce};
use telesphor_wire::sign::{PublicKey, SigningKey};
use tokio::sync::{Semaphore, watch};

use word::{About, Word};

/// Blobs that are pulled at once.
const PULLS: usize = 4;
/// Questions that are answered at once. More wait at NATS.
const ANSWERS: usize = 16;
/// Blobs of which it is remembered that a majority has them, so that nobody is asked again.
const KNOWN: usize = 4_096;

/// The other relays, as far as large files are concerned.
pub(crate) struct Peers {
    pub(crate) blobs: Arc<Blobs>,
    nats: Arc<Nats>,
    key: SigningKey,
    cluster: Incarnation,
    wanted: watch::Receiver<Wanted>,
    pulls: Arc<Semaphore>,
    /// What a majority has, as it is said there.
    settled: Mutex<HashMap<Digest, Card>>,
}

impl Peers {
    /// Over the bus of a cluster.
    pub(crate) fn new(
        blobs: Arc<Blobs>,
        nats: Arc<Nats>,
        key: SigningKey,
        cluster: Incarnation,
        wanted: watch::Receiver<Wanted>,
    ) -> Arc<Self> {
        Arc::new(Self {
            blobs,
            nats,
            key,
            cluster,
            wanted,
            pulls: Arc::new(Semaphore::new(PULLS)),
            settled: Mutex::default(),
        })
    }

    /// Answers, and keeps up with the others, until it is dropped.
    pub(crate) async fn run(self: Arc<Self>) {
        tokio::join!(self.clone().answer(), self.clone().tend());
    }

    /// No code panics while holding the lock, so a poisoned one is still whole.
    fn settled(&self) -> MutexGuard<'_, HashMap<Digest, Card>> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn me(&self) -> PublicKey {
        self.key.public()
    }

    fn others(&self) -> Vec<PublicKey> {
        let me = self.me();
        let wanted = self.wanted.borrow();
        wanted.relays.iter().copied().filter(|r| *r != me).collect()
    }

    fn quorum(&self) -> usize {
        self.wanted.borrow().relays.len() / 2 + 1
    }

    fn word(&self, to: PublicKey, question: Nonce, about: About) -> Bytes {
        Word {
            cluster: self.cluster,
            from: self.me(),
            to,
            question,
            about,
            ext: Extensions::none(),
        }
        .signed(&self.key)
    }

    /// Asks one relay; nothing if it does not answer, or not with its own word.
    async fn ask(&self, relay: PublicKey, about: About) -> Option<About> {
        let question = Nonce::random();
        let asked = self.word(relay, question, about);
        let answer = self.nats.ask_of_blobs(relay, asked).await.ok()?;
        let answer = Word::read(&answer, self.cluster, &self.me())?;
        (answer.from == relay && answer.question == question).then_some(answer.about)
    }
}
