use telesphor_wire::hash::Digest;
use telesphor_wire::padding::Bucket;

use super::world::*;
use crate::*;

fn add(packages: Vec<VerifiedPackage>) -> CommitPlan {
    CommitPlan {
        add: packages,
        ..update()
    }
}

fn remove(leaf: u32) -> CommitPlan {
    CommitPlan {
        remove: vec![leaf],
        ..update()
    }
}

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
fn a_replayed_or_altered_message_that_eats_the_genuine_one() {
    let (mut relay, mut a, mut b, _) = three();
    let event = a.seal(b"once");
    let mut altered = event.clone();
    let last = altered.payload.0.len() - 1;
    altered.payload.0[last] ^= 1;
    relay.deposit(&altered);
    relay.deposit(&event);
    relay.deposit(&event);
    let heard = b.read(&relay);
    assert_eq!(heard[0], Received::Junk);
    assert_eq!(content(&heard[1]), b"once");
    assert_eq!(heard[2], Received::Junk);
}

#[test]
fn junk_that_stops_a_reader() {
    let (mut relay, mut a, mut b, _) = three();
    for junk in [vec![], vec![0; 3], vec![0xff; 4000], b"\0\x01\0\x02".to_vec()] {
        for kind in [1, 2, 3, 4, 5, 99] {
            relay.post(telesphor_wire::mailbox::EventKind(kind), junk.clone().into());
        }
    }
    let before = b.rows.clone();
    for outcome in b.read(&relay) {
        assert!(matches!(outcome, Received::Junk | Received::Past));
    }
    assert_eq!(b.rows, before);
    let event = a.seal(b"still here");
    relay.deposit(&event);
    assert_eq!(content(&b.read_one(&relay)), b"still here");
}

#[test]
fn a_message_of_the_next_epoch_that_is_lost_because_it_came_early() {
    let (mut relay, mut a, mut b, _) = three();
    let out = a.stage(&update());
    relay.commit(&out.commit);
    a.read(&relay);
    let event = a.seal(b"from epoch 2");
    relay.deposit(&event);
    let owner = relay.owner.public();
    let early = relay.log[1].clone();
    assert_eq!(
        b.receive(&early, &owner, &anyone),
        Received::Ahead { branch: 0, epoch: 2 }
    );
    b.cursor = 0;
    let heard = b.read(&relay);
    assert_eq!(content(&heard[1]), b"from epoch 2");
}

#[test]
fn an_absentee_who_cannot_read_on_from_where_it_left() {
    let (mut relay, mut a, mut b, mut c) = three();
    for round in 0..5u8 {
        let event = a.seal(&[round; 10]);
        relay.deposit(&event);
        let out = if round % 2 == 0 {
            a.stage(&update())
        } else {
            b.stage(&update())
        };
        relay.commit(&out.commit);
        a.read(&relay);
        b.read(&relay);
    }
    let heard = c.read(&relay);
    assert_eq!(heard.len(), 10);
    for (round, pair) in heard.chunks(2).enumerate() {
        assert_eq!(content(&pair[0]), [round as u8; 10]);
        moved(&pair[1]);
    }
    // The keys of every epoch it went through are kept, to show at the relay.
    for epoch in 1..=6 {
        let keys = epoch_keys(&c.rows, MAILBOX, 0, epoch).unwrap().unwrap();
        let same = epoch_keys(&a.rows, MAILBOX, 0, epoch).unwrap().unwrap();
        assert_eq!(keys.access_public(), same.access_public());
        assert_ne!(keys.pseudonym().public(), same.pseudonym().public());
        keys.access_public()
            .verify(keys.statement(), &keys.certificate())
            .unwrap();
        let old = epoch_keys(&c.rows, MAILBOX, 0, 1)
            .unwrap()
            .unwrap()
            .pseudonym()
            .public();
        let statement = telesphor_wire::session::PseudonymStatement {
            pseudonym: old,
            ..keys.statement().clone()
        };
        keys.access_public()
            .verify(&statement, &keys.certify(old))
            .unwrap();
    }
    let step = c.session().forget_epochs(&c.rows, 0, 6).unwrap();
    c.write(step);
    assert!(epoch_keys(&c.rows, MAILBOX, 0, 5).unwrap().is_none());
    assert!(epoch_keys(&c.rows, MAILBOX, 0, 6).unwrap().is_some());
}

