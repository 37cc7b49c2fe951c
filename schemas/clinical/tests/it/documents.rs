//! Documents: what a newer version, a changed byte or a careless reader must not do.

use telesphor_clinical::attention::{Attention, Escalation, Urgency};
use telesphor_clinical::document::{DocumentError, FHIR_JSON, SignOptions, SignedDocument, Signer};
use telesphor_clinical::fields::json::JsonFaultKind;
use telesphor_clinical::header::{DocumentKind, Header, Relation, RelationKind, Status, Subject};
use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::scope::{Scope, Scopes, Sharing};
use telesphor_clinical::statement::{Profile, Statement};
use telesphor_clinical::text::Text;
use telesphor_wire::canonical;
use telesphor_wire::ext::{Extension, Extensions, UnknownCritical};
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{DocumentId, IdentityId};
use telesphor_wire::sign::SigningKey;

const LITHIUM: &str = r#"{ "resourceType":"MedicationRequest", "status":"active", "intent":"order",
  "doNotPerform":true, "medicationCodeableConcept":{"text":"Lithium 300 mg"}, "dosageInstruction":[{"text":"1"},{"text":"2"}] }"#;

fn now() -> Instant {
    Instant::now_of(1_795_176_000_000, 120, Clock::Device)
}

fn header() -> Header {
    Header::new(
        DocumentKind::Note,
        Text::from("text/markdown"),
        Text::from("Note"),
        IdentityId([1; 32]),
        now(),
    )
}

fn fhir_header() -> Header {
    Header {
        format: Text::from(FHIR_JSON),
        ..header()
    }
}

fn scopes(names: &[&str]) -> Scopes {
    names.iter().map(|n| n.parse::<Scope>().unwrap()).collect()
}

fn sign(header: Header, body: &str) -> SignedDocument {
    try_sign(header, body).unwrap()
}

fn try_sign(header: Header, body: &str) -> Result<SignedDocument, DocumentError> {
    let key = SigningKey::generate();
    let signer = Signer {
        key: &key,
        author_head: Digest([2; 32]),
    };
    SignedDocument::sign(header, body.as_bytes().to_vec(), &signer, SignOptions::default())
}

fn ext(id: u32, critical: bool) -> Extensions {
    Extensions::none().with(Extension {
        id,
        critical,
        body: vec![1, 2, 3].into(),
    })
}

#[test]
fn a_document_is_the_same_after_it_travelled_and_every_header_field_with_it() {
    let full = Header {
        language: Some(Text::from("fi")),
        subject: Some(Subject::Identity(IdentityId([3; 32]))),
        on_behalf_of: Some(IdentityId([4; 32])),
        mandate: Some(Digest([5; 32])),
        role_at_time: Some(Text::from("resident")),
        effective: Instant::from_fhir("2026-11"),
        status: Status::Amended,
        relates: vec![
            Relation {
                kind: RelationKind::RepliesTo,
                document: DocumentId([7; 32]),
            },
            Relation {
                kind: RelationKind::Amends,
                document: DocumentId([6; 32]),
            },
        ],
        scopes: scopes(&["heart", "medication"]),
        sensitivity: scopes(&["heart"]),
        attention: Attention {
            urgency: Urgency::Stat,
            acknowledge_by: Some(now()),
            then: vec![Escalation {
                role: Text::from("cardiology on call"),
                identity: None,
                after_ms: 600_000,
            }],
        },
        thread: Some(Digest([8; 32])),
        ..fhir_header()
    };
    let document = sign(full, LITHIUM);
    let bytes = document.to_bytes();
    let again = SignedDocument::from_bytes(&bytes).unwrap();
    assert_eq!(again, document);
    assert_eq!(again.to_bytes(), bytes);
    assert_eq!(again.id(), document.id());
    assert!(again.verify_signature().is_ok());
    assert_eq!(
        again.body.as_ref(),
        LITHIUM.as_bytes(),
        "the body must stay as it was written"
    );
    assert!(again.header.fields_root.is_some());
    assert_eq!(
        again.header.relates[0].kind,
        RelationKind::Amends,
        "relations stand sorted"
    );
}

