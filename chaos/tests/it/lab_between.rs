//! A laboratory of another hospital, with the real programs: it gets blind orders and answers them,
//! also while the line is cut and its relay is killed, and neither hospital's relay learns more than
//! that something went to the other.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::between;

use between::{NEVER, Pair, Person, finds, meet, sync, until, written_by};
use serde_json::Value;

/// Hospital A with a board, a doctor and a patient; the laboratory is at hospital B.
struct Scene {
    pair: Pair,
    hospital: Person,
    lab: Person,
    doctor: Person,
    aino: Person,
    /// What the hospital calls its doctor.
    doctor_at_hospital: String,
    folder: tempfile::TempDir,
}

impl Scene {
    /// With relays that give a request up after so many seconds.
    fn open(give_up_after: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pair = Pair::joined(folder.path(), give_up_after);
        let here = |name| Person::of(&pair.a.relay, folder.path(), name);
        let [board, hospital, doctor, aino] =
            ["Medical board", "Hospital A", "Dr Virtanen", "Aino Korhonen"].map(here);
        let lab = Person::of(&pair.b.relay, folder.path(), "Acme Lab");
        meet(&aino, &doctor, "aino");
        let lab_at_board = meet(&board, &lab, "board");
        let doctor_at_hospital = meet(&hospital, &doctor, "hospital");
        meet(&hospital, &lab, "hospital");
        let give = [
            "attest",
            "give",
            &lab_at_board,
            "licensed-laboratory",
            "--until",
            "1y",
        ];
        board.run(&give).ok();
        board.run(&["identity", "show", "--card", "board.card"]).ok();
        for person in [&doctor, &aino] {
            std::fs::copy(board.path("board.card"), person.path("board.card")).unwrap();
            let trust = ["trust", "add", "board.card", "--for", "licensed-laboratory"];
            person.run(&trust).ok();
        }
        sync(&[&board, &lab, &doctor, &aino]);
        Self {
            pair,
            hospital,
            lab,
            doctor,
            aino,
            doctor_at_hospital,
            folder,
        }
    }

    /// The laboratory gives the hospital a desk, and the hospital lets its doctor order there.
    fn allow(&self) {
        self.lab.run(&["lab", "desk", "hospital"]).ok();
        let who = self.doctor_at_hospital.as_str();
        let terms = ["--cost-centre", "Clinic 12", "--switchboard", "+358 9 4711"];
        until("the hospital hears of the desk", || {
            self.hospital.run(&["--wait", "2s", "sync"]);
            let allowed = self.hospital.run(&[&["lab", "allow", who][..], &terms].concat());
            (allowed.code == 0).then_some(())
        });
        sync(&[&self.hospital, &self.doctor]);
    }

    /// What somebody sees of the only order there is.
    fn order_at(&self, person: &Person) -> Option<Value> {
        let rows = person.run(&["--wait", "2s", "lab", "open", "--all"]).rows();
        rows.into_iter().next()
    }

    /// Until an order stands so, at whoever made it.
    fn stands(&self, state: &str) -> Value {
        until(state, || {
            self.order_at(&self.doctor)
                .filter(|order| order["state"] == state)
        })
    }
}

const POTASSIUM: &str = r#"{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2823-3"}],"text":"Potassium"},"effectiveDateTime":"2026-11-20T08:00:00+02:00","valueQuantity":{"value":4.1,"unit":"mmol/l"}}"#;

