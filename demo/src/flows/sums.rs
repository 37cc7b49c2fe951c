//! Act 5: sums of numbers that nobody sees. People of two hospitals take part; two, one at each, add up
//! halves that are random to each; fewer than a hundred are never added up, and neither of the two holds a value.

use std::path::Path;
use std::process::Output;

use aho_corasick::AhoCorasick;
use serde_json::Value;
use telesphor_chaos::exchange::Hospital;
use telesphor_chaos::relay::Relay;

use super::cast::{Cast, file};
use super::crowd::{Call, Somebody, opened};
use crate::acts::cast::{acquaint, join, settle};
use crate::page::{Page, grouped, size};
use crate::search::{Found, Searcher};
use crate::stage::{Person, StageError};

/// Nobody adds up fewer.
const LEAST: usize = 100;
/// By which name it goes.
const NAME: &str = "hba1c-2027";
/// A count, a sum, and one step of training a model.
const STUDY: &str = r#"name = "hba1c-2027"
purpose = "How high the value is, and in whom"
approval = "EB 15/2026"
until = "300d"
min-cell = 5
dates = "none"
aggregators = ["statistics-office", "SECOND"]

[[told]]
language = "en"
words = "We ask for sums, and for nothing of yours alone."

[[sum]]
name = "women"
epsilon = 2.0
count = { sex = "female" }

[[sum]]
name = "hba1c"
epsilon = 4.0
sum = { resource = "Observation", code = "4548-4", from = 4.0, step = 0.1, bits = 6 }

[[sum]]
name = "step"
epsilon = 20.0
gradient = { label = { sex = "female" }, feature = [{ resource = "Observation", code = "4548-4", middle = 7.0, spread = 2.0 }], weights = [0.0, 0.0], bits = 8 }
"#;

/// How far the noise of the two, whose scale is the largest number by epsilon, lies off in one sum of a
/// million at most.
fn noise(largest: f64, epsilon: f64) -> f64 {
    16.0 * largest / epsilon
}

/// The code of a refusal.
fn refused(output: &Output) -> Option<String> {
    let said = String::from_utf8_lossy(&output.stderr);
    let mut said = said
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let code = said.next_back()?["error"].as_str()?.to_owned();
    (!output.status.success()).then_some(code)
}

/// Plays it.
pub(super) fn play(
    page: &mut Page,
    [home, other]: [&Hospital; 2],
    folder: &Path,
    cast: &Cast,
) -> Result<(), StageError> {
    page.section("Sums that no party sees: a hundred of two hospitals take part, two add up");
    let adder = |at: &Hospital, profile, name| join(&at.relay, folder, profile, name, "organisation");
    let first = adder(home, "statistics", "Statistics office")?;
    let beside = adder(home, "registry", "Registry")?;
    let second = adder(other, "university", "University")?;
    for person in [&first, &beside, &second] {
        acquaint(&cast.hospital, person, "hospital")?;
        person.run(&["study", "serve", "hospital"])?;
    }
    settle(&[&first, &beside, &second, &cast.hospital])?;
    let study = publish(page, cast)?;
    settle(&[&first, &second])?;
    let relays = [&home.relay, &other.relay];
    let sums = Sums {
        relays,
        cast,
        first: &first,
        second: &second,
    };
    sums.asked(page, &study)?;

    let call = Call {
        relays,
        folder: &folder.join("crowd"),
        card: std::fs::read(cast.board.home().join("research.card"))?,
        study: std::fs::read(&study)?,
    };
    let runtime = tokio::runtime::Runtime::new()?;
    let mut crowd = runtime.block_on(call.join(0, LEAST - 1))?;
    sums.settle()?;
    let few = first.attempt(&["--json", "study", "aggregate", NAME])?;
    let early = cast.hospital.json(&["study", "aggregate", NAME])?;
    page.must(
        refused(&few).as_deref() == Some("T-3075") && early.is_empty(),
        "Ninety-nine",
        "are too few: neither of the two adds up fewer than a hundred, whatever the study says (T-3075)",
        "a refusal, and no sum at Hospital A",
    );
    crowd.extend(runtime.block_on(call.join(LEAST - 1, LEAST))?);
    sums.settle()?;
    first.run(&["study", "aggregate", NAME])?;
    sums.settle()?;
    settle(&[&cast.hospital])?;
    sums.came(page, &crowd)?;
    let again = first.attempt(&["--json", "study", "aggregate", NAME])?;
    page.must(
        refused(&again).as_deref() == Some("T-3075"),
        "Once",
        "what was added up is not added up again",
        "a refusal",
    );
    sums.held(page, &crowd)
}

