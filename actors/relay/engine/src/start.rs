//! Putting the house together.

use std::sync::{Arc, mpsc};

use ractor::ActorRuntime;
use telesphor_order::{Order, OrderError};
use telesphor_store::{Store, StoreError};
use telesphor_wire::ids::PartitionId;
use telesphor_wire::sign::SigningKey;

use crate::actors::registry::Registry;
use crate::actors::supervisor::Supervisor;
use crate::behind::{After, Behind};
use crate::config::{EngineConfig, RelayKeys};
use crate::core::Core;
use crate::deliveries::{self, Begun};
use crate::house::House;
use crate::partition::Partition;
use crate::settle::Settler;
use crate::unsettled::Unsettled;
use crate::writer::{Job, Writer};

/// The engine could not be started.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store could not be read.
    #[error("the store could not be read")]
    Store(#[from] StoreError),
    /// The order cannot be followed from where the store stands.
    #[error("the order cannot be followed from where the store stands")]
    Order(#[from] OrderError),
    /// An actor could not be started.
    #[error("an actor could not be started")]
    Actor,
    /// The writer's thread could not be started.
    #[error("the writer's thread could not be started")]
    Thread(#[from] std::io::Error),
}

/// What the engine's front door holds.
pub(crate) struct Started {
    pub(crate) house: Arc<House>,
    pub(crate) jobs: mpsc::SyncSender<Job>,
    /// Tells when the writer has ended.
    pub(crate) writer: tokio::sync::watch::Receiver<bool>,
    /// Its thread, until somebody waits for its end.
    pub(crate) thread: Option<std::thread::JoinHandle<()>>,
    /// Signs what operators say of admission tokens.
    pub(crate) admission: SigningKey,
    /// The writer of delivery records.
    pub(crate) records: Option<Begun>,
}

/// Jobs that wait for the writer; administrators are few.
const JOBS: usize = 16;

pub(crate) async fn start(
    config: EngineConfig,
    store: Store,
    order: Arc<dyn Order>,
    keys: RelayKeys,
) -> Result<Started, EngineError> {
    let (reader, keeper) = (store.reader(), store.record_keeper());
    let core = Arc::new(Core::new(&config, &keys.attesting, reader.clone()));
    let mut partitions = Vec::new();
    for number in 0..config.partitions {
        let id = PartitionId(number);
        let head = reader.partition(id)?;
        core.clock.at_least(head.clock);
        partitions.push(Arc::new(Partition::new(id, head.position)));
    }
    let after: Vec<_> = partitions
        .iter()
        .filter(|p| core.keeps(p.id))
        .map(|p| (p.id, p.position.load(std::sync::atomic::Ordering::Acquire)))
        .collect();
    let feed = order.follow(&after)?;

    let registry = Arc::new(Registry::new(core.clone()));
    let arguments = (registry.clone(), order.clone());
    let (supervisor, _) = ActorRuntime::spawn(None, Supervisor, arguments)
        .await
        .map_err(|_| EngineError::Actor)?;
    let house = Arc::new(House {
        core,
        order,
        registry,
        partitions,
        supervisor: supervisor.get_cell(),
    });
    let records = deliveries::begin(house.core.clone(), keeper, config.on_fatal.clone())?;
    let (jobs, queue) = mpsc::sync_channel(JOBS);
    let (ended, writer) = tokio::sync::watch::channel(false);
    let admission = keys.admission.clone();
    let settler = Arc::new(Settler {
        keys,
        domain: config.domain,
        reader,
        quorum: config.quorum,
        on_outbox: config.on_outbox,
    });
    let applier = store.into_applier();
    let after = Arc::new(After {
        house: house.clone(),
        settler,
        syncer: applier.syncer(),
    });
    let work = Writer {
        house: house.clone(),
        feed,
        applier,
        behind: Behind::start(after.clone(), config.on_fatal.clone())?,
        after,
        unsettled: Unsettled::default(),
        jobs: queue,
        on_fatal: config.on_fatal,
        _ended: ended,
    };
    let thread = std::thread::Builder::new()
        .name("telesphor-writer".into())
        .spawn(move || work.run())?;
    Ok(Started {
        house,
        jobs,
        writer,
        thread: Some(thread),
        admission,
        records: Some(records),
    })
}
