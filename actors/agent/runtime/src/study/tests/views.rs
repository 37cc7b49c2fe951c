//! Exactly what leaves a record for a study, and exactly what each of the two who add up holds.

use std::collections::BTreeSet;

use serde_json::Value;
use telesphor_clinical::study::word::ToStudy;
use telesphor_vault::{Records, Table};

use super::super::record::{Half, halves, people};
use super::{Scene, row, sums};
use crate::core::Core;

/// The names of all members of a value, with their ways.
fn names(value: &Value, way: &str, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                names(inner, &format!("{way}.{name}"), into);
            }
        }
        Value::Array(items) if !items.iter().all(Value::is_number) => {
            for inner in items {
                names(inner, way, into);
            }
        }
        _ => into.push(way.to_owned()),
    }
}

/// Each way once.
fn form(value: &impl serde::Serialize) -> BTreeSet<String> {
    let mut all = Vec::new();
    names(&serde_json::to_value(value).unwrap(), "", &mut all);
    all.into_iter().collect()
}

fn ways<const N: usize>(under: &str, all: [&str; N]) -> BTreeSet<String> {
    all.iter().map(|way| format!("{under}.{way}")).collect()
}

/// What a half says beside its signature.
const SHARE: [&str; 7] = ["version", "study", "task", "key", "public", "half", "ext"];

fn holds(core: &Core, what: &[u8]) -> bool {
    let snapshot = core.read().unwrap();
    let within = |bytes: &[u8]| bytes.windows(what.len()).any(|w| w == what);
    Table::ALL.iter().any(|table| {
        let all = snapshot.scan(*table).unwrap();
        all.iter().any(|(name, bytes)| within(name) || within(bytes))
    })
}

#[test]
fn a_delivery_holds_anything_but_the_list_of_named_values() {
    let mut s = Scene::set();
    let id = s.publish("diabetes-2027", Vec::new());
    s.join(false, "diabetes-2027");
    let lies = s.lies_at(&id, None);
    let [ToStudy::Join(join), ToStudy::Rows(delivery)] = &lies[..] else {
        panic!("a join and a delivery, and nothing else: {lies:?}");
    };
    let named = vec![
        row(
            0,
            &[
                ("effectiveDateTime", "\"2026-03\""),
                ("valueQuantity", r#"{"value":6.10,"unit":"%"}"#),
            ],
        ),
        row(1, &[("age-band", "\"40-49\"")]),
    ];
    assert_eq!(delivery.said.rows, named);
    let said = [
        "version",
        "study",
        "key",
        "number",
        "rows.field",
        "rows.parts.element",
        "rows.parts.json",
        "ext",
    ];
    assert_eq!(form(delivery), &ways(".said", said) | &ways("", ["signature"]));
    let joined = ["version", "study", "key", "answer", "ext"];
    assert_eq!(form(join), &ways(".join", joined) | &ways("", ["signature"]));
    // The key is of this study alone, and nobody's.
    assert_eq!(join.join.key, delivery.said.key);
    assert_ne!(join.join.key, s.aino.keys.endpoint.public());
    s.talk();
    let kept = people(&s.institute.read().unwrap(), &id).unwrap();
    assert_eq!((kept.len(), &kept[0].rows), (1, &named));
    for word in [
        "Korhonen",
        "Kuopio",
        "L-4711",
        "lives alone",
        "2026-03-21",
        "1980-05",
    ] {
        assert!(
            !holds(&s.institute, word.as_bytes()),
            "the researcher holds {word}"
        );
    }
}

#[test]
fn one_who_adds_up_holds_a_number_or_tells_one_person_from_another() {
    let mut s = Scene::set();
    let id = s.publish("diabetes-2027", sums());
    s.join(false, "diabetes-2027");
    s.join(true, "diabetes-2027");
    for at in [0, 1] {
        let lies = s.lies_at(&id, Some(at));
        let shares: Vec<_> = lies
            .iter()
            .map(|word| match word {
                ToStudy::Share(share) => share,
                other => panic!("something else lies at the desk: {other:?}"),
            })
            .collect();
        assert_eq!(shares.len(), 2);
        for share in &shares {
            assert_eq!(form(share), &ways(".share", SHARE) | &ways("", ["signature"]));
        }
        // 6.10 and 8.30 look alike: the same lengths, and no byte in common by more than chance.
        let [one, other] = [&shares[0].share, &shares[1].share];
        assert_eq!(
            (one.public.len(), one.half.len()),
            (other.public.len(), other.half.len())
        );
        assert_ne!(one.half, other.half);
    }
    s.talk();
    s.first.write(|ctx| ctx.tend_studies()).unwrap();
    s.talk();
    // Checked between the two: each holds its half, the question and the answer, and its part.
    let people = [&s.aino, &s.bert].map(|p| (p.profile.identity.0, p.keys.endpoint.public().0));
    let rows = super::super::record::people(&s.institute.read().unwrap(), &id).unwrap();
    for adder in [&s.first, &s.second] {
        let kept: Vec<Half> = halves(&adder.read().unwrap(), &id, 0).unwrap();
        assert_eq!(kept.len(), 2);
        let beside = ["signed.signature", "state", "part", "asked", "answer"];
        let wanted = &ways(".signed.share", SHARE) | &ways("", beside);
        assert!(
            kept.iter().all(|half| form(half) == wanted),
            "{:?}",
            form(&kept[0])
        );
        for half in &kept {
            assert!(!half.part.is_empty(), "it was found good");
            // Nobody's rows go under the key of a sum.
            assert!(rows.iter().all(|p| p.key != half.signed.share.key));
        }
        assert_ne!(kept[0].part, kept[1].part);
        for (identity, key) in people {
            assert!(!holds(adder, &identity) && !holds(adder, &key), "who it was");
        }
        for word in [
            "Korhonen",
            "Kuopio",
            "\"value\":6.10",
            "\"value\":8.30",
            "age-band",
        ] {
            assert!(!holds(adder, word.as_bytes()), "one who adds up holds {word}");
        }
    }
}
