use telesphor_wire::hash::Secret;
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::limits::KEY_PACKAGE_BYTES;
use telesphor_wire::sign::SigningKey;

use super::world::*;
use crate::package::*;
use crate::*;

fn open(d: &Device, sealed: &[u8], min: Suite, now: u64) -> Result<VerifiedPackage, PackageError> {
    let (to, secret) = address();
    let endpoints = [d.keys.member().clone()];
    open_package(
        sealed,
        &to,
        &secret,
        &PackageRules {
            endpoints: &endpoints,
            min_suite: min.code(),
            now,
        },
    )
}

#[test]
fn packages_that_differ_in_size() {
    for suite in Suite::ALL {
        let mut d = Device::new(1, MAILBOX);
        for last_resort in [false, true] {
            let (sealed, package) = d.packages(suite, last_resort);
            assert_eq!(sealed.len(), KEY_PACKAGE_BYTES);
            assert_eq!(package.last_resort(), last_resort);
            assert_eq!(package.member(), d.keys.member());
        }
    }
}

#[test]
fn a_package_passed_on_to_another_contact_or_altered() {
    let mut d = Device::new(1, MAILBOX);
    let (sealed, _) = d.packages(Suite::Hybrid, false);
    let endpoints = [d.keys.member().clone()];
    let rules = PackageRules {
        endpoints: &endpoints,
        min_suite: 1,
        now: now_ms(),
    };
    let (to, secret) = address();
    let other = PackageAddress {
        contact: SigningKey::generate().public(),
        ..to
    };
    assert_eq!(
        open_package(&sealed, &other, &secret, &rules).unwrap_err(),
        PackageError::Closed
    );
    let other = PackageAddress {
        mailbox: MailboxId([8; 32]),
        ..to
    };
    assert_eq!(
        open_package(&sealed, &other, &secret, &rules).unwrap_err(),
        PackageError::Closed
    );
    assert_eq!(
        open_package(&sealed, &to, &Secret::random(), &rules).unwrap_err(),
        PackageError::Closed
    );
    assert_eq!(
        open_package(&sealed[1..], &to, &secret, &rules).unwrap_err(),
        PackageError::Closed
    );
    let mut altered = sealed.0;
    altered[2000] ^= 1;
    assert_eq!(
        open_package(&altered, &to, &secret, &rules).unwrap_err(),
        PackageError::Closed
    );
}

#[test]
fn a_contact_who_reseals_a_package_for_another() {
    // The signed set names its recipient, so the one who may open it cannot hand it on as meant for
    // somebody else, even knowing that one's secret.
    let mut d = Device::new(1, MAILBOX);
    let step = make_packages(&d.rows, &d.keys, Suite::Classical, 1, false, now_ms()).unwrap();
    let made = d.write(step);
    let (to, secret) = address();
    let thief = SigningKey::generate();
    let e = seal_package(&made[0], &d.keys, &thief, &to, &secret).unwrap_err();
    assert_eq!(e, SessionError::OtherKeys);
}

#[test]
fn a_package_of_a_device_that_was_removed() {
    let mut d = Device::new(1, MAILBOX);
    let (sealed, _) = d.packages(Suite::Classical, false);
    let (to, secret) = address();
    let mut stranger = d.keys.member().clone();
    stranger.leaf = SigningKey::generate().public();
    for endpoints in [vec![], vec![stranger]] {
        let rules = PackageRules {
            endpoints: &endpoints,
            min_suite: 1,
            now: now_ms(),
        };
        assert_eq!(
            open_package(&sealed, &to, &secret, &rules).unwrap_err(),
            PackageError::NotCurrent
        );
    }
}

#[test]
fn a_package_that_weakens_a_group() {
    let mut d = Device::new(1, MAILBOX);
    let (classical, _) = d.packages(Suite::Classical, false);
    let (light, _) = d.packages(Suite::HybridLight, false);
    for sealed in [classical, light] {
        assert_eq!(
            open(&d, &sealed, Suite::Hybrid, now_ms()).unwrap_err(),
            PackageError::WeakSuite
        );
    }
    let (mut relay, mut a, _, _) = three();
    let package = d.package(Suite::Hybrid);
    let plan = CommitPlan {
        add: vec![package],
        ..update()
    };
    let e = a
        .session()
        .stage_commit(&a.rows, &a.keys, &plan, &anyone)
        .unwrap_err();
    assert_eq!(e, SessionError::PackageUnfit);
    let out = a.stage(&update());
    assert!(relay.commit(&out.commit));
}

