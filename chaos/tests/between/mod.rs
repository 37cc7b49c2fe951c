//! Two hospitals, joined by a line that can be cut, and people with profiles of their own.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "a test that cannot go on ends, and no test needs all of it"
)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use telesphor_chaos::exchange::{Hospital, Line};
use telesphor_chaos::relay::{Relay, binary};
use telesphor_clinical::invite::InviteLink;

/// Longer than any test, seconds.
pub const NEVER: u64 = 100_000;

pub struct Pair {
    pub a: Hospital,
    pub b: Hospital,
    pub line: Line,
}

impl Pair {
    pub fn strangers(folder: &Path, give_up_after: u64) -> Self {
        let mut a = Hospital::new(&folder.join("a"), "hospital-a.example", give_up_after).unwrap();
        let mut b = Hospital::new(&folder.join("b"), "hospital-b.example", give_up_after).unwrap();
        a.start(&[]).unwrap();
        let line = Line::to(a.leafs()).unwrap();
        b.start(&[line.front()]).unwrap();
        Self { a, b, line }
    }

    pub fn joined(folder: &Path, give_up_after: u64) -> Self {
        let pair = Self::strangers(folder, give_up_after);
        pair.join();
        pair
    }

    pub fn join(&self) {
        self.a.pin(&self.b).unwrap();
        self.b.pin(&self.a).unwrap();
    }
}

/// Somebody with a profile of his own.
pub struct Person(pub PathBuf);

pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    pub fn rows(&self) -> Vec<Value> {
        let rows = self.out.lines().map(serde_json::from_str);
        rows.map(Result::unwrap).collect()
    }

    pub fn one(self) -> Value {
        let mut rows = self.ok().rows();
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0)
    }

    /// The code of the error.
    pub fn error(&self) -> String {
        self.refused().1
    }

    /// How it ended, and the code of the error.
    pub fn refused(&self) -> (i32, String) {
        let mut objects = self
            .err
            .lines()
            .filter_map(|l| serde_json::from_str::<Value>(l).ok());
        let last = objects.next_back();
        let last = last.unwrap_or_else(|| panic!("no error: {}\n{}", self.out, self.err));
        (self.code, last["error"].as_str().unwrap().to_owned())
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Person {
    /// Admitted by a hospital.
    pub fn of(hospital: &Relay, folder: &Path, name: &str) -> Self {
        let person = Self(folder.join(name.replace(' ', "-")));
        std::fs::create_dir_all(&person.0).unwrap();
        std::fs::write(person.0.join("pass"), "correct horse\n").unwrap();
        let admitted = hospital.run(&["admit", "new", "--class", "patient", "--uses", "1", "--json"]);
        let admitted: Value = serde_json::from_str(admitted.unwrap().trim()).unwrap();
        let link = admitted["link"].as_str().unwrap();
        let new = ["identity", "new", name, "--admission", link, "--kit", "kit.txt"];
        person.run(&new).ok();
        person.run(&["unlock", "--for", "1h"]).ok();
        person
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary("TELESPHOR_BIN", "telesphor").unwrap());
        command
            .args(arguments)
            .env_clear()
            .env("TELESPHOR_HOME", self.0.join("home"))
            .env("XDG_RUNTIME_DIR", self.0.join("runtime"))
            .env("TELESPHOR_PASSPHRASE_FILE", self.0.join("pass"))
            .env("TZ", "UTC")
            .current_dir(&self.0)
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        let arguments = [&["--json"], arguments].concat();
        self.command(&arguments).output().unwrap().into()
    }

    /// As somebody at a terminal sees it.
    pub fn words(&self, arguments: &[&str]) -> Ran {
        let arguments = [&["--plain"], arguments].concat();
        self.command(&arguments).output().unwrap().into()
    }

    /// Begun, and left to itself.
    pub fn begin(&self, arguments: &[&str]) -> Child {
        let arguments = [&["--json"], arguments].concat();
        let mut command = self.command(&arguments);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Sends a note with these words; gives its row.
    pub fn send(&self, to: &str, words: &str) -> Ran {
        let file = self.0.join("note.md");
        std::fs::write(file, format!("# {words}\n")).unwrap();
        self.run(&["--wait", "20s", "send", to, "note.md"])
    }

    /// What came, in the order in which it came.
    pub fn titles(&self) -> Vec<String> {
        // While another hospital is not reached something waits, and the exit code says so.
        let rows = self.run(&["inbox"]).rows();
        let titles = rows.iter().map(|row| row["title"].as_str().unwrap().to_owned());
        titles.rev().collect()
    }

    pub fn link(&self) -> String {
        let invited = self.run(&["invite", "--for", "my doctor"]).one();
        invited["link"].as_str().unwrap().to_owned()
    }
}

/// Everybody hears what the others have said.
pub fn sync(people: &[&Person]) {
    for _ in 0..2 {
        for person in people {
            person.run(&["sync"]).ok();
        }
    }
}

/// One invites, the other accepts, both confirm; gives what the inviter calls the other.
pub fn meet(inviter: &Person, other: &Person, call: &str) -> String {
    let invited = inviter.run(&["invite", "--for", "somebody"]).one();
    let link = invited["link"].as_str().unwrap();
    let theirs = other.run(&["accept", link, "--call", call]).one();
    sync(&[inviter, other]);
    let contacts = inviter.run(&["contacts"]).ok().rows();
    let ours = contacts.iter().find(|c| c["words"] == theirs["words"]);
    let who = ours.expect("both sides see the same words")["who"]
        .as_str()
        .unwrap();
    inviter.run(&["contacts", "confirm", who]).ok();
    other.run(&["contacts", "confirm", call]).ok();
    who.to_owned()
}

/// Whether something stands there, as bytes or in hexadecimal.
pub fn finds(pile: &[u8], secret: &[u8]) -> bool {
    let hex: String = secret.iter().map(|b| format!("{b:02x}")).collect();
    let forms = [secret.to_vec(), hex.into_bytes()];
    forms
        .iter()
        .any(|form| pile.windows(form.len()).any(|w| w == form.as_slice()))
}

/// All that a relay, and the NATS server beside it, have written.
pub fn written_by(relay: &Relay) -> Vec<u8> {
    fn all(folder: &Path, pile: &mut Vec<u8>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                all(&entry.path(), pile);
            } else if kind.is_file() {
                pile.extend(std::fs::read(entry.path()).unwrap());
            }
        }
    }
    let mut pile = Vec::new();
    all(relay.data().parent().unwrap().parent().unwrap(), &mut pile);
    pile
}

/// A patient of one hospital invites the doctor of the other; both know each other then.
pub fn acquaint(patient: &Person, doctor: &Person) -> InviteLink {
    let link = patient.link();
    let theirs = doctor.run(&["accept", &link, "--call", "aino"]).one();
    assert_eq!(theirs["home"], "hospital-b.example");
    patient.run(&["sync"]).ok();
    let ours = patient.run(&["contacts"]).one();
    assert_eq!(ours["words"], theirs["words"], "both sides see the same words");
    assert_eq!(ours["home"], "hospital-a.example");
    let who = ours["who"].as_str().unwrap();
    patient.run(&["contacts", "confirm", who]).ok();
    doctor.run(&["contacts", "confirm", "aino"]).ok();
    InviteLink::from_text(&link).unwrap()
}

/// Until the program that asks says so: each time it does, it takes in what came.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = std::time::Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(
            begun.elapsed() < std::time::Duration::from_secs(180),
            "it never comes to this: {what}"
        );
    }
}