#[test]
fn a_laboratory_of_another_hospital_gets_no_orders_or_its_answers_do_not_come_back() {
    let scene = Scene::open(NEVER);
    scene.allow();
    let made = scene
        .doctor
        .run(&["lab", "order", "potassium", "--age", "47", "--for", "aino"])
        .one();
    let (tube, form) = (made["tube"].as_str().unwrap(), made["form"].as_str().unwrap());
    let at_lab = until("the laboratory has it", || {
        scene.doctor.run(&["--wait", "2s", "sync"]);
        scene.order_at(&scene.lab)
    });
    assert_eq!(at_lab["tube"], tube);
    assert_eq!(
        (&at_lab["cost_centre"], &at_lab["about"]),
        (&"Clinic 12".into(), &"40 to 49 years".into())
    );

    // The line is cut, the laboratory's relay killed, and it works on.
    scene.pair.line.cut();
    scene.lab.run(&["--wait", "1s", "lab", "receive", tube, form]);
    std::fs::write(scene.lab.path("values"), POTASSIUM).unwrap();
    let told = scene
        .lab
        .run(&["--wait", "1s", "lab", "result", tube, form, "values"]);
    let Scene { mut pair, .. } = scene;
    pair.b.relay.kill().unwrap();
    pair.b.relay.start().unwrap();
    let scene = Scene { pair, ..scene };
    assert_eq!(scene.order_at(&scene.doctor).unwrap()["state"], "ordered");
    scene.pair.line.join();
    let shown = until("the result comes back", || {
        scene.lab.run(&["--wait", "2s", "sync"]);
        scene
            .order_at(&scene.doctor)
            .filter(|order| order["state"] == "final")
    });
    assert_eq!(shown["given"].as_array().unwrap().len(), 1, "{shown}");
    let results = told.rows();
    let result = results[0]["results"][0].as_str().unwrap();
    until("the patient has it, with what proves it hers", || {
        scene.doctor.run(&["--wait", "2s", "sync"]);
        scene.aino.run(&["--wait", "2s", "sync"]);
        let proof = scene.aino.words(&["lab", "match", result]);
        let whole = ["yours", "licensed laboratory by the word of", "Acme Lab"];
        (proof.code == 0 && whole.iter().all(|words| proof.out.contains(words))).then_some(())
    });

    // The laboratory has met neither of them; no relay, and nobody on the line, has anything of it.
    let lists = ["contacts", "list", "inbox", "sent"].map(|l| scene.lab.run(&["--wait", "0s", l]).out);
    let open = scene.lab.run(&["--wait", "0s", "lab", "open", "--all"]).out;
    let Scene { mut pair, folder, .. } = scene;
    for relay in [&mut pair.a.relay, &mut pair.b.relay] {
        relay.kill().unwrap();
    }
    let piles = [
        written_by(&pair.a.relay),
        written_by(&pair.b.relay),
        pair.line.heard(),
    ];
    let bare = tube.replace('-', "");
    for word in ["Korhonen", "Virtanen", "Potassium", "Clinic 12", tube, &bare] {
        assert!(piles.iter().all(|pile| !finds(pile, word.as_bytes())), "{word}");
    }
    for name in ["Korhonen", "Virtanen", "Aino"] {
        assert!(
            !(lists.concat() + &open).contains(name),
            "the laboratory knows {name}"
        );
    }
    drop(folder);
}

#[test]
fn an_order_for_a_laboratory_that_cannot_be_reached_is_lost_without_a_word() {
    let scene = Scene::open(NEVER);
    scene.allow();
    scene.pair.line.cut();
    let made = scene
        .doctor
        .run(&["--wait", "1s", "lab", "order", "potassium", "--for", "aino"]);
    let rows = made.rows();
    assert_eq!(rows[0]["state"], "ordered", "{}", made.err);
    // It waits in the outbox at home; the doctor's machine may be off from here on.
    until("it lies at home", || {
        scene.doctor.run(&["--wait", "1s", "sync"]);
        let peer = scene.pair.a.peer(&scene.pair.b).unwrap();
        (peer["waiting"].as_u64() > Some(0)).then_some(())
    });
    assert!(scene.order_at(&scene.lab).is_none());
    scene.pair.line.join();
    let came = until("the laboratory has it", || scene.order_at(&scene.lab));
    assert_eq!(came["tube"], rows[0]["tube"]);

    // A sample that is of no use: the doctor reads why.
    let code = |name: &str| came[name].as_str().unwrap().to_owned();
    let (tube, form) = (code("tube"), rows[0]["form"].as_str().unwrap().to_owned());
    let rejected = ["lab", "reject", &tube, &form, "--why", "haemolysed"];
    scene.lab.run(&rejected).ok();
    let told = scene.stands("rejected");
    assert!(told.to_string().contains("haemolysed"), "{told}");
}

#[test]
fn an_order_that_could_not_be_brought_is_not_said_or_cannot_be_sent_again() {
    let scene = Scene::open(10);
    scene.allow();
    scene.pair.line.cut();
    let order = ["--wait", "1s", "lab", "order", "potassium", "--for", "aino"];
    let made = scene.doctor.run(&order).rows();
    let tube = made[0]["tube"].as_str().unwrap();
    // After ten seconds, and not after five days, home gives it back.
    let unsent = || scene.order_at(&scene.doctor).unwrap()["unsent"].clone();
    until("it is said", || (unsent() == "T-5020").then_some(()));
    scene.pair.line.join();
    until("it is sent again, and arrives", || {
        scene.doctor.run(&["--wait", "5s", "lab", "resend", tube]);
        scene.order_at(&scene.lab)
    });
    assert!(unsent().is_null());
}
