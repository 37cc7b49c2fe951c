//! `POST /v1/call`: one call over plain HTTP, for clients without WebSockets.
//!
//! The body is a canonical `SingleCall`. Its proof, where it needs one, is in the header
//! `Telesphor-Proof`: base64 of a canonical `SessionProof` over the nonce of `GET /v1/hello` on
//! the same connection, bound to `H("command", body)`. A command is answered with a canonical
//! `Answer`, a fetch with a `Page`; whatever is refused before that, with a `Refusal` and a
//! status that fits.

use std::sync::Arc;
use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use telesphor_engine::{SingleAnswer, SingleContext};
use telesphor_wire::answer::{Answer, Refusal};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::Nonce;
use telesphor_wire::limits::MAX_FRAME_BYTES;
use telesphor_wire::session::{SessionProof, SingleCall, SingleRequest};

use super::channel::{Channel, GivenNonce};
use super::refuse::{canonical_body, code_of_form, refused, refused_with};
use super::room::makes_room;
use super::state::Edge;
use super::tally::{outcome, seconds};
use crate::traces::{Outcome, Record, Trace};

/// Carries the proof.
const PROOF_HEADER: &str = "telesphor-proof";
/// A proof in base64 is far below this.
const MAX_PROOF_HEADER: usize = 2_048;

/// Takes one call.
pub(crate) async fn call(request: HttpRequest, body: web::Payload, edge: web::Data<Edge>) -> HttpResponse {
    match answer(&request, body, &edge).await {
        Ok(response) => response,
        Err(refusal) => {
            edge.metrics.refused(refusal.code);
            refused(&refusal)
        }
    }
}

async fn answer(request: &HttpRequest, body: web::Payload, edge: &Edge) -> Result<HttpResponse, Refusal> {
    let channel = request
        .conn_data::<Arc<Channel>>()
        .ok_or(ErrorCode::NotAllowedHere)?;
    let proof = proof(request)?;
    let body = whole(body, edge).await?;
    let call: SingleCall = canonical::decode_bounded(&body, MAX_FRAME_BYTES).map_err(code_of_form)?;
    let (came, taken) = (Instant::now(), seconds());
    edge.room.taking(body.len());
    let given = match (channel.nonce(), &proof) {
        (Some(given), _) => given,
        (None, Some(_)) => return Err(ErrorCode::StaleNonce.into()),
        // Nothing is proved with it, since there is no proof.
        (None, None) => GivenNonce {
            nonce: Nonce::random(),
            given_ms: 0,
        },
    };
    let context = SingleContext {
        channel_binding: channel.binding,
        relay_nonce: given.nonce,
        given_ms: given.given_ms,
    };
    let support = call.support;
    let full = edge.room.is_short() && matches!(&call.request, SingleRequest::Command(c) if !makes_room(c));
    let answered = match full {
        true => SingleAnswer::Command(Answer::Refused(ErrorCode::DiskFull.into())),
        false => edge.engine.single(context, proof, call).await,
    };
    let (response, outcome) = match &answered {
        SingleAnswer::Command(answer) => {
            edge.metrics.call_answered(answer, came.elapsed());
            (canonical_body(StatusCode::OK, answer), outcome(answer))
        }
        SingleAnswer::Page(Ok(page)) => (canonical_body(StatusCode::OK, page), Outcome::Answered),
        SingleAnswer::Records(Ok(page)) => (canonical_body(StatusCode::OK, page), Outcome::Answered),
        SingleAnswer::Page(Err(refusal)) | SingleAnswer::Records(Err(refusal)) => {
            edge.metrics.refused(refusal.code);
            (refused(refusal), Outcome::Refused(refusal.code))
        }
    };
    if !matches!(outcome, Outcome::Refused(_) | Outcome::Busy) {
        channel.proved();
    }
    let ended = Record::Ended(Trace {
        support,
        taken,
        answered: seconds(),
        outcome,
    });
    if !edge.traces.record(vec![ended]) {
        edge.metrics.traces_dropped();
    }
    Ok(response)
}

fn proof(request: &HttpRequest) -> Result<Option<SessionProof>, Refusal> {
    let Some(value) = request.headers().get(PROOF_HEADER) else {
        return Ok(None);
    };
    if value.len() > MAX_PROOF_HEADER {
        return Err(ErrorCode::TooLarge.into());
    }
    let bytes = STANDARD
        .decode(value)
        .map_err(|_| Refusal::of(ErrorCode::Malformed))?;
    canonical::decode(&bytes)
        .map(Some)
        .map_err(|e| code_of_form(e).into())
}

/// The whole body, within its bounds of size and time.
async fn whole(mut body: web::Payload, edge: &Edge) -> Result<Vec<u8>, Refusal> {
    let reading = async {
        let mut whole = Vec::new();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|_| Refusal::of(ErrorCode::Malformed))?;
            if whole.len() + chunk.len() > MAX_FRAME_BYTES {
                return Err(Refusal::of(ErrorCode::TooLarge));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole)
    };
    tokio::time::timeout(edge.request_timeout, reading)
        .await
        .unwrap_or(Err(ErrorCode::Expired.into()))
}

/// Any other method.
pub(crate) async fn wrong_method() -> HttpResponse {
    refused_with(ErrorCode::NotAllowedHere)
}
