//! The way of a pharmacy to another hospital's ledger: through an outbox at its own hospital's relay,
//! and no other.

use std::collections::HashMap;
use std::time::Duration;

use telesphor_wire::answer::{Answer, Refusal};
use telesphor_wire::canonical;
use telesphor_wire::command::Command;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::Nonce;
use telesphor_wire::seal::SealingPublic;
use telesphor_wire::text::Domain;
use tokio::time::{Instant, timeout, timeout_at};

use crate::campaign::CampaignError;
use crate::exchange::{Asker, Outcome};
use crate::relay::Relay;

/// Whoever hears nothing for so long asks once more: the same command, in another seal.
const PATIENCE: Duration = Duration::from_secs(6);
/// Until somebody who is away is tried again.
const RETRY: Duration = Duration::from_millis(50);
/// Answers between two times at which home is told what it needs not keep.
const ACKNOWLEDGED: u32 = 32;

/// One pharmacy's.
pub(super) struct Far {
    asker: Asker,
    to: Domain,
    key: SealingPublic,
    /// One for each prescription.
    lanes: HashMap<usize, Nonce>,
    /// Requests that lie at home without an answer.
    open: Vec<Digest>,
    heard: u32,
}

impl Far {
    /// Somebody new at a hospital, who knows another one.
    ///
    /// # Errors
    /// [`CampaignError`].
    pub(super) async fn enrol(home: &Relay, to: &Domain) -> Result<Self, CampaignError> {
        let asker = Asker::enrol(home).await?;
        let key = asker.sealing(to).await?;
        Ok(Self {
            asker,
            to: to.clone(),
            key,
            lanes: HashMap::new(),
            open: Vec::new(),
            heard: 0,
        })
    }

    /// Asks, and gives what the other hospital answered; nothing, if it was not heard in time.
    pub(super) async fn call(&mut self, rx: usize, command: &Command) -> Option<Answer> {
        let until = Instant::now() + PATIENCE;
        let digest = self.put(rx, command).await?;
        loop {
            let news = timeout_at(until, self.asker.news()).await.ok()?;
            let Ok((of, outcome)) = news else {
                tokio::time::sleep(RETRY).await;
                return None;
            };
            self.open.retain(|open| *open != of);
            self.acknowledge().await;
            if of != digest {
                continue;
            }
            return match outcome {
                Outcome::Ledger(told) => Some(Answer::Ledger(told)),
                Outcome::Refused(code) => Some(Answer::Refused(Refusal::of(code))),
                Outcome::Undelivered(ErrorCode::NotSealedForThem) => {
                    self.key = self.asker.sealing(&self.to).await.ok()?;
                    None
                }
                // Nothing that a ledger says.
                Outcome::Undelivered(code) => Some(Answer::Refused(Refusal::of(code))),
                Outcome::Durable(_) | Outcome::Page(_) => {
                    Some(Answer::Refused(Refusal::of(ErrorCode::Malformed)))
                }
            };
        }
    }

    /// Asks, and does not wait for the answer.
    pub(super) async fn hang_up(&mut self, rx: usize, command: &Command, wait: Duration) {
        if self.put(rx, command).await.is_some() {
            tokio::time::sleep(wait).await;
        }
        // Whoever comes back has another connection.
        let _ = self.asker.begin().await;
    }

    /// Puts it into the outbox, and does not give up before it lies there.
    async fn put(&mut self, rx: usize, command: &Command) -> Option<Digest> {
        let lane = *self.lanes.entry(rx).or_insert_with(Nonce::random);
        let passing = self.asker.seal_in((&self.to, lane), &self.key, command).ok()?;
        let deposit = self.asker.into_outbox(canonical::encode(&passing));
        loop {
            let handed = self.asker.hand_over(passing.support, deposit.clone());
            if let Ok(Ok(Answer::Durable(_))) = timeout(PATIENCE, handed).await {
                let digest = passing.request.digest();
                self.open.push(digest);
                return Some(digest);
            }
            tokio::time::sleep(RETRY).await;
            // It may be away for a while.
            let _ = self.asker.begin().await;
        }
    }

    async fn acknowledge(&mut self) {
        self.heard += 1;
        // What is not acknowledged now is with the next.
        if self.heard >= ACKNOWLEDGED && self.open.is_empty() && self.asker.acknowledge().await.is_ok() {
            self.heard = 0;
        }
    }
}
