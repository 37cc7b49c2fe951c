//! A real relay beside the command line, if its binary has been built.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Relay {
    binary: PathBuf,
    pub data: PathBuf,
    listen: SocketAddr,
    metrics: SocketAddr,
    child: Option<Child>,
    /// Set for the next start.
    pub environment: Vec<(String, String)>,
}

fn binary() -> Option<PathBuf> {
    let named = std::env::var_os("TELESPHOR_RELAY_BIN").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_BIN_EXE_telesphor")).with_file_name("telesphor-relay");
    named.or(Some(beside)).filter(|path| path.exists())
}

/// At a loopback address of this process alone, where nobody else takes them meanwhile. Both are held until both
/// are known: one after the other could be the same.
fn free_ports() -> [SocketAddr; 2] {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    let here = Ipv4Addr::new(127, 64 | high, middle, low);
    let held = [(); 2].map(|()| TcpListener::bind((here, 0)).unwrap());
    held.map(|listener| listener.local_addr().unwrap())
}

impl Relay {
    /// A started relay, or `None` if there is no binary (`make build` makes both).
    pub fn start(folder: &Path) -> Option<Self> {
        let [listen, metrics] = free_ports();
        let mut relay = Self {
            binary: binary()?,
            data: folder.join("relay"),
            listen,
            metrics,
            child: None,
            environment: Vec::new(),
        };
        relay.init();
        relay.serve();
        Some(relay)
    }

    /// Another relay at the same address, with keys of its own.
    pub fn impostor(&mut self, folder: &Path) -> Self {
        self.stop();
        let mut other = Self {
            binary: self.binary.clone(),
            data: folder.join("impostor"),
            listen: self.listen,
            metrics: self.metrics,
            child: None,
            environment: Vec::new(),
        };
        other.init();
        other.serve();
        other
    }

    fn init(&self) {
        let address = self.listen.to_string();
        self.run(&[
            "init",
            "--domain",
            "hospital-a.example",
            "--listen",
            &address,
            "--address",
            &address,
        ]);
    }

    /// What the operator is told about a support code, as soon as it has reached the disk.
    pub fn traced(&self, code: &str) -> String {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let output = Command::new(&self.binary)
                .args(["trace", code, "--data"])
                .arg(&self.data)
                .output()
                .unwrap();
            if output.status.success() {
                return String::from_utf8(output.stdout).unwrap();
            }
            let words = String::from_utf8_lossy(&output.stderr);
            assert!(Instant::now() < until, "trace {code}: {words}");
            std::thread::yield_now();
        }
    }

    /// Carries out a command of the relay's operator; gives what it printed.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new(&self.binary)
            .args(arguments)
            .arg("--data")
            .arg(&self.data)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn serve(&mut self) {
        let child = Command::new(&self.binary)
            .args(["serve", "--data"])
            .arg(&self.data)
            .env("TELESPHOR_RELAY__METRICS__LISTEN", self.metrics.to_string())
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let until = Instant::now() + Duration::from_secs(60);
        while !self.ready() {
            assert!(Instant::now() < until, "the relay did not become ready");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn ready(&self) -> bool {
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(self.metrics)?;
            stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }

    pub fn admission(&self) -> String {
        let text = self.run(&["admit", "new", "--class", "patient", "--uses", "1", "--json"]);
        let answer: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
        answer["link"].as_str().unwrap().to_owned()
    }

    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop();
    }
}
