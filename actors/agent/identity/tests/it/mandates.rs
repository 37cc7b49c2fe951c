//! Acting for another: everything that a mandate does not allow is refused, each by its own name.

use crate::common::{Board, DAY, NOW, Person, Town, verifier};
use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::mandate::{Mandate, Power, SignedMandate, StatusPlace};
use telesphor_clinical::scope::{Scope, Scopes};
use telesphor_clinical::text::Text;
use telesphor_identity::attestation::{Claim, SignedAttestation};
use telesphor_identity::bundle::Proofs;
use telesphor_identity::endpoint::EndReason;
use telesphor_identity::inception::Kind;
use telesphor_identity::mandate::{Act, MandateProblem, allows};
use telesphor_identity::signing::Judged;
use telesphor_identity::status::{RevocationReason, Revoked, StatusBook};
use telesphor_identity::trust::Verifier;
use telesphor_wire::error::{Actor, ErrorCode};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;

fn scopes(names: &[&str]) -> Scopes {
    names.iter().map(|n| n.parse::<Scope>().unwrap()).collect()
}

/// A mother, her daughter, a doctor who may attest incapacity, and somebody who judges.
struct Family {
    mother: Person,
    daughter: Person,
    stranger: Person,
    doctor: Board,
    book: StatusBook,
    attested: Vec<SignedAttestation>,
    verifier: Verifier,
}

impl Family {
    fn new() -> Self {
        let doctor = Board::new();
        let verifier = verifier(&Town::new(), vec![doctor.anchor("incapacity")]);
        Self {
            mother: Person::new(Kind::Person),
            daughter: Person::new(Kind::Person),
            stranger: Person::new(Kind::Person),
            doctor,
            book: StatusBook::new(),
            attested: Vec::new(),
            verifier,
        }
    }

    /// What the mother's mandate says, before it is signed.
    fn words(&mut self) -> Mandate {
        let at = |ms| Instant::now_of(ms, 0, Clock::Device);
        let index = self.book.take_place().unwrap();
        Mandate {
            version: 1,
            issuer: self.mother.id(),
            issuer_head: self.mother.head(),
            endpoint: self.mother.endpoint.public(),
            subject: self.mother.id(),
            holder: self.daughter.id(),
            powers: vec![Power::Share, Power::Read],
            scopes: Some(scopes(&["heart", "allergies"])),
            from: at(NOW - DAY),
            until: Some(at(NOW + DAY)),
            status: Some(StatusPlace {
                list: self.book.list,
                index,
            }),
            dormant_until: None,
            words: None,
            random: Digest([1; 32]),
            ext: Extensions::none(),
        }
    }

    fn signed(by: &Person, mandate: Mandate) -> SignedMandate {
        SignedMandate {
            signature: by.endpoint.sign(&mandate),
            mandate,
        }
    }

    fn given(&mut self) -> SignedMandate {
        let words = self.words();
        Self::signed(&self.mother, words)
    }

    fn proofs(&mut self) -> Proofs {
        let list = self.book.sign(&self.mother.issuer(), NOW - DAY, NOW + DAY);
        let theirs = self
            .doctor
            .book
            .sign(&self.doctor.person.issuer(), NOW - DAY, NOW + DAY);
        Proofs {
            histories: vec![
                self.mother.history.clone(),
                self.daughter.history.clone(),
                self.stranger.history.clone(),
                self.doctor.person.history.clone(),
            ],
            attestations: self.attested.clone(),
            lists: vec![list, theirs],
            ..Proofs::default()
        }
    }

    /// Whether the daughter may show a document of the heart for her mother.
    fn judge(&mut self, signed: &SignedMandate) -> Result<Option<u64>, MandateProblem> {
        self.judge_act(signed, Power::Share, &["heart"], &[])
    }

    fn judge_act(
        &mut self,
        signed: &SignedMandate,
        power: Power,
        of: &[&str],
        sensitive: &[&str],
    ) -> Result<Option<u64>, MandateProblem> {
        let proofs = self.proofs();
        let act = Act {
            by: &self.daughter.id(),
            whom: &self.mother.id(),
            powers: &[power],
            documents: &[(&scopes(of), &scopes(sensitive))],
        };
        allows(signed, &act, &proofs, &self.verifier, Judged::now(NOW))
    }

