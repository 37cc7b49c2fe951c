//! The verdict on a document: one test for each way in which something is not genuine.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Board, DAY, NOW, Person, Town, bundle, verifier};
use telesphor_clinical::document::{DocumentError, SignedDocument, Signer};
use telesphor_clinical::header::Status;
use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::mandate::{Mandate, Power, SignedMandate};
use telesphor_clinical::text::Text;
use telesphor_identity::attestation::{Claim, SignedAttestation, Words};
use telesphor_identity::bundle::{Bundle, BundleError, Proofs};
use telesphor_identity::endpoint::{EndReason, SignedEndpoint};
use telesphor_identity::event::Change;
use telesphor_identity::evidence::{BadEvidence, Domains};
use telesphor_identity::inception::{Custody, Kind};
use telesphor_identity::judge::AttestationProblem;
use telesphor_identity::known::HistoryProblem;
use telesphor_identity::report::{Finding, MandateFound, Report};
use telesphor_identity::signing::SignerError;
use telesphor_identity::status::{RevocationReason, Revoked};
use telesphor_identity::trust::{Freshness, SeenHead, Verifier};
use telesphor_identity::verify::{Refusal, verify};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::sign::SigningKey;

const WORD: &str = "licensed-physician";

/// A doctor with a licence of a board that the verifier trusts.
struct Scene {
    town: Town,
    board: Board,
    doctor: Person,
    licence: SignedAttestation,
    verifier: Verifier,
}

fn scene() -> Scene {
    let (town, mut board, doctor) = (Town::new(), Board::new(), Person::new(Kind::Person));
    let place = board.book.take_place().unwrap();
    let claim = Claim::from_word(WORD, Text::from("M-1234")).unwrap();
    let licence = board.person.issuer().attest(
        doctor.id(),
        claim,
        (NOW - 90 * DAY, NOW + 90 * DAY),
        (board.book.list, place),
    );
    let mut verifier = verifier(&town, vec![board.anchor(WORD)]);
    verifier.demands = vec![WORD.to_owned()];
    verifier.names.insert(doctor.id(), Text::from("Dr Virtanen"));
    Scene {
        town,
        board,
        doctor,
        licence,
        verifier,
    }
}

impl Scene {
    fn proofs(&mut self) -> Proofs {
        let list = self
            .board
            .book
            .sign(&self.board.person.issuer(), NOW - DAY, NOW + DAY);
        Proofs {
            histories: vec![self.doctor.history.clone(), self.board.person.history.clone()],
            attestations: vec![self.licence.clone()],
            lists: vec![list],
            ..Proofs::default()
        }
    }

    fn judge(&mut self, document: &SignedDocument, stamped: Option<u64>) -> Result<Report, Refusal> {
        let proofs = self.proofs();
        self.judge_with(document, proofs, stamped)
    }

    fn judge_with(
        &self,
        document: &SignedDocument,
        proofs: Proofs,
        at: Option<u64>,
    ) -> Result<Report, Refusal> {
        let evidence = at.map(|at| self.town.stamp(document, at)).into_iter().collect();
        verify(&bundle(document, proofs, evidence), &self.verifier)
    }

    fn words(&self, report: &Report) -> String {
        report.words(&self.verifier).join("\n")
    }
}

fn claim_problem(refused: Result<Report, Refusal>) -> AttestationProblem {
    match refused.unwrap_err() {
        Refusal::Claim { why, .. } => why,
        other => panic!("refused for another reason: {other}"),
    }
}

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
fn a_licence_that_has_ended_needs_proof_that_this_was_signed_before() {
    let mut s = scene();
    let document = s.doctor.write("Note");
    s.verifier.now = NOW + 91 * DAY;
    let list = s
        .board
        .book
        .sign(&s.board.person.issuer(), s.verifier.now, s.verifier.now + DAY);
    let mut proofs = s.proofs();
    proofs.lists = vec![list];
    let refused = s.judge_with(&document, proofs.clone(), None);
    assert!(
        refused
            .as_ref()
            .unwrap_err()
            .to_string()
            .contains("no proof that this was signed before")
    );
    assert!(matches!(
        claim_problem(refused),
        AttestationProblem::NotThen { proved: false, .. }
    ));
    let report = s.judge_with(&document, proofs, Some(NOW)).unwrap();
    assert!(
        s.words(&report).contains("signed before that ended on"),
        "{}",
        s.words(&report)
    );
}

