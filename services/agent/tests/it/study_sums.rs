//! Sums that nobody sees the numbers of, and vouchers, through the real binaries: a hundred people.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::common;
use crate::people;
use crate::study;

use std::sync::atomic::{AtomicUsize, Ordering};

use common::Home;
use people::{joined, meet, one, sync};
use study::{Scene, record, refused};

/// With so little noise that chance does not break the test.
const SUMS: &str = r#"
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

fn nth(n: usize) -> (&'static str, f64) {
    // Women have lower values here: a model can learn it.
    match n % 2 {
        0 => ("female", 6.0 + 0.1 * (n % 5) as f64),
        _ => ("male", 8.0 + 0.1 * (n % 5) as f64),
    }
}

/// So many people take part, some at a time.
fn crowd(s: &Scene, name: &str, from: usize, to: usize) -> Vec<Home> {
    let next = AtomicUsize::new(from);
    std::thread::scope(|scope| {
        let work = || {
            let mut homes = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::SeqCst);
                if n >= to {
                    return homes;
                }
                let (sex, value) = nth(n);
                let home = s.person(&format!("Person {n}"), &record(1980, sex, &format!("{value:.1}")));
                one(s.join(&home, name));
                homes.push(home);
            }
        };
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|t| t.join().unwrap()).collect()
    })
}

#[test]
fn a_sum_of_fewer_than_a_hundred_is_told_or_one_of_a_hundred_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let Some(s) = Scene::set(folder.path()) else {
        eprintln!("not run: telesphor-relay is not built");
        return;
    };
    let [first, second] = ["Statistics office", "University"].map(|name| joined(&s.relay, name));
    let names = [&first, &second].map(|home| meet(&s.researcher, home, "institute"));
    for home in [&first, &second] {
        home.run(&["study", "serve", "institute"]).ok();
    }
    sync(&[&first, &second, &s.researcher]);
    let head = format!(
        "aggregators = [\"{}\", \"{}\"]\npayout = \"20 EUR\"\n",
        names[0], names[1]
    );
    // Two of one domain are refused, unless everybody is told that it is a trial.
    let alone = s.try_publish(&study::study("sums", &format!("{head}{SUMS}")));
    assert_eq!(refused(&alone), (3, "T-3077".to_owned()), "{}", alone.err);
    s.publish("sums", &format!("{head}trial = true\n{SUMS}"));
    sync(&[&s.researcher, &first, &second]);

    let mut people = crowd(&s, "sums", 0, 99);
    let seen = people[0].run(&["study", "show", "sums"]).ok().out;
    for say in ["nobody sees your number", "THIS IS A TRIAL", "in two halves"] {
        assert!(seen.contains(say), "{say}: {seen}");
    }
    let settle = || sync(&[&first, &second, &first]);
    settle();
    let few = first.run(&["--json", "study", "aggregate", "sums"]);
    assert_eq!(refused(&few), (3, "T-3075".to_owned()), "{}", few.out);

    people.extend(crowd(&s, "sums", 99, 100));
    settle();
    let not_first = second.run(&["--json", "study", "aggregate", "sums"]);
    assert_ne!(not_first.code, 0);
    first.run(&["study", "aggregate", "sums"]).ok();
    settle();
    sync(&[&s.researcher]);
    let sums = s
        .researcher
        .run(&["--json", "study", "aggregate", "sums"])
        .ok()
        .json();
    let values = |at: usize| -> Vec<i64> {
        let all = sums[at]["values"]
            .as_array()
            .unwrap_or_else(|| panic!("{sums:?}"));
        all.iter().map(|n| n.as_i64().unwrap()).collect()
    };
    assert_eq!(sums.len(), 4, "{sums:?}");
    assert!(sums.iter().all(|s| s["people"] == 100));
    let near = |what: i64, truth: i64, most: i64| {
        assert!(
            (what - truth).abs() <= most,
            "{what}, and not about {truth}: {sums:?}"
        );
    };
    near(values(0)[0], 50, 5);
    let truth: f64 = (0..100).map(|n| (nth(n).1 - 4.0) * 10.0).sum();
    #[allow(clippy::cast_possible_truncation)]
    near(values(1)[0], truth.round() as i64, 60);
    for (got, truth) in values(2).into_iter().zip([50, 0, 50]) {
        near(got, truth, 5);
    }
    // The mean step of a model that knows nothing: towards women at lower values.
    let means: Vec<f64> = sums[3]["means"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m.as_f64().unwrap())
        .collect();
    assert!(means[1] > 0.1, "the step leads away: {means:?}");
    // What was added up is not added up again.
    let again = first.run(&["--json", "study", "aggregate", "sums"]);
    assert_eq!(refused(&again), (3, "T-3075".to_owned()));
    let at = one(first.run(&["--json", "study", "list"]));
    assert_eq!(at["not_counted"].as_array().unwrap().len(), 0, "{at}");

    // Vouchers: all at once; paid once, to whoever brings one.
    s.researcher.run(&["study", "voucher", "sign", "sums"]).ok();
    let (aino, other) = (&people[0], &people[1]);
    for home in [aino, other] {
        sync(&[home]);
        home.run(&["study", "voucher", "take", "sums", "--out", "voucher.txt"])
            .ok();
    }
    let text = |home: &Home| std::fs::read_to_string(home.path("voucher.txt")).unwrap();
    assert_eq!(text(aino).len(), text(other).len(), "vouchers differ in form");
    let pay = |text: &str| {
        std::fs::write(s.researcher.path("voucher.txt"), text).unwrap();
        s.researcher
            .run(&["--json", "study", "voucher", "pay", "voucher.txt"])
    };
    pay(&text(aino)).ok();
    assert_eq!(refused(&pay(&text(aino))), (9, "T-3076".to_owned()));
    pay(&text(other)).ok();
    let mut forged = text(aino).into_bytes();
    forged[60] = if forged[60] == b'A' { b'B' } else { b'A' };
    assert_eq!(
        refused(&pay(std::str::from_utf8(&forged).unwrap())),
        (4, "T-7045".to_owned())
    );
}
