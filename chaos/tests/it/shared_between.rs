//! A patient of one hospital shows parts of the record to a doctor of another, with the real
//! programs: the doctor reads them through the relay of his own hospital alone.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::between;

use std::path::Path;

use between::{NEVER, Pair, Person, Ran, acquaint, until};
use serde_json::Value;

/// A file of one's own, which is called as it is named; gives its id.
fn note(person: &Person, words: &str) -> String {
    std::fs::write(person.0.join(words), format!("{words}\n")).unwrap();
    // While a hospital is not reached something waits, and that is said; it is added all the same.
    let added = person.run(&["--wait", "2s", "add", words, "--scope", "lungs"]);
    let rows = added.rows();
    let id = rows.first().and_then(|row| row["id"].as_str());
    id.unwrap_or_else(|| panic!("{}", added.err)).to_owned()
}

fn share(person: &Person, id: &str, until: &str) -> Ran {
    let with = who(person);
    person.run(&[
        "--wait",
        "2s",
        "share",
        id,
        "--with",
        &with,
        "--until",
        until,
        "--why",
        "second opinion",
        "--yes",
    ])
}

/// What somebody's shared document has come to.
fn state(person: &Person, id: &str) -> Value {
    person.run(&["--wait", "2s", "sync"]);
    let rows = person.run(&["--wait", "2s", "sent", id]).rows();
    rows.into_iter().next().unwrap_or_default()
}

/// The one contact of somebody.
fn who(person: &Person) -> String {
    let contact = person.run(&["--wait", "2s", "contacts"]).rows().remove(0);
    contact["who"].as_str().unwrap().to_owned()
}

/// Until it stands in somebody's inbox; whoever shows it goes on meanwhile.
fn comes(to: &Person, from: &Person, title: &str) {
    until(title, || {
        from.run(&["--wait", "2s", "sync"]);
        to.titles().contains(&title.to_owned()).then_some(())
    });
}

/// The patient is of B, the doctor of A; both know each other.
fn two(folder: &Path, pair: &Pair) -> (Person, Person) {
    let doctor = Person::of(&pair.a.relay, folder, "Dr Virtanen");
    let patient = Person::of(&pair.b.relay, folder, "Aino Korhonen");
    acquaint(&patient, &doctor);
    (patient, doctor)
}

#[test]
fn what_is_shared_with_a_doctor_of_another_hospital_is_not_read_there_or_outlives_its_revocation() {
    let folder = tempfile::tempdir().unwrap();
    let pair = Pair::joined(folder.path(), NEVER);
    let (patient, doctor) = two(folder.path(), &pair);
    let id = note(&patient, "Spirometry");
    share(&patient, &id, "90d");
    comes(&doctor, &patient, "Spirometry");
    let read = doctor.run(&["read", &id]).ok();
    assert!(read.out.contains("Spirometry"), "{}", read.out);
    // What the doctor says of it goes into the same mailbox.
    until("the patient learns that it was opened", || {
        doctor.run(&["--wait", "2s", "sync"]);
        (state(&patient, &id)["state"] == "opened").then_some(())
    });

    let log = patient.run(&["log"]).ok().rows();
    assert!(log.iter().all(|line| line["alarm"] != true), "{log:?}");
    let reader = who(&patient);
    let fetched = |line: &Value| line["what"] == "fetched" && line["who"] == reader.as_str();
    assert!(log.iter().any(fetched), "who took it is known: {log:?}");

    // A second one comes by the same mailbox, with nobody asking for it.
    let second = note(&patient, "Allergies");
    share(&patient, &second, "90d");
    comes(&doctor, &patient, "Allergies");

    patient.run(&["revoke", &reader]).ok();
    until("it is taken from the doctor", || {
        let titles = doctor.titles();
        titles.is_empty().then_some(())
    });
    let refused = doctor.run(&["read", &id]);
    assert_eq!(refused.code, 3, "{}", refused.err);
    assert!(refused.err.contains("ended it"), "{}", refused.err);
}

#[test]
fn a_lease_goes_on_at_another_hospital_after_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let pair = Pair::joined(folder.path(), NEVER);
    let (patient, doctor) = two(folder.path(), &pair);
    let id = note(&patient, "Spirometry");
    // As short as this machine lets it be read before it ends; nobody but the reader does
    // anything from then on.
    let mut seconds = 8;
    loop {
        share(&patient, &id, &format!("{seconds}s"));
        let begun = std::time::Instant::now();
        while begun.elapsed().as_secs() < seconds && doctor.run(&["read", &id]).code != 0 {
            patient.run(&["--wait", "1s", "sync"]);
        }
        if doctor.run(&["read", &id]).code == 0 {
            break;
        }
        seconds *= 2;
    }
    let refused = until("its end", || {
        let read = doctor.run(&["read", &id]);
        (read.code != 0).then_some(read)
    });
    assert!(refused.err.contains("as agreed"), "{}", refused.err);
}

#[test]
fn a_cut_line_or_killed_relays_lose_double_or_disorder_what_is_shared() {
    const NOTES: usize = 4;
    let folder = tempfile::tempdir().unwrap();
    let mut pair = Pair::joined(folder.path(), NEVER);
    let (patient, doctor) = two(folder.path(), &pair);
    let first = note(&patient, "Note 0");
    // One end for all, so that all lie in one mailbox.
    share(&patient, &first, "revoked");
    comes(&doctor, &patient, "Note 0");
    let title = |n: usize| format!("Note {n}");
    for n in 1..=NOTES {
        match n {
            1 => pair.line.cut(),
            2 => {
                pair.b.relay.kill().unwrap();
                pair.b.relay.start().unwrap();
            }
            3 => {
                pair.a.relay.kill().unwrap();
                pair.a.relay.start().unwrap();
            }
            _ => pair.line.join(),
        }
        let id = note(&patient, &title(n));
        share(&patient, &id, "revoked");
    }
    comes(&doctor, &patient, &title(NOTES));
    let wanted: Vec<String> = (0..=NOTES).map(title).collect();
    assert_eq!(doctor.titles(), wanted, "everything once, and in its order");
    // What the reader says goes back over the same line.
    doctor.run(&["read", &first]).ok();
    until("it is told that it was opened", || {
        doctor.run(&["--wait", "2s", "sync"]);
        (state(&patient, &first)["state"] == "opened").then_some(())
    });
}

#[test]
fn whoever_shares_with_somebody_who_is_not_reached_waits_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let pair = Pair::joined(folder.path(), 15);
    let (patient, doctor) = two(folder.path(), &pair);
    pair.line.cut();
    let id = note(&patient, "Spirometry");
    share(&patient, &id, "90d");
    let failed = until("it is said that it did not go there", || {
        let row = state(&patient, &id);
        (row["state"] == "failed").then_some(row)
    });
    assert_eq!(failed["why"], "T-5020", "{failed}");
    // Shared again when the line is there.
    pair.line.join();
    until("it is there", || {
        share(&patient, &id, "90d");
        doctor.titles().contains(&"Spirometry".to_owned()).then_some(())
    });
}