#[test]
fn walking_ahead_on_a_scratch_copy_that_changes_the_real_state() {
    let (mut relay, mut a, mut b, mut c) = three();
    for _ in 0..3 {
        let out = a.stage(&update());
        relay.commit(&out.commit);
        a.read(&relay);
        b.read(&relay);
    }
    let before = c.rows.clone();
    let mut scratch = StateDiff::new();
    for event in &relay.log {
        let over = std::mem::take(&mut scratch);
        let layered = Layered::new(&c.rows, &over);
        let session = GroupSession::load(&layered, MAILBOX).unwrap().unwrap();
        let step = session
            .receive(
                &layered,
                &c.keys,
                event.incoming(),
                &relay.owner.public(),
                &anyone,
            )
            .unwrap();
        scratch = over.clone();
        step.stack(&mut scratch);
    }
    let layered = Layered::new(&c.rows, &scratch);
    let keys = epoch_keys(&layered, MAILBOX, 0, 4).unwrap().unwrap();
    assert_eq!(keys.access_public(), relay.access);
    assert_eq!(c.rows, before);
    // And the same difference, written at once, is the real thing.
    scratch.apply_to(&mut c.rows);
    c.cursor = relay.log.len();
    talk(&mut relay, &mut [&mut a, &mut b, &mut c]);
}

#[test]
fn a_proposal_that_is_forgotten_and_a_sender_who_ignores_it() {
    let (mut relay, mut a, mut b, mut c) = three();
    let step = c.session().propose_remove(&c.rows, &c.keys, c.index()).unwrap();
    let leave = c.write(step).1;
    relay.deposit(&leave);
    assert!(matches!(a.read_one(&relay), Received::Proposed(change) if change.removed.len() == 1));
    assert!(matches!(b.read_one(&relay), Received::Proposed(_)));
    assert_eq!(c.read_one(&relay), Received::Echo);
    let refused = a.session().seal(&a.rows, &a.keys, b"x", Bucket::Message);
    assert_eq!(refused.unwrap_err(), SessionError::MustCommitFirst);
    assert_eq!(a.session().standing(), Standing::MustCommit);
    let out = a.stage(&update());
    assert!(relay.commit(&out.commit));
    let change = moved(&a.read_one(&relay)).change.clone();
    assert_eq!(change.removed[0].member, *c.keys.member());
    assert_eq!(change.proposed_by[0].member, *c.keys.member());
    moved(&b.read_one(&relay));
    assert!(matches!(c.read_one(&relay), Received::Removed(_)));
    talk(&mut relay, &mut [&mut a, &mut b]);
}

#[test]
fn a_proposal_made_twice_whose_author_cannot_follow_the_commit() {
    let (mut relay, mut a, mut b, mut c) = three();
    let leaf = c.index();
    let propose = |d: &Device| d.session().propose_remove(&d.rows, &d.keys, leaf);
    for _ in 0..2 {
        let event = b.write(propose(&b).unwrap()).1;
        relay.deposit(&event);
    }
    for d in [&mut a, &mut b, &mut c] {
        d.read(&relay);
    }
    assert_eq!(propose(&b).unwrap_err(), SessionError::AlreadyProposed);
    let out = a.stage(&update());
    assert!(relay.commit(&out.commit));
    assert_eq!(moved(&a.read_one(&relay)).change.removed.len(), 1);
    moved(&b.read_one(&relay));
    assert!(matches!(c.read_one(&relay), Received::Removed(_)));
}

#[test]
fn a_proposal_that_was_never_ordered_and_voids_its_authors_commit() {
    let (mut relay, mut a, mut b, mut c) = three();
    let step = b.session().propose_remove(&b.rows, &b.keys, c.index()).unwrap();
    b.write(step);
    // The relay refused it; it must not slip into the next commit, which the others could not open.
    let out = b.stage(&update());
    assert!(relay.commit(&out.commit));
    for d in [&mut a, &mut b, &mut c] {
        assert!(moved(&d.read_one(&relay)).change.removed.is_empty());
    }
    talk(&mut relay, &mut [&mut a, &mut b, &mut c]);
}

