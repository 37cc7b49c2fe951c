//! The access log as its owner sees it: who opened, who fetched, what is missing.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::common;
use crate::people;
use crate::relay;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use common::Home;
use people::{acquainted, one, sync};
use relay::Relay;
use telesphor_agent::{Agent, Key, Passphrase};

/// A program that goes on, and the lines it prints.
struct Following(Child, Receiver<serde_json::Value>);

impl Following {
    fn start(home: &Home, arguments: &[&str]) -> Self {
        let mut command = home.command(arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (to, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if to.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        Self(child, lines)
    }

    /// The next line that fits.
    fn line(&self, within: Duration, fits: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        let until = Instant::now() + within;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.1.recv_timeout(left).expect("no such line in time");
            if fits(&line) {
                return line;
            }
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// A note of Aino's that her doctor is shown; gives its id.
fn shown(aino: &Home, gp: &Home, doctor: &str) -> String {
    std::fs::write(aino.path("ecg.txt"), "ECG: sinus rhythm").unwrap();
    let added = one(aino.run(&["--json", "add", "ecg.txt", "--scope", "heart"]));
    let id = added["id"].as_str().unwrap().to_owned();
    let share = [
        "share",
        &id,
        "--with",
        doctor,
        "--until",
        "revoked",
        "--why",
        "follow-up",
        "--yes",
    ];
    aino.run(&share).ok();
    sync(&[gp, aino]);
    id
}

fn contact(aino: &Home) -> String {
    let contacts = aino.run(&["--json", "contacts"]).ok().json();
    contacts[0]["who"].as_str().unwrap().to_owned()
}

/// With the keys in the doctor's vault, a program of another make fetches and tells nobody.
fn fetch_unannounced(gp: &Home) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let key = Key::Passphrase(Passphrase::new("correct horse".to_owned()));
        let profiles = gp.path("home").join("profiles");
        let profile = std::fs::read_dir(profiles)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path();
        let agent = Agent::open_with(&profile, key, false).await.unwrap();
        let all = agent.mailboxes().await.unwrap();
        let room = all.iter().find(|m| m.purpose == "shared").unwrap().id;
        let mut door = agent.unannounced_door(room).await.unwrap();
        assert!(!door.read(0).await.unwrap().is_empty());
        agent.close().await;
    });
}

#[test]
fn a_fetch_by_a_key_that_nobody_announced_is_not_an_alarm_within_five_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let Some(relay) = Relay::start(folder.path()) else {
        eprintln!("not run: telesphor-relay is not built");
        return;
    };
    let (aino, gp) = acquainted(&relay);
    let doctor = contact(&aino);
    let id = shown(&aino, &gp, &doctor);
    gp.run(&["read", &id]).ok();
    sync(&[&gp, &aino]);

    let calm = aino.run(&["log"]).ok();
    assert!(
        calm.out.contains("opened by Dr Virtanen: ecg.txt"),
        "{}",
        calm.out
    );
    assert!(
        calm.out.contains("fetched by Dr Virtanen's device: "),
        "{}",
        calm.out
    );
    assert!(!calm.out.contains("ALARM"), "{}", calm.out);
    assert!(calm.err.contains("checked: complete, no gap"), "{}", calm.err);
    assert!(
        calm.err.contains("Neither proves that eyes saw it"),
        "{}",
        calm.err
    );
    assert!(!calm.out.contains("this device"), "one's own looks are no news");
    let all = aino.run(&["log", "--all"]).ok();
    assert!(all.out.contains("fetched by this device: "), "{}", all.out);

    // How long this machine takes for anything just now.
    let begun = Instant::now();
    aino.run(&["log"]).ok();
    let pace = begun.elapsed();
    let following = Following::start(&aino, &["--json", "log", "--follow"]);
    // It is watching from its first line on.
    following.line(Duration::from_secs(60), |l| l["what"] == "opened");
    fetch_unannounced(&gp);
    let fetched = Instant::now();
    let alarm = following.line(Duration::from_secs(60), |l| l["alarm"] == true);
    let took = fetched.elapsed();
    eprintln!("the alarm came after {took:?}; one look at the log takes {pace:?} here");
    let idle = pace < Duration::from_secs(1);
    assert!(!idle || took < Duration::from_secs(5), "{took:?}");
    assert_eq!(
        alarm["words"],
        "ALARM: fetched by A KEY THAT NOBODY ANNOUNCED: ecg.txt"
    );
    assert_eq!(
        (&alarm["document"], &alarm["who_id"]),
        (&id.into(), &serde_json::Value::Null)
    );
    drop(following);

    let rows = |arguments: &[&str]| aino.run(&[&["--json", "log"], arguments].concat()).ok().json();
    let alarms = rows(&["--by", "nobody"]);
    assert!(alarms.len() == 1 && alarms[0]["alarm"] == true, "{alarms:?}");
    let his = rows(&["--by", &doctor]);
    assert!(
        !his.is_empty()
            && his
                .iter()
                .all(|l| l["who"] == doctor.as_str() && l["alarm"] == false)
    );
    let newest = rows(&[]);
    // Without the letter at the end, texts of different length compare as the instants do.
    let instant = |l: &serde_json::Value| l["at"].as_str().unwrap().trim_end_matches('Z').to_owned();
    let times: Vec<String> = newest.iter().map(instant).collect();
    assert!(times.windows(2).all(|w| w[0] >= w[1]), "newest first: {times:?}");
    assert!(rows(&["--since", "1h"]).len() == newest.len());
    // Only the owner learns of it: the doctor's own log says whose the mailboxes are.
    let doctors = gp.run(&["log"]).ok();
    assert!(!doctors.out.contains("ALARM"), "{}", doctors.out);
    assert!(
        doctors.err.contains("belong to the other side"),
        "{}",
        doctors.err
    );
    eprintln!("{}\n{}", aino.run(&["log"]).ok().out, aino.run(&["log"]).ok().err);
}

#[test]
fn a_document_is_shown_and_its_opening_receipt_lost_by_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut relay) = Relay::start(folder.path()) else {
        eprintln!("not run: telesphor-relay is not built");
        return;
    };
    let (aino, gp) = acquainted(&relay);
    let doctor = contact(&aino);
    let id = shown(&aino, &gp, &doctor);
    // Nothing can be told to anybody while it is shown, and the program ends with its first byte.
    relay.stop();
    let mut reading = gp
        .command(&["read", &id, "--wait", "0s"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut first, mut words) = ([0], String::new());
    if reading.stdout.take().unwrap().read_exact(&mut first).is_err() {
        reading.stderr.take().unwrap().read_to_string(&mut words).unwrap();
        panic!("nothing was shown: {words}");
    }
    reading.kill().unwrap();
    reading.wait().unwrap();
    assert_eq!(&first, b"E");
    relay.serve();
    sync(&[&gp, &aino]);
    let log = aino.run(&["--json", "log"]).ok().json();
    let opened: Vec<_> = log.iter().filter(|l| l["what"] == "opened").collect();
    assert_eq!(opened.len(), 1, "{log:?}");
    assert_eq!(opened[0]["document"], id.as_str());
}
