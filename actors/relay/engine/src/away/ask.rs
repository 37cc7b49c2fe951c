//! Asking a relay that keeps a partition; if it does not answer, the next one.

use std::time::{Duration, Instant};

use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{Nonce, PartitionId};
use telesphor_wire::passing::{About, PassedWord};
use telesphor_wire::sign::PublicKey;

use super::{Away, NoAnswer, locked};
use crate::observe::Counters;

/// A keeper is waited for so long before the next one is asked, if the answer lies on its disk.
pub(super) const READ: Duration = Duration::from_secs(2);
/// And so long, if it has to be ordered first: longer than it takes to be told that it is late.
pub(super) const ORDERED: Duration = Duration::from_secs(4);
/// All of them are tried for so long.
const ALL: Duration = Duration::from_secs(6);
/// Between two rounds.
const AGAIN: Duration = Duration::from_millis(100);
/// Whoever did not answer is asked last for so long.
const SILENT: Duration = Duration::from_secs(5);

/// None of those who keep a partition answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoKeeper {
    /// Whether one of them may have heard it.
    pub(crate) heard: bool,
}

impl Away {
    /// The first answer of a relay that keeps the partition.
    pub(super) async fn ask(
        &self,
        partition: PartitionId,
        about: &About,
        patience: Duration,
    ) -> Result<About, NoKeeper> {
        Counters::add(&self.passed_on, 1);
        let until = Instant::now() + ALL;
        let mut heard = false;
        loop {
            for relay in self.order(partition) {
                match self.ask_one(relay, about.clone(), patience).await {
                    Ok(About::Elsewhere(_)) => self.not(partition, relay),
                    Ok(answer) => {
                        self.answers(partition, relay);
                        return Ok(answer);
                    }
                    Err(why) => {
                        heard |= why == NoAnswer::Late;
                        self.is_silent(partition, relay);
                    }
                }
            }
            if Instant::now() >= until {
                Counters::add(&self.unanswered, 1);
                return Err(NoKeeper { heard });
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn ask_one(&self, relay: PublicKey, about: About, patience: Duration) -> Result<About, NoAnswer> {
        let question = Nonce::random();
        let word = PassedWord {
            cluster: self.cluster,
            from: self.me,
            to: relay,
            question,
            about,
            ext: Extensions::none(),
        };
        let answer = self.roads.ask(relay, word.signed(&self.key), patience).await?;
        match PassedWord::read(&answer, self.cluster, &self.me) {
            Some(word) if word.from == relay && word.question == question => Ok(word.about),
            // Somebody else's word, or none: whether this one has heard anything nobody can say.
            _ => Err(NoAnswer::Late),
        }
    }

    /// Whom to ask first: who answered last, then those who are to keep it (each relay begins with
    /// another one), then the rest; at the end those who were silent a moment ago.
    fn order(&self, partition: PartitionId) -> Vec<PublicKey> {
        let mut relays = self.roads.relays(partition);
        let keepers = self.roads.keepers().min(relays.len());
        if keepers > 0 {
            let [a, b, ..] = self.me.0;
            let first = usize::from(u16::from_be_bytes([a, b])) % keepers;
            relays[..keepers].rotate_left(first);
        }
        let last = self.place(partition).and_then(|place| *locked(&place.last));
        let now = Instant::now();
        let mut silent = locked(&self.silent);
        silent.retain(|_, until| *until > now);
        relays.sort_by_key(|relay| (silent.contains_key(relay), Some(*relay) != last));
        relays
    }

    fn answers(&self, partition: PartitionId, relay: PublicKey) {
        if let Some(place) = self.place(partition) {
            *locked(&place.last) = Some(relay);
        }
        locked(&self.silent).remove(&relay);
    }

    fn not(&self, partition: PartitionId, relay: PublicKey) {
        if let Some(place) = self.place(partition) {
            locked(&place.last).take_if(|last| *last == relay);
        }
    }

    fn is_silent(&self, partition: PartitionId, relay: PublicKey) {
        self.not(partition, relay);
        locked(&self.silent).insert(relay, Instant::now() + SILENT);
    }
}