#[test]
fn an_extension_of_a_newer_version_is_kept_hashed_and_passed_on() {
    let document = sign(
        Header {
            ext: ext(7001, false),
            ..header()
        },
        "text",
    );
    let again = SignedDocument::from_bytes(&document.to_bytes()).unwrap();
    assert_eq!(again.header.ext.get(7001).unwrap().body.as_ref(), &[1, 2, 3]);
    let mut stripped = again.clone();
    stripped.header.ext = Extensions::none();
    assert!(
        stripped.verify_signature().is_err(),
        "an extension must not be taken out unnoticed"
    );
    assert_eq!(again.to_bytes(), document.to_bytes());
}

#[test]
fn a_critical_extension_of_a_newer_version_is_refused_by_its_number() {
    let document = sign(
        Header {
            ext: ext(7002, true),
            ..header()
        },
        "text",
    );
    let refused = SignedDocument::from_bytes(&document.to_bytes()).unwrap_err();
    assert_eq!(refused, DocumentError::Critical(UnknownCritical(7002)));
    assert!(refused.to_string().contains("7002"));
    assert_eq!(
        document.statement().ext.get(7002).map(|e| e.id),
        Some(7002),
        "a part must show it too"
    );
}

#[test]
fn an_unknown_kind_or_status_is_kept_and_never_misread() {
    let strange = Header {
        kind: DocumentKind::from_code(900),
        status: Status::from_code(901),
        ..header()
    };
    let again = SignedDocument::from_bytes(&sign(strange, "text").to_bytes()).unwrap();
    assert_eq!(
        (again.header.kind, again.header.status),
        (DocumentKind::Other(900), Status::Other(901))
    );
    assert_eq!(again.header.kind.word(), "made-by-a-newer-version");
}

#[test]
fn no_header_field_can_be_changed_without_breaking_the_signature() {
    let document = sign(
        Header {
            scopes: scopes(&["psychiatry"]),
            ..header()
        },
        "text",
    );
    let changes: [fn(&mut SignedDocument); 8] = [
        |d| d.header.title = Text::from("Other"),
        |d| d.header.subject = Some(Subject::Blind(Text::from("7"))),
        |d| d.header.scopes = Scopes::none(),
        |d| d.header.sensitivity = Scopes::none(),
        |d| d.header.status = Status::Preliminary,
        |d| d.header.recorded.clock = Clock::Trusted,
        |d| d.signing.may_split = true,
        |d| d.signing.profile = Profile::Holder,
    ];
    for (i, change) in changes.iter().enumerate().filter(|(i, _)| *i != 3) {
        let mut changed = document.clone();
        change(&mut changed);
        assert!(changed.verify_signature().is_err(), "change {i} went unnoticed");
        assert_ne!(changed.id(), document.id());
    }
}

#[test]
fn a_body_or_seed_that_does_not_fit_is_refused() {
    let document = sign(fhir_header(), LITHIUM);
    let mut body = document.clone();
    body.body = LITHIUM.replace("true", "false").into_bytes().into();
    assert_eq!(body.check(), Err(DocumentError::Changed));
    let mut seed = document.clone();
    seed.seed = Secret::random();
    assert_eq!(seed.check(), Err(DocumentError::Changed));
    let mut root = document;
    root.header.fields_root.as_mut().unwrap().root = Digest([0; 32]);
    assert_eq!(
        root.check(),
        Err(DocumentError::Changed),
        "signed whole as one thing and in parts as another"
    );
}

#[test]
fn a_part_shows_neither_title_nor_scopes_nor_thread() {
    let secret = Header {
        title: Text::from("Lithium for Aino"),
        scopes: scopes(&["psychiatry"]),
        thread: Some(Digest([0xab; 32])),
        subject: Some(Subject::Identity(IdentityId([0xcd; 32]))),
        ..fhir_header()
    };
    let document = sign(secret, LITHIUM);
    let shown = canonical::encode(&document.statement());
    for hidden in [
        &b"Aino"[..],
        b"psychiatry",
        &[0xab; 32],
        &[0xcd; 32],
        document.seed.expose(),
    ] {
        assert!(!shown.windows(hidden.len()).any(|w| w == hidden));
    }
    let again: Statement = canonical::decode(&shown).unwrap();
    assert_eq!(again.id(), document.id());
}

#[test]
fn two_documents_with_equal_text_share_no_hash() {
    let (one, other) = (sign(fhir_header(), LITHIUM), sign(fhir_header(), LITHIUM));
    assert_ne!(one.header.body_hash, other.header.body_hash);
    assert_ne!(one.header.fields_root, other.header.fields_root);
    assert_ne!(one.statement().header, other.statement().header);
}

