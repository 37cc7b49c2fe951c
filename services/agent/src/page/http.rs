//! Requests off the wire: HTTP/1.1, one request for each connection, bounded in size and time.
//!
//! What this page needs of HTTP is little, and what it must refuse is much; so there is no server
//! library, only a parser ([`httparse`]), and everything that is not written here is refused:
//! other versions, transfer encodings, upgrades, a second request.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::gate::Refusal;
use super::limits;

/// A request's line and headers.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) method: String,
    /// `/path?query`, as it was written.
    pub(super) target: String,
    headers: Vec<(String, String)>,
}

impl Head {
    /// All values of a header.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let fits = move |n: &str| n.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .filter(move |(n, _)| fits(n))
            .map(|(_, v)| v.as_str())
    }

    /// A header that must not be there twice.
    pub(super) fn only(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut all = self.all(name);
        match (all.next(), all.next()) {
            (_, Some(_)) => Err(Refusal::Address),
            (one, None) => Ok(one),
        }
    }

    /// Path and query.
    pub(super) fn parts(&self) -> (&str, &str) {
        self.target.split_once('?').unwrap_or((&self.target, ""))
    }

    /// Takes a head apart; `None` if it has not all come yet. Gives how long it is.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Refusal> {
        let mut headers = [httparse::EMPTY_HEADER; limits::HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let length = match request.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(Refusal::TooLarge),
            Err(_) => return Err(Refusal::Address),
        };
        if request.version != Some(1) {
            return Err(Refusal::Address);
        }
        let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned);
        let headers = request
            .headers
            .iter()
            .map(|h| Ok((h.name.to_owned(), text(h.value).map_err(|_| Refusal::Address)?)))
            .collect::<Result<_, _>>()?;
        let head = Self {
            method: request.method.unwrap_or_default().to_owned(),
            target: request.path.unwrap_or_default().to_owned(),
            headers,
        };
        Ok(Some((head, length)))
    }

    /// How much follows the head.
    fn length(&self) -> Result<usize, Refusal> {
        if self.all("transfer-encoding").next().is_some() {
            return Err(Refusal::Form);
        }
        let length = self.only("content-length")?.unwrap_or("0");
        // A number that is written in another way could be read in another way.
        if !length.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Refusal::Form);
        }
        match length.parse() {
            Ok(length) if length <= limits::FORM => Ok(length),
            Ok(_) => Err(Refusal::TooLarge),
            Err(_) => Err(Refusal::Form),
        }
    }
}

/// A request that came in time; `None` if there came nothing at all.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<(Head, String)>, Refusal> {
    let mut bytes = Vec::new();
    let all = timeout(limits::SLOW, whole(stream, &mut bytes)).await;
    match all {
        _ if bytes.is_empty() => Ok(None),
        Ok(read) => read.map(Some),
        Err(_) => Err(Refusal::Slow),
    }
}

async fn whole(
    stream: &mut (impl AsyncRead + Unpin),
    bytes: &mut Vec<u8>,
) -> Result<(Head, String), Refusal> {
    let (head, length) = loop {
        if let Some(found) = Head::parse(bytes)? {
            break found;
        }
        more(stream, bytes, limits::HEAD).await?;
    };
    let end = length + head.length()?;
    while bytes.len() < end {
        more(stream, bytes, end).await?;
    }
    let body = String::from_utf8(bytes[length..end].to_vec()).map_err(|_| Refusal::Form)?;
    Ok((head, body))
}

/// Takes more in, as long as there is room.
async fn more(stream: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>, max: usize) -> Result<(), Refusal> {
    if bytes.len() >= max {
        return Err(Refusal::TooLarge);
    }
    let room = (max - bytes.len()) as u64;
    match stream.take(room).read_buf(bytes).await {
        Ok(n) if n > 0 => Ok(()),
        // Whoever ended it waits for no answer.
        _ => Err(Refusal::Slow),
    }
}

/// Ends a connection so that what was said last arrives, although more may have been sent here.
pub(super) async fn end(mut stream: TcpStream) {
    const LINGER: Duration = Duration::from_secs(1);
    let _ = stream.shutdown().await;
    let rest = async {
        let mut some = [0; 4096];
        let mut left = limits::HEAD * 16;
        while let Ok(n @ 1..) = stream.read(&mut some).await {
            left = left.saturating_sub(n);
            if left == 0 {
                return;
            }
        }
    };
    let _ = timeout(LINGER, rest).await;
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    async fn read_all(text: &str) -> Result<Option<(Head, String)>, Refusal> {
        read(&mut text.as_bytes()).await
    }

    #[tokio::test]
    async fn a_request_is_read_short_long_or_as_two() {
        let text = "POST /a?b=c HTTP/1.1\r\nHost: x\r\ncontent-length: 5\r\n\r\nid=1&GET / HTTP/1.1\r\n\r\n";
        let (head, body) = read_all(text).await.unwrap().unwrap();
        assert_eq!(
            (head.method.as_str(), head.parts(), body.as_str()),
            ("POST", ("/a", "b=c"), "id=1&")
        );
        assert_eq!(
            (head.only("HOST"), head.only("cookie")),
            (Ok(Some("x")), Ok(None))
        );
        assert!(read_all("").await.unwrap().is_none());
        assert_eq!(read_all("GET / HT").await.unwrap_err(), Refusal::Slow);
    }

    #[tokio::test]
    async fn what_could_be_read_in_two_ways_is_taken() {
        for more in [
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
            "Transfer-Encoding: chunked",
            "Content-Length: 5\r\nContent-Length: 6",
            "Content-Length: +5",
            "Content-Length: -1",
            "Content-Length: 99999999999999999999",
            "Content-Length : 5",
            "Host: a\u{0}b",
        ] {
            let text = format!("POST / HTTP/1.1\r\n{more}\r\n\r\nhello");
            assert!(read_all(&text).await.is_err(), "{more}");
        }
        for line in [
            "GET / HTTP/1.0",
            "GET / HTTP/2.0",
            "GET /",
            "GET  / HTTP/1.1",
            "\u{e4} / HTTP/1.1",
        ] {
            assert!(read_all(&format!("{line}\r\n\r\n")).await.is_err(), "{line}");
        }
    }

    #[tokio::test]
    async fn a_head_or_a_form_without_end_fills_the_memory() {
        let head = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(limits::HEAD * 4));
        assert_eq!(read_all(&head).await.unwrap_err(), Refusal::TooLarge);
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(limits::HEADERS + 1));
        assert_eq!(read_all(&many).await.unwrap_err(), Refusal::TooLarge);
        let form = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", limits::FORM + 1);
        assert_eq!(read_all(&form).await.unwrap_err(), Refusal::TooLarge);
    }
}
