//! The field tree and the scanner under it.

use proptest::prelude::*;
use telesphor_clinical::fields::json::{JsonFaultKind, Node, scan};
use telesphor_clinical::fields::units::FHIR_R4;
use telesphor_clinical::fields::{Leaf, LeafKind, Step, Tree, forced, leaf_salt, leaves, root, root_of};
use telesphor_clinical::limits::FIELD_BUCKETS;
use telesphor_wire::canonical;
use telesphor_wire::hash::{Digest, Secret};

const BODY: &str = r#"{"resourceType":"MedicationRequest","id":"1","_status":{"id":"s"},"status":"active","intent":"order",
"doNotPerform":true,"implicitRules":"x","authoredOn":"2020","_authoredOn":{"id":"a"},"priority":"stat",
"contained":[{"resourceType":"Medication","status":"inactive","code":{"text":"A"}},{"resourceType":"Unlisted","a":1.50}],
"dosageInstruction":[{"doseAndRate":[{"doseQuantity":{"value":1.50e2,"comparator":"<"}}]},{"text":"B"}]}"#;

fn name(n: &str) -> Step {
    Step::Name(n.into())
}

fn find<'a>(all: &'a [Leaf], path: &[Step]) -> &'a Leaf {
    all.iter().find(|l| l.path == path).unwrap()
}

fn names(leaf: &Leaf) -> Vec<&str> {
    leaf.content.iter().map(|(n, _)| n.as_str()).collect()
}

#[test]
fn a_part_without_do_not_perform_cannot_be_shown() {
    let all = leaves(BODY.as_bytes(), FHIR_R4).unwrap();
    let guard = find(&all, &[]);
    assert_eq!(guard.kind, LeafKind::Guard);
    assert_eq!(
        names(guard),
        [
            "resourceType",
            "_status",
            "status",
            "intent",
            "doNotPerform",
            "implicitRules"
        ]
    );
    assert!(
        all.iter().all(|l| l.path != [name("doNotPerform")]),
        "it must not stand alone as well"
    );

    let dose = vec![name("dosageInstruction"), Step::Index(0)];
    assert_eq!(forced(&all, &[dose]), [guard]);
    let inner = vec![name("contained"), Step::Index(0), name("code")];
    let must: Vec<_> = forced(&all, &[inner])
        .into_iter()
        .map(|l| l.path.clone())
        .collect();
    assert_eq!(must, [vec![], vec![name("contained"), Step::Index(0)]]);
}

#[test]
fn a_dose_is_never_taken_apart_and_numbers_stay_as_written() {
    let all = leaves(BODY.as_bytes(), FHIR_R4).unwrap();
    let dose = find(&all, &[name("dosageInstruction"), Step::Index(0)]);
    assert_eq!(dose.kind, LeafKind::Unit);
    assert_eq!(
        &dose.content[0].1[..],
        br#"{"doseAndRate":[{"doseQuantity":{"value":1.50e2,"comparator":"<"}}]}"#
    );
    let unlisted = find(&all, &[name("contained"), Step::Index(1)]);
    assert_eq!(
        &unlisted.content[0].1[..],
        br#"{"resourceType":"Unlisted","a":1.50}"#
    );
}

#[test]
fn a_list_has_its_length_and_a_primitive_its_extension() {
    let all = leaves(BODY.as_bytes(), FHIR_R4).unwrap();
    let length = find(&all, &[name("dosageInstruction")]);
    assert_eq!(
        (length.kind, &length.content[0].1[..]),
        (LeafKind::ArrayLength, &b"2"[..])
    );
    assert_eq!(
        names(find(&all, &[name("authoredOn")])),
        ["authoredOn", "_authoredOn"]
    );
    assert!(all.iter().all(|l| l.path != [name("_authoredOn")]));
}

#[test]
fn every_byte_of_a_resource_lies_in_exactly_one_leaf() {
    let all = leaves(BODY.as_bytes(), FHIR_R4).unwrap();
    let value = scan(BODY.as_bytes(), 1 << 20).unwrap();
    let Node::Object(members) = &value.node else {
        panic!()
    };
    for (member, value) in members {
        let holding = all.iter().filter(|l| {
            l.content
                .iter()
                .any(|(n, raw)| n == member && raw[..] == *value.raw.as_bytes())
        });
        let split = matches!(value.node, Node::Array(_));
        assert_eq!(holding.count(), usize::from(!split), "{member}");
    }
}

#[test]
fn equal_paths_never_meet_in_one_tree() {
    let all = leaves(BODY.as_bytes(), FHIR_R4).unwrap();
    let mut paths: Vec<_> = all.iter().map(|l| &l.path).collect();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), all.len());
}

