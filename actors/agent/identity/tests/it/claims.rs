//! What is said about an author: licences, lists, chains, mandates.

use crate::common::{Board, DAY, NOW, Person};
use crate::scene::{WORD, claim_problem, scene};
use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::mandate::{Mandate, Power, SignedMandate};
use telesphor_clinical::text::Text;
use telesphor_identity::attestation::{Claim, Words};
use telesphor_identity::bundle::Proofs;
use telesphor_identity::endpoint::EndReason;
use telesphor_identity::inception::Kind;
use telesphor_identity::judge::AttestationProblem;
use telesphor_identity::mandate::MandateProblem;
use telesphor_identity::report::{Finding, MandateFound};
use telesphor_identity::signing::SignerError;
use telesphor_identity::status::{RevocationReason, Revoked};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::sign::SigningKey;

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
fn a_mandate_that_is_missing_over_or_for_another_is_not_called_good() {
    let mut s = scene();
    let (mother, daughter) = (Person::new(Kind::Person), Person::new(Kind::Person));
    s.verifier.demands.clear();
    let end = NOW + DAY;
    let does_not_hold = |why| (true, MandateFound::DoesNotHold(why));
    for (given, (brought, expected)) in [
        (
            mandate(&mother, &daughter, end),
            (true, MandateFound::Holds(Some(end))),
        ),
        (
            mandate(&mother, &daughter, end),
            (false, MandateFound::NotProved(MandateProblem::Missing)),
        ),
        (
            mandate(&mother, &daughter, NOW - DAY),
            does_not_hold(MandateProblem::NotThen),
        ),
        (
            mandate(&mother, &s.doctor, end),
            does_not_hold(MandateProblem::OtherPerson),
        ),
        (
            mandate(&daughter, &daughter, end),
            does_not_hold(MandateProblem::OtherPerson),
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
