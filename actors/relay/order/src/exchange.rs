//! The road between domains: words go from one to the other over NATS, at most once, and nothing
//! that is said here is believed without the signature in it.
//!
//! ```text
//! subject  tel.exchange.<to>.<from>.ask       asks: one relay of the domain takes each
//!          tel.exchange.<to>.<from>.answer    answers: all relays of the domain hear them
//! ```
//!
//! A domain stands in it with `_` for each dot of its name. The subjects cross between the two NATS
//! systems by leaf nodes (`ops/nats`); while they are cut, what is said is lost, and said again
//! by whoever waits for an answer.

use async_nats::Client;
use async_nats::connection::State;
use bytes::Bytes;
use futures_util::StreamExt;
use telesphor_wire::text::Domain;
use tokio::sync::mpsc;

/// Relays of one domain share what is asked.
const SHARED: &str = "relays";
/// Between two tries to listen.
const AGAIN: std::time::Duration = std::time::Duration::from_millis(200);

/// Which way a word goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It wants something.
    Ask,
    /// It answers.
    Answer,
}

/// The road, as one domain uses it.
pub struct Road {
    client: Client,
    me: String,
}

impl Road {
    /// Over a connection.
    pub fn new(client: Client, me: &Domain) -> Self {
        Self {
            client,
            me: token(me),
        }
    }

    /// Whether a server is reached. That says nothing of the other domain's.
    pub fn connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Says a word to a domain, at most once.
    pub async fn say(&self, to: &Domain, way: Way, word: Vec<u8>) {
        let subject = format!("tel.exchange.{}.{}.{}", token(to), self.me, way.word());
        // Whoever waits for an answer says it again.
        let _ = self.client.publish(subject, Bytes::from(word)).await;
    }

    /// Hands on what is said to this domain, as long as somebody takes it. Comes back by itself
    /// with the connection.
    pub async fn hear(&self, way: Way, into: mpsc::Sender<Bytes>) {
        let subject = format!("tel.exchange.{}.*.{}", self.me, way.word());
        let mut heard = loop {
            let listening = match way {
                Way::Ask => {
                    self.client
                        .queue_subscribe(subject.clone(), SHARED.to_owned())
                        .await
                }
                Way::Answer => self.client.subscribe(subject.clone()).await,
            };
            match listening {
                Ok(subscriber) => break subscriber,
                Err(_) => tokio::time::sleep(AGAIN).await,
            }
        };
        while let Some(message) = heard.next().await {
            if into.send(message.payload).await.is_err() {
                return;
            }
        }
    }
}

impl Way {
    const fn word(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Answer => "answer",
        }
    }
}

/// A domain's name as one part of a subject.
pub fn token(domain: &Domain) -> String {
    domain.as_str().replace('.', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_domains_stand_at_one_place() {
        let token = |name: &str| token(&name.parse().unwrap());
        assert_eq!(token("hospital-a.example"), "hospital-a_example");
        assert_ne!(token("a.b"), token("a-b"));
    }
}
