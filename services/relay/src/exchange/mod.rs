//! The exchange with other domains: what our agents put into their outboxes is passed on, and what
//! other domains pass on to us is carried out.
//!
//! ```text
//! agent -> outbox (a mailbox: ordered, durable) -> pass -> NATS -> the other domain's relay
//!                                                                   opens it, carries it out like
//! agent <- outbox <- news <- heard <- NATS <----------------------- any command, seals the answer
//! ```
//!
//! Nothing is remembered here that a mailbox does not hold: a relay that starts reads the outboxes.
//! Requests and answers may come twice, late or never; the rules' memory of command ids makes the
//! first harmless, and whoever waits for an answer asks again.

mod files;
mod guests;
mod heard;
mod holds;
mod news;
mod outbox;
mod pass;
mod road;
mod show;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use telesphor_blobs::Blobs;
use telesphor_engine::Engine;
use telesphor_order::cluster::Wanted;
use telesphor_order::exchange::{Road, Way};
use telesphor_rules::exchange::{Guests, Holds, LaneKey, Patience, Work};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::forward::key::SignedSealingKey;
use telesphor_wire::forward::word::{About, Word};
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::sign::{PublicKey, SigningKey};
use telesphor_wire::text::{Domain, SupportCode};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use crate::clock;
use crate::cluster::blobs::Peers;
use crate::edge::{Room, Streams};
use crate::layout::Layout;
use crate::metrics::Metrics;
use crate::peers::{self, PinnedDomains};
use crate::sealing::Sealing;
use crate::traces::Traces;

pub(crate) use road::connect;
pub use show::PeerStanding;

/// Requests that one domain has of ours at once, without an answer.
const FLYING: usize = 256;
/// Requests of one domain that are carried out at once.
const INSIDE: usize = 128;

/// Between two looks whether anybody is pinned.
const PINNED_YET: Duration = Duration::from_millis(500);

/// Between two looks whether it is known what time it is: what waits is too old on a wrong clock.
const TIME_YET: Duration = Duration::from_millis(100);
/// Relays that say nothing of their clocks are waited for so long.
const TIME_PATIENCE: Duration = Duration::from_secs(30);

/// The domain's side of the exchange.
pub(crate) struct Exchange {
    engine: Engine,
    road: Road,
    domain: Domain,
    /// Signs what is said to other domains.
    key: SigningKey,
    /// Deposits what became of requests.
    deposit: SigningKey,
    /// This relay, and the others that do the same work.
    me: PublicKey,
    wanted: Option<watch::Receiver<Wanted>>,
    peers: Arc<RwLock<PinnedDomains>>,
    sealing: Arc<RwLock<Sealing>>,
    patience: Patience,
    /// Whether its NATS is there for the exchange, and not the cluster's.
    own_road: bool,
    layout: Layout,
    room: Arc<Room>,
    files: Files,
    metrics: Metrics,
    traces: Traces,
    dirty: Arc<Dirty>,
    state: Mutex<State>,
    guests: Mutex<Guests<Domain>>,
    holds: Mutex<Holds<Domain, AbortHandle>>,
    moved: Notify,
}

/// Where files lie, and how many may move.
#[derive(Clone)]
pub(crate) struct Files {
    pub(crate) blobs: Arc<Blobs>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) peers: Option<Arc<Peers>>,
}

/// What the exchange is made from.
pub(crate) struct Parts {
    pub(crate) engine: Engine,
    pub(crate) road: Road,
    pub(crate) domain: Domain,
    pub(crate) key: SigningKey,
    pub(crate) deposit: SigningKey,
    pub(crate) me: PublicKey,
    pub(crate) wanted: Option<watch::Receiver<Wanted>>,
    pub(crate) peers: Arc<RwLock<PinnedDomains>>,
    pub(crate) sealing: Arc<RwLock<Sealing>>,
    pub(crate) give_up_ms: u64,
    pub(crate) own_road: bool,
    pub(crate) layout: Layout,
    pub(crate) room: Arc<Room>,
    pub(crate) files: Files,
    pub(crate) metrics: Metrics,
    pub(crate) traces: Traces,
    pub(crate) dirty: Arc<Dirty>,
}

/// Outboxes in which something new stands. Filled by the engine, which must not wait.
#[derive(Default)]
pub(crate) struct Dirty {
    mailboxes: Mutex<BTreeSet<MailboxId>>,
    some: Notify,
}

impl Dirty {
    /// Something stands in these.
    pub(crate) fn mark(&self, mailboxes: &[MailboxId]) {
        let mut all = self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(mailboxes);
        drop(all);
        self.some.notify_one();
    }

