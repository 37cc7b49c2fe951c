//! `POST /v1/blob`: large content, streamed both ways and never held whole.
//!
//! The header `Telesphor-Blob` is base64 of a canonical `BlobCall`; `Telesphor-Proof`, as of a
//! single call, proves the right to the mailbox that it names, bound to `H("blob-call", BlobCall)`;
//! `Telesphor-Source`, for an attachment alone, the right to the mailbox where the blob stands.
//! Chunks and hashes are the bare body; everything else is a canonical `BlobAnswer`.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use telesphor_blobs::{Blobs, BlobsError};
use telesphor_engine::{BlobAct, BlobRight, SingleContext};
use telesphor_wire::answer::Refusal;
use telesphor_wire::blob::call::{
    BlobAnswer, BlobAttach, BlobBegin, BlobCall, BlobChunks, BlobName, BlobRequest, BlobStanding,
};
use telesphor_wire::blob::tree::ChunkHashes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::limits::{MAX_BLOB_CHUNKS, MAX_CHUNKS_PER_CALL};
use telesphor_wire::session::SessionProof;

use super::blob_flow::{give, small_body, take};
use super::channel::Channel;
use super::refuse::{canonical_body, code_of_form, refused};
use super::room::Room;
use super::state::Edge;
use crate::clock;
use crate::cluster::blobs::Peers;
use crate::traces::{Outcome, Record, Trace};

const CALL_HEADER: &str = "telesphor-blob";
const PROOF_HEADER: &str = "telesphor-proof";
const SOURCE_HEADER: &str = "telesphor-source";
/// A call or a proof in base64 is far below this.
const MAX_HEADER: usize = 2_048;

/// Takes one call about a blob.
pub(crate) async fn blob(request: HttpRequest, body: web::Payload, edge: web::Data<Edge>) -> HttpResponse {
    let taken = super::tally::seconds();
    let call: BlobCall = match header(&request, CALL_HEADER) {
        Ok(call) => call,
        Err(refusal) => return told(&edge, &refusal),
    };
    let answered = answer(&request, body, &edge, &call).await;
    let outcome = match &answered {
        Ok(_) => Outcome::Answered,
        Err(refusal) => Outcome::Refused(refusal.code),
    };
    if let (Some(peers), Outcome::Refused(ErrorCode::BlobDamaged)) = (&edge.peers, &outcome) {
        peers.clone().mend(call.request.address());
    }
    let ended = Record::Ended(Trace {
        support: call.support,
        taken,
        answered: super::tally::seconds(),
        outcome,
    });
    if !edge.traces.record(vec![ended]) {
        edge.metrics.traces_dropped();
    }
    answered.unwrap_or_else(|refusal| told(&edge, &refusal))
}

fn told(edge: &Edge, refusal: &Refusal) -> HttpResponse {
    edge.metrics.refused(refusal.code);
    refused(refusal)
}

fn header<T: DeserializeOwned + serde::Serialize>(request: &HttpRequest, name: &str) -> Result<T, Refusal> {
    let value = request.headers().get(name).ok_or(ErrorCode::Malformed)?;
    if value.len() > MAX_HEADER {
        return Err(ErrorCode::TooLarge.into());
    }
    let bytes = STANDARD
        .decode(value)
        .map_err(|_| Refusal::of(ErrorCode::Malformed))?;
    canonical::decode(&bytes).map_err(|e| code_of_form(e).into())
}

