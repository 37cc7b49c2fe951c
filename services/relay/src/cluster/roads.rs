//! The ways between relays where not every one keeps every partition, over NATS.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use telesphor_engine::{Engine, NoAnswer, Roads};
use telesphor_order::cluster::nats::Nats;
use telesphor_order::cluster::{BusError, Wanted};
use telesphor_order::member::placement;
use telesphor_wire::ids::PartitionId;
use telesphor_wire::sign::PublicKey;
use tokio::sync::{mpsc, watch};

/// News that wait to be said. What does not find room shows in the count, and is looked for.
const NEWS: usize = 4_096;
/// Between two times that it is said how much was said.
const SAY_AGAIN: Duration = Duration::from_secs(1);

/// As one relay uses them.
pub struct NatsRoads {
    nats: Arc<Nats>,
    me: PublicKey,
    wanted: watch::Receiver<Wanted>,
    news: mpsc::Sender<(PartitionId, Vec<u8>)>,
}

/// What waits to be said.
pub struct Unsaid(mpsc::Receiver<(PartitionId, Vec<u8>)>);

impl NatsRoads {
    /// Over the bus of a cluster.
    pub fn new(nats: Arc<Nats>, me: PublicKey, wanted: watch::Receiver<Wanted>) -> (Arc<Self>, Unsaid) {
        let (news, unsaid) = mpsc::channel(NEWS);
        let roads = Self {
            nats,
            me,
            wanted,
            news,
        };
        (Arc::new(roads), Unsaid(unsaid))
    }

    /// Answers the others, tells them what is new and hears it, until it is dropped.
    pub async fn run(self: Arc<Self>, engine: Engine, Unsaid(mut unsaid): Unsaid) {
        let answered = engine.clone();
        let answering = self.nats.passed_on(move |question| {
            let engine = answered.clone();
            async move { engine.passed(&question).await }
        });
        let hearing = self.nats.hear_news(|news| engine.told(&news));
        let telling = async {
            while let Some((partition, news)) = unsaid.recv().await {
                self.nats.tell_news(partition, news.into()).await;
            }
        };
        let again = async {
            loop {
                tokio::time::sleep(SAY_AGAIN).await;
                engine.say_again();
            }
        };
        tokio::join!(answering, hearing, telling, again);
    }
}

impl Roads for NatsRoads {
    fn relays(&self, partition: PartitionId) -> Vec<PublicKey> {
        let mut relays = placement::ranked(partition, &self.wanted.borrow().relays);
        relays.retain(|relay| *relay != self.me);
        relays
    }

    fn keepers(&self) -> usize {
        self.wanted.borrow().voting()
    }

    fn knows(&self, relay: &PublicKey) -> bool {
        self.wanted.borrow().relays.contains(relay)
    }

    fn is_keeper(&self, relay: &PublicKey, partition: PartitionId) -> bool {
        self.wanted.borrow().seats(partition).contains(relay)
    }

    fn ask(
        &self,
        relay: PublicKey,
        question: Vec<u8>,
        patience: Duration,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, NoAnswer>> + Send + '_>> {
        Box::pin(async move {
            match self.nats.pass_on(relay, question.into(), patience).await {
                Ok(answer) => Ok(answer.into()),
                Err(BusError::Missing) => Err(NoAnswer::Nobody),
                Err(_) => Err(NoAnswer::Late),
            }
        })
    }

    fn tell(&self, partition: PartitionId, news: Vec<u8>) {
        // Nobody waits for room.
        drop(self.news.try_send((partition, news)));
    }
}
