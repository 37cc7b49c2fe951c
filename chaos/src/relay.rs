//! A relay as a process of its own, that can be started, killed and started again.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub use crate::place::{Place, free_port, places};

/// A relay could not be set up, started or asked.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The binary is not built.
    #[error("{0} is missing; run `make build`")]
    Missing(PathBuf),
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A command of the relay ended badly.
    #[error("telesphor-relay {0} failed: {1}")]
    Command(String, String),
    /// It did not become ready.
    #[error("the relay did not become ready within {0:?}; its log is {1}")]
    NotReady(Duration, PathBuf),
    /// It ended before it was ready.
    #[error("the relay ended before it was ready; it said last: {0}")]
    Ended(String),
}

/// How long a start may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// One relay: its data directory, its ports, and while it runs its process.
pub struct Relay {
    binary: PathBuf,
    data: PathBuf,
    log: PathBuf,
    listen: SocketAddr,
    metrics: SocketAddr,
    /// The program that runs it, with its arguments; empty for none.
    through: Vec<String>,
    child: Option<Child>,
}

/// Where a binary of this project stands: named by the environment, or beside this program.
pub fn binary(variable: &str, name: &str) -> Result<PathBuf, RelayError> {
    let path = match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => {
            let me = std::env::current_exe()?;
            // Tests run from `deps/`, programs from the folder above.
            me.ancestors()
                .skip(1)
                .take(2)
                .map(|folder| folder.join(name))
                .find(|p| p.exists())
                .unwrap_or_else(|| PathBuf::from(name))
        }
    };
    if path.exists() {
        Ok(path)
    } else {
        Err(RelayError::Missing(path))
    }
}

