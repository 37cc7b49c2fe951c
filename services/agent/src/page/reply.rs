//! Answers: what they consist of, and the headers that every one of them has.

use bytes::Bytes;
use tokio::io::{AsyncWriteExt, copy, sink};
use tokio::net::TcpStream;
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

use super::gate::Refusal;
use super::words::words;
use super::{http, limits};

/// Nothing but this page's own files; nobody may frame it; its forms go nowhere else.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
     img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

/// The headers of every answer. `same-origin` tells other pages nothing, and lets this page's
/// own forms say where they come from.
const ALWAYS: [(&str, &str); 10] = [
    ("Connection", "close"),
    ("Content-Security-Policy", POLICY),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "same-origin"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("X-DNS-Prefetch-Control", "off"),
    (
        "Permissions-Policy",
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

const TEXT: &str = "text/plain; charset=utf-8";

/// What an answer consists of.
enum Content {
    /// All of it.
    Whole(Bytes),
    /// News, as it comes.
    Stream(Receiver<Bytes>),
}

/// An answer.
pub(super) struct Reply {
    status: u16,
    kind: &'static str,
    /// Where to look instead, and the cookie to take along.
    look: Option<(String, Option<String>)>,
    content: Content,
}

impl Reply {
    fn whole(status: u16, kind: &'static str, bytes: impl Into<Bytes>) -> Self {
        Self {
            status,
            kind,
            look: None,
            content: Content::Whole(bytes.into()),
        }
    }

    /// A page.
    pub(super) fn html(status: u16, text: String) -> Self {
        Self::whole(status, "text/html; charset=utf-8", text)
    }

    /// One of the page's own files.
    pub(super) fn file(kind: &'static str, text: &'static str) -> Self {
        Self::whole(200, kind, text)
    }

    /// News.
    pub(super) const fn stream(news: Receiver<Bytes>) -> Self {
        Self {
            status: 200,
            kind: "text/event-stream",
            look: None,
            content: Content::Stream(news),
        }
    }

    /// Look there.
    pub(super) fn look(at: String, cookie: Option<String>) -> Self {
        Self {
            look: Some((at, cookie)),
            ..Self::whole(303, TEXT, "")
        }
    }

    /// A refusal, in one line that tells nothing.
    pub(super) fn refuse(why: Refusal) -> Self {
        let line = match why {
            Refusal::Key => words().say("refused-key"),
            Refusal::Spent => words().say("refused-spent"),
            _ => words().say("refused"),
        };
        Self::whole(why.status(), TEXT, format!("{line}\n"))
    }

    fn head(&self) -> String {
        // Browsers show no phrase; the number says it.
        let mut head = format!("HTTP/1.1 {} -\r\nContent-Type: {}\r\n", self.status, self.kind);
        for (name, value) in ALWAYS {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some((at, cookie)) = &self.look {
            head.push_str(&format!("Location: {at}\r\n"));
            if let Some(cookie) = cookie {
                head.push_str(&format!("Set-Cookie: {cookie}\r\n"));
            }
        }
        if let Content::Whole(bytes) = &self.content {
            head.push_str(&format!("Content-Length: {}\r\n", bytes.len()));
        }
        head.push_str("\r\n");
        head
    }

    /// Sends it and ends the connection. How that ends concerns nobody.
    pub(super) async fn send(self, mut stream: TcpStream) {
        let head = self.head();
        match self.content {
            Content::Whole(bytes) => {
                let all = async {
                    stream.write_all(head.as_bytes()).await?;
                    stream.write_all(&bytes).await
                };
                if matches!(timeout(limits::TAKEN, all).await, Ok(Ok(()))) {
                    http::end(stream).await;
                }
            }
            Content::Stream(mut news) => {
                if stream.write_all(head.as_bytes()).await.is_err() {
                    return;
                }
                let (mut gone, mut to) = stream.split();
                let told = async {
                    while let Some(next) = news.recv().await {
                        if !matches!(timeout(limits::TAKEN, to.write_all(&next)).await, Ok(Ok(()))) {
                            return;
                        }
                    }
                };
                let mut nothing = sink();
                tokio::select! {
                    () = told => {}
                    _ = copy(&mut gone, &mut nothing) => {}
                }
            }
        }
    }
}
