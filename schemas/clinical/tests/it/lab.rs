//! Laboratory orders: what the laboratory can read, how values come in, what a mapping opens.

use std::collections::BTreeSet;
use std::path::Path;

use telesphor_clinical::fhir;
use telesphor_clinical::header::Status;
use telesphor_clinical::lab::catalogue;
use telesphor_clinical::lab::code::LabCode;
use telesphor_clinical::lab::hl7::Hl7Fault;
use telesphor_clinical::lab::mapping::{LabMapping, blind_number};
use telesphor_clinical::lab::order::{
    About, AgeBand, LabOrder, LabPass, Sex, SignedLabOrder, SignedLabPass, order_id,
};
use telesphor_clinical::lab::values::{LabFileFault, critical, take_in};
use telesphor_clinical::text::Text;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{IdentityId, MailboxId, Nonce};
use telesphor_wire::seal::SealingKey;
use telesphor_wire::sign::SigningKey;

fn order() -> SignedLabOrder {
    let key = SigningKey::from_seed(&Secret::new([7; 32]));
    let pass = LabPass {
        version: 1,
        organisation: IdentityId([1; 32]),
        head: Digest([2; 32]),
        endpoint: key.public(),
        laboratory: IdentityId([3; 32]),
        key: key.public(),
        from: 1,
        until: 2,
        cost_centre: Text::from("Clinic 12"),
        switchboard: Text::from("+358 9 4711"),
        critical_role: Some(IdentityId([4; 32])),
        critical_minutes: 30,
        ext: Extensions::none(),
    };
    let order = LabOrder {
        version: 1,
        order: Digest([5; 32]),
        tube: LabCode::random(),
        form: LabCode::random(),
        tests: vec![catalogue::test("hba1c")],
        about: About {
            age: Some(AgeBand::of(47)),
            sex: Some(Sex::Female),
            fasting: Some(true),
            previous: Some(Text::from("5.9 %")),
        },
        urgent: true,
        pass: SignedLabPass {
            signature: key.sign(&pass),
            pass,
        },
        key: key.public(),
        domain: "hospital-a.example".parse().unwrap(),
        mailbox: MailboxId([6; 32]),
        deposit_seed: Secret::new([8; 32]),
        result: SealingKey::from_seed(Secret::new([9; 32])).public(),
        ext: Extensions::none(),
    };
    SignedLabOrder {
        signature: key.sign(&order),
        order,
    }
}

/// Every place in a value where something can stand, by name.
fn places(value: &serde_json::Value, at: &str, into: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(members) => {
            for (name, member) in members {
                places(member, &format!("{at}.{name}"), into);
            }
        }
        serde_json::Value::Array(items) if items.iter().any(serde_json::Value::is_object) => {
            items
                .iter()
                .for_each(|item| places(item, &format!("{at}[]"), into));
        }
        _ => _ = into.insert(at.trim_start_matches('.').to_owned()),
    }
}

#[test]
fn the_laboratory_can_read_more_or_less_than_this_list() {
    let mut found = BTreeSet::new();
    places(&serde_json::to_value(order()).unwrap(), "", &mut found);
    let list = [
        // Random for this order.
        "order.order",
        "order.tube",
        "order.form",
        "order.key",
        "order.mailbox",
        "order.deposit_seed",
        "order.result",
        "signature",
        // What is to be measured, and what that needs.
        "order.tests[].code",
        "order.tests[].name",
        "order.about.age.from",
        "order.about.sex",
        "order.about.fasting",
        "order.about.previous",
        "order.urgent",
        // The same for everybody who orders for this clinic on this day.
        "order.domain",
        "order.pass.pass.organisation",
        "order.pass.pass.head",
        "order.pass.pass.endpoint",
        "order.pass.pass.laboratory",
        "order.pass.pass.key",
        "order.pass.pass.from",
        "order.pass.pass.until",
        "order.pass.pass.cost_centre",
        "order.pass.pass.switchboard",
        "order.pass.pass.critical_role",
        "order.pass.pass.critical_minutes",
        "order.pass.signature",
        // How it is written.
        "order.version",
        "order.ext",
        "order.pass.pass.version",
        "order.pass.pass.ext",
    ];
    let list: BTreeSet<String> = list.iter().map(|s| (*s).to_owned()).collect();
    assert_eq!(found, list);
    assert!(order().is_sound());
    assert_eq!(AgeBand::of(47).from, 40, "a band, not an age");
    let exact = |mut o: SignedLabOrder| {
        o.order.about.age = Some(AgeBand { from: 47 });
        o.signature = SigningKey::from_seed(&Secret::new([7; 32])).sign(&o.order);
        o.is_sound()
    };
    assert!(!exact(order()), "an age in the place of a band");
}

