//! Until a majority has it: what a sender is told of a large file, and what is asked when it is not here.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use telesphor_blobs::card::Card;
use telesphor_blobs::{BlobsError, Told};
use telesphor_wire::hash::Digest;
use telesphor_wire::sign::PublicKey;
use tokio::time::Instant;

use super::word::About;
use super::{KNOWN, Peers};

/// A sender waits so long for a majority; then he is told that it goes on by itself, and asks again.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two questions to a relay that is still pulling, at first and at most.
const AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

impl Peers {
    /// Tells the others what is said of a blob here; `true` as soon as it stands so at a majority,
    /// `false` if that took too long. The rest is told all the same.
    ///
    /// # Errors
    /// As the disk says.
    pub(crate) async fn spread(self: &Arc<Self>, address: Digest) -> Result<bool, BlobsError> {
        let Some(card) = self.card(address).await? else {
            return Ok(false);
        };
        if self.settled().get(&address) == Some(&card) {
            return Ok(true);
        }
        let until = Instant::now() + PATIENCE;
        let mut asked: FuturesUnordered<_> = self
            .others()
            .into_iter()
            .map(|relay| {
                let (me, card) = (self.clone(), card.clone());
                // On its own: whoever is slow is told even when a majority has answered.
                let told = tokio::spawn(async move { me.tell(relay, address, &card, until).await });
                async { told.await.unwrap_or(false) }
            })
            .collect();
        let mut stand = 1;
        while stand < self.quorum() {
            match asked.next().await {
                Some(true) => stand += 1,
                Some(false) => {}
                None => return Ok(false),
            }
        }
        let mut settled = self.settled();
        if settled.len() >= KNOWN {
            settled.clear();
        }
        settled.insert(address, card);
        Ok(true)
    }

    /// Tells one relay until it stands there.
    async fn tell(&self, relay: PublicKey, address: Digest, card: &Card, until: Instant) -> bool {
        let mut pause = AGAIN.0;
        while Instant::now() < until {
            let told = About::Tell(vec![(address, card.clone())]);
            if let Some(About::Stand(stand)) = self.ask(relay, told).await
                && stand.contains(&address)
            {
                return true;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(AGAIN.1);
        }
        false
    }

    /// Asks the others for a blob that is not here; whether one of them has it, so that it is coming.
    ///
    /// # Errors
    /// As the disk says.
    pub(crate) async fn seek(self: &Arc<Self>, address: Digest) -> Result<bool, BlobsError> {
        let others = self.others();
        let asked = others.iter().map(|relay| self.ask(*relay, About::Card(address)));
        let answers = futures_util::future::join_all(asked).await;
        let mut coming = false;
        for (relay, answer) in others.iter().zip(answers) {
            let Some(About::Cards(cards)) = answer else {
                continue;
            };
            for (_, card) in cards.into_iter().filter(|(of, _)| *of == address) {
                coming |= self.take(*relay, address, card).await?;
            }
        }
        Ok(coming)
    }

    /// Has a blob that the disk has damaged come again from the others.
    pub(crate) fn mend(self: Arc<Self>, address: Digest) {
        tokio::spawn(async move {
            // What fails is tried again when cards are compared next.
            drop(self.seek(address).await);
        });
    }

    /// Takes over one card of another relay; whether the blob is coming.
    pub(super) async fn take(
        self: &Arc<Self>,
        from: PublicKey,
        address: Digest,
        card: Card,
    ) -> Result<bool, BlobsError> {
        let blobs = self.blobs.clone();
        let told = tokio::task::spawn_blocking(move || blobs.told(address, &card));
        let wanted = matches!(told.await.unwrap_or(Err(BlobsError::Absent))?, Told::Wanted);
        if wanted {
            tokio::spawn(self.clone().pull(address, Some(from)));
        }
        Ok(wanted)
    }

    pub(super) async fn card(&self, address: Digest) -> Result<Option<Card>, BlobsError> {
        let blobs = self.blobs.clone();
        let card = tokio::task::spawn_blocking(move || blobs.card(&address));
        card.await.unwrap_or(Err(BlobsError::Absent))
    }
}
