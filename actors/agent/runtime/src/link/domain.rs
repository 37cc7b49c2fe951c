//! `GET /v1/domain`: the domain's signed record, checked against what was agreed on.

use serde::Serialize;
use serde::de::DeserializeOwned;
use telesphor_wire::answer::Refusal;
use telesphor_wire::canonical;
use telesphor_wire::domain::{DomainRecord, SignedDomainRecord};
use telesphor_wire::error::ErrorCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::error::LinkError;
use super::pin::Pin;
use super::tls;

/// Largest answer taken, bytes: what is known of all domains that can be pinned is smaller.
const MAX_ANSWER_BYTES: u64 = 4 * 1024 * 1024;

/// Fetches and checks the record.
///
/// # Errors
/// [`LinkError::WrongRelay`] if the record is not signed by the pinned domain key or does not
/// name the relay that was reached, else as [`tls::connect`].
pub async fn fetch(pin: &Pin) -> Result<SignedDomainRecord, LinkError> {
    let signed: SignedDomainRecord = get(pin, "/v1/domain").await?;
    check(pin, &signed)?;
    Ok(signed)
}

/// Gets a canonical value from a pinned relay.
///
/// # Errors
/// As [`tls::connect`]; [`LinkError::Form`] if it is none.
pub(super) async fn get<T: DeserializeOwned + Serialize>(pin: &Pin, path: &str) -> Result<T, LinkError> {
    let (mut stream, _) = tls::connect(pin).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: application/msgpack\r\nConnection: close\r\n\r\n",
        pin.address
    );
    stream
        .write_all(request.as_bytes())
        .await
        .map_err(|_| LinkError::lost())?;
    let mut answer = Vec::new();
    match (&mut stream)
        .take(MAX_ANSWER_BYTES)
        .read_to_end(&mut answer)
        .await
    {
        Ok(_) => {}
        // A server that closes TCP without close_notify has still said all it had to say:
        // the length below tells whether something is missing.
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {}
        Err(_) => return Err(LinkError::lost()),
    }
    canonical::decode(body(&answer)?).map_err(|_| LinkError::Form)
}

/// Checks a record against a pin.
///
/// # Errors
/// [`LinkError::WrongRelay`].
pub fn check<'a>(pin: &Pin, signed: &'a SignedDomainRecord) -> Result<&'a DomainRecord, LinkError> {
    let record = signed.verify().map_err(|_| LinkError::WrongRelay)?;
    let named = record.relays.iter().any(|relay| relay.tls_key == pin.tls_key);
    if record.key == pin.domain_key && record.domain == pin.domain && named {
        Ok(record)
    } else {
        Err(LinkError::WrongRelay)
    }
}

/// The body of an HTTP/1.1 answer with status 200 and a `Content-Length`.
fn body(answer: &[u8]) -> Result<&[u8], LinkError> {
    let end = answer
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .ok_or(LinkError::Form)?;
    let head = std::str::from_utf8(&answer[..end]).map_err(|_| LinkError::Form)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|l| l.split(' ').nth(1));
    match status {
        Some("200" | "503") => {}
        _ => return Err(LinkError::Form),
    }
    let length = lines
        .filter_map(|l| l.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok())
        .ok_or(LinkError::Form)?;
    let body = answer[end + 4..]
        .get(..length)
        .ok_or(LinkError::Lost { retry_after_ms: None })?;
    if status == Some("503") {
        return Err(match canonical::decode::<Refusal>(body) {
            Ok(refusal) if refusal.code == ErrorCode::ExchangeOff => LinkError::Refused(refusal),
            // It goes away, or is not ready yet: it is asked again.
            Ok(_) | Err(_) => LinkError::lost(),
        });
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_off_answer_is_not_taken_for_a_whole_one() {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabcd";
        assert_eq!(body(whole), Ok(&b"abcd"[..]));
        assert_eq!(body(&whole[..whole.len() - 1]), Err(LinkError::lost()));
        assert_eq!(
            body(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"),
            Err(LinkError::Form)
        );
        assert_eq!(body(b"HTTP/1.1 200 OK\r\n\r\nabcd"), Err(LinkError::Form));
        assert_eq!(body(b"nonsense"), Err(LinkError::Form));
    }
}
