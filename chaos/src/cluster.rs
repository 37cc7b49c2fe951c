//! Relays and NATS servers of one cluster, as processes.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::faults::Yard;
use crate::nats::{self, Nats};
use crate::relay::{self, Relay, RelayError};

/// A cluster on this machine.
pub struct Cluster {
    /// The bus.
    pub nats: Nats,
    /// Its relays.
    pub relays: Vec<Relay>,
}

/// How long a cluster may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(90);

impl Cluster {
    /// Founds one of three relays over three NATS servers and starts them all.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn start(folder: &Path, domain: &str) -> Result<Self, RelayError> {
        let nats = Nats::start(&folder.join("bus"), 3, "")?;
        let relays = Relay::founded(&folder.join("relays"), domain, 3, &nats.urls())?;
        Self::begin(nats, relays)
    }

    /// Founds one of more relays than keep each mailbox, over three NATS servers, and starts them all.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn start_placed(
        folder: &Path,
        domain: &str,
        relays: usize,
        (replicas, partitions): (usize, usize),
    ) -> Result<Self, RelayError> {
        let nats = Nats::start(&folder.join("bus"), 3, "")?;
        let places = (replicas, partitions);
        let relays = Relay::founded_placed(&folder.join("relays"), domain, relays, &nats.urls(), places)?;
        Self::begin(nats, relays)
    }

    /// The same with a relay's program of the caller's choice.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn start_from(relay: &Path, folder: &Path, domain: &str) -> Result<Self, RelayError> {
        let nats = Nats::start(&folder.join("bus"), 3, "")?;
        let mut relays = Relay::founded(&folder.join("relays"), domain, 3, &nats.urls())?;
        for one in &mut relays {
            one.becomes(relay);
        }
        Self::begin(nats, relays)
    }

    /// The same with a NATS server and a number of partitions of the caller's choice.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn start_with(nats: &Path, folder: &Path, domain: &str, partitions: u16) -> Result<Self, RelayError> {
        let nats = Nats::start_with(nats, &folder.join("bus"), 3, "")?;
        let relays = Relay::founded_in(&folder.join("relays"), domain, 3, &nats.urls(), partitions)?;
        Self::begin(nats, relays)
    }

    /// The same on machines of their own.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn start_in(yard: &Yard, folder: &Path, domain: &str) -> Result<Self, RelayError> {
        let at = |host, port| SocketAddr::new(yard.address(host), port);
        let servers: Vec<_> = (3..6)
            .map(|host| nats::Place {
                client: at(host, 4222),
                route: at(host, 6222),
                through: yard.through(host),
            })
            .collect();
        for host in 3..6 {
            yard.carry(host, &folder.join("bus").join(format!("nats-{}", host - 2)))?;
        }
        // As in ops/nats: without it a server takes what it finds free when it starts for all that it may use.
        let nats = Nats::start_at(
            &nats::binary()?,
            &folder.join("bus"),
            &servers,
            "max_file_store: 16GB",
        )?;
        let places: Vec<_> = (0..3)
            .map(|host| relay::Place {
                listen: at(host, 7443),
                metrics: at(host, 9443),
                through: yard.through(host),
            })
            .collect();
        let relays = Relay::founded_at(&folder.join("relays"), domain, &places, &nats.urls())?;
        for (host, relay) in relays.iter().enumerate() {
            yard.carry(host, relay.data())?;
        }
        Self::begin(nats, relays)
    }

    fn begin(nats: Nats, relays: Vec<Relay>) -> Result<Self, RelayError> {
        let mut cluster = Self { nats, relays };
        for relay in &mut cluster.relays {
            relay.start()?;
        }
        cluster.until_following(0..cluster.relays.len())?;
        Ok(cluster)
    }

    /// Waits until these relays follow in all partitions.
    ///
    /// # Errors
    /// [`RelayError::NotReady`].
    pub fn until_following(&self, relays: impl IntoIterator<Item = usize>) -> Result<(), RelayError> {
        let begun = Instant::now();
        for at in relays {
            while !self.relays[at]
                .json(&["cluster", "status"])
                .is_ok_and(|s| follows(&s))
            {
                if begun.elapsed() > PATIENCE {
                    return Err(RelayError::NotReady(PATIENCE, self.relays[at].log().to_owned()));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(())
    }

    /// Waits until a relay that was to have a seat votes in all partitions.
    ///
    /// # Errors
    /// [`RelayError::NotReady`].
    pub fn until_voting(&self, at: usize) -> Result<(), RelayError> {
        let begun = Instant::now();
        // Whoever is about to keep something more does not vote there yet.
        let votes = |p: &Value| {
            let (kept, member) = (p["kept"] != false, &p["member"]);
            p["to_take_over"] != true && (!kept || member["votes"] == true)
        };
        loop {
            self.until_following([at])?;
            let status = self.relays[at].json(&["cluster", "status"])?;
            if status["partitions"]
                .as_array()
                .is_some_and(|all| all.iter().all(votes))
            {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(RelayError::NotReady(PATIENCE, self.relays[at].log().to_owned()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether a relay follows in all partitions, by its `cluster status`.
    pub fn follows(status: &Value) -> bool {
        follows(status)
    }

    /// Digests of every partition on a relay's disk, which must not run: by `inspect`.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn heads(&self, at: usize) -> Result<Value, RelayError> {
        self.relays[at].json(&["inspect"])
    }
}

fn follows(status: &Value) -> bool {
    let follows = |p: &Value| {
        let member = &p["member"];
        p["kept"] == false || (member["phase"] == "following" && member["active"] == true)
    };
    status["partitions"]
        .as_array()
        .is_some_and(|all| !all.is_empty() && all.iter().all(follows))
}
