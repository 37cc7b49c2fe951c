//! The engine's front door.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use ractor::ActorRuntime;
use telesphor_order::Order;
use telesphor_rules::facts::{Token, token_hash};
use telesphor_store::{Store, StoreError, Upkeep};
use telesphor_wire::answer::Refusal;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{MailboxId, Nonce, PartitionId, Voucher};
use telesphor_wire::session::{SessionProof, SingleCall, Welcome};
use telesphor_wire::text::SupportCode;
use tokio::sync::oneshot;

use crate::admin::{self, AdminError, StillOpen};
use crate::blobs::{self, BlobRight};
use crate::config::{EngineConfig, RelayKeys};
use crate::house::House;
use crate::observe::{EngineStanding, Observation};
use crate::session::actor::{self, SessionActor};
use crate::session::shared::Shared;
use crate::session::{Session, SessionContext};
use crate::single::{self, SingleAnswer, SingleContext};
use crate::start::{self, EngineError, Started};
use crate::submit::Granted;
use crate::trace::Trace;
use crate::writer::Job;

/// One relay, without its sockets. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    started: Started,
    upkeep: Upkeep,
    sessions: Mutex<HashMap<u64, Weak<Shared>>>,
    next_session: AtomicU64,
}

impl Inner {
    /// No code panics while holding the lock, so a poisoned one is still whole.
    fn sessions(&self) -> MutexGuard<'_, HashMap<u64, Weak<Shared>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An engine that is let go without a drain stops at once: what was taken and is not yet
/// durable is answered as unknown. Waits for the writer, which is in the middle of at most one
/// group: no process may leave while it works on the database.
impl Drop for Inner {
    fn drop(&mut self) {
        let house = &self.started.house;
        house.core.begin_draining();
        for session in self.sessions().values().filter_map(Weak::upgrade) {
            session.goodbye(ErrorCode::Draining);
        }
        house.order.close();
        house.supervisor.stop(None);
        // A writer that panicked has told so on its way out.
        let _ = self.started.thread.take().map(JoinHandle::join);
        house.core.notes.close();
        let _ = self.started.records.take().map(JoinHandle::join);
    }
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Whether everything that was taken got its real answer in time. If not, senders ask
    /// again with the same bytes, and nothing that was confirmed is lost.
    pub finished: bool,
    /// Sessions that were told Goodbye.
    pub sessions: usize,
}

impl Engine {
    /// Starts the actors and the writer. Call it within the Tokio runtime they are to live on
    /// (multi-threaded, time enabled).
    ///
    /// # Errors
    /// [`EngineError`]; nothing runs then.
    pub async fn start(
        config: EngineConfig,
        store: Store,
        order: Arc<dyn Order>,
        keys: RelayKeys,
    ) -> Result<Self, EngineError> {
        let upkeep = store.upkeep();
        let started = start::start(config, store, order, keys).await?;
        Ok(Self(Arc::new(Inner {
            started,
            upkeep,
            sessions: Mutex::new(HashMap::new()),
            next_session: AtomicU64::new(1),
        })))
    }

    pub(crate) fn house(&self) -> &Arc<House> {
        &self.0.started.house
    }

    /// A Welcome with a fresh nonce. For single HTTP calls the edge keeps `relay_nonce` and
    /// `clock` of it with the connection ([`SingleContext`]); sessions are welcomed by themselves.
    pub fn welcome(&self) -> Welcome {
        actor::welcome(&self.0.started.house.core)
    }

    /// Begins a connection.
    ///
    /// # Errors
    /// A refusal to be told as Goodbye: 5001 while draining, 5003 after a failure, 4004 if
    /// there are too many.
    pub async fn open_session(&self, context: SessionContext) -> Result<Session, Refusal> {
        let house = &self.0.started.house;
        match house.core.standing() {
            EngineStanding::Serving if !house.core.is_retiring() => {}
            EngineStanding::Serving | EngineStanding::Draining => return Err(ErrorCode::Draining.into()),
            EngineStanding::Failed => return Err(ErrorCode::Fenced.into()),
        }
        let id = self.0.next_session.fetch_add(1, Ordering::Relaxed);
        let shared = {
            let mut sessions = self.0.sessions();
            // Entries of sessions that have ended go now and then, not one by one.
            let open = house.core.counters.sessions.load(Ordering::Acquire);
            if sessions.len() >= house.core.limits.sessions.min(64 + 2 * open) {
                sessions.retain(|_, session| session.strong_count() > 0);
            }
            if sessions.len() >= house.core.limits.sessions {
                return Err(ErrorCode::SessionLimit.into());
            }
            let shared = Arc::new(Shared::new(house.core.clone(), id));
            sessions.insert(id, Arc::downgrade(&shared));
            shared
        };
        let arguments = (house.clone(), shared.clone(), context);
        let _entered = house.core.runtime.enter();
        let spawned =
            ActorRuntime::spawn_linked_instant(None, SessionActor, arguments, house.supervisor.clone());
        let (actor, _) = spawned.map_err(|_| Refusal::of(ErrorCode::Internal))?;
        Ok(Session::new(house.clone(), shared, actor))
    }

