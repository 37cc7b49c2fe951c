//! From the settings to the road.

use telesphor_order::cluster::nats::{Nats, NatsAddress};
use telesphor_order::exchange::Road;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::text::Domain;

use crate::config::Settings;
use crate::fault::{Exit, Fault};
use crate::keys::Keys;

/// The way to other domains: the settings' own, or the cluster's; none if there is neither.
///
/// # Errors
/// Exit 8 if a file that the settings name cannot be read.
pub(crate) async fn connect(
    settings: &Settings,
    keys: &Keys,
    domain: &Domain,
    bus: Option<&Nats>,
) -> Result<Option<Road>, Fault> {
    let own = &settings.exchange;
    if own.nats.is_empty() {
        return Ok(bus.map(|bus| Road::new(bus.client(), domain)));
    }
    let within = |path: &std::path::PathBuf| settings.data.join(path);
    let address = NatsAddress {
        servers: own.nats.clone(),
        ca: own.ca.as_ref().map(within),
        certificate: own
            .certificate
            .as_ref()
            .zip(own.key.as_ref())
            .map(|(c, k)| (within(c), within(k))),
    };
    let client = address
        .connect(&settings.cluster.name, keys.attesting.public())
        .await
        .map_err(|e| Fault::new(Exit::Machine, ErrorCode::BadConfig, format!("exchange: {e}")))?;
    Ok(Some(Road::new(client, domain)))
}
