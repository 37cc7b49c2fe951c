//! Members of a team who come, go and commit.

use telesphor_wire::hash::Digest;
use telesphor_wire::padding::Bucket;

use super::world::*;
use crate::*;

#[test]
fn two_members_of_a_hybrid_group_who_cannot_hear_each_other() {
    let (mut relay, mut devices) = team(2, Suite::Hybrid);
    let [a, b] = devices.as_mut_slice() else { panic!() };
    assert_eq!(a.session().suite(), Some(Suite::Hybrid));
    assert_eq!(a.epoch_keys().access_public(), relay.access);
    talk(&mut relay, &mut [a, b]);
    for _ in 0..3 {
        let out = b.stage(&update());
        assert!(relay.commit(&out.commit));
        assert!(!moved(&a.read_one(&relay)).own);
        assert!(moved(&b.read_one(&relay)).own);
        assert_eq!(a.session().authenticator(), b.session().authenticator());
        talk(&mut relay, &mut [a, b]);
    }
}

#[test]
fn a_team_of_ten_in_which_somebody_is_left_behind() {
    let (mut relay, mut devices) = team(10, Suite::Hybrid);
    for i in 0..10 {
        let out = devices[i].stage(&update());
        assert!(relay.commit(&out.commit));
        for d in &mut devices {
            moved(&d.read_one(&relay));
            assert_eq!(d.epoch_keys().access_public(), relay.access);
        }
    }
    talk(&mut relay, &mut devices.iter_mut().collect::<Vec<_>>());
}

#[test]
fn a_removed_member_who_can_still_derive_fetch_or_read() {
    let (mut relay, mut a, mut b, mut c) = three();
    let out = a.stage(&remove(c.index()));
    assert!(relay.commit(&out.commit));
    a.read(&relay);
    b.read(&relay);
    assert!(matches!(c.read_one(&relay), Received::Removed(_)));
    assert_eq!(c.session().standing(), Standing::Removed);
    assert_ne!(c.epoch_keys().access_public(), relay.access);
    assert!(epoch_keys(&c.rows, MAILBOX, 0, 2).unwrap().is_none());

    let event = a.seal(b"after the removal");
    relay.deposit(&event);
    assert_eq!(content(&b.read_one(&relay)), b"after the removal");
    assert_eq!(c.read_one(&relay), Received::Past);
    let refused = c.session().seal(&c.rows, &c.keys, b"let me in", Bucket::Message);
    assert_eq!(refused.unwrap_err(), SessionError::NotMember);
    // Not even the bare group, with the state it kept, opens it.
    let mut session = c.session();
    let provider = crate::overlay::Provider::new(&c.rows);
    let opened = session.open(&provider, &event.payload, now_ms()).unwrap();
    assert!(!matches!(opened, crate::receive::Opened::Processed(_)));
}

#[test]
fn two_commits_at_once_that_both_win() {
    let (mut relay, mut a, mut b, mut c) = three();
    let from_a = a.stage(&update());
    let from_b = b.stage(&update());
    assert!(relay.commit(&from_b.commit));
    assert!(!relay.commit(&from_a.commit));
    assert_eq!(a.session().pending().unwrap().commit, from_a.hash);
    let lost = a.read_one(&relay);
    assert_eq!(moved(&lost).superseded, Some(from_a.hash));
    assert!(moved(&b.read_one(&relay)).own);
    c.read(&relay);
    assert_eq!(a.session().pending(), None);
    talk(&mut relay, &mut [&mut a, &mut b, &mut c]);
    let again = a.stage(&update());
    assert!(relay.commit(&again.commit));
    for d in [&mut a, &mut b, &mut c] {
        moved(&d.read_one(&relay));
    }
    talk(&mut relay, &mut [&mut a, &mut b, &mut c]);
}

#[test]
fn a_refused_commit_that_blocks_its_author_for_ever() {
    let (mut relay, mut a, mut b, _) = three();
    a.stage(&update());
    let step = a.session().give_up_commit(&a.rows).unwrap();
    a.write(step);
    let out = a.stage(&update());
    assert!(relay.commit(&out.commit));
    assert!(moved(&a.read_one(&relay)).own);
    moved(&b.read_one(&relay));
}