    /// Carries out a single HTTP call.
    pub async fn single(
        &self,
        context: SingleContext,
        proof: Option<SessionProof>,
        call: SingleCall,
    ) -> SingleAnswer {
        single::single(&self.0.started.house, context, proof, call).await
    }

    /// Checks the proof of a call about a blob, bound to `bound`. The ciphertext is not the
    /// engine's.
    ///
    /// # Errors
    /// The refusal to be sent.
    pub async fn blob_right(
        &self,
        context: SingleContext,
        proof: SessionProof,
        agent_nonce: Nonce,
        bound: Digest,
    ) -> Result<BlobRight, Refusal> {
        blobs::prove(&self.0.started.house, context, proof, agent_nonce, bound).await
    }

    /// Whether the time of a blob that stands in a mailbox since `since` has run out there.
    /// Blocks on the disk.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn blob_is_over(&self, mailbox: &MailboxId, since: u64) -> Result<bool, StoreError> {
        blobs::is_over(&self.0.started.house, mailbox, since)
    }

    /// Stops for good: takes nothing new, finishes what was taken, tells every session Goodbye, and
    /// lets the writer end with its note synced. After `timeout` what is not finished is
    /// answered as unknown.
    pub async fn drain(&self, timeout: Duration) -> Drained {
        let core = &self.0.started.house.core;
        core.begin_draining();
        let deadline = tokio::time::Instant::now() + timeout;
        let answered = tokio::time::timeout_at(deadline, self.all_answered())
            .await
            .is_ok();
        let told = self.goodbye();
        self.0.started.house.order.close();
        let mut writer = self.0.started.writer.clone();
        // Ends when the writer drops its side.
        let ended = tokio::time::timeout_at(deadline, async { while writer.changed().await.is_ok() {} })
            .await
            .is_ok();
        if !ended {
            for partition in &self.0.started.house.partitions {
                partition.abandon();
            }
        }
        // Nothing is handed to anybody any more; what was is written down.
        core.notes.close();
        let recorded = tokio::time::timeout_at(deadline, core.notes.all_written())
            .await
            .is_ok();
        // With it all that are linked to it. What waits to be sent on connections stays there.
        self.0.started.house.supervisor.stop(None);
        let finished = answered && ended && recorded && core.standing() != EngineStanding::Failed;
        Drained {
            finished,
            sessions: told,
        }
    }

    /// Drains, lets go of everything, and waits until the database is closed: nothing of it is
    /// left, neither a thread nor a lock. Other clones, sessions and upkeeps must have been
    /// dropped, or be about to.
    ///
    /// # Errors
    /// [`StillOpen`] if somebody held the store all the while.
    pub async fn close(self, patience: Duration) -> Result<Drained, StillOpen> {
        let drained = self.drain(patience).await;
        let (runtime, closed) = (self.0.started.house.core.runtime.clone(), self.0.upkeep.closed());
        drop(self);
        match runtime.spawn_blocking(move || closed.wait(patience)).await {
            Ok(true) => Ok(drained),
            _ => Err(StillOpen),
        }
    }

    async fn all_answered(&self) {
        let core = &self.0.started.house.core;
        loop {
            let notified = core.all_answered.notified();
            tokio::pin!(notified);
            // Registered before the look, so that no notice falls between the two.
            notified.as_mut().enable();
            let none = core.counters.calls_in_flight.load(Ordering::Acquire) == 0;
            if none || core.standing() == EngineStanding::Failed {
                return;
            }
            notified.await;
        }
    }

    fn goodbye(&self) -> usize {
        let sessions: Vec<_> = self.0.sessions().values().filter_map(Weak::upgrade).collect();
        let open = sessions.iter().filter(|s| !s.outbox.ending());
        open.map(|session| session.goodbye(ErrorCode::Draining)).count()
    }

    /// The engine at this moment, in numbers.
    pub fn observe(&self) -> Observation {
        let house = &self.0.started.house;
        let (core, counters) = (&house.core, &house.core.counters);
        Observation {
            standing: core.standing(),
            incarnation: core.incarnation,
            sessions: counters.sessions.load(Ordering::Acquire),
            live_mailboxes: house.registry.len(),
            follows: counters.follows.load(Ordering::Acquire),
            calls_in_flight: counters.calls_in_flight.load(Ordering::Acquire),
            bytes_in_flight: core
                .limits
                .bytes_in_flight
                .saturating_sub(core.bytes.available_permits()),
            partitions: house
                .partitions
                .iter()
                .map(|p| p.status(&*house.order, core.keeps(p.id)))
                .collect(),
            totals: counters.totals(),
            last_fsync: counters.last_fsync(),
            deliveries: core.notes.status(),
            passing: core.away.as_ref().map(|away| away.status()),
        }
    }

    /// Bytes that the store has in memory and will write to the disk before long, beside what it is
    /// given; 0 of a store that has failed.
    pub fn unflushed(&self) -> u64 {
        self.0.started.house.core.reader.unflushed().unwrap_or(0)
    }