impl Relay {
    /// Initialises a relay of its own in `folder`, for a domain, on free loopback ports.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn init(folder: &Path, domain: &str) -> Result<Self, RelayError> {
        let binary = binary("TELESPHOR_RELAY_BIN", "telesphor-relay")?;
        Self::init_with(&binary, folder, domain)
    }

    /// The same with a binary of the caller's choice.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn init_with(binary: &Path, folder: &Path, domain: &str) -> Result<Self, RelayError> {
        Self::init_at(binary, folder, domain, None)
    }

    /// Initialises a relay whose clients come to another address than it listens at: something
    /// stands in between.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn init_behind(folder: &Path, domain: &str, front: SocketAddr) -> Result<Self, RelayError> {
        let binary = binary("TELESPHOR_RELAY_BIN", "telesphor-relay")?;
        Self::init_at(&binary, folder, domain, Some(front))
    }

    fn init_at(
        binary: &Path,
        folder: &Path,
        domain: &str,
        front: Option<SocketAddr>,
    ) -> Result<Self, RelayError> {
        let relay = Self {
            binary: binary.to_owned(),
            data: folder.join("data"),
            log: folder.join("relay.log"),
            listen: free_port()?,
            metrics: free_port()?,
            through: Vec::new(),
            child: None,
        };
        fs::create_dir_all(folder)?;
        relay.run(&[
            "init",
            "--domain",
            domain,
            "--listen",
            &relay.listen.to_string(),
            "--address",
            &front.unwrap_or(relay.listen).to_string(),
        ])?;
        Ok(relay)
    }

    /// Founds a cluster of so many relays, each on ports of its own; none of them is started.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn founded(
        folder: &Path,
        domain: &str,
        relays: usize,
        nats: &[String],
    ) -> Result<Vec<Self>, RelayError> {
        Self::founded_at(folder, domain, &places(relays)?, nats)
    }

    /// The same with so many partitions.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn founded_in(
        folder: &Path,
        domain: &str,
        relays: usize,
        nats: &[String],
        partitions: u16,
    ) -> Result<Vec<Self>, RelayError> {
        let more = ["--partitions", &partitions.to_string()];
        Self::founded_as(folder, domain, &places(relays)?, nats, &more)
    }

    /// The same where only some of them keep each mailbox: so many, of so many partitions.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn founded_placed(
        folder: &Path,
        domain: &str,
        relays: usize,
        nats: &[String],
        (replicas, partitions): (usize, usize),
    ) -> Result<Vec<Self>, RelayError> {
        let places = places(relays)?;
        let (replicas, partitions) = (replicas.to_string(), partitions.to_string());
        let more = ["--replicas", &replicas, "--partitions", &partitions];
        Self::founded_as(folder, domain, &places, nats, &more)
    }

    /// The same, each at a place that the caller chose.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn founded_at(
        folder: &Path,
        domain: &str,
        places: &[Place],
        nats: &[String],
    ) -> Result<Vec<Self>, RelayError> {
        Self::founded_as(folder, domain, places, nats, &[])
    }

    fn founded_as(
        folder: &Path,
        domain: &str,
        places: &[Place],
        nats: &[String],
        more: &[&str],
    ) -> Result<Vec<Self>, RelayError> {
        let binary = binary("TELESPHOR_RELAY_BIN", "telesphor-relay")?;
        let mut command = Command::new(&binary);
        command
            .args(["cluster", "init", "--domain", domain, "--into"])
            .arg(folder)
            .args(more);
        // Where all are at one address they listen at no other.
        let ips: BTreeSet<_> = places.iter().map(|p| p.listen.ip()).collect();
        if let (1, Some(ip)) = (ips.len(), ips.first()) {
            command.args(["--listen", &ip.to_string()]);
        }
        for place in places {
            command.args(["--relay", &place.listen.to_string()]);
        }
        for url in nats {
            command.args(["--nats", url]);
        }
        let output = command.output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(RelayError::Command("cluster init".to_owned(), said));
        }
        let relay = |(number, place): (usize, &Place)| Self {
            binary: binary.clone(),
            data: folder.join(format!("relay-{number}")),
            log: folder.join(format!("relay-{number}.log")),
            listen: place.listen,
            metrics: place.metrics,
            through: place.through.clone(),
            child: None,
        };
        Ok((1..).zip(places).map(relay).collect())
    }

    /// One that was made at another relay for the seat of one that leaves; its data directory is carried to
    /// where it is.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn replacing(&self, leaves: &Self, into: &Path) -> Result<Self, RelayError> {
        let new = Self {
            binary: self.binary.clone(),
            data: into.join("relay"),
            log: into.with_extension("log"),
            listen: free_port()?,
            metrics: free_port()?,
            through: Vec::new(),
            child: None,
        };
        let folder = into.to_string_lossy().into_owned();
        let leaves = leaves.listen.to_string();
        self.run(&[
            "cluster",
            "replace",
            &leaves,
            "--with",
            &new.listen.to_string(),
            "--into",
            &folder,
        ])?;
        Ok(new)
    }

    /// One that comes to a cluster in which not every relay keeps everything; made at this one.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn adding(&self, into: &Path) -> Result<Self, RelayError> {
        let new = Self {
            binary: self.binary.clone(),
            data: into.join("relay"),
            log: into.with_extension("log"),
            listen: free_port()?,
            metrics: free_port()?,
            through: Vec::new(),
            child: None,
        };
        let (folder, address) = (into.to_string_lossy().into_owned(), new.listen.to_string());
        self.run(&["cluster", "add", &address, "--into", &folder])?;
        Ok(new)
    }

    /// One of the same binary on a data directory of its own, for commands on what was restored.
    pub fn beside(&self, data: &Path) -> Self {
        Self {
            binary: self.binary.clone(),
            data: data.to_owned(),
            log: self.log.clone(),
            listen: self.listen,
            metrics: self.metrics,
            through: Vec::new(),
            child: None,
        }
    }

    /// Runs a command of the relay's own command line on its data and gives its output.
    ///
    /// # Errors
    /// [`RelayError::Command`] with what it said.
    pub fn run(&self, arguments: &[&str]) -> Result<String, RelayError> {
        let output = Command::new(&self.binary)
            .args(arguments)
            .arg("--data")
            .arg(&self.data)
            .output()?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(RelayError::Command(arguments.join(" "), said));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The same, reading one JSON object.
    ///
    /// # Errors
    /// As [`Relay::run`].
    pub fn json(&self, arguments: &[&str]) -> Result<Value, RelayError> {
        let mut all = arguments.to_vec();
        all.push("--json");
        let text = self.run(&all)?;
        serde_json::from_str(text.trim())
            .map_err(|e| RelayError::Command(arguments.join(" "), format!("unreadable answer: {e}")))
    }

    /// Starts it and waits until it says that it is ready. Gives the time that took.
    ///
    /// # Errors
    /// [`RelayError::Ended`] if it ends, [`RelayError::NotReady`] if it stays silent.
    pub fn start(&mut self) -> Result<Duration, RelayError> {
        self.start_under(&self.through.clone())
    }

    /// The same, with the relay run by another program (`strace` with an injected fault). The
    /// fault may end it before it is ready: that is [`RelayError::Ended`].
    ///
    /// # Errors
    /// As [`Relay::start`].
    pub fn start_under(&mut self, wrapper: &[String]) -> Result<Duration, RelayError> {
        let begun = Instant::now();
        let log: File = OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = match wrapper.split_first() {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(&self.binary);
                command
            }
            None => Command::new(&self.binary),
        };
        let child = command
            .arg("serve")
            .arg("--data")
            .arg(&self.data)
            .env("TELESPHOR_RELAY__METRICS__LISTEN", self.metrics.to_string())
            .env(
                "TELESPHOR_RELAY__METRICS__BEYOND_LOOPBACK",
                (!self.metrics.ip().is_loopback()).to_string(),
            )
            // A drill must be able to read the relay's memory without being root.
            .env("TELESPHOR_RELAY__PROCESS__CORE_DUMPS", "true")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        self.child = Some(child);
        while begun.elapsed() < PATIENCE {
            if let Some(child) = &mut self.child
                && child.try_wait()?.is_some()
            {
                return Err(RelayError::Ended(self.last_words()));
            }
            if self
                .get("/readyz")
                .is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
            {
                return Ok(begun.elapsed());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(RelayError::NotReady(PATIENCE, self.log.clone()))
    }

    /// The end of its log: the folder may be gone when somebody wants to know why.
    fn last_words(&self) -> String {
        const LINES: usize = 3;
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(LINES).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// `kill -9`, and waits until the process is gone.
    ///
    /// # Errors
    /// If there is none to kill.
    pub fn kill(&mut self) -> io::Result<()> {
        if let Some(mut child) = self.child.take() {
            // A wrapper that dies leaves the relay running: the relay goes first, and a wrapper
            // ends with it.
            for pid in children(child.id()) {
                Command::new("kill").args(["-9", &pid]).status()?;
            }
            child.kill()?;
            child.wait()?;
            // Of a relay below a wrapper nobody else tells when the kernel has cleared it away:
            // its directory is free then.
            File::open(self.data.join("relay.lock"))?.lock()?;
        }
        Ok(())
    }

    /// Asks it to end, as a supervisor does, and waits until it has: it finishes what is under way.
    ///
    /// # Errors
    /// [`RelayError::NotReady`] if it does not end.
    pub fn stop(&mut self) -> Result<(), RelayError> {
        let Some(pid) = self.pid() else { return Ok(()) };
        Command::new("kill").arg(pid.to_string()).status()?;
        let begun = Instant::now();
        while !self.has_ended() {
            if begun.elapsed() > PATIENCE {
                return Err(RelayError::NotReady(PATIENCE, self.log.clone()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.child = None;
        Ok(())
    }

    /// From its next start on it is this program.
    pub fn becomes(&mut self, binary: &Path) {
        binary.clone_into(&mut self.binary);
    }

    /// Whether the process has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child
            .as_mut()
            .is_none_or(|child| matches!(child.try_wait(), Ok(Some(_))))
    }

    /// A page of its operations listener (`/metrics`, `/readyz`, `/livez`), with its HTTP header.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn get(&self, path: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&self.metrics, Duration::from_secs(2))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// The process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Where it listens: clients reach it there, if nothing stands in between.
    pub const fn address(&self) -> SocketAddr {
        self.listen
    }

    /// The program it runs.
    pub fn program(&self) -> &Path {
        &self.binary
    }

    /// Where it listens.
    pub const fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Its data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Its log.
    pub fn log(&self) -> &Path {
        &self.log
    }
}

/// The processes that this one started (a wrapper's relay).
fn children(pid: u32) -> Vec<String> {
    fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))
        .unwrap_or_default()
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

impl Drop for Relay {
    fn drop(&mut self) {
        // Ends only the process that this value started.
        let _ = self.kill();
    }
}
