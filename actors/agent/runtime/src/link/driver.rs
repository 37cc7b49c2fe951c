//! The task that owns one connection: frames in, frames out, each waiter answered once.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use telesphor_wire::canonical;
use telesphor_wire::command::Command;
use telesphor_wire::ext::Extensions;
use telesphor_wire::limits::{self, MAX_CALLS_IN_FLIGHT, MAX_CALLS_PER_FRAME, MAX_FRAME_BYTES};
use telesphor_wire::records::{FetchRecords, RecordsPage};
use telesphor_wire::session::{Call, ClientFrame, Fetch, Follow, Prove, RelayFrame};
use telesphor_wire::text::SupportCode;
use tokio::net::TcpStream;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::credential::{Binding, Credential};
use super::error::LinkError;
use super::session::{Push, Replied, Standing};
use super::windows::Windows;

pub(super) type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// A relay's nonce is renewed when less than a third of its life is left.
const NONCE_FRESH: Duration = Duration::from_millis(limits::NONCE_LIFE_MS * 2 / 3);
/// Silence after which the line is tested.
const PING_AFTER: Duration = Duration::from_secs(20);
/// Tests without an answer after which the line is given up.
const PINGS_LOST: u32 = 3;

/// What a session may ask of its connection.
pub(super) enum Request {
    Prove(Box<Credential>, oneshot::Sender<Result<Standing, LinkError>>),
    Call {
        handle: u32,
        support: SupportCode,
        command: Box<Command>,
        reply: oneshot::Sender<Result<Replied, LinkError>>,
    },
    Follow {
        handle: u32,
        after: u64,
        credit: u32,
    },
    Credit {
        handle: u32,
        bytes: u32,
    },
    Fetch(Fetch),
    Forget(u32),
    Records(FetchRecords, RecordsReply),
}

struct Waiter {
    support: SupportCode,
    reply: oneshot::Sender<Result<Replied, LinkError>>,
}

type RecordsReply = oneshot::Sender<Result<RecordsPage, LinkError>>;
type ProofReply = oneshot::Sender<Result<Standing, LinkError>>;

pub(super) struct Driver {
    socket: Socket,
    binding: Binding,
    nonce_since: Instant,
    max_frame: usize,
    requests: mpsc::Receiver<Request>,
    pushes: mpsc::Sender<Push>,
    next_handle: u32,
    next_call: u32,
    calls: HashMap<u32, Waiter>,
    proofs: HashMap<u32, ProofReply>,
    /// Answered in the order in which they were asked.
    records: VecDeque<(u32, RecordsReply)>,
    windows: Windows,
    /// Proofs that wait for a fresh nonce.
    parked: Vec<(Box<Credential>, ProofReply)>,
    silent_pings: u32,
}

/// Writes one frame.
pub(super) async fn send(socket: &mut Socket, frame: &ClientFrame) -> Result<(), LinkError> {
    socket
        .send(Message::Binary(canonical::encode(frame).into()))
        .await
        .map_err(|_| LinkError::lost())
}

/// Reads one frame, passing over pings.
pub(super) async fn receive(socket: &mut Socket) -> Result<RelayFrame, LinkError> {
    loop {
        let message = socket
            .next()
            .await
            .ok_or(LinkError::lost())?
            .map_err(|_| LinkError::lost())?;
        if let Some(frame) = parse(&message)? {
            return Ok(frame);
        }
    }
}

fn parse(message: &Message) -> Result<Option<RelayFrame>, LinkError> {
    match message {
        Message::Binary(bytes) => canonical::decode_bounded(bytes, MAX_FRAME_BYTES)
            .map(Some)
            .map_err(|_| LinkError::Form),
        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(None),
        Message::Text(_) => Err(LinkError::Form),
        Message::Close(_) => Err(LinkError::lost()),
    }
}

impl Driver {
    pub(super) fn new(
        socket: Socket,
        binding: Binding,
        max_frame: usize,
        requests: mpsc::Receiver<Request>,
        pushes: mpsc::Sender<Push>,
    ) -> Self {
        Self {
            socket,
            binding,
            nonce_since: Instant::now(),
            max_frame,
            requests,
            pushes,
            next_handle: 1,
            next_call: 1,
            calls: HashMap::new(),
            proofs: HashMap::new(),
            records: VecDeque::new(),
            windows: Windows::default(),
            parked: Vec::new(),
            silent_pings: 0,
        }
    }

