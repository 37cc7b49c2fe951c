//! Taking in FHIR: what a Bundle becomes, and what is proposed for it.

use telesphor_clinical::fhir::{IntakeError, LeftWhy, Proposal, check, take_in, take_in_lines};
use telesphor_clinical::header::{DocumentKind, Status};

fn one(resource: &str) -> Proposal {
    take_in(resource.as_bytes()).unwrap().taken.remove(0)
}

fn names(proposal: &Proposal) -> Vec<&str> {
    proposal.scopes.iter().map(|s| s.as_str()).collect()
}

#[test]
fn a_bundle_becomes_one_document_per_resource_with_its_own_bytes() {
    let bundle = "{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[ {\"resource\": {\"resourceType\":\"Patient\",\n  \"id\":\"7\", \"name\":[{\"family\":\"Korhonen\",\"given\":[\"Aino\"]}]} },{\"fullUrl\":\"urn:x\"}]}";
    let intake = take_in(bundle.as_bytes()).unwrap();
    assert_eq!(intake.taken.len(), 1);
    let patient = &intake.taken[0];
    assert_eq!(patient.body, b"{\"resourceType\":\"Patient\",\n  \"id\":\"7\", \"name\":[{\"family\":\"Korhonen\",\"given\":[\"Aino\"]}]}");
    assert_eq!(patient.title.as_str(), "Patient: Aino Korhonen");
    assert_eq!(patient.path, "$.entry[0].resource");
    assert_eq!(patient.patient.as_deref(), Some("Patient/7"));
    let left: Vec<_> = intake.left.iter().map(|l| (l.path.as_str(), l.why)).collect();
    assert_eq!(left, [("$.entry[1].resource", LeftWhy::NoResource)]);
}

