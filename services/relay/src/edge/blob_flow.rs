//! The bytes of blobs, on their way in and out: a few chunks ahead, never a whole file.

use std::io;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use telesphor_blobs::limits::CHUNKS_AHEAD;
use telesphor_blobs::put::Writer;
use telesphor_engine::{BlobAct, BlobRight};
use telesphor_wire::answer::Refusal;
use telesphor_wire::blob::call::{BlobChunks, BlobStanding};
use telesphor_wire::blob::tree::chunk_len;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::limits::{BLOB_CHUNK_BYTES, MAX_CHUNKS_PER_CALL};
use tokio::sync::mpsc;

use super::blob::{blocking, said};
use super::state::Edge;
use crate::clock;

/// The most that the body of one call may be, bytes.
const MAX_BODY: u64 = MAX_CHUNKS_PER_CALL as u64 * BLOB_CHUNK_BYTES;

/// A whole small body, within bounds of size and time.
pub(super) async fn small_body(
    mut body: web::Payload,
    most: usize,
    patience: Duration,
) -> Result<Vec<u8>, Refusal> {
    let reading = async {
        let mut whole = Vec::new();
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|_| Refusal::of(ErrorCode::Malformed))?;
            if whole.len() + piece.len() > most {
                return Err(Refusal::of(ErrorCode::TooLarge));
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    };
    tokio::time::timeout(patience, reading)
        .await
        .unwrap_or(Err(ErrorCode::Expired.into()))
}

/// Takes chunks in. What came before a connection broke is kept, and the next one goes on there.
pub(super) async fn take(
    edge: &web::Data<Edge>,
    asked: BlobChunks,
    mut body: web::Payload,
) -> Result<BlobStanding, Refusal> {
    let _permit = edge.blob_streams.permit(asked.mailbox)?;
    let blobs = edge.blobs.clone();
    let writer = blocking(move || {
        blobs
            .writer(asked.mailbox, asked.address, asked.from)
            .map_err(said)
    })
    .await?;
    let (sender, chunks) = mpsc::channel::<Vec<u8>>(CHUNKS_AHEAD);
    let length = writer.length();
    let writing = web::block(move || write(writer, chunks));
    let came = gather(edge, asked, length, &mut body, sender).await;
    let standing = writing.await.unwrap_or(Err(ErrorCode::Draining.into()));
    edge.metrics.blobs.came(came);
    pour_away(edge.request_timeout, &mut body).await;
    standing
}

/// Whoever still sends is read to the end of what one call may carry, or the answer would not
/// reach it.
async fn pour_away(patience: Duration, body: &mut web::Payload) {
    let mut left = MAX_BODY;
    while let Ok(Some(Ok(piece))) = tokio::time::timeout(patience, body.next()).await {
        let Some(less) = left.checked_sub(piece.len() as u64) else {
            return;
        };
        left = less;
    }
}

/// Cuts what comes into chunks. Ends with the body, with a peer that falls silent, with the room
/// on the disk, or when nothing more is taken; gives how many bytes of whole chunks came.
async fn gather(
    edge: &web::Data<Edge>,
    asked: BlobChunks,
    length: u64,
    body: &mut web::Payload,
    sender: mpsc::Sender<Vec<u8>>,
) -> u64 {
    let mut index = u64::from(asked.from);
    let end = index + u64::from(asked.count);
    let mut chunk: Vec<u8> = Vec::new();
    let mut came = 0;
    while let Ok(Some(Ok(mut piece))) = tokio::time::timeout(edge.request_timeout, body.next()).await {
        edge.room.taking(piece.len());
        if edge.room.is_short() {
            // What came stays, and the next call is told why no more was taken.
            return came;
        }
        while !piece.is_empty() {
            let want = usize::try_from(chunk_len(length, index)).unwrap_or(0);
            if index >= end || want == 0 {
                return came;
            }
            if chunk.capacity() == 0 {
                chunk.reserve_exact(want);
            }
            chunk.extend_from_slice(&piece.split_to((want - chunk.len()).min(piece.len())));
            if chunk.len() == want {
                came += want as u64;
                index += 1;
                if sender.send(std::mem::take(&mut chunk)).await.is_err() {
                    return came;
                }
            }
        }
    }
    came
}

fn write(mut writer: Writer, mut chunks: mpsc::Receiver<Vec<u8>>) -> Result<BlobStanding, Refusal> {
    let mut wrong = None;
    while let Some(chunk) = chunks.blocking_recv() {
        if let Err(error) = writer.put(&chunk) {
            wrong = Some(said(error));
            break;
        }
    }
    // The chunks before a wrong one are right, and stay.
    let standing = writer.finish(clock::now_ms()).map_err(said)?;
    match wrong {
        Some(refusal) => Err(refusal),
        None => Ok(standing),
    }
}

/// Gives chunks out. The right is looked up anew at each of them; when it ends, so does the body.
/// The first one is read before anything is answered: whoever asks again for a chunk that broke
/// an answer off is told why.
pub(super) async fn give(
    edge: &web::Data<Edge>,
    right: BlobRight,
    asked: BlobChunks,
) -> Result<HttpResponse, Refusal> {
    let permit = edge.blob_streams.permit(asked.mailbox)?;
    let blobs = edge.blobs.clone();
    let (mut reader, first, since, right) = blocking(move || {
        let used = blobs.used_in(&asked.mailbox, &asked.address).map_err(said)?;
        right.allows(BlobAct::Fetch(used.since))?;
        let mut reader = blobs
            .reader(asked.mailbox, asked.address, asked.from)
            .map_err(said)?;
        let length = reader.left(asked.count);
        let first = reader.read().map_err(said)?;
        Ok((reader, (first, length), used.since, right))
    })
    .await?;
    let (first, length) = first;
    let (sender, chunks) = mpsc::channel::<io::Result<Bytes>>(CHUNKS_AHEAD);
    let (metrics, patience, peers) = (edge.metrics.clone(), edge.request_timeout, edge.peers.clone());
    // It runs from here on, whether or not anybody waits for its end.
    drop(web::block(move || {
        let _permit = permit;
        let runtime = tokio::runtime::Handle::current();
        let mut next: Result<_, Refusal> = Ok(first);
        for _ in 0..asked.count {
            let chunk = match next {
                Ok(Some(chunk)) => Ok(Bytes::from(chunk)),
                Ok(None) => return,
                Err(refusal) => {
                    // The answer has begun, so nobody looks at its outcome any more.
                    if let (Some(peers), ErrorCode::BlobDamaged) = (&peers, refusal.code) {
                        peers.clone().mend(asked.address);
                    }
                    Err(io::Error::other(refusal.code.to_string()))
                }
            };
            let (ends, bytes) = (chunk.is_err(), chunk.as_ref().map_or(0, Bytes::len));
            // A reader that takes nothing for so long gives its place to another.
            let sent = async { tokio::time::timeout(patience, sender.send(chunk)).await };
            if !matches!(runtime.block_on(sent), Ok(Ok(()))) || ends {
                return;
            }
            metrics.blobs.went(bytes as u64);
            next = right
                .allows(BlobAct::Fetch(since))
                .and_then(|()| reader.read().map_err(said));
        }
    }));
    let body = stream::unfold(chunks, async |mut chunks| {
        let chunk = chunks.recv().await?;
        Some((chunk, chunks))
    });
    Ok(HttpResponse::build(StatusCode::OK)
        .insert_header((CONTENT_TYPE, "application/octet-stream"))
        .no_chunking(length)
        .streaming(Box::pin(body)))
}