#[test]
fn a_body_that_two_readers_could_read_differently_is_not_signed() {
    for (body, kind) in [
        (r#"{"a":1,"a":2}"#, JsonFaultKind::DuplicateName),
        (r#"{"a":1,"\u0061":2}"#, JsonFaultKind::DuplicateName),
        (r#"{"a":"\ud800"}"#, JsonFaultKind::LoneSurrogate),
        ("\u{feff}{}", JsonFaultKind::ByteOrderMark),
        ("{} {}", JsonFaultKind::Trailing),
        (r#"{"a":01}"#, JsonFaultKind::Syntax),
    ] {
        let Err(DocumentError::Body(fault)) = try_sign(fhir_header(), body) else {
            panic!("signed: {body}")
        };
        assert_eq!(fault.kind, kind);
    }
}

#[test]
fn a_relation_list_in_another_order_is_no_second_form() {
    let relates = [1u8, 2].map(|n| Relation {
        kind: RelationKind::Replaces,
        document: DocumentId([n; 32]),
    });
    let document = sign(
        Header {
            relates: relates.to_vec(),
            ..header()
        },
        "text",
    );
    let mut turned = document;
    turned.header.relates.reverse();
    assert!(matches!(
        SignedDocument::from_bytes(&turned.to_bytes()),
        Err(DocumentError::Header(_))
    ));
}

#[test]
fn a_mandate_without_the_one_it_is_for_is_refused() {
    let orphan = Header {
        mandate: Some(Digest([1; 32])),
        ..header()
    };
    assert!(matches!(try_sign(orphan, "text"), Err(DocumentError::Header(_))));
}

#[test]
fn lithium_is_withheld_from_who_was_granted_medication_but_not_psychiatry() {
    let both = scopes(&["medication", "psychiatry"]);
    let document = sign(
        Header {
            scopes: both.clone(),
            ..header()
        },
        "text",
    );
    assert_eq!(
        document.sharing(&scopes(&["medication"])),
        Sharing::Withheld(scopes(&["psychiatry"]))
    );
    assert_eq!(document.sharing(&both), Sharing::Shared);
    assert_eq!(document.sharing(&scopes(&["psychiatry"])), Sharing::Shared);
    assert_eq!(document.sharing(&scopes(&["heart"])), Sharing::Outside);
    let marked = Header {
        scopes: scopes(&["heart"]),
        sensitivity: scopes(&["employer"]),
        ..header()
    };
    assert_eq!(
        sign(marked, "t").sharing(&scopes(&["heart"])),
        Sharing::Withheld(scopes(&["employer"]))
    );
}

#[test]
fn text_that_deceives_the_eye_is_shown_escaped() {
    let text = Text::from("dose \u{202e}05\u{202c} mg\u{0}\u{200b}");
    assert_eq!(text.shown(), "dose <U+202E>05<U+202C> mg<U+0000><U+200B>");
}

#[test]
fn nothing_written_or_secret_appears_in_the_debug_form() {
    let document = sign(
        Header {
            title: Text::from("Lithium for Aino"),
            ..fhir_header()
        },
        LITHIUM,
    );
    let debug = format!("{document:?}");
    assert!(!debug.contains("Aino") && !debug.contains("Lithium"), "{debug}");
}

#[test]
fn a_document_larger_than_a_message_may_be_is_refused() {
    let body = "x".repeat(telesphor_clinical::limits::MAX_BODY_BYTES + 1);
    assert!(matches!(
        try_sign(header(), &body),
        Err(DocumentError::BodyTooLarge(_))
    ));
}

#[test]
fn no_changed_bit_of_a_document_goes_unnoticed() {
    let plain = Header {
        scopes: scopes(&["heart"]),
        ext: ext(7001, false),
        ..header()
    };
    let bytes = sign(plain, "text").to_bytes();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let taken = SignedDocument::from_bytes(&changed).is_ok_and(|d| d.verify_signature().is_ok());
            assert!(!taken, "bit {bit} of byte {at} can be changed");
        }
    }
}

#[test]
fn no_cut_or_lengthened_document_is_taken() {
    let bytes = sign(header(), "text").to_bytes();
    assert!((0..bytes.len()).all(|end| SignedDocument::from_bytes(&bytes[..end]).is_err()));
    let mut longer = bytes;
    longer.push(0xc0);
    assert!(SignedDocument::from_bytes(&longer).is_err());
}
