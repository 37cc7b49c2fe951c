use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{IdentityId, MailboxId};
use telesphor_wire::sign::SigningKey;

use super::world::*;
use crate::overlay::Provider;
use crate::*;

/// A team of two adds `d`, whose letter is on its way.
fn invited(suite: Suite) -> (Relay, Vec<Device>, Device, WelcomeLetter) {
    let (mut relay, mut devices) = team(2, suite);
    let mut d = Device::new(4, MAILBOX);
    let package = d.package(suite);
    let out = devices[0].stage(&CommitPlan {
        add: vec![package],
        ..update()
    });
    assert!(relay.commit(&out.commit));
    for x in &mut devices {
        x.read(&relay);
    }
    d.cursor = relay.log.len();
    (relay, devices, d, out.welcome.unwrap())
}

fn refuse(d: &Device, letter: &WelcomeLetter, expect: &Expectation) -> JoinError {
    let before = d.rows.clone();
    let e = GroupSession::join(&d.rows, &d.keys, letter, expect).unwrap_err();
    assert_eq!(d.rows, before);
    e
}

#[test]
fn a_welcome_that_does_not_open_and_burns_the_key_package() {
    let (mut relay, mut devices, mut d, letter) = invited(Suite::Hybrid);
    for at in [
        10,
        letter.welcome.len() / 3,
        letter.welcome.len() / 2,
        letter.welcome.len() - 1,
    ] {
        let mut bad = letter.clone();
        bad.welcome.0[at] ^= 1;
        let e = refuse(&d, &bad, &expectation());
        assert!(
            matches!(
                e,
                JoinError::Invalid | JoinError::NoPackage | JoinError::Malformed | JoinError::WeakSuite
            ),
            "{e:?}"
        );
    }
    let joined = d.join(&letter);
    assert_eq!(joined.by, *devices[0].keys.member());
    assert_eq!(joined.members.len(), 3);
    assert!(!joined.update_at_once);
    let [a, b] = devices.as_mut_slice() else { panic!() };
    talk(&mut relay, &mut [a, b, &mut d]);
    // Once used, the private half is gone for good.
    let mut again = Device {
        rows: d.rows.clone(),
        ..Device::new(5, MAILBOX)
    };
    again.keys = MemberKeys::new(
        IdentityId([4; 32]),
        SigningKey::generate().public(),
        &telesphor_wire::hash::Secret::random(),
    );
    let e = GroupSession::join(
        &again.rows,
        &d.keys,
        &letter,
        &Expectation {
            replace: true,
            ..expectation()
        },
    );
    assert_eq!(e.unwrap_err(), JoinError::NoPackage);
}

#[test]
fn a_group_passed_off_for_another_mailbox() {
    let (_, _, d, letter) = invited(Suite::Classical);
    let other = WelcomeLetter {
        mailbox: MailboxId([2; 32]),
        ..letter.clone()
    };
    assert_eq!(refuse(&d, &other, &expectation()), JoinError::OtherMailbox);
    let other = WelcomeLetter {
        domain: "clinic.example".parse().unwrap(),
        ..letter.clone()
    };
    assert_eq!(refuse(&d, &other, &expectation()), JoinError::OtherMailbox);
    let other = WelcomeLetter {
        epoch: 7,
        ..letter.clone()
    };
    assert_eq!(refuse(&d, &other, &expectation()), JoinError::OtherMailbox);
    let expect = Expectation {
        mailbox: Some(MailboxId([2; 32])),
        ..expectation()
    };
    assert_eq!(refuse(&d, &letter, &expect), JoinError::OtherMailbox);
    let expect = Expectation {
        owner: Some(IdentityId([2; 32])),
        ..expectation()
    };
    assert_eq!(refuse(&d, &letter, &expect), JoinError::OtherMailbox);
    let expect = Expectation {
        policy: Some(Digest([2; 32])),
        ..expectation()
    };
    assert_eq!(refuse(&d, &letter, &expect), JoinError::OtherMailbox);
}

#[test]
fn a_group_whose_access_key_is_not_the_mailboxs() {
    let (_, _, d, letter) = invited(Suite::Classical);
    let other = WelcomeLetter {
        access: SigningKey::generate().public(),
        ..letter.clone()
    };
    assert_eq!(refuse(&d, &other, &expectation()), JoinError::OtherAccess);
    let other = WelcomeLetter { branch: 1, ..letter };
    assert_eq!(refuse(&d, &other, &expectation()), JoinError::OtherAccess);
}

#[test]
fn a_weaker_group_than_agreed() {
    let (_, _, d, letter) = invited(Suite::Classical);
    let expect = Expectation {
        min_suite: Suite::Hybrid.code(),
        ..expectation()
    };
    assert_eq!(refuse(&d, &letter, &expect), JoinError::WeakSuite);
    // Nor can one be founded under its own minimum.
    let a = Device::new(1, MAILBOX);
    let founding = Founding {
        binding: binding(Suite::Hybrid),
        suite: Suite::Classical,
        members: vec![],
        now: now_ms(),
    };
    let e = GroupSession::found(&a.rows, &a.keys, &founding).unwrap_err();
    assert_eq!(e, SessionError::Binding(crate::binding::BadBinding));
}

