//! A study over two hospitals, with the real programs: people of both take part, and of the two who
//! add up one belongs to each. Nobody sees a number, the sums are right, and vouchers cross as well.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::between;

use std::sync::atomic::{AtomicUsize, Ordering};

use between::{NEVER, Pair, Person, Ran, finds, meet, until, written_by};

const PEOPLE: usize = 100;

/// With so little noise that chance does not break the test.
const STUDY: &str = r#"name = "sums"
purpose = "Whether a new schedule of visits helps"
approval = "EB 14/2026"
until = "300d"
min-cell = 3
dates = "month"
aggregators = ["FIRST", "SECOND"]
payout = "20 EUR"

[[told]]
language = "en"
words = "We ask for one value and ten years of your age."

[[criterion]]
resource = "Observation"
code = "4548-4"
at-least = 6.0

[[field]]
name = "age"

[[sum]]
name = "women"
epsilon = 20.0
count = { sex = "female" }

[[sum]]
name = "hba1c"
epsilon = 20.0
sum = { resource = "Observation", code = "4548-4", from = 4.0, step = 0.1, bits = 6 }

[[sum]]
name = "ranges"
epsilon = 20.0
histogram = { resource = "Observation", code = "4548-4", edges = [6.5, 7.5] }

[[sum]]
name = "step"
epsilon = 20.0
gradient = { label = { sex = "female" }, feature = [{ resource = "Observation", code = "4548-4", middle = 7.0, spread = 2.0 }], weights = [0.0, 0.0], bits = 8 }
"#;

/// Women have lower values here: a model can learn it.
fn nth(n: usize) -> (&'static str, f64) {
    match n % 2 {
        0 => ("female", 6.0 + 0.1 * (n % 5) as f64),
        _ => ("male", 8.0 + 0.1 * (n % 5) as f64),
    }
}

fn record(n: usize) -> String {
    let (sex, value) = nth(n);
    format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[
{{"resource":{{"resourceType":"Patient","id":"p","gender":"{sex}","birthDate":"1980-05-17","name":[{{"family":"Korhonen"}}]}}}},
{{"resource":{{"resourceType":"Observation","id":"o","status":"final","subject":{{"reference":"Patient/p"}},"code":{{"coding":[{{"system":"http://loinc.org","code":"4548-4"}}]}},"effectiveDateTime":"2026-03-21T08:15:00+02:00","valueQuantity":{{"value":{value:.1},"unit":"%"}}}}}}]}}"#
    )
}

/// The institute and the board are at hospital A; of the two who add up the second is at B.
struct Scene {
    pair: Pair,
    board: Person,
    institute: Person,
    first: Person,
    second: Person,
    folder: tempfile::TempDir,
}

impl Scene {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pair = Pair::joined(folder.path(), NEVER);
        let here = |name| Person::of(&pair.a.relay, folder.path(), name);
        let [board, institute, first] = ["Ethics board", "Heart institute", "Statistics office"].map(here);
        let second = Person::of(&pair.b.relay, folder.path(), "University");
        let at_board = meet(&board, &institute, "board");
        let give = ["attest", "give", &at_board, "licensed-researcher"];
        let detail = ["--detail", "EB 14/2026", "--until", "1y"];
        board.run(&[&give[..], &detail].concat()).ok();
        board.run(&["identity", "show", "--card", "board.card"]).ok();
        Self {
            pair,
            board,
            institute,
            first,
            second,
            folder,
        }
    }

    /// Signs the study, once both who add up have given a place.
    fn publish(&self) {
        let adders = [&self.first, &self.second];
        let names = adders.map(|adder| meet(&self.institute, adder, "institute"));
        for adder in adders {
            adder.run(&["study", "serve", "institute"]).ok();
        }
        let study = STUDY.replace("FIRST", &names[0]).replace("SECOND", &names[1]);
        std::fs::write(self.institute.path("study.toml"), study).unwrap();
        until("both have given a place", || {
            for person in [&self.first, &self.second, &self.institute, &self.board] {
                person.run(&["--wait", "2s", "sync"]);
            }
            let made = self.institute.run(&["study", "new", "study.toml"]);
            (made.code == 0).then_some(())
        });
        self.institute
            .run(&["study", "offer", "sums", "--out", "sums.tel"])
            .ok();
    }

    /// Somebody with a record, of either hospital, takes part.
    fn takes_part(&self, n: usize) -> Person {
        let hospital = if n % 2 == 0 { &self.pair.a } else { &self.pair.b };
        let person = Person::of(&hospital.relay, self.folder.path(), &format!("Person {n}"));
        std::fs::copy(self.board.path("board.card"), person.path("board.card")).unwrap();
        let trust = ["trust", "add", "board.card", "--for", "licensed-researcher"];
        person.run(&trust).ok();
        std::fs::write(person.path("record.json"), record(n)).unwrap();
        person.run(&["add", "record.json"]).ok();
        let study = self.institute.path("sums.tel");
        person
            .run(&["--wait", "60s", "study", "join", study.to_str().unwrap(), "--yes"])
            .ok();
        person
    }

    /// So many of them, some at a time.
    fn crowd(&self, from: usize, to: usize) -> Vec<Person> {
        let next = AtomicUsize::new(from);
        std::thread::scope(|scope| {
            let work = || {
                let mut people = Vec::new();
                loop {
                    let n = next.fetch_add(1, Ordering::SeqCst);
                    if n >= to {
                        return people;
                    }
                    people.push((n, self.takes_part(n)));
                }
            };
            let threads: Vec<_> = (0..3).map(|_| scope.spawn(work)).collect();
            let mut people: Vec<_> = threads.into_iter().flat_map(|t| t.join().unwrap()).collect();
            people.sort_by_key(|(n, _)| *n);
            people.into_iter().map(|(_, person)| person).collect()
        })
    }

    /// The two check what came.
    fn settle(&self) {
        for adder in [&self.second, &self.first, &self.second, &self.first] {
            adder.run(&["--wait", "5s", "sync"]);
        }
    }

    fn sums(&self) -> Option<Vec<serde_json::Value>> {
        for person in [&self.second, &self.first, &self.institute] {
            person.run(&["--wait", "2s", "sync"]);
        }
        let sums = self.institute.run(&["study", "aggregate", "sums"]);
        let rows = if sums.code == 0 { sums.rows() } else { Vec::new() };
        let whole = rows.iter().filter(|row| row["values"].is_array()).count() == 4;
        whole.then_some(rows)
    }
}