    /// Runs until the connection or the last session handle is gone. Waiters that are still
    /// open then are told so by being dropped.
    pub(super) async fn run(mut self) {
        let ended = self.serve().await;
        let error = ended.err().unwrap_or(LinkError::lost());
        for (_, waiter) in self.calls.drain() {
            let _ = waiter.reply.send(Err(error.clone()));
        }
        for (_, reply) in self.proofs.drain() {
            let _ = reply.send(Err(error.clone()));
        }
        for (_, reply) in self.records.drain(..) {
            let _ = reply.send(Err(error.clone()));
        }
        for (_, reply) in self.parked.drain(..) {
            let _ = reply.send(Err(error.clone()));
        }
    }

    async fn serve(&mut self) -> Result<(), LinkError> {
        let mut ping = tokio::time::interval(PING_AFTER);
        ping.tick().await;
        loop {
            // Requests wait while too many calls are open: back-pressure reaches the caller.
            let room = self.calls.len() < MAX_CALLS_IN_FLIGHT;
            tokio::select! {
                message = self.socket.next() => {
                    let message = message.ok_or(LinkError::lost())?.map_err(|_| LinkError::lost())?;
                    self.silent_pings = 0;
                    if let Some(frame) = parse(&message)? {
                        self.take(frame).await?;
                    }
                }
                request = self.requests.recv(), if room => match request {
                    Some(request) => self.carry_out(request).await?,
                    None => {
                        let _ = self.socket.close(None).await;
                        return Ok(());
                    }
                },
                _ = ping.tick() => {
                    if self.silent_pings >= PINGS_LOST {
                        return Err(LinkError::lost());
                    }
                    self.silent_pings += 1;
                    self.socket.send(Message::Ping(Vec::new().into())).await.map_err(|_| LinkError::lost())?;
                }
            }
        }
    }

    async fn carry_out(&mut self, request: Request) -> Result<(), LinkError> {
        match request {
            Request::Prove(credential, reply) => {
                if self.nonce_since.elapsed() < NONCE_FRESH {
                    self.prove(&credential, reply).await
                } else {
                    let first = self.parked.is_empty();
                    self.parked.push((credential, reply));
                    if first {
                        send(&mut self.socket, &ClientFrame::Refresh(Extensions::none())).await
                    } else {
                        Ok(())
                    }
                }
            }
            Request::Call {
                handle,
                support,
                command,
                reply,
            } => {
                let first = self.register(handle, support, *command, reply);
                self.calls(first).await
            }
            Request::Follow {
                handle,
                after,
                credit,
            } => {
                self.windows.opened(handle, credit);
                send(
                    &mut self.socket,
                    &ClientFrame::Follow(Follow {
                        handle,
                        after,
                        credit,
                    }),
                )
                .await
            }
            Request::Credit { handle, bytes } => match self.windows.owed(handle, bytes) {
                Some(credit) => send(&mut self.socket, &ClientFrame::Credit(credit)).await,
                None => Ok(()),
            },
            Request::Fetch(fetch) => send(&mut self.socket, &ClientFrame::Fetch(fetch)).await,
            Request::Forget(handle) => {
                self.windows.closed(handle);
                send(&mut self.socket, &ClientFrame::Forget(handle)).await
            }
            Request::Records(fetch, reply) => {
                self.records.push_back((fetch.handle, reply));
                send(&mut self.socket, &ClientFrame::FetchRecords(fetch)).await
            }
        }
    }

    async fn prove(&mut self, credential: &Credential, reply: ProofReply) -> Result<(), LinkError> {
        let handle = self.next_handle;
        self.next_handle += 1;
        self.proofs.insert(handle, reply);
        let proof = credential.prove(&self.binding);
        send(&mut self.socket, &ClientFrame::Prove(Prove { handle, proof })).await
    }

