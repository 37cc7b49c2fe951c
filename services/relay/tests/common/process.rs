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
        command.args(self.serve(settings));
        assert!(self.run_until_ready(command), "did not start: {}", self.log());
    }

    /// The same on a file system of so many MiB, mounted over the data directory in a namespace
    /// of its own, where only the relay and whoever goes through its `/proc` entry see it.
    /// `false` where this machine lets nobody do that.
    pub fn start_on_small_disk(&mut self, mib: u64, settings: &[&str]) -> bool {
        let mut command = Command::new("unshare");
        let script = "cp -a \"$1\" \"$2\" && mount -t tmpfs -o size=$3m none \"$1\" && cp -a \"$2\"/. \"$1\" && shift 3 && exec \"$@\"";
        command.args(["--map-root-user", "--mount", "sh", "-ec", script, "sh"]);
        command
            .arg(&self.data)
            .arg(self.folder.path().join("copy"))
            .arg(mib.to_string());
        command
            .arg(env!("CARGO_BIN_EXE_telesphor-relay"))
            .args(self.serve(settings));
        // The certificate is read through `/proc`, which the kernel gives for a dumpable process only.
        command.args(["--set", "process.core_dumps=true"]);
        command.stdin(Stdio::null());
        if !self.run_until_ready(command) {
            return false;
        }
        let inside = self.data.strip_prefix("/").unwrap().to_owned();
        self.data = PathBuf::from(format!("/proc/{}/root", self.pid())).join(inside);
        true
    }

    fn serve(&self, settings: &[&str]) -> Vec<String> {
        let data = self.data.to_str().unwrap();
        let mut all = vec!["serve", "--data", data, "--metrics-listen", "127.0.0.1:0"];
        for setting in settings {
            all.extend(["--set", setting]);
        }
        all.into_iter().map(str::to_owned).collect()
    }

    /// `false` if it ended before it said where it listens.
    fn run_until_ready(&mut self, mut command: Command) -> bool {
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
        let Ok(said) = serde_json::from_str::<Value>(&line) else {
            child.wait().unwrap();
            return false;
        };
        self.edge = said["listening"].as_str().unwrap().parse().unwrap();
        self.probes = said["metrics"].as_str().unwrap().parse().unwrap();
        self.child = Some(child);
        let begun = Instant::now();
        while !self.get("/readyz").starts_with("HTTP/1.1 200") {
            assert!(begun.elapsed() < PATIENCE, "not ready: {}", self.log());
            std::thread::yield_now();
        }
        true
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

    /// What it holds in memory, bytes.
    pub fn memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
        let kib: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
        kib << 10
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
