//! A referral with the history that a patient chooses, collecting a record, and taking it away,
//! through the real binaries.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::common;
use crate::people;
use crate::relay;

use std::process::Command;

use common::Home;
use people::{joined, meet, one, sync};
use relay::Relay;

fn refused(ran: &common::Ran) -> (i32, String) {
    (ran.code, ran.error()["error"].as_str().unwrap().to_owned())
}

/// Sends a text of this title; gives its id.
fn give(from: &Home, to: &str, title: &str, more: &[&str]) -> String {
    std::fs::write(from.path("text.txt"), format!("{title}, in full")).unwrap();
    let said = [&["--json", "send", to, "text.txt", "--title", title], more].concat();
    one(from.run(&said))["id"].as_str().unwrap().to_owned()
}

/// A patient, her doctor, a former one and a specialist; the first three names are what she calls the
/// others, the last what the former doctor calls the specialist.
fn set(folder: &std::path::Path) -> Option<(Relay, [Home; 4], [String; 4])> {
    let relay = Relay::start(folder)?;
    let [aino, gp, former, laine] =
        ["Aino Korhonen", "Dr Virtanen", "Dr Rautio", "Dr Laine"].map(|name| joined(&relay, name));
    let names = [
        meet(&aino, &gp, "aino"),
        meet(&aino, &former, "aino"),
        meet(&aino, &laine, "aino"),
        meet(&former, &laine, "rautio"),
    ];
    Some((relay, [aino, gp, former, laine], names))
}