/// Approved and signed: two of one domain are refused. Gives the published file.
fn publish(page: &mut Page, cast: &Cast) -> Result<String, StageError> {
    let approved = ["licensed-researcher", "--detail", "EB 15/2026", "--until", "1y"];
    cast.board
        .run(&[&["attest", "give", "hospital-a"], &approved[..]].concat())?;
    settle(&[&cast.board, &cast.hospital])?;
    let new = |second: &str| -> Result<Output, StageError> {
        let text = file(&cast.hospital, "sums.toml", &STUDY.replace("SECOND", second))?;
        cast.hospital.attempt(&["--json", "study", "new", &text])
    };
    let (one_domain, two) = (new("registry")?, new("university")?);
    page.must(
        refused(&one_domain).as_deref() == Some("T-3077") && two.status.success(),
        "Adding up",
        "Statistics office, here, and University, at Hospital B. Two of one domain are refused (T-3077)",
        "a refusal of two who add up in one domain, and a study with two of two",
    );
    let published = cast.hospital.home().join("hba1c-2027.tel");
    let published = published.to_string_lossy().into_owned();
    cast.hospital
        .run(&["study", "offer", NAME, "--out", &published])?;
    Ok(published)
}

/// Who has to do with it.
struct Sums<'a> {
    relays: [&'a Relay; 2],
    cast: &'a Cast,
    first: &'a Person,
    second: &'a Person,
}

