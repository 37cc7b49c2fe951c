//! A large file that is shown to a doctor of another hospital: fetched through the relay of his own
//! hospital alone, over a line that is cut.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::between;

use between::{NEVER, Pair, Person, acquaint, finds, until, written_by};

/// Not a whole number of pieces.
const LENGTH: usize = 9 * 256 * 1024 + 77;

/// What no cipher and no padding looks like.
fn content() -> Vec<u8> {
    (0..LENGTH)
        .map(|at| match at / 16 % 2 {
            0 => b"Waveform of Aino"[at % 16],
            _ => (at / 7) as u8,
        })
        .collect()
}

fn fetch(doctor: &Person, id: &str) -> between::Ran {
    doctor.run(&["--wait", "60s", "fetch", id, "--into", "out"])
}

#[test]
fn a_file_that_is_shown_at_another_hospital_is_not_whole_there_or_is_fetched_after_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let pair = Pair::joined(folder.path(), NEVER);
    let doctor = Person::of(&pair.a.relay, folder.path(), "Dr Virtanen");
    let patient = Person::of(&pair.b.relay, folder.path(), "Aino Korhonen");
    acquaint(&patient, &doctor);
    let who = patient.run(&["contacts"]).one()["who"]
        .as_str()
        .unwrap()
        .to_owned();

    // Given for good it would have to lie there: that is refused, and says what to do instead.
    let content = content();
    std::fs::write(patient.path("series.raw"), &content).unwrap();
    let given = patient.run(&["send", &who, "series.raw"]);
    assert_eq!(given.error(), "T-1008", "{}", given.err);
    assert!(given.err.contains("telesphor share"), "{}", given.err);

    let added = patient.run(&["add", "series.raw", "--scope", "lungs"]).one();
    let id = added["id"].as_str().unwrap();
    let share = [
        "share",
        id,
        "--with",
        &who,
        "--until",
        "90d",
        "--why",
        "second opinion",
        "--yes",
    ];
    patient.run(&share).ok();
    until("it is told where the file lies", || {
        patient.run(&["sync"]).ok();
        doctor.run(&["--wait", "2s", "sync"]);
        let listed = doctor.run(&["fetch", id, "--list"]);
        let told = listed.code == 0 && listed.rows().iter().all(|row| row["where"] == "at the relay");
        (told && !listed.rows().is_empty()).then_some(())
    });

    // The line goes away in the middle of it; what came stays, and the next call goes on behind it.
    pair.line.cut();
    let cut = doctor.run(&["--wait", "1s", "fetch", id, "--into", "out"]);
    assert_eq!(cut.refused(), (7, "T-5020".to_owned()), "{}", cut.err);
    pair.line.join();
    let mut fetching = doctor.begin(&["--wait", "60s", "fetch", id, "--into", "out"]);
    let part = doctor.path("out").join("series.raw.part");
    until("some of it is there", || {
        let there = std::fs::metadata(&part).is_ok_and(|file| file.len() > 0);
        let whole = doctor.path("out").join("series.raw").exists();
        (there || whole).then_some(())
    });
    fetching.kill().unwrap();
    fetching.wait().unwrap();
    if !doctor.path("out").join("series.raw").exists() {
        fetch(&doctor, id).ok();
    }
    assert!(std::fs::read(doctor.path("out").join("series.raw")).unwrap() == content);

    // What home was given of it is not kept there, readable or not.
    doctor.run(&["sync"]).ok();

    patient.run(&["revoke", &who]).ok();
    std::fs::remove_dir_all(doctor.path("out")).unwrap();
    let refused = until("it is taken from the doctor", || {
        let refused = fetch(&doctor, id);
        (refused.code != 0).then_some(refused)
    });
    assert_eq!(refused.code, 3, "{}", refused.err);

    let Pair { mut a, mut b, line } = pair;
    for relay in [&mut a.relay, &mut b.relay] {
        relay.kill().unwrap();
    }
    for pile in [written_by(&a.relay), written_by(&b.relay), line.heard()] {
        assert!(!finds(&pile, b"Waveform of Aino"));
    }
}