    fn attest_incapacity(&mut self, by_daughter: bool) {
        let place = self.doctor.book.take_place().unwrap();
        let claim = Claim::from_word("incapacity", Text::from("")).unwrap();
        let issuer = match by_daughter {
            true => self.daughter.issuer(),
            false => self.doctor.person.issuer(),
        };
        let list = (self.doctor.book.list, place);
        self.attested
            .push(issuer.attest(self.mother.id(), claim, (NOW - DAY, NOW + DAY), list));
    }
}

#[test]
fn what_the_mandate_allows_is_refused() {
    let mut f = Family::new();
    let given = f.given();
    assert_eq!(f.judge(&given), Ok(Some(NOW + DAY)));
}

#[test]
fn an_act_outside_the_scopes_or_of_a_power_not_given_is_allowed() {
    let mut f = Family::new();
    let given = f.given();
    let outside = f.judge_act(&given, Power::Share, &["psychiatry"], &[]);
    assert_eq!(outside, Err(MandateProblem::Scope));
    // In a scope of the mandate, and sensitive in one that is not.
    let sensitive = f.judge_act(&given, Power::Share, &["heart", "psychiatry"], &["psychiatry"]);
    assert_eq!(sensitive, Err(MandateProblem::Scope));
    let revoke = f.judge_act(&given, Power::Revoke, &["heart"], &[]);
    assert_eq!(revoke, Err(MandateProblem::Power));
}

#[test]
fn a_mandate_before_its_time_after_it_or_ended_is_good() {
    let mut f = Family::new();
    for from_and_until in [(NOW + 1, NOW + DAY), (NOW - DAY, NOW - 1)] {
        let mut words = f.words();
        let at = |ms| Instant::now_of(ms, 0, Clock::Device);
        (words.from, words.until) = (at(from_and_until.0), Some(at(from_and_until.1)));
        let given = Family::signed(&f.mother, words);
        assert_eq!(f.judge(&given), Err(MandateProblem::NotThen));
    }
    let given = f.given();
    let place = given.mandate.status.unwrap();
    f.book
        .withdraw(Revoked {
            index: place.index,
            since: NOW - 5,
            reason: RevocationReason::Withdrawn,
        })
        .unwrap();
    assert_eq!(f.judge(&given), Err(MandateProblem::Ended(NOW - 5)));
}

#[test]
fn a_mandate_is_good_although_nobody_knows_whether_it_was_ended() {
    let mut f = Family::new();
    let given = f.given();
    f.verifier.now = NOW + 3 * DAY / 2;
    let proofs = f.proofs();
    let act = Act {
        by: &f.daughter.id(),
        whom: &f.mother.id(),
        powers: &[],
        documents: &[],
    };
    let old = allows(&given, &act, &proofs, &f.verifier, Judged::now(NOW));
    assert!(matches!(old, Err(MandateProblem::Unknown(_))), "{old:?}");
    let none = Proofs {
        lists: Vec::new(),
        ..proofs
    };
    let none = allows(&given, &act, &none, &f.verifier, Judged::now(NOW));
    assert!(matches!(none, Err(MandateProblem::Unknown(_))), "{none:?}");
}

#[test]
fn a_sleeping_mandate_is_woken_by_nobody_or_by_its_own_holder() {
    let mut f = Family::new();
    let mut words = f.words();
    words.dormant_until = Some(Text::from("incapacity"));
    let given = Family::signed(&f.mother, words);
    assert_eq!(f.judge(&given), Err(MandateProblem::Dormant));
    f.verifier.anchors.push(telesphor_identity::trust::Anchor {
        identity: f.daughter.id(),
        name: Text::from("My daughter"),
        words: vec![Text::from("incapacity")],
    });
    f.attest_incapacity(true);
    assert_eq!(f.judge(&given), Err(MandateProblem::Dormant));
    f.attest_incapacity(false);
    assert_eq!(f.judge(&given), Ok(Some(NOW + DAY)));
}

#[test]
fn a_forged_mandate_is_taken() {
    let mut f = Family::new();
    let words = f.words();
    // Signed by the one who would gain by it.
    let forged = Family::signed(&f.daughter, words);
    assert!(matches!(f.judge(&forged), Err(MandateProblem::NotSigned(_))));
    // Widened after it was signed.
    let mut wider = f.given();
    wider.mandate.scopes = None;
    assert!(matches!(f.judge(&wider), Err(MandateProblem::NotSigned(_))));
    // By a device that a thief has.
    let given = f.given();
    f.mother.end_endpoint(NOW - 1, EndReason::Stolen);
    assert!(matches!(f.judge(&given), Err(MandateProblem::NotSigned(_))));
}

