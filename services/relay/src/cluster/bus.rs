//! From the settings to an order over NATS.

use std::sync::Arc;
use std::time::Duration;

use telesphor_engine::memory;
use telesphor_order::Order;
use telesphor_order::cluster::nats::{Nats, NatsAddress, NatsConfig};
use telesphor_order::cluster::{Clocks, Cluster, ClusterConfig, Patience, Wanted};
use telesphor_store::Reader;
use telesphor_wire::error::ErrorCode;
use tokio::sync::watch;

use super::record::SignedClusterRecord;
use crate::config::Settings;
use crate::fault::{Exit, Fault};
use crate::keys::Keys;

/// An answer of NATS is waited for so long.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The order of a cluster, and the bus under it.
///
/// # Errors
/// Exit 2 if the settings name no NATS, 8 if a file that they name cannot be read.
pub async fn order(
    settings: &Settings,
    signed: &SignedClusterRecord,
    keys: &Keys,
    reader: Reader,
    wanted: watch::Receiver<Wanted>,
    clocks: Arc<Clocks>,
    waiting_submissions: usize,
) -> Result<(Arc<dyn Order>, Arc<Nats>), Fault> {
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
    let me = keys.attesting.public();
    let client = address
        .connect(&nats.name, me)
        .await
        .map_err(|e| Fault::new(Exit::Machine, ErrorCode::BadConfig, format!("cluster: {e}")))?;
    let bus = Arc::new(Nats::new(
        client,
        NatsConfig {
            name: nats.name.clone(),
            me,
            replicas: nats.stream_replicas,
            stream_bytes: i64::try_from(nats.stream_mib << 20).unwrap_or(i64::MAX),
            timeout: TIMEOUT,
        },
    ));
    let config = ClusterConfig {
        founding: signed.founding(),
        wanted,
        key: keys.attesting.clone(),
        clocks,
        rules: telesphor_rules::VERSIONS,
        patience: Patience::default(),
        waiting_submissions,
    };
    let order = Cluster::new(config, bus.clone(), memory(reader));
    Ok((Arc::new(order), bus))
}
