//! Prescriptions on worse days: a question, no line, portions that are not due.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::people;
use crate::rx;

use people::{one, sync};
use rx::{Scene, refused};

macro_rules! scene {
    ($folder:expr, $($name:literal),*) => {
        match Scene::set($folder, &[$($name),*]) {
            Some(scene) => scene,
            None => {
                eprintln!("not run: telesphor-relay is not built");
                return;
            }
        }
    };
}

#[test]
fn a_dose_that_looks_wrong_is_handed_over_before_the_prescriber_has_answered() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene!(folder.path(), "Corner pharmacy", "Station pharmacy");
    let rx = scene.prescribe(&["--amount", "30"]);
    scene.ticket(&rx, 0, "14");
    scene.ticket(&rx, 1, "10");
    let nothing = scene.pharmacy(0).run(&["--json", "rx", "ask", &rx, "500 or 50?"]);
    assert_eq!(
        refused(&nothing),
        (9, "T-3036".to_owned()),
        "who has set nothing aside stops nothing"
    );
    one(scene.reserve(&rx, 0, "14"));
    let asked = one(scene.pharmacy(0).run(&["--json", "rx", "ask", &rx, "500 or 50?"]));
    assert!(asked["remaining"]["held_until_ms"].as_u64().is_some(), "{asked}");
    for n in [0, 1] {
        let amount = ["14", "10"][n];
        let stopped = scene.fill(&rx, n, amount);
        assert_eq!(refused(&stopped), (3, "T-3033".to_owned()));
        assert!(stopped.err.contains("STOPPED by a pharmacist"), "{}", stopped.err);
    }

    // The question reaches the prescriber through the patient, who needs to do nothing.
    sync(&[scene.pharmacy(0), &scene.aino, &scene.doctor]);
    let inbox = scene.doctor.run(&["--json", "inbox"]).ok().json();
    let question = inbox
        .iter()
        .find(|d| d["title"].as_str().unwrap().starts_with("Question"))
        .unwrap();
    let words = scene
        .doctor
        .run(&["read", question["id"].as_str().unwrap()])
        .ok()
        .out;
    assert_eq!(words, "500 or 50?");
    scene.doctor.run(&["rx", "answer", &rx, "500, as written."]).ok();
    sync(&[&scene.doctor, &scene.aino, scene.pharmacy(0)]);
    let answer = scene.pharmacy(0).run(&["--json", "inbox"]).ok().json();
    let answer = answer
        .iter()
        .find(|d| d["title"].as_str().unwrap().starts_with("Answer"))
        .unwrap();
    assert_eq!(
        scene
            .pharmacy(0)
            .run(&["read", answer["id"].as_str().unwrap()])
            .ok()
            .out,
        "500, as written."
    );
    one(scene.fill(&rx, 0, "14"));
    one(scene.fill(&rx, 1, "10"));
    assert_eq!(scene.left(&rx, 1)["dispensed"], 24);
}

#[test]
fn an_outage_leaves_a_patient_without_medicine_or_the_ledger_without_a_word_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = scene!(folder.path(), "Corner pharmacy", "Station pharmacy");
    let rx = scene.prescribe(&["--amount", "2", "--offline-allowance", "1"]);
    scene.aino.run(&["rx", "paper", &rx, "--output", "paper.rx"]).ok();
    for n in [0, 1] {
        std::fs::copy(scene.aino.path("paper.rx"), scene.pharmacy(n).path("paper.rx")).unwrap();
    }
    let pay = |n: usize, amount: &str, scene: &Scene| {
        scene.pharmacy(n).run(&[
            "--json",
            "--wait",
            "1s",
            "rx",
            "fill",
            "paper.rx",
            "--offline",
            amount,
            "--why",
            "no line",
        ])
    };
    // One was drawn in the ordinary way before the line went down.
    one(scene
        .pharmacy(0)
        .run(&["--json", "rx", "fill", "paper.rx", "--amount", "1", "--yes"]));
    scene.relay.stop();
    let reserved = scene.pharmacy(0).run(&[
        "--json", "--wait", "1s", "rx", "fill", "paper.rx", "--amount", "1", "--yes",
    ]);
    assert!(
        [6, 7].contains(&reserved.code),
        "nothing is confirmed without a line: {}",
        reserved.err
    );
    assert_eq!(
        refused(&pay(0, "2", &scene)),
        (3, "T-3043".to_owned()),
        "beyond the allowance"
    );
    for n in [0, 1] {
        let supplied = pay(n, "1", &scene);
        assert_eq!(supplied.code, 6, "supplied, not entered yet: {}", supplied.err);
        assert_eq!(refused(&pay(n, "1", &scene)), (3, "T-3043".to_owned()), "once");
    }
    scene.relay.serve();
    sync(&[scene.pharmacy(0), scene.pharmacy(1)]);
    // Both are entered; what was beyond the whole is said, to the pharmacy and to whoever asks.
    let left = scene.left(&rx, 1);
    assert_eq!(
        (left["dispensed"].as_u64(), left["over"].as_u64()),
        (Some(2), Some(1)),
        "{left}"
    );
    let seen = scene.doctor.run(&["rx", "check", &rx]).ok().out;
    assert!(seen.contains("OVERDRAWN by 1 capsules"), "{seen}");
    let settled = scene.told(scene.pharmacy(1)) + &scene.told(scene.pharmacy(0));
    assert!(
        settled.contains("entered at") && settled.contains("OVER"),
        "{settled}"
    );
}

#[test]
fn a_portion_is_handed_over_before_it_is_due() {
    let folder = tempfile::tempdir().unwrap();
    let scene = scene!(folder.path(), "Corner pharmacy", "Station pharmacy");
    let rx = scene.prescribe(&["--amount", "30", "--repeats", "3", "--every", "28d"]);
    for n in [0, 1] {
        scene.ticket(&rx, n, "10");
    }
    one(scene.fill(&rx, 0, "10"));
    // The ledger knows no days and would give it; the pharmacy's own program does not.
    let early = scene.fill(&rx, 1, "10");
    assert_eq!(refused(&early), (3, "T-3040".to_owned()));
    assert!(early.err.contains("due "), "{}", early.err);
    let left = scene.left(&rx, 1);
    assert_eq!(
        (left["free"].as_u64(), left["reserved"].as_u64()),
        (Some(20), Some(0)),
        "it was let go"
    );
    // Tenths of a unit.
    let drops = scene.prescribe(&["--amount", "1.5", "--decimals", "1"]);
    scene.ticket(&drops, 0, "0.7");
    one(scene.fill(&drops, 0, "0.7"));
    let check = scene.pharmacy(0).run(&["rx", "check", &drops]).ok().out;
    assert!(check.contains("0.8 capsules"), "{check}");
}