#[test]
fn a_member_added_by_somebody_elses_proposal_who_does_not_come_in() {
    let (mut relay, mut a, mut b, mut c) = three();
    let mut d = Device::new(4, MAILBOX);
    let package = d.package(Suite::Classical);
    let step = b.session().propose_add(&b.rows, &b.keys, &package).unwrap();
    relay.deposit(&b.write(step).1);
    for x in [&mut a, &mut b, &mut c] {
        x.read_one(&relay);
    }
    let out = a.stage(&update());
    assert!(relay.commit(&out.commit));
    for x in [&mut a, &mut b, &mut c] {
        assert_eq!(moved(&x.read_one(&relay)).change.added, [d.keys.member().clone()]);
    }
    d.cursor = relay.log.len();
    d.join(&out.welcome.unwrap());
    talk(&mut relay, &mut [&mut a, &mut b, &mut c, &mut d]);
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
fn sizes_that_tell_how_much_was_said() {
    let (_, mut a, _, _) = three();
    let sizes: Vec<usize> = [0, 1, 100, 400]
        .map(|n| a.seal(&vec![1; n]).payload.len())
        .to_vec();
    assert!(sizes.windows(2).all(|w| w[0] == w[1]), "{sizes:?}");
    let framing = sizes[0] - 512;
    for (len, bucket) in [(1000, 2048), (4000, 4096), (30_000, 32_768), (65_000, 65_536)] {
        assert_eq!(
            a.seal(&vec![1; len]).payload.len(),
            bucket + framing + usize::from(bucket >= 16_384) * 2
        );
    }
    let step = a
        .session()
        .seal(&a.rows, &a.keys, &[1; 10], Bucket::Uniform)
        .unwrap();
    assert_eq!(a.write(step).1.payload.len(), 8192 + framing);
    let refused = a
        .session()
        .seal(&a.rows, &a.keys, &vec![1; 65_500], Bucket::Message);
    assert_eq!(refused.unwrap_err(), SessionError::TooLarge);
}

#[test]
fn commits_whose_size_tells_the_shape_of_the_team() {
    for suite in [Suite::Classical, Suite::Hybrid] {
        let (mut relay, mut devices) = team(7, suite);
        let mut d = Device::new(50, MAILBOX);
        let package = d.package(suite);
        for plan in [update(), add(vec![package]), remove(2)] {
            let out = devices[0].stage(&plan);
            let framing = 70..100;
            let size = out.commit.mls.len();
            let bucket = Bucket::Handshake
                .sizes()
                .iter()
                .find(|b| framing.contains(&size.saturating_sub(**b)));
            assert!(bucket.is_some(), "{suite:?}: {size} lies in no bucket");
            assert_eq!(
                out.commit.body.attribution.len(),
                telesphor_wire::limits::ATTRIBUTION_BYTES
            );
            assert!(relay.commit(&out.commit));
            devices[0].read(&relay);
        }
    }
}

/// The header of a private message, read as the relay could: version, wire format, group id, epoch,
/// content type, authenticated data.
#[test]
fn anything_in_clear_that_a_relay_does_not_know_anyway() {
    let (_, mut a, _, _) = three();
    let payload = a.seal(b"x").payload.0;
    let mut expected = vec![0, 1, 0, 2, 32];
    expected.extend_from_slice(&MAILBOX.0);
    expected.extend_from_slice(&1u64.to_be_bytes());
    expected.extend_from_slice(&[1, 0]);
    assert_eq!(payload[..expected.len()], expected);
}

#[test]
fn secrets_of_past_epochs_that_pile_up_in_the_store() {
    let (mut relay, mut a, mut b, mut c) = three();
    let mut counts = Vec::new();
    for _ in 0..4 {
        for who in 0..3 {
            let d = [&mut a, &mut b, &mut c].into_iter().nth(who).unwrap();
            let out = d.stage(&update());
            assert!(relay.commit(&out.commit));
            for d in [&mut a, &mut b, &mut c] {
                d.read(&relay);
            }
        }
        talk(&mut relay, &mut [&mut a, &mut b, &mut c]);
        counts.push(b.rows.keys().filter(|k| k[0] == b'm').count());
    }
    assert!(counts.windows(2).all(|w| w[0] == w[1]), "{counts:?}");
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
fn a_sender_who_skips_many_messages_and_is_never_heard_again() {
    let (mut relay, mut a, mut b, _) = three();
    for _ in 0..2000 {
        a.seal(b"gave way");
    }
    let event = a.seal(b"the newest");
    relay.deposit(&event);
    assert_eq!(content(&b.read_one(&relay)), b"the newest");
}

#[test]
fn suites_compared_by_their_number() {
    assert!(Suite::Hybrid.meets(Suite::HybridLight.code()));
    assert!(!Suite::HybridLight.meets(Suite::Hybrid.code()));
    assert!(!Suite::Classical.meets(Suite::HybridLight.code()));
    assert!(!Suite::Hybrid.meets(0x0002));
    assert_eq!(Suite::default(), Suite::Hybrid);
}
