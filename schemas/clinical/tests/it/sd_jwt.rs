//! SD-JWT: others' vectors, and what a holder or reader must not be able to do with ours.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use telesphor_clinical::fields::select::select;
use telesphor_clinical::fields::units::FHIR_R4_BUNDLES;
use telesphor_clinical::fields::{leaves, path};
use telesphor_clinical::sdjwt::{Issued, SdJwt, SdJwtError, SignedBy, Terms, issue};
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::jws::{JwsKey, base64url, from_base64url};

fn data() -> Option<PathBuf> {
    let dir = match std::env::var_os("TELESPHOR_SD_JWT_DATA") {
        Some(dir) => PathBuf::from(dir),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/sd-jwt"),
    };
    dir.is_dir().then_some(dir)
}

#[test]
fn a_token_of_the_public_vectors_is_read_otherwise_than_its_makers_say() {
    let Some(dir) = data() else { return };
    let mut read = 0;
    for set in ["examples", "testcases"] {
        for case in std::fs::read_dir(dir.join(set)).unwrap() {
            let case = case.unwrap().path();
            let file = |name: &str| std::fs::read_to_string(case.join(name)).ok();
            let (Some(text), Some(wanted)) =
                (file("sd_jwt_presentation.txt"), file("verified_contents.json"))
            else {
                continue;
            };
            let token = SdJwt::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", case.display()));
            assert_eq!(token.to_text(), text.trim(), "{}", case.display());
            let claims = token
                .claims()
                .unwrap_or_else(|e| panic!("{}: {e}", case.display()));
            let wanted: Value = serde_json::from_str(&wanted).unwrap();
            assert_eq!(claims, wanted, "{}", case.display());
            let issued = SdJwt::parse(&file("sd_jwt_issuance.txt").unwrap()).unwrap();
            assert!(issued.claims().is_ok(), "{}", case.display());
            // One disclosure more, or another, is noticed.
            let mut more = token.clone();
            more.disclosures.push(base64url(br#"["salt","name",1]"#));
            assert!(more.claims().is_err(), "{}", case.display());
            read += 1;
        }
    }
    eprintln!("SD-JWT vectors read: {read}");
    assert!(read > 10);
}

const BODY: &str = r#"{"resourceType":"MedicationRequest","status":"active","intent":"order","doNotPerform":true,
"subject":{"reference":"Patient/1"},"medicationCodeableConcept":{"text":"Lithium"},"authoredOn":"2026","_authoredOn":{"id":"a"},
"note":[{"text":"a"},{"text":"b \"c\""}],"contained":[{"resourceType":"Medication","status":"inactive","code":{"text":"A"}},{"resourceType":"Unlisted","x":1}],
"dosageInstruction":[{"doseAndRate":[{"doseQuantity":{"value":1.50e2,"comparator":"<"}}]}]}"#;

fn key(n: u8) -> JwsKey {
    JwsKey::from_seed(&Secret::new([n; 32]))
}

fn issued(body: &str, wanted: &[&str], bound: Option<(&str, &str)>) -> Issued {
    let all = leaves(body.as_bytes(), FHIR_R4_BUNDLES).unwrap();
    let wanted: Vec<_> = wanted.iter().map(|t| path::parse(t).unwrap()).collect();
    let chosen: BTreeSet<_> = select(&all, &wanted)
        .unwrap()
        .into_iter()
        .map(|l| l.path.clone())
        .collect();
    let terms = Terms {
        by: SignedBy::Holder,
        issuer: IdentityId([1; 32]),
        author: IdentityId([2; 32]),
        at: 1_795_176_000,
        bound,
    };
    issue(&all, &chosen, &terms, &key(3))
}

#[test]
fn what_is_shown_is_read_back_and_nothing_else_is_in_the_token() {
    let token = issued(BODY, &["note[1]", "authoredOn", "contained[0].code"], None).token;
    let claims = token.verified(&key(3).public(), None).unwrap();
    assert_eq!(
        claims["resource"],
        json!({"resourceType":"MedicationRequest","status":"active","intent":"order","doNotPerform":true,
            "authoredOn":"2026","_authoredOn":{"id":"a"},"note":[{"text":"b \"c\""}],
            "contained":[{"resourceType":"Medication","status":"inactive","code":{"text":"A"}}]})
    );
    assert_eq!(claims["signed_by"], "holder");
    assert!(claims["note"].as_str().unwrap().contains("does not cover"));
    let mut all = token.to_text();
    for piece in token.to_text().split(['~', '.']) {
        all.push_str(&String::from_utf8_lossy(
            &from_base64url(piece).unwrap_or_default(),
        ));
    }
    for hidden in [
        "Lithium",
        "Patient/1",
        "1.50e2",
        "dosageInstruction",
        "medicationCodeableConcept",
    ] {
        assert!(!all.contains(hidden), "{hidden}");
    }
    assert!(token.verified(&key(4).public(), None).is_err());
}

#[test]
fn everything_shown_is_the_whole_resource_and_numbers_stay_as_written() {
    let issued = issued(BODY, &["$"], None);
    let claims = issued.token.verified(&key(3).public(), None).unwrap();
    assert_eq!(claims["resource"], serde_json::from_str::<Value>(BODY).unwrap());
    assert_eq!(issued.all, issued.token.disclosures.len());
    let raw: Vec<String> = issued
        .token
        .disclosures
        .iter()
        .map(|d| String::from_utf8(from_base64url(d).unwrap()).unwrap())
        .collect();
    assert!(raw.iter().any(|d| d.contains("1.50e2")));
    let bundle = format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"fullUrl":"urn:1","resource":{BODY}}}]}}"#
    );
    let claims = self::issued(&bundle, &["$"], None).token.claims().unwrap();
    assert_eq!(
        claims["resource"],
        serde_json::from_str::<Value>(&bundle).unwrap()
    );
    let unlisted = r#"{"resourceType":"Unlisted","a":[1.50]}"#;
    let claims = self::issued(unlisted, &["$"], None).token.claims().unwrap();
    assert_eq!(
        claims["resource"],
        serde_json::from_str::<Value>(unlisted).unwrap()
    );
}

