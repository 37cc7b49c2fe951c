//! A real relay as a process of its own, and agents that talk through it.
//!
//! The relay's binary is named by `TELESPHOR_RELAY_BIN`, or lies beside the test's own target
//! folder; if neither is there it is built. No crate of the relay is a dependency of this one:
//! the two families meet only at the wire.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::print_stderr)]

pub mod devices;
pub mod ward;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use telesphor_agent::{Agent, Created, NewProfile, Passphrase};
use telesphor_vault::PassphraseCost;
use telesphor_wire::domain::AdmissionLink;

/// Longer than anything takes on a busy machine; nothing here waits for time to pass.
pub const LONG: Duration = Duration::from_secs(60);

pub fn relay_binary() -> PathBuf {
    if let Some(named) = std::env::var_os("TELESPHOR_RELAY_BIN") {
        return named.into();
    }
    let target = std::env::current_exe()
        .unwrap()
        .ancestors()
        .nth(2)
        .unwrap()
        .to_owned();
    let beside = target.join("telesphor-relay");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--workspace", "--bin", "telesphor-relay"])
        .status()
        .unwrap();
    assert!(status.success(), "the relay does not build");
    beside
}

/// At a loopback address of this process alone, where nobody else takes them meanwhile. Both are held until both
/// are known: one after the other could be the same.
fn free_ports() -> [SocketAddr; 2] {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let here = Ipv4Addr::new(127, 64 | high, middle, low);
    let held = [(); 2].map(|()| TcpListener::bind((here, 0)).unwrap());
    held.map(|listener| listener.local_addr().unwrap())
}

/// A relay in its own process and folder.
pub struct Relay {
    binary: PathBuf,
    pub data: PathBuf,
    listen: SocketAddr,
    metrics: SocketAddr,
    child: Option<Child>,
}

impl Relay {
    pub fn start(folder: &Path) -> Self {
        let [listen, metrics] = free_ports();
        let mut relay = Self {
            binary: relay_binary(),
            data: folder.join("relay"),
            listen,
            metrics,
            child: None,
        };
        let address = relay.listen.to_string();
        let made = relay
            .call(&[
                "init",
                "--domain",
                "hospital-a.example",
                "--listen",
                &address,
                "--address",
                &address,
            ])
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "init: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        relay.serve();
        relay
    }

    fn call(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .arg("--data")
            .arg(&self.data)
            .args(args)
            .stdin(Stdio::null());
        command
    }

    pub fn serve(&mut self) {
        let metrics = self.metrics.to_string();
        let log = std::fs::File::create(self.data.with_extension("log")).unwrap();
        let child = self
            .call(&["serve", "--metrics-listen", &metrics])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let until = Instant::now() + LONG;
        loop {
            let ready = self.call(&["admit", "list"]).output().unwrap();
            // 5 = nothing found: it answers, and nobody was admitted yet.
            if ready.status.success() || ready.status.code() == Some(5) {
                return;
            }
            assert!(
                Instant::now() < until,
                "the relay does not answer: {}",
                String::from_utf8_lossy(&ready.stderr)
            );
            std::thread::yield_now();
        }
    }

    /// kill -9.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// A copy of the store as it is now.
    pub fn backup(&self, to: &Path) {
        let made = self.call(&["backup", &to.to_string_lossy()]).output().unwrap();
        assert!(
            made.status.success(),
            "backup: {}",
            String::from_utf8_lossy(&made.stderr)
        );
    }

    /// Throws the store away and goes on from a copy, at the same address.
    pub fn restore(&mut self, from: &Path) {
        self.kill();
        self.data = self.data.with_extension("restored");
        let made = self.call(&["restore", &from.to_string_lossy()]).output().unwrap();
        assert!(
            made.status.success(),
            "restore: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        self.serve();
    }

    pub fn admit(&self) -> AdmissionLink {
        let made = self
            .call(&["admit", "new", "--class", "clinician"])
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "admit: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        AdmissionLink::from_text(String::from_utf8(made.stdout).unwrap().trim()).unwrap()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.kill();
    }
}

pub fn passphrase() -> Passphrase {
    Passphrase::new("correct horse battery staple".to_owned())
}

pub async fn create(folder: &Path, name: &str, relay: &Relay) -> Created {
    let profile = folder.join(name.replace(' ', "-"));
    std::fs::create_dir(&profile).unwrap();
    let new = NewProfile {
        cost: PassphraseCost::least(),
        ..NewProfile::person(name)
    };
    let created = Agent::create(&profile, &passphrase(), new, &relay.admit(), LONG)
        .await
        .unwrap();
    created.ready.clone().unwrap();
    created
}

pub async fn reopen(folder: &Path, name: &str) -> Agent {
    Agent::open(&folder.join(name.replace(' ', "-")), &passphrase())
        .await
        .unwrap()
}

/// Two agents that have compared nothing yet.
pub async fn acquainted(one: &Agent, other: &Agent) {
    let invitation = one.invite("", Duration::from_secs(3600), LONG).await.unwrap();
    let accepted = other.accept(&invitation.link, "", LONG).await.unwrap();
    let taken = one.wait_taken(&invitation.link, LONG).await.unwrap();
    assert_eq!(accepted.words, taken.words, "both sides must see the same words");
    assert_eq!(accepted.number, taken.number);
}