    /// What became of a support code's calls, oldest first; empty if it is not, or no longer, known.
    pub fn trace(&self, support: SupportCode) -> Vec<Trace> {
        self.0.started.house.core.trace(support)
    }

    /// Registers an admission token, durably. Only its hash is kept.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn register_token(&self, token: Voucher, entry: Token) -> Result<(), AdminError> {
        self.set_token(token_hash(&token), entry).await
    }

    /// Admission tokens as they durably stand, by their hash; at most `max`. Reads the disk.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tokens(&self, max: usize) -> Result<Vec<(Digest, Token)>, StoreError> {
        self.0.started.house.core.reader.tokens(max)
    }

    /// Sets what the token of this hash is worth from now on, durably: a command like any other,
    /// so that all relays of a cluster know it. Without uses it is ended.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn set_token(&self, hash: Digest, entry: Token) -> Result<(), AdminError> {
        let started = &self.0.started;
        let command = admin::admission(&started.house.core, &started.admission, hash, entry);
        admin::carried_out(&started.house, command).await
    }

    /// Makes a backup in a new directory, while the writer stands between two groups: every
    /// partition is in it as it stood at one moment.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn backup(&self, directory: PathBuf) -> Result<(), AdminError> {
        let (sender, done) = oneshot::channel();
        let upkeep = self.0.upkeep.clone();
        let job: Job = Box::new(move |_| {
            // A backup that fails harms nothing but itself.
            drop(sender.send(upkeep.checkpoint(&directory)));
            Ok(())
        });
        self.give(job)?;
        Ok(done.await.map_err(|_| AdminError::Stopped)??)
    }

    /// The answer to what another relay of the cluster passes on, if it is to have one. Takes as long as
    /// what is asked for.
    pub async fn passed(&self, question: &[u8]) -> Option<Vec<u8>> {
        let house = self.house();
        let away = house.core.away.clone()?;
        away.answered(house, &self.0.upkeep, question).await
    }

    /// What another relay tells of mailboxes that it keeps.
    pub fn told(&self, news: &[u8]) {
        let house = self.house();
        if let Some(away) = &house.core.away {
            away.heard(house, news);
        }
    }

    /// Keeps a partition no more: another relay has its seat. Clients that have proved a right in it here
    /// come again, and what was kept of it goes, in as long as that takes.
    ///
    /// # Errors
    /// [`AdminError`]; then it is to be called again.
    pub async fn leave(&self, partition: PartitionId) -> Result<(), AdminError> {
        let core = &self.house().core;
        let Some(away) = &core.away else { return Ok(()) };
        away.leave(partition);
        self.come_again(partition, |granted| granted.shown.is_none());
        let upkeep = self.0.upkeep.clone();
        let erase = move || upkeep.erase_part(partition);
        let erased = core.runtime.spawn_blocking(erase).await;
        Ok(erased.map_err(|_| AdminError::Stopped)??)
    }

    /// This relay has its seat in a partition that it took over: what concerns it is done here from now on, and
    /// clients that have shown a right in it to others come again. Nothing if it did so before.
    pub fn arrived(&self, partition: PartitionId) {
        let away = self.house().core.away.as_ref();
        if away.is_some_and(|away| away.arrived(partition)) {
            self.come_again(partition, |granted| granted.shown.is_some());
        }
    }

    /// Takes no more sessions and lets go of those there are, while the rest goes on: this relay is to leave
    /// its cluster.
    pub fn retire(&self) {
        self.house().core.retire();
        self.goodbye();
    }

    /// Has clients come again that have proved such a right in a partition.
    fn come_again(&self, partition: PartitionId, meant: impl Fn(&Granted) -> bool) {
        let core = &self.house().core;
        let meant = |granted: &Granted| core.partition_of(&granted.mailbox) == partition && meant(granted);
        let sessions: Vec<_> = self.0.sessions().values().filter_map(Weak::upgrade).collect();
        for session in sessions {
            let comes = session.handles().values().any(&meant);
            if comes {
                session.goodbye(ErrorCode::Draining);
            }
        }
    }

    /// Has the other relays told how much they should have heard. To be called about once a second.
    pub fn say_again(&self) {
        if let Some(away) = &self.house().core.away {
            away.say_again();
        }
    }

    /// The partition a mailbox lives in.
    pub fn partition_of(&self, mailbox: &MailboxId) -> PartitionId {
        self.house().core.partition_of(mailbox)
    }

    /// For verifying, reclaiming and inspecting beside the running writer.
    pub fn upkeep(&self) -> Upkeep {
        self.0.upkeep.clone()
    }

    fn give(&self, job: Job) -> Result<(), AdminError> {
        use std::sync::mpsc::TrySendError;
        self.0.started.jobs.try_send(job).map_err(|e| match e {
            TrySendError::Full(_) => AdminError::Busy,
            TrySendError::Disconnected(_) => AdminError::Stopped,
        })?;
        self.0.started.house.order.wake();
        Ok(())
    }
}
