//! `GET /v1/session`: one WebSocket, two loops in one task.
//!
//! The reading loop hands whole frames to the engine and waits while the engine has no room:
//! that is the back-pressure, down to the sender's TCP window. The writing loop takes what is
//! ready, joined by the engine into as few frames as possible. Payloads are not copied between
//! the two but once by the decoder and once by the encoder.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason};
use telesphor_engine::{Inbound, Outbound, SessionContext};
use telesphor_wire::answer::{Answer, Refusal};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::limits::MAX_FRAME_BYTES;
use telesphor_wire::session::{Call, ClientFrame, Goodbye, RelayFrame, Reply};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::channel::Channel;
use super::meter::Meter;
use super::refuse::{code_of_form, refused_with};
use super::room::makes_room;
use super::state::Edge;
use super::tally::Tally;
use crate::metrics::Dropped;

/// What a client without a session is told to wait, milliseconds.
const RETRY_MS: u64 = 1_000;

/// Begins a session.
pub(crate) async fn open(request: HttpRequest, body: web::Payload, edge: web::Data<Edge>) -> HttpResponse {
    let Some(channel) = request.conn_data::<Arc<Channel>>().cloned() else {
        return refused_with(ErrorCode::NotAllowedHere);
    };
    let (response, socket, stream) = match actix_ws::handle(&request, body) {
        Ok(begun) => begun,
        Err(_) => return refused_with(ErrorCode::NotAllowedHere),
    };
    let (response, meter) = Meter::of(response);
    let session = match edge
        .engine
        .open_session(SessionContext {
            channel_binding: channel.binding,
        })
        .await
    {
        Ok(session) => session,
        Err(refusal) => {
            edge.metrics.refused(refusal.code);
            actix_web::rt::spawn(turn_away(socket, refusal));
            return response;
        }
    };
    // A frame in pieces is still one frame, under one bound.
    let stream = stream
        .max_frame_size(MAX_FRAME_BYTES)
        .aggregate_continuations()
        .max_continuation_size(MAX_FRAME_BYTES);
    let (inbound, outbound) = session.split();
    let tally = Tally::new(edge.metrics.clone(), edge.traces.clone());
    let line = Line {
        edge: edge.into_inner(),
        channel,
        meter,
        tally,
        heard: Cell::new(Instant::now()),
    };
    actix_web::rt::spawn(async move { line.run(socket, stream, inbound, outbound).await });
    response
}

/// Says why there is no session, in the protocol's own words.
async fn turn_away(mut socket: actix_ws::Session, refusal: Refusal) {
    let goodbye = RelayFrame::Goodbye(Goodbye {
        refusal,
        retry_after_ms: RETRY_MS,
    });
    // A client that does not take it has gone.
    let _ = socket.binary(canonical::encode(&goodbye)).await;
    let _ = socket.close(None).await;
}

/// One session's state, shared by its two loops on one thread.
struct Line {
    edge: Arc<Edge>,
    channel: Arc<Channel>,
    meter: Arc<Meter>,
    tally: Tally,
    /// When the client was heard last.
    heard: Cell<Instant>,
}

/// Why the reading loop ended.
enum Ended {
    /// The client closed, or the connection broke.
    Closed,
    /// The engine takes nothing more: Goodbye is on its way, and the writing loop ends by itself.
    Over,
    /// It must be cut.
    Cut(Dropped),
}

impl Line {
    async fn run(
        self,
        socket: actix_ws::Session,
        stream: AggregatedMessageStream,
        inbound: Inbound,
        mut outbound: Outbound,
    ) {
        self.edge.metrics.session_began();
        let mut reading = std::pin::pin!(self.read(socket.clone(), stream, &inbound));
        let mut writing = std::pin::pin!(self.write(socket.clone(), &mut outbound));
        let cut = tokio::select! {
            ended = &mut reading => match ended {
                Ended::Over => timeout(self.edge.silence_timeout, &mut writing).await.unwrap_or(Some(Dropped::Slow)),
                Ended::Closed => None,
                Ended::Cut(why) => Some(why),
            },
            stuck = &mut writing => stuck,
        };
        self.edge.metrics.session_ended();
        let reason = CloseReason {
            code: CloseCode::Normal,
            description: None,
        };
        let closed = timeout(Duration::from_secs(1), socket.close(Some(reason))).await;
        if let Some(why) = cut.or(closed.is_err().then_some(Dropped::Slow)) {
            self.channel.cut(why);
        }
    }