async fn answer(
    request: &HttpRequest,
    body: web::Payload,
    edge: &web::Data<Edge>,
    call: &BlobCall,
) -> Result<HttpResponse, Refusal> {
    let channel = request
        .conn_data::<Arc<Channel>>()
        .ok_or(ErrorCode::NotAllowedHere)?;
    call.ext.check(&[]).map_err(|_| ErrorCode::UnknownCritical)?;
    let given = channel.nonce().ok_or(ErrorCode::StaleNonce)?;
    let context = SingleContext {
        channel_binding: channel.binding,
        relay_nonce: given.nonce,
        given_ms: given.given_ms,
    };
    let prove = async |name: &str| {
        let proof: SessionProof = header(request, name)?;
        edge.engine
            .blob_right(context, proof, call.agent_nonce, call.bound())
            .await
    };
    let right = prove(PROOF_HEADER).await?;
    if right.mailbox() != call.request.mailbox() {
        return Err(ErrorCode::Refused.into());
    }
    channel.proved();
    takes(&edge.room, &call.request)?;
    let blobs = edge.blobs.clone();
    let mut spreads = None;
    let standing = match call.request.clone() {
        BlobRequest::Look(name) => {
            here(&edge.blobs, edge.peers.as_ref(), name).await?;
            let right = right.clone();
            blocking(move || look(&blobs, &right, name)).await?
        }
        BlobRequest::Begin(asked) => {
            let list = small_body(body, 32 * MAX_BLOB_CHUNKS, edge.request_timeout).await?;
            let right = right.clone();
            let standing = blocking(move || begin(&blobs, &right, asked, &list)).await?;
            spreads = standing.complete.then_some(asked.address);
            Some(standing)
        }
        BlobRequest::Hashes(name) => {
            here(&edge.blobs, edge.peers.as_ref(), name).await?;
            let hashes = blocking(move || {
                fetchable(&blobs, &right, &name)?;
                blobs.hashes(&name.mailbox, &name.address).map_err(said)
            });
            return Ok(HttpResponse::build(StatusCode::OK).body(hashes.await?.to_bytes()));
        }
        BlobRequest::Put(asked) => {
            counted(&asked)?;
            right_to(&right, BlobAct::Keep).await?;
            let standing = take(edge, asked, body).await?;
            spreads = standing.complete.then_some(asked.address);
            Some(standing)
        }
        BlobRequest::Get(asked) => {
            counted(&asked)?;
            let name = BlobName {
                mailbox: asked.mailbox,
                address: asked.address,
            };
            here(&edge.blobs, edge.peers.as_ref(), name).await?;
            return give(edge, right, asked).await;
        }
        BlobRequest::Attach(asked) => {
            let source = prove(SOURCE_HEADER).await?;
            if source.mailbox() != asked.source {
                return Err(ErrorCode::Refused.into());
            }
            let there = BlobName {
                mailbox: asked.source,
                address: asked.address,
            };
            here(&edge.blobs, edge.peers.as_ref(), there).await?;
            let right = right.clone();
            let standing = blocking(move || attach(&blobs, &right, &source, asked)).await?;
            spreads = Some(asked.address);
            Some(standing)
        }
        BlobRequest::Detach(name) => {
            here(&edge.blobs, edge.peers.as_ref(), name).await?;
            let right = right.clone();
            blocking(move || detach(&blobs, &right, name)).await?;
            spreads = Some(name.address);
            None
        }
    };
    if let (Some(peers), Some(address)) = (&edge.peers, spreads) {
        // ---- COMMIT POINT of large files in a cluster: a majority has it as it is answered.
        match peers.spread(address).await.map_err(said)? {
            true => {}
            false => return Err(ErrorCode::BlobNotYetDurable.into()),
        }
    }
    let (mailbox, blobs) = (right.mailbox(), edge.blobs.clone());
    let (used, quota) = match right.is_owner() {
        true => (
            Some(blobs.used(&mailbox)),
            Some(blocking(move || right.quota()).await?),
        ),
        false => (None, None),
    };
    let answer = BlobAnswer {
        standing,
        used,
        quota,
        ext: Extensions::none(),
    };
    Ok(canonical_body(StatusCode::OK, &answer))
}

/// In a cluster: what this relay does not have yet is looked for at the others, and comes.
pub(crate) async fn here(
    blobs: &Arc<Blobs>,
    peers: Option<&Arc<Peers>>,
    name: BlobName,
) -> Result<(), Refusal> {
    let Some(peers) = peers else { return Ok(()) };
    let blobs = blobs.clone();
    let found = blocking(move || match blobs.used_in(&name.mailbox, &name.address) {
        Ok(_) => Ok(true),
        Err(BlobsError::Absent) => Ok(false),
        Err(error) => Err(said(error)),
    });
    match found.await? || !peers.seek(name.address).await.map_err(said)? {
        true => Ok(()),
        false => Err(ErrorCode::BlobBusy.into()),
    }
}

/// Whether this relay takes anything now. What is here already is given in any case.
fn takes(room: &Room, request: &BlobRequest) -> Result<(), Refusal> {
    let length = match request {
        BlobRequest::Look(_) | BlobRequest::Hashes(_) | BlobRequest::Get(_) | BlobRequest::Detach(_) => {
            return Ok(());
        }
        BlobRequest::Begin(begin) => begin.length,
        BlobRequest::Put(_) | BlobRequest::Attach(_) => 0,
    };
    // Better at its beginning than after three of its four gigabytes.
    let left = room.free().saturating_sub(room.reserve());
    match room.is_short() || left < length {
        true => Err(ErrorCode::DiskFull.into()),
        false => Ok(()),
    }
}

