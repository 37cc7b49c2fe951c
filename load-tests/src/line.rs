//! One session under load: a TLS WebSocket that keeps so many deposits on the way.
//!
//! It speaks the protocol as any client does, only without an outbox: as many calls as were
//! answered in one frame go out in the next. Every receipt is parsed; of every
//! [`VERIFIED`]th the path and the signature are verified too, or the load would mostly
//! measure its own verifying on the machine it shares with the relay.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Instant;

use futures_util::{SinkExt, StreamExt};
use telesphor_agent::link::{Pin, tls};
use telesphor_chaos::tenant::Mailbox;
use telesphor_wire::answer::Answer;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::{Command, Deposit};
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{CommandId, Nonce};
use telesphor_wire::limits::{MAX_FRAME_BYTES, PROTOCOL_VERSION};
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::session::{
    Call, ClientFrame, Hello, Prove, RelayFrame, Reply, Right, SessionClaim, Welcome,
};
use telesphor_wire::sign::PublicKey;
use telesphor_wire::text::SupportCode;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::append::PAYLOAD;
use crate::error::{Result, odd};
use crate::measure::us;

/// One receipt in so many is verified.
pub(crate) const VERIFIED: u64 = 256;
const VALID_MS: u64 = 3_600_000;

/// What all lines of a run share.
#[derive(Default)]
pub(crate) struct Shared {
    /// 0 warming up, 1 measuring, 2 over.
    pub(crate) phase: AtomicU8,
    /// Durable deposits since the start.
    pub(crate) durable: AtomicU64,
    /// Busy answers.
    pub(crate) busy: AtomicU64,
}

type Socket = WebSocketStream<tokio_rustls::client::TlsStream<TcpStream>>;

/// A session whose rights are proved.
pub(crate) struct Line {
    socket: Socket,
    mailboxes: Vec<Mailbox>,
    relays: Arc<Vec<PublicKey>>,
    quorum: usize,
    clock: u64,
    count: u64,
    base: CommandId,
    verified: u64,
}

impl Line {
    /// Connects and proves the right to deposit into each mailbox, under handles from 1.
    pub(crate) async fn open(
        pin: &Pin,
        (relays, quorum): (Arc<Vec<PublicKey>>, usize),
        mailboxes: Vec<Mailbox>,
    ) -> Result<Self> {
        let (stream, binding) = tls::connect(pin).await?;
        let request = format!("wss://{}/v1/session", pin.address)
            .into_client_request()
            .map_err(odd)?;
        let (socket, _) = client_async(request, stream).await.map_err(odd)?;
        let mut line = Self {
            socket,
            mailboxes,
            relays,
            quorum,
            clock: 0,
            count: 0,
            base: CommandId::random(),
            verified: 0,
        };
        let agent_nonce = Nonce::random();
        let hello = Hello {
            versions: vec![PROTOCOL_VERSION],
            features: vec![],
            agent_nonce,
            ext: Extensions::none(),
        };
        line.send(&ClientFrame::Hello(hello)).await?;
        let RelayFrame::Welcome(welcome) = line.receive().await? else {
            return Err(odd("no Welcome"));
        };
        line.clock = welcome.clock;
        line.prove(&welcome, binding, agent_nonce).await?;
        Ok(line)
    }

    async fn prove(&mut self, welcome: &Welcome, channel_binding: Nonce, agent_nonce: Nonce) -> Result<()> {
        let mailboxes = std::mem::take(&mut self.mailboxes);
        for (mailbox, handle) in mailboxes.iter().zip(1u32..) {
            let claim = SessionClaim {
                domain: welcome.domain.clone(),
                relay: welcome.relay,
                channel_binding,
                relay_nonce: welcome.relay_nonce,
                agent_nonce,
                mailbox: mailbox.id,
                right: Right::Deposit,
                branch: 0,
                epoch: 0,
                body: None,
                ext: Extensions::none(),
            };
            let proof = claim.prove(&mailbox.deposit);
            self.send(&ClientFrame::Prove(Prove { handle, proof })).await?;
            match self.receive().await? {
                RelayFrame::Proved(proved) if proved.refused.is_none() => {}
                _ => return Err(odd("a right was not taken")),
            }
        }
        self.mailboxes = mailboxes;
        Ok(())
    }

