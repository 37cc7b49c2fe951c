//! Prescriptions of one hospital at pharmacies of another, with the real programs: each speaks to the
//! relay of its own hospital alone, and the hospitals are joined by a line that can be cut.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::between;

use std::path::Path;

use between::{NEVER, Pair, Person, Ran, finds, meet, sync, written_by};
use telesphor_chaos::relay::Relay;
use telesphor_clinical::rx::Prescription;
use telesphor_wire::ids::{DocumentId, IdentityId};

/// A prescriber at hospital A, a patient there or at B, a pharmacy at each hospital, and the board that says who
/// may prescribe.
struct Scene {
    pair: Pair,
    doctor: Person,
    aino: Person,
    /// At B.
    corner: Person,
    /// At A.
    station: Person,
    /// What the patient calls them.
    corner_is: String,
    station_is: String,
}

impl Scene {
    fn set(folder: &Path) -> Self {
        Self::with_patient_at(folder, |pair| &pair.a.relay)
    }

    fn with_patient_at(folder: &Path, patient: fn(&Pair) -> &Relay) -> Self {
        let pair = Pair::joined(folder, NEVER);
        let at = |relay, name| Person::of(relay, folder, name);
        let (a, b) = (&pair.a.relay, &pair.b.relay);
        let [doctor, board] = ["Dr Virtanen", "Medical board"].map(|name| at(a, name));
        let aino = at(patient(&pair), "Aino Korhonen");
        let (corner, station) = (at(b, "Corner pharmacy"), at(a, "Station pharmacy"));
        meet(&aino, &doctor, "aino");
        let prescriber = meet(&board, &doctor, "board");
        let give = [
            "attest",
            "give",
            &prescriber,
            "licensed-physician",
            "--until",
            "1y",
        ];
        board.run(&give).ok();
        board.run(&["identity", "show", "--card", "board.card"]).ok();
        let [corner_is, station_is] = [&corner, &station].map(|pharmacy| {
            std::fs::copy(board.path("board.card"), pharmacy.path("board.card")).unwrap();
            let trust = ["trust", "add", "board.card", "--for", "licensed-physician"];
            pharmacy.run(&trust).ok();
            meet(&aino, pharmacy, "aino")
        });
        sync(&[&board, &doctor, &aino]);
        Self {
            pair,
            doctor,
            aino,
            corner,
            station,
            corner_is,
            station_is,
        }
    }

    /// Thirty capsules or so; gives the prescription's id.
    fn prescribe(&self, more: &[&str]) -> String {
        let what = [
            "--medicine",
            "Amoxicillin 500 mg",
            "--dosage",
            "one three times a day",
        ];
        let said = [
            &["--wait", "4s", "rx", "write", "aino", "--unit", "capsules"],
            &what[..],
            more,
        ]
        .concat();
        let written = until_answered(&self.doctor, &[&self.aino], &said).one();
        sync(&[&self.doctor, &self.aino]);
        written["id"].as_str().unwrap().to_owned()
    }

    /// The patient's ticket, and the pharmacy has it.
    fn ticket(&self, rx: &str, (pharmacy, who): (&Person, &str), amount: &str, more: &[&str]) {
        let said = [
            "--wait", "4s", "rx", "ticket", rx, "--with", who, "--amount", amount,
        ];
        until_answered(&self.aino, &[pharmacy], &[&said[..], more].concat()).ok();
        sync(&[&self.aino, pharmacy]);
    }

    fn corner_ticket(&self, rx: &str, amount: &str) {
        self.ticket(rx, (&self.corner, &self.corner_is), amount, &[]);
    }

    fn station_ticket(&self, rx: &str, amount: &str) {
        self.ticket(rx, (&self.station, &self.station_is), amount, &[]);
    }

    /// What waits at B for A.
    fn waiting(&self) -> u64 {
        let peer = self.pair.b.peer(&self.pair.a).unwrap();
        peer["waiting"].as_u64().unwrap()
    }
}

/// Somebody's command that needs another's program to answer once.
fn until_answered(who: &Person, others: &[&Person], arguments: &[&str]) -> Ran {
    for _ in 0..8 {
        let ran = who.run(arguments);
        if ran.code != 6 {
            return ran;
        }
        sync(others);
    }
    panic!("nobody answered: {arguments:?}");
}

