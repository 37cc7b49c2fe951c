//! Two relays of one cluster: one that keeps everything, and one that keeps nothing.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use telesphor_engine::{AwayConfig, Clock, Engine, Limits, NoAnswer, RelayKeys, Roads};
use telesphor_store::faults::NoFaults;
use telesphor_wire::ids::{Incarnation, PartitionId};
use telesphor_wire::sign::{PublicKey, SigningKey};

use super::{PARTITIONS, Yard, alone};

/// A road without a bus: what is asked is answered at once, unless it is cut.
pub(crate) struct Wire {
    keeper: PublicKey,
    known: BTreeSet<PublicKey>,
    engines: Mutex<Vec<(PublicKey, Engine)>>,
    pub(crate) cut: AtomicBool,
}

impl Wire {
    pub(crate) fn engine(&self, relay: &PublicKey) -> Option<Engine> {
        let engines = self.engines.lock().unwrap();
        let found = engines.iter().find(|(key, _)| key == relay);
        found.map(|(_, engine)| engine.clone())
    }
}

impl Roads for Wire {
    fn relays(&self, _: PartitionId) -> Vec<PublicKey> {
        vec![self.keeper]
    }

    fn keepers(&self) -> usize {
        1
    }

    fn knows(&self, relay: &PublicKey) -> bool {
        self.known.contains(relay)
    }

    fn is_keeper(&self, relay: &PublicKey, _: PartitionId) -> bool {
        *relay == self.keeper
    }

    fn ask(
        &self,
        relay: PublicKey,
        question: Vec<u8>,
        _: Duration,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, NoAnswer>> + Send + '_>> {
        Box::pin(async move {
            if self.cut.load(Ordering::SeqCst) {
                return Err(NoAnswer::Nobody);
            }
            let engine = self.engine(&relay).ok_or(NoAnswer::Nobody)?;
            engine.passed(&question).await.ok_or(NoAnswer::Late)
        })
    }

    fn tell(&self, _: PartitionId, news: Vec<u8>) {
        for (_, engine) in &*self.engines.lock().unwrap() {
            engine.told(&news);
        }
    }
}

/// Both, and the road between them.
pub(crate) struct Pair {
    /// Keeps nothing.
    pub(crate) near: Yard,
    /// Keeps everything.
    pub(crate) far: Yard,
    pub(crate) wire: Arc<Wire>,
    /// Another relay of the cluster, which does not run.
    pub(crate) third: SigningKey,
    pub(crate) cluster: Incarnation,
}

/// The engines hold the road and the road the engines.
impl Drop for Pair {
    fn drop(&mut self) {
        self.wire.engines.lock().unwrap().clear();
    }
}

pub(crate) async fn pair() -> Pair {
    let admission = SigningKey::generate();
    let keys = || RelayKeys {
        attesting: SigningKey::generate(),
        admission: admission.clone(),
    };
    let (near, far, third) = (keys(), keys(), SigningKey::generate());
    let known = [&near.attesting, &far.attesting, &third].map(SigningKey::public);
    let wire = Arc::new(Wire {
        keeper: far.attesting.public(),
        known: known.into_iter().collect(),
        engines: Mutex::default(),
        cut: AtomicBool::new(false),
    });
    let cluster = Incarnation::random();
    let one = async |keys: RelayKeys, kept: u16| {
        let away = AwayConfig {
            roads: wire.clone(),
            kept: (0..kept).map(PartitionId).collect(),
            fresh: BTreeSet::new(),
        };
        let limits = Limits::default();
        let (order, both) = (alone(&limits), (Some(cluster), Some(away)));
        Yard::one_of(order, limits, Clock::system(), Arc::new(NoFaults), keys, both).await
    };
    let (near, far) = (one(near, 0).await, one(far, PARTITIONS).await);
    let engines = [&near, &far].map(|yard| (yard.keys.attesting.public(), yard.engine.clone()));
    wire.engines.lock().unwrap().extend(engines);
    Pair {
        near,
        far,
        wire,
        third,
        cluster,
    }
}
