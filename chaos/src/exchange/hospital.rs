//! One hospital: a relay, and a NATS server of its own.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::nats;
use crate::relay::{Relay, RelayError, free_port};

/// How long something may take that needs no time.
const PATIENCE: Duration = Duration::from_secs(30);

/// One hospital.
pub struct Hospital {
    /// Its relay.
    pub relay: Relay,
    /// Its domain.
    pub domain: String,
    folder: PathBuf,
    clients: SocketAddr,
    leafs: SocketAddr,
    child: Option<Child>,
}

impl Hospital {
    /// Sets up one that gives a request up after so many seconds. Nothing runs yet.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn new(folder: &Path, domain: &str, give_up_after: u64) -> Result<Self, RelayError> {
        let relay = Relay::init(&folder.join("relay"), domain)?;
        let (clients, leafs) = (free_port()?, free_port()?);
        let config = relay.data().join("relay.toml");
        let text = fs::read_to_string(&config)?;
        let (before, exchange) = text.split_once("[exchange]").unwrap_or((&text, ""));
        let exchange = exchange
            .replacen("nats = []", &format!("nats = [\"nats://{clients}\"]"), 1)
            .replacen(
                "give_up_after = 432000",
                &format!("give_up_after = {give_up_after}"),
                1,
            );
        fs::write(&config, format!("{before}[exchange]{exchange}"))?;
        Ok(Self {
            relay,
            domain: domain.to_owned(),
            folder: folder.to_owned(),
            clients,
            leafs,
            child: None,
        })
    }

    /// Where leaf nodes of others come to.
    pub const fn leafs(&self) -> SocketAddr {
        self.leafs
    }

    /// Starts its NATS server, which dials others at these places, and its relay.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn start(&mut self, dials: &[SocketAddr]) -> Result<(), RelayError> {
        self.start_nats(dials)?;
        self.relay.start()?;
        Ok(())
    }

    fn start_nats(&mut self, dials: &[SocketAddr]) -> Result<(), RelayError> {
        let config = self.folder.join("nats.conf");
        let remotes: Vec<_> = dials
            .iter()
            .map(|at| format!("{{ urls: [ \"nats-leaf://{at}\" ] }}"))
            .collect();
        let text = format!(
            "server_name: \"{}\"\nlisten: \"{}\"\nmax_payload: 8MB\nleafnodes {{ listen: \"{}\", no_advertise: true, reconnect: 1\n remotes: [ {} ] }}\n",
            self.domain,
            self.clients,
            self.leafs,
            remotes.join("\n")
        );
        fs::write(&config, text)?;
        let log = File::create(self.folder.join("nats.log"))?;
        let child = Command::new(nats::binary()?)
            .arg("-c")
            .arg(&config)
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()?;
        self.child = Some(child);
        let begun = Instant::now();
        while TcpStream::connect(self.clients).is_err() {
            if begun.elapsed() > PATIENCE {
                return Err(RelayError::NotReady(PATIENCE, self.folder.join("nats.log")));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Its card, in a file.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn card(&self) -> Result<PathBuf, RelayError> {
        let card = self.folder.join(format!("{}.card", self.domain));
        if !card.exists() {
            let path = card.to_string_lossy().into_owned();
            self.relay.run(&["domain", "show", "--into", &path])?;
        }
        Ok(card)
    }

    /// Pins another one.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn pin(&self, other: &Self) -> Result<(), RelayError> {
        let card = other.card()?;
        self.relay.run(&["domain", "pin", &card.to_string_lossy()])?;
        Ok(())
    }

    /// How it stands with another one.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn peer(&self, other: &Self) -> Result<Value, RelayError> {
        let text = self.relay.run(&["domain", "peers", "--json"])?;
        let rows = text.lines().filter_map(|l| serde_json::from_str::<Value>(l).ok());
        let mut rows = rows.filter(|row| row["domain"] == other.domain);
        rows.next()
            .ok_or_else(|| RelayError::Command("domain peers".into(), text.clone()))
    }

    /// Waits until that is so of how it stands with another one.
    ///
    /// # Errors
    /// [`RelayError::NotReady`].
    pub fn until(&self, other: &Self, so: impl Fn(&Value) -> bool) -> Result<Value, RelayError> {
        let begun = Instant::now();
        loop {
            if let Ok(peer) = self.peer(other)
                && so(&peer)
            {
                return Ok(peer);
            }
            if begun.elapsed() > PATIENCE {
                return Err(RelayError::NotReady(PATIENCE, self.relay.log().to_owned()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Hospital {
    fn drop(&mut self) {
        // Ends only the process that this value started.
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
