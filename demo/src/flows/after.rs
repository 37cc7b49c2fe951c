//! Act 3: what comes after a visit: parts of a document, a claim, a referral, collecting one's record.

use std::process::{Command, Stdio};
use std::time::Instant;

use super::cast::{Cast, FORMER, REFERRAL, came, file};
use crate::acts::cast::settle;
use crate::page::Page;
use crate::stage::{StageError, text};

/// Shows parts of the result to one reader, and claims a bill.
pub(super) fn disclosure(page: &mut Page, cast: &Cast, result: &str) -> Result<(), StageError> {
    page.section("Parts of a document, and a claim");
    let part = cast.aino.home().join("part.tel");
    let part = part.to_string_lossy();
    let to = [
        "--show",
        "entry[0].resource.code",
        "--for",
        "Station pharmacy",
        "--question",
        "counter 3",
        "-o",
        &part,
    ];
    cast.aino
        .run(&[&["disclose", result, "--yes"], &to[..]].concat())?;
    let check = |name: &str| {
        let made_out = ["--offline", "--for", name, "--question", "counter 3"];
        cast.insurer
            .attempt(&[&["--json", "verify", &part], &made_out[..]].concat())
    };
    let [right, wrong] = ["Station pharmacy", "Acme Mutual"].map(check);
    let (right, wrong) = (right?, wrong?);
    let shown = String::from_utf8_lossy(&right.stdout).into_owned();
    page.must(
        right.status.success()
            && !wrong.status.success()
            && shown.contains("Potassium")
            && !shown.contains("4.10"),
        "Parts",
        "one test's name and not its value, under the laboratory's signature; to one reader only",
        "the part for its reader, refused for another",
    );

    let bill = cast
        .documents
        .iter()
        .find(|d| d["title"].as_str().is_some_and(|t| t.starts_with("Claim")));
    let Some(bill) = bill.and_then(|d| d["id"].as_str()) else {
        page.fact("Claim", "no bill in this record");
        return Ok(());
    };
    cast.aino
        .run(&["claim", "acme-mutual", bill, "--policy", "P-77-1", "--yes"])?;
    settle(&[&cast.aino, &cast.insurer])?;
    let inbox = cast.insurer.json(&["inbox"])?;
    let claim = text(&inbox, "id", "inbox")?.to_owned();
    let seen = cast.insurer.json(&["read", &claim])?;
    let seen = serde_json::Value::from(seen).to_string();
    page.must(
        seen.contains("P-77-1") && seen.contains("\"genuine\":true") && !seen.contains("diagnosis"),
        "Claim",
        "Acme Mutual sees codes, dates and amounts of one bill; no diagnosis, no name",
        "a genuine claim without diagnoses",
    );
    Ok(())
}

/// A referral, carried by the patient with the history that she chooses.
pub(super) fn referral(page: &mut Page, cast: &Cast, result: &str) -> Result<(), StageError> {
    page.section("A referral: the patient carries it, with the history she chooses");
    let letter = file(&cast.doctor, "referral.txt", REFERRAL)?;
    cast.doctor.run(&[
        "send",
        "aino",
        &letter,
        "--kind",
        "referral",
        "--title",
        "To cardiology",
    ])?;
    settle(&[&cast.doctor, &cast.aino])?;
    let letter = came(&cast.aino, "To cardiology")?.unwrap_or_default();
    let begun = Instant::now();
    let what = [
        "--referral",
        &letter,
        result,
        "--scope",
        "heart",
        "--why",
        "as Dr Virtanen asks",
        "--yes",
    ];
    let given = cast
        .aino
        .json(&[&["refer", "give", "dr-laine"], &what[..]].concat())?;
    let list = text(&given, "id", "refer give")?.to_owned();
    let listed = given.iter().find_map(|g| g["listed"].as_u64()).unwrap_or(0);
    let mut checked = cast.laine.attempt(&["--json", "refer", "check", &list])?;
    for _ in 0..10 {
        if checked.status.success() {
            break;
        }
        checked = cast.laine.attempt(&["--json", "refer", "check", &list])?;
    }
    let took = begun.elapsed().as_secs_f64();
    let words = String::from_utf8_lossy(&checked.stdout);
    page.must(
        checked.status.success() && listed > 1 && words.contains("Acme Lab") | words.contains("genuine"),
        "Dr Laine",
        &format!("{listed} of {listed} documents here, each under its own author's signature"),
        "everything on the signed list, genuine",
    );
    page.fact(
        "Took",
        &format!("{took:.1} s from `refer give` until the new doctor could read all of it"),
    );
    let inbox = cast.laine.json(&["inbox"])?;
    let others = inbox.len() as u64;
    page.must(
        others == listed + 1,
        "And no more",
        &format!("{others} documents in the inbox: the {listed} and their list"),
        &format!("{}", listed + 1),
    );
    Ok(())
}

/// Everything that a former doctor has, and the whole record as files that open without us.
pub(super) fn gathering(page: &mut Page, cast: &Cast) -> Result<(), StageError> {
    page.section("Aino collects what others have of her, and takes all of it away");
    let old = file(&cast.former, "old.txt", FORMER)?;
    // A letter about her that went to somebody else.
    cast.former
        .run(&["send", "aino", &old, "--title", "Appendectomy"])?;
    let asked = ["--why", "I am moving to another town"];
    cast.aino
        .run(&[&["gather", "ask", "dr-rautio", "dr-virtanen"], &asked[..]].concat())?;
    settle(&[&cast.aino, &cast.former, &cast.doctor])?;
    for provider in [&cast.former, &cast.doctor] {
        provider.run(&["gather", "answer", "aino"])?;
    }
    settle(&[&cast.former, &cast.doctor, &cast.aino])?;
    let gathered = cast.aino.json(&["gather", "list"])?;
    let whole =
        |g: &serde_json::Value| g["answer"].is_string() && g["here"] == g["listed"] && g["listed"] != 0;
    let documents: u64 = gathered.iter().filter_map(|g| g["here"].as_u64()).sum();
    page.must(
        gathered.len() == 2 && gathered.iter().all(whole),
        "Gathered",
        &format!("2 of 2 answered; {documents} documents by their signed lists, all here and genuine"),
        "two whole answers",
    );

    let folder = cast.aino.home().join("all-of-mine");
    let folder = folder.to_string_lossy();
    let exported = cast.aino.json(&["export", &folder])?;
    let verified = cast.laine.attempt(&["verify", &folder, "--offline"])?;
    let sums = Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
        .current_dir(folder.as_ref())
        .stdin(Stdio::null())
        .output()?;
    let count = exported.iter().find_map(|e| e["documents"].as_u64()).unwrap_or(0);
    // The parts that were made out to one reader prove nothing to another one, and must not.
    let words = String::from_utf8_lossy(&verified.stdout).into_owned();
    let genuine = words.matches("genuine: genuine").count() as u64;
    let not_for_her = words.matches("NOT GENUINE (T-7030)").count() as u64;
    page.must(
        genuine + not_for_her == count && not_for_her == 1 && genuine > 0 && sums.status.success(),
        "Export",
        &format!(
            "{count} documents; {genuine} proved by another's program, 1 made out to one reader only and refused to her; \
             all by sha256sum alone; index.html opens anywhere"
        ),
        "a folder that proves itself with and without us",
    );
    Ok(())
}
