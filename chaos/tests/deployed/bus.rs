//! NATS servers as `ops/nats/make` sets them up for a hospital, on loopback.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use telesphor_chaos::nats::binary;
use telesphor_chaos::relay::{Relay, free_port};

/// The ports of one server.
#[derive(Clone, Copy)]
pub(crate) struct Ports {
    pub clients: SocketAddr,
    pub routes: SocketAddr,
    pub probes: SocketAddr,
}

impl Ports {
    pub(crate) fn free() -> Self {
        Self {
            clients: free_port().unwrap(),
            routes: free_port().unwrap(),
            probes: TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap(),
        }
    }

    /// As `--server` takes it.
    fn words(&self, name: &str) -> String {
        let (clients, routes, probes) = (self.clients, self.routes, self.probes);
        format!(
            "{name}={}:{}:{}:{}",
            clients.ip(),
            clients.port(),
            routes.port(),
            probes.port()
        )
    }
}

/// Runs the script that an engineer runs.
pub(crate) fn make(arguments: &[&str]) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/nats/make");
    let relay = telesphor_chaos::relay::binary("TELESPHOR_RELAY_BIN", "telesphor-relay").unwrap();
    let output = Command::new(script)
        .args(arguments)
        .env("TELESPHOR_RELAY_BIN", relay)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "make {arguments:?}: {said}");
}

/// A cluster's servers and what was made for its relays; nothing runs yet.
pub(crate) struct Bus {
    pub folder: PathBuf,
    pub ports: Vec<Ports>,
    running: Vec<Child>,
}

impl Bus {
    /// Founds relays and makes servers for them, with `more` for the script.
    pub(crate) fn founded(folder: &Path, name: &str, servers: usize, more: &[&str]) -> (Self, Vec<Relay>) {
        let ports: Vec<_> = (0..servers).map(|_| Ports::free()).collect();
        let urls: Vec<_> = ports.iter().map(|p| format!("tls://{}", p.clients)).collect();
        let founding = folder.join("founding");
        let relays = Relay::founded(&founding, &format!("{name}.example"), 3, &urls).unwrap();
        let [ca, into, store] = ["ca", "nats", "store/%"].map(|part| folder.join(part).display().to_string());
        if !Path::new(&ca).exists() {
            make(&["authorities", "--name", name, "--into", &ca]);
        }
        let words: Vec<_> = (1..)
            .zip(&ports)
            .map(|(n, p)| p.words(&format!("nats-{n}")))
            .collect();
        let data = relays[0].data().display().to_string();
        let mut arguments = vec!["servers", "--ca", &ca, "--data", &data, "--into", &into];
        arguments.extend(["--store", &store, "--store-gib", "8"]);
        for server in &words {
            arguments.extend(["--server", server]);
        }
        arguments.extend(more);
        make(&arguments);
        for (number, relay) in (1..).zip(&relays) {
            let made = Path::new(&into).join(format!("relay-{number}/nats"));
            std::fs::rename(made, relay.data().join("nats")).unwrap();
        }
        let bus = Self {
            folder: into.into(),
            ports,
            running: Vec::new(),
        };
        bus.is_good();
        (bus, relays)
    }

    fn server(&self, number: usize) -> (PathBuf, Command) {
        let folder = self.folder.join(format!("nats-{number}"));
        let mut command = Command::new(binary().unwrap());
        command
            .args(["-c", "nats.conf"])
            .current_dir(&folder)
            .stdin(Stdio::null());
        (folder, command)
    }

    /// The server itself finds nothing to say about its configuration.
    fn is_good(&self) {
        for number in 1..=self.ports.len() {
            let output = self.server(number).1.arg("-t").output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(
                output.status.success() && !said.contains("warning"),
                "nats-{number}: {said}"
            );
        }
    }

    /// Starts them all, and waits until they listen.
    pub(crate) fn start(&mut self) {
        for number in 1..=self.ports.len() {
            let (folder, mut command) = self.server(number);
            let log = File::create(folder.join("log")).unwrap();
            self.running.push(command.stderr(log).spawn().unwrap());
        }
        let begun = Instant::now();
        for ports in &self.ports {
            while TcpStream::connect(ports.clients).is_err() {
                assert!(
                    begun.elapsed() < Duration::from_secs(30),
                    "NATS does not listen: {}",
                    self.logs()
                );
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }

    /// What all of them have logged.
    pub(crate) fn logs(&self) -> String {
        let log = |n| std::fs::read_to_string(self.folder.join(format!("nats-{n}/log"))).unwrap_or_default();
        (1..=self.ports.len()).map(log).collect()
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        // Ends only the processes that this value started.
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