#[test]
fn a_specialist_sees_more_or_less_than_the_patient_chose() {
    let folder = tempfile::tempdir().unwrap();
    let Some((_relay, [aino, gp, former, laine], [_, _, to_laine, _])) = set(folder.path()) else {
        eprintln!("not run: telesphor-relay is not built");
        return;
    };
    let referral = give(&gp, "aino", "To cardiology", &["--kind", "referral"]);
    let note = give(&gp, "aino", "Examination", &["--scope", "heart"]);
    let hidden = give(&gp, "aino", "Therapy", &["--scope", "psychiatry"]);
    let old = give(&former, "aino", "Old ECG", &["--scope", "heart"]);
    sync(&[&gp, &former, &aino]);
    let no = aino.run(&[
        "--json",
        "refer",
        "give",
        &to_laine,
        &note,
        "--referral",
        &note,
        "--yes",
    ]);
    assert_eq!(refused(&no), (2, "T-6081".to_owned()), "a note is no referral");
    let said = [
        "--json",
        "refer",
        "give",
        &to_laine,
        "--scope",
        "heart",
        "--referral",
        &referral,
        "--yes",
    ];
    let given = one(aino.run(&said));
    assert_eq!(
        (given["listed"].as_u64(), &given["why"]),
        (Some(3), &"referral".into())
    );
    let list = given["id"].as_str().unwrap().to_owned();
    sync(&[&aino, &laine]);
    let seen = one(laine.run(&["--json", "refer", "check", &list]));
    assert_eq!(
        (seen["listed"].as_u64(), seen["here"].as_u64()),
        (Some(3), Some(3))
    );
    let mut shown: Vec<&str> = seen["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["id"].as_str().unwrap())
        .collect();
    let mut wanted = vec![referral.as_str(), &note, &old];
    shown.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(shown, wanted, "exactly what she chose");
    let words = laine.run(&["refer", "check", &list]).ok().out;
    assert!(
        words.contains("the referral: To cardiology") && words.contains("Dr Rautio, genuine"),
        "{words}"
    );
    let inbox = laine.run(&["--json", "inbox"]).ok().json();
    assert_eq!(inbox.len(), 4, "the three and their list");
    assert!(!inbox.iter().any(|d| d["id"] == hidden.as_str()));

    // What somebody only shows is not given on; what is no list is not checked as one.
    let shown = one(aino.run(&["--json", "add", "kit.txt"]))["id"]
        .as_str()
        .unwrap()
        .to_owned();
    aino.run(&[
        "share", &shown, "--with", &to_laine, "--until", "1d", "--why", "x", "--yes",
    ])
    .ok();
    sync(&[&aino, &laine]);
    let on = laine.run(&[
        "--json",
        "refer",
        "give",
        "rautio",
        &shown,
        "--yes",
        "--unverified",
    ]);
    assert_eq!(refused(&on).0, 3, "{}", on.err);
    assert_eq!(
        refused(&laine.run(&["--json", "refer", "check", &note])),
        (2, "T-6080".to_owned())
    );
}

#[test]
fn a_provider_leaves_out_what_it_has_or_answers_somebody_who_did_not_ask() {
    let folder = tempfile::tempdir().unwrap();
    let Some((_relay, [aino, gp, former, laine], [to_gp, to_former, _, beside])) = set(folder.path()) else {
        eprintln!("not run: telesphor-relay is not built");
        return;
    };
    let told = give(&former, "aino", "Appendectomy", &[]);
    // A letter about her that she was never given, and one about nobody.
    let about = give(&former, &beside, "About her", &["--about", "aino"]);
    let nothing = give(&former, &beside, "Lunch", &[]);
    sync(&[&former, &laine, &aino]);
    let unasked = former.run(&["--json", "gather", "answer", "aino"]);
    assert_eq!(refused(&unasked), (5, "T-6010".to_owned()));
    let asked = aino
        .run(&["--json", "gather", "ask", &to_former, &to_gp, "--why", "moving"])
        .ok()
        .json();
    assert!(asked.iter().all(|g| g["answer"].is_null()));
    sync(&[&aino, &former, &gp]);
    let waiting = former.run(&["gather", "list"]).ok().out;
    assert!(
        waiting.contains("asks for all about him: 2 documents"),
        "{waiting}"
    );
    former.run(&["gather", "answer", "aino"]).ok();
    let none = gp.run(&["--json", "gather", "answer", "aino"]);
    assert_eq!(
        refused(&none),
        (5, "T-6010".to_owned()),
        "there is nothing, and that is said"
    );
    sync(&[&former, &aino]);
    let gathered = aino.run(&["--json", "gather", "list"]).ok().json();
    let answered = gathered.iter().find(|g| g["with"] == to_former.as_str()).unwrap();
    assert_eq!(
        (answered["listed"].as_u64(), answered["here"].as_u64()),
        (Some(2), Some(2))
    );
    let list = answered["answer"].as_str().unwrap();
    let check = one(aino.run(&["--json", "refer", "check", list]));
    let ids: Vec<&str> = check["documents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["id"].as_str().unwrap())
        .collect();
    assert!(
        ids.contains(&told.as_str()) && ids.contains(&about.as_str()) && !ids.contains(&nothing.as_str())
    );
    // With its author, and the way by which it came.
    let kept = one(aino.run(&["--json", "read", &about]));
    assert_eq!(
        (&kept["genuine"], &kept["author_name"]),
        (&true.into(), &"Dr Rautio".into())
    );

    // All of it as files that open without us, and prove themselves with and without us.
    let exported = one(aino.run(&["--json", "export", "all"]));
    assert!(exported["documents"].as_u64().unwrap() >= 3);
    laine_verifies(&aino, &laine, true);
    let page = std::fs::read_to_string(aino.path("all/index.html")).unwrap();
    assert!(
        page.contains("About her") && page.contains("Dr Rautio") && page.contains("originals/0001.txt"),
        "{page}"
    );
    let sums = |home: &Home| {
        Command::new("sha256sum")
            .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
            .current_dir(home.path("all"))
            .status()
            .unwrap()
            .success()
    };
    assert!(sums(&aino));
    let one_file = aino.path("all/documents/0001.tel");
    let mut bytes = std::fs::read(&one_file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&one_file, bytes).unwrap();
    assert!(!sums(&aino), "a changed file is not noticed");
    laine_verifies(&aino, &laine, false);
}

/// Whether another's program finds the exported folder good.
fn laine_verifies(aino: &Home, laine: &Home, good: bool) {
    let folder = aino.path("all");
    let verified = laine.run(&["verify", &folder.to_string_lossy(), "--offline"]);
    assert_eq!(verified.code == 0, good, "{} {}", verified.out, verified.err);
}
