//! What the pharmacies race against: one relay that is killed, a cluster whose machines, network
//! and bus are struck, or two hospitals, of which one has the ledger and the other half of the pharmacies.

use std::path::Path;
use std::time::Duration;

use crate::cluster::Cluster;
use crate::exchange::{Hospital, Line};
use crate::faults::{Strike, Yard};
use crate::relay::{Relay, RelayError};

const DOMAIN: &str = "hospital-a.example";
const OTHER: &str = "hospital-b.example";
/// No request is given up, seconds.
const NEVER: u64 = 100_000;

/// The relays of one hospital.
pub(super) enum House {
    /// A single one.
    One(Box<Relay>),
    /// Three over three NATS servers, each on a machine of its own.
    Three(Yard, Box<Cluster>),
    /// A single one at each of two hospitals.
    Two(Box<Two>),
}

/// Two hospitals and the line between them.
pub(super) struct Two {
    ledger: Hospital,
    other: Hospital,
    line: Line,
}

/// Something that happened to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blow {
    /// To the relays that have the ledger.
    Ledger(Strike),
    /// `kill -9` of the relay of the other hospital.
    Other,
    /// Nothing gets from one hospital to the other, and what was on its way is lost.
    Line,
}

impl Blow {
    /// What it is, whoever it strikes.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Ledger(strike) => strike.kind(),
            Self::Other => "other hospital's relay killed",
            Self::Line => "line between hospitals cut",
        }
    }
}

impl House {
    /// Builds and starts it. A cluster must be built [`crate::faults::inside`].
    ///
    /// # Errors
    /// [`RelayError`].
    pub(super) fn build(folder: &Path, relays: usize, hospitals: usize) -> Result<Self, RelayError> {
        if hospitals > 1 {
            return Ok(Self::Two(Box::new(Two::build(folder)?)));
        }
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
            Self::Two(two) => std::slice::from_mut(&mut two.ledger.relay),
        }
    }

    /// The relay of the other hospital, if there is one.
    pub(super) fn other(&mut self) -> Option<&mut Relay> {
        match self {
            Self::One(_) | Self::Three(..) => None,
            Self::Two(two) => Some(&mut two.other.relay),
        }
    }

    /// Strikes it, as a number says, and ends that again; what it was.
    ///
    /// # Errors
    /// [`RelayError`].
    pub(super) async fn strike(&mut self, random: u64, longest: Duration) -> Result<Blow, RelayError> {
        match self {
            Self::One(relay) => {
                relay.kill()?;
                relay.start()?;
                Ok(Blow::Ledger(Strike::KillRelay(0)))
            }
            Self::Three(yard, cluster) => {
                let strike = Strike::drawn(random >> 8);
                let lasts = longest.mul_f64((random >> 40) as f64 / (1_u64 << 24) as f64);
                strike.begin(yard, cluster)?;
                tokio::time::sleep(lasts).await;
                strike.end(yard, cluster)?;
                Ok(Blow::Ledger(strike))
            }
            Self::Two(two) => two.strike(random, longest).await,
        }
    }

    /// Waits until every relay follows.
    ///
    /// # Errors
    /// [`RelayError::NotReady`].
    pub(super) fn until_whole(&self) -> Result<(), RelayError> {
        match self {
            Self::One(_) | Self::Two(_) => Ok(()),
            Self::Three(_, cluster) => cluster.until_following(0..cluster.relays.len()),
        }
    }
}

impl Two {
    fn build(folder: &Path) -> Result<Self, RelayError> {
        let mut ledger = Hospital::new(&folder.join("ledger"), DOMAIN, NEVER)?;
        let mut other = Hospital::new(&folder.join("other"), OTHER, NEVER)?;
        ledger.start(&[])?;
        let line = Line::to(ledger.leafs())?;
        other.start(&[line.front()])?;
        ledger.pin(&other)?;
        other.pin(&ledger)?;
        Ok(Self { ledger, other, line })
    }

    async fn strike(&mut self, random: u64, longest: Duration) -> Result<Blow, RelayError> {
        match (random >> 8) % 4 {
            0 => {
                self.ledger.relay.kill()?;
                self.ledger.relay.start()?;
                Ok(Blow::Ledger(Strike::KillRelay(0)))
            }
            1 => {
                self.other.relay.kill()?;
                self.other.relay.start()?;
                Ok(Blow::Other)
            }
            _ => {
                let lasts = longest.mul_f64((random >> 40) as f64 / (1_u64 << 24) as f64);
                self.line.cut();
                tokio::time::sleep(lasts).await;
                self.line.join();
                Ok(Blow::Line)
            }
        }
    }
}
