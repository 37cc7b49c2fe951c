//! Key histories: what a thief, a liar or a newer version must not get through.

use crate::common::{NOW, Person, rotation};
use telesphor_identity::endpoint::{EndReason, SignedEndpoint};
use telesphor_identity::event::{Change, EndEndpoint, SignedEvent};
use telesphor_identity::evidence::Domains;
use telesphor_identity::fork::{Fork, NoFork, Settled};
use telesphor_identity::history::{History, HistoryError};
use telesphor_identity::inception::{Custody, Guardianship, Inception, Kind};
use telesphor_identity::keys::{KeySet, NextKeys};
use telesphor_identity::locator::{LocatorError, locator, open_history, seal_history};
use telesphor_wire::ext::{Extension, Extensions, UnknownCritical};
use telesphor_wire::ids::Nonce;
use telesphor_wire::sign::SigningKey;

const NONE: Domains = Domains::none();

#[test]
fn a_history_is_the_same_after_it_travelled() {
    let mut person = Person::new(Kind::Person);
    person.rotate(NOW);
    let phone = SigningKey::generate();
    person.add_endpoint(&phone, NOW + 1).unwrap();
    let again = History::from_bytes(&person.history.to_bytes()).unwrap();
    assert_eq!(again, person.history);
    let verified = again.verify(&NONE).unwrap();
    assert_eq!(verified.id(), person.id());
    assert_eq!(verified.now().n, 3);
    assert!(verified.now().live_endpoint(&phone.public()).is_some());
    assert!(
        verified
            .at_event(2)
            .unwrap()
            .live_endpoint(&phone.public())
            .is_none()
    );
    assert_eq!(verified.at_time(NOW).n, 2);
    assert_eq!(verified.at_head(&verified.head()).unwrap().n, 3);
}

#[test]
fn a_thief_with_the_current_key_cannot_rotate() {
    let mut person = Person::new(Kind::Person);
    let (own, next) = (SigningKey::generate(), SigningKey::generate());
    let stolen = person.identity_key.clone();
    let refused = person
        .history
        .extend(rotation(&own, &next), NOW, &[&stolen, &own], &NONE);
    assert_eq!(refused, Err(HistoryError::NotCommitted(2)));
    assert_eq!(
        person.history.events.len(),
        1,
        "a refused change must leave the history as it was"
    );
}

#[test]
fn a_rotation_shown_but_not_signed_by_the_committed_key_is_refused() {
    let mut person = Person::new(Kind::Person);
    let stolen = person.identity_key.clone();
    let change = rotation(&person.next_key, &SigningKey::generate());
    let refused = person.history.extend(change, NOW, &[&stolen], &NONE);
    assert_eq!(refused, Err(HistoryError::Signature(2)));
}

#[test]
fn a_rotated_key_counts_no_more() {
    let mut person = Person::new(Kind::Person);
    let old = person.identity_key.clone();
    person.rotate(NOW);
    let change = Change::SetCustody(Custody::Institution(person.id()));
    assert_eq!(
        person.history.extend(change, NOW, &[&old], &NONE),
        Err(HistoryError::Signature(3))
    );
}

#[test]
fn a_changed_left_out_or_exchanged_event_is_found() {
    let mut person = Person::new(Kind::Person);
    person.rotate(NOW);
    person.add_endpoint(&SigningKey::generate(), NOW + 1).unwrap();
    let good = person.history.clone();

    let mut changed = good.clone();
    changed.events[0].event.at += 1;
    assert_eq!(changed.verify(&NONE), Err(HistoryError::Signature(1)));

    let mut missing = good.clone();
    missing.events.remove(1);
    assert_eq!(missing.verify(&NONE), Err(HistoryError::Link(3)));

    let mut exchanged = good.clone();
    exchanged.events.swap(0, 1);
    assert_eq!(exchanged.verify(&NONE), Err(HistoryError::Link(2)));

    let mut other = good;
    other.inception.random = Nonce::random();
    assert_eq!(
        other.verify(&NONE),
        Err(HistoryError::Link(1)),
        "another inception is another identity"
    );
}

