//! Recovery by guardians: never early, never in silence, never against a veto.

use crate::common::{DAY, NOW, Person, Town};
use telesphor_identity::event::Change;
use telesphor_identity::evidence::Domains;
use telesphor_identity::history::HistoryError;
use telesphor_identity::inception::{Kind, RecoveryTerms};
use telesphor_identity::keys::{KeySet, NextKeys};
use telesphor_identity::recovery::{
    AuthorityWord, RecoveryError, RecoveryFinish, RecoveryProof, RecoveryStart, RecoveryVeto, VetoProof,
};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::Nonce;
use telesphor_wire::mailbox::next_key;
use telesphor_wire::sign::SigningKey;

const NONE: Domains = Domains::none();

struct Guarded {
    person: Person,
    authority: Person,
    guardians: SigningKey,
    town: Town,
}

fn guarded() -> Guarded {
    let (guardians, authority, town) = (SigningKey::generate(), Person::new(Kind::Authority), Town::new());
    let terms = RecoveryTerms {
        guardian_set: Digest([1; 32]),
        key: next_key(&guardians.public()),
        wait_ms: 7 * DAY,
        authority: Some(authority.id()),
    };
    let person = Person::with(Kind::Person, |mut inception| {
        inception.recovery = Some(terms);
        inception
    });
    Guarded {
        person,
        authority,
        guardians,
        town,
    }
}

impl Guarded {
    fn start(&self, keys: &SigningKey) -> RecoveryStart {
        RecoveryStart {
            id: self.person.id(),
            head: self.person.head(),
            reveal: self.guardians.public(),
            keys: KeySet::single(keys.public()),
            next: NextKeys::single(&SigningKey::generate().public()),
            recovery: None,
            random: Nonce::random(),
            ext: Extensions::none(),
        }
    }

    fn proof(&self, start: RecoveryStart, waited: u64) -> RecoveryProof {
        let finish = RecoveryFinish {
            start: start.id(),
            ext: Extensions::none(),
        };
        RecoveryProof {
            start_signature: self.guardians.sign(&start),
            start_evidence: self.town.stamp_by(&start.id(), NOW, 2),
            finish_signature: self.guardians.sign(&finish),
            finish_evidence: self.town.stamp_by(&finish.id(), NOW + waited, 2),
            start,
            finish,
        }
    }

    fn veto(&self, start: &RecoveryStart, by: Option<&Person>) -> Change {
        let veto = RecoveryVeto {
            id: self.person.id(),
            start: start.id(),
            ext: Extensions::none(),
        };
        let authority = by.map(|a| {
            Box::new(AuthorityWord {
                history: a.history.clone(),
                endpoint: a.endpoint.public(),
                signature: a.endpoint.sign(&veto),
            })
        });
        let signatures =
            KeySet::single(self.person.identity_key.public()).sign(&veto, &[&self.person.identity_key]);
        Change::VetoRecovery(Box::new(VetoProof {
            veto,
            signatures,
            authority,
        }))
    }
}

#[test]
fn guardians_cannot_recover_before_the_wait_or_without_evidence() {
    let g = guarded();
    let new = SigningKey::generate();
    let start = g.start(&new);
    let mut history = g.person.history.clone();
    let recover = |proof| Change::Recover(Box::new(proof));
    let early = recover(g.proof(start.clone(), 7 * DAY - 1));
    let refused = history.extend(early, NOW, &[&new], &g.town.domains());
    assert_eq!(refused, Err(HistoryError::Recovery(2, RecoveryError::TooEarly)));

    let unknown = recover(g.proof(start.clone(), 7 * DAY));
    let refused = history.extend(unknown, NOW, &[&new], &NONE);
    assert_eq!(refused, Err(HistoryError::Recovery(2, RecoveryError::NoEvidence)));

    let good = recover(g.proof(start, 7 * DAY));
    let state = history.extend(good, NOW, &[&new], &g.town.domains()).unwrap();
    assert_eq!(state.now().keys.keys, [new.public()]);
    assert_eq!(history.verify(&g.town.domains()).unwrap(), state);
}

#[test]
fn somebody_else_than_the_guardians_cannot_recover() {
    let mut g = guarded();
    g.guardians = SigningKey::generate();
    let new = SigningKey::generate();
    let proof = g.proof(g.start(&new), 7 * DAY);
    let refused = g
        .person
        .history
        .extend(Change::Recover(Box::new(proof)), NOW, &[&new], &g.town.domains());
    assert_eq!(refused, Err(HistoryError::Recovery(2, RecoveryError::WrongKey)));
}

#[test]
fn a_vetoed_recovery_does_not_finish_and_a_third_veto_needs_the_authority() {
    let mut g = guarded();
    let domains = g.town.domains();
    let new = SigningKey::generate();
    let start = g.start(&new);
    let proof = g.proof(start.clone(), 7 * DAY);
    let key = g.person.identity_key.clone();
    let veto = g.veto(&start, None);
    g.person.history.extend(veto, NOW, &[&key], &domains).unwrap();
    let refused = g
        .person
        .history
        .extend(Change::Recover(Box::new(proof)), NOW, &[&new], &domains);
    assert_eq!(refused, Err(HistoryError::Recovery(3, RecoveryError::Vetoed)));

    let second = g.veto(&g.start(&new), None);
    g.person.history.extend(second, NOW, &[&key], &domains).unwrap();
    let third = g.start(&new);
    let needs = Err(HistoryError::Recovery(4, RecoveryError::VetoNeedsAuthority));
    let alone = g.veto(&third, None);
    assert_eq!(g.person.history.extend(alone, NOW, &[&key], &domains), needs);
    let stranger = Person::new(Kind::Authority);
    let by_stranger = g.veto(&third, Some(&stranger));
    assert_eq!(
        g.person.history.extend(by_stranger, NOW, &[&key], &domains),
        needs
    );
    let by_authority = g.veto(&third, Some(&g.authority));
    g.person
        .history
        .extend(by_authority, NOW, &[&key], &domains)
        .unwrap();
}
