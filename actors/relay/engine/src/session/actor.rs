//! The actor of one connection: deals with one frame after the other, in their order.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use telesphor_rules::read::Claim;
use telesphor_wire::answer::Refusal;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{MailboxId, Nonce};
use telesphor_wire::limits::{MAX_FRAME_BYTES, MAX_HANDLES_PER_SESSION, PROTOCOL_VERSION};
use telesphor_wire::records::{FEATURE, FetchRecords};
use telesphor_wire::session::{
    Call, ClientFrame, Ended, Fetch, Follow, Hello, Prove, Proved, RelayFrame, Right, Welcome,
};
use tokio::sync::OwnedSemaphorePermit;

use super::SessionContext;
use super::shared::{Fetching, FetchingRecords, Follower, Following, Shared, Subscription};
use crate::house::House;
use crate::proof::{self, Bound, Connection};
use crate::submit;
use crate::ticket::Held;

/// What reaches a session's actor.
pub(crate) struct Incoming {
    frame: Frame,
    /// Counts it as not dealt with until it is dropped.
    _pending: Pending,
}

enum Frame {
    /// A frame that is no call, with the permit its answer will need.
    Other(Box<ClientFrame>, OwnedSemaphorePermit),
    /// Calls of one frame, with what they hold, and when they came.
    Calls(Vec<Call>, Arc<Held>, Instant),
}

struct Pending(Arc<Shared>);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.with_actor.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Incoming {
    fn new(shared: &Arc<Shared>, frame: Frame) -> Self {
        shared.with_actor.fetch_add(1, Ordering::AcqRel);
        Self {
            frame,
            _pending: Pending(shared.clone()),
        }
    }

    pub(crate) fn other(shared: &Arc<Shared>, frame: ClientFrame, permit: OwnedSemaphorePermit) -> Self {
        Self::new(shared, Frame::Other(Box::new(frame), permit))
    }

    pub(crate) fn calls(shared: &Arc<Shared>, calls: Vec<Call>, held: Arc<Held>, began: Instant) -> Self {
        Self::new(shared, Frame::Calls(calls, held, began))
    }
}

/// The behaviour; all state is in [`State`].
pub(crate) struct SessionActor;

pub(crate) struct State {
    house: Arc<House>,
    shared: Arc<Shared>,
    context: SessionContext,
    /// After Hello.
    greeted: Option<Greeted>,
}

#[derive(Clone, Copy)]
struct Greeted {
    agent_nonce: Nonce,
    relay_nonce: Nonce,
    given_ms: u64,
}

/// An actor that ends in any way but its client's leaves no connection hanging.
impl Drop for State {
    fn drop(&mut self) {
        if !self.shared.outbox.ending() {
            self.shared.goodbye(ErrorCode::Internal);
        }
    }
}

impl Actor for SessionActor {
    type Msg = Incoming;
    type State = State;
    type Arguments = (Arc<House>, Arc<Shared>, SessionContext);

    async fn pre_start(
        &self,
        _: ActorRef<Incoming>,
        (house, shared, context): Self::Arguments,
    ) -> Result<State, ActorProcessingErr> {
        Ok(State {
            house,
            shared,
            context,
            greeted: None,
        })
    }

    async fn handle(
        &self,
        _: ActorRef<Incoming>,
        message: Incoming,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let Incoming { frame, _pending } = message;
        match (frame, state.greeted) {
            (Frame::Other(frame, permit), Some(greeted)) => state.frame(*frame, greeted, permit).await,
            (Frame::Calls(calls, held, began), Some(_)) => {
                submit::calls(&state.house, &state.shared, calls, &held, began);
            }
            (Frame::Other(frame, permit), None) => match *frame {
                ClientFrame::Hello(hello) => state.hello(&hello, permit),
                // Hello must be first.
                _ => state.shared.goodbye(ErrorCode::NotAllowedHere),
            },
            (Frame::Calls(..), None) => state.shared.goodbye(ErrorCode::NotAllowedHere),
        }
        Ok(())
    }
}