#[test]
fn an_order_opens_to_a_second_patient() {
    let salt = Nonce([1; 32]);
    let (patient, doctor) = (IdentityId([2; 32]), IdentityId([3; 32]));
    let tests = vec![catalogue::test("hiv")];
    let mapping = LabMapping {
        version: 1,
        order: order_id(&salt, &patient, &doctor, &tests),
        salt,
        patient,
        doctor,
        tests,
        laboratory: IdentityId([4; 32]),
        laboratory_name: Text::from("Acme"),
        tube: LabCode::random(),
        form: LabCode::random(),
        ext: Extensions::none(),
    };
    assert_eq!(LabMapping::from_bytes(&mapping.to_bytes()).unwrap(), mapping);
    let changes: [fn(&mut LabMapping); 4] = [
        |m| m.patient = IdentityId([9; 32]),
        |m| m.doctor = IdentityId([9; 32]),
        |m| m.tests = vec![catalogue::test("cbc")],
        |m| m.salt = Nonce([9; 32]),
    ];
    for change in changes {
        let mut other = mapping.clone();
        change(&mut other);
        assert!(LabMapping::from_bytes(&other.to_bytes()).is_err());
    }
    assert_eq!(blind_number(&mapping.order).as_str().len(), 64);
}

const ORU: &str = "MSH|^~\\&|LAB|LAB|EHR|EHR|20261120140551+0200||ORU^R01^ORU_R01|1|T|2.5.1\r\
PID|1||PATID1234^^^MPI^MR||Korhonen^Aino||19610615|F\r\
OBR|1|CODE|R-99|57021-8^CBC^LN|||20261120080000+0200\r\
OBX|1|NM|718-7^Hemoglobin [Mass/volume] in Blood^LN||12.50|g/dL^grams^UCUM|13 to 18|L|||F\r\
OBX|2|SN|26464-8^Leukocytes^LN||>^105600|/uL|4300 to 10800|HH|||F|||20261120090000\r\
NTE|1||Called \\T\\ read back\r\
OBX|3|ST|5778-6^Color^LN||dark \\S\\ red|||A|||F\r\
OBX|4|CE|883-9^ABO group^LN||A^Group A^L||||||F\r\
OBX|5|NM|777-3^Platelets^LN||||||||X\r\
ZZZ|whatever\r";

#[test]
fn a_result_message_brings_a_name_or_loses_a_value() {
    let code = LabCode::random();
    let values = take_in(ORU.replace("CODE", code.plain()).as_bytes()).unwrap();
    assert_eq!((values.count, values.status), (5, Status::Final));
    assert_eq!(values.codes.iter().copied().collect::<Vec<_>>(), [code]);
    assert_eq!(values.critical, ["Leukocytes"]);
    let body = String::from_utf8(values.body.clone()).unwrap();
    for kept in [
        r#""value":12.50"#,
        r#""comparator":">""#,
        r#""valueString":"dark ^ red""#,
        r#""text":"Called & read back""#,
        r#""effectiveDateTime":"2026-11-20T08:00:00+02:00""#,
        // The house's own offset, from the header.
        r#""effectiveDateTime":"2026-11-20T09:00:00+02:00""#,
        r#""display":"Group A""#,
        "not-performed",
        "http://loinc.org",
    ] {
        assert!(body.contains(kept), "{kept} is not in {body}");
    }
    for hidden in ["Korhonen", "Aino", "PATID", "1961", "R-99", code.plain()] {
        assert!(!body.contains(hidden), "{hidden} is in {body}");
    }
    assert!(values.left_out.contains("PID") && values.left_out.contains("ZZZ"));
    assert!(fhir::check(&values.body).is_ok());
    assert_eq!(critical(&values.body), ["Leukocytes"]);
}

