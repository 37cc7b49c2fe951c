//! Studies through the real binaries: who sees what, what is refused, what leaving does.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use crate::people;
use crate::study;

use std::path::Path;

use people::{meet, one, sync};
use study::{FIELDS, Scene, record, refused};

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
fn a_study_gets_more_than_it_named_or_shows_fewer_people_than_it_may() {
    let folder = tempfile::tempdir().unwrap();
    let mut s = scene!(folder.path());
    s.publish("diabetes-2027", FIELDS);
    let aino = s.person("Aino Korhonen", &record(1980, "female", "6.10"));
    let second = s.person("Second person", &record(1982, "female", "7.4"));
    let third = s.person("Third person", &record(1984, "female", "8.0"));
    let young = s.person("Fourth person", &record(1981, "female", "5.1"));

    // Before the yes: exactly what leaves, and what does not.
    let file = s.researcher.path("diabetes-2027.tel");
    let unasked = aino.run(&["--json", "study", "join", file.to_str().unwrap()]);
    assert_eq!(refused(&unasked), (2, "T-6013".to_owned()));
    assert!(
        unasked.err.contains("These 4 values leave, and no others"),
        "{}",
        unasked.err
    );
    let seen = one(aino.run(&["--json", "study", "show", "diabetes-2027"]));
    let leaving: Vec<(String, String, String)> = seen["leaving"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| {
            let text = |name: &str| l[name].as_str().unwrap().to_owned();
            (text("field"), text("element"), l["value"].to_string())
        })
        .collect();
    let wanted = [
        ("hba1c", "effectiveDateTime", r#""2026-03""#),
        ("hba1c", "valueQuantity", r#"{"unit":"%","value":6.10}"#),
        ("age", "age-band", r#""40-49""#),
        ("sex", "sex", r#""female""#),
    ];
    let wanted = wanted.map(|(f, e, v)| {
        let value: serde_json::Value = serde_json::from_str(v).unwrap();
        (f.to_owned(), e.to_owned(), value.to_string())
    });
    assert_eq!(leaving, wanted);
    let words = aino.run(&["study", "show", "diabetes-2027"]).ok().out;
    for say in [
        "can single somebody out",
        "What does not leave: your name",
        "You can leave at any time",
    ] {
        assert!(words.contains(say), "{say}: {words}");
    }

    // Whom it does not fit sends nothing.
    assert_eq!(
        refused(&s.join(&young, "diabetes-2027")),
        (3, "T-3071".to_owned())
    );
    one(s.join(&aino, "diabetes-2027"));
    one(s.join(&second, "diabetes-2027"));
    assert_eq!(refused(&s.join(&aino, "diabetes-2027")), (3, "T-3073".to_owned()));
    // Two are too few to be shown, or even counted.
    let few = s.researcher.run(&["--json", "study", "collect", "diabetes-2027"]);
    assert_eq!(refused(&few), (3, "T-3075".to_owned()), "{}", few.out);
    let listed = one(s.researcher.run(&["--json", "study", "list"]));
    assert!(listed["people"].is_null(), "{listed}");

    one(s.join(&third, "diabetes-2027"));
    let rows = s
        .researcher
        .run(&["--json", "study", "collect", "diabetes-2027"])
        .ok()
        .json();
    assert_eq!(rows.len(), 12, "three people, four values each: {rows:?}");
    let mut elements: Vec<&str> = rows.iter().map(|r| r["element"].as_str().unwrap()).collect();
    elements.sort_unstable();
    elements.dedup();
    assert_eq!(
        elements,
        ["age-band", "effectiveDateTime", "sex", "valueQuantity"]
    );
    let listed = one(s.researcher.run(&["--json", "study", "list"]));
    assert_eq!(listed["people"]["now"], 3);

    // A later value takes the place of the earlier one.
    std::fs::write(
        aino.path("later.json"),
        record(1980, "female", "9.9").replace("2026-03-21", "2026-05-02"),
    )
    .unwrap();
    aino.run(&["add", "later.json"]).ok();
    one(aino.run(&["--json", "study", "send", "diabetes-2027"]));
    sync(&[&s.researcher]);

    // Aino leaves: both see it, what she sent is gone, and nothing more of hers is taken.
    aino.run(&["study", "withdraw", "diabetes-2027"]).ok();
    let hers = one(aino.run(&["--json", "study", "show", "diabetes-2027"]));
    assert_eq!((&hers["state"], hers["left"].is_string()), (&"left".into(), true));
    assert_eq!(
        refused(&aino.run(&["--json", "study", "send", "diabetes-2027"])),
        (3, "T-3072".to_owned())
    );
    assert_eq!(refused(&s.join(&aino, "diabetes-2027")), (3, "T-3072".to_owned()));
    sync(&[&s.researcher]);
    let listed = one(s.researcher.run(&["--json", "study", "list"]));
    assert_eq!(
        (&listed["people"]["now"], &listed["people"]["left"]),
        (&2.into(), &1.into())
    );
    let few = s.researcher.run(&["--json", "study", "collect", "diabetes-2027"]);
    assert_eq!(
        refused(&few),
        (3, "T-3075".to_owned()),
        "two are left: {}",
        few.out
    );

    // The researcher never learns who; the relay never learns what.
    let lists = ["contacts", "inbox", "study"].map(|l| {
        let more: &[&str] = if l == "study" { &["list"] } else { &[] };
        s.researcher
            .run(&[&["--json", "--wait", "0s", l], more].concat())
            .out
    });
    for name in ["Korhonen", "Aino", "Kuopio", "L-4711", "lives alone", "35489007"] {
        assert!(!lists.concat().contains(name), "the researcher knows {name}");
    }
    s.relay.stop();
    let mut files = Vec::new();
    walk(&folder.path().join("relay"), &mut files);
    for word in ["Korhonen", "diabetes-2027", "4548-4", "EB 14/2026"] {
        let found = files
            .iter()
            .any(|f| f.windows(word.len()).any(|w| w == word.as_bytes()));
        assert!(!found, "{word} lies on the relay's disk");
    }
}

#[test]
fn a_study_without_approval_for_itself_gets_values() {
    let folder = tempfile::tempdir().unwrap();
    let s = scene!(folder.path());
    s.publish("good", FIELDS);
    // The researcher is approved, and this study is not.
    let other = study::study("other", FIELDS).replace("EB 14/2026", "EB 99/2026");
    one(s.try_publish(&other));
    let file = s.researcher.path("other.tel");
    s.researcher
        .run(&["study", "offer", "other", "--out", file.to_str().unwrap()])
        .ok();
    let aino = s.person("Aino Korhonen", &record(1980, "female", "6.10"));
    assert_eq!(refused(&s.join(&aino, "other")), (4, "T-7005".to_owned()));
    // Who trusts nobody for it sends nothing, however good the study is.
    let mistrusts = s.person("Second person", &record(1980, "female", "6.10"));
    mistrusts.run(&["trust", "remove", "board"]).ok();
    assert_eq!(refused(&s.join(&mistrusts, "good")), (4, "T-7005".to_owned()));
    // One byte of the file is another.
    let good = s.researcher.path("good.tel");
    let mut bytes = std::fs::read(&good).unwrap();
    let at = bytes.windows(8).position(|w| w == b"schedule").unwrap();
    bytes[at] ^= 1;
    std::fs::write(aino.path("forged.tel"), bytes).unwrap();
    let forged = aino.run(&["--json", "study", "join", "forged.tel", "--yes"]);
    assert_eq!(refused(&forged), (4, "T-7001".to_owned()), "{}", forged.err);
    // Something else than a study.
    std::fs::write(aino.path("note.txt"), "not a study").unwrap();
    let note = one(aino.run(&["--json", "add", "note.txt"]));
    let no = aino.run(&["--json", "study", "show", note["id"].as_str().unwrap()]);
    assert_eq!(refused(&no), (2, "T-6083".to_owned()));

    // Approval withdrawn after she joined: nothing more leaves, and leaving works.
    one(s.join(&aino, "good"));
    // News of a withdrawal comes by a contact.
    let _ = meet(&s.researcher, &aino, "institute");
    s.board.run(&["attest", "withdraw", &s.approval]).ok();
    sync(&[&s.board, &s.researcher, &aino]);
    let late = aino.run(&["--json", "study", "send", "good"]);
    assert_eq!(refused(&late), (4, "T-7006".to_owned()), "{}", late.err);
    aino.run(&["study", "withdraw", "good"]).ok();
}

#[test]
fn a_study_that_does_not_hold_together_is_signed() {
    let folder = tempfile::tempdir().unwrap();
    let s = scene!(folder.path());
    let good = study::study("x", FIELDS);
    for (from, to, words) in [
        ("min-cell = 3", "min-cell = 2", "min-cell is at least 3"),
        (
            "elements = [\"effectiveDateTime\", \"valueQuantity\"]",
            "elements = [\"subject\"]",
            "no study gets",
        ),
        (
            "elements = [\"effectiveDateTime\", \"valueQuantity\"]",
            "elements = [\"note\"]",
            "no study gets",
        ),
        (
            "resource = \"Observation\"\nsystem",
            "resource = \"Patient\"\nsystem",
            "ten years of age and the sex",
        ),
        ("dates = \"month\"", "dates = \"minute\"", "dates is one of"),
        (
            "purpose = \"Whether a new schedule of visits helps\"",
            "purpose = \"\"",
            "without name, purpose",
        ),
        ("age = [18, 90]", "age = [90, 18]", "an age that nobody has"),
        ("name = \"sex\"", "name = \"shoe-size\"", "a field has a resource"),
        ("until = \"300d\"", "until = \"300d\"\nfees = 1", "line 5"),
    ] {
        assert!(good.contains(from), "{from}");
        let ran = s.try_publish(&good.replacen(from, to, 1));
        assert_eq!(refused(&ran), (2, "T-6012".to_owned()), "{to}: {}", ran.out);
        assert!(ran.err.contains(words), "{to}: {}", ran.err);
    }
}

/// Records of whole patients, where they lie beside the clone; the smallest ones.
fn real_records() -> Vec<std::path::PathBuf> {
    let folder = match std::env::var_os("TELESPHOR_FHIR_DATA") {
        Some(folder) => std::path::PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/fhir"),
    };
    let mut found: Vec<_> = std::fs::read_dir(folder.join("synthea-r4-bundles"))
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    found.sort_by_key(|path| path.metadata().map_or(u64::MAX, |m| m.len()));
    found.truncate(3);
    found
}

/// Everything in a record that says who it is of: names, addresses, numbers, days.
fn tells_who(value: &serde_json::Value, under: &str, into: &mut Vec<String>) {
    use serde_json::Value as V;
    const WHO: &[&str] = &[
        "family",
        "given",
        "line",
        "city",
        "postalCode",
        "id",
        "birthDate",
        "effectiveDateTime",
        "issued",
        "reference",
        "display",
        "text",
        "div",
    ];
    match value {
        V::Object(members) => members.iter().for_each(|(name, v)| tells_who(v, name, into)),
        V::Array(items) => items.iter().for_each(|v| tells_who(v, under, into)),
        V::String(text) if WHO.contains(&under) && text.len() > 3 => into.push(text.clone()),
        _ => {}
    }
}

#[test]
fn a_real_record_gives_a_study_more_than_it_named() {
    let records = real_records();
    if records.len() < 3 {
        eprintln!("not run: no real records beside the clone");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let s = scene!(folder.path());
    let text = study::study(
        "growth",
        r#"
[[field]]
name = "height"
resource = "Observation"
code = "8302-2"
elements = ["effectiveDateTime", "valueQuantity"]
newest = 1
"#,
    );
    // Anybody who was ever measured.
    let (head, _) = text.split_once("[[criterion]]").unwrap();
    let text = head.replace("\"month\"", "\"none\"");
    one(s.try_publish(&text));
    let file = s.researcher.path("growth.tel");
    s.researcher
        .run(&["study", "offer", "growth", "--out", file.to_str().unwrap()])
        .ok();
    let (mut who, mut most) = (Vec::new(), 0);
    for (n, path) in records.iter().enumerate() {
        let text = std::fs::read_to_string(path).unwrap();
        let record: serde_json::Value = serde_json::from_str(&text).unwrap();
        tells_who(&record, "", &mut who);
        let person = s.person(&format!("Person {n}"), &text);
        one(s.join(&person, "growth"));
        let seen = one(person.run(&["--json", "study", "show", "growth"]));
        let leaving = seen["leaving"].as_array().unwrap();
        assert_eq!(leaving.len(), 1, "{seen}");
        most += leaving.len();
    }
    sync(&[&s.researcher]);
    let rows = s.researcher.run(&["--json", "study", "collect", "growth"]).ok();
    let all = rows.json();
    assert_eq!(all.len(), most, "{all:?}");
    for row in &all {
        assert_eq!(
            (&row["field"], &row["element"]),
            (&"height".into(), &"valueQuantity".into())
        );
        let value = row["value"].as_object().unwrap();
        assert!(
            value
                .keys()
                .all(|k| ["value", "unit", "system", "code"].contains(&k.as_str()))
        );
    }
    assert!(who.len() > 500, "the records say little: {}", who.len());
    for word in who {
        assert!(!rows.out.contains(&word), "{word} left");
    }
}