#[test]
fn an_endpoint_key_that_its_adder_does_not_hold_is_refused() {
    let mut person = Person::new(Kind::Person);
    let (victim, own) = (SigningKey::generate(), SigningKey::generate());
    let signed = SignedEndpoint::sign(person.record(&victim), &own);
    let refused = person.change(Change::AddEndpoint(Box::new(signed)), NOW);
    assert_eq!(refused, Err(HistoryError::Impossible(2)));
}

#[test]
fn a_key_that_was_used_before_cannot_come_back() {
    let mut person = Person::new(Kind::Person);
    person.end_endpoint(NOW, EndReason::Lost);
    let lost = person.endpoint.clone();
    assert_eq!(
        person.add_endpoint(&lost, NOW + 1),
        Err(HistoryError::Impossible(3))
    );
    let identity = person.identity_key.clone();
    assert_eq!(
        person.add_endpoint(&identity, NOW + 1),
        Err(HistoryError::Impossible(3))
    );
}

#[test]
fn an_endpoint_that_is_not_there_cannot_be_ended() {
    let mut person = Person::new(Kind::Person);
    let end = EndEndpoint {
        endpoint: SigningKey::generate().public(),
        since: NOW,
        reason: EndReason::Lost,
    };
    assert_eq!(
        person.change(Change::EndEndpoint(end), NOW),
        Err(HistoryError::Impossible(2))
    );
}

#[test]
fn one_of_two_guardians_cannot_act_where_both_must() {
    let (mother, father, child) = (
        SigningKey::generate(),
        SigningKey::generate(),
        SigningKey::generate(),
    );
    let keys = KeySet {
        keys: vec![mother.public(), father.public()],
        threshold: 2,
    };
    let mut inception = Inception::simple(Kind::Person, keys, NextKeys::single(&child.public()));
    inception.custody = Custody::Guardians(Guardianship {
        guardians: Vec::new(),
        threshold: 2,
    });
    let mut history = History::begin(inception);
    let change = || Change::SetCustody(Custody::own());
    assert_eq!(
        history.extend(change(), NOW, &[&mother], &NONE),
        Err(HistoryError::Signature(1))
    );
    history.extend(change(), NOW, &[&father, &mother], &NONE).unwrap();

    let mut twice = history.clone();
    let first = twice.events[0].signatures[0];
    twice.events[0].signatures = vec![first, first];
    assert_eq!(
        twice.verify(&NONE),
        Err(HistoryError::Signature(1)),
        "one key must not count twice"
    );

    // Handing over: the child's key was committed to at the beginning.
    history
        .extend(rotation(&child, &SigningKey::generate()), NOW, &[&child], &NONE)
        .unwrap();
    assert!(history.extend(change(), NOW, &[&mother, &father], &NONE).is_err());
}

#[test]
fn a_threshold_that_cannot_be_reached_is_no_beginning() {
    let key = SigningKey::generate().public();
    for keys in [
        KeySet {
            keys: vec![key],
            threshold: 2,
        },
        KeySet {
            keys: vec![key],
            threshold: 0,
        },
        KeySet {
            keys: vec![key, key],
            threshold: 1,
        },
        KeySet {
            keys: Vec::new(),
            threshold: 0,
        },
    ] {
        let inception = Inception::simple(Kind::Person, keys, NextKeys::single(&key));
        assert_eq!(
            History::begin(inception).verify(&NONE),
            Err(HistoryError::Inception)
        );
    }
}

#[test]
fn a_critical_extension_is_refused_by_its_number_and_another_one_kept() {
    let person = Person::with(Kind::Person, |mut inception| {
        inception.ext = Extensions::none().with(Extension {
            id: 77,
            critical: false,
            body: vec![1].into(),
        });
        inception
    });
    let again = History::from_bytes(&person.history.to_bytes()).unwrap();
    assert_eq!(again.id(), person.id());
    assert!(again.verify(&NONE).is_ok());

    let mut history = person.history;
    history.inception.ext = Extensions::none().with(Extension {
        id: 78,
        critical: true,
        body: vec![1].into(),
    });
    let refused = history.verify(&NONE).unwrap_err();
    assert_eq!(refused, HistoryError::Critical(UnknownCritical(78)));
    assert!(refused.to_string().contains("78"));
}