#[test]
fn the_number_of_fields_is_hidden_by_the_bucket() {
    let seed = Secret::random();
    for (members, bucket) in [(3, 64), (70, 256), (300, 1024)] {
        let list: Vec<String> = (0..members).map(|i| format!(r#""e{i}":{i}"#)).collect();
        let body = format!(r#"{{"resourceType":"Patient",{}}}"#, list.join(","));
        assert_eq!(root(body.as_bytes(), &seed, FHIR_R4).unwrap().bucket, bucket);
    }
}

#[test]
fn a_path_is_a_list_of_strings_and_numbers_on_the_wire() {
    let path = vec![name("a"), Step::Index(300)];
    assert_eq!(canonical::encode(&path), [0x92, 0xa1, b'a', 0xcd, 0x01, 0x2c]);
    assert_eq!(
        canonical::decode::<Vec<Step>>(&canonical::encode(&path)).unwrap(),
        path
    );
}

#[test]
fn a_fault_is_named_with_its_place() {
    let fault = scan(br#"{"entry":[{},{"resource":{"code":1,"code":2}}]}"#, 1000).unwrap_err();
    assert_eq!(fault.kind, JsonFaultKind::DuplicateName);
    assert_eq!(fault.path, "$.entry[1].resource.code");
    for (text, kind) in [
        (&b"{\"a\":\"\xff\"}"[..], JsonFaultKind::NotUtf8),
        (b"{\"a\":[1,", JsonFaultKind::Unfinished),
        (b"", JsonFaultKind::Unfinished),
        (b"{\"a\":1,}", JsonFaultKind::Syntax),
        (b"[1,]", JsonFaultKind::Syntax),
        (b"\"\x01\"", JsonFaultKind::Syntax),
        (b"nul", JsonFaultKind::Syntax),
        (b"-", JsonFaultKind::Unfinished),
        (b"1.e3", JsonFaultKind::Syntax),
        (br#""\udc00""#, JsonFaultKind::LoneSurrogate),
        (br#""\ud83d\u0041""#, JsonFaultKind::LoneSurrogate),
    ] {
        assert_eq!(
            scan(text, 1000).unwrap_err().kind,
            kind,
            "{}",
            String::from_utf8_lossy(text)
        );
    }
    assert_eq!(scan(b"[[]]", 2).unwrap_err().kind, JsonFaultKind::TooLarge);
    let deep = "[".repeat(100_000);
    assert_eq!(
        scan(deep.as_bytes(), 1 << 20).unwrap_err().kind,
        JsonFaultKind::TooDeep
    );
}

#[test]
fn an_escaped_string_is_read_and_kept_as_written() {
    let value = scan(br#" "a\u00e9\ud83d\ude00\n\/" "#, 100).unwrap();
    assert_eq!(value.text(), Some("a\u{e9}\u{1f600}\n/"));
    assert_eq!(value.raw, r#""a\u00e9\ud83d\ude00\n\/""#);
}

proptest! {
    #[test]
    fn the_scanner_neither_panics_nor_disagrees_with_another_reader(text in "[\\[\\]{}:,\"a\\\\u0-9eE+. tfn-]{0,40}") {
        let ours = scan(text.as_bytes(), 1000);
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        match ours {
            Ok(_) => prop_assert!(theirs.is_ok() || theirs.unwrap_err().to_string().contains("out of range")),
            // We refuse more: names that stand twice.
            Err(fault) => prop_assert!(theirs.is_err() || fault.kind == JsonFaultKind::DuplicateName),
        }
    }

    #[test]
    fn the_scanner_takes_any_bytes_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = scan(&bytes, 1000);
    }

    #[test]
    fn every_leaf_has_a_proof_and_no_other_value_has(count in 1usize..300, at in any::<prop::sample::Index>(), seed: [u8; 32]) {
        let seed = Secret::new(seed);
        let hashes: Vec<Digest> = (0..count as u32)
            .map(|i| Leaf { path: vec![Step::Index(i)], kind: LeafKind::Unit, content: Vec::new() })
            .map(|l| l.digest(&leaf_salt(&seed, &l.path)))
            .collect();
        let leaf = hashes[at.index(count)];
        let tree = Tree::new(hashes, &seed).unwrap();
        prop_assert!(FIELD_BUCKETS.contains(&tree.bucket()));
        let (index, mut path) = tree.proof(&leaf).unwrap();
        prop_assert_eq!(root_of(leaf, index, tree.bucket(), &path), Some(tree.root()));
        prop_assert_ne!(root_of(leaf, index ^ 1, tree.bucket(), &path), Some(tree.root()));
        prop_assert_ne!(root_of(Digest([0; 32]), index, tree.bucket(), &path), Some(tree.root()));
        path.pop();
        prop_assert_eq!(root_of(leaf, index, tree.bucket(), &path), None);
        prop_assert_eq!(tree.proof(&Digest([0; 32])), None);
    }
}