    /// Sends a call and whatever other calls wait already, in as few frames as they fit.
    async fn calls(&mut self, first: Call) -> Result<(), LinkError> {
        let mut batch = vec![first];
        let mut other = None;
        while batch.len() < MAX_CALLS_PER_FRAME && self.calls.len() < MAX_CALLS_IN_FLIGHT {
            match self.requests.try_recv() {
                Ok(Request::Call {
                    handle,
                    support,
                    command,
                    reply,
                }) => batch.push(self.register(handle, support, *command, reply)),
                Ok(request) => {
                    other = Some(request);
                    break;
                }
                Err(_) => break,
            }
        }
        self.send_calls(batch).await?;
        match other {
            Some(request) => Box::pin(self.carry_out(request)).await,
            None => Ok(()),
        }
    }

    fn register(
        &mut self,
        handle: u32,
        support: SupportCode,
        command: Command,
        reply: oneshot::Sender<Result<Replied, LinkError>>,
    ) -> Call {
        let call = self.next_call;
        self.next_call = self.next_call.wrapping_add(1);
        self.calls.insert(call, Waiter { support, reply });
        Call {
            call,
            handle,
            support,
            command,
        }
    }

    async fn send_calls(&mut self, batch: Vec<Call>) -> Result<(), LinkError> {
        if batch.len() == 1 {
            return send(&mut self.socket, &ClientFrame::Calls(batch)).await;
        }
        let mut frame = Vec::new();
        let mut size = 0;
        for call in batch {
            // Payloads are the bulk; a kilobyte covers the rest of any call but a commit's.
            let bytes = canonical::encode(&call).len();
            if !frame.is_empty() && size + bytes + 64 > self.max_frame {
                send(&mut self.socket, &ClientFrame::Calls(std::mem::take(&mut frame))).await?;
                size = 0;
            }
            size += bytes;
            frame.push(call);
        }
        send(&mut self.socket, &ClientFrame::Calls(frame)).await
    }

    async fn take(&mut self, frame: RelayFrame) -> Result<(), LinkError> {
        match frame {
            RelayFrame::Welcome(_) => Err(LinkError::Form),
            RelayFrame::Proved(proved) => {
                let reply = self.proofs.remove(&proved.handle).ok_or(LinkError::Form)?;
                let answer = match proved.refused {
                    Some(refusal) => Err(LinkError::Refused(refusal)),
                    None => Ok(Standing {
                        handle: proved.handle,
                        head: proved.head,
                        counter: proved.counter,
                    }),
                };
                let _ = reply.send(answer);
                Ok(())
            }
            RelayFrame::Replies(replies) => {
                for reply in replies {
                    // A second answer to one call, or an answer to none, is a broken relay.
                    let waiter = self.calls.remove(&reply.call).ok_or(LinkError::Form)?;
                    let _ = waiter.reply.send(Ok(Replied {
                        answer: reply.answer,
                        support: waiter.support,
                    }));
                }
                Ok(())
            }
            RelayFrame::Events(events) => self.push(Push::Events(events)),
            RelayFrame::Ended(ended) => {
                self.windows.closed(ended.handle);
                self.push(Push::Ended(ended.handle, ended.refusal))
            }
            RelayFrame::Records(records) => {
                let waiting = self.records.pop_front().filter(|(h, _)| *h == records.handle);
                let (_, reply) = waiting.ok_or(LinkError::Form)?;
                let answer = match (records.page, records.refused) {
                    (Some(page), None) => Ok(page),
                    (None, Some(refusal)) => Err(LinkError::Refused(refusal)),
                    _ => return Err(LinkError::Form),
                };
                let _ = reply.send(answer);
                Ok(())
            }
            RelayFrame::Goodbye(goodbye) => Err(LinkError::Lost {
                retry_after_ms: Some(goodbye.retry_after_ms),
            }),
            RelayFrame::Nonce(nonce) => {
                self.binding.relay_nonce = nonce;
                self.nonce_since = Instant::now();
                for (credential, reply) in std::mem::take(&mut self.parked) {
                    self.prove(&credential, reply).await?;
                }
                Ok(())
            }
        }
    }

    /// Hands a push over without ever waiting for the reader, which may itself be waiting for
    /// an answer from this task.
    fn push(&self, push: Push) -> Result<(), LinkError> {
        match self.pushes.try_send(push) {
            Ok(()) => Ok(()),
            // The room is bounded by count and the relay by credit; who gets here has given
            // credit without reading. The connection is begun anew from the cursor.
            Err(TrySendError::Closed(_) | TrySendError::Full(_)) => Err(LinkError::lost()),
        }
    }
}
