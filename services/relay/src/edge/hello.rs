//! `GET /v1/hello` and `GET /v1/domain`.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use telesphor_wire::error::ErrorCode;

use super::channel::Channel;
use super::refuse::{MEDIA_TYPE, canonical_body, refused_with};
use super::state::Edge;

/// A Welcome, with a nonce that is good on this connection alone.
pub(crate) async fn hello(request: HttpRequest, edge: web::Data<Edge>) -> HttpResponse {
    let Some(channel) = request.conn_data::<Arc<Channel>>() else {
        return refused_with(ErrorCode::NotAllowedHere);
    };
    let welcome = edge.engine.welcome();
    channel.gave(welcome.relay_nonce, welcome.clock);
    canonical_body(StatusCode::OK, &welcome)
}

/// The signed domain record.
pub(crate) async fn domain(edge: web::Data<Edge>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, MEDIA_TYPE))
        .body(edge.published.encoded())
}

/// What agents need for sending to other domains.
pub(crate) async fn exchange(edge: web::Data<Edge>) -> HttpResponse {
    match &edge.exchange {
        Some(exchange) => canonical_body(StatusCode::OK, &exchange.facts()),
        None => refused_with(ErrorCode::ExchangeOff),
    }
}

/// Anything else.
pub(crate) async fn nothing_here() -> HttpResponse {
    refused_with(ErrorCode::NotAllowedHere)
}