#[test]
fn a_mandate_outlives_no_retired_phone() {
    let mut f = Family::new();
    let given = f.given();
    // A new phone signs the list; the old one, which signed the mandate, was put away.
    let (old, new) = (
        f.mother.endpoint.clone(),
        telesphor_wire::sign::SigningKey::generate(),
    );
    f.mother.add_endpoint(&new, NOW - 2).unwrap();
    f.mother.end_endpoint(NOW - 1, EndReason::Retired);
    f.mother.endpoint = new;
    assert_ne!(old.public(), f.mother.endpoint.public());
    assert_eq!(f.judge(&given), Ok(Some(NOW + DAY)));
}

#[test]
fn a_mandate_is_given_on_by_its_holder() {
    let mut f = Family::new();
    let mut words = f.words();
    (words.issuer, words.issuer_head) = (f.daughter.id(), f.daughter.head());
    words.endpoint = f.daughter.endpoint.public();
    // To herself, and to somebody else.
    let to_herself = Family::signed(&f.daughter, words.clone());
    assert_eq!(f.judge(&to_herself), Err(MandateProblem::GivenOn));
    words.holder = f.stranger.id();
    let on = Family::signed(&f.daughter, words);
    let proofs = f.proofs();
    let act = Act {
        by: &f.stranger.id(),
        whom: &f.mother.id(),
        powers: &[],
        documents: &[],
    };
    let judged = allows(&on, &act, &proofs, &f.verifier, Judged::now(NOW));
    assert_eq!(judged, Err(MandateProblem::NotTrusted));
}

#[test]
fn a_mandate_works_for_somebody_else_than_it_names() {
    let mut f = Family::new();
    let given = f.given();
    let proofs = f.proofs();
    let (mother, daughter, stranger) = (f.mother.id(), f.daughter.id(), f.stranger.id());
    for (by, whom) in [(&stranger, &mother), (&daughter, &stranger)] {
        let act = Act {
            by,
            whom,
            powers: &[],
            documents: &[],
        };
        let judged = allows(&given, &act, &proofs, &f.verifier, Judged::now(NOW));
        assert_eq!(judged, Err(MandateProblem::OtherPerson));
    }
}

#[test]
fn a_court_that_nobody_trusts_can_give_a_mandate_and_one_that_is_trusted_cannot() {
    let mut f = Family::new();
    let mut court = Board::new();
    let mut words = f.words();
    (words.issuer, words.issuer_head) = (court.person.id(), court.person.head());
    words.endpoint = court.person.endpoint.public();
    words.status = Some(StatusPlace {
        list: court.book.list,
        index: court.book.take_place().unwrap(),
    });
    let given = Family::signed(&court.person, words);
    let mut proofs = f.proofs();
    proofs.histories.push(court.person.history.clone());
    proofs
        .lists
        .push(court.book.sign(&court.person.issuer(), NOW - DAY, NOW + DAY));
    let act = Act {
        by: &f.daughter.id(),
        whom: &f.mother.id(),
        powers: &[],
        documents: &[],
    };
    let judge = |verifier: &Verifier| allows(&given, &act, &proofs, verifier, Judged::now(NOW));
    assert_eq!(judge(&f.verifier), Err(MandateProblem::NotTrusted));
    f.verifier.anchors.push(court.anchor("licensed-physician"));
    assert_eq!(
        judge(&f.verifier),
        Err(MandateProblem::NotTrusted),
        "for something else"
    );
    f.verifier.anchors.push(court.anchor("mandate"));
    assert_eq!(judge(&f.verifier), Ok(Some(NOW + DAY)));
}

#[test]
fn a_refusal_does_not_say_who_must_act() {
    for (problem, code, who) in [
        (MandateProblem::Missing, ErrorCode::NoMandate, Actor::You),
        (MandateProblem::Power, ErrorCode::MandatePower, Actor::You),
        (MandateProblem::Scope, ErrorCode::MandateScope, Actor::You),
        (MandateProblem::NotThen, ErrorCode::MandateOver, Actor::You),
        (MandateProblem::Ended(1), ErrorCode::MandateEnded, Actor::You),
        (MandateProblem::Dormant, ErrorCode::MandateDormant, Actor::You),
        (MandateProblem::GivenOn, ErrorCode::MandateGivenOn, Actor::You),
        (MandateProblem::NotTrusted, ErrorCode::MandateForged, Actor::Peer),
        (MandateProblem::OtherPerson, ErrorCode::MandateOther, Actor::Peer),
    ] {
        assert_eq!((problem.code(), problem.code().who_acts()), (code, who));
    }
}