#[test]
fn a_licence_withdrawn_before_the_signature_is_refused_and_one_withdrawn_after_is_not() {
    let mut s = scene();
    let document = s.doctor.write("Note");
    let revoked = Revoked {
        index: 0,
        since: NOW - 10 * DAY,
        reason: RevocationReason::Withdrawn,
    };
    s.board.book.withdraw(revoked).unwrap();
    for at in [None, Some(NOW - 10 * DAY), Some(NOW - 9 * DAY)] {
        let problem = claim_problem(s.judge(&document, at));
        assert_eq!(
            problem,
            AttestationProblem::Withdrawn {
                revoked,
                proved: at.is_some()
            }
        );
        assert_eq!(problem.code(), ErrorCode::AttestationEnded);
    }
    let report = s.judge(&document, Some(NOW - 11 * DAY)).unwrap();
    assert!(
        s.words(&report).contains("signed before that ended on"),
        "{}",
        s.words(&report)
    );
}

#[test]
fn a_licence_revoked_for_a_stolen_key_refuses_what_has_no_evidence() {
    let mut s = scene();
    let document = s.doctor.write("Note");
    // The board's instant lies ahead; the key may have been stolen long before.
    s.board
        .book
        .withdraw(Revoked {
            index: 0,
            since: NOW + DAY,
            reason: RevocationReason::KeyStolen,
        })
        .unwrap();
    assert!(matches!(
        claim_problem(s.judge(&document, None)),
        AttestationProblem::Withdrawn { proved: false, .. }
    ));
    assert!(s.judge(&document, Some(NOW - DAY)).is_ok());
}

#[test]
fn an_old_or_earlier_or_missing_status_list_is_refused() {
    let mut s = scene();
    let document = s.doctor.write("Note");
    let issuer = s.board.person.issuer();
    let first = s.board.book.sign(&issuer, NOW - 30 * DAY, NOW + DAY);
    let overdue = s.board.book.sign(&issuer, NOW - 30 * DAY, NOW - 1);
    let mut proofs = s.proofs();
    proofs.lists = vec![overdue.clone()];
    assert_eq!(
        claim_problem(s.judge_with(&document, proofs.clone(), None)),
        AttestationProblem::ListTooOld
    );

    s.verifier.freshness.list_grace_ms = 2;
    assert!(s.judge_with(&document, proofs.clone(), None).is_ok());

    s.verifier
        .sequences
        .insert(s.board.book.list, overdue.list.sequence);
    proofs.lists = vec![first];
    assert_eq!(
        claim_problem(s.judge_with(&document, proofs.clone(), None)),
        AttestationProblem::ListTooOld
    );

    proofs.lists.clear();
    assert_eq!(
        claim_problem(s.judge_with(&document, proofs, None)),
        AttestationProblem::NoList
    );
}

#[test]
fn a_status_list_changed_to_hide_a_withdrawal_is_refused() {
    let mut s = scene();
    let document = s.doctor.write("Note");
    s.board
        .book
        .withdraw(Revoked {
            index: 0,
            since: NOW - DAY,
            reason: RevocationReason::Withdrawn,
        })
        .unwrap();
    let mut proofs = s.proofs();
    proofs.lists[0].list.revoked.clear();
    assert_eq!(
        claim_problem(s.judge_with(&document, proofs, None)),
        AttestationProblem::NoList
    );
}