#[test]
fn a_fault_anywhere_refuses_the_whole_file_with_its_place() {
    let refused = take_in(br#"{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient"}},{"resource":{"resourceType":"Patient","id":"1","id":"2"}}]}"#);
    let Err(IntakeError::Json(fault)) = refused else {
        panic!("taken")
    };
    assert_eq!(fault.path, "$.entry[1].resource.id");
    assert_eq!(take_in(br#"{"a":1}"#), Err(IntakeError::NotFhir));
    let lines = take_in_lines(b"{\"resourceType\":\"Patient\"}\n\n{\"resourceType\":\n");
    assert!(matches!(lines, Err(IntakeError::Line(3, _))));
}

fn faults(file: &str) -> Vec<(String, String)> {
    match take_in(file.as_bytes()) {
        Err(IntakeError::Invalid(faults)) => faults.first.into_iter().map(|f| (f.path, f.what)).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_not_fhir_is_refused_with_the_place_of_the_fault() {
    let bad = r#"{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Observation","status":"final",
        "code":{"text":"K"},"valueQuantity":{"value":"5.1"},"effectiveDateTime":"soon","extension":[]}},{"resource":{"id":"1"}}]}"#;
    let at = |path: &str| format!("Bundle.entry[0].resource.{path}");
    let found = faults(bad);
    for path in ["valueQuantity.value", "effectiveDateTime", "extension"] {
        assert!(found.iter().any(|(p, _)| *p == at(path)), "{path}: {found:?}");
    }
    assert!(
        found
            .iter()
            .any(|(p, w)| p == "Bundle.entry[1].resource" && w.contains("resourceType"))
    );
    let text = take_in(bad.as_bytes()).unwrap_err().to_string();
    assert!(
        text.starts_with("not valid FHIR R4, at Bundle.entry[0].resource."),
        "{text}"
    );

    let lines = take_in_lines(
        b"{\"resourceType\":\"Patient\"}\n{\"resourceType\":\"Observation\",\"status\":\"final\"}\n",
    );
    let Err(IntakeError::InvalidLine(2, faults)) = lines else {
        panic!("{lines:?}")
    };
    assert_eq!(faults.first[0].path, "Observation.code");
    assert!(matches!(
        check(br#"{"resourceType":"Nonsense"}"#),
        Err(IntakeError::Invalid(_))
    ));
    assert_eq!(check(br#"{"resourceType":"Patient"}"#), Ok(()));
}

#[test]
fn a_refusal_repeats_nothing_of_what_stands_there() {
    let secret = "Hepatitis is not a joke";
    for value in [
        format!(r#""birthDate":"{secret}""#),
        format!(r#""gender":" {secret}""#),
        format!(r#""active":"{secret}""#),
        format!(r#""multipleBirthInteger":"{secret}""#),
        r#""multipleBirthInteger":12.75"#.to_owned(),
        format!(r#""contained":[{{"resourceType":"{secret}"}}]"#),
        format!(r#""photo":[{{"data":"{secret}"}}]"#),
    ] {
        let text = take_in(format!(r#"{{"resourceType":"Patient",{value}}}"#).as_bytes())
            .unwrap_err()
            .to_string();
        assert!(
            !text.contains("Hepatitis") && !text.contains("12.75") && !text.contains("joke"),
            "{text}"
        );
    }
}

#[test]
fn a_file_full_of_faults_makes_no_endless_message() {
    let members: Vec<String> = (0..3000).map(|i| format!(r#""e{i}":1"#)).collect();
    let file = format!(r#"{{"resourceType":"Patient",{}}}"#, members.join(","));
    let text = take_in(file.as_bytes()).unwrap_err().to_string();
    assert!(text.len() < 1000 && text.ends_with("and 2995 more"), "{text}");
}

#[test]
fn an_observation_shows_its_value_as_it_was_written() {
    let bp = one(
        r#"{"resourceType":"Observation","status":"amended","category":[{"coding":[{"code":"vital-signs"}]}],
        "code":{"coding":[{"code":"29463-7","display":"Body Weight"}]},"subject":{"reference":"Patient/1"},
        "effectiveDateTime":"2020-01-02T03:04:05+02:00","valueQuantity":{"value":70.10,"unit":"kg"}}"#,
    );
    assert_eq!(bp.title.as_str(), "Body Weight: 70.10 kg");
    assert_eq!((bp.kind, bp.status), (DocumentKind::Result, Status::Amended));
    assert_eq!(
        bp.effective.as_ref().unwrap().to_string(),
        "2020-01-02T03:04:05+02:00"
    );
    assert_eq!(names(&bp), ["vitals"]);
    assert_eq!(bp.patient.as_deref(), Some("Patient/1"));
}

#[test]
fn lithium_is_proposed_as_psychiatric_wherever_it_stands() {
    let request = one(
        r#"{"resourceType":"MedicationRequest","status":"active","intent":"order","subject":{"reference":"Patient/1"},"medicationCodeableConcept":{"coding":[{"display":"lithium carbonate 300 MG"}]}}"#,
    );
    assert_eq!(names(&request), ["medication", "psychiatry"]);
    assert_eq!(
        request.sensitivity.iter().map(|s| s.as_str()).collect::<Vec<_>>(),
        ["psychiatry"]
    );
    let contained = one(
        r#"{"resourceType":"MedicationRequest","status":"active","intent":"order","subject":{"reference":"Patient/1"},"contained":[{"resourceType":"Medication","code":{"text":"Sertraline"}}],"medicationReference":{"display":"m"}}"#,
    );
    assert!(names(&contained).contains(&"psychiatry"));
    let bill = one(
        r#"{"resourceType":"Claim","status":"active","use":"claim","type":{"text":"t"},"patient":{"reference":"Patient/1"},"created":"2026-01-01","provider":{"display":"p"},"priority":{"text":"n"},"insurance":[{"sequence":1,"focal":true,"coverage":{"display":"c"}}],"item":[{"sequence":1,"productOrService":{"text":"Major depressive disorder, heart failure"}}]}"#,
    );
    assert_eq!(
        names(&bill),
        ["billing", "psychiatry"],
        "a bill about the heart is no heart document"
    );
}

#[test]
fn a_word_inside_another_or_in_a_name_makes_no_scope() {
    let burn = one(
        r#"{"resourceType":"Condition","subject":{"reference":"Patient/1"},"code":{"text":"Heartburn"}}"#,
    );
    assert_eq!(names(&burn), ["conditions"]);
    let ecg = one(
        r#"{"resourceType":"Condition","subject":{"reference":"Patient/1"},"code":{"text":"ST depression"}}"#,
    );
    assert_eq!(names(&ecg), ["conditions"]);
    let doctor = one(r#"{"resourceType":"Practitioner","name":[{"text":"Dr Heart Depression"}]}"#);
    assert_eq!(names(&doctor), ["administrative"]);
    let asked = one(
        r#"{"resourceType":"Procedure","status":"completed","subject":{"reference":"Patient/1"},"code":{"text":"Suture"},"performer":[{"actor":{"display":"Psychiatric clinic"}}]}"#,
    );
    assert_eq!(names(&asked), ["procedures"]);
}

#[test]
fn what_was_entered_in_error_is_not_taken_as_final() {
    for resource in [
        r#"{"resourceType":"Observation","status":"entered-in-error","code":{"text":"K"}}"#,
        r#"{"resourceType":"Condition","subject":{"reference":"Patient/1"},"verificationStatus":{"coding":[{"code":"entered-in-error"}]},"code":{"text":"K"}}"#,
    ] {
        assert_eq!(one(resource).status, Status::EnteredInError);
    }
}
