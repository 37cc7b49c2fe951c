//! One connection for large content: `POST /v1/blob` over HTTP/1.1, streamed both ways.
//!
//! It stands beside the session: chunks of a scan on their way must not hold up a message.
//! Nothing here repeats anything; whoever is interrupted asks where the blob stands and goes on.

use std::io;
use std::pin::Pin as StdPin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use telesphor_wire::answer::Refusal;
use telesphor_wire::blob::call::{
    BlobAnswer, BlobAttach, BlobBegin, BlobCall, BlobChunks, BlobName, BlobRequest,
};
use telesphor_wire::blob::tree::ChunkHashes;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::Nonce;
use telesphor_wire::limits::{BLOB_CHUNK_BYTES, MAX_BLOB_CHUNKS, NONCE_LIFE_MS};
use telesphor_wire::session::{SessionProof, Welcome};
use telesphor_wire::sign::PublicKey;
use telesphor_wire::text::SupportCode;
use tokio::sync::mpsc;

use super::credential::{Binding, Credential};
use super::error::LinkError;
use super::pin::Pin;
use super::tls;

/// Chunks that wait between the disk and the connection.
pub(crate) const CHUNKS_AHEAD: usize = 4;
/// A connection on which nothing moves for so long is given up.
const SILENCE: Duration = Duration::from_secs(30);
/// The answer to a call whose body was sent comes within this.
const ANSWER: Duration = Duration::from_secs(120);
/// An answer that is neither chunks nor hashes, bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// What is sent: a few bytes, or chunks as they are read.
#[derive(Debug, Default)]
struct Outgoing {
    whole: Option<Bytes>,
    /// How long all chunks are together, and they.
    chunks: Option<(u64, mpsc::Receiver<Bytes>)>,
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: StdPin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(whole) = self.whole.take() {
            return Poll::Ready(Some(Ok(Frame::data(whole))));
        }
        match &mut self.chunks {
            Some((_, chunks)) => chunks
                .poll_recv(cx)
                .map(|chunk| chunk.map(|c| Ok(Frame::data(c)))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.whole.is_none() && self.chunks.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.whole, &self.chunks) {
            (_, Some((length, _))) => SizeHint::with_exact(*length),
            (Some(whole), None) => SizeHint::with_exact(whole.len() as u64),
            (None, None) => SizeHint::with_exact(0),
        }
    }
}

/// A connection for blobs.
#[derive(Debug)]
pub struct BlobLink {
    sender: SendRequest<Outgoing>,
    pin: Pin,
    relays: Vec<PublicKey>,
    channel_binding: Nonce,
    agent_nonce: Nonce,
    /// What proofs are bound to, while the relay's nonce is good.
    bound: Option<(Binding, Instant)>,
}

