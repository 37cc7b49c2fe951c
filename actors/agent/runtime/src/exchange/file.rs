//! Files that stand in a shared mailbox over there: fetched a piece at a time, each by a request of its own.
//!
//! Nothing of a piece is kept here but in the file that it is written to: whoever waits for it takes it
//! from memory, and if nobody does any more it is dropped and asked for again. At home the outbox is let go
//! of every 32 MiB, since what is shared may be large and the outbox is not.

use std::sync::Arc;
use std::time::Duration;

use telesphor_vault::{Records, Table};
use telesphor_wire::blob::call::{BlobChunks, BlobName, BlobRequest};
use telesphor_wire::blob::tree::{ChunkHashes, chunk_len};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::forward::read::FileRead;
use telesphor_wire::limits::MAX_CHUNKS_FORWARDED;
use telesphor_wire::seal::SealingPublic;
use tokio::sync::mpsc;

use super::record::{FarSay, FarWish, OUT, Out};
use crate::core::records::{Entry, Job, Via};
use crate::core::{Ctx, Shared, names};
use crate::error::{Error, Result};

/// A request for a piece is worth nothing after so long, milliseconds.
pub(super) const LIFE_MS: u64 = 2 * 60_000;
/// An answer is waited for so long; then the line counts as lost.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pieces that are waited for at once; of more the oldest is waited for no more.
const WAITING: usize = 8;

/// So many events of the outbox at home are read before it is let go of: a request and an answer for each piece.
const LET_GO_EVENTS: u64 = 128;

/// What has come of a request for a piece.
pub(crate) type Came = std::result::Result<Vec<u8>, ErrorCode>;

impl crate::core::index::Index {
    /// Somebody waits for a piece from now on.
    fn wait_for_piece(&mut self, seq: u64) {
        self.pieces.insert(seq, None);
        while self.pieces.len() > WAITING {
            self.pieces.pop_first();
        }
    }

    /// A piece has come, or never will. Nothing, if nobody waits for it.
    pub(crate) fn piece_came(&mut self, seq: u64, came: Came) {
        if let Some(place) = self.pieces.get_mut(&seq) {
            *place = Some(came);
        }
    }
}

impl Ctx<'_, '_> {
    /// Asks for a piece of a file; gives the place in the outbox.
    fn ask_for_piece(&mut self, request: BlobRequest) -> Result<u64> {
        let held = self.held(&request.mailbox())?;
        let say = FarSay {
            domain: held.domain,
            mailbox: held.id,
            wish: FarWish::File(request),
        };
        self.wish(say, Job::Nothing(true), None)
    }

    /// The reading of a piece, proved for this one request.
    pub(super) fn file_reading(
        &self,
        request: &BlobRequest,
        reply: &SealingPublic,
        not_after: u64,
    ) -> Result<FileRead> {
        let (agent_nonce, proof) = self.member_proof(&request.mailbox(), reply, not_after)?;
        Ok(FileRead {
            request: request.clone(),
            agent_nonce,
            proof,
            ext: Extensions::none(),
        })
    }

    /// A piece has come. What was read of the outbox at home is let go of by and by, which needs that nothing
    /// in it still waits for an answer: what is followed is asked for anew, behind it.
    pub(super) fn piece_came(&mut self, seq: u64, piece: Vec<u8>) -> Result<()> {
        self.fx.pieces.push((seq, Ok(piece)));
        self.close_entry(seq)?;
        let Some(out) = self.get::<Out>(Table::Settings, OUT)? else {
            return Ok(());
        };
        let read = self.cursor(&out.mailbox)?.seq;
        if read.saturating_sub(out.acknowledged) < LET_GO_EVENTS {
            return Ok(());
        }
        self.follow_anew(read.saturating_sub(LET_GO_EVENTS / 2))?;
        self.tend_out()
    }

    /// Asks anew for what is followed by requests that lie before an event of the outbox.
    fn follow_anew(&mut self, before: u64) -> Result<()> {
        for (seq, bytes) in self.tx.range(Table::Outbox, names::OUTBOX, 0, usize::MAX)? {
            let entry: Entry = canonical::decode(&bytes).map_err(|_| Error::fault("outbox"))?;
            let Some(away) = self.away(seq)?.filter(|_| matches!(entry.via, Via::Passed(_))) else {
                continue;
            };
            let old = away.lies.is_some_and(|lies| lies < before);
            if old && matches!(away.say.wish, FarWish::Follow(_)) {
                self.seal_anew(seq, &away, entry, 0)?;
            }
        }
        Ok(())
    }
}

/// Files of a mailbox at another domain.
pub(crate) struct FarFiles {
    shared: Arc<Shared>,
}

impl FarFiles {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The chunk hashes of a file, which lead to its address.
    pub(crate) async fn hashes(&self, name: BlobName, length: u64) -> Result<ChunkHashes> {
        let list = self.ask(BlobRequest::Hashes(name)).await?;
        ChunkHashes::from_bytes(length, &name.address, &list).map_err(|_| ErrorCode::BlobChanged.into())
    }

    /// Gets chunks; gives those that came, one by one and in order, to `chunks`.
    pub(crate) async fn get(
        &self,
        get: BlobChunks,
        length: u64,
        chunks: mpsc::Sender<Vec<u8>>,
    ) -> Result<()> {
        let (mut from, mut left) = (get.from, get.count);
        while left > 0 {
            let count = left.min(MAX_CHUNKS_FORWARDED);
            let piece = self
                .ask(BlobRequest::Get(BlobChunks { from, count, ..get }))
                .await?;
            let mut rest = &piece[..];
            for index in (u64::from(from)..).take(usize::try_from(count).unwrap_or(0)) {
                let want = usize::try_from(chunk_len(length, index)).unwrap_or(usize::MAX);
                let Some((chunk, more)) = rest.split_at_checked(want) else {
                    // Less than was asked for: the file over there is not as long.
                    return Err(ErrorCode::BlobChanged.into());
                };
                rest = more;
                if chunks.send(chunk.to_vec()).await.is_err() {
                    return Ok(());
                }
            }
            (from, left) = (from + count, left - count);
        }
        Ok(())
    }

    async fn ask(&self, request: BlobRequest) -> Result<Vec<u8>> {
        let mut changes = self.shared.changes();
        let asking = self.shared.change(move |core| {
            let seq = core.write(|ctx| ctx.ask_for_piece(request))?;
            core.index.wait_for_piece(seq);
            Ok(seq)
        });
        let seq = asking.await?;
        let came = tokio::time::timeout(PATIENCE, async {
            loop {
                let look = self.shared.work(move |core| {
                    let there = core.index.pieces.get(&seq).is_some_and(Option::is_some);
                    Ok(there.then(|| core.index.pieces.remove(&seq)).flatten().flatten())
                });
                if let Some(came) = look.await? {
                    return Ok::<Came, Error>(came);
                }
                changes.changed().await.map_err(|_| Error::fault("pieces"))?;
            }
        });
        match came.await {
            Ok(came) => came?.map_err(of_the_road),
            Err(_) => {
                let forget = self.shared.work(move |core| {
                    core.index.pieces.remove(&seq);
                    Ok(())
                });
                forget.await?;
                Err(ErrorCode::NotDelivered.into())
            }
        }
    }
}

/// What asking again may find otherwise: the mailbox has gone on, the other hospital was away.
fn of_the_road(code: ErrorCode) -> Error {
    match code {
        ErrorCode::WrongEpoch | ErrorCode::WrongBranch | ErrorCode::Expired => ErrorCode::NotDelivered.into(),
        code => code.into(),
    }
}