#[test]
fn a_licence_by_somebody_whom_the_verifier_does_not_trust_counts_for_nothing() {
    let mut s = scene();
    let document = s.doctor.write("Note");
    s.verifier.anchors[0].words = vec![Text::from("employed-by")];
    let refused = s.judge(&document, None);
    assert_eq!(refused.as_ref().unwrap_err().step(), 6);
    assert_eq!(claim_problem(refused), AttestationProblem::NotTrusted);
    s.verifier.demands.clear();
    let report = s.judge(&document, None).unwrap();
    assert!(report.findings.contains(&Finding::NotAttested) && !report.holds(WORD));
}

#[test]
fn a_licence_forged_in_the_name_of_the_board_counts_for_nothing() {
    let mut s = scene();
    let document = s.doctor.write("Note");
    let mut changed = s.licence.clone();
    changed.attestation.until += 1000 * DAY;
    s.licence = changed;
    let problem = claim_problem(s.judge(&document, None));
    assert_eq!(problem, AttestationProblem::Issuer(SignerError::BadSignature));

    let own = Person::new(Kind::Authority);
    let mut forged = own.issuer().attest(
        s.doctor.id(),
        Claim::from_word(WORD, Text::from("x")).unwrap(),
        (0, NOW * 2),
        (s.board.book.list, 0),
    );
    forged.attestation.issuer = s.board.person.id();
    s.licence = forged;
    assert_eq!(
        claim_problem(s.judge(&document, None)),
        AttestationProblem::Issuer(SignerError::UnknownHead)
    );
}

#[test]
fn another_doctors_licence_is_not_lent() {
    let mut s = scene();
    let mallory = Person::new(Kind::Person);
    let document = mallory.write("Note");
    let mut proofs = s.proofs();
    proofs.histories.push(mallory.history.clone());
    assert_eq!(
        claim_problem(s.judge_with(&document, proofs, None)),
        AttestationProblem::None
    );
}

#[test]
fn a_stolen_board_key_makes_its_licences_worthless_and_a_retired_one_does_not() {
    let mut s = scene();
    let document = s.doctor.write("Note");
    for (reason, good) in [(EndReason::Retired, true), (EndReason::Stolen, false)] {
        let mut board = Person {
            history: s.board.person.history.clone(),
            identity_key: s.board.person.identity_key.clone(),
            next_key: s.board.person.next_key.clone(),
            endpoint: s.board.person.endpoint.clone(),
        };
        board.end_endpoint(NOW - DAY, reason);
        let fresh = SigningKey::generate();
        board.add_endpoint(&fresh, NOW - DAY).unwrap();
        board.endpoint = fresh;
        let mut proofs = s.proofs();
        proofs.histories[1] = board.history.clone();
        proofs.lists = vec![s.board.book.sign(&board.issuer(), NOW - DAY, NOW + DAY)];
        assert_eq!(s.judge_with(&document, proofs, None).is_ok(), good, "{reason}");
    }
}

#[test]
fn a_chain_counts_only_if_every_link_leads_to_the_anchor() {
    let mut s = scene();
    let document = s.doctor.write("Note");
    let mut ministry = Board::new();
    s.verifier.anchors = vec![ministry.anchor(WORD)];
    assert_eq!(
        claim_problem(s.judge(&document, None)),
        AttestationProblem::NotTrusted
    );

    let mut proofs = s.proofs();
    let place = ministry.book.take_place().unwrap();
    let span = (NOW - DAY, NOW + DAY);
    let allow = |word: &'static str| {
        let claim = Claim::MayAttest(Words(vec![Text::from(word)]));
        ministry
            .person
            .issuer()
            .attest(s.board.person.id(), claim, span, (ministry.book.list, place))
    };
    let (other, right) = (allow("licensed-nurse"), allow(WORD));
    proofs.histories.push(ministry.person.history.clone());
    proofs.lists.push(
        ministry
            .book
            .sign(&ministry.person.issuer(), NOW - DAY, NOW + DAY),
    );
    proofs.attestations.push(other);
    assert_eq!(
        claim_problem(s.judge_with(&document, proofs.clone(), None)),
        AttestationProblem::NotTrusted
    );
    proofs.attestations.push(right);
    let report = s.judge_with(&document, proofs.clone(), None).unwrap();
    assert!(
        s.words(&report).contains("whom Medical board allows to say so"),
        "{}",
        s.words(&report)
    );

    ministry
        .book
        .withdraw(Revoked {
            index: place,
            since: NOW - DAY,
            reason: RevocationReason::Withdrawn,
        })
        .unwrap();
    proofs
        .lists
        .push(ministry.book.sign(&ministry.person.issuer(), NOW, NOW + DAY));
    assert!(matches!(
        claim_problem(s.judge_with(&document, proofs, None)),
        AttestationProblem::Withdrawn { .. }
    ));
}

