//! The verdict on a document: one test for each way in which something is not genuine.

use crate::common::{DAY, NOW, Person, Town, bundle};
use crate::scene::{WORD, scene};
use telesphor_clinical::document::{DocumentError, SignedDocument, Signer};
use telesphor_clinical::header::Status;
use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::text::Text;
use telesphor_identity::bundle::{Bundle, BundleError, Proofs};
use telesphor_identity::endpoint::{EndReason, SignedEndpoint};
use telesphor_identity::event::Change;
use telesphor_identity::evidence::{BadEvidence, Domains};
use telesphor_identity::inception::{Custody, Kind};
use telesphor_identity::known::HistoryProblem;
use telesphor_identity::report::Finding;
use telesphor_identity::signing::SignerError;
use telesphor_identity::trust::{Freshness, SeenHead};
use telesphor_identity::verify::{Refusal, verify};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::sign::SigningKey;

#[test]
fn a_genuine_document_is_called_genuine_in_words_without_a_network() {
    let mut s = scene();
    let document = s.doctor.write("Note");
    let report = s.judge(&document, Some(NOW - DAY)).unwrap();
    let words = s.words(&report);
    assert!(words.contains("signed by Dr Virtanen"), "{words}");
    assert!(
        words.contains("licensed physician by the word of Medical board at the time"),
        "{words}"
    );
    assert!(
        words.contains("existed at 2026-11-19 12:00:00 UTC, proved by domain hospital-a.example"),
        "{words}"
    );
    assert!(report.holds(WORD) && report.time_proved);
    let without = s.judge(&document, None).unwrap();
    assert!(
        s.words(&without)
            .contains("no proof that it was signed before now")
    );
}

#[test]
fn a_changed_body_title_or_scope_is_refused() {
    let mut s = scene();
    let document = s.doctor.write("Note");
    let mut body = document.clone();
    body.body = b"Chest pain, warning signs".to_vec().into();
    let mut title = document.clone();
    title.header.title = Text::from("Another note");
    let mut head = document.clone();
    head.signing.author_head = Digest([9; 32]);
    let refused = s.judge(&body, None).unwrap_err();
    assert_eq!(refused, Refusal::Document(DocumentError::Changed));
    assert_eq!((refused.step(), refused.code()), (2, ErrorCode::BadDocument));
    assert_eq!(
        s.judge(&title, None),
        Err(Refusal::Signer(SignerError::BadSignature))
    );
    assert_eq!(
        s.judge(&head, None),
        Err(Refusal::Signer(SignerError::UnknownHead))
    );
}

#[test]
fn a_document_forged_in_the_name_of_another_is_refused() {
    let mut s = scene();
    let mallory = Person::new(Kind::Person);
    let mut forged = mallory.write("Note");
    forged.header.author = s.doctor.id();
    assert_eq!(
        s.judge(&forged, None),
        Err(Refusal::Signer(SignerError::UnknownHead))
    );

    // The same with the doctor's head: still not one of the doctor's endpoints.
    let document = s.doctor.write("Note");
    let signer = Signer {
        key: &mallory.endpoint,
        author_head: s.doctor.head(),
    };
    let forged = SignedDocument::sign(document.header, b"x".to_vec(), &signer, Default::default()).unwrap();
    assert_eq!(
        s.judge(&forged, None),
        Err(Refusal::Signer(SignerError::KeyNotValidThen))
    );
}

#[test]
fn a_document_without_its_authors_history_is_refused() {
    let mut s = scene();
    let document = s.doctor.write("Note");
    let mut proofs = s.proofs();
    proofs.histories.remove(0);
    assert_eq!(
        s.judge_with(&document, proofs, None),
        Err(Refusal::History(HistoryProblem::Missing))
    );
}

