//! A doctor writes to a role of another hospital, with the real programs: whoever holds it there reads
//! it, and it goes on there while the line is cut and the sender is off.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::between;

use std::process::Child;

use between::{NEVER, Pair, Person, finds, meet, sync, until, written_by};
use serde_json::Value;
use telesphor_chaos::exchange::Hospital;

const WORDS: &str = "Potassium 7.1, on the telephone to nobody";

/// `team serve`, until it is dropped.
struct Desk(Child);

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Hospital B, its people, and a GP of A who knows the hospital and none of them.
struct Scene {
    pair: Pair,
    hospital: Person,
    laine: Person,
    virta: Person,
    gp: Person,
    folder: tempfile::TempDir,
}

impl Scene {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pair = Pair::joined(folder.path(), NEVER);
        let of = |hospital: &Hospital, name| Person::of(&hospital.relay, folder.path(), name);
        let hospital = of(&pair.b, "Hospital B");
        let (laine, virta) = (of(&pair.b, "Dr Laine"), of(&pair.b, "Dr Virta"));
        let gp = of(&pair.a, "Dr Virtanen");
        let role = ["team", "role", "new", "oncall", "--name", "Cardiology on call"];
        hospital.run(&role).ok();
        hospital.run(&["team", "role", "new", "consultant"]).ok();
        let people = [
            (meet(&hospital, &laine, "hospital-b"), "oncall"),
            (meet(&hospital, &virta, "hospital-b"), "consultant"),
        ];
        let turn = |(who, role): &(String, &str)| {
            format!(
                "[[turn]]\nperson = \"{who}\"\nrole = \"{role}\"\nfrom = 2026-01-01T00:00:00Z\nuntil = 2099-01-01T00:00:00Z\n"
            )
        };
        let turns: String = people.iter().map(turn).collect();
        std::fs::write(
            hospital.path("clinic.toml"),
            format!("place = \"clinic\"\n{turns}"),
        )
        .unwrap();
        hospital.run(&["team", "roster", "publish", "clinic.toml"]).ok();
        meet(&hospital, &gp, "hospital-b");
        sync(&[&laine, &virta, &hospital, &gp]);
        Self {
            pair,
            hospital,
            laine,
            virta,
            gp,
            folder,
        }
    }

    fn desk(&self) -> Desk {
        Desk(self.hospital.begin(&["team", "serve"]))
    }

    fn send(&self, more: &[&str]) -> String {
        std::fs::write(self.gp.path("note.txt"), WORDS).unwrap();
        let to = ["--wait", "2s", "send", "oncall@hospital-b", "note.txt"];
        let sent = self.gp.run(&[&to[..], more].concat());
        // It waits for the keys of its readers, who are over there.
        let rows = sent.rows();
        let id = rows.first().and_then(|row| row["id"].as_str());
        id.unwrap_or_else(|| panic!("{}", sent.err)).to_owned()
    }

    /// How it stands at a role, as the GP sees it.
    fn at(&self, id: &str, role: &str) -> Option<Value> {
        self.gp.run(&["--wait", "2s", "sync"]);
        let rows = self.gp.run(&["--wait", "2s", "sent", id]).rows();
        rows.into_iter().find(|row| row["to"] == role)
    }
}

/// Until it is in somebody's inbox.
fn comes(to: &Person, id: &str) {
    until("it comes", || {
        let rows = to.run(&["--wait", "2s", "inbox"]).rows();
        rows.iter().any(|row| row["id"] == id).then_some(())
    });
}

#[test]
fn what_is_written_to_a_role_of_another_hospital_is_read_by_nobody_or_waits_for_its_sender() {
    let scene = Scene::open();
    let desk = scene.desk();
    let roles = scene.gp.words(&["team", "role", "list"]).ok().out;
    assert!(
        roles.contains("oncall@hospital-b") && roles.contains("known there"),
        "{roles}"
    );
    let id = scene.send(&["--urgent", "--ack-by", "20m", "--then", "consultant@hospital-b"]);
    let durable = || {
        scene
            .at(&id, "oncall@hospital-b")
            .filter(|row| row["state"] != "queued")
    };
    until("it is there", durable);
    comes(&scene.laine, &id);
    let read = scene.laine.run(&["read", &id]).ok();
    assert!(read.out.contains(WORDS), "{}", read.out);

    // From here on the line is cut and the GP's machine is off; the desk is killed on the way.
    scene.pair.line.cut();
    scene
        .laine
        .run(&["ack", "--decline", &id, "--why", "in theatre"])
        .ok();
    drop(desk);
    let _desk = scene.desk();
    comes(&scene.virta, &id);
    scene.virta.run(&["ack", &id]).ok();
    scene.virta.run(&["sync"]).ok();

    scene.pair.line.join();
    let taken = until("the sender learns who has taken it", || {
        scene
            .at(&id, "consultant@hospital-b")
            .filter(|row| row["acceptance"] == "accepted")
    });
    assert_eq!(taken["answer_by"], "Dr Virta", "{taken}");
    let first = scene.at(&id, "oncall@hospital-b").unwrap();
    assert_eq!(first["passed_to"], "consultant@hospital-b", "{first}");
    assert_eq!(first["answer_words"], "in theatre", "{first}");

    // Neither the desk, nor a relay, nor the line has anything of it.
    let read = scene.hospital.run(&["read", &id]);
    assert!(read.code != 0 && !read.out.contains(WORDS), "{}", read.out);
    let Scene { mut pair, folder, .. } = scene;
    for relay in [&mut pair.a.relay, &mut pair.b.relay] {
        relay.kill().unwrap();
    }
    let piles = [
        written_by(&pair.a.relay),
        written_by(&pair.b.relay),
        pair.line.heard(),
    ];
    assert!(piles.iter().all(|pile| !finds(pile, WORDS.as_bytes())));
    drop(folder);
}

#[test]
fn what_cannot_reach_a_role_of_another_hospital_is_lost_without_a_word() {
    let scene = Scene::open();
    std::fs::create_dir(scene.gp.path("scan")).unwrap();
    std::fs::write(scene.gp.path("scan").join("one.bin"), vec![7; 4096]).unwrap();
    let files = scene
        .gp
        .run(&["send", "oncall@hospital-b", "scan", "--kind", "image"]);
    assert_eq!(files.error(), "T-1008", "{}", files.err);
    // No desk is on, so nobody gives the readers' keys: it waits, and that is said.
    let id = scene.send(&[]);
    let waits = scene.at(&id, "oncall@hospital-b").unwrap();
    assert_eq!(waits["state"], "queued", "{waits}");
    let _desk = scene.desk();
    until("it goes by itself when the desk is there", || {
        scene
            .at(&id, "oncall@hospital-b")
            .filter(|row| row["state"] != "queued")
    });
    comes(&scene.laine, &id);
}