fn fill(pharmacy: &Person, rx: &str, amount: &str) -> Ran {
    pharmacy.run(&["rx", "fill", rx, "--amount", amount, "--yes"])
}

fn left(pharmacy: &Person, rx: &str) -> (u64, u64) {
    let checked = pharmacy.run(&["rx", "check", rx]).one();
    let remaining = &checked["remaining"];
    let of = |what: &str| remaining[what].as_u64().unwrap_or_else(|| panic!("{checked}"));
    (of("free"), of("dispensed"))
}

fn told(person: &Person) -> String {
    person.words(&["rx", "list"]).ok().out
}

#[test]
fn pharmacies_of_two_hospitals_hand_over_more_than_was_prescribed_or_one_of_them_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::set(folder.path());
    let rx = scene.prescribe(&["--amount", "30"]);
    scene.corner_ticket(&rx, "14");
    let offline = scene.corner.run(&["rx", "check", &rx, "--offline"]).one();
    assert_eq!(offline["genuine"], true, "{offline}");
    assert_eq!(left(&scene.corner, &rx), (30, 0));

    // What one has set aside the other cannot have.
    scene.station_ticket(&rx, "20");
    let aside = scene
        .corner
        .run(&["rx", "fill", &rx, "--amount", "14", "--reserve"])
        .one();
    assert_eq!(
        (&aside["state"], &aside["remaining"]["free"]),
        (&"reserved".into(), &16.into())
    );
    let refused = fill(&scene.station, &rx, "20");
    assert_eq!(refused.refused(), (9, "T-3031".to_owned()));
    let filled = scene
        .corner
        .words(&["rx", "fill", &rx, "--amount", "14", "--yes"])
        .ok();
    assert!(
        filled.out.contains("HAND OVER NOW: 14 capsules"),
        "{}",
        filled.out
    );
    let again = fill(&scene.corner, &rx, "14");
    assert_eq!(again.refused(), (3, "T-3042".to_owned()));
    assert!(again.err.contains("handed over at"), "{}", again.err);

    // Both at the same moment, for more than is left together.
    scene.corner_ticket(&rx, "10");
    scene.station_ticket(&rx, "10");
    let both = [&scene.corner, &scene.station]
        .map(|pharmacy| pharmacy.begin(&["rx", "fill", &rx, "--amount", "10", "--yes"]));
    let both = both.map(|child| Ran::from(child.wait_with_output().unwrap()));
    let mut codes = [both[0].code, both[1].code];
    codes.sort_unstable();
    assert_eq!(codes, [0, 9], "{} {}", both[0].err, both[1].err);
    assert_eq!(left(&scene.station, &rx), (6, 24));
    assert_eq!(left(&scene.corner, &rx), (6, 24));

    // The patient knows, with proofs.
    sync(&[&scene.corner, &scene.station, &scene.aino]);
    let told = told(&scene.aino);
    assert!(
        told.contains("handed over 14 capsules") && told.contains("handed over 10 capsules"),
        "{told}"
    );
    is_blind(&mut scene, &rx);
}

/// The ledger's hospital has not learned who filled it, the pharmacy's not what.
fn is_blind(scene: &mut Scene, rx: &str) {
    scene.aino.run(&["read", rx, "--output", "rx.bin"]).ok();
    let body = std::fs::read(scene.aino.path("rx.bin")).unwrap();
    let body = Prescription::from_bytes(&body).unwrap();
    let document: DocumentId = rx.parse().unwrap();
    let id = |person: &Person| {
        let shown = person.run(&["identity", "show"]).one();
        shown["id"].as_str().unwrap().parse::<IdentityId>().unwrap()
    };
    let (corner, aino) = (id(&scene.corner), id(&scene.aino));
    let relays = [&mut scene.pair.a.relay, &mut scene.pair.b.relay];
    let [a, b] = relays.map(|relay| {
        relay.kill().unwrap();
        written_by(relay)
    });
    let line = scene.pair.line.heard();
    assert!(finds(&a, &body.entry.0), "the search finds what is there");
    for (place, pile) in [
        ("the ledger's relay", &a),
        ("the pharmacy's relay", &b),
        ("the line", &line),
    ] {
        for (what, secret) in [
            ("who fills", &corner.0[..]),
            ("whose it is", &aino.0),
            ("which document", &document.0),
        ] {
            assert!(!finds(pile, secret), "{place} has {what}");
        }
        for word in ["Amoxicillin", "capsules", "Corner pharmacy", "Korhonen"] {
            assert!(!finds(pile, word.as_bytes()), "{place} has {word}");
        }
    }
    for (place, pile) in [("the pharmacy's relay", &b), ("the line", &line)] {
        assert!(!finds(pile, &body.entry.0), "{place} has the entry");
        assert!(!finds(pile, &body.salt.0), "{place} has what opens it");
    }
}

