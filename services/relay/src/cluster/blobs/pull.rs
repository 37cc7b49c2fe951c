//! A blob comes from other relays. Every chunk is checked here; one that is wrong, or a relay that
//! falls silent, only means that the next one is asked.

use std::sync::Arc;

use telesphor_blobs::BlobsError;
use telesphor_blobs::pull::Pull;
use telesphor_wire::blob::tree::ChunkHashes;
use telesphor_wire::hash::Digest;
use telesphor_wire::sign::PublicKey;

use super::Peers;
use super::word::About;

/// Chunks that are asked for ahead of the one that is written.
const AHEAD: u64 = 4;

impl Peers {
    /// Pulls a blob that is wanted, first from whoever told of it. What fails is tried again when
    /// cards are compared next.
    pub(super) async fn pull(self: Arc<Self>, address: Digest, first: Option<PublicKey>) {
        // Taken before it waits for its turn: whoever wants it meanwhile, each time that cards are
        // compared, finds it taken and does not wait beside it.
        let Some(pull) = self.blobs.pull(address) else {
            return;
        };
        let Ok(_permit) = self.pulls.clone().acquire_owned().await else {
            return;
        };
        let mut from = self.others();
        from.sort_by_key(|relay| Some(*relay) != first);
        if let Err(error) = self.whole(pull, &from).await
            && !matches!(error, BlobsError::Absent)
        {
            tracing::error!(code = %error.code(), "a file could not be taken over from another relay; it is tried again");
        }
    }

    async fn whole(&self, mut pull: Pull, from: &[PublicKey]) -> Result<(), BlobsError> {
        let list = self.list(pull.address(), from).await.ok_or(BlobsError::Absent)?;
        let length = list.length();
        pull = blocking(move || pull.begin(list).map(|()| pull)).await?;
        while let Some(next) = pull.next() {
            let count = pull.list().map_or(0, ChunkHashes::count);
            let ahead = (next..count.min(next + AHEAD)).map(|index| self.chunk(&pull, length, index, from));
            for chunk in futures_util::future::join_all(ahead).await {
                let chunk = chunk.ok_or(BlobsError::Absent)?;
                pull = blocking(move || pull.put(&chunk).map(|()| pull)).await?;
            }
        }
        blocking(move || pull.finish()).await
    }

    async fn list(&self, address: Digest, from: &[PublicKey]) -> Option<ChunkHashes> {
        for relay in from {
            if let Some(About::Listing((length, list))) = self.ask(*relay, About::Hashes(address)).await
                && let Ok(list) = ChunkHashes::from_bytes(length, &address, &list.0)
            {
                return Some(list);
            }
        }
        None
    }

    /// A chunk that is right, from the first relay that gives it.
    async fn chunk(&self, pull: &Pull, length: u64, index: u64, from: &[PublicKey]) -> Option<Vec<u8>> {
        for relay in from {
            let asked = About::Chunk((pull.address(), length, index));
            if let Some(About::Bytes(chunk)) = self.ask(*relay, asked).await
                && pull.list().is_some_and(|list| list.fits(index, &chunk.0))
            {
                return Some(chunk.0);
            }
        }
        None
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobsError> + Send + 'static,
) -> Result<T, BlobsError> {
    // The only errors are those of a runtime that is going down.
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or(Err(BlobsError::Absent))
}