#[test]
fn a_message_that_is_no_result_is_taken_for_one() {
    let with = |from: &str, to: &str| match take_in(ORU.replace(from, to).as_bytes()) {
        Err(LabFileFault::Hl7(fault)) => fault,
        other => panic!("{from} to {to}: {other:?}"),
    };
    assert_eq!(with("ORU^R01", "ADT^A01"), Hl7Fault::NotResult);
    assert_eq!(with("MSH|^~\\&", "MSH|||||"), Hl7Fault::NoHeader);
    assert_eq!(
        with("OBX|1|NM|718-7^Hemoglobin [Mass/volume] in Blood^LN", "OBX|1|NM|"),
        Hl7Fault::NoTest(1)
    );
    assert_eq!(with("OBX|1|NM", "OBX|1|ED"), Hl7Fault::Type(1, "ED".into()));
    assert_eq!(with("|L|||F", "|L|||W"), Hl7Fault::Status(1, "W".into()));
    assert_eq!(with("ZZZ|whatever", "MSH|^~\\&|again"), Hl7Fault::SeveralMessages);
    let empty = ORU.split("OBX").next().unwrap();
    assert_eq!(take_in(empty.as_bytes()).unwrap_err(), LabFileFault::NoValues);
    // A number that is none is kept as it was written.
    let odd = take_in(ORU.replace("12.50", "012,5").as_bytes()).unwrap();
    assert!(
        String::from_utf8(odd.body)
            .unwrap()
            .contains(r#""valueString":"012,5""#)
    );
    let waits = take_in(ORU.replace("|L|||F", "|L|||P").as_bytes()).unwrap();
    assert_eq!(waits.status, Status::Preliminary);
}

const FHIR: &str = r#"{"resourceType":"Observation","id":"x","status":"final","identifier":[{"value":"NUMBER"}],"code":{"coding":[{"system":"http://loinc.org","code":"2823-3","display":"Potassium"}]},"subject":{"reference":"Patient/1","display":"Aino"},"performer":[{"display":"Dr V"}],"effectiveDateTime":"2026-11-20T08:00:00+02:00","valueQuantity":{"value":7.10,"unit":"mmol/l","extension":[{"url":"u","valueString":"Aino"}]},"interpretation":[{"coding":[{"code":"HH"}]}],"note":[{"authorString":"V","text":"repeated"}]}"#;

#[test]
fn a_fhir_result_names_somebody_or_is_written_anew() {
    let code = LabCode::random();
    let values = take_in(FHIR.replace("NUMBER", &code.to_string()).as_bytes()).unwrap();
    let body = String::from_utf8(values.body).unwrap();
    assert!(body.contains("7.10") && body.contains("repeated"), "{body}");
    for hidden in ["Aino", "Dr V", "Patient/1", "authorString", code.plain()] {
        assert!(!body.contains(hidden), "{hidden} is in {body}");
    }
    assert_eq!((values.critical.len(), values.codes.contains(&code)), (1, true));
    let left: Vec<&str> = values.left_out.iter().map(String::as_str).collect();
    assert_eq!(
        left,
        [
            "authorString",
            "extension",
            "id",
            "identifier",
            "performer",
            "subject"
        ]
    );

    let refused = |from: &str, to: &str| take_in(FHIR.replace(from, to).as_bytes()).unwrap_err();
    let withdrawn = LabFileFault::Withdrawn(1, "entered-in-error".into());
    assert_eq!(refused(r#""final""#, r#""entered-in-error""#), withdrawn);
    let turned = refused(
        r#""id":"x""#,
        r#""modifierExtension":[{"url":"u","valueBoolean":true}]"#,
    );
    assert_eq!(turned, LabFileFault::Modified(1, "modifierExtension".into()));
    assert!(matches!(take_in(b"{}").unwrap_err(), LabFileFault::Fhir(_)));
    let patient = r#"{"resourceType":"Patient","name":[{"text":"Aino"}]}"#;
    assert_eq!(take_in(patient.as_bytes()).unwrap_err(), LabFileFault::NoValues);
}

#[test]
fn public_laboratory_data_is_taken_with_a_name_or_refused_without_a_reason() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let (mut taken, mut refused) = (0, 0);
    let mut files: Vec<_> = [
        "hl7v2/ms-fhir-converter",
        "hl7v2/linuxforhealth",
        "hl7v2/hapi-extracted",
        "fhir/hl7-r4-examples",
    ]
    .iter()
    .filter_map(|dir| std::fs::read_dir(data.join(dir)).ok())
    .flatten()
    .map(|entry| entry.unwrap().path())
    .collect();
    files.sort();
    for path in files {
        let file = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match take_in(&file) {
            Ok(values) => {
                taken += 1;
                assert!(fhir::check(&values.body).is_ok(), "{name}");
                let body = String::from_utf8(values.body).unwrap();
                for hidden in [
                    "DUCK",
                    "EVERYWOMAN",
                    "Jones",
                    "PATID1234",
                    "\"subject\"",
                    "\"performer\"",
                ] {
                    assert!(!body.contains(hidden), "{name}: {hidden}");
                }
            }
            Err(fault) => {
                refused += 1;
                assert!(!fault.to_string().is_empty(), "{name}");
            }
        }
    }
    println!("{taken} taken, {refused} refused");
    let cbc = data.join("hl7v2/ms-fhir-converter/LRI_2.0-NG_CBC_Typ_Message.hl7");
    if let Ok(file) = std::fs::read(cbc) {
        let values = take_in(&file).unwrap();
        assert!(values.count >= 16, "{}", values.count);
        assert_eq!(
            values.critical.len(),
            4,
            "leukocytes, eosinophils, lymphocytes, neutrophils are marked HH: {:?}",
            values.critical
        );
    }
}