impl State {
    fn hello(&mut self, hello: &Hello, permit: OwnedSemaphorePermit) {
        if !hello.versions.contains(&PROTOCOL_VERSION) {
            return self.shared.goodbye(ErrorCode::UnknownVersion);
        }
        if hello.ext.check(&[]).is_err() {
            return self.shared.goodbye(ErrorCode::UnknownCritical);
        }
        let features = hello.features.contains(&FEATURE).then_some(FEATURE);
        let welcome = Welcome {
            features: features.into_iter().collect(),
            ..welcome(&self.shared.core)
        };
        // Said once: a second Hello ends the session.
        let _ = self.shared.name.set(hello.agent_nonce);
        self.greeted = Some(Greeted {
            agent_nonce: hello.agent_nonce,
            relay_nonce: welcome.relay_nonce,
            given_ms: welcome.clock,
        });
        self.shared
            .outbox
            .frame(RelayFrame::Welcome(welcome), Some(permit));
    }

    async fn frame(&mut self, frame: ClientFrame, greeted: Greeted, permit: OwnedSemaphorePermit) {
        match frame {
            ClientFrame::Prove(prove) => self.prove(prove, greeted, permit).await,
            ClientFrame::Follow(follow) => self.follow(&follow, permit),
            ClientFrame::Credit(credit) => self.shared.credit(credit),
            ClientFrame::Unfollow(handle) => self.shared.unfollow(handle),
            ClientFrame::Fetch(fetch) => self.fetch(&fetch, permit),
            ClientFrame::FetchRecords(fetch) => self.fetch_records(&fetch, permit),
            ClientFrame::Forget(handle) => {
                self.shared.handles().remove(&handle);
                self.shared.unfollow(handle);
            }
            ClientFrame::Refresh(_) => self.refresh(permit),
            // Twice, or not by its own way.
            ClientFrame::Hello(_) | ClientFrame::Calls(_) => self.shared.goodbye(ErrorCode::NotAllowedHere),
        }
    }

    fn refresh(&mut self, permit: OwnedSemaphorePermit) {
        let nonce = Nonce::random();
        if let Some(greeted) = &mut self.greeted {
            greeted.relay_nonce = nonce;
            greeted.given_ms = self.shared.core.clock.now_ms();
        }
        self.shared.outbox.frame(RelayFrame::Nonce(nonce), Some(permit));
    }

    async fn prove(&mut self, prove: Prove, greeted: Greeted, permit: OwnedSemaphorePermit) {
        let Prove { handle, proof } = prove;
        let core = self.shared.core.clone();
        let room = {
            let handles = self.shared.handles();
            handles.contains_key(&handle) || handles.len() < MAX_HANDLES_PER_SESSION
        };
        let proven = if room {
            let here = Bound::Here(Connection {
                domain: core.domain.clone(),
                relay: core.relay,
                channel_binding: self.context.channel_binding,
                relay_nonce: greeted.relay_nonce,
                given_ms: greeted.given_ms,
                agent_nonce: greeted.agent_nonce,
                body: None,
            });
            let check = {
                let core = core.clone();
                move || proof::check(&core.reader, &here, &proof, core.clock.now_ms())
            };
            core.clone().blocking(check).await
        } else {
            Err(Refusal::of(ErrorCode::SessionLimit))
        };
        let proved = match proven {
            Ok(proven) => {
                let right = proven.claim.right;
                self.shared.regrant(handle, proven.mailbox.id, proven.claim);
                let proved = (proven.mailbox.id, proven.claim);
                self.shared.handles().insert(handle, proved);
                Proved {
                    handle,
                    refused: None,
                    head: (right != Right::Deposit).then(|| proven.mailbox.cursor()),
                    counter: (right == Right::Owner).then_some(proven.mailbox.head.counter),
                }
            }
            Err(refusal) => {
                core.counters.refuse(refusal.code);
                Proved {
                    handle,
                    refused: Some(refusal),
                    head: None,
                    counter: None,
                }
            }
        };
        self.shared.outbox.frame(RelayFrame::Proved(proved), Some(permit));
    }