#[test]
fn a_history_cut_short_to_hide_a_revocation_is_refused() {
    let mut s = scene();
    let document = s.doctor.write("Note");
    let old = s.doctor.history.clone();
    s.doctor.end_endpoint(NOW - 10 * DAY, EndReason::Stolen);
    let seen = s.doctor.history.verify(&Domains::none()).unwrap();
    s.verifier.heads.insert(
        s.doctor.id(),
        SeenHead {
            n: seen.now().n,
            head: seen.head(),
            at: NOW,
        },
    );
    let mut proofs = s.proofs();
    proofs.histories[0] = old;
    let refused = s.judge_with(&document, proofs, None);
    assert_eq!(
        refused,
        Err(Refusal::History(HistoryProblem::OlderThanKnown {
            given: 1,
            seen: 2
        }))
    );
}

#[test]
fn a_history_that_contradicts_what_was_seen_is_refused() {
    let mut s = scene();
    let document = s.doctor.write("Note");
    s.verifier.heads.insert(
        s.doctor.id(),
        SeenHead {
            n: 1,
            head: Digest([1; 32]),
            at: NOW,
        },
    );
    let refused = s.judge(&document, None).unwrap_err();
    assert_eq!((refused.code(), refused.step()), (ErrorCode::Disputed, 3));
}

#[test]
fn nothing_signed_after_a_fork_counts_and_what_was_signed_before_does() {
    let mut s = scene();
    let before = s.doctor.write("Before");
    let mut thiefs = s.doctor.history.clone();
    let key = SigningKey::generate();
    let signed = SignedEndpoint::sign(s.doctor.record(&key), &key);
    thiefs
        .extend(
            Change::AddEndpoint(Box::new(signed)),
            NOW,
            &[&s.doctor.identity_key],
            &Domains::none(),
        )
        .unwrap();
    s.doctor.add_endpoint(&SigningKey::generate(), NOW).unwrap();
    let after = s.doctor.write("After");
    let mut proofs = s.proofs();
    proofs.histories.push(thiefs);
    assert_eq!(
        s.judge_with(&after, proofs.clone(), None),
        Err(Refusal::Signer(SignerError::Disputed))
    );
    assert!(s.judge_with(&before, proofs.clone(), None).is_ok());

    s.doctor.rotate(NOW);
    proofs.histories[0] = s.doctor.history.clone();
    assert!(
        s.judge_with(&after, proofs, None).is_ok(),
        "the committed key has settled it"
    );
}

#[test]
fn a_prescribers_history_that_nobody_confirmed_lately_is_refused() {
    let mut s = scene();
    let document = s.doctor.write("Note");
    s.verifier.freshness = Freshness::PRESCRIBER;
    assert_eq!(
        s.judge(&document, None),
        Err(Refusal::History(HistoryProblem::NotFresh))
    );
    let mut seen = SeenHead {
        n: 1,
        head: s.doctor.head(),
        at: NOW - 2 * DAY,
    };
    s.verifier.heads.insert(s.doctor.id(), seen);
    assert_eq!(
        s.judge(&document, None),
        Err(Refusal::History(HistoryProblem::NotFresh))
    );
    seen.at = NOW - DAY / 2;
    s.verifier.heads.insert(s.doctor.id(), seen);
    assert!(s.judge(&document, None).is_ok());
}

#[test]
fn a_lost_phones_signature_counts_only_with_proof_that_it_was_made_before() {
    let mut s = scene();
    let document = s.doctor.write("Note");
    s.doctor.end_endpoint(NOW - 10 * DAY, EndReason::Lost);
    let not_then = Err(Refusal::Signer(SignerError::KeyNotValidThen));
    assert_eq!(s.judge(&document, None), not_then);
    assert_eq!(s.judge(&document, Some(NOW - 9 * DAY)), not_then);
    assert!(s.judge(&document, Some(NOW - 11 * DAY)).is_ok());
}

#[test]
fn a_key_that_will_count_as_stolen_later_proves_nothing_without_evidence() {
    let mut s = scene();
    let document = s.doctor.write("Note");
    s.doctor.end_endpoint(NOW + DAY, EndReason::Stolen);
    assert_eq!(
        s.judge(&document, None),
        Err(Refusal::Signer(SignerError::KeyNotValidThen))
    );
    assert!(s.judge(&document, Some(NOW - DAY)).is_ok());
}