#[test]
fn the_number_of_members_and_the_length_of_a_list_do_not_show() {
    let digests = |body: &str| {
        let claims = issued(body, &["gender"], None).token;
        let payload = from_base64url(claims.token.split('.').nth(1).unwrap()).unwrap();
        let payload: Value = serde_json::from_slice(&payload).unwrap();
        payload["resource"]["_sd"].as_array().unwrap().len()
    };
    let five = r#"{"resourceType":"Patient","gender":"male","a":1,"b":1,"c":1,"d":1}"#;
    let eight = r#"{"resourceType":"Patient","gender":"male","a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1}"#;
    assert_eq!(digests(five), digests(eight));
}

#[test]
fn a_token_for_another_reader_question_or_with_parts_taken_off_is_refused() {
    let holder = key(3).public();
    let token = issued(BODY, &["note"], Some(("pharmacy", "q1"))).token;
    assert!(token.verified(&holder, Some(("pharmacy", "q1"))).is_ok());
    for (reader, question) in [("pharmacy", "q2"), ("another", "q1")] {
        let refused = token.verified(&holder, Some((reader, question)));
        assert_eq!(refused, Err(SdJwtError::Binding));
    }
    let mut fewer = token.clone();
    fewer.disclosures.pop();
    assert!(fewer.verified(&holder, Some(("pharmacy", "q1"))).is_err());
    let mut unbound = token;
    unbound.binding = None;
    assert_eq!(
        unbound.verified(&holder, Some(("pharmacy", "q1"))),
        Err(SdJwtError::Binding)
    );
}

#[test]
fn a_token_put_together_by_hand_is_refused() {
    let with = |payload: Value, disclosures: &[Value]| {
        let disclosures: Vec<String> = disclosures
            .iter()
            .map(|d| base64url(d.to_string().as_bytes()))
            .collect();
        let mut text = payload.to_string();
        for (i, d) in disclosures.iter().enumerate() {
            text = text.replace(&format!("#{i}"), &telesphor_clinical::sdjwt::digest(d));
        }
        let token = key(3).sign(r#"{"alg":"EdDSA"}"#, &text);
        SdJwt {
            token,
            disclosures,
            binding: None,
        }
        .claims()
    };
    let name = json!(["s", "a", 1]);
    assert_eq!(
        with(json!({"_sd":["#0"]}), std::slice::from_ref(&name)),
        Ok(json!({"a":1}))
    );
    for (payload, disclosures) in [
        (json!({"_sd":["#0"],"b":{"_sd":["#0"]}}), vec![name.clone()]),
        (json!({"_sd":["#0"],"a":2}), vec![name.clone()]),
        (json!({"_sd":["#0"]}), vec![json!(["s", "_sd", 1])]),
        (json!({"_sd":["#0"]}), vec![json!(["s", "...", 1])]),
        (json!({"_sd":["#0"]}), vec![json!(["s", 1])]),
        (json!({"_sd":[1]}), vec![]),
        (json!({"_sd":"x"}), vec![]),
        (json!({"l":[{"...":"#0"}]}), vec![name.clone()]),
        (json!({"l":[{"...":1}]}), vec![]),
        (json!({"...":1}), vec![]),
        (json!({"x":1}), vec![name.clone()]),
        (json!({"_sd":["#0"]}), vec![json!({"a":1})]),
        (json!({"_sd_alg":"sha-1","_sd":["#0"]}), vec![name.clone()]),
        (json!({"_sd_alg":7}), vec![]),
    ] {
        assert!(with(payload.clone(), &disclosures).is_err(), "{payload}");
    }
    for text in ["", "~", "a.b~", "a.b.c", "a.b.c~~", "a.b.c~x"] {
        assert!(SdJwt::parse(text).and_then(|t| t.claims()).is_err(), "{text}");
    }
}