    fn take(&self) -> BTreeSet<MailboxId> {
        std::mem::take(&mut *self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Read out of the outboxes, and what is known of the other domains.
#[derive(Default)]
struct State {
    /// How far each outbox was read.
    read: HashMap<MailboxId, u64>,
    /// Requests without an answer, by their digest.
    open: HashMap<Digest, Place>,
    work: BTreeMap<Domain, Work>,
    heard: BTreeMap<Domain, Heard>,
}

/// Where a request without an answer is.
#[derive(Clone)]
struct Place {
    to: Domain,
    lane: LaneKey,
    seq: u64,
    support: SupportCode,
}

/// What is known of another domain since the start.
#[derive(Default)]
struct Heard {
    /// Its newest sealing key.
    sealing: Option<SignedSealingKey>,
    /// When it was heard last.
    last: Option<Instant>,
    /// Why it takes nothing, if it said so.
    trouble: Option<ErrorCode>,
    answered: u64,
    undelivered: u64,
}

impl Exchange {
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        let patience = Patience {
            answer: pass::ANSWER_MS,
            longest: pass::LONGEST_MS,
            give_up: parts.give_up_ms,
        };
        let mut state = State::default();
        for (domain, _) in parts.peers.read().unwrap_or_else(PoisonError::into_inner).iter() {
            let sealing = peers::sealing(&parts.layout, domain);
            state.heard.entry(domain.clone()).or_default().sealing = sealing;
        }
        Arc::new(Self {
            engine: parts.engine,
            road: parts.road,
            domain: parts.domain,
            key: parts.key,
            deposit: parts.deposit,
            me: parts.me,
            wanted: parts.wanted,
            peers: parts.peers,
            sealing: parts.sealing,
            patience,
            own_road: parts.own_road,
            layout: parts.layout,
            room: parts.room,
            files: parts.files,
            metrics: parts.metrics,
            traces: parts.traces,
            dirty: parts.dirty,
            state: Mutex::new(state),
            guests: Mutex::default(),
            holds: Mutex::default(),
            moved: Notify::new(),
        })
    }

    /// Works until it is dropped.
    pub(crate) async fn run(self: Arc<Self>) {
        let begun = Instant::now();
        while self.engine.time().is_none() && begun.elapsed() < TIME_PATIENCE {
            tokio::time::sleep(TIME_YET).await;
        }
        tokio::join!(
            self.clone().read_outboxes(),
            self.clone().pass_on(),
            self.clone().hear_answers(),
            self.clone().hear_asks(),
            self.clone().tend(),
        );
    }

    /// No code panics while holding the lock, so a poisoned one is still whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pinned(&self, domain: &Domain) -> Option<PublicKey> {
        let peers = self.peers.read().unwrap_or_else(PoisonError::into_inner);
        peers.get(domain).map(|card| card.record.key)
    }

    /// Ready when there is somebody to hear. The NATS of a cluster may know of no exchange, and would
    /// call it a violation to listen.
    async fn until_pinned(&self) {
        loop {
            if self.is_anybody_pinned() {
                return;
            }
            tokio::time::sleep(PINNED_YET).await;
        }
    }

    fn is_anybody_pinned(&self) -> bool {
        if self.own_road {
            return true;
        }
        let peers = self.peers.read().unwrap_or_else(PoisonError::into_inner);
        peers.iter().next().is_some()
    }

    async fn say(&self, to: &Domain, way: Way, about: About) {
        let word = Word {
            from: self.domain.clone(),
            to: to.clone(),
            about,
            ext: Extensions::none(),
        };
        self.road.say(to, way, word.signed(&self.key)).await;
    }

    /// How many relays of the cluster come before this one, as far as an outbox is concerned: they
    /// all read it, one passes on, and the next ones wait to see it done.
    fn rank(&self, mailbox: &MailboxId) -> u64 {
        let Some(wanted) = &self.wanted else { return 0 };
        let weight = |relay: &PublicKey| {
            let both = telesphor_wire::canonical::encode(&(mailbox, relay));
            telesphor_wire::hash::hash_bytes(telesphor_wire::labels::HashLabel::Forwarded, &both)
        };
        let mine = weight(&self.me);
        // Only those read it who keep it.
        let keepers = wanted.borrow().seats(self.engine.partition_of(mailbox));
        keepers.iter().filter(|r| weight(r) < mine).count() as u64
    }

    /// By the engine's clock, which believes no relay alone: on a clock that runs ahead everything that
    /// waits would come back as too old.
    fn now(&self) -> u64 {
        self.engine.time().unwrap_or_else(clock::now_ms)
    }
}
