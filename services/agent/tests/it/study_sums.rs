//! Sums that nobody sees the numbers of, through the real binaries: what is refused, and what people are told.
//! (`make demo-flows` adds up a hundred people of two hospitals.)
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::people;
use crate::study;

use people::{joined, meet, one, sync};
use study::{Scene, record, refused};

const SUM: &str = r#"
[[sum]]
name = "women"
epsilon = 1.0
count = { sex = "female" }
"#;

#[test]
fn two_of_one_domain_add_up_and_nobody_is_told_or_a_sum_of_few_is_shown() {
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
    let alone = s.try_publish(&study::study("sums", &format!("{head}{SUM}")));
    assert_eq!(refused(&alone), (3, "T-3077".to_owned()), "{}", alone.err);
    s.publish("sums", &format!("{head}trial = true\n{SUM}"));
    sync(&[&s.researcher, &first, &second]);

    let aino = s.person("Aino Korhonen", &record(1980, "female", "6.1"));
    one(s.join(&aino, "sums"));
    let seen = aino.run(&["study", "show", "sums"]).ok().out;
    for say in ["nobody sees your number", "THIS IS A TRIAL", "in two halves"] {
        assert!(seen.contains(say), "{say}: {seen}");
    }
    sync(&[&first, &second, &first]);
    let few = first.run(&["--json", "study", "aggregate", "sums"]);
    assert_eq!(refused(&few), (3, "T-3075".to_owned()), "{}", few.out);
    let not_first = second.run(&["--json", "study", "aggregate", "sums"]);
    assert_ne!(not_first.code, 0, "{}", not_first.out);
    let no_voucher = s.researcher.run(&["--json", "study", "voucher", "sign", "sums"]);
    assert_eq!(
        refused(&no_voucher),
        (3, "T-3075".to_owned()),
        "{}",
        no_voucher.out
    );
}
