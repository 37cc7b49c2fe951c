//! Parts of documents, from the doctor's pen to the insurer's desk, by the real binaries.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::common;
use crate::people;
use crate::relay;

use common::Home;
use people::{joined, meet, one, sync};
use relay::Relay;
use serde_json::Value;

const PROCEDURE: &str = r#"{"resourceType":"Procedure","status":"completed","subject":{"reference":"Patient/1","display":"Aino Korhonen"},
"code":{"coding":[{"system":"http://snomed.info/sct","code":"80146002","display":"Appendectomy"}]},
"performedDateTime":"2026-11-03","reasonCode":[{"text":"Suspected perforation"}],"note":[{"text":"Patient reports alcohol"},{"text":"Second note"}]}"#;

const BILL: &str = r#"{"resourceType":"Claim","status":"active","use":"claim","type":{"text":"institutional"},
"patient":{"reference":"Patient/1"},"created":"2026-11-04","provider":{"display":"Hospital A"},"priority":{"text":"normal"},
"insurance":[{"sequence":1,"focal":true,"coverage":{"reference":"Coverage/9"}}],
"diagnosis":[{"sequence":1,"diagnosisCodeableConcept":{"text":"Appendicitis"}}],
"item":[{"sequence":1,"productOrService":{"coding":[{"code":"JEA00"}]},"net":{"value":1200.50,"currency":"EUR"}}],
"total":{"value":1200.50,"currency":"EUR"}}"#;

/// A patient, her doctor with a licence, an insurer who trusts the board.
struct Scene {
    _folder: tempfile::TempDir,
    _relay: Relay,
    aino: Home,
    gp: Home,
    acme: Home,
    /// What Aino calls the insurer.
    insurer: String,
}

fn scene() -> Option<Scene> {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(folder.path())?;
    let [aino, gp, acme, board] =
        ["Aino Korhonen", "Dr Virtanen", "Acme Mutual", "Medical board"].map(|name| joined(&relay, name));
    meet(&aino, &gp, "aino");
    let insurer = meet(&aino, &acme, "aino");
    let doctor = meet(&board, &gp, "board");
    board
        .run(&[
            "attest",
            "give",
            &doctor,
            "licensed-physician",
            "--detail",
            "4711",
            "--until",
            "1y",
        ])
        .ok();
    board.run(&["identity", "show", "--card", "board.card"]).ok();
    std::fs::copy(board.path("board.card"), acme.path("board.card")).unwrap();
    acme.run(&["trust", "add", "board.card", "--for", "licensed-physician"])
        .ok();
    sync(&[&board, &gp, &aino]);
    Some(Scene {
        _folder: folder,
        _relay: relay,
        aino,
        gp,
        acme,
        insurer,
    })
}

impl Scene {
    /// The doctor writes something to Aino; gives its id.
    fn written(&self, name: &str, body: &str) -> String {
        std::fs::write(self.gp.path(name), body).unwrap();
        one(self
            .gp
            .run(&["--json", "send", "aino", name, "--kind", "resource"]));
        sync(&[&self.gp, &self.aino]);
        let inbox = self.aino.run(&["--json", "inbox", "--unread"]).ok().json();
        let id = inbox[0]["id"].as_str().unwrap().to_owned();
        self.aino.run(&["read", &id]).ok();
        id
    }

    /// What came to the insurer, opened.
    fn insurer_sees(&self) -> Value {
        sync(&[&self.aino, &self.acme]);
        let inbox = self.acme.run(&["--json", "inbox", "--unread"]).ok().json();
        let id = inbox[0]["id"].as_str().unwrap();
        one(self.acme.run(&["--json", "read", id]))
    }
}

fn paths(view: &Value) -> Vec<(String, String)> {
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    view["shown"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (text(&p["path"]), text(&p["value"])))
        .collect()
}

fn named(all: &[(String, String)]) -> Vec<&str> {
    all.iter().map(|(path, _)| path.as_str()).collect()
}

