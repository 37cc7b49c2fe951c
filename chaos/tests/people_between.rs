//! Two people of two hospitals with the real programs: each speaks to the relay of its own hospital
//! alone, and the hospitals are joined by a line that can be cut.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use telesphor_chaos::exchange::{Hospital, Line};
use telesphor_chaos::relay::{Relay, binary};
use telesphor_clinical::invite::InviteLink;
use telesphor_wire::ids::IdentityId;

/// Longer than any test, seconds.
const NEVER: u64 = 100_000;

struct Pair {
    a: Hospital,
    b: Hospital,
    line: Line,
}

impl Pair {
    fn strangers(folder: &Path, give_up_after: u64) -> Self {
        let mut a = Hospital::new(&folder.join("a"), "hospital-a.example", give_up_after).unwrap();
        let mut b = Hospital::new(&folder.join("b"), "hospital-b.example", give_up_after).unwrap();
        a.start(&[]).unwrap();
        let line = Line::to(a.leafs()).unwrap();
        b.start(&[line.front()]).unwrap();
        Self { a, b, line }
    }

    fn joined(folder: &Path, give_up_after: u64) -> Self {
        let pair = Self::strangers(folder, give_up_after);
        pair.a.pin(&pair.b).unwrap();
        pair.b.pin(&pair.a).unwrap();
        pair
    }
}

/// Somebody with a profile of his own.
struct Person(PathBuf);

struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn ok(self) -> Self {
        assert_eq!(self.code, 0, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    fn rows(&self) -> Vec<Value> {
        let rows = self.out.lines().map(serde_json::from_str);
        rows.map(Result::unwrap).collect()
    }

    fn one(self) -> Value {
        let mut rows = self.ok().rows();
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0)
    }

    fn error(&self) -> String {
        let mut objects = self
            .err
            .lines()
            .filter_map(|l| serde_json::from_str::<Value>(l).ok());
        let last = objects
            .next_back()
            .unwrap_or_else(|| panic!("no error in: {}", self.err));
        last["error"].as_str().unwrap().to_owned()
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
    fn of(hospital: &Relay, folder: &Path, name: &str) -> Self {
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

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary("TELESPHOR_BIN", "telesphor").unwrap());
        command
            .arg("--json")
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

    fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().unwrap().into()
    }

    /// Begun, and left to itself.
    fn begin(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Sends a note with these words; gives its row.
    fn send(&self, to: &str, words: &str) -> Ran {
        let file = self.0.join("note.md");
        std::fs::write(file, format!("# {words}\n")).unwrap();
        self.run(&["--wait", "20s", "send", to, "note.md"])
    }

    /// What came, in the order in which it came.
    fn titles(&self) -> Vec<String> {
        let rows = self.run(&["inbox"]).ok().rows();
        let titles = rows.iter().map(|row| row["title"].as_str().unwrap().to_owned());
        titles.rev().collect()
    }

    fn link(&self) -> String {
        let invited = self.run(&["invite", "--for", "my doctor"]).one();
        invited["link"].as_str().unwrap().to_owned()
    }
}

/// A patient of one hospital invites the doctor of the other; both know each other then.
fn meet(patient: &Person, doctor: &Person) -> InviteLink {
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

#[test]
fn somebody_at_another_hospital_is_not_reached_or_does_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    let pair = Pair::joined(folder.path(), NEVER);
    let doctor = Person::of(&pair.a.relay, folder.path(), "Dr Virtanen");
    let patient = Person::of(&pair.b.relay, folder.path(), "Aino Korhonen");
    meet(&patient, &doctor);

    let sent = doctor.send("aino", "No warning signs").one();
    assert_eq!(sent["state"], "durable", "{sent}");
    let came = patient.run(&["inbox", "--unread"]).one();
    assert_eq!(came["title"], "No warning signs");
    let id = came["id"].as_str().unwrap();
    let read = patient.run(&["read", id]).ok();
    assert!(read.out.contains("No warning signs"), "{}", read.out);
    patient.run(&["sync"]).ok();
    doctor.run(&["sync"]).ok();
    assert_eq!(
        doctor.run(&["sent", id]).one()["state"],
        "opened",
        "the sender learns of it"
    );

    let who = patient.run(&["contacts"]).one()["who"]
        .as_str()
        .unwrap()
        .to_owned();
    patient.send(&who, "Thank you").ok();
    assert_eq!(doctor.titles(), ["Thank you"]);
}

#[test]
fn a_cut_and_kills_lose_double_or_disorder_what_people_write() {
    const NOTES: usize = 6;
    let folder = tempfile::tempdir().unwrap();
    let mut pair = Pair::joined(folder.path(), NEVER);
    let doctor = Person::of(&pair.a.relay, folder.path(), "Dr Virtanen");
    let patient = Person::of(&pair.b.relay, folder.path(), "Aino Korhonen");
    meet(&patient, &doctor);
    pair.line.cut();
    let title = |n: usize| format!("Note {n}");
    for n in 1..=NOTES {
        let file = doctor.0.join("note.md");
        std::fs::write(file, format!("# {}\n", title(n))).unwrap();
        // Killed as soon as home has something more, whatever the program has noted of that. What
        // was not in the vault by then was never sent.
        while doctor.run(&["--wait", "1s", "sent"]).rows().len() < n {
            let before = pair.a.peer(&pair.b).unwrap()["waiting"].as_u64();
            let mut sending = doctor.begin(&["send", "aino", "note.md"]);
            pair.a
                .until(&pair.b, |peer| peer["waiting"].as_u64() > before)
                .unwrap();
            sending.kill().unwrap();
            sending.wait().unwrap();
        }
        if n % 2 == 0 {
            pair.a.relay.kill().unwrap();
            pair.a.relay.start().unwrap();
        }
    }
    // Everything that is under way goes on while both sides are killed in the middle of it.
    pair.line.join();
    let mut syncing = doctor.begin(&["sync"]);
    let some = |peer: &Value| peer["waiting"].as_u64() < Some(NOTES as u64);
    pair.a.until(&pair.b, some).unwrap();
    syncing.kill().unwrap();
    syncing.wait().unwrap();
    pair.b.relay.kill().unwrap();
    pair.b.relay.start().unwrap();
    pair.a.until(&pair.b, |peer| peer["waiting"] == 0).unwrap();
    doctor.run(&["sync"]).ok();
    let wanted: Vec<String> = (1..=NOTES).map(title).collect();
    assert_eq!(patient.titles(), wanted);
    patient.run(&["sync"]).ok();
    doctor.run(&["sync"]).ok();
    let states = doctor.run(&["sent"]).ok().rows();
    assert_eq!(states.len(), NOTES);
    assert!(states.iter().all(|row| row["state"] == "delivered"), "{states:?}");
}

#[test]
fn home_learns_with_whom_somebody_speaks_over_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut pair = Pair::joined(folder.path(), NEVER);
    let doctor = Person::of(&pair.a.relay, folder.path(), "Dr Virtanen");
    let patient = Person::of(&pair.b.relay, folder.path(), "Aino Korhonen");
    let link = meet(&patient, &doctor);
    doctor.send("aino", "No warning signs").ok();
    patient.run(&["inbox"]).ok();
    patient.run(&["sync"]).ok();
    let id = |person: &Person| {
        let shown = person.run(&["identity", "show"]).one();
        shown["id"].as_str().unwrap().parse::<IdentityId>().unwrap()
    };
    let (hers, his) = (id(&patient), id(&doctor));
    for relay in [&mut pair.a.relay, &mut pair.b.relay] {
        relay.kill().unwrap();
    }
    let (a, b) = (written_by(&pair.a.relay), written_by(&pair.b.relay));
    let heard = pair.line.heard();
    assert!(finds(&b, &link.mailbox.0), "the search finds what is there");
    let words = [&b"No warning signs"[..], b"Korhonen", b"Virtanen"];
    for (where_, pile) in [("home", &a), ("the other hospital", &b), ("the line", &heard)] {
        for (what, secret) in [("her", &hers.0), ("him", &his.0)] {
            assert!(!finds(pile, secret), "{where_} has {what}");
        }
        for word in words {
            let found = pile.windows(word.len()).any(|w| w == word);
            assert!(!found, "{where_} has {}", String::from_utf8_lossy(word));
        }
    }
    for (where_, pile) in [("home", &a), ("the line", &heard)] {
        for (what, secret) in [
            ("mailbox", &link.mailbox.0),
            ("key", &link.deposit_key().public().0),
        ] {
            assert!(!finds(pile, secret), "{where_} has the {what}");
        }
    }
}

