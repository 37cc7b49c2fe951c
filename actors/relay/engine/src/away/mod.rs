//! Mailboxes that this relay does not keep, in a cluster with more relays than replicas.
//!
//! ```text
//!  client                this relay                           a relay that keeps the mailbox
//!  ──────                ──────────                           ──────────────────────────────
//!  Prove    ──────────▶  kept with the session (Shown) ────▶  checks the proof itself
//!  Calls    ──────────▶  tickets wait in the mailbox's lane ▶ admitted, ordered, answered as its own
//!  Follow   ──────────▶  listed with the followers
//!                        woken by its news  ◀───────────────  told of what is fresh, by all who keep it
//!           ◀──────────  a page when there is room ────────▶  the rules asked anew, at each page
//! ```
//!
//! Each question stands alone and carries what it rests on, so when one keeper does not answer the next one
//! is asked, and nothing has to be set up again: commands are known by their ids, pages by where they begin. Where every
//! relay keeps everything there is none of this.

mod answer;
mod ask;
mod carry;
mod copy;
mod news;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use telesphor_rules::read::Claim;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{Incarnation, MailboxId, PartitionId};
use telesphor_wire::passing::Shown;
use telesphor_wire::sign::{PublicKey, SigningKey};
use tokio::sync::Semaphore;

use crate::observe::PassingStatus;
use crate::submit::Item;

pub(crate) use ask::NoKeeper;
use copy::Copies;
pub(crate) use news::Teller;

/// The ways between the relays of a cluster, and who is to keep what.
pub trait Roads: Send + Sync + 'static {
    /// The other relays, those first that are to keep the partition. Others may keep it still.
    fn relays(&self, partition: PartitionId) -> Vec<PublicKey>;

    /// How many relays keep each partition.
    fn keepers(&self) -> usize;

    /// Whether somebody is a relay of the cluster.
    fn knows(&self, relay: &PublicKey) -> bool;

    /// Whether a relay is to keep a partition.
    fn is_keeper(&self, relay: &PublicKey, partition: PartitionId) -> bool;

    /// Asks one of them. What comes back is not checked.
    fn ask(
        &self,
        relay: PublicKey,
        question: Vec<u8>,
        patience: Duration,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, NoAnswer>> + Send + '_>>;

    /// Tells all of them, at most once, in this order. Never waits.
    fn tell(&self, partition: PartitionId, news: Vec<u8>);
}

/// Nothing came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// Nobody is there who could have heard it.
    Nobody,
    /// It may have been heard.
    Late,
}

/// What a relay needs that does not keep every partition.
#[derive(Clone)]
pub struct AwayConfig {
    /// The ways to the others.
    pub roads: Arc<dyn Roads>,
    /// The partitions that are kept here.
    pub kept: BTreeSet<PartitionId>,
    /// Those of them that have just been taken over: what concerns them is passed on until this relay has its
    /// seat ([`crate::Engine::arrived`]).
    pub fresh: BTreeSet<PartitionId>,
}

/// The other relays, as far as mailboxes are concerned that are kept by some.
pub(crate) struct Away {
    roads: Arc<dyn Roads>,
    key: SigningKey,
    me: PublicKey,
    cluster: Incarnation,
    /// By partition.
    places: Vec<Place>,
    /// Relays that did not answer, and until when others are asked before them.
    silent: Mutex<HashMap<PublicKey, Instant>>,
    /// Commands on their way to a keeper, by mailbox: one question at a time, so that they keep their order.
    lanes: Mutex<HashMap<MailboxId, VecDeque<Item>>>,
    /// Questions of others that are answered at once.
    room: Semaphore,
    /// Proofs of others' clients that were good, by what was shown: as a session keeps them.
    proved: Mutex<HashMap<Digest, Claim>>,
    teller: Teller,
    copies: Copies,
    passed_on: AtomicU64,
    unanswered: AtomicU64,
    answered: AtomicU64,
}

/// One partition.
#[derive(Default)]
struct Place {
    /// Followed, and on this disk.
    kept: AtomicBool,
    /// And what concerns it is done here.
    here: AtomicBool,
    /// How far it has come, as far as this relay was told: nobody is asked who is behind that.
    seen: AtomicU64,
    /// Who answered last.
    last: Mutex<Option<PublicKey>>,
    /// What was told last, by whom: life and count.
    told: Mutex<HashMap<PublicKey, (u64, u64)>>,
}

/// Questions of others that are answered at once; more are told to come again.
const ROOM: usize = 1_024;
/// Proofs that are remembered. Beyond that all are checked anew.
const PROOFS: usize = 65_536;

/// No code panics while holding one of these locks, so a poisoned one is still whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Away {
    pub(crate) fn new(config: &AwayConfig, key: SigningKey, cluster: Incarnation, partitions: u16) -> Self {
        let place = |n| {
            let kept = config.kept.contains(&PartitionId(n));
            Place {
                kept: kept.into(),
                here: (kept && !config.fresh.contains(&PartitionId(n))).into(),
                ..Place::default()
            }
        };
        Self {
            roads: config.roads.clone(),
            me: key.public(),
            key,
            cluster,
            places: (0..partitions).map(place).collect(),
            silent: Mutex::default(),
            lanes: Mutex::default(),
            room: Semaphore::new(ROOM),
            proved: Mutex::default(),
            teller: Teller::new(partitions),
            copies: Copies::default(),
            passed_on: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
            answered: AtomicU64::new(0),
        }
    }

    fn place(&self, partition: PartitionId) -> Option<&Place> {
        self.places.get(usize::from(partition.0))
    }

    /// Whether a partition is followed, and on this disk.
    pub(crate) fn is_kept(&self, partition: PartitionId) -> bool {
        self.place(partition)
            .is_some_and(|place| place.kept.load(Ordering::Acquire))
    }

    /// Whether what concerns a partition is done here.
    pub(crate) fn is_here(&self, partition: PartitionId) -> bool {
        self.place(partition)
            .is_some_and(|place| place.here.load(Ordering::Acquire))
    }

    /// A partition is kept here no more.
    pub(crate) fn leave(&self, partition: PartitionId) {
        if let Some(place) = self.place(partition) {
            place.here.store(false, Ordering::Release);
            place.kept.store(false, Ordering::Release);
        }
    }

    /// This relay has its seat in a partition that it took over; `false` if it was known.
    pub(crate) fn arrived(&self, partition: PartitionId) -> bool {
        let kept = |place: &&Place| place.kept.load(Ordering::Acquire);
        let place = self.place(partition).filter(kept);
        place.is_some_and(|place| !place.here.swap(true, Ordering::AcqRel))
    }

    /// In numbers.
    pub(crate) fn status(&self) -> PassingStatus {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PassingStatus {
            passed_on: get(&self.passed_on),
            unanswered: get(&self.unanswered),
            answered: get(&self.answered),
        }
    }

    fn seen(&self, partition: PartitionId) -> u64 {
        self.place(partition)
            .map_or(0, |place| place.seen.load(Ordering::Acquire))
    }

    fn saw(&self, partition: PartitionId, position: u64) {
        if let Some(place) = self.place(partition) {
            place.seen.fetch_max(position, Ordering::AcqRel);
        }
    }
}

/// A right as a client has shown it, for a mailbox that is not kept here.
pub(crate) type ShownRight = Arc<Shown>;
