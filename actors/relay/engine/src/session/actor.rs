//! The actor of one connection: deals with one frame after the other, in their order.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use telesphor_wire::answer::Refusal;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::Nonce;
use telesphor_wire::limits::{MAX_FRAME_BYTES, MAX_HANDLES_PER_SESSION, PROTOCOL_VERSION};
use telesphor_wire::mailbox::Cursor;
use telesphor_wire::records::{FEATURE, FetchRecords};
use telesphor_wire::session::{
    Call, ClientFrame, Ended, Fetch, Follow, Hello, Prove, Proved, RelayFrame, Right, SessionProof, Welcome,
};
use tokio::sync::OwnedSemaphorePermit;

use super::SessionContext;
use super::shared::{Fetching, FetchingRecords, Follower, Following, Shared, Subscription};
use crate::away::NoKeeper;
use crate::house::House;
use crate::proof::{self, Bound, Connection, Proven};
use crate::submit::{self, Granted};
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
        let proven = match room {
            true => self.check(proof, greeted).await,
            false => Ok(Err(Refusal::of(ErrorCode::SessionLimit))),
        };
        let Ok(proven) = proven else {
            // A refusal would be taken for the last word on this right; elsewhere, or in a moment, it is heard.
            return self.shared.goodbye(ErrorCode::HoldersAway);
        };
        let proved = match proven {
            Ok((granted, head, counter)) => {
                let right = granted.claim.right;
                self.shared.regrant(handle, &granted);
                self.shared.handles().insert(handle, granted);
                Proved {
                    handle,
                    refused: None,
                    head: (right != Right::Deposit).then_some(head),
                    counter: (right == Right::Owner).then_some(counter),
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

    /// The right, where its mailbox stands, and its owner's last counter.
    async fn check(
        &self,
        proof: SessionProof,
        greeted: Greeted,
    ) -> Result<Result<(Granted, Cursor, u64), Refusal>, NoKeeper> {
        let core = &self.shared.core;
        let here = Connection {
            domain: core.domain.clone(),
            relay: core.relay,
            channel_binding: self.context.channel_binding,
            relay_nonce: greeted.relay_nonce,
            given_ms: greeted.given_ms,
            agent_nonce: greeted.agent_nonce,
            body: None,
        };
        if let Some((away, partition)) = core.away_for(&proof.mailbox) {
            if let Err(stale) = here.fresh(core.clock.now_ms()) {
                return Ok(Err(stale));
            }
            let shown = here.shown(proof);
            let held = away.proof(partition, &shown).await?;
            return Ok(held.map(|held| (Granted::elsewhere(shown), held.head, held.counter)));
        }
        let at = core.clone();
        let check = move || proof::check(&at.reader, &Bound::Here(here), &proof, at.clock.now_ms());
        let proven = core.clone().blocking(check).await;
        Ok(proven.map(|Proven { claim, mailbox }| {
            let (head, counter) = (mailbox.cursor(), mailbox.head.counter);
            (Granted::here(mailbox.id, claim), head, counter)
        }))
    }

    fn follow(&mut self, follow: &Follow, permit: OwnedSemaphorePermit) {
        let Some(granted) = self.readable(follow.handle) else {
            return self.ended(follow.handle, ErrorCode::Refused, permit);
        };
        let Granted {
            mailbox,
            claim,
            shown,
        } = granted;
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
                shown,
                _subscription: subscription,
            }
        });
    }

    fn fetch(&mut self, fetch: &Fetch, permit: OwnedSemaphorePermit) {
        let Some(granted) = self.readable(fetch.handle) else {
            return self.ended(fetch.handle, ErrorCode::Refused, permit);
        };
        let max_events = usize::try_from(fetch.max_events).unwrap_or(usize::MAX).max(1);
        let fetching = Fetching {
            handle: fetch.handle,
            mailbox: granted.mailbox,
            claim: granted.claim,
            after: fetch.after,
            max_events,
            shown: granted.shown,
            _permit: permit,
        };
        let mut reading = self.shared.reading();
        match fetching.shown {
            None => reading.fetches.push_back(fetching),
            Some(_) => reading.far.fetches.push_back(fetching),
        }
        drop(reading);
        self.shared.outbox.ready.notify_one();
    }

    fn fetch_records(&mut self, fetch: &FetchRecords, permit: OwnedSemaphorePermit) {
        let asked = self.shared.handles().get(&fetch.handle).cloned();
        let fetching = FetchingRecords {
            handle: fetch.handle,
            asked: asked.ok_or(ErrorCode::Refused.into()),
            after: fetch.after,
            max_records: fetch.max_records,
            _permit: permit,
        };
        let mut reading = self.shared.reading();
        match &fetching.asked {
            Ok(granted) if granted.shown.is_some() => reading.far.records.push_back(fetching),
            _ => reading.records.push_back(fetching),
        }
        drop(reading);
        self.shared.outbox.ready.notify_one();
    }

    /// A handle under which something may be read at all; what exactly is asked at each page.
    fn readable(&self, handle: u32) -> Option<Granted> {
        self.shared
            .handles()
            .get(&handle)
            .filter(|granted| granted.claim.right != Right::Deposit)
            .cloned()
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