    /// Client to engine.
    async fn read(
        &self,
        mut socket: actix_ws::Session,
        mut stream: AggregatedMessageStream,
        inbound: &Inbound,
    ) -> Ended {
        let every = self.edge.ping_every;
        let mut ping = interval_at(Instant::now() + every, every);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let message = tokio::select! {
                message = stream.recv() => message,
                _ = ping.tick() => {
                    if self.heard.get().elapsed() >= self.edge.silence_timeout {
                        return Ended::Cut(Dropped::Silent);
                    }
                    // A client that does not even take a ping is found by its silence.
                    let _ = timeout(every, socket.ping(b"")).await;
                    continue;
                }
            };
            self.heard.set(Instant::now());
            match message {
                Some(Ok(AggregatedMessage::Binary(bytes))) => {
                    if let Err(ended) = self.take(&bytes, &mut socket, inbound).await {
                        return ended;
                    }
                }
                Some(Ok(AggregatedMessage::Ping(bytes))) => {
                    if socket.pong(&bytes).await.is_err() {
                        return Ended::Closed;
                    }
                }
                Some(Ok(AggregatedMessage::Pong(_))) => {}
                Some(Ok(AggregatedMessage::Text(_))) => return self.fault(inbound, ErrorCode::Malformed),
                Some(Err(actix_ws::ProtocolError::Overflow)) => {
                    return self.fault(inbound, ErrorCode::TooLarge);
                }
                Some(Err(actix_ws::ProtocolError::Io(_)) | Ok(AggregatedMessage::Close(_))) | None => {
                    return Ended::Closed;
                }
                Some(Err(_)) => return self.fault(inbound, ErrorCode::Malformed),
            }
        }
    }

    /// One frame.
    async fn take(
        &self,
        bytes: &[u8],
        socket: &mut actix_ws::Session,
        inbound: &Inbound,
    ) -> Result<(), Ended> {
        self.edge.metrics.frame_in();
        let mut frame = match canonical::decode_bounded(bytes, MAX_FRAME_BYTES) {
            Ok(frame) => frame,
            Err(error) => return Err(self.fault(inbound, code_of_form(error))),
        };
        if let ClientFrame::Calls(calls) = &mut frame {
            self.tally.came(calls);
            self.edge.room.taking(bytes.len());
            if self.edge.room.is_short() {
                self.refuse_for_room(calls, socket).await?;
            }
        }
        inbound.deliver(frame).await.map_err(|_| Ended::Over)
    }

    /// Answers what would need room on the disk; leaves what makes room.
    async fn refuse_for_room(
        &self,
        calls: &mut Vec<Call>,
        socket: &mut actix_ws::Session,
    ) -> Result<(), Ended> {
        let (taken, refused): (Vec<_>, Vec<_>) = std::mem::take(calls)
            .into_iter()
            .partition(|c| makes_room(&c.command));
        *calls = taken;
        let answer = || Answer::Refused(Refusal::of(ErrorCode::DiskFull));
        let replies: Vec<_> = refused
            .iter()
            .map(|c| Reply {
                call: c.call,
                answer: answer(),
            })
            .collect();
        if replies.is_empty() {
            return Ok(());
        }
        self.tally.answered(&replies);
        let frame = RelayFrame::Replies(replies);
        match timeout(self.edge.silence_timeout, self.send(socket, &frame)).await {
            Ok(sent) => sent.map_err(|()| Ended::Closed),
            Err(_) => Err(Ended::Cut(Dropped::Slow)),
        }
    }

    /// A fault of form: the engine's last frame says which.
    fn fault(&self, inbound: &Inbound, code: ErrorCode) -> Ended {
        self.edge.metrics.connection_dropped(Dropped::Form);
        self.edge.metrics.refused(code);
        inbound.fault(code);
        Ended::Over
    }

    /// Engine to client. Ends when the session is over, or with the reason to cut it.
    async fn write(&self, mut socket: actix_ws::Session, outbound: &mut Outbound) -> Option<Dropped> {
        while let Some(frame) = outbound.next().await {
            match &frame {
                RelayFrame::Replies(replies) => {
                    self.tally.answered(replies);
                    if replies.iter().any(|r| shows_a_right(&r.answer)) {
                        self.channel.proved();
                    }
                }
                RelayFrame::Proved(proved) if proved.refused.is_none() => self.channel.proved(),
                _ => {}
            }
            match timeout(self.edge.silence_timeout, self.send(&mut socket, &frame)).await {
                Ok(Ok(())) => {}
                Ok(Err(())) => return None,
                Err(_) => return Some(Dropped::Slow),
            }
        }
        None
    }

    async fn send(&self, socket: &mut actix_ws::Session, frame: &RelayFrame) -> Result<(), ()> {
        self.edge.metrics.frame_out();
        let bytes = canonical::encode_long(frame, length(frame));
        self.meter.sending(bytes.len());
        socket.binary(bytes).await.map_err(|_| ())?;
        self.meter.drained().await;
        Ok(())
    }
}

/// About how many bytes a frame will have.
fn length(frame: &RelayFrame) -> usize {
    const RECEIPT: usize = 800;
    const EVENT: usize = 128;
    match frame {
        RelayFrame::Replies(replies) => replies.len() * RECEIPT,
        RelayFrame::Events(page) => page
            .events
            .iter()
            .map(|e| EVENT + e.payload.as_ref().map_or(0, |p| p.len()))
            .sum(),
        _ => EVENT,
    }
}

/// Whether an answer can only be had with a right of some kind.
fn shows_a_right(answer: &Answer) -> bool {
    !matches!(answer, Answer::Refused(_) | Answer::Busy(_))
}