#[test]
fn a_group_with_powers_that_this_version_does_not_know() {
    let a = Device::new(1, MAILBOX);
    for reserved in 0..2 {
        let mut b = binding(Suite::Classical);
        let list = if reserved == 0 {
            &mut b.roster
        } else {
            &mut b.emergency
        };
        list.push(SigningKey::generate().public());
        let founding = Founding {
            binding: b,
            suite: Suite::Classical,
            members: vec![],
            now: now_ms(),
        };
        assert!(GroupSession::found(&a.rows, &a.keys, &founding).is_err());
    }
}

#[test]
fn a_welcome_for_another_device() {
    let (_, _, _, letter) = invited(Suite::Classical);
    let other = Device::new(9, MAILBOX);
    assert_eq!(refuse(&other, &letter, &expectation()), JoinError::NoPackage);
}

#[test]
fn a_letter_of_another_version() {
    let (_, _, d, letter) = invited(Suite::Classical);
    assert_eq!(
        refuse(&d, &WelcomeLetter { version: 2, ..letter }, &expectation()),
        JoinError::Malformed
    );
}

#[test]
fn a_founder_who_is_alone_and_adds_everybody_later() {
    let (mut relay, mut devices) = team(1, Suite::Classical);
    assert_eq!(relay.epoch, 0);
    let a = &mut devices[0];
    assert_eq!(a.epoch_keys().access_public(), relay.access);
    let mut b = Device::new(2, MAILBOX);
    let package = b.package(Suite::Classical);
    let out = a.stage(&CommitPlan {
        add: vec![package],
        ..update()
    });
    assert!(relay.commit(&out.commit));
    a.read(&relay);
    b.cursor = 1;
    b.join(&out.welcome.unwrap());
    talk(&mut relay, &mut [a, &mut b]);
}

#[test]
fn a_group_founded_twice() {
    let (_, devices) = team(1, Suite::Classical);
    let founding = Founding {
        binding: binding(Suite::Classical),
        suite: Suite::Classical,
        members: vec![],
        now: now_ms(),
    };
    let e = GroupSession::found(&devices[0].rows, &devices[0].keys, &founding).unwrap_err();
    assert_eq!(e, SessionError::GroupExists);
}

/// A package that lives one or two seconds, as openmls counts them.
fn short_lived(d: &mut Device) -> (VerifiedPackage, u64) {
    use openmls::prelude::KeyPackage;
    let mut good = d.package(Suite::Classical);
    let until = now_ms() + 2_000;
    let provider = Provider::new(&d.rows);
    let package = KeyPackage::builder()
        .key_package_lifetime(crate::config::lifetime(now_ms(), 2_000))
        .leaf_node_capabilities(crate::binding::capabilities())
        .build(Suite::Classical.mls(), &provider, &d.keys, d.keys.credential())
        .unwrap()
        .into_key_package();
    provider.into_diff().apply_to(&mut d.rows);
    good.package = package;
    (good, until)
}

/// Nothing but the clock can bring this about; openmls reads the machine's.
fn wait_until_past(instant: u64) {
    while now_ms() <= instant {
        std::thread::yield_now();
    }
}

#[test]
fn a_sleeping_member_who_shuts_the_door_and_an_absentee_who_blames_others() {
    let (mut relay, mut a, mut b, mut c) = three();
    let mut sleeper = Device::new(7, MAILBOX);
    let (package, until) = short_lived(&mut sleeper);
    let out = a.stage(&CommitPlan {
        add: vec![package],
        ..update()
    });
    assert!(relay.commit(&out.commit));
    let ordered = relay.log[0].stamp;
    a.read(&relay);
    b.read(&relay);
    wait_until_past(until);

    // c was away for longer than the package lived: it is c that cannot follow, nobody is to blame.
    let before = c.rows.clone();
    assert_eq!(c.read_one(&relay), Received::Lost(Lost::AwayTooLong));
    assert_eq!(c.rows, before);
    // Had it been ordered after the package's end, its author would be to blame, for everybody.
    let mut late = relay.log[0].clone();
    late.stamp = ordered + 10_000;
    let outcome = c.receive(&late, &relay.owner.public(), &anyone);
    assert_eq!(void(&outcome).reason, VoidReason::BadPackage);

    // The sleeper's leaf is expired and was never updated; a newcomer joins all the same.
    assert!(
        a.session()
            .members()
            .unwrap()
            .iter()
            .any(|s| s.expires.is_some_and(|e| e <= now_ms()))
    );
    let mut d = Device::new(8, MAILBOX);
    let package = d.package(Suite::Classical);
    let out = a.stage(&CommitPlan {
        add: vec![package],
        ..update()
    });
    assert!(relay.commit(&out.commit));
    a.read(&relay);
    b.read(&relay);
    d.cursor = relay.log.len();
    let joined = d.join(&out.welcome.unwrap());
    assert_eq!(joined.members.len(), 5);
    talk(&mut relay, &mut [&mut a, &mut b, &mut d]);
}
