//! Laboratory orders through the real binaries: what each end sees, what is refused, what is said.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::common;
use crate::lab;
use crate::people;

use std::path::Path;

use lab::Scene;
use people::{one, sync};

macro_rules! scene {
    ($folder:expr) => {
        match Scene::set($folder) {
            Some(scene) => scene,
            None => {
                eprintln!("not run: telesphor-relay is not built");
                return;
            }
        }
    };
}

/// What a laboratory's system writes: the public message if it is there, else one of its form. A
/// blind order has dummies where a name would be, and its code as the number of the order.
fn message(tube: &str) -> String {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/hl7v2/ms-fhir-converter");
    match std::fs::read_to_string(data.join("LRI_2.0-NG_CBC_Typ_Message.hl7")) {
        Ok(text) => text.replace("ORD666555", tube),
        Err(_) => format!(
            "MSH|^~\\&|L|L|E|E|20110531140551-0500||ORU^R01|1|T|2.5\rPID|1||DUMMY||Jones^William\r\
             OBR|1|{tube}|R|57021-8^CBC^LN|||20110103143428-0800\r\
             OBX|1|NM|26464-8^Leukocytes^LN||105600|/uL|4300 to 10800|HH|||F\r"
        ),
    }
}

/// One value, under the order's number if there is one.
fn potassium(value: &str, status: &str, number: &str) -> String {
    let identifier = match number {
        "" => String::new(),
        number => format!(r#""identifier":[{{"value":"{number}"}}],"#),
    };
    format!(
        r#"{{"resourceType":"Observation","status":"{status}",{identifier}"code":{{"coding":[{{"system":"http://loinc.org","code":"2823-3"}}],"text":"Potassium"}},"effectiveDateTime":"2026-11-20T08:00:00+02:00","valueQuantity":{{"value":{value},"unit":"mmol/l"}}}}"#
    )
}

fn refused(ran: &common::Ran) -> (i32, String) {
    (ran.code, ran.error()["error"].as_str().unwrap().to_owned())
}

#[test]
fn a_result_reaches_somebody_else_or_proves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut s = scene!(folder.path());
    let codes = s.order(&["cbc", "--urgent", "--age", "47"]);
    // The laboratory: two codes, tests, a clinic; ten years and no age.
    let at_lab = one(s.lab.run(&["--json", "lab", "open"]));
    assert_eq!(at_lab["tube"], codes.tube.as_str());
    assert_eq!(
        (&at_lab["cost_centre"], &at_lab["about"]),
        (&"Clinic 12".into(), &"40 to 49 years".into())
    );
    assert!(
        at_lab.get("for").is_none() && at_lab["mapping"].is_null(),
        "{at_lab}"
    );
    // The patient has it from the first minute, in words.
    let inbox = s.aino.run(&["--json", "inbox"]).ok().json();
    let order = inbox.iter().find(|d| d["kind"] == "order").unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let read = s.aino.run(&["read", &order]).ok().out;
    assert!(
        read.contains("Acme Lab, who does not know for whom") && read.contains(&codes.tube),
        "{read}"
    );

    s.doctor.run(&["lab", "collected", &codes.tube]).ok();
    sync(&[&s.doctor, &s.lab]);
    one(s.lab.run(&["--json", "lab", "receive", &codes.tube, &codes.form]));
    sync(&[&s.lab, &s.doctor]);
    assert_eq!(s.at_doctor(&codes)["state"], "received");

    let reported = s.report(&codes, &message(&codes.tube), &[]);
    assert!(
        reported.err.contains("left out, and not signed:") && reported.err.contains("PID"),
        "{}",
        reported.err
    );
    assert!(
        reported.err.contains("CRITICAL:") && reported.err.contains("+358 9 4711"),
        "{}",
        reported.err
    );
    let result = one(reported)["results"][0].as_str().unwrap().to_owned();
    let shown = s.at_doctor(&codes);
    assert_eq!(
        (&shown["state"], shown["given"].as_array().unwrap().len()),
        (&"final".into(), 1)
    );
    assert!(
        shown["critical"].as_str().unwrap().contains("CRITICAL"),
        "{shown}"
    );

    // A critical value is called about until somebody says that he acts on it.
    let before = one(s.lab.run(&["--json", "lab", "open"]));
    assert!(
        before["critical"]
            .as_str()
            .unwrap()
            .contains("nobody has acknowledged it"),
        "{before}"
    );
    s.doctor.run(&["lab", "ack", &codes.tube]).ok();
    sync(&[&s.doctor, &s.lab]);
    let after = s.lab.run(&["--plain", "lab", "open"]);
    assert_eq!((after.code, after.out.as_str()), (0, ""), "{}", after.err);

    // The patient's proof: the laboratory's signature and her doctor's, together.
    let proof = s.aino.run(&["lab", "match", &result]).ok().out;
    for words in [
        "yours",
        "licensed laboratory by the word of",
        "Dr Virtanen",
        "Acme Lab",
    ] {
        assert!(proof.contains(words), "{words}: {proof}");
    }
    let verdict = s.aino.run(&["verify", &result, "--offline"]).ok().out;
    assert!(verdict.contains("existed at"), "{verdict}");

    // Nothing of it is on the relay's disk, and no name is in the laboratory's vault.
    s.relay.stop();
    let found = |root: &Path, word: &str| {
        let mut files = Vec::new();
        walk(root, &mut files);
        files
            .iter()
            .any(|f| f.windows(word.len()).any(|w| w == word.as_bytes()))
    };
    for word in [
        "Korhonen",
        "Virtanen",
        "Leukocytes",
        "Clinic 12",
        codes.tube.replace('-', "").as_str(),
    ] {
        assert!(
            !found(&folder.path().join("relay"), word),
            "{word} lies on the relay's disk"
        );
    }
    let lists = ["contacts", "list", "inbox", "sent"].map(|l| s.lab.run(&["--json", "--wait", "0s", l]).out);
    let open = s.lab.run(&["--json", "--wait", "0s", "lab", "open", "--all"]).out;
    for name in ["Korhonen", "Virtanen", "Aino", "Jones"] {
        assert!(
            !(lists.concat() + &open).contains(name),
            "the laboratory knows {name}"
        );
    }
}

