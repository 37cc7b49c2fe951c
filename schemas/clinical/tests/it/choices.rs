//! Choosing parts, and proving several at once.

use proptest::prelude::*;
use telesphor_clinical::fields::proof::root_of_all;
use telesphor_clinical::fields::select::{NotAPart, select};
use telesphor_clinical::fields::units::{FHIR_R4, FHIR_R4_BUNDLES};
use telesphor_clinical::fields::{Leaf, LeafKind, Path, Tree, leaf_salt, leaves, new_root, path, root_of};
use telesphor_wire::hash::{Digest, Secret};

const ORDER: &str = r#"{"resourceType":"MedicationRequest","status":"active","intent":"order","doNotPerform":true,
"subject":{"reference":"Patient/1"},"medicationCodeableConcept":{"text":"Lithium"},"note":[{"text":"a"},{"text":"b"}],
"contained":[{"resourceType":"Medication","status":"inactive","code":{"text":"A"}}],
"dosageInstruction":[{"doseAndRate":[{"doseQuantity":{"value":1.50e2,"comparator":"<"}}]},{"text":"B"}]}"#;

fn paths(texts: &[&str]) -> Vec<Path> {
    texts.iter().map(|t| path::parse(t).unwrap()).collect()
}

#[test]
fn a_part_of_a_part_cannot_be_chosen_and_the_answer_says_what_can() {
    let all = leaves(ORDER.as_bytes(), FHIR_R4_BUNDLES).unwrap();
    let choose = |text: &str| select(&all, &paths(&[text])).map(|s| s.len());
    assert_eq!(
        choose("medicationCodeableConcept.text"),
        Err(NotAPart::Inside {
            path: "medicationCodeableConcept.text".into(),
            unit: "medicationCodeableConcept".into()
        })
    );
    assert_eq!(choose("nothing"), Err(NotAPart::Nothing("nothing".into())));
    assert_eq!(choose("note[2]"), Err(NotAPart::Nothing("note[2]".into())));
    assert_eq!(choose("doNotPerform"), Ok(1), "the guard shows it");
    assert_eq!(choose("$"), Ok(all.len()));
    let bare = leaves(br#"{"resourceType":"Patient","active":true}"#, FHIR_R4_BUNDLES).unwrap();
    assert_eq!(
        select(&bare, &paths(&["$"])).map(|s| s.len()),
        Ok(1),
        "nothing but a guard"
    );
    assert_eq!(select(&[], &paths(&["a"])), Err(NotAPart::NoParts));
}

#[test]
fn a_bundle_of_too_many_parts_is_signed_as_one() {
    let patient = r#"{"resource":{"resourceType":"Patient","id":"1","gender":"male","active":true,"birthDate":"2000"}}"#;
    let entries = vec![patient; 5000].join(",");
    let bundle = format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{entries}]}}"#);
    let root = new_root(bundle.as_bytes(), &Secret::random()).unwrap();
    assert_eq!((root.table, root.bucket), (FHIR_R4, 64));
}

#[test]
fn a_path_is_read_as_it_is_shown() {
    for text in [
        "code",
        "item[0].productOrService",
        "entry[3].resource.note[1]",
        "$",
    ] {
        assert_eq!(path::words(&path::parse(text).unwrap()), text);
    }
    for bad in [
        ".",
        "a..b",
        "a[",
        "a[x]",
        "a[]",
        "a]b",
        "a[0]b",
        "a[99999999999]",
        "a[-1]",
    ] {
        assert!(path::parse(bad).is_err(), "{bad}");
    }
    assert!(path::parse(&"a.".repeat(65)).is_err());
}

proptest! {
    #[test]
    fn any_choice_of_leaves_is_proved_and_no_other_leaf_is(count in 1usize..300, picks in prop::collection::btree_set(0usize..300, 1..40), seed: [u8; 32]) {
        let seed = Secret::new(seed);
        let hashes: Vec<Digest> = (0..count as u32)
            .map(|i| Leaf { path: vec![telesphor_clinical::fields::Step::Index(i)], kind: LeafKind::Unit, content: Vec::new() })
            .map(|l| l.digest(&leaf_salt(&seed, &l.path)))
            .collect();
        let tree = Tree::new(hashes.clone(), &seed).unwrap();
        let mut known: Vec<(u32, Digest)> = picks
            .iter()
            .filter_map(|p| hashes.get(*p))
            .map(|d| (tree.place(d).unwrap(), *d))
            .collect();
        prop_assume!(!known.is_empty());
        known.sort();
        let places: Vec<u32> = known.iter().map(|(p, _)| *p).collect();
        let siblings = tree.siblings(&places).unwrap();
        prop_assert_eq!(root_of_all(tree.bucket(), &known, &siblings), Some(tree.root()));
        // As good as one proof for each.
        for (place, digest) in &known {
            let (at, single) = tree.proof(digest).unwrap();
            prop_assert_eq!(at, *place);
            prop_assert_eq!(root_of(*digest, at, tree.bucket(), &single), Some(tree.root()));
        }
        let mut other = known.clone();
        other[0].1 = Digest([0; 32]);
        prop_assert_ne!(root_of_all(tree.bucket(), &other, &siblings), Some(tree.root()));
        let mut longer = siblings.clone();
        longer.push(Digest([0; 32]));
        prop_assert_eq!(root_of_all(tree.bucket(), &known, &longer), None);
        if !siblings.is_empty() {
            prop_assert_eq!(root_of_all(tree.bucket(), &known, &siblings[1..]), None);
        }
        known.reverse();
        if known.len() > 1 {
            prop_assert_eq!(root_of_all(tree.bucket(), &known, &siblings), None);
        }
    }
}