/// Runs what blocks on the disk where blocking is allowed.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    // The only errors are those of a runtime that is going down.
    web::block(work).await.unwrap_or(Err(ErrorCode::Draining.into()))
}

pub(crate) fn said(error: BlobsError) -> Refusal {
    if let BlobsError::Io(e) = &error {
        tracing::error!(code = %error.code(), kind = ?e.kind(), "a blob could not be read or written");
    }
    if let BlobsError::Damaged(_) | BlobsError::Card = &error {
        tracing::error!(code = %error.code(), "a blob is damaged on the disk");
    }
    Refusal::of(error.code())
}

async fn right_to(right: &BlobRight, act: BlobAct) -> Result<(), Refusal> {
    let right = right.clone();
    blocking(move || right.allows(act)).await
}

fn counted(asked: &BlobChunks) -> Result<(), Refusal> {
    match (1..=MAX_CHUNKS_PER_CALL).contains(&asked.count) {
        true => Ok(()),
        false => Err(ErrorCode::TooMany.into()),
    }
}

/// Whether a blob may be fetched from a mailbox now.
pub(crate) fn fetchable(blobs: &Blobs, right: &BlobRight, name: &BlobName) -> Result<(), Refusal> {
    let used = blobs.used_in(&name.mailbox, &name.address).map_err(said)?;
    right.allows(BlobAct::Fetch(used.since))
}

fn look(blobs: &Blobs, right: &BlobRight, name: BlobName) -> Result<Option<BlobStanding>, Refusal> {
    right.allows(BlobAct::Fetch(u64::MAX))?;
    blobs.standing(&name.mailbox, &name.address).map_err(said)
}

fn begin(blobs: &Blobs, right: &BlobRight, asked: BlobBegin, list: &[u8]) -> Result<BlobStanding, Refusal> {
    right.allows(BlobAct::Keep)?;
    let hashes = ChunkHashes::from_bytes(asked.length, &asked.address, list)
        .map_err(|e| said(BlobsError::Hashes(e)))?;
    blobs
        .begin(asked.mailbox, hashes, right.quota()?, clock::now_ms())
        .map_err(said)
}

fn attach(
    blobs: &Blobs,
    right: &BlobRight,
    source: &BlobRight,
    asked: BlobAttach,
) -> Result<BlobStanding, Refusal> {
    let there = BlobName {
        mailbox: asked.source,
        address: asked.address,
    };
    fetchable(blobs, source, &there)?;
    let keep = match asked.kept {
        true => {
            right.allows(BlobAct::Keep)?;
            Some(right.quota()?)
        }
        false => {
            right.allows(BlobAct::Show)?;
            None
        }
    };
    blobs
        .attach(asked.mailbox, asked.address, asked.source, keep, clock::now_ms())
        .map_err(said)
}

fn detach(blobs: &Blobs, right: &BlobRight, name: BlobName) -> Result<(), Refusal> {
    // What is still coming is kept by nobody yet.
    let kept = match blobs.used_in(&name.mailbox, &name.address) {
        Ok(used) => used.kept,
        Err(BlobsError::Absent) => false,
        Err(error) => return Err(said(error)),
    };
    right.allows(BlobAct::Detach(kept))?;
    blobs
        .detach(name.mailbox, name.address, clock::now_ms())
        .map_err(said)
}

#[cfg(test)]
mod tests {
    use telesphor_wire::hash::Digest;
    use telesphor_wire::ids::MailboxId;

    use super::*;

    #[test]
    fn a_file_that_finds_no_room_is_refused_after_most_of_it_has_come() {
        let room = Room::new(&std::env::temp_dir(), 0);
        let (mailbox, address) = (MailboxId([1; 32]), Digest([2; 32]));
        let begin = |length| {
            BlobRequest::Begin(BlobBegin {
                mailbox,
                address,
                length,
            })
        };
        assert!(takes(&room, &begin(1)).is_ok());
        let refused = takes(&room, &begin(u64::MAX)).unwrap_err();
        assert_eq!(refused.code, ErrorCode::DiskFull);
        assert!(takes(&room, &BlobRequest::Detach(BlobName { mailbox, address })).is_ok());
    }
}
