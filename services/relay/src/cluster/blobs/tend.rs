//! Keeping up: cards are compared with every other relay, so that what was missed while one of them
//! was away, or damaged on a disk, is made good.

use std::sync::Arc;
use std::time::Duration;

use telesphor_blobs::BlobsError;
use telesphor_wire::hash::Digest;
use telesphor_wire::sign::PublicKey;

use super::Peers;
use super::word::About;

/// Between two comparisons.
const EVERY: Duration = Duration::from_secs(60);
/// After one that did not come to its end.
const SOON: Duration = Duration::from_secs(5);

impl Peers {
    /// Runs until it is dropped.
    pub(super) async fn tend(self: Arc<Self>) {
        loop {
            let mut all = true;
            for relay in self.others() {
                all &= self.compare(relay).await.unwrap_or_else(|error| {
                    tracing::error!(code = %error.code(), "files could not be compared with another relay's");
                    false
                });
            }
            tokio::time::sleep(if all { EVERY } else { SOON }).await;
        }
    }

    /// Takes over whatever another relay says later than this one; whether it answered to the end.
    async fn compare(self: &Arc<Self>, relay: PublicKey) -> Result<bool, BlobsError> {
        let mut after = Digest([0; 32]);
        loop {
            let Some(About::Cards(cards)) = self.ask(relay, About::List(after)).await else {
                return Ok(false);
            };
            let Some((last, _)) = cards.last() else {
                return Ok(true);
            };
            // A relay that goes round in circles is not followed.
            if *last <= after {
                return Ok(false);
            }
            after = *last;
            let damaged = self.blobs.damaged();
            for (address, card) in cards {
                if damaged.contains(&address)
                    || self.card(address).await.ok().flatten().as_ref() != Some(&card)
                {
                    self.take(relay, address, card).await?;
                }
            }
        }
    }
}
