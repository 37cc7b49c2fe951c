//! A study whose researcher is at one hospital and whose people are at two, with the real programs: what
//! they send arrives once, a cut line or not, vouchers come back, and no relay can read any of it.
//! (`make demo-flows` adds up a hundred of two hospitals.)

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::between;

use between::{NEVER, Pair, Person, Ran, finds, meet, until, written_by};

const STUDY: &str = r#"name = "diabetes"
purpose = "Whether a new schedule of visits helps"
approval = "EB 14/2026"
until = "300d"
min-cell = 3
dates = "month"
payout = "20 EUR"

[[told]]
language = "en"
words = "We ask for one value and ten years of your age."

[[criterion]]
resource = "Observation"
code = "4548-4"
at-least = 6.0

[[field]]
name = "hba1c"
resource = "Observation"
code = "4548-4"
elements = ["valueQuantity"]

[[field]]
name = "age"
"#;

fn record(value: &str) -> String {
    format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[
{{"resource":{{"resourceType":"Patient","id":"p","gender":"female","birthDate":"1980-05-17","name":[{{"family":"Korhonen"}}]}}}},
{{"resource":{{"resourceType":"Observation","id":"o","status":"final","subject":{{"reference":"Patient/p"}},"code":{{"coding":[{{"system":"http://loinc.org","code":"4548-4"}}]}},"effectiveDateTime":"2026-03-21","valueQuantity":{{"value":{value},"unit":"%"}}}}}}]}}"#
    )
}

/// The institute and the board are at hospital A.
struct Scene {
    pair: Pair,
    board: Person,
    institute: Person,
    folder: tempfile::TempDir,
}

impl Scene {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pair = Pair::joined(folder.path(), NEVER);
        let here = |name| Person::of(&pair.a.relay, folder.path(), name);
        let [board, institute] = ["Ethics board", "Heart institute"].map(here);
        let at_board = meet(&board, &institute, "board");
        let give = ["attest", "give", &at_board, "licensed-researcher"];
        let detail = ["--detail", "EB 14/2026", "--until", "1y"];
        board.run(&[&give[..], &detail].concat()).ok();
        board.run(&["identity", "show", "--card", "board.card"]).ok();
        std::fs::write(institute.path("study.toml"), STUDY).unwrap();
        between::sync(&[&board, &institute]);
        institute.run(&["study", "new", "study.toml"]).ok();
        institute
            .run(&["study", "offer", "diabetes", "--out", "study.tel"])
            .ok();
        Self {
            pair,
            board,
            institute,
            folder,
        }
    }

    /// Somebody with a record, of hospital A or B.
    fn person(&self, at_b: bool, name: &str, value: &str) -> Person {
        let hospital = if at_b { &self.pair.b } else { &self.pair.a };
        let person = Person::of(&hospital.relay, self.folder.path(), name);
        std::fs::copy(self.board.path("board.card"), person.path("board.card")).unwrap();
        let trust = ["trust", "add", "board.card", "--for", "licensed-researcher"];
        person.run(&trust).ok();
        std::fs::write(person.path("record.json"), record(value)).unwrap();
        person.run(&["add", "record.json"]).ok();
        person
    }

    /// Takes part, and waits so long until all of it has arrived.
    fn join(&self, person: &Person, wait: &str) -> Ran {
        let study = self.institute.path("study.tel");
        let study = study.to_str().unwrap();
        person.run(&["--wait", wait, "study", "join", study, "--yes"])
    }

    /// The values of the one named field, as the researcher sees them.
    fn values(&self) -> Option<Vec<String>> {
        let rows = self
            .institute
            .run(&["--wait", "2s", "study", "collect", "diabetes"]);
        let rows = if rows.code == 0 { rows.rows() } else { return None };
        let values = rows.iter().filter(|row| row["element"] == "valueQuantity");
        let mut values: Vec<String> = values.map(|row| row["value"]["value"].to_string()).collect();
        values.sort();
        Some(values)
    }
}

#[test]
fn what_people_of_another_hospital_send_to_a_study_is_lost_doubled_or_read() {
    let scene = Scene::open();
    let aino = scene.person(false, "Aino Korhonen", "6.1");
    let bert = scene.person(true, "Bert Korhonen", "7.2");
    let cilla = scene.person(true, "Cilla Korhonen", "8.3");
    scene.join(&aino, "20s").ok();
    scene.join(&bert, "20s").ok();
    let few = scene.institute.run(&["study", "collect", "diabetes"]);
    assert_eq!(few.refused(), (3, "T-3075".to_owned()), "{}", few.out);

    // The third takes part while the line is cut, and the researcher's relay is killed meanwhile.
    scene.pair.line.cut();
    let waits = scene.join(&cilla, "1s");
    assert_ne!(waits.code, 0, "it has not arrived: {}", waits.out);
    let Scene {
        mut pair,
        board,
        institute,
        folder,
    } = scene;
    pair.a.relay.kill().unwrap();
    pair.a.relay.start().unwrap();
    pair.line.join();
    let scene = Scene {
        pair,
        board,
        institute,
        folder,
    };
    let values = until("all three are there", || {
        cilla.run(&["--wait", "2s", "sync"]);
        scene.values()
    });
    assert_eq!(values, ["6.1", "7.2", "8.3"]);

    // Vouchers: all at once; paid once, to whoever brings one, of either hospital.
    let sign = ["study", "voucher", "sign", "diabetes"];
    scene.institute.run(&sign).ok();
    let texts = [&aino, &bert].map(|person| {
        until("the voucher comes", || {
            scene.institute.run(&["--wait", "2s", "sync"]);
            person.run(&["--wait", "2s", "sync"]);
            let take = ["study", "voucher", "take", "diabetes", "--out", "voucher.txt"];
            (person.run(&take).code == 0).then_some(())
        });
        std::fs::read_to_string(person.path("voucher.txt")).unwrap()
    });
    assert_eq!(texts[0].len(), texts[1].len(), "vouchers differ in form");
    let pay = |text: &str| {
        std::fs::write(scene.institute.path("voucher.txt"), text).unwrap();
        scene.institute.run(&["study", "voucher", "pay", "voucher.txt"])
    };
    pay(&texts[1]).ok();
    assert_eq!(pay(&texts[1]).refused(), (9, "T-3076".to_owned()));
    pay(&texts[0]).ok();

    // Who leaves is out of the researcher's program, and two are too few again.
    bert.run(&["--wait", "20s", "study", "withdraw", "diabetes"]).ok();
    until("he is out", || scene.values().is_none().then_some(()));

    nobody_reads_it(scene);
}

/// Neither relay, nor the line between them, has anything of it.
fn nobody_reads_it(scene: Scene) {
    let Scene { mut pair, folder, .. } = scene;
    for relay in [&mut pair.a.relay, &mut pair.b.relay] {
        relay.kill().unwrap();
    }
    let piles = [
        written_by(&pair.a.relay),
        written_by(&pair.b.relay),
        pair.line.heard(),
    ];
    for word in ["Korhonen", "4548-4", "EB 14/2026", "hba1c", "20 EUR"] {
        assert!(piles.iter().all(|pile| !finds(pile, word.as_bytes())), "{word}");
    }
    drop(folder);
}