#[test]
fn two_who_vouch_for_each_other_are_not_an_anchor() {
    let mut s = scene();
    let document = s.doctor.write("Note");
    let other = Board::new();
    s.verifier.anchors.clear();
    let claim = || Claim::MayAttest(Words(vec![Text::from(WORD)]));
    let span = (0, NOW + DAY);
    let mut proofs = s.proofs();
    proofs.histories.push(other.person.history.clone());
    proofs.attestations.push(other.person.issuer().attest(
        s.board.person.id(),
        claim(),
        span,
        (Digest([0; 32]), 0),
    ));
    proofs.attestations.push(s.board.person.issuer().attest(
        other.person.id(),
        claim(),
        span,
        (Digest([0; 32]), 0),
    ));
    assert_eq!(
        claim_problem(s.judge_with(&document, proofs, None)),
        AttestationProblem::NotTrusted
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

fn mandate(issuer: &Person, holder: &Person, until: u64) -> SignedMandate {
    let at = |ms| Instant::now_of(ms, 0, Clock::Device);
    let mandate = Mandate {
        version: 1,
        issuer: issuer.id(),
        issuer_head: issuer.head(),
        endpoint: issuer.endpoint.public(),
        subject: issuer.id(),
        holder: holder.id(),
        powers: vec![Power::Write],
        scopes: None,
        from: at(NOW - 30 * DAY),
        until: Some(at(until)),
        status: None,
        dormant_until: None,
        words: None,
        random: Digest([1; 32]),
        ext: Extensions::none(),
    };
    SignedMandate {
        signature: issuer.endpoint.sign(&mandate),
        mandate,
    }
}

#[test]
fn a_mandate_that_is_missing_over_or_for_another_is_not_called_good() {
    let mut s = scene();
    let (mother, daughter) = (Person::new(Kind::Person), Person::new(Kind::Person));
    s.verifier.demands.clear();
    for (given, brought, expected) in [
        (mandate(&mother, &daughter, NOW + DAY), true, MandateFound::Holds),
        (
            mandate(&mother, &daughter, NOW + DAY),
            false,
            MandateFound::NotProved,
        ),
        (
            mandate(&mother, &daughter, NOW - DAY),
            true,
            MandateFound::DoesNotHold,
        ),
        (
            mandate(&mother, &s.doctor, NOW + DAY),
            true,
            MandateFound::DoesNotHold,
        ),
        (
            mandate(&daughter, &daughter, NOW + DAY),
            true,
            MandateFound::DoesNotHold,
        ),
    ] {
        let document = daughter.write_with("For mother", |mut header| {
            header.on_behalf_of = Some(mother.id());
            header.mandate = Some(given.mandate.id());
            header
        });
        let proofs = Proofs {
            histories: vec![mother.history.clone(), daughter.history.clone()],
            mandates: if brought { vec![given] } else { Vec::new() },
            ..Proofs::default()
        };
        let report = s.judge_with(&document, proofs, None).unwrap();
        assert!(report.findings.contains(&Finding::OnBehalfOf {
            whom: mother.id(),
            mandate: expected
        }));
    }
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
fn what_a_verdict_has_shown_cannot_be_gone_back_behind() {
    let mut s = scene();
    let document = s.doctor.write("Note");
    let old = s.proofs();
    let newer = s.proofs();
    let report = s.judge_with(&document, newer, None).unwrap();
    s.verifier.learn(&report.seen);
    assert_eq!(
        claim_problem(s.judge_with(&document, old, None)),
        AttestationProblem::ListTooOld
    );
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
