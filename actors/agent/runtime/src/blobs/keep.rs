//! One's own mailbox is to keep a blob at the relay, or no more.

use std::io::Read;
use std::sync::Arc;

use hyper::body::Bytes;
use telesphor_clinical::blob::BlobRef;
use telesphor_vault::{Records, Table};
use telesphor_wire::blob::call::{BlobAttach, BlobBegin, BlobChunks, BlobName, BlobStanding};
use telesphor_wire::blob::tree::{ChunkHashes, chunk_len};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::limits::BLOB_CHUNK_BYTES;
use tokio::sync::mpsc;

use super::shelf::{Shelf, io};
use super::task::{Facts, credential};
use crate::core::Shared;
use crate::core::records::Held;
use crate::error::{Error, Result};
use crate::link::blob::{BlobLink, CHUNKS_AHEAD};
use crate::link::{Credential, LinkError};

/// Chunks put with one call: 16 MiB, so that what a broken line costs is little.
const CHUNKS_AT_ONCE: u32 = 64;

/// Whether the relay still has, undamaged, what it kept once. If not, and all of it is here, it
/// is put again: whoever has a blob can mend it.
pub(super) async fn lies_there(link: &mut BlobLink, facts: &Facts, at: &BlobRef) -> Result<bool> {
    if !facts.shelf.has(&at.address) {
        return Ok(true);
    }
    let name = BlobName {
        mailbox: facts.own,
        address: at.address,
    };
    let answer = link.look(&facts.by_owner, name).await?;
    Ok(answer.standing.is_some_and(|standing| standing.complete))
}

/// Has one's own mailbox keep a blob; `false` if that has to wait.
pub(super) async fn keep(
    shared: &Arc<Shared>,
    link: &mut BlobLink,
    facts: &Facts,
    at: &BlobRef,
) -> Result<bool> {
    if let (Some(from), false) = (facts.state.from, facts.shelf.has(&at.address)) {
        let by = shared
            .work(move |core| {
                let held: Option<Held> = core.read()?.get_value(Table::Mailboxes, &from.0)?;
                held.map_or(Ok(None), |held| credential(core, &held))
            })
            .await?;
        let Some(by) = by else { return Ok(false) };
        let attach = BlobAttach {
            mailbox: facts.own,
            address: at.address,
            source: from,
            kept: true,
        };
        link.attach(&facts.by_owner, &by, attach).await?;
        return Ok(true);
    }
    let Some(hashes) = facts.shelf.hashes(&at.address, at.length) else {
        return Err(ErrorCode::NotFound.into());
    };
    let begin = BlobBegin {
        mailbox: facts.own,
        address: at.address,
        length: at.length,
    };
    let mut standing = stands(link.begin(&facts.by_owner, begin, &hashes).await?.standing)?;
    while !standing.complete {
        let from = u64::from(standing.have);
        let to = (from + u64::from(CHUNKS_AT_ONCE)).min(hashes.count());
        let (sender, chunks) = mpsc::channel(CHUNKS_AHEAD);
        let (shelf, listed) = (facts.shelf.clone(), hashes.clone());
        let reading = tokio::task::spawn_blocking(move || read(&shelf, &listed, from, to, &sender));
        let put = BlobChunks {
            mailbox: facts.own,
            address: at.address,
            from: standing.have,
            count: CHUNKS_AT_ONCE,
        };
        let bytes = (from..to).map(|index| chunk_len(at.length, index)).sum();
        let answered = link.put(&facts.by_owner, put, bytes, chunks).await;
        reading.await.map_err(|_| Error::fault("put"))??;
        let now = stands(answered?.standing)?;
        if now.have <= standing.have && !now.complete {
            return Err(LinkError::lost().into());
        }
        standing = now;
        tell(shared, at.address, standing).await?;
    }
    Ok(true)
}

/// Whoever waits hears how far it has come.
async fn tell(shared: &Arc<Shared>, address: Digest, standing: BlobStanding) -> Result<()> {
    let have = (u64::from(standing.have) * BLOB_CHUNK_BYTES).min(standing.length);
    shared
        .work(move |core| {
            core.index.parts_have.insert(address, (have, standing.length));
            Ok(())
        })
        .await?;
    shared.news();
    Ok(())
}

fn stands(standing: Option<BlobStanding>) -> Result<BlobStanding> {
    standing.ok_or(Error::of(ErrorCode::Malformed))
}

/// Reads chunks for one call. When nobody takes them any more, that is no fault.
fn read(shelf: &Shelf, hashes: &ChunkHashes, from: u64, to: u64, out: &mpsc::Sender<Bytes>) -> Result<()> {
    let mut file = shelf.read(&hashes.address(), from)?;
    for index in from..to {
        let length = chunk_len(hashes.length(), index);
        let mut chunk = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        (&mut file)
            .take(length)
            .read_to_end(&mut chunk)
            .map_err(|e| io(&e))?;
        if out.blocking_send(Bytes::from(chunk)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// One's own mailbox keeps a blob no more; one that it does not keep is out already.
pub(super) async fn take_out(
    link: &mut BlobLink,
    by_owner: &Credential,
    own: MailboxId,
    address: Digest,
) -> Result<()> {
    let name = BlobName {
        mailbox: own,
        address,
    };
    match link.detach(by_owner, name).await {
        Err(LinkError::Refused(refusal)) if refusal.code == ErrorCode::BlobAbsent => Ok(()),
        answered => Ok(answered.map(drop)?),
    }
}
