//! From the settings to an order over NATS.

use std::sync::Arc;
use std::time::Duration;

use telesphor_engine::memory;
use telesphor_order::Order;
use telesphor_order::cluster::nats::{Nats, NatsAddress, NatsConfig};
use telesphor_order::cluster::{Cluster, ClusterConfig, Patience};
use telesphor_store::Reader;
use telesphor_wire::error::ErrorCode;

use super::record::SignedClusterRecord;
use crate::config::Settings;
use crate::fault::{Exit, Fault};
use crate::keys::Keys;

/// An answer of NATS is waited for so long.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The order of a cluster.
///
/// # Errors
/// Exit 2 if the settings name no NATS, 8 if a file that they name cannot be read.
pub async fn order(
    settings: &Settings,
    signed: &SignedClusterRecord,
    keys: &Keys,
    reader: Reader,
    waiting_submissions: usize,
) -> Result<Arc<dyn Order>, Fault> {
    let nats = &settings.cluster;
    if nats.nats.is_empty() {
        return Err(Fault::new(
            Exit::Usage,
            ErrorCode::BadConfig,
            "cluster.nats: a relay of a cluster needs at least one NATS server",
        ));
    }
    let within = |path: &std::path::PathBuf| settings.data.join(path);
    let address = NatsAddress {
        servers: nats.nats.clone(),
        ca: nats.ca.as_ref().map(within),
        certificate: nats
            .certificate
            .as_ref()
            .zip(nats.key.as_ref())
            .map(|(c, k)| (within(c), within(k))),
    };
    let client = address
        .connect("telesphor-relay")
        .await
        .map_err(|e| Fault::new(Exit::Machine, ErrorCode::BadConfig, format!("cluster: {e}")))?;
    let bus = Nats::new(
        client,
        NatsConfig {
            name: nats.name.clone(),
            replicas: nats.stream_replicas,
            stream_bytes: i64::try_from(nats.stream_mib << 20).unwrap_or(i64::MAX),
            timeout: TIMEOUT,
        },
    );
    let config = ClusterConfig {
        founding: signed.founding(),
        key: keys.attesting.clone(),
        patience: Patience::default(),
        waiting_submissions,
    };
    Ok(Arc::new(Cluster::new(config, Arc::new(bus), memory(reader))))
}