    fn follow(&mut self, follow: &Follow, permit: OwnedSemaphorePermit) {
        let Some((mailbox, claim)) = self.readable(follow.handle) else {
            return self.ended(follow.handle, ErrorCode::Refused, permit);
        };
        let core = &self.shared.core;
        if self.shared.reading().follows.len() >= core.limits.session_follows {
            return self.ended(follow.handle, ErrorCode::SessionLimit, permit);
        }
        let Some(lease) = self.house.lease(mailbox) else {
            return self.ended(follow.handle, ErrorCode::SessionLimit, permit);
        };
        let (handle, session_id) = (follow.handle, self.shared.id);
        self.shared.follow(handle, |generation| {
            core.counters.follows.fetch_add(1, Ordering::AcqRel);
            let session = Arc::downgrade(&self.shared);
            lease.follow(Follower {
                session,
                bell: None,
                session_id,
                handle,
                generation,
            });
            let subscription = Subscription {
                core: core.clone(),
                lease,
                session: session_id,
                handle,
                generation,
            };
            Following {
                generation,
                mailbox,
                claim,
                after: follow.after,
                credit: i64::from(follow.credit),
                caught_up: false,
                queued: false,
                _subscription: subscription,
            }
        });
    }

    fn fetch(&mut self, fetch: &Fetch, permit: OwnedSemaphorePermit) {
        let Some((mailbox, claim)) = self.readable(fetch.handle) else {
            return self.ended(fetch.handle, ErrorCode::Refused, permit);
        };
        let max_events = usize::try_from(fetch.max_events).unwrap_or(usize::MAX).max(1);
        let fetching = Fetching {
            handle: fetch.handle,
            mailbox,
            claim,
            after: fetch.after,
            max_events,
            _permit: permit,
        };
        self.shared.reading().fetches.push_back(fetching);
        self.shared.outbox.ready.notify_one();
    }

    fn fetch_records(&mut self, fetch: &FetchRecords, permit: OwnedSemaphorePermit) {
        let asked = self.shared.handles().get(&fetch.handle).copied();
        let fetching = FetchingRecords {
            handle: fetch.handle,
            asked: asked.ok_or(ErrorCode::Refused.into()),
            after: fetch.after,
            max_records: fetch.max_records,
            _permit: permit,
        };
        self.shared.reading().records.push_back(fetching);
        self.shared.outbox.ready.notify_one();
    }

    /// A handle under which something may be read at all; what exactly is asked at each page.
    fn readable(&self, handle: u32) -> Option<(MailboxId, Claim)> {
        self.shared
            .handles()
            .get(&handle)
            .copied()
            .filter(|(_, claim)| claim.right != Right::Deposit)
    }

    fn ended(&self, handle: u32, code: ErrorCode, permit: OwnedSemaphorePermit) {
        self.shared.core.counters.refuse(code);
        let ended = RelayFrame::Ended(Ended {
            handle,
            refusal: code.into(),
        });
        self.shared.outbox.frame(ended, Some(permit));
    }
}

/// What every connection is told first.
pub(crate) fn welcome(core: &crate::core::Core) -> Welcome {
    Welcome {
        version: PROTOCOL_VERSION,
        features: Vec::new(),
        domain: core.domain.clone(),
        relay: core.relay,
        incarnation: core.incarnation,
        partitions: core.partitions,
        relay_nonce: Nonce::random(),
        clock: core.clock.now_ms(),
        max_frame: u32::try_from(MAX_FRAME_BYTES).unwrap_or(u32::MAX),
        ext: telesphor_wire::ext::Extensions::none(),
    }
}
