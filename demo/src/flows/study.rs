//! Act 4: a study. Values leave a record, and nobody with them; whoever leaves takes them along.

use serde_json::Value;

use super::cast::{Cast, file};
use crate::acts::cast::settle;
use crate::page::Page;
use crate::stage::{Person, StageError};

/// One measured value of anybody who has one, and no date.
const STUDY: &str = r#"name = "diabetes-2027"
purpose = "Whether a new schedule of visits helps"
approval = "EB 14/2026"
until = "300d"
min-cell = 3
dates = "none"

[[told]]
language = "en"
words = "We ask for one value."

[[field]]
name = "hba1c"
resource = "Observation"
system = "http://loinc.org"
code = "4548-4"
elements = ["valueQuantity"]
"#;

/// Somebody else's own record, of one value.
const VALUE: &str = r#"{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"4548-4","display":"Hemoglobin A1c"}]},"effectiveDateTime":"2026-09-02","valueQuantity":{"value":7.4,"unit":"%"}}"#;

/// By which name it goes.
const NAME: &str = "diabetes-2027";

/// Plays it.
pub(super) fn play(page: &mut Page, cast: &Cast) -> Result<(), StageError> {
    page.section("A study: values leave, and nobody with them");
    let file_of_it = publish(cast)?;
    let unasked = cast.aino.attempt(&["--json", "study", "join", &file_of_it])?;
    let shown = cast.aino.json(&["study", "show", NAME])?;
    let leaving = shown.iter().find_map(|s| s["leaving"].as_array().cloned());
    let leaving = leaving.unwrap_or_default();
    if leaving.is_empty() {
        page.fact("Study", "asks for a value that this record does not have");
        return Ok(());
    }
    let value = &leaving[0]["value"];
    page.must(
        !unasked.status.success() && leaving.len() == 1 && leaving[0]["element"] == "valueQuantity",
        "Asked",
        &format!(
            "what would leave is shown: HbA1c {} {}, and nothing else of {} documents; without a yes nothing does",
            value["value"],
            value["unit"].as_str().unwrap_or_default(),
            cast.documents.len()
        ),
        "one value, and nothing sent",
    );

    let few = |cast: &Cast| cast.hospital.attempt(&["--json", "study", "collect", NAME]);
    for (at, person) in [&cast.aino, &cast.laine, &cast.former].into_iter().enumerate() {
        if at > 0 {
            let record = file(person, "own.json", VALUE)?;
            person.run(&["add", &record])?;
        }
        person.run(&["study", "join", &file_of_it, "--yes"])?;
        settle(&[person, &cast.hospital])?;
        if at == 1 {
            page.must(
                !few(cast)?.status.success(),
                "Two",
                "are too few: the researcher is shown nothing, not even how many",
                "a refusal",
            );
        }
    }
    let rows = cast.hospital.json(&["study", "collect", NAME])?;
    let all = Value::from(rows.clone()).to_string();
    let named = ["Korhonen", "Aino", "Laine", "Rautio"]
        .iter()
        .any(|name| all.contains(name));
    page.must(
        rows.len() == 3 && rows.iter().all(|r| r["element"] == "valueQuantity") && !named,
        "Three",
        "three values at Hospital A, under keys made for this study; no name, no date, no document",
        "three values and nobody's name",
    );

    cast.aino.run(&["study", "withdraw", NAME])?;
    settle(&[&cast.aino, &cast.hospital])?;
    let after = cast.aino.attempt(&["--json", "study", "send", NAME])?;
    page.must(
        !few(cast)?.status.success() && !after.status.success(),
        "Leaving",
        "Aino leaves: what she sent is gone there, nothing more can be sent, and two are too few",
        "nothing of hers",
    );
    Ok(())
}

/// Approved, signed, and published as a file; gives its path.
fn publish(cast: &Cast) -> Result<String, StageError> {
    let approved = ["licensed-researcher", "--detail", "EB 14/2026", "--until", "1y"];
    cast.board
        .run(&[&["attest", "give", "hospital-a"], &approved[..]].concat())?;
    settle(&[&cast.board, &cast.hospital])?;
    let card = cast.board.home().join("research.card");
    let card = card.to_string_lossy();
    cast.board.run(&["identity", "show", "--card", &card])?;
    let takes_part: [&Person; 3] = [&cast.aino, &cast.laine, &cast.former];
    for person in takes_part {
        let what = ["--for", "licensed-researcher", "--call", "Medical board"];
        person.run(&[&["trust", "add", &card], &what[..]].concat())?;
    }
    let text = file(&cast.hospital, "study.toml", STUDY)?;
    cast.hospital.run(&["study", "new", &text])?;
    let published = cast.hospital.home().join("diabetes-2027.tel");
    let published = published.to_string_lossy().into_owned();
    cast.hospital
        .run(&["study", "offer", NAME, "--out", &published])?;
    Ok(published)
}