#[test]
fn a_line_that_is_cut_in_a_fill_doubles_it_or_leaves_the_counter_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::set(folder.path());
    let rx = scene.prescribe(&["--amount", "30"]);
    scene.corner_ticket(&rx, "14");
    scene
        .corner
        .run(&["rx", "fill", &rx, "--amount", "14", "--reserve"])
        .one();
    scene.pair.line.cut();
    let briefly = ["--wait", "2s", "rx", "fill", &rx, "--amount", "14", "--yes"];
    let cut = scene.corner.words(&briefly);
    assert_eq!(cut.code, 6, "{} {}", cut.out, cut.err);
    assert!(
        cut.err
            .contains("hospital-a.example keeps it and has not answered")
            && cut.err.contains("hand nothing over; the same command again"),
        "{}",
        cut.err
    );
    // Whoever asks again and again has asked once.
    let waiting = scene.waiting();
    assert_eq!(scene.corner.run(&briefly).code, 6);
    assert_eq!(scene.waiting(), waiting);
    let checked = scene.corner.words(&["--wait", "2s", "rx", "check", &rx]).ok();
    assert!(
        checked
            .out
            .contains("hospital-a.example keeps it and has not answered"),
        "{}",
        checked.out
    );

    // Both relays are killed; then the line is there again, and it goes on where it was.
    for hospital in [&mut scene.pair.a, &mut scene.pair.b] {
        hospital.relay.kill().unwrap();
        hospital.relay.start().unwrap();
    }
    scene.pair.line.join();
    let filled = fill(&scene.corner, &rx, "14").one();
    assert_eq!(filled["state"], "handed-over", "{filled}");
    assert_eq!(fill(&scene.corner, &rx, "14").refused(), (3, "T-3042".to_owned()));

    // Cut at one moment after the other of a fill.
    for moment in 1..=3_u64 {
        scene.corner_ticket(&rx, "2");
        let peer = scene.pair.b.peer(&scene.pair.a).unwrap();
        let answered = peer["answered"].as_u64().unwrap();
        let child = scene
            .corner
            .begin(&["--wait", "3s", "rx", "fill", &rx, "--amount", "2", "--yes"]);
        let at = |peer: &serde_json::Value| {
            let n = |what: &str| peer[what].as_u64().unwrap();
            n("answered") + n("waiting") >= answered + moment
        };
        let _ = scene.pair.b.until(&scene.pair.a, at);
        scene.pair.line.cut();
        let first = Ran::from(child.wait_with_output().unwrap());
        scene.pair.line.join();
        if first.code != 0 {
            assert_eq!(first.code, 6, "{}", first.err);
            let filled = fill(&scene.corner, &rx, "2").one();
            assert_eq!(filled["state"], "handed-over", "{filled}");
        }
        assert_eq!(left(&scene.corner, &rx), (16 - 2 * moment, 14 + 2 * moment));
    }
}

#[test]
fn a_question_an_answer_or_the_end_of_a_prescription_does_not_reach_a_pharmacy_of_another_hospital() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::with_patient_at(folder.path(), |pair| &pair.b.relay);
    let rx = scene.prescribe(&["--amount", "30"]);
    scene.corner_ticket(&rx, "14");
    scene
        .corner
        .run(&["rx", "fill", &rx, "--amount", "14", "--reserve"])
        .one();
    scene.corner.run(&["rx", "ask", &rx, "500 or 50?"]).one();
    sync(&[&scene.corner, &scene.aino, &scene.doctor]);
    assert!(told(&scene.doctor).contains("stopped with a question"));
    assert_eq!(fill(&scene.corner, &rx, "14").refused(), (3, "T-3033".to_owned()));
    scene.doctor.run(&["rx", "answer", &rx, "500, as written."]).ok();
    sync(&[&scene.doctor, &scene.aino, &scene.corner]);
    let inbox = scene.corner.run(&["inbox"]).ok().rows();
    assert!(
        inbox
            .iter()
            .any(|row| row["title"].as_str().unwrap().starts_with("Answer")),
        "{inbox:?}"
    );
    assert_eq!(fill(&scene.corner, &rx, "14").one()["state"], "handed-over");

    scene.corner_ticket(&rx, "16");
    let ended = scene.doctor.run(&["rx", "cancel", &rx, "--yes"]).one();
    assert_eq!(
        (&ended["dispensed"], &ended["set_aside"]),
        (&14.into(), &0.into())
    );
    sync(&[&scene.doctor, &scene.aino, &scene.corner]);
    assert!(told(&scene.corner).contains("cancelled by the prescriber"));
    assert_eq!(fill(&scene.corner, &rx, "16").refused(), (3, "T-3030".to_owned()));
}

