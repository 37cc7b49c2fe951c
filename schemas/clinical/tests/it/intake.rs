//! Taking in FHIR: what a Bundle becomes, and what is proposed for it.

use telesphor_clinical::fhir::{IntakeError, LeftWhy, Proposal, take_in, take_in_lines};
use telesphor_clinical::header::{DocumentKind, Status};

fn one(resource: &str) -> Proposal {
    take_in(resource.as_bytes()).unwrap().taken.remove(0)
}

fn names(proposal: &Proposal) -> Vec<&str> {
    proposal.scopes.iter().map(|s| s.as_str()).collect()
}

#[test]
fn a_bundle_becomes_one_document_per_resource_with_its_own_bytes() {
    let bundle = "{\"resourceType\":\"Bundle\",\"entry\":[ {\"resource\": {\"resourceType\":\"Patient\",\n  \"id\":\"7\", \"name\":[{\"family\":\"Korhonen\",\"given\":[\"Aino\"]}]} },{\"fullUrl\":\"urn:x\"},{\"resource\":{\"id\":\"1\"}}]}";
    let intake = take_in(bundle.as_bytes()).unwrap();
    assert_eq!(intake.taken.len(), 1);
    let patient = &intake.taken[0];
    assert_eq!(patient.body, b"{\"resourceType\":\"Patient\",\n  \"id\":\"7\", \"name\":[{\"family\":\"Korhonen\",\"given\":[\"Aino\"]}]}");
    assert_eq!(patient.title.as_str(), "Patient: Aino Korhonen");
    assert_eq!(patient.path, "$.entry[0].resource");
    assert_eq!(patient.patient.as_deref(), Some("Patient/7"));
    let left: Vec<_> = intake.left.iter().map(|l| (l.path.as_str(), l.why)).collect();
    assert_eq!(
        left,
        [
            ("$.entry[1].resource", LeftWhy::NoResource),
            ("$.entry[2].resource", LeftWhy::NoType)
        ]
    );
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
        r#"{"resourceType":"MedicationRequest","status":"active","intent":"order","medicationCodeableConcept":{"coding":[{"display":"lithium carbonate 300 MG"}]}}"#,
    );
    assert_eq!(names(&request), ["medication", "psychiatry"]);
    assert_eq!(
        request.sensitivity.iter().map(|s| s.as_str()).collect::<Vec<_>>(),
        ["psychiatry"]
    );
    let contained = one(
        r#"{"resourceType":"MedicationRequest","status":"active","intent":"order","contained":[{"resourceType":"Medication","code":{"text":"Sertraline"}}],"medicationReference":{"display":"m"}}"#,
    );
    assert!(names(&contained).contains(&"psychiatry"));
    let bill = one(
        r#"{"resourceType":"Claim","status":"active","use":"claim","item":[{"productOrService":{"text":"Major depressive disorder, heart failure"}}]}"#,
    );
    assert_eq!(
        names(&bill),
        ["billing", "psychiatry"],
        "a bill about the heart is no heart document"
    );
}

#[test]
fn a_word_inside_another_or_in_a_name_makes_no_scope() {
    let burn = one(r#"{"resourceType":"Condition","code":{"text":"Heartburn"}}"#);
    assert_eq!(names(&burn), ["conditions"]);
    let ecg = one(r#"{"resourceType":"Condition","code":{"text":"ST depression"}}"#);
    assert_eq!(names(&ecg), ["conditions"]);
    let doctor = one(r#"{"resourceType":"Practitioner","name":[{"text":"Dr Heart Depression"}]}"#);
    assert_eq!(names(&doctor), ["administrative"]);
    let asked = one(
        r#"{"resourceType":"Procedure","code":{"text":"Suture"},"performer":[{"actor":{"display":"Psychiatric clinic"}}]}"#,
    );
    assert_eq!(names(&asked), ["procedures"]);
}

#[test]
fn what_was_entered_in_error_is_not_taken_as_final() {
    for resource in [
        r#"{"resourceType":"Observation","status":"entered-in-error","code":{"text":"K"}}"#,
        r#"{"resourceType":"Condition","verificationStatus":{"coding":[{"code":"entered-in-error"}]},"code":{"text":"K"}}"#,
    ] {
        assert_eq!(one(resource).status, Status::EnteredInError);
    }
}