#[test]
fn evidence_for_another_document_by_few_relays_or_an_unknown_domain_proves_no_time() {
    let mut s = scene();
    let document = s.doctor.write("Note");
    let other = s.doctor.write("Other");
    let id = Digest(document.id().0);
    let mut changed = s.town.stamp(&document, NOW - DAY);
    changed.header.stamp -= DAY;
    let mut earlier = s.town.stamp(&document, NOW - DAY);
    earlier.receipt.head.stamp -= DAY;
    for (evidence, why) in [
        (s.town.stamp(&other, NOW - DAY), BadEvidence::OtherDocument),
        (s.town.stamp_by(&id, NOW - DAY, 1), BadEvidence::Receipt),
        (Town::new().stamp(&document, NOW - DAY), BadEvidence::Receipt),
        (changed, BadEvidence::Broken),
        (earlier, BadEvidence::Receipt),
    ] {
        let file = bundle(&document, s.proofs(), vec![evidence]);
        let report = verify(&file, &s.verifier).unwrap();
        assert!(!report.time_proved);
        assert!(
            report.findings.contains(&Finding::EvidenceIgnored(why)),
            "{:?}",
            report.findings
        );
    }
    s.verifier.domains = Domains::none();
    let report = s.judge(&document, Some(NOW - DAY)).unwrap();
    assert!(
        report
            .findings
            .contains(&Finding::EvidenceIgnored(BadEvidence::UnknownDomain))
    );
}

#[test]
fn an_institutions_word_is_not_taken_for_the_patients_own() {
    let s = scene();
    let hospital = Person::new(Kind::Organisation);
    let patient = Person::with(Kind::Person, |mut inception| {
        inception.custody = Custody::Institution(hospital.id());
        inception
    });
    let document = patient.write("Consent");
    let mut verifier = s.verifier.clone();
    verifier.demands.clear();
    let proofs = Proofs {
        histories: vec![patient.history.clone()],
        ..Proofs::default()
    };
    let report = verify(&bundle(&document, proofs, Vec::new()), &verifier).unwrap();
    assert!(
        report
            .words(&verifier)
            .join("\n")
            .contains("held by an institution")
    );
}

#[test]
fn a_second_signature_by_nobody_known_is_not_counted() {
    let mut s = scene();
    let consultant = Person::new(Kind::Person);
    let mut document = s.doctor.write("Note");
    let id = document.id();
    let signer = Signer {
        key: &consultant.endpoint,
        author_head: consultant.head(),
    };
    let at = Instant::now_of(NOW, 0, Clock::Device);
    document.cosign(&signer, consultant.id(), Some(Text::from("consultant")), at);
    assert_eq!(
        document.id(),
        id,
        "a second signature must not change the document's name"
    );
    let ignored = s.judge(&document, None).unwrap();
    assert!(
        ignored
            .findings
            .contains(&Finding::CoSignatureIgnored(consultant.id()))
    );
    let mut proofs = s.proofs();
    proofs.histories.push(consultant.history.clone());
    let report = s.judge_with(&document, proofs, None).unwrap();
    assert!(report.words(&s.verifier).join("\n").contains("(consultant)"));
}

#[test]
fn a_document_entered_in_error_says_so_loudly() {
    let mut s = scene();
    let document = s.doctor.write_with("Note", |mut header| {
        header.status = Status::EnteredInError;
        header
    });
    let report = s.judge(&document, None).unwrap();
    assert!(s.words(&report).contains("ENTERED IN ERROR"));
}

#[test]
fn a_damaged_file_is_refused_before_anything_else() {
    let mut s = scene();
    let document = s.doctor.write("Note");
    let file = Bundle::new(document.to_bytes(), s.proofs(), Vec::new()).to_file();
    let mut mangled = file.clone();
    mangled[4] = b'\n';
    assert_eq!(Bundle::from_file(&mangled), Err(BundleError::Magic));
    assert!(matches!(
        Bundle::from_file(&file[..file.len() - 1]),
        Err(BundleError::Form(_))
    ));
    let mut longer = file;
    longer.push(0);
    assert!(matches!(Bundle::from_file(&longer), Err(BundleError::Form(_))));
}
