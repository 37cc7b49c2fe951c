//! Receipts and guardians: nobody speaks for somebody else.

use crate::common::{DAY, NOW, Person};
use telesphor_clinical::instant::{Clock, Instant};
use telesphor_clinical::receipt::{
    OpeningReceipt, Person as Who, Presence, ReceiptKind, SignedPresence, SignedReceipt, StaffPseudonym,
};
use telesphor_clinical::text::Text;
use telesphor_identity::attestation::{Claim, SignedAttestation, StaffKey};
use telesphor_identity::endpoint::EndReason;
use telesphor_identity::evidence::Domains;
use telesphor_identity::guardians::{BadShare, Guardian, GuardianSet, GuardianShare};
use telesphor_identity::history::VerifiedHistory;
use telesphor_identity::inception::Kind;
use telesphor_identity::opener::{BadReceipt, Opener, check_receipt};
use telesphor_identity::signing::SignerError;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{DocumentId, Nonce};
use telesphor_wire::sign::SigningKey;

fn at(ms: u64) -> Instant {
    Instant::now_of(ms, 120, Clock::Device)
}

struct Ward {
    station: Person,
    nurse: Person,
}

impl Ward {
    fn new() -> Self {
        Self {
            station: Person::new(Kind::Organisation),
            nurse: Person::new(Kind::Person),
        }
    }

    fn receipt(
        &self,
        kind: ReceiptKind,
        person: Option<Who>,
        presence: Option<SignedPresence>,
    ) -> SignedReceipt {
        let receipt = OpeningReceipt {
            document: DocumentId([1; 32]),
            kind,
            person,
            place: self.station.id(),
            place_head: self.station.head(),
            at_endpoint: self.station.endpoint.public(),
            presence,
            at: at(NOW),
            purpose: None,
            words: None,
            ext: Extensions::none(),
        };
        SignedReceipt {
            signature: self.station.endpoint.sign(&receipt),
            receipt,
            staff: None,
        }
    }

    fn presence(&self, from: u64, until: u64) -> Presence {
        Presence {
            person: self.nurse.id(),
            person_head: self.nurse.head(),
            by_endpoint: self.nurse.endpoint.public(),
            place: self.station.id(),
            at_endpoint: self.station.endpoint.public(),
            from: at(from),
            until: at(until),
            ext: Extensions::none(),
        }
    }

    fn check(
        &self,
        receipt: &SignedReceipt,
        attestations: &[SignedAttestation],
    ) -> Result<Opener, BadReceipt> {
        let histories: Vec<VerifiedHistory> = [&self.station, &self.nurse]
            .map(|p| p.history.verify(&Domains::none()).unwrap())
            .into();
        check_receipt(
            receipt,
            |id| histories.iter().find(|h| h.id() == *id),
            attestations,
            NOW,
        )
    }
}

fn by(key: &SigningKey, statement: Presence) -> Option<SignedPresence> {
    Some(SignedPresence {
        signature: key.sign(&statement),
        statement,
    })
}

#[test]
fn a_workstation_cannot_say_that_a_nurse_opened_something() {
    let w = Ward::new();
    let nurse = || Some(Who::Identity(w.nurse.id()));
    let opened = |presence| w.check(&w.receipt(ReceiptKind::Opened, nurse(), presence), &[]);
    assert_eq!(opened(None), Err(BadReceipt::NotPresent));
    assert_eq!(
        opened(by(&w.station.endpoint, w.presence(NOW - 1, NOW + 1))),
        Err(BadReceipt::NotPresent)
    );
    assert_eq!(
        opened(by(&w.nurse.endpoint, w.presence(NOW - 9, NOW - 1))),
        Err(BadReceipt::NotPresent),
        "over"
    );
    assert_eq!(
        opened(by(&w.nurse.endpoint, w.presence(NOW, NOW + 2 * DAY))),
        Err(BadReceipt::NotPresent),
        "too long"
    );
    let mut elsewhere = w.presence(NOW - 1, NOW + 1);
    elsewhere.at_endpoint = SigningKey::generate().public();
    assert_eq!(
        opened(by(&w.nurse.endpoint, elsewhere)),
        Err(BadReceipt::NotPresent)
    );
    let good = opened(by(&w.nurse.endpoint, w.presence(NOW - 1, NOW + 1)));
    assert_eq!(good, Ok(Opener::Person(w.nurse.id())));
}