#[test]
fn what_was_supplied_while_the_other_hospital_was_away_is_not_entered_or_entered_twice() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::set(folder.path());
    let rx = scene.prescribe(&["--amount", "30", "--offline-allowance", "2"]);
    scene.ticket(&rx, (&scene.corner, &scene.corner_is), "2", &["--offline"]);
    scene.pair.line.cut();
    let supply = [
        "--wait",
        "2s",
        "rx",
        "fill",
        &rx,
        "--offline",
        "2",
        "--why",
        "no line",
    ];
    let supplied = scene.corner.words(&supply);
    assert_eq!(supplied.code, 6, "{} {}", supplied.out, supplied.err);
    assert!(
        supplied.out.contains("supplied without the ledger"),
        "{}",
        supplied.out
    );
    let more = scene.corner.run(&[
        "--wait",
        "2s",
        "rx",
        "fill",
        &rx,
        "--offline",
        "1",
        "--why",
        "no line",
    ]);
    assert_eq!(more.refused(), (3, "T-3043".to_owned()));
    scene.pair.line.join();
    sync(&[&scene.corner, &scene.aino, &scene.doctor]);
    assert!(told(&scene.corner).contains("supplied without the ledger, entered"));
    assert_eq!(left(&scene.corner, &rx), (28, 2));
    for person in [&scene.aino, &scene.doctor] {
        let told = told(person);
        assert!(told.contains("supplied without the ledger 2 capsules"), "{told}");
    }
}

#[test]
fn a_prescription_on_paper_is_worth_nothing_at_another_hospital_or_nobody_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::set(folder.path());
    let rx = scene.prescribe(&["--amount", "30"]);
    // By a desk's key: the pharmacy is no contact of whoever has the file.
    let key = scene.corner.words(&["rx", "desk"]).ok().out;
    let desk = [
        "rx",
        "ticket",
        &rx,
        "--desk",
        key.trim(),
        "--amount",
        "10",
        "--output",
        "ten.rx",
    ];
    scene.aino.run(&desk).ok();
    let ten = scene.aino.path("ten.rx");
    let filled = fill(&scene.corner, &ten.to_string_lossy(), "10").one();
    assert_eq!(filled["state"], "handed-over", "{filled}");
    // By paper, at a hospital that is not joined to the ledger's.
    scene
        .pair
        .b
        .relay
        .run(&["domain", "unpin", "hospital-a.example"])
        .unwrap();
    let lonely = Person::of(&scene.pair.b.relay, folder.path(), "Harbour pharmacy");
    std::fs::copy(scene.corner.path("board.card"), lonely.path("board.card")).unwrap();
    lonely
        .run(&["trust", "add", "board.card", "--for", "licensed-physician"])
        .ok();
    scene.aino.run(&["rx", "paper", &rx, "--output", "paper.rx"]).ok();
    let paper = scene.aino.path("paper.rx").to_string_lossy().into_owned();
    let refused = lonely.words(&["rx", "fill", &paper, "--amount", "5", "--yes"]);
    assert_eq!(refused.code, 3, "{} {}", refused.out, refused.err);
    assert!(
        refused.err.contains("T-2040")
            && refused
                .err
                .contains("it is kept in the ledger of hospital-a.example"),
        "{}",
        refused.err
    );
    scene.pair.b.pin(&scene.pair.a).unwrap();
    let filled = fill(&lonely, &paper, "5").one();
    assert_eq!(filled["state"], "handed-over", "{filled}");
    assert_eq!(left(&scene.corner, &rx), (15, 15));
}
