//! What is written to a role: who gets it, who takes it, and where it goes on to when nobody does. The
//! real binaries, a real relay, an organisation's desk as a process of its own.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::clock;
use crate::common;
use crate::desk;
use crate::people;
use crate::relay;

use clock::Clock;
use common::{Home, ran};
use desk::{Desk, soon, turn};
use people::{joined, meet, one, sync};
use relay::Relay;
use serde_json::Value;

const PAST_THE_TIME_S: i64 = 25 * 60;

struct Clinic {
    relay: Relay,
    hospital: Home,
    laine: Home,
    virta: Home,
    gp: Home,
    laine_there: String,
    virta_there: String,
    folder: tempfile::TempDir,
}

impl Clinic {
    /// Dr Laine is on call, Dr Virta is the consultant; the GP knows the hospital and neither of them.
    fn open() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let Some(relay) = Relay::start(folder.path()) else {
            eprintln!("not run: telesphor-relay is not built");
            return None;
        };
        let hospital = joined(&relay, "Hospital A");
        let laine = joined(&relay, "Dr Laine");
        let virta = joined(&relay, "Dr Virta");
        let gp = joined(&relay, "Dr Virtanen");
        hospital
            .run(&[
                "team",
                "role",
                "new",
                "cardiology-oncall",
                "--name",
                "Cardiology on call",
            ])
            .ok();
        hospital.run(&["team", "role", "new", "consultant"]).ok();
        let laine_there = meet(&hospital, &laine, "hospital-a");
        let virta_there = meet(&hospital, &virta, "hospital-a");
        meet(&hospital, &gp, "hospital-a");
        let clinic = Self {
            relay,
            hospital,
            laine,
            virta,
            gp,
            laine_there,
            virta_there,
            folder,
        };
        clinic.publish(&[
            turn(&clinic.laine_there, "cardiology-oncall"),
            turn(&clinic.virta_there, "consultant"),
        ]);
        sync(&[&clinic.laine, &clinic.virta, &clinic.hospital, &clinic.gp]);
        Some(clinic)
    }

    fn publish(&self, turns: &[String]) {
        let text = format!("place = \"clinic\"\n{}", turns.concat());
        std::fs::write(self.hospital.path("clinic.toml"), text).unwrap();
        self.hospital
            .run(&["team", "roster", "publish", "clinic.toml"])
            .ok();
    }

    fn send(&self, to: &str, text: &str, more: &[&str]) -> String {
        std::fs::write(self.gp.path("note.txt"), text).unwrap();
        let arguments = [&["--json", "send", to, "note.txt"], more].concat();
        one(self.gp.run(&arguments))["id"].as_str().unwrap().to_owned()
    }
}

fn rows(home: &Home, list: &[&str], id: &str) -> Vec<Value> {
    let all = home.run(&[&["--json"], list].concat()).ok().json();
    all.into_iter().filter(|r| r["id"] == id).collect()
}