fn near(what: i64, truth: i64, most: i64) {
    assert!((what - truth).abs() <= most, "{what}, and not about {truth}");
}

#[test]
fn a_sum_over_two_hospitals_is_wrong_or_somebody_sees_a_number() {
    let scene = Scene::open();
    scene.publish();
    let mut people = scene.crowd(0, PEOPLE - 1);
    let seen = people[1].words(&["study", "show", "sums"]).ok().out;
    assert!(
        seen.contains("nobody sees your number") && !seen.contains("TRIAL"),
        "{seen}"
    );
    scene.settle();
    let few = scene.first.run(&["study", "aggregate", "sums"]);
    assert_eq!(few.refused(), (3, "T-3075".to_owned()), "{}", few.out);

    // The last one sends while the line is cut: the other half waits, and arrives.
    scene.pair.line.cut();
    let last = PEOPLE - 1;
    assert_eq!(last % 2, 1, "of hospital B");
    let hospital = &scene.pair.b.relay;
    let person = Person::of(hospital, scene.folder.path(), &format!("Person {last}"));
    std::fs::copy(scene.board.path("board.card"), person.path("board.card")).unwrap();
    person
        .run(&["trust", "add", "board.card", "--for", "licensed-researcher"])
        .ok();
    std::fs::write(person.path("record.json"), record(last)).unwrap();
    person.run(&["add", "record.json"]).ok();
    let study = scene.institute.path("sums.tel");
    person.run(&["--wait", "1s", "study", "join", study.to_str().unwrap(), "--yes"]);
    scene.pair.line.join();
    people.push(person);
    until("there are a hundred", || {
        people[last].run(&["--wait", "2s", "sync"]);
        scene.settle();
        let added: Ran = scene.first.run(&["study", "aggregate", "sums"]);
        (added.code == 0).then_some(())
    });
    let sums = until("both halves of every sum are there", || scene.sums());
    assert!(sums.iter().all(|sum| sum["people"] == PEOPLE), "{sums:?}");
    let values = |at: usize| -> Vec<i64> {
        let all = sums[at]["values"].as_array().unwrap().iter();
        all.map(|n| n.as_i64().unwrap()).collect()
    };
    near(values(0)[0], 50, 5);
    let truth: f64 = (0..PEOPLE).map(|n| (nth(n).1 - 4.0) * 10.0).sum();
    #[allow(clippy::cast_possible_truncation, reason = "a few thousand")]
    near(values(1)[0], truth.round() as i64, 60);
    for (got, truth) in values(2).into_iter().zip([50, 0, 50]) {
        near(got, truth, 5);
    }
    // The mean step of a model that knows nothing: towards women at lower values.
    let step = sums[3]["means"][1].as_f64().unwrap();
    assert!(step > 0.1, "the step leads away: {:?}", sums[3]);
    // What was added up is not added up again.
    let again = scene.first.run(&["study", "aggregate", "sums"]);
    assert_eq!(again.refused(), (3, "T-3075".to_owned()));
    let at = scene.first.run(&["study", "list"]).one();
    assert_eq!(at["not_counted"].as_array().unwrap().len(), 0, "{at}");

    vouchers(&scene, [&people[0], &people[1]]);
    nobody_reads_it(scene);
}

/// All at once; paid once, to whoever brings one, of either hospital.
fn vouchers(scene: &Scene, people: [&Person; 2]) {
    let institute = &scene.institute;
    institute.run(&["study", "voucher", "sign", "sums"]).ok();
    let texts = people.map(|person| {
        until("the voucher comes", || {
            institute.run(&["--wait", "2s", "sync"]);
            person.run(&["--wait", "2s", "sync"]);
            let take = ["study", "voucher", "take", "sums", "--out", "voucher.txt"];
            (person.run(&take).code == 0).then_some(())
        });
        std::fs::read_to_string(person.path("voucher.txt")).unwrap()
    });
    assert_eq!(texts[0].len(), texts[1].len(), "vouchers differ in form");
    let pay = |text: &str| {
        std::fs::write(institute.path("voucher.txt"), text).unwrap();
        institute.run(&["study", "voucher", "pay", "voucher.txt"])
    };
    pay(&texts[1]).ok();
    assert_eq!(pay(&texts[1]).refused(), (9, "T-3076".to_owned()));
    pay(&texts[0]).ok();
    let mut forged = texts[0].clone().into_bytes();
    forged[60] = if forged[60] == b'A' { b'B' } else { b'A' };
    let forged = pay(std::str::from_utf8(&forged).unwrap());
    assert_eq!(forged.refused(), (4, "T-7045".to_owned()));
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
    for word in ["Korhonen", "4548-4", "EB 14/2026", "women", "20 EUR"] {
        assert!(piles.iter().all(|pile| !finds(pile, word.as_bytes())), "{word}");
    }
    drop(folder);
}
