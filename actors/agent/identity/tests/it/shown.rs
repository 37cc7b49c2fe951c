//! The verdict on parts: all that is asked of a whole document is asked of them too.

use crate::common::{DAY, NOW, Person};
use crate::scene::{Scene, WORD, scene};
use telesphor_clinical::document::{FHIR_JSON, SignOptions, SignedDocument, Signer};
use telesphor_clinical::fields::path;
use telesphor_clinical::header::{DocumentKind, Header, Status};
use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::presentation::{
    Audience, Expected, Nonce, Presentation, PresentationError, Shower, ToShow, present,
};
use telesphor_clinical::statement::Profile;
use telesphor_clinical::text::Text;
use telesphor_identity::bundle::{Bundle, BundleError, PARTS_EXTENSION, Proofs};
use telesphor_identity::endpoint::EndReason;
use telesphor_identity::inception::Kind;
use telesphor_identity::report::Report;
use telesphor_identity::signing::SignerError;
use telesphor_identity::verify::{Refusal, verify, verify_presentation};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::IdentityId;
use telesphor_wire::sign::SigningKey;

const BODY: &str = r#"{"resourceType":"Procedure","status":"completed","subject":{"reference":"Patient/1"},
"code":{"text":"Appendectomy"},"note":[{"text":"a"},{"text":"b"}]}"#;

const READER: IdentityId = IdentityId([9; 32]);

fn written(by: &Person, holder: Option<&SigningKey>) -> SignedDocument {
    let recorded = Instant::now_of(NOW - DAY, 120, Clock::Device);
    let mut header = Header::new(
        DocumentKind::Resource,
        Text::from(FHIR_JSON),
        Text::from("t"),
        by.id(),
        recorded,
    );
    header.status = Status::Preliminary;
    let signer = Signer {
        key: &by.endpoint,
        author_head: by.head(),
    };
    let options = SignOptions {
        profile: if holder.is_some() {
            Profile::Holder
        } else {
            Profile::Plain
        },
        holder: holder.map(SigningKey::public),
        ..SignOptions::default()
    };
    SignedDocument::sign(header, BODY.as_bytes().to_vec(), &signer, options).unwrap()
}

fn shown(document: &SignedDocument, key: &SigningKey, by: &Person) -> Presentation {
    let wanted = [path::parse("code").unwrap(), path::parse("note").unwrap()];
    let shower = Shower {
        key,
        identity: by.id(),
        head: by.head(),
    };
    let show = ToShow {
        wanted: &wanted,
        audience: Audience::Identity(READER),
        nonce: Nonce::Asked(Text::from("why")),
        date: Instant::now_of(NOW, 0, Clock::Device),
        sender: None,
    };
    present(document, &shower, show).unwrap()
}

fn expected() -> Expected {
    Expected {
        reader: READER,
        names: Vec::new(),
        from: None,
        question: Some("why".into()),
    }
}

fn judge(
    s: &Scene,
    p: &Presentation,
    proofs: &Proofs,
    stamped: Option<&SignedDocument>,
) -> Result<Report, Refusal> {
    let evidence: Vec<_> = stamped.map(|d| s.town.stamp(d, NOW - DAY)).into_iter().collect();
    verify_presentation(p, proofs, &evidence, &expected(), &s.verifier)
}

#[test]
fn parts_are_judged_in_words_without_a_network() {
    let mut s = scene();
    let holder = SigningKey::generate();
    let document = written(&s.doctor, Some(&holder));
    let p = shown(&document, &holder, &Person::new(Kind::Person));
    let proofs = s.proofs();
    let report = judge(&s, &p, &proofs, Some(&document)).unwrap();
    assert_eq!(report.document, document.id());
    assert!(report.time_proved && report.holds(WORD));
    let words = s.words(&report);
    for said in [
        "signed by Dr Virtanen",
        "licensed physician by the word of Medical board at the time",
        "3 parts shown; what is not shown may exist",
        "note: complete, all 2 of them",
        "shown by the one for whom it was written",
        "in answer to your question",
        "status: preliminary",
    ] {
        assert!(words.contains(said), "{said} is not in:\n{words}");
    }
}

