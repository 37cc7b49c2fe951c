//! What every request needs: the engine, the published record, and the bounds.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use telesphor_blobs::Blobs;
use telesphor_engine::Engine;
use telesphor_wire::canonical;
use telesphor_wire::domain::SignedDomainRecord;

use super::room::Room;
use super::streams::Streams;
use crate::cluster::blobs::Peers;
use crate::exchange::Exchange;
use crate::metrics::Metrics;
use crate::traces::Traces;

/// Shared by all workers.
pub struct Edge {
    /// Decides and keeps.
    pub engine: Engine,
    /// Large ciphertext.
    pub blobs: Arc<Blobs>,
    /// Permits for blobs that are being put or given.
    pub blob_streams: Arc<Streams>,
    /// The other relays of the cluster: what lies here alone would be lost with it.
    pub(crate) peers: Option<Arc<Peers>>,
    /// The way to other domains, if there is one.
    pub(crate) exchange: Option<Arc<Exchange>>,
    /// The domain record in force.
    pub published: Arc<Published>,
    /// Room on the disk.
    pub room: Arc<Room>,
    /// Counters.
    pub metrics: Metrics,
    /// Support codes.
    pub traces: Traces,
    /// A session is pinged this often.
    pub ping_every: Duration,
    /// A session that was silent for so long is closed.
    pub silence_timeout: Duration,
    /// A body must be there within this time.
    pub request_timeout: Duration,
}

/// The signed domain record, as it is sent.
pub struct Published(RwLock<(Arc<SignedDomainRecord>, bytes::Bytes)>);

impl Published {
    /// Publishes this record.
    pub fn new(record: SignedDomainRecord) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Self::forms(record))))
    }

    fn forms(record: SignedDomainRecord) -> (Arc<SignedDomainRecord>, bytes::Bytes) {
        let encoded = canonical::encode(&record).into();
        (Arc::new(record), encoded)
    }

    /// Publishes another one in its place.
    pub fn replace(&self, record: SignedDomainRecord) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Self::forms(record);
    }

    /// The record.
    pub fn record(&self) -> Arc<SignedDomainRecord> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Its canonical bytes.
    pub fn encoded(&self) -> bytes::Bytes {
        self.0.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }
}