#[test]
fn a_receipt_by_nobody_says_no_more_than_delivered() {
    let w = Ward::new();
    let delivered = w.receipt(ReceiptKind::Delivered, None, None);
    assert_eq!(w.check(&delivered, &[]), Ok(Opener::Program(w.station.id())));
    let accepted = w.receipt(ReceiptKind::Accepted, None, None);
    assert_eq!(w.check(&accepted, &[]), Err(BadReceipt::Nobody));
    let mut turned = delivered;
    turned.receipt.kind = ReceiptKind::Accepted;
    assert_eq!(
        w.check(&turned, &[]),
        Err(BadReceipt::Endpoint(SignerError::BadSignature))
    );
}

#[test]
fn a_receipt_by_an_ended_endpoint_is_refused() {
    let mut w = Ward::new();
    let receipt = w.receipt(ReceiptKind::Opened, Some(Who::Identity(w.station.id())), None);
    assert_eq!(w.check(&receipt, &[]), Ok(Opener::Person(w.station.id())));
    w.station.end_endpoint(NOW - 1, EndReason::Lost);
    assert_eq!(
        w.check(&receipt, &[]),
        Err(BadReceipt::Endpoint(SignerError::KeyNotValidThen))
    );
}

#[test]
fn a_staff_pseudonym_that_the_organisation_did_not_attest_is_nobody() {
    let w = Ward::new();
    let (key, role) = (SigningKey::generate(), Text::from("nurse, Ward 4B"));
    let claim = || {
        Claim::Staff(StaffKey {
            key: key.public(),
            role: Text::from("nurse, Ward 4B"),
        })
    };
    let span = (NOW - DAY, NOW + DAY);
    let word = w
        .station
        .issuer()
        .attest(w.station.id(), claim(), span, (Digest([0; 32]), 0));
    let staff = |word: &SignedAttestation| {
        let pseudonym = StaffPseudonym {
            organisation: w.station.id(),
            key: key.public(),
            attestation: word.attestation.id(),
            role: role.clone(),
        };
        w.receipt(ReceiptKind::Opened, Some(Who::Staff(pseudonym)), None)
    };
    let mut receipt = staff(&word);
    assert_eq!(
        w.check(&receipt, std::slice::from_ref(&word)),
        Err(BadReceipt::NotStaff),
        "not signed by the person"
    );
    receipt.staff = Some(key.sign(&receipt.receipt));
    assert_eq!(w.check(&receipt, &[]), Err(BadReceipt::NotStaff));
    let found = w.check(&receipt, std::slice::from_ref(&word));
    assert_eq!(
        found,
        Ok(Opener::Staff {
            organisation: w.station.id(),
            role: role.clone()
        })
    );

    // Another organisation's word about the same key.
    let foreign = w
        .nurse
        .issuer()
        .attest(w.station.id(), claim(), span, (Digest([0; 32]), 0));
    let mut receipt = staff(&foreign);
    receipt.staff = Some(key.sign(&receipt.receipt));
    assert_eq!(w.check(&receipt, &[foreign]), Err(BadReceipt::NotStaff));
}

#[test]
fn a_guardian_who_hands_out_a_false_share_is_named() {
    let owner = Person::new(Kind::Person);
    let set = Nonce::random();
    let share = |index: u8| GuardianShare {
        version: 1,
        identity: owner.id(),
        set,
        index,
        threshold: 2,
        count: 3,
        value: Secret::random(),
        ext: Extensions::none(),
    };
    let shares: Vec<_> = (1..=3).map(share).collect();
    let guardians = shares
        .iter()
        .map(|s| Guardian {
            identity: owner.id(),
            share: s.hash(),
        })
        .collect();
    let record = GuardianSet {
        version: 1,
        set,
        threshold: 2,
        guardians,
        ext: Extensions::none(),
    };
    assert!(record.is_well_formed());
    assert!(shares.iter().all(|s| record.check(&owner.id(), s).is_ok()));
    let mut wrong = shares[1].clone();
    wrong.value = Secret::random();
    assert_eq!(record.check(&owner.id(), &wrong), Err(BadShare::False(2)));
    let mut other = shares[1].clone();
    other.set = Nonce::random();
    assert_eq!(record.check(&owner.id(), &other), Err(BadShare::OtherSet));
    let (mut none, mut beyond) = (shares[0].clone(), shares[0].clone());
    none.index = 0;
    beyond.index = 4;
    assert_eq!(record.check(&owner.id(), &none), Err(BadShare::OtherSet));
    assert_eq!(record.check(&owner.id(), &beyond), Err(BadShare::OtherSet));
    let alone = GuardianSet {
        threshold: 1,
        ..record
    };
    assert!(!alone.is_well_formed(), "one guardian alone must not be enough");
}
