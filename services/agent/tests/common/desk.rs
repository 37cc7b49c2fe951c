//! An organisation's desk as a process of its own, and the turns of its roster.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::common::Home;
use serde_json::Value;

/// Longer than anything takes on a busy machine.
const LONG: Duration = Duration::from_secs(90);

/// A turn under way, as a roster file writes it.
pub fn turn(person: &str, role: &str) -> String {
    turn_of(person, role, -3600, 8 * 3600)
}

/// A turn from and until so many seconds from now.
pub fn turn_of(person: &str, role: &str, from: i64, until: i64) -> String {
    let now = jiff::Timestamp::now().as_second();
    let at = |s: i64| jiff::Timestamp::from_second(now + s).unwrap();
    format!(
        "[[turn]]\nperson = \"{person}\"\nrole = \"{role}\"\nfrom = {}\nuntil = {}\n",
        at(from),
        at(until)
    )
}

/// Looks again and again until something is as it should be.
pub fn soon<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let until = Instant::now() + LONG;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "{what}");
    }
}

pub struct Desk {
    child: Child,
    lines: Receiver<String>,
}

impl Desk {
    /// Starts `team serve`, under an environment (such as another clock).
    pub fn serve(home: &Home, environment: &[(String, String)]) -> Self {
        Self::serve_with(home, &[], environment)
    }

    pub fn serve_with(home: &Home, more: &[&str], environment: &[(String, String)]) -> Self {
        let arguments = [&["--json", "team", "serve"], more].concat();
        let mut child = home
            .command(&arguments)
            .envs(environment.iter().cloned())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (tell, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The first line about a letter that is as it should be.
    pub fn until(&mut self, good: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + LONG;
        let mut seen = Vec::new();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            let line = line.unwrap_or_else(|_| panic!("it does not come; there was {seen:?}"));
            let letter: Value = serde_json::from_str(&line).unwrap();
            if good(&letter) {
                return letter;
            }
            seen.push(line);
        }
    }

    /// The same, while somebody comes by again and again.
    pub fn until_with(&mut self, good: impl Fn(&Value) -> bool, comes_by: impl Fn()) -> Value {
        let until = Instant::now() + LONG;
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(Duration::from_millis(50)) {
                Ok(line) => {
                    let letter: Value = serde_json::from_str(&line).unwrap();
                    if good(&letter) {
                        return letter;
                    }
                    seen.push(line);
                }
                Err(_) => comes_by(),
            }
            assert!(Instant::now() < until, "it does not come; there was {seen:?}");
        }
    }

    /// kill -9.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.kill();
    }
}