#[test]
fn parts_by_somebody_without_a_licence_or_with_a_forged_signature_are_refused() {
    let mut s = scene();
    let holder = SigningKey::generate();
    let stranger = Person::new(Kind::Person);
    let document = written(&stranger, Some(&holder));
    let p = shown(&document, &holder, &stranger);
    let mut proofs = s.proofs();
    proofs.histories.push(stranger.history.clone());
    let refused = judge(&s, &p, &proofs, None).unwrap_err();
    assert_eq!((refused.step(), refused.code()), (6, ErrorCode::NotAttested));

    // The statement of the doctor's document over the tree of another.
    let genuine = written(&s.doctor, Some(&holder));
    let mut forged = p;
    forged.statement.author = s.doctor.id();
    forged.statement.author_head = s.doctor.head();
    forged.statement.endpoint = s.doctor.endpoint.public();
    forged.signature = genuine.signature;
    forged.showing.document = forged.statement.id();
    forged.shown = holder.sign(&forged.showing);
    let refused = judge(&s, &forged, &proofs, None).unwrap_err();
    assert_eq!(refused, Refusal::Signer(SignerError::BadSignature));
}

#[test]
fn parts_shown_under_a_name_need_a_key_of_that_name() {
    let mut s = scene();
    let mut aino = Person::new(Kind::Person);
    s.verifier.names.insert(aino.id(), Text::from("Aino"));
    let document = written(&s.doctor, None);
    let p = shown(&document, &aino.endpoint, &aino);
    let mut proofs = s.proofs();
    let without = judge(&s, &p, &proofs, None).unwrap_err();
    assert_eq!((without.step(), without.code()), (8, ErrorCode::BrokenHistory));
    proofs.histories.push(aino.history.clone());
    let report = judge(&s, &p, &proofs, None).unwrap();
    assert!(s.words(&report).contains("shown by Aino"), "{}", s.words(&report));

    let thief = SigningKey::generate();
    let stolen = shown(&document, &thief, &aino);
    let refused = judge(&s, &stolen, &proofs, None).unwrap_err();
    assert_eq!((refused.step(), refused.code()), (8, ErrorCode::KeyNotValidThen));
    aino.end_endpoint(NOW - 5, EndReason::Stolen);
    proofs.histories.pop();
    proofs.histories.push(aino.history.clone());
    let ended = judge(&s, &p, &proofs, None).unwrap_err();
    assert_eq!(ended.code(), ErrorCode::KeyNotValidThen);
}

#[test]
fn parts_for_another_reader_or_question_fail_at_the_eighth_step() {
    let mut s = scene();
    let holder = SigningKey::generate();
    let document = written(&s.doctor, Some(&holder));
    let p = shown(&document, &holder, &Person::new(Kind::Person));
    let proofs = s.proofs();
    let other = Expected {
        reader: IdentityId([1; 32]),
        ..expected()
    };
    let refused = verify_presentation(&p, &proofs, &[], &other, &s.verifier).unwrap_err();
    assert_eq!(refused, Refusal::Presentation(PresentationError::Audience));
    assert_eq!((refused.step(), refused.code()), (8, ErrorCode::MadeOutElsewhere));
}

#[test]
fn a_program_that_does_not_know_parts_refuses_the_file_by_a_number() {
    let s = scene();
    let holder = SigningKey::generate();
    let document = written(&s.doctor, Some(&holder));
    let p = shown(&document, &holder, &Person::new(Kind::Person));
    let bundle = Bundle::of_parts(p.to_bytes(), Proofs::default(), Vec::new());
    let again = Bundle::from_file(&bundle.to_file()).unwrap();
    assert!(again.holds_parts() && again == bundle);
    assert_eq!(
        again.ext.check(&[]).map_err(BundleError::from),
        Err(BundleError::Critical(telesphor_wire::ext::UnknownCritical(
            PARTS_EXTENSION
        )))
    );
    // And parts are never taken for a whole document.
    assert!(matches!(verify(&again, &s.verifier), Err(Refusal::Document(_))));
}