#[test]
fn a_key_that_is_its_own_successor_is_refused() {
    let key = SigningKey::generate();
    let keys = KeySet::single(key.public());
    let inception = Inception::simple(Kind::Person, keys, NextKeys::single(&key.public()));
    assert_eq!(
        History::begin(inception).verify(&NONE),
        Err(HistoryError::Inception)
    );
    let mut person = Person::new(Kind::Person);
    let next = person.next_key.clone();
    let refused = person
        .history
        .extend(rotation(&next, &next), NOW, &[&next], &NONE);
    assert_eq!(refused, Err(HistoryError::NotCommitted(2)));
}

/// The same person's history, gone on in two ways by the same keys.
fn fork(person: &Person) -> (History, History) {
    let go_on = |n: u64| {
        let mut history = person.history.clone();
        let key = SigningKey::generate();
        let signed = SignedEndpoint::sign(person.record(&key), &key);
        history
            .extend(
                Change::AddEndpoint(Box::new(signed)),
                NOW + n,
                &[&person.identity_key],
                &NONE,
            )
            .unwrap();
        history
    };
    (go_on(1), go_on(2))
}

#[test]
fn two_histories_of_one_identity_are_found_and_only_the_committed_key_settles_it() {
    let person = Person::new(Kind::Person);
    let (mine, thiefs) = fork(&person);
    let pair = Fork {
        one: mine.clone(),
        other: thiefs.clone(),
    };
    let Settled::Disputed(common, 2) = pair.settle(&NONE).unwrap() else {
        panic!("not disputed")
    };
    assert_eq!(common.disputed_from(), Some(2));

    let mut rotated = mine.clone();
    rotated
        .extend(
            rotation(&person.next_key, &SigningKey::generate()),
            NOW,
            &[&person.next_key],
            &NONE,
        )
        .unwrap();
    for (one, other) in [
        (rotated.clone(), thiefs.clone()),
        (thiefs.clone(), rotated.clone()),
    ] {
        let Settled::Stands(stands) = (Fork { one, other }).settle(&NONE).unwrap() else {
            panic!("not settled")
        };
        assert_eq!(stands.head(), rotated.verify(&NONE).unwrap().head());
    }

    let same = Fork {
        one: mine.clone(),
        other: person.history.clone(),
    };
    assert_eq!(
        same.settle(&NONE),
        Err(NoFork::Agree),
        "a longer history is no contradiction"
    );

    let mut forged = thiefs;
    forged.events[1] = SignedEvent {
        signatures: Vec::new(),
        ..forged.events[1].clone()
    };
    let accusation = Fork {
        one: mine,
        other: forged,
    };
    assert!(
        matches!(accusation.settle(&NONE), Err(NoFork::Broken(_))),
        "anybody could accuse anybody"
    );
}

#[test]
fn a_sealed_history_opens_only_for_who_knows_the_identity() {
    let (person, other) = (Person::new(Kind::Person), Person::new(Kind::Person));
    let sealed = seal_history(&person.history);
    assert_eq!(open_history(&person.id(), &sealed).unwrap(), person.history);
    assert!(matches!(
        open_history(&other.id(), &sealed),
        Err(LocatorError::Seal(_))
    ));
    assert_ne!(locator(&person.id()), locator(&other.id()));
    let hidden = person.id().0;
    assert!(
        !sealed.windows(32).any(|w| w == hidden),
        "the sealed history shows the identity"
    );
}

#[test]
fn no_changed_bit_of_a_history_goes_unnoticed() {
    let mut person = Person::new(Kind::Person);
    person.rotate(NOW);
    let bytes = person.history.to_bytes();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let taken = History::from_bytes(&changed).is_ok_and(|h| h.verify(&NONE).is_ok());
        assert!(!taken, "byte {at} can be changed");
    }
}