#[test]
fn a_reader_of_parts_sees_those_parts_who_signed_them_and_nothing_else() {
    let Some(s) = scene() else {
        eprintln!("not run: telesphor-relay is not built");
        return;
    };
    let id = s.written("procedure.json", PROCEDURE);
    let list = s.aino.run(&["list"]).ok().out;
    assert!(list.contains("Appendectomy"), "named as what it is: {list}");
    let listed = s.aino.run(&["disclose", &id]).ok();
    for part in ["code", "note[1]", "performedDateTime"] {
        assert!(listed.out.contains(part), "{}", listed.out);
    }
    let inside = s
        .aino
        .run(&["disclose", &id, "--show", "code.coding", "--to", &s.insurer]);
    assert_eq!(inside.code, 2, "{}", inside.err);
    assert!(
        inside.err.contains("code.coding is inside code"),
        "{}",
        inside.err
    );

    let sent = s
        .aino
        .run(&[
            "disclose", &id, "--show", "code", "--show", "note[0]", "--to", &s.insurer, "--yes",
        ])
        .ok();
    assert!(sent.err.contains("nothing else of it"), "{}", sent.err);
    let view = s.insurer_sees();
    assert_eq!(view["genuine"], true, "{view}");
    let shown = paths(&view);
    assert_eq!(named(&shown), ["resourceType", "status", "code", "note[0]"]);
    assert!(shown[2].1.contains("80146002"));
    let words = view["checked"].to_string();
    for said in [
        "signed by",
        "licensed physician by the word of board",
        "2 parts shown; what is not shown may exist",
        "of the document that is shown:",
        "note: 1 shown; there may be more",
        "shown by the one for whom it was written",
    ] {
        assert!(words.contains(said), "{said}: {words}");
    }
    // Not one byte of the rest has left, in whatever form.
    let everything = view.to_string();
    for hidden in ["perforation", "2026-11-03", "Patient/1", "Second note"] {
        assert!(!everything.contains(hidden), "{hidden}");
    }
}

#[test]
fn a_file_of_parts_is_good_for_one_reader_and_one_occasion() {
    let Some(s) = scene() else {
        eprintln!("not run: telesphor-relay is not built");
        return;
    };
    let id = s.written("procedure.json", PROCEDURE);
    s.aino
        .run(&[
            "disclose",
            &id,
            "--show",
            "note",
            "--for",
            "Station pharmacy",
            "--question",
            "counter 3, 14:05",
            "-o",
            "part.tel",
        ])
        .ok();
    std::fs::copy(s.aino.path("part.tel"), s.acme.path("part.tel")).unwrap();
    let verify = |more: &[&str]| s.acme.run(&[&["verify", "part.tel", "--offline"], more].concat());
    let asked = ["--for", "Station pharmacy", "--question", "counter 3, 14:05"];
    let good = verify(&asked).ok();
    for said in [
        "note: complete, all 2 of them",
        "in answer to your question",
        "note[1]: {\"text\":\"Second note\"}",
    ] {
        assert!(good.out.contains(said), "{said}: {}", good.out);
    }
    let licensed = verify(&[&asked[..], &["--role", "licensed-physician"]].concat());
    assert_eq!(licensed.code, 0, "{}", licensed.out);
    let stranger = verify(&[]);
    assert_eq!(stranger.code, 4, "{}", stranger.out);
    assert!(
        stranger.out.contains("made out to somebody else"),
        "{}",
        stranger.out
    );
    let again = verify(&["--for", "Station pharmacy", "--question", "counter 3, 15:00"]);
    assert_eq!(again.code, 4);
    assert!(again.out.contains("another occasion"), "{}", again.out);

    let mut bytes = std::fs::read(s.acme.path("part.tel")).unwrap();
    let at = bytes.windows(7).position(|w| w == b"alcohol").unwrap();
    bytes[at..at + 7].copy_from_slice(b"nothing");
    std::fs::write(s.acme.path("part.tel"), bytes).unwrap();
    let altered = verify(&asked);
    assert_eq!(altered.code, 4, "{}", altered.out);
    assert!(
        altered.out.contains("not what the author signed"),
        "{}",
        altered.out
    );

    // Its author holds all of it, and still cannot show parts in her place.
    let list = s.gp.run(&["--json", "list"]).ok().json();
    let own = list[0]["id"].as_str().unwrap().to_owned();
    let refused =
        s.gp.run(&["disclose", &own, "--show", "code", "--for", "x", "-o", "x.tel"]);
    assert_eq!(refused.code, 4, "{}", refused.err);
    assert!(
        refused.err.contains("only the one whom this document is about"),
        "{}",
        refused.err
    );

    // For others' programs: it says who signed that form, and what that does not prove.
    let token = [
        "disclose",
        &id,
        "--show",
        "code",
        "--for",
        "Station pharmacy",
        "--question",
        "q",
        "--sd-jwt",
        "-o",
    ];
    let made = s.aino.run(&[&token[..], &["code.sd-jwt"]].concat()).ok();
    assert!(
        made.err
            .contains("the author's own signature does not carry over"),
        "{}",
        made.err
    );
    std::fs::copy(s.aino.path("code.sd-jwt"), s.acme.path("code.sd-jwt")).unwrap();
    let read = |q: &str| {
        s.acme.run(&[
            "verify",
            "code.sd-jwt",
            "--for",
            "Station pharmacy",
            "--question",
            q,
        ])
    };
    let good = read("q").ok();
    for said in ["by its holder", "NOT PROVED: that", "80146002"] {
        assert!(good.out.contains(said), "{said}: {}", good.out);
    }
    assert!(!good.out.contains("alcohol"), "{}", good.out);
    assert_eq!(read("another").code, 4);

    // What is not FHIR is refused at the door, with its place.
    std::fs::write(s.gp.path("bad.json"), PROCEDURE.replace("\"completed\"", "7")).unwrap();
    for call in [&["send", "aino", "bad.json"][..], &["add", "bad.json"]] {
        let bad = s.gp.run(call);
        assert_eq!(bad.code, 2, "{}", bad.err);
        assert!(
            bad.err.contains("at Procedure.status: expected a string"),
            "{}",
            bad.err
        );
    }
}

