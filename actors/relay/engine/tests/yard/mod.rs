//! A relay in a temporary directory, its mailboxes, and clients that speak its frames.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

pub(crate) mod client;
pub(crate) mod mailboxes;
pub(crate) mod pair;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use telesphor_engine::{AwayConfig, Clock, Engine, EngineConfig, Limits, RelayKeys};
use telesphor_order::{Alone, AloneLimits, Order};
use telesphor_rules::facts::DomainFacts;
use telesphor_store::faults::{Faults, NoFaults, Operation};
use telesphor_store::{Closed, Store, StoreConfig};
use telesphor_wire::ids::Incarnation;
use telesphor_wire::sign::SigningKey;
use telesphor_wire::text::Domain;
use tempfile::TempDir;

pub(crate) const PARTITIONS: u16 = 4;

pub(crate) struct Yard {
    pub(crate) engine: Engine,
    pub(crate) keys: RelayKeys,
    pub(crate) domain: Domain,
    pub(crate) clock: Clock,
    /// Set when the engine has told that its store failed.
    pub(crate) failed: Arc<AtomicBool>,
    pub(crate) limits: Limits,
    /// After the engine and before its directory: fields are dropped in this order.
    closes: Closes,
    directory: TempDir,
}

/// Ends no test before its store is closed: the database's threads must not outlive it.
struct Closes(Closed);

impl Drop for Closes {
    fn drop(&mut self) {
        let closed = self.0.wait(PATIENCE);
        assert!(
            closed || std::thread::panicking(),
            "somebody still holds the store"
        );
    }
}

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A relay with the usual limits.
pub(crate) async fn yard() -> Yard {
    Yard::with(Limits::default(), Clock::system(), Arc::new(NoFaults)).await
}

impl Yard {
    pub(crate) async fn with(limits: Limits, clock: Clock, faults: Arc<dyn Faults>) -> Self {
        let order = alone(&limits);
        Self::over(order, limits, clock, faults).await
    }

    /// Over an order of the test's own.
    pub(crate) async fn over(
        order: Arc<dyn Order>,
        limits: Limits,
        clock: Clock,
        faults: Arc<dyn Faults>,
    ) -> Self {
        let keys = RelayKeys {
            attesting: SigningKey::generate(),
            admission: SigningKey::generate(),
        };
        Self::one_of(order, limits, clock, faults, keys, (None, None)).await
    }

    /// With keys of the test's own, and as one of several that do not all keep everything.
    pub(crate) async fn one_of(
        order: Arc<dyn Order>,
        limits: Limits,
        clock: Clock,
        faults: Arc<dyn Faults>,
        keys: RelayKeys,
        (incarnation, away): (Option<Incarnation>, Option<AwayConfig>),
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let domain: Domain = "hospital-a.example".parse().unwrap();
        let mut config = store_config(&domain, &keys, faults);
        config.incarnation = incarnation;
        let store = Store::create(&directory.path().join("store"), config).unwrap();
        let closes = Closes(store.closed());
        let failed = Arc::new(AtomicBool::new(false));
        let engine = begin(
            &domain,
            &keys,
            limits.clone(),
            clock.clone(),
            store,
            order,
            (failed.clone(), away),
        )
        .await;
        Self {
            engine,
            keys,
            domain,
            clock,
            failed,
            limits,
            closes,
            directory,
        }
    }

    /// Stops the relay and starts it again on the same store.
    pub(crate) async fn again(self) -> Self {
        let Self {
            engine,
            keys,
            domain,
            clock,
            failed,
            limits,
            closes,
            directory,
        } = self;
        let drained = engine.close(PATIENCE).await.unwrap();
        assert!(drained.finished);
        drop(closes);
        let path = directory.path().join("store");
        let store = Store::open(&path, store_config(&domain, &keys, Arc::new(NoFaults))).unwrap();
        let closes = Closes(store.closed());
        let order = alone(&limits);
        let engine = begin(
            &domain,
            &keys,
            limits.clone(),
            clock.clone(),
            store,
            order,
            (failed.clone(), None),
        )
        .await;
        Self {
            engine,
            keys,
            domain,
            clock,
            failed,
            limits,
            closes,
            directory,
        }
    }

    /// Until nothing that was answered holds memory any more.
    pub(crate) async fn settled(&self) {
        loop {
            let seen = self.engine.observe();
            if (seen.calls_in_flight, seen.bytes_in_flight) == (0, 0) {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        self.directory.path()
    }
}

fn store_config(domain: &Domain, keys: &RelayKeys, faults: Arc<dyn Faults>) -> StoreConfig {
    let facts = DomainFacts {
        domain: domain.clone(),
        admission: keys.admission.public(),
        partitions: PARTITIONS,
    };
    StoreConfig {
        faults,
        ..StoreConfig::new(facts)
    }
}

pub(crate) fn alone(limits: &Limits) -> Arc<dyn Order> {
    let limits = AloneLimits {
        waiting_submissions: limits.partition_waiting,
    };
    Arc::new(Alone::new(PARTITIONS, limits))
}

async fn begin(
    domain: &Domain,
    keys: &RelayKeys,
    limits: Limits,
    clock: Clock,
    store: Store,
    order: Arc<dyn Order>,
    (failed, away): (Arc<AtomicBool>, Option<AwayConfig>),
) -> Engine {
    let config = EngineConfig {
        limits,
        clock,
        away,
        on_fatal: Arc::new(move |_| failed.store(true, Ordering::SeqCst)),
        ..EngineConfig::new(domain.clone(), PARTITIONS)
    };
    Engine::start(config, store, order, keys.clone()).await.unwrap()
}

/// A disk that fails from some moment on.
#[derive(Default)]
pub(crate) struct Failing(pub(crate) AtomicBool);

impl Faults for Failing {
    fn before(&self, operation: Operation) -> std::io::Result<()> {
        let fails = matches!(operation, Operation::Write | Operation::Sync) && self.0.load(Ordering::SeqCst);
        if fails {
            Err(std::io::Error::other("the disk fails"))
        } else {
            Ok(())
        }
    }
}