/// The line of a document that went to a role.
fn at_role(home: &Home, id: &str, role: &str) -> Value {
    let mut rows = rows(home, &["sent"], id);
    rows.retain(|r| r["to"] == role);
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

/// Waits until a document is in somebody's inbox.
fn came(home: &Home, id: &str) -> Value {
    soon("it does not come", || {
        rows(home, &["inbox"], id).into_iter().next()
    })
}

/// Waits until a role's line says this.
fn said(home: &Home, id: &str, role: &str, fact: &str, value: &str) -> Value {
    soon(&format!("{fact} does not become {value}"), || {
        let row = rows(home, &["sent"], id).into_iter().find(|r| r["to"] == role)?;
        (row[fact] == value).then_some(row)
    })
}

#[test]
fn an_urgent_result_that_nobody_took_in_time_waits_for_a_sender_who_is_off() {
    let Some(clinic) = Clinic::open() else { return };
    let mut desk = Desk::serve(&clinic.hospital, &[]);
    let roles = clinic.gp.run(&["team", "role", "list"]).ok();
    assert!(
        roles.out.contains("cardiology-oncall@hospital-a") && roles.out.contains("Dr Laine"),
        "{}",
        roles.out
    );
    let way = ["--urgent", "--ack-by", "20m", "--then", "consultant@hospital-a"];
    let id = clinic.send("cardiology-oncall@hospital-a", "Potassium 7.1", &way);
    desk.until(|l| l["given"][0] == "Dr Laine");
    came(&clinic.laine, &id);
    let inbox = clinic.laine.run(&["--plain", "inbox"]).ok();
    for words in [
        "title: Potassium 7.1\n",
        "marks: URGENT, not accepted, new\n",
        "author name: Dr Virtanen\n",
    ] {
        assert!(
            inbox.out.to_lowercase().contains(&words.to_lowercase()),
            "{words}: {}",
            inbox.out
        );
    }
    assert_eq!(clinic.laine.run(&["read", &id]).ok().out.trim(), "Potassium 7.1");
    assert!(
        rows(&clinic.virta, &["inbox"], &id).is_empty(),
        "it is not hers yet"
    );
    let first = said(&clinic.gp, &id, "cardiology-oncall@hospital-a", "state", "opened");
    assert_eq!(first["acceptance"], "open");

    // From here on the sender's machine is off. The desk is killed before the time is over, and
    // started after it: the time stood in its vault.
    let Some(clock) = Clock::build(clinic.folder.path()) else {
        return;
    };
    let ahead = clock.ahead(PAST_THE_TIME_S);
    desk.kill();
    let mut desk = Desk::serve(&clinic.hospital, &ahead);
    let letter = desk.until(|l| l["step"] == 1 && l["given"].as_array().unwrap().len() == 2);
    assert_eq!(letter["at"], "consultant");
    assert_eq!(letter["given"][1], "Dr Virta");
    desk.kill();
    let mut desk = Desk::serve(&clinic.hospital, &ahead);
    let again = desk.until(|l| l["letter"] == letter["letter"]);
    assert_eq!(again, letter, "it went on a second time");

    came(&clinic.virta, &id);
    let theirs = rows(&clinic.virta, &["inbox"], &id);
    assert_eq!(theirs.len(), 1, "{theirs:?}");
    assert_eq!(
        theirs[0]["acceptance"], "open",
        "her time has just begun: {}",
        theirs[0]
    );
    assert_eq!(theirs[0]["author_name"], "Dr Virtanen");
    clinic.virta.run(&["ack", &id]).ok();
    desk.until(|l| l["accepted_by"] == "Dr Virta");

    // He comes back and sees both names.
    said(&clinic.gp, &id, "consultant@hospital-a", "acceptance", "accepted");
    let sent = clinic.gp.run(&["sent", &id]).ok();
    let first = at_role(&clinic.gp, &id, "cardiology-oncall@hospital-a");
    assert_eq!(first["passed_to"], "consultant@hospital-a", "{first}");
    assert!(
        first["heard"].to_string().contains("opened") && first["heard"].to_string().contains("Dr Laine"),
        "{first}"
    );
    let second = at_role(&clinic.gp, &id, "consultant@hospital-a");
    assert_eq!(
        (second["acceptance"].as_str(), second["answer_by"].as_str()),
        (Some("accepted"), Some("Dr Virta")),
        "{second}"
    );
    assert!(sent.out.contains("accepted"), "{}", sent.out);
    let plain = clinic.gp.run(&["--plain", "sent", &id]).ok().out;
    assert!(plain.contains("by Dr Virta"), "{plain}");
    assert!(plain.contains("went on to consultant@hospital-a"), "{plain}");
    let log = clinic.gp.run(&["log"]).ok().out;
    assert!(log.contains("Dr Virta") && log.contains("Dr Laine"), "{log}");
    // Dr Laine sees that somebody has it.
    let mine = soon("he does not learn of it", || {
        rows(&clinic.laine, &["inbox"], &id)
            .into_iter()
            .find(|r| r["acceptance"] == "accepted")
    });
    assert_eq!(mine["answer_by"], "Dr Virta");
    desk.kill();

    // The desk has carried it, and has nothing to read.
    let hospital = &clinic.hospital;
    assert_eq!(hospital.run(&["read", &id]).code, 5);
    assert!(hospital.run(&["--json", "list"]).ok().out.is_empty());
    assert!(hospital.run(&["--json", "inbox"]).ok().out.is_empty());
}

#[test]
fn whoever_comes_on_duty_later_or_is_not_on_duty_gets_what_is_not_his() {
    let Some(clinic) = Clinic::open() else { return };
    let kim = joined(&clinic.relay, "Kim");
    let kim_there = meet(&clinic.hospital, &kim, "hospital-a");
    let mut desk = Desk::serve(&clinic.hospital, &[]);
    let id = clinic.send("cardiology-oncall@hospital-a", "ECG attached", &["--urgent"]);
    desk.until(|l| l["given"][0] == "Dr Laine");
    came(&clinic.laine, &id);
    desk.kill();

    // Kim comes by an edition that the sender has never seen: a reader seals the key for her.
    clinic.publish(&[
        turn(&clinic.laine_there, "cardiology-oncall"),
        turn(&kim_there, "cardiology-oncall"),
        turn(&clinic.virta_there, "consultant"),
    ]);
    sync(&[&kim, &clinic.hospital]);
    let mut desk = Desk::serve(&clinic.hospital, &[]);
    let given_to_kim = |l: &Value| l["given"].as_array().unwrap().iter().any(|g| g == "Kim");
    desk.until_with(given_to_kim, || sync(&[&clinic.laine]));
    came(&kim, &id);
    assert_eq!(kim.run(&["read", &id]).ok().out.trim(), "ECG attached");
    assert_eq!(clinic.virta.run(&["read", &id]).code, 5);

    // One declines, another takes it: the sender reads who did what.
    clinic
        .laine
        .run(&["ack", &id, "--decline", "--why", "in the lab"])
        .ok();
    kim.run(&["ack", &id]).ok();
    desk.until(|l| l["accepted_by"] == "Kim");
    let row = said(
        &clinic.gp,
        &id,
        "cardiology-oncall@hospital-a",
        "acceptance",
        "accepted",
    );
    desk.kill();
    assert_eq!(row["answer_by"], "Kim");
    let heard = row["heard"].to_string();
    assert!(
        heard.contains("declined") && heard.contains("accepted"),
        "{heard}"
    );

    // An accepted letter goes to nobody else who comes.
    clinic.publish(&[turn(&clinic.virta_there, "cardiology-oncall")]);
    let mut desk = Desk::serve(&clinic.hospital, &[]);
    desk.until(|l| l["accepted_by"] == "Kim");
    sync(&[&clinic.virta]);
    desk.kill();
    assert_eq!(clinic.virta.run(&["read", &id]).code, 5);
}

#[test]
fn a_letter_to_nobody_or_by_no_way_is_taken() {
    let Some(clinic) = Clinic::open() else { return };
    std::fs::write(clinic.gp.path("note.txt"), "x").unwrap();
    let send = |more: &[&str]| {
        ran(clinic
            .gp
            .command(&[&["--json", "send"], more].concat())
            .output()
            .unwrap())
    };
    let refused = |more: &[&str], code: i32, words: &str| {
        let ran = send(more);
        assert_eq!(ran.code, code, "{}", ran.err);
        let said = ran.error()["words"].as_str().unwrap().to_owned();
        assert!(said.contains(words), "{said}");
    };
    refused(
        &["porter@hospital-a", "note.txt"],
        5,
        "there are: cardiology-oncall, consultant",
    );
    refused(&["consultant@nowhere", "note.txt"], 5, "nowhere");
    refused(
        &[
            "consultant@hospital-a",
            "note.txt",
            "--then",
            "cardiology-oncall@hospital-a",
        ],
        2,
        "--ack-by",
    );
    let way = ["consultant@hospital-a", "note.txt", "--ack-by", "20m", "--then"];
    refused(&[&way[..], &["cardiology-oncall"]].concat(), 2, "ROLE@WHO");
    refused(&[&way[..], &["consultant@hospital-a"]].concat(), 2, "twice");
    refused(
        &[&way[..], &["cardiology-oncall@hospital-a:soon"]].concat(),
        2,
        "soon",
    );
    refused(
        &[
            "hospital-a",
            "note.txt",
            "--ack-by",
            "20m",
            "--then",
            "consultant@hospital-a",
        ],
        2,
        "needs a role",
    );
    // Nobody gives the readers' keys while the desk is not there: it waits here, and says so.
    let waits = send(&["consultant@hospital-a", "note.txt", "--wait", "1s"]);
    assert_eq!(waits.code, 6, "{}", waits.err);
    assert_eq!(waits.json()[0]["state"], "queued");
    let id = waits.json()[0]["id"].as_str().unwrap().to_owned();
    let mut desk = Desk::serve(&clinic.hospital, &[]);
    desk.until_with(|l| l["given"][0] == "Dr Virta", || sync(&[&clinic.gp]));
    came(&clinic.virta, &id);
    clinic.virta.run(&["read", &id]).ok();
    // Who is no organisation has no roles, and a bad word is no role.
    let bad = clinic.laine.run(&["--json", "team", "role", "new", "a@b"]);
    assert_eq!(bad.code, 2, "{}", bad.err);
}

#[test]
fn a_correction_of_what_went_to_a_role_misses_who_had_it() {
    let Some(clinic) = Clinic::open() else { return };
    let mut desk = Desk::serve(&clinic.hospital, &[]);
    let id = clinic.send("cardiology-oncall@hospital-a", "Potassium 7.1", &["--urgent"]);
    came(&clinic.laine, &id);
    said(
        &clinic.gp,
        &id,
        "cardiology-oncall@hospital-a",
        "state",
        "delivered",
    );
    desk.kill();
    // Dr Laine goes home; Dr Virta comes.
    clinic.publish(&[turn(&clinic.virta_there, "cardiology-oncall")]);
    let mut desk = Desk::serve(&clinic.hospital, &[]);
    let given_to_virta = |l: &Value| l["given"].as_array().unwrap().iter().any(|g| g == "Dr Virta");
    desk.until_with(given_to_virta, || sync(&[&clinic.laine]));
    came(&clinic.virta, &id);
    said(
        &clinic.gp,
        &id,
        "cardiology-oncall@hospital-a",
        "state",
        "delivered",
    );
    clinic
        .gp
        .run(&["retract", &id, "--why", "error", "--words", "haemolysed"])
        .ok();
    for home in [&clinic.laine, &clinic.virta] {
        soon("it can still be read", || {
            home.run(&["sync"]).ok();
            let read = home.run(&["--json", "read", &id]);
            (read.code == 3 && read.error()["error"] == "T-6041").then_some(())
        });
    }
    desk.kill();
}
