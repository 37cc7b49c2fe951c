//! Groups that are synced and answered while the writer decides the next one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::yard;

use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use telesphor_engine::{Clock, Limits};
use telesphor_store::faults::{Faults, Operation};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::session::{ClientFrame, Fetch};
use yard::Yard;
use yard::client::{Client, durable, refused};
use yard::mailboxes::Personal;

/// A disk on which a sync takes until it is let through.
#[derive(Default)]
struct Slow {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    holds: bool,
    /// Syncs that may pass all the same.
    pass: usize,
    fails: bool,
    writes: usize,
}

impl Slow {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn set(&self, set: impl FnOnce(&mut State)) {
        set(&mut self.lock());
        self.changed.notify_all();
    }

    /// Until so many groups have been written since syncs are held.
    async fn written(&self, groups: usize) {
        while self.lock().writes < groups {
            tokio::task::yield_now().await;
        }
    }
}

impl Faults for Slow {
    fn before(&self, operation: Operation) -> std::io::Result<()> {
        let mut state = self.lock();
        match operation {
            Operation::Write if state.holds => state.writes += 1,
            Operation::Sync => {
                while state.holds && state.pass == 0 && !state.fails {
                    state = self.changed.wait(state).unwrap();
                }
                state.pass = state.pass.saturating_sub(1);
                if state.fails {
                    return Err(std::io::Error::other("the disk fails"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// A mailbox whose owner reads, and a contact that has sent four deposits: the first is durable,
/// the others are written, and their sync has not come back.
struct Scene {
    // Connections go before the relay, which waits for its store to be closed.
    owner: Client,
    sender: Client,
    yard: Yard,
    slow: Arc<Slow>,
    personal: Personal,
    calls: Vec<u32>,
}

impl Scene {
    async fn new() -> Self {
        let slow = Arc::new(Slow::default());
        let limits = Limits {
            group_calls: 1,
            ..Limits::default()
        };
        let yard = Yard::with(limits, Clock::system(), slow.clone()).await;
        let (mut owner, personal) = yard.with_personal().await;
        owner.prove_owner(1, &personal).await;
        let mut sender = yard.connect().await;
        sender.prove_contact(1, &personal, 0).await;
        yard.settled().await;

        slow.set(|s| s.holds = true);
        let mut calls = sender.start(1, vec![yard.deposit(personal.id, 0, b"1")]).await;
        slow.written(1).await;
        for payload in [b"2", b"3", b"4"] {
            calls.extend(sender.start(1, vec![yard.deposit(personal.id, 0, payload)]).await);
        }
        while yard.engine.observe().calls_in_flight < 4 {
            tokio::task::yield_now().await;
        }
        slow.set(|s| s.pass = 1);
        durable(sender.answer(calls.remove(0)).await);
        slow.written(4).await;
        Self {
            yard,
            slow,
            owner,
            sender,
            personal,
            calls,
        }
    }

    /// Payloads that the owner is given, and where the mailbox is said to stand.
    async fn fetched(&mut self) -> (Vec<Vec<u8>>, u64) {
        let fetch = Fetch {
            handle: 1,
            after: 1,
            max_events: 100,
        };
        self.owner.send(ClientFrame::Fetch(fetch)).await;
        while self.owner.events.is_empty() {
            self.owner.step().await;
        }
        let page = self.owner.events.pop_front().unwrap();
        let payloads = page.events.iter().map(|e| e.payload.clone().unwrap().to_vec());
        (payloads.collect(), page.head.seq)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_synced_is_neither_shown_nor_answered() {
    let mut scene = Scene::new().await;
    assert_eq!(scene.fetched().await, (vec![b"1".to_vec()], 2));
    assert_eq!(scene.yard.engine.observe().calls_in_flight, 3);

    scene.slow.set(|s| s.holds = false);
    let mut seqs = Vec::new();
    for call in scene.calls.clone() {
        seqs.push(durable(scene.sender.answer(call).await).leaf.seq);
    }
    assert_eq!(seqs, [3, 4, 5]);
    let all = ["1", "2", "3", "4"].map(|p| p.as_bytes().to_vec()).to_vec();
    assert_eq!(scene.fetched().await, (all, 5));
    scene.yard.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_behind_the_writer_confirms_nothing_any_more() {
    let mut scene = Scene::new().await;
    scene.slow.set(|s| s.fails = true);
    for call in scene.calls.clone() {
        let answer = scene.sender.answer(call).await;
        assert_eq!(refused(&answer), ErrorCode::Fenced);
    }
    while !scene.yard.failed.load(std::sync::atomic::Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
    // The disk is well again, and still nothing is taken.
    scene.slow.set(|s| (s.fails, s.holds) = (false, false));
    let late = scene.yard.deposit(scene.personal.id, 0, b"5");
    assert_eq!(refused(&scene.sender.call(1, late).await), ErrorCode::Fenced);
    scene.yard.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_waits_for_what_is_written_and_not_synced() {
    let mut scene = Scene::new().await;
    let engine = scene.yard.engine.clone();
    let drain = tokio::spawn(async move { engine.drain(std::time::Duration::from_secs(60)).await });
    while scene.yard.engine.observe().standing == telesphor_engine::EngineStanding::Serving {
        tokio::task::yield_now().await;
    }
    assert!(!drain.is_finished());
    scene.slow.set(|s| s.holds = false);
    for call in scene.calls.clone() {
        durable(scene.sender.answer(call).await);
    }
    assert!(drain.await.unwrap().finished);
}
