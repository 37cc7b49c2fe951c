//! Real NATS servers, one cluster of them, on loopback.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::relay::{RelayError, free_port};

/// Where the server's program is: named by the environment, or where `scripts/nats` puts it.
///
/// # Errors
/// [`RelayError::Missing`].
pub fn binary() -> Result<PathBuf, RelayError> {
    let named = std::env::var_os("TELESPHOR_NATS_SERVER").map(PathBuf::from);
    let beside = || {
        let me = std::env::current_exe().ok()?;
        me.ancestors()
            .map(|folder| folder.join("nats-server-2.15.1/bin/nats-server"))
            .find(|p| p.exists())
    };
    match named.filter(|p| !p.as_os_str().is_empty()).or_else(beside) {
        Some(path) if path.exists() => Ok(path),
        Some(path) => Err(RelayError::Missing(path)),
        None => Err(RelayError::Missing("nats-server (scripts/nats)".into())),
    }
}

/// One server.
pub struct Server {
    folder: PathBuf,
    config: PathBuf,
    place: Place,
    child: Option<Child>,
}

/// Where a server is.
#[derive(Clone, Debug)]
pub struct Place {
    /// Clients come to it there.
    pub client: SocketAddr,
    /// The others come to it there.
    pub route: SocketAddr,
    /// The program that runs it, with its arguments; empty for none.
    pub through: Vec<String>,
}

/// Servers of one cluster.
pub struct Nats {
    binary: PathBuf,
    /// Each of them.
    pub servers: Vec<Server>,
}

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(30);

impl Nats {
    /// Starts so many servers; `more` goes into the JetStream part of their configuration.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn start(folder: &Path, servers: usize, more: &str) -> Result<Self, RelayError> {
        Self::start_with(&binary()?, folder, servers, more)
    }

    /// The same with a program of the caller's choice.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn start_with(binary: &Path, folder: &Path, servers: usize, more: &str) -> Result<Self, RelayError> {
        let place = || {
            Ok(Place {
                client: free_port()?,
                route: free_port()?,
                through: Vec::new(),
            })
        };
        let places: Vec<_> = (0..servers).map(|_| place()).collect::<io::Result<_>>()?;
        Self::start_at(binary, folder, &places, more)
    }

    /// The same, each at a place that the caller chose.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn start_at(binary: &Path, folder: &Path, places: &[Place], more: &str) -> Result<Self, RelayError> {
        let routes: Vec<_> = places.iter().map(|p| format!("nats://{}", p.route)).collect();
        let mut nats = Self {
            binary: binary.to_owned(),
            servers: Vec::new(),
        };
        for (number, place) in (1..).zip(places) {
            let Place { client, route, .. } = place;
            let folder = folder.join(format!("nats-{number}"));
            std::fs::create_dir_all(&folder)?;
            let config = folder.join("nats.conf");
            let cluster = if places.len() > 1 {
                format!("cluster {{ name: bus, listen: \"{route}\", routes: {routes:?} }}\n")
            } else {
                String::new()
            };
            std::fs::write(
                &config,
                format!(
                    "server_name: nats-{number}\nlisten: \"{client}\"\nmax_payload: 8MB\n{cluster}jetstream {{ store_dir: {:?}\n {more} }}\n",
                    folder.join("store")
                ),
            )?;
            nats.servers.push(Server {
                folder,
                config,
                place: place.clone(),
                child: None,
            });
        }
        for at in 0..places.len() {
            nats.start_one(at)?;
        }
        Ok(nats)
    }

    /// Starts one of them again.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn start_one(&mut self, at: usize) -> Result<(), RelayError> {
        let server = &mut self.servers[at];
        let log = File::options()
            .create(true)
            .append(true)
            .open(server.folder.join("nats.log"))?;
        let mut command = match server.place.through.split_first() {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(&self.binary);
                command
            }
            None => Command::new(&self.binary),
        };
        let child = command
            .arg("-c")
            .arg(&server.config)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        server.child = Some(child);
        let begun = Instant::now();
        while TcpStream::connect(server.place.client).is_err() {
            if begun.elapsed() > PATIENCE {
                return Err(RelayError::NotReady(PATIENCE, server.folder.join("nats.log")));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// `kill -9` of one.
    ///
    /// # Errors
    /// If there is none to kill.
    pub fn kill(&mut self, at: usize) -> io::Result<()> {
        if let Some(mut child) = self.servers[at].child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Deletes everything that one has stored; it must not run.
    ///
    /// # Errors
    /// If it cannot be deleted.
    pub fn wipe(&self, at: usize) -> io::Result<()> {
        match std::fs::remove_dir_all(self.servers[at].folder.join("store")) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }

    /// Where clients come to.
    pub fn urls(&self) -> Vec<String> {
        self.servers
            .iter()
            .map(|s| format!("nats://{}", s.place.client))
            .collect()
    }

    /// The process id of one, while it runs.
    pub fn pid(&self, at: usize) -> Option<u32> {
        self.servers[at].child.as_ref().map(Child::id)
    }

    /// Process ids of those that run.
    pub fn pids(&self) -> Vec<u32> {
        self.servers
            .iter()
            .filter_map(|s| s.child.as_ref().map(Child::id))
            .collect()
    }

    /// What a server has stored.
    pub fn store(&self, at: usize) -> PathBuf {
        self.servers[at].folder.join("store")
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        // Ends only the processes that this value started.
        for at in 0..self.servers.len() {
            let _ = self.kill(at);
        }
    }
}
