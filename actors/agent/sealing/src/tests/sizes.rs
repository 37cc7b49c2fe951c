//! The size of a commit, known before it is made.

use super::world::*;
use crate::commit::Contents;
use crate::overlay::Provider;
use crate::*;

/// What was foretold, and what it is, without padding.
fn sizes(device: &Device, add: &[VerifiedPackage], remove: &[u32]) -> (usize, usize) {
    let contents = Contents {
        add,
        remove,
        policy: None,
    };
    let mut session = device.session();
    let least = crate::shape::least_size(&session.group, &contents).unwrap();
    let provider = Provider::new(&device.rows);
    session.pad_to(&provider, 1).unwrap();
    let built = session.build(&provider, &device.keys, &contents).unwrap();
    (least, built.mls.len())
}

fn holds(what: &str, (least, size): (usize, usize)) {
    assert!(
        least <= size && size - least < 400,
        "{what}: foretold {least}, is {size}"
    );
}

#[test]
fn a_commit_that_is_made_twice_to_learn_its_size() {
    for suite in [Suite::Classical, Suite::Hybrid] {
        for n in [2u8, 3, 7, 20] {
            let (mut relay, mut devices) = team(n, suite);
            let mut new = Device::new(200, MAILBOX);
            let mut another = Device::new(201, MAILBOX);
            let packages = [new.package(suite), another.package(suite)];
            holds("cold", sizes(&devices[0], &[], &[]));
            holds("cold, other", sizes(&devices[1], &[], &[]));
            for i in (0..usize::from(n)).step_by(2) {
                let out = devices[i].stage(&update());
                assert!(relay.commit(&out.commit));
                devices.iter_mut().for_each(|d| _ = d.read_one(&relay));
                holds("warmer", sizes(&devices[1], &[], &[]));
            }
            holds("adding", sizes(&devices[1], &packages, &[]));
            if n > 3 {
                let out = devices[1].stage(&add(packages.to_vec()));
                assert!(relay.commit(&out.commit));
                devices.iter_mut().for_each(|d| _ = d.read_one(&relay));
                holds("with unmerged leaves", sizes(&devices[0], &[], &[]));
                holds("removing", sizes(&devices[0], &[], &[2, 5]));
                let out = devices[0].stage(&remove(3));
                assert!(relay.commit(&out.commit));
                devices.iter_mut().for_each(|d| _ = d.read_one(&relay));
                holds("with a gap", sizes(&devices[1], &[], &[]));
                let third = [Device::new(202, MAILBOX).package(suite)];
                holds("filling the gap", sizes(&devices[1], &third, &[0]));
            }
        }
    }
}

#[test]
fn a_team_too_large_for_a_commit_finds_out_after_the_work() {
    let suite = Suite::Hybrid;
    let package = |_| Device::new(9, MAILBOX).package(suite);
    let mut founder = Device::new(1, MAILBOX);
    let founding = Founding {
        binding: binding(suite),
        suite,
        members: (0..950).map(package).collect(),
        now: now_ms(),
    };
    let step = GroupSession::found(&founder.rows, &founder.keys, &founding).unwrap();
    founder.write(step);
    let before = founder.rows.clone();
    let refused = founder
        .session()
        .stage_commit(&founder.rows, &founder.keys, &update(), &anyone);
    assert_eq!(refused.unwrap_err(), SessionError::TooLarge);
    assert_eq!(founder.rows, before);
    let contents = Contents {
        add: &[],
        remove: &[],
        policy: None,
    };
    let foretold = founder.session().least_bucket(&contents);
    assert_eq!(foretold.unwrap_err(), SessionError::TooLarge);
}