impl Sums<'_> {
    /// The first asks about what came, the second answers, the first takes the answers in.
    fn settle(&self) -> Result<(), StageError> {
        settle(&[self.first, self.second, self.first])
    }

    /// Aino is told what it is, and asked.
    fn asked(&self, page: &mut Page, study: &str) -> Result<(), StageError> {
        let looked = self.cast.aino.attempt(&["study", "join", study])?;
        let said = [&looked.stdout[..], &looked.stderr[..]].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        page.must(
            !looked.status.success() && said.contains("nobody sees your number") && said.contains("in two halves"),
            "Asked",
            "Aino reads what would leave, in two halves, and that nobody sees her number: without her yes nothing does",
            "words that say so, and nothing sent",
        );
        page.fact(
            "Taking part",
            "a hundred invented people of both hospitals, each with a vault and a connection of their own",
        );
        Ok(())
    }

    /// What the researcher sees of a hundred, beside what is true.
    fn came(&self, page: &mut Page, crowd: &[Somebody]) -> Result<(), StageError> {
        let sums = self.cast.hospital.json(&["study", "aggregate", NAME])?;
        let of = |name: &str| sums.iter().find(|s| s["name"] == name && s["people"] == LEAST);
        let sum = |name| of(name).and_then(|s| s["values"][0].as_i64());
        let women = crowd.iter().filter(|s| s.woman).count() as f64;
        let got = sum("women").map_or(f64::NAN, |n| n as f64);
        let most = noise(1.0, 2.0);
        page.must(
            (got - women).abs() <= most,
            "Women",
            &format!(
                "{got:.0} of 100; in truth {women:.0}. By their noise (epsilon 2) off by more than {most:.0} once in a million"
            ),
            &format!("{women:.0}, {most:.0} more or less"),
        );

        let steps = |s: &Somebody| (s.value.parse::<f64>().unwrap_or(f64::NAN) - 4.0) * 10.0;
        let people = crowd.len() as f64;
        let mean = |sum: f64| 4.0 + sum / people / 10.0;
        let truth = crowd.iter().map(|s| steps(s).round()).sum::<f64>();
        let got = sum("hba1c").map_or(f64::NAN, |n| n as f64);
        let most = noise(63.0, 4.0);
        page.must(
            (got - truth).abs() <= most,
            "HbA1c",
            &format!(
                "on average {:.2} %; in truth {:.2} %. By their noise (epsilon 4) off by more than {:.2} once in a million",
                mean(got),
                mean(truth),
                most / people / 10.0
            ),
            &format!("a sum of {truth:.0}, {most:.0} more or less"),
        );

        // A model that knows nothing says one half of everybody; the error times what is known of each.
        let error = |s: &Somebody| 0.5 - f64::from(u8::from(s.woman));
        let truth = crowd
            .iter()
            .map(|s| error(s) * (steps(s) / 10.0 - 3.0) / 2.0)
            .sum::<f64>()
            / people;
        let got = of("step")
            .and_then(|s| s["means"][1].as_f64())
            .unwrap_or(f64::NAN);
        let most = noise(2.0 * 255.0, 20.0) / people / 255.0 * 2.0;
        page.must(
            // What is sent is a whole number of 255 parts of what lies between -1 and 1.
            (got - truth).abs() <= most + 1.0 / 255.0 && got > 0.0,
            "Training",
            &format!(
                "a step of a model that knew nothing: {:+.3}; in truth {:+.3}. Noise (epsilon 20) {most:.3}, in the same way",
                -got, -truth
            ),
            "the mean step of a hundred, towards women at lower values",
        );
        Ok(())
    }

    /// What lies in the vaults of the two, opened with their own passphrases.
    fn held(&self, page: &mut Page, crowd: &[Somebody]) -> Result<(), StageError> {
        let mut planted: Vec<&[u8]> = Vec::new();
        for somebody in crowd {
            planted.extend([somebody.value.as_bytes(), &somebody.id.0[..]]);
        }
        let search = AhoCorasick::new(&planted).map_err(std::io::Error::other)?;
        let found = |records: &[Vec<u8>]| -> usize {
            let mut hits: Vec<_> = records
                .iter()
                .flat_map(|r| search.find_iter(r).map(|hit| hit.pattern()))
                .collect();
            hits.sort_unstable();
            hits.dedup();
            hits.len()
        };
        let (mut records, mut hits) = (0, 0);
        for person in [self.first, self.second] {
            let passphrase = std::fs::read_to_string(person.passphrase_file())?;
            let passphrase = passphrase.lines().next().unwrap_or_default();
            let all = opened(&person.folder(), passphrase, &[])?;
            records += all.len();
            hits += found(&all);
        }
        page.must(
            hits == 0 && records > 2 * 3 * LEAST,
            "The two hold",
            &format!(
                "{} records, opened with their own passphrases. Values or identities of the hundred: {hits}",
                grouped(records as u64)
            ),
            "every half of three sums, and nobody in it",
        );
        let own = crowd
            .first()
            .map(Somebody::opened)
            .transpose()?
            .unwrap_or_default();
        let own = found(&own);
        page.must(
            own == 2,
            "Control",
            &format!("the same search in the opened vault of one of the hundred: {own}"),
            "a value and an identity",
        );
        let values: Vec<String> = crowd.iter().map(|s| s.value.clone()).collect();
        let searcher = Searcher::new(&values)?;
        let mut at_relays = Found::default();
        for relay in self.relays {
            at_relays.add(searcher.folder(relay.data())?);
            at_relays.add(searcher.file(relay.log())?);
        }
        page.must(
            at_relays.strings.is_empty(),
            "The relays hold",
            &format!(
                "{} of files. Values of the hundred: {}",
                size(at_relays.bytes),
                at_relays.strings.len()
            ),
            "none",
        );
        Ok(())
    }
}