    async fn send(&mut self, frame: &ClientFrame) -> Result<()> {
        self.socket
            .send(Message::Binary(canonical::encode(frame).into()))
            .await
            .map_err(odd)
    }

    async fn receive(&mut self) -> Result<RelayFrame> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Binary(bytes))) => {
                    return canonical::decode_bounded(&bytes, MAX_FRAME_BYTES).map_err(odd);
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Err(error)) => return Err(odd(error)),
                _ => return Err(odd("the relay ended the session")),
            }
        }
    }

    fn call(&mut self, slot: u32, support: SupportCode) -> Call {
        self.count += 1;
        let mut command_id = self.base;
        command_id.0[..8].copy_from_slice(&self.count.to_be_bytes());
        let mut payload = vec![slot as u8; PAYLOAD];
        payload[..32].copy_from_slice(&command_id.0);
        let which = (self.count % self.mailboxes.len() as u64) as usize;
        let deposit = Deposit {
            mailbox: self.mailboxes[which].id,
            branch: 0,
            epoch: 0,
            kind: EventKind::MESSAGE,
            command_id,
            not_after: self.clock + VALID_MS,
            payload: Bytes(payload),
            ext: Extensions::none(),
            signature: None,
        };
        let handle = which as u32 + 1;
        Call {
            call: slot,
            handle,
            support,
            command: Command::Deposit(deposit),
        }
    }

    /// Keeps `in_flight` deposits on the way until the phase says that it is over; gives the
    /// latencies of those that became durable while it was measured, microseconds.
    pub(crate) async fn run(mut self, in_flight: u32, shared: Arc<Shared>) -> Result<Vec<u32>> {
        let mut sent = vec![Instant::now(); in_flight as usize];
        let mut latencies = Vec::new();
        let mut idle: Vec<u32> = (0..in_flight).collect();
        let mut waiting = 0u32;
        loop {
            let phase = shared.phase.load(Ordering::Relaxed);
            if phase < 2 && !idle.is_empty() {
                waiting += idle.len() as u32;
                // One for the frame: fresh ones for each call would cost the machine that the relay
                // shares a call of the kernel each.
                let support = SupportCode::random();
                let calls: Vec<Call> = idle.drain(..).map(|slot| self.call(slot, support)).collect();
                let now = Instant::now();
                calls.iter().for_each(|c| sent[c.call as usize] = now);
                self.send(&ClientFrame::Calls(calls)).await?;
            }
            if waiting == 0 {
                return Ok(latencies);
            }
            let RelayFrame::Replies(replies) = self.receive().await? else {
                return Err(odd("an unexpected frame"));
            };
            let now = Instant::now();
            waiting -= replies.len() as u32;
            let mut pause = 0;
            for reply in replies {
                idle.push(reply.call);
                match self.judge(&reply)? {
                    Some(busy) => {
                        shared.busy.fetch_add(1, Ordering::Relaxed);
                        pause = busy;
                    }
                    None => {
                        shared.durable.fetch_add(1, Ordering::Relaxed);
                        if phase == 1 {
                            latencies.push(us(now - sent[reply.call as usize]));
                        }
                    }
                }
            }
            if pause > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
            }
        }
    }

    /// Nothing for durable, the pause for Busy.
    fn judge(&mut self, reply: &Reply) -> Result<Option<u64>> {
        match &reply.answer {
            Answer::Durable(receipt) => {
                self.verified += 1;
                if self.verified % VERIFIED == 1 {
                    receipt.verify(&self.relays, self.quorum).map_err(odd)?;
                }
                Ok(None)
            }
            Answer::Busy(ms) => Ok(Some((*ms).max(1))),
            other => Err(odd(format!("a deposit was answered with kind {}", other.kind()))),
        }
    }
}