/// Whether something stands there, as bytes or in hexadecimal.
fn finds(pile: &[u8], secret: &[u8; 32]) -> bool {
    let hex: String = secret.iter().map(|b| format!("{b:02x}")).collect();
    let forms = [secret.to_vec(), hex.into_bytes()];
    forms
        .iter()
        .any(|form| pile.windows(form.len()).any(|w| w == form.as_slice()))
}

/// All that a relay, and the NATS server beside it, have written.
fn written_by(relay: &Relay) -> Vec<u8> {
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

#[test]
fn what_cannot_be_brought_there_waits_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let pair = Pair::strangers(folder.path(), 15);
    let doctor = Person::of(&pair.a.relay, folder.path(), "Dr Virtanen");
    let patient = Person::of(&pair.b.relay, folder.path(), "Aino Korhonen");
    let refused = doctor.run(&["accept", &patient.link(), "--call", "aino"]);
    assert_eq!(
        refused.error(),
        "T-2040",
        "home does not know that hospital: {}",
        refused.err
    );
    pair.a.pin(&pair.b).unwrap();
    pair.b.pin(&pair.a).unwrap();
    meet(&patient, &doctor);

    // What needs a mailbox that both read is refused, not begun.
    std::fs::write(doctor.0.join("note.md"), "# A note\n").unwrap();
    doctor.run(&["add", "note.md", "--scope", "lungs"]).ok();
    let shared = doctor.run(&[
        "share",
        "scope:lungs",
        "--with",
        "aino",
        "--until",
        "90d",
        "--why",
        "asked for",
        "--yes",
    ]);
    assert_eq!(shared.error(), "T-1008", "{}", shared.err);

    pair.line.cut();
    let sent = doctor.send("aino", "A note");
    let row = doctor.run(&["sent"]).one();
    assert_eq!(
        (row["state"].as_str(), row["why"].as_str()),
        (Some("failed"), Some("T-5020")),
        "{} {}",
        sent.out,
        sent.err
    );
    // And again when the line is there.
    pair.line.join();
    doctor.send("aino", "Once more").ok();
    assert_eq!(patient.titles(), ["Once more"]);
}
