//! One connection, without its network: frames in, frames out.
//!
//! [`actor`] deals with one frame after the other; [`outbox`] holds what is ready to be sent;
//! [`pull`] reads events when the connection has room for them, [`far`] has them read where they are kept.

pub(crate) mod actor;
pub(crate) mod far;
pub(crate) mod outbox;
pub(crate) mod pull;
pub(crate) mod shared;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use ractor::ActorRef;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::Nonce;
use telesphor_wire::limits::{MAX_CALLS_PER_FRAME, MAX_FRAME_BYTES};
use telesphor_wire::session::{Call, ClientFrame, RelayFrame};
use tokio::sync::Semaphore;

use crate::house::House;
use crate::submit;
use crate::ticket::Held;
use crate::weight;
use actor::Incoming;
use shared::Shared;

/// What the edge knows of a connection.
#[derive(Clone, Copy, Debug)]
pub struct SessionContext {
    /// TLS 1.3 exporter value, label `EXPORTER-Channel-Binding` (RFC 9266), 32 bytes.
    pub channel_binding: Nonce,
}

/// The connection has ended; nothing more is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the session has ended")]
pub struct SessionOver;

/// One connection. Dropping it ends it: follows stop, handles are forgotten, and answers that
/// are still to come go nowhere (the commands themselves are carried out).
///
/// Feed and drain it from two tasks ([`Session::split`]): `deliver` waits while the client has
/// more unfetched answers than it may, and only `next` makes room.
pub struct Session {
    inbound: Inbound,
    outbound: Outbound,
}

impl Session {
    pub(crate) fn new(house: Arc<House>, shared: Arc<Shared>, actor: ActorRef<Incoming>) -> Self {
        Self {
            inbound: Inbound {
                house,
                shared: shared.clone(),
                actor,
            },
            outbound: Outbound { shared },
        }
    }

    /// See [`Inbound::deliver`].
    ///
    /// # Errors
    /// [`SessionOver`].
    pub async fn deliver(&self, frame: ClientFrame) -> Result<(), SessionOver> {
        self.inbound.deliver(frame).await
    }

    /// See [`Inbound::deliver_bytes`].
    ///
    /// # Errors
    /// [`SessionOver`].
    pub async fn deliver_bytes(&self, bytes: &[u8]) -> Result<(), SessionOver> {
        self.inbound.deliver_bytes(bytes).await
    }

    /// See [`Outbound::next`].
    pub async fn next(&mut self) -> Option<RelayFrame> {
        self.outbound.next().await
    }

    /// The two directions, for two tasks. When either is dropped the session ends.
    pub fn split(self) -> (Inbound, Outbound) {
        (self.inbound, self.outbound)
    }
}

/// The direction from the client.
pub struct Inbound {
    house: Arc<House>,
    shared: Arc<Shared>,
    actor: ActorRef<Incoming>,
}

impl Inbound {
    /// Takes a frame. Waits for permits while too much is under way: that is the
    /// back-pressure; stop reading from the connection meanwhile. A frame whose delivery is
    /// abandoned while it waits may have been taken in part.
    ///
    /// # Errors
    /// [`SessionOver`] after Goodbye.
    pub async fn deliver(&self, frame: ClientFrame) -> Result<(), SessionOver> {
        if self.shared.outbox.ending() {
            return Err(SessionOver);
        }
        match frame {
            ClientFrame::Calls(calls) if calls.len() > MAX_CALLS_PER_FRAME => {
                self.fault(ErrorCode::TooMany);
                Err(SessionOver)
            }
            ClientFrame::Calls(calls) => self.deliver_calls(calls).await,
            ClientFrame::Credit(credit) if self.nothing_before() => {
                self.shared.credit(credit);
                Ok(())
            }
            frame => {
                let permit = self
                    .shared
                    .frames
                    .clone()
                    .acquire_owned()
                    .await
                    .map_err(|_| SessionOver)?;
                self.actor
                    .cast(Incoming::other(&self.shared, frame, permit))
                    .map_err(|_| SessionOver)
            }
        }
    }