#[test]
fn an_insurer_sees_codes_dates_and_amounts_field_by_field_and_a_note_only_if_chosen() {
    let Some(s) = scene() else {
        eprintln!("not run: telesphor-relay is not built");
        return;
    };
    let bill = s.written("bill.json", BILL);
    let procedure = s.written("procedure.json", PROCEDURE);
    let none = s.aino.run(&["claim", &s.insurer]);
    assert_eq!(none.code, 2, "{}", none.err);
    s.aino
        .run(&[
            "claim", &s.insurer, &bill, &procedure, "--policy", "P-77-1", "--yes",
        ])
        .ok();
    let view = s.insurer_sees();
    assert_eq!(view["genuine"], true, "{view}");
    assert!(view["text"].as_str().unwrap().contains("reference: P-77-1"));
    let shown = paths(&view);
    assert_eq!(
        named(&shown),
        [
            "resourceType",
            "status",
            "use",
            "created",
            "item",
            "item[0].net",
            "item[0].productOrService",
            "item[0].sequence",
            "provider",
            "total",
            "type",
            "resourceType",
            "status",
            "code",
            "performedDateTime",
        ]
    );
    let everything = view.to_string();
    for hidden in [
        "Appendicitis",
        "perforation",
        "alcohol",
        "Patient/1",
        "Coverage/9",
        "priority",
    ] {
        assert!(!everything.contains(hidden), "{hidden}");
    }
    assert!(everything.contains("1200.50"), "amounts as they were written");

    // The insurer asks why, and gets one note, as an addition to this claim.
    let claim = view["id"].as_str().unwrap();
    s.aino
        .run(&[
            "claim",
            &s.insurer,
            "--note",
            &procedure,
            "--adds-to",
            claim,
            "--yes",
        ])
        .ok();
    let note = s.insurer_sees();
    assert_eq!(note["genuine"], true, "{note}");
    let whole = paths(&note);
    assert_eq!(named(&whole), ["$"]);
    assert!(whole[0].1.contains("Suspected perforation"));

    // A diagnosis only when she says so; and what has no codes is not claimed by accident.
    let dry = s
        .aino
        .run(&["--json", "claim", &s.insurer, &bill, "--diagnoses", "--yes"])
        .ok();
    assert!(dry.out.contains("Appendicitis"), "{}", dry.out);
    let allergy =
        r#"{"resourceType":"AllergyIntolerance","patient":{"reference":"Patient/1"},"code":{"text":"x"}}"#;
    let allergy = s.written("allergy.json", allergy);
    let no = s.aino.run(&["claim", &s.insurer, &allergy, "--yes"]);
    assert_eq!(no.code, 2, "{}", no.err);
    assert!(
        no.err.contains("no billing codes in AllergyIntolerance"),
        "{}",
        no.err
    );
}