#[test]
fn a_given_up_commit_that_wins_and_is_taken_for_somebody_elses() {
    let (mut relay, mut a, mut b, _) = three();
    let out = a.stage(&update());
    let step = a.session().give_up_commit(&a.rows).unwrap();
    a.write(step);
    assert!(relay.commit(&out.commit));
    let before = a.rows.clone();
    assert_eq!(a.read_one(&relay), Received::Lost(Lost::OwnCommitGivenUp));
    assert_eq!(a.rows, before);
    moved(&b.read_one(&relay));
}

#[test]
fn a_member_who_lost_its_state_and_cannot_come_back() {
    let (mut relay, mut a, mut b, mut c) = three();
    let old = c.index();
    let package = c.package(Suite::Classical);
    let out = a.stage(&CommitPlan {
        remove: vec![old],
        ..add(vec![package])
    });
    assert!(relay.commit(&out.commit));
    let change = moved(&a.read_one(&relay)).change.clone();
    assert_eq!(change.rejoining().count(), 1);
    moved(&b.read_one(&relay));
    c.cursor = relay.log.len();
    let letter = out.welcome.unwrap();
    let refused = GroupSession::join(&c.rows, &c.keys, &letter, &expectation()).unwrap_err();
    assert_eq!(refused, JoinError::Session(SessionError::GroupExists));
    let step = GroupSession::join(
        &c.rows,
        &c.keys,
        &letter,
        &Expectation {
            replace: true,
            ..expectation()
        },
    )
    .unwrap();
    c.write(step);
    assert!(
        epoch_keys(&c.rows, MAILBOX, 0, 1).unwrap().is_some(),
        "old access keys stay"
    );
    talk(&mut relay, &mut [&mut a, &mut b, &mut c]);
}

#[test]
fn a_new_policy_that_only_its_author_knows() {
    let (mut relay, mut a, mut b, _) = three();
    let out = a.stage(&CommitPlan {
        policy: Some(Digest([8; 32])),
        ..update()
    });
    relay.commit(&out.commit);
    a.read(&relay);
    assert_eq!(moved(&b.read_one(&relay)).change.policy, Some(Digest([8; 32])));
    assert_eq!(b.session().binding().policy, Digest([8; 32]));
    assert_eq!(a.session().binding(), b.session().binding());
}

#[test]
fn a_commit_that_our_own_policy_forbids_is_sent_all_the_same() {
    let (_, mut a, _, c) = three();
    let strict = |change: &Change| {
        if change.removed.is_empty() {
            Ok(())
        } else {
            Err(Forbidden(3))
        }
    };
    let before = a.rows.clone();
    let refused = a
        .session()
        .stage_commit(&a.rows, &a.keys, &remove(c.index()), &strict);
    assert_eq!(refused.unwrap_err(), SessionError::Forbidden(Forbidden(3)));
    assert_eq!(a.rows, before);
    a.stage(&update());
}

#[test]
fn a_forgotten_group_that_leaves_keys_behind() {
    let (mut relay, mut a, mut b, _) = three();
    let out = a.stage(&update());
    relay.commit(&out.commit);
    b.read(&relay);
    let step = b.session().forget(&b.rows).unwrap();
    b.write(step);
    assert_eq!(b.rows.len(), 0);
    assert!(GroupSession::load(&b.rows, MAILBOX).unwrap().is_none());
}

#[test]
fn keys_of_another_device_that_send_in_its_name() {
    let (_, a, b, _) = three();
    let refused = a.session().seal(&a.rows, &b.keys, b"x", Bucket::Message);
    assert_eq!(refused.unwrap_err(), SessionError::OtherKeys);
}

#[test]
fn suites_compared_by_their_number() {
    assert!(Suite::Hybrid.meets(Suite::HybridLight.code()));
    assert!(!Suite::HybridLight.meets(Suite::Hybrid.code()));
    assert!(!Suite::Classical.meets(Suite::HybridLight.code()));
    assert!(!Suite::Hybrid.meets(0x0002));
    assert_eq!(Suite::default(), Suite::Hybrid);
}