    /// Parses and takes one message of the connection. A fault of form ends the session.
    ///
    /// # Errors
    /// [`SessionOver`]; Goodbye, which says why, is the last frame [`Outbound::next`] yields.
    pub async fn deliver_bytes(&self, bytes: &[u8]) -> Result<(), SessionOver> {
        match canonical::decode_bounded(bytes, MAX_FRAME_BYTES) {
            Ok(frame) => self.deliver(frame).await,
            Err(error) => {
                self.fault(code_of(error));
                Err(SessionOver)
            }
        }
    }

    /// Ends the session for a fault of the client: Goodbye with this code comes last.
    pub fn fault(&self, code: ErrorCode) {
        self.shared.goodbye(code);
    }

    /// Whole frames go on as they came, unless their answers would be too heavy for the
    /// session; then in parts, so that each part can wait for room.
    async fn deliver_calls(&self, mut calls: Vec<Call>) -> Result<(), SessionOver> {
        let core = &self.shared.core;
        let began = Instant::now();
        while !calls.is_empty() {
            let (part, weight, bytes) = weight::part(&mut calls, core.limits.session_calls / 4);
            let held = self.room(part.len(), weight, bytes).await?;
            self.pass_on(part, held, began)?;
        }
        Ok(())
    }

    /// Straight to the order, if everything that came before has been dealt with: this wakes
    /// the writer and nobody else. Behind it otherwise, since a proof that is still being
    /// checked may be what allows these calls.
    fn pass_on(&self, calls: Vec<Call>, held: Arc<Held>, began: Instant) -> Result<(), SessionOver> {
        if self.nothing_before() {
            submit::calls(&self.house, &self.shared, calls, &held, began);
            return Ok(());
        }
        let calls = Incoming::calls(&self.shared, calls, held, began);
        self.actor.cast(calls).map_err(|_| SessionOver)
    }

    /// Whether everything that came has been dealt with, Hello first of all.
    fn nothing_before(&self) -> bool {
        let greeted = self.shared.name.get().is_some();
        greeted && self.shared.with_actor.load(Ordering::Acquire) == 0
    }

    async fn room(&self, number: usize, weight: u32, bytes: usize) -> Result<Arc<Held>, SessionOver> {
        let core = &self.shared.core;
        let take = |semaphore: &Arc<Semaphore>, n: usize, of: usize| {
            // More than there is would wait for ever; such a caller gets all there is.
            let n = u32::try_from(n.min(of)).unwrap_or(u32::MAX);
            semaphore.clone().acquire_many_owned(n)
        };
        let over = |_| SessionOver;
        let answers = take(&self.shared.calls, weight as usize, core.limits.session_calls)
            .await
            .map_err(over)?;
        let session = take(&self.shared.bytes, bytes, core.limits.session_bytes)
            .await
            .map_err(over)?;
        let calls = take(&core.calls, number, core.limits.calls_in_flight)
            .await
            .map_err(over)?;
        let bytes = take(&core.bytes, bytes, core.limits.bytes_in_flight)
            .await
            .map_err(over)?;
        // Given back one by one as the answers leave ([`outbox::Outbox::take`]).
        answers.forget();
        Ok(Held::new(core.clone(), number, [calls, bytes], Some(session)))
    }
}

fn code_of(error: canonical::CanonicalError) -> ErrorCode {
    match error {
        canonical::CanonicalError::TooLarge { .. } => ErrorCode::TooLarge,
        canonical::CanonicalError::Malformed => ErrorCode::Malformed,
        canonical::CanonicalError::NotCanonical => ErrorCode::NotCanonical,
    }
}

impl Drop for Inbound {
    fn drop(&mut self) {
        self.shared.close();
        self.actor.stop(None);
    }
}

/// The direction to the client.
pub struct Outbound {
    shared: Arc<Shared>,
}

impl Outbound {
    /// The next frame to be sent; `None` when the session has ended and all was fetched.
    ///
    /// Events are read now, not before: call it when the connection has room. May be
    /// abandoned while it waits (`select!`) without loss.
    pub async fn next(&mut self) -> Option<RelayFrame> {
        pull::next(&self.shared).await
    }
}

impl Drop for Outbound {
    fn drop(&mut self) {
        self.shared.close();
    }
}