fn walk(folder: &Path, into: &mut Vec<Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, into);
        } else if path.is_file() {
            into.extend(std::fs::read(&path));
        }
    }
}

#[test]
fn a_clerk_reports_a_wrong_tube_and_is_not_told() {
    let folder = tempfile::tempdir().unwrap();
    let s = scene!(folder.path());
    let (one_order, other) = (s.order(&["potassium"]), s.order(&["potassium"]));
    let good = potassium("4.1", "final", "");
    // A slip of the pen.
    let mut letters: Vec<char> = one_order.tube.chars().collect();
    letters[0] = if letters[0] == '2' { '3' } else { '2' };
    let slip = lab::Codes {
        tube: letters.into_iter().collect(),
        form: one_order.form.clone(),
    };
    let ran = s.report(&slip, &good, &[]);
    assert_eq!(refused(&ran), (2, "T-3055".to_owned()));
    assert!(
        ran.err
            .contains("tube: one character is wrong, or two are exchanged"),
        "{}",
        ran.err
    );
    // Tube of one, form of the other.
    let mixed = lab::Codes {
        tube: one_order.tube.clone(),
        form: other.form.clone(),
    };
    let ran = s.report(&mixed, &good, &[]);
    assert_eq!(refused(&ran), (9, "T-3054".to_owned()));
    assert!(
        ran.err.contains("report nothing, and find out whose tube it is"),
        "{}",
        ran.err
    );
    // The analyser's file is about the other one.
    let ran = s.report(&one_order, &potassium("4.1", "final", &other.tube), &[]);
    assert_eq!(refused(&ran), (9, "T-3057".to_owned()));
    // A file that is none, and one that was withdrawn.
    let ran = s.report(&one_order, "MSH|^~\\&|L|L|E|E|2026||ADT^A01|1|T|2.5\r", &[]);
    assert_eq!(refused(&ran), (2, "T-6012".to_owned()));
    assert!(ran.err.contains("MSH-9 is not ORU^R01"), "{}", ran.err);
    let ran = s.report(&one_order, &potassium("4.1", "entered-in-error", ""), &[]);
    assert_eq!(refused(&ran), (2, "T-6012".to_owned()));
    // Useless: whoever ordered learns why, and no values can come of it any more.
    s.lab
        .run(&["lab", "reject", &other.tube, &other.form, "--why", "haemolysed"])
        .ok();
    sync(&[&s.lab, &s.doctor]);
    let shown = s.at_doctor(&other);
    assert_eq!(
        (&shown["state"], &shown["why"]),
        (&"rejected".into(), &"haemolysed".into())
    );
    assert_eq!(refused(&s.report(&other, &good, &[])), (3, "T-3050".to_owned()));

    // Preliminary, final, and a correction weeks later: the patient has the last word of it.
    one(s.report(&one_order, &potassium("4.0", "preliminary", &one_order.tube), &[]));
    assert_eq!(s.at_doctor(&one_order)["given"].as_array().unwrap().len(), 0);
    assert_eq!(
        refused(&s.report(&one_order, &good, &["--amends"])),
        (3, "T-3052".to_owned())
    );
    one(s.report(&one_order, &good, &[]));
    assert_eq!(
        refused(&s.report(&one_order, &good, &[])),
        (3, "T-3051".to_owned())
    );
    one(s.report(&one_order, &potassium("4.9", "final", ""), &["--amends"]));
    let shown = s.at_doctor(&one_order);
    assert_eq!(shown["state"], "amended");
    let results: Vec<&str> = shown["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r.as_str().unwrap())
        .collect();
    let [_, first, last] = results[..] else {
        panic!("{results:?}")
    };
    let newest = s.aino.run(&["--json", "lab", "match", last]).ok().json();
    assert_eq!(
        (&newest[0]["mine"], &newest[0]["current"]),
        (&true.into(), &true.into())
    );
    let older = s.aino.run(&["--json", "lab", "match", first]);
    assert_eq!(older.code, 9, "a newer one stands in its place: {}", older.out);
}

#[test]
fn a_laboratory_without_a_licence_or_with_one_that_ended_is_believed() {
    let folder = tempfile::tempdir().unwrap();
    let s = scene!(folder.path());
    let codes = s.order(&["potassium", "--hold"]);
    let result = one(s.report(&codes, &potassium("4.1", "final", ""), &[]))["results"][0]
        .as_str()
        .unwrap()
        .to_owned();
    // The orderer speaks with the patient first.
    assert_eq!(s.at_doctor(&codes)["given"].as_array().unwrap().len(), 0);
    assert!(!s.aino.run(&["inbox"]).out.contains("Potassium (order"));
    s.doctor.run(&["lab", "match", &codes.tube, "--release"]).ok();
    sync(&[&s.doctor, &s.aino]);
    s.aino.run(&["lab", "match", &result]).ok();

    // The licence is withdrawn: what was signed and proved before stays, with words for it.
    let late = s.order(&["potassium"]);
    s.board.run(&["attest", "withdraw", &s.licence]).ok();
    sync(&[&s.board, &s.lab, &s.doctor, &s.aino]);
    let before = s.aino.run(&["lab", "match", &result]).ok().out;
    assert!(
        before.contains("licensed laboratory by the word of") && before.contains("at the time"),
        "{before}"
    );
    // What is signed after it is kept, marked, and not given to the patient.
    one(s.report(&late, &potassium("9.9", "final", ""), &[]));
    let shown = s.at_doctor(&late);
    assert_eq!(shown["given"].as_array().unwrap().len(), 0, "{shown}");
    let judged = s.doctor.run(&["--json", "lab", "match", &late.tube]);
    assert_eq!(refused(&judged), (4, "T-7006".to_owned()), "{}", judged.out);
    assert!(!s.aino.run(&["inbox"]).out.contains("9.9"));

    // Somebody whom no hospital lets order; and a result that was never ordered here.
    let nobody = s.aino.run(&[
        "--json",
        "lab",
        "order",
        "hiv",
        "--for",
        "Dr Virtanen",
        "--unverified",
    ]);
    assert!([3, 5].contains(&nobody.code), "{}", nobody.err);
    let note = s.doctor.path("note.txt");
    std::fs::write(&note, "not a result").unwrap();
    let added = one(s.doctor.run(&["--json", "add", "note.txt"]));
    let no = s
        .doctor
        .run(&["--json", "lab", "match", added["id"].as_str().unwrap()]);
    assert_eq!(refused(&no), (2, "T-3059".to_owned()));
}
