//! Two people of two hospitals with the real programs: each speaks to the relay of its own hospital
//! alone, and the hospitals are joined by a line that can be cut.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::between;

use between::{NEVER, Pair, Person, acquaint, finds, written_by};
use serde_json::Value;
use telesphor_wire::ids::IdentityId;

#[test]
fn somebody_at_another_hospital_is_not_reached_or_does_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    let pair = Pair::joined(folder.path(), NEVER);
    let doctor = Person::of(&pair.a.relay, folder.path(), "Dr Virtanen");
    let patient = Person::of(&pair.b.relay, folder.path(), "Aino Korhonen");
    acquaint(&patient, &doctor);

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
    acquaint(&patient, &doctor);
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
    let link = acquaint(&patient, &doctor);
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
    acquaint(&patient, &doctor);

    // What cannot be had through the exchange is refused, not begun: files.
    std::fs::create_dir(doctor.0.join("scan")).unwrap();
    std::fs::write(doctor.0.join("scan").join("one.bin"), vec![7; 4096]).unwrap();
    let sent = doctor.run(&["send", "aino", "scan", "--kind", "image"]);
    assert_eq!(sent.error(), "T-1008", "{}", sent.err);

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
