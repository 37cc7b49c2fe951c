//! What the pharmacies race against: one relay that is killed, or a cluster whose machines, network
//! and bus are struck.

use std::path::Path;
use std::time::Duration;

use crate::cluster::Cluster;
use crate::faults::{Strike, Yard};
use crate::relay::{Relay, RelayError};

const DOMAIN: &str = "hospital-a.example";

/// The relays of one hospital.
pub(super) enum House {
    /// A single one.
    One(Box<Relay>),
    /// Three over three NATS servers, each on a machine of its own.
    Three(Yard, Box<Cluster>),
}

impl House {
    /// Builds and starts it. A cluster must be built [`crate::faults::inside`].
    ///
    /// # Errors
    /// [`RelayError`].
    pub(super) fn build(folder: &Path, relays: usize) -> Result<Self, RelayError> {
        if relays == 1 {
            let mut relay = Relay::init(folder, DOMAIN)?;
            relay.start()?;
            return Ok(Self::One(Box::new(relay)));
        }
        let yard = Yard::build(&folder.join("net"), 3, false)?;
        let cluster = Cluster::start_in(&yard, &folder.join("cluster"), DOMAIN)?;
        Ok(Self::Three(yard, Box::new(cluster)))
    }

    /// Its relays.
    pub(super) fn relays(&mut self) -> &mut [Relay] {
        match self {
            Self::One(relay) => std::slice::from_mut(&mut **relay),
            Self::Three(_, cluster) => &mut cluster.relays,
        }
    }

    /// Strikes it, as a number says, and ends that again; what it was.
    ///
    /// # Errors
    /// [`RelayError`].
    pub(super) async fn strike(&mut self, random: u64, longest: Duration) -> Result<Strike, RelayError> {
        match self {
            Self::One(relay) => {
                relay.kill()?;
                relay.start()?;
                Ok(Strike::KillRelay(0))
            }
            Self::Three(yard, cluster) => {
                let strike = Strike::drawn(random >> 8);
                let lasts = longest.mul_f64((random >> 40) as f64 / (1_u64 << 24) as f64);
                strike.begin(yard, cluster)?;
                tokio::time::sleep(lasts).await;
                strike.end(yard, cluster)?;
                Ok(strike)
            }
        }
    }

    /// Waits until every relay follows.
    ///
    /// # Errors
    /// [`RelayError::NotReady`].
    pub(super) fn until_whole(&self) -> Result<(), RelayError> {
        match self {
            Self::One(_) => Ok(()),
            Self::Three(_, cluster) => cluster.until_following(0..cluster.relays.len()),
        }
    }
}
