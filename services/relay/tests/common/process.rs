//! Starting, asking and killing the real binary.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

/// One relay with a data directory of its own.
pub struct Relay {
    folder: tempfile::TempDir,
    /// Its data directory.
    pub data: PathBuf,
    /// What `init` said.
    pub made: Value,
    child: Option<Child>,
    /// Where agents connect, while it runs.
    pub edge: SocketAddr,
    /// Where probes and metrics are, while it runs.
    pub probes: SocketAddr,
}

/// The binary under test, with nothing of the caller's environment that could change it.
pub fn relay_command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_telesphor-relay"));
    for (name, _) in std::env::vars() {
        if name.starts_with("TELESPHOR_RELAY") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub fn run(arguments: &[&str]) -> Output {
    relay_command().args(arguments).output().unwrap()
}

/// The fault a command printed as JSON.
pub fn fault(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text
        .lines()
        .rfind(|l| l.starts_with("{\"v\":1,\"error\""))
        .unwrap_or_else(|| panic!("no fault in: {text}"));
    serde_json::from_str(line).unwrap()
}

fn nowhere() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

impl Relay {
    /// `init`, not started.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let output = run(&[
            "init",
            "--json",
            "--domain",
            "hospital-a.example",
            "--listen",
            "127.0.0.1:0",
            "--address",
            "127.0.0.1:7443",
            "--data",
            data.to_str().unwrap(),
        ]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let made = serde_json::from_slice(&output.stdout).unwrap();
        Self {
            folder,
            data,
            made,
            child: None,
            edge: nowhere(),
            probes: nowhere(),
        }
    }

    /// One on a directory that is there already.
    pub fn at(data: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            folder,
            data: data.to_owned(),
            made: Value::Null,
            child: None,
            edge: nowhere(),
            probes: nowhere(),
        }
    }

    /// `init` and `serve`.
    pub fn serving() -> Self {
        let mut relay = Self::new();
        relay.start(&[]);
        relay
    }

    /// A folder that goes away with the relay.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `serve`, until it says that it is ready.
    pub fn start(&mut self, settings: &[&str]) {
        let mut command = relay_command();
        command.args([
            "serve",
            "--data",
            self.data.to_str().unwrap(),
            "--metrics-listen",
            "127.0.0.1:0",
        ]);
        for setting in settings {
            command.args(["--set", setting]);
        }
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_path())
            .unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let said: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("did not start: {}", self.log()));
        self.edge = said["listening"].as_str().unwrap().parse().unwrap();
        self.probes = said["metrics"].as_str().unwrap().parse().unwrap();
        self.child = Some(child);
        let begun = Instant::now();
        while !self.get("/readyz").starts_with("HTTP/1.1 200") {
            assert!(begun.elapsed() < PATIENCE, "not ready: {}", self.log());
            std::thread::yield_now();
        }
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("relay.log")
    }

    /// Everything it logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// A page of the probes, with its HTTP header; empty if nobody answers.
    pub fn get(&self, path: &str) -> String {
        let mut page = String::new();
        let Ok(mut stream) = TcpStream::connect_timeout(&self.probes, Duration::from_secs(5)) else {
            return page;
        };
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let _ = write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        );
        let _ = stream.read_to_string(&mut page);
        page
    }

    /// The value of a metric, labels included in the name.
    pub fn metric(&self, name: &str) -> f64 {
        let page = self.get("/metrics");
        let line = page
            .lines()
            .find(|l| l.strip_prefix(name).is_some_and(|r| r.starts_with(' ')));
        line.and_then(|l| l.rsplit(' ').next()?.parse().ok())
            .unwrap_or_else(|| panic!("no metric {name} in {page}"))
    }

    /// A command on its data directory.
    pub fn command(&self, arguments: &[&str]) -> Output {
        relay_command()
            .args(arguments)
            .arg("--data")
            .arg(&self.data)
            .output()
            .unwrap()
    }

    /// The same, reading one JSON object from stdout.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.push("--json");
        let output = self.command(&all);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Sends a signal to this relay alone.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args(["-s", name, &self.pid().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Waits until it has ended by itself; gives the exit code.
    pub fn ended(&mut self) -> Option<i32> {
        let mut child = self.child.take().unwrap();
        let begun = Instant::now();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status.code();
            }
            if begun.elapsed() > PATIENCE {
                let _ = child.kill();
                panic!("did not end: {}", self.log());
            }
            std::thread::yield_now();
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.kill();
    }
}