#[test]
fn a_package_that_is_too_old_too_young_or_for_ever() {
    const DAY: u64 = 86_400_000;
    let mut d = Device::new(1, MAILBOX);
    let (sealed, package) = d.packages(Suite::Classical, false);
    let now = now_ms();
    assert!(package.expires().abs_diff(now + 84 * DAY) < 10_000);
    assert!(open(&d, &sealed, Suite::Classical, now + 70 * DAY).is_ok());
    for bad in [now + 80 * DAY, now + 90 * DAY, now - 2 * DAY] {
        assert_eq!(
            open(&d, &sealed, Suite::Classical, bad).unwrap_err(),
            PackageError::Lifetime
        );
    }
    let (sealed, last) = d.packages(Suite::Classical, true);
    assert!(last.expires().abs_diff(now + 30 * DAY) < 10_000);
    assert!(open(&d, &sealed, Suite::Classical, now + 25 * DAY).is_err());
    // One made by a changed agent for 400 days: openmls itself would take it.
    let provider = crate::overlay::Provider::new(&d.rows);
    let long = openmls::prelude::KeyPackage::builder()
        .key_package_lifetime(crate::config::lifetime(now, 400 * DAY))
        .leaf_node_capabilities(crate::binding::capabilities())
        .build(Suite::Classical.mls(), &provider, &d.keys, d.keys.credential())
        .unwrap();
    let (to, secret) = address();
    let long = NewPackage::of(long.key_package());
    let sealed = seal_package(&long, &d.keys, &d.endpoint, &to, &secret).unwrap();
    assert_eq!(
        open(&d, &sealed, Suite::Classical, now).unwrap_err(),
        PackageError::Lifetime
    );
}

#[test]
fn a_last_resort_package_that_works_only_once_and_an_ordinary_one_twice() {
    for last_resort in [true, false] {
        let mut d = Device::new(9, MAILBOX);
        let (_, package) = d.packages(Suite::Classical, last_resort);
        let mut letters = Vec::new();
        for mailbox in [MAILBOX, MailboxId([2; 32])] {
            let a = Device::new(1, mailbox);
            let founding = Founding {
                binding: Binding {
                    mailbox,
                    ..binding(Suite::Classical)
                },
                suite: Suite::Classical,
                members: vec![package.clone()],
                now: now_ms(),
            };
            let step = GroupSession::found(&a.rows, &a.keys, &founding).unwrap();
            letters.push(step.commit(|_, _| Ok::<(), ()>(())).unwrap().1.welcome.unwrap());
        }
        assert_eq!(d.join(&letters[0]).update_at_once, last_resort);
        let again = GroupSession::join(&d.rows, &d.keys, &letters[1], &expectation());
        assert_eq!(again.is_ok(), last_resort);
    }
}

#[test]
fn a_leaf_that_says_it_is_somebody_else() {
    // The credential repeats the leaf key: lifted onto another key it is not a credential.
    let a = Device::new(1, MAILBOX);
    let credential = a.keys.credential().credential;
    assert!(Member::read(&credential, &a.keys.member().leaf.0).is_ok());
    assert!(Member::read(&credential, &SigningKey::generate().public().0).is_err());
    assert_eq!(a.keys.member().identity, IdentityId([1; 32]));
}

#[test]
fn private_halves_of_unused_packages_that_pile_up() {
    let mut d = Device::new(1, MAILBOX);
    let step = make_packages(&d.rows, &d.keys, Suite::Hybrid, 5, false, now_ms()).unwrap();
    let made = d.write(step);
    assert_eq!(d.rows.len(), 5);
    let handles: Vec<_> = made[1..].iter().map(|p| p.handle().clone()).collect();
    d.write(forget_packages(&handles));
    assert_eq!(d.rows.len(), 1);
    d.write(forget_packages(&handles));
    assert_eq!(d.rows.len(), 1);
}