impl BlobLink {
    /// Connects to a pinned relay, one of those of the pinned domain record.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn open(pin: &Pin, relays: &[PublicKey]) -> Result<Self, LinkError> {
        let (stream, channel_binding) = tls::connect(pin).await?;
        let (sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(|_| LinkError::lost())?;
        // Ends when the sender is dropped.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self {
            sender,
            pin: pin.clone(),
            relays: relays.to_vec(),
            channel_binding,
            agent_nonce: Nonce::random(),
            bound: None,
        })
    }

    /// Where a blob stands in a mailbox, and how much that mailbox keeps.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn look(&mut self, by: &Credential, name: BlobName) -> Result<BlobAnswer, LinkError> {
        self.ask(BlobRequest::Look(name), by, None, Outgoing::default())
            .await
    }

    /// Begins to put a blob, or goes on.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn begin(
        &mut self,
        by: &Credential,
        begin: BlobBegin,
        hashes: &ChunkHashes,
    ) -> Result<BlobAnswer, LinkError> {
        let body = Outgoing {
            whole: Some(Bytes::from(hashes.to_bytes())),
            chunks: None,
        };
        self.ask(BlobRequest::Begin(begin), by, None, body).await
    }

    /// Puts chunks as they come from `chunks`; so many bytes in all.
    ///
    /// # Errors
    /// [`LinkError`]; what came before it is kept.
    pub async fn put(
        &mut self,
        by: &Credential,
        put: BlobChunks,
        bytes: u64,
        chunks: mpsc::Receiver<Bytes>,
    ) -> Result<BlobAnswer, LinkError> {
        let body = Outgoing {
            whole: None,
            chunks: Some((bytes, chunks)),
        };
        self.ask(BlobRequest::Put(put), by, None, body).await
    }

    /// The chunk hashes of a blob, checked against its address.
    ///
    /// # Errors
    /// [`LinkError`]; [`LinkError::Form`] if they do not lead to the address.
    pub async fn hashes(
        &mut self,
        by: &Credential,
        name: BlobName,
        length: u64,
    ) -> Result<ChunkHashes, LinkError> {
        let request = BlobRequest::Hashes(name);
        let response = self.send(request, by, None, Outgoing::default()).await?;
        let list = whole(response, 32 * MAX_BLOB_CHUNKS).await?;
        ChunkHashes::from_bytes(length, &name.address, &list).map_err(|_| LinkError::Form)
    }

    /// Gets chunks; gives those that came, one by one and in order, to `chunks`. Whether they
    /// are right is for the receiver to say: when it is gone, nothing more is read.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn get(
        &mut self,
        by: &Credential,
        get: BlobChunks,
        length: u64,
        chunks: mpsc::Sender<Vec<u8>>,
    ) -> Result<(), LinkError> {
        let mut response = self
            .send(BlobRequest::Get(get), by, None, Outgoing::default())
            .await?;
        let mut index = u64::from(get.from);
        let end = index + u64::from(get.count);
        let mut chunk: Vec<u8> = Vec::new();
        while let Some(mut data) = frame(&mut response).await? {
            while !data.is_empty() {
                let want = telesphor_wire::blob::tree::chunk_len(length, index);
                if index >= end || want == 0 {
                    return Err(LinkError::Form);
                }
                let want = usize::try_from(want).map_err(|_| LinkError::Form)?;
                let piece = data.split_to((want - chunk.len()).min(data.len()));
                chunk.extend_from_slice(&piece);
                if chunk.len() == want {
                    index += 1;
                    let next = Vec::with_capacity(usize::try_from(BLOB_CHUNK_BYTES).unwrap_or(0));
                    if chunks.send(std::mem::replace(&mut chunk, next)).await.is_err() {
                        return Ok(());
                    }
                }
            }
        }
        let done = index == end || telesphor_wire::blob::tree::chunk_len(length, index) == 0;
        match done && chunk.is_empty() {
            true => Ok(()),
            false => Err(LinkError::lost()),
        }
    }

    /// Keeps a blob in one more mailbox, or shows it there.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn attach(
        &mut self,
        by: &Credential,
        source: &Credential,
        attach: BlobAttach,
    ) -> Result<BlobAnswer, LinkError> {
        let request = BlobRequest::Attach(attach);
        self.ask(request, by, Some(source), Outgoing::default()).await
    }

    /// Takes a blob out of a mailbox.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn detach(&mut self, by: &Credential, name: BlobName) -> Result<BlobAnswer, LinkError> {
        self.ask(BlobRequest::Detach(name), by, None, Outgoing::default())
            .await
    }

    async fn ask(
        &mut self,
        request: BlobRequest,
        by: &Credential,
        source: Option<&Credential>,
        body: Outgoing,
    ) -> Result<BlobAnswer, LinkError> {
        let response = self.send(request, by, source, body).await?;
        let bytes = whole(response, MAX_ANSWER).await?;
        canonical::decode(&bytes).map_err(|_| LinkError::Form)
    }

    async fn send(
        &mut self,
        request: BlobRequest,
        by: &Credential,
        source: Option<&Credential>,
        body: Outgoing,
    ) -> Result<Response<Incoming>, LinkError> {
        let binding = self.binding().await?;
        let call = BlobCall {
            support: SupportCode::random(),
            agent_nonce: self.agent_nonce,
            request,
            ext: Extensions::none(),
        };
        let bound = call.bound();
        let mut builder = Request::builder()
            .method(Method::POST)
            .uri("/v1/blob")
            .header("host", &self.pin.address)
            .header("telesphor-blob", base64(&canonical::encode(&call)))
            .header("telesphor-proof", proof(&by.prove_call(&binding, bound)));
        if let Some(source) = source {
            builder = builder.header("telesphor-source", proof(&source.prove_call(&binding, bound)));
        }
        let request = builder.body(body).map_err(|_| LinkError::Form)?;
        let response = self.turn(request).await?;
        if response.status() == StatusCode::OK {
            return Ok(response);
        }
        let bytes = whole(response, MAX_ANSWER).await?;
        let refusal: Refusal = canonical::decode(&bytes).map_err(|_| LinkError::Form)?;
        if refusal.code == ErrorCode::StaleNonce {
            self.bound = None;
        }
        Err(LinkError::Refused(refusal))
    }

    async fn turn(&mut self, request: Request<Outgoing>) -> Result<Response<Incoming>, LinkError> {
        self.sender.ready().await.map_err(|_| LinkError::lost())?;
        let answered = tokio::time::timeout(ANSWER, self.sender.send_request(request)).await;
        answered
            .map_err(|_| LinkError::lost())?
            .map_err(|_| LinkError::lost())
    }

    /// What proofs are bound to; the relay's nonce is asked for again before it is too old.
    async fn binding(&mut self) -> Result<Binding, LinkError> {
        if let Some((binding, since)) = &self.bound
            && since.elapsed() < Duration::from_millis(NONCE_LIFE_MS / 2)
        {
            return Ok(binding.clone());
        }
        let request = Request::builder()
            .uri("/v1/hello")
            .header("host", &self.pin.address)
            .body(Outgoing::default())
            .map_err(|_| LinkError::Form)?;
        let response = self.turn(request).await?;
        if response.status() != StatusCode::OK {
            return Err(LinkError::Form);
        }
        let bytes = whole(response, MAX_ANSWER).await?;
        let welcome: Welcome = canonical::decode(&bytes).map_err(|_| LinkError::Form)?;
        if welcome.domain != self.pin.domain || !self.relays.contains(&welcome.relay) {
            return Err(LinkError::WrongRelay);
        }
        let binding = Binding {
            domain: welcome.domain,
            relay: welcome.relay,
            channel_binding: self.channel_binding,
            relay_nonce: welcome.relay_nonce,
            agent_nonce: self.agent_nonce,
        };
        self.bound = Some((binding.clone(), Instant::now()));
        Ok(binding)
    }
}

fn proof(proof: &SessionProof) -> String {
    base64(&canonical::encode(proof))
}

async fn frame(response: &mut Response<Incoming>) -> Result<Option<Bytes>, LinkError> {
    loop {
        let next = std::future::poll_fn(|cx| StdPin::new(response.body_mut()).poll_frame(cx));
        let next = tokio::time::timeout(SILENCE, next)
            .await
            .map_err(|_| LinkError::lost())?;
        match next {
            None => return Ok(None),
            Some(Err(_)) => return Err(LinkError::lost()),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => return Ok(Some(data)),
                Err(_) => continue,
            },
        }
    }
}

async fn whole(mut response: Response<Incoming>, most: usize) -> Result<Vec<u8>, LinkError> {
    let mut bytes = Vec::new();
    while let Some(data) = frame(&mut response).await? {
        if bytes.len() + data.len() > most {
            return Err(LinkError::Form);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
