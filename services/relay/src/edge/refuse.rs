//! Refusals over HTTP: a status that proxies and scripts understand, the typed refusal as the
//! body, and its code in a header.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use telesphor_wire::answer::Refusal;
use telesphor_wire::canonical::{self, CanonicalError};
use telesphor_wire::error::ErrorCode;

/// Media type of canonical bytes.
pub(crate) const MEDIA_TYPE: &str = "application/msgpack";
/// Carries `T-xxxx` beside the typed body.
const ERROR_HEADER: HeaderName = HeaderName::from_static("telesphor-error");
/// Seconds after which a request that met a drain or a full relay may be repeated.
const RETRY_SECONDS: &str = "2";

/// An answer with a canonical body.
pub(crate) fn canonical_body<T: Serialize>(status: StatusCode, value: &T) -> HttpResponse {
    HttpResponseBuilder::new(status)
        .insert_header((CONTENT_TYPE, MEDIA_TYPE))
        .body(canonical::encode(value))
}

/// A refusal.
pub(crate) fn refused(refusal: &Refusal) -> HttpResponse {
    let status = status_of(refusal.code);
    let mut builder = HttpResponseBuilder::new(status);
    builder
        .insert_header((CONTENT_TYPE, MEDIA_TYPE))
        .insert_header((ERROR_HEADER, refusal.code.to_string()));
    if matches!(
        status,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
    ) {
        builder.insert_header((RETRY_AFTER, RETRY_SECONDS));
    }
    builder.body(canonical::encode(refusal))
}

/// A refusal that needs no more than its code.
pub(crate) fn refused_with(code: ErrorCode) -> HttpResponse {
    refused(&Refusal::of(code))
}

/// The code for bytes that are not what they should be.
pub(crate) fn code_of_form(error: CanonicalError) -> ErrorCode {
    match error {
        CanonicalError::TooLarge { .. } => ErrorCode::TooLarge,
        CanonicalError::Malformed => ErrorCode::Malformed,
        CanonicalError::NotCanonical => ErrorCode::NotCanonical,
    }
}

/// By the family of the code.
fn status_of(code: ErrorCode) -> StatusCode {
    match (code, code.code() / 1000) {
        (ErrorCode::TooLarge, _) => StatusCode::PAYLOAD_TOO_LARGE,
        (ErrorCode::Internal, _) => StatusCode::INTERNAL_SERVER_ERROR,
        (_, 1) => StatusCode::BAD_REQUEST,
        (_, 2) => StatusCode::FORBIDDEN,
        (_, 3) => StatusCode::CONFLICT,
        (_, 4) => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}
