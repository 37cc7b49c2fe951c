use telesphor_wire::command::{RewindStatement, commit_bytes_hash};
use telesphor_wire::sign::SigningKey;

use super::world::*;
use crate::attribution::Attributed;
use crate::overlay::Provider;
use crate::*;

fn plan() -> RewindPlan {
    RewindPlan {
        add: Vec::new(),
        remove: Vec::new(),
        why: WHY,
        lease: now_ms() + 1_000_000,
    }
}

fn stage(device: &mut Device, plan: &RewindPlan) -> StagedRewind {
    let step = device
        .session()
        .stage_rewind(&device.rows, &device.keys, plan, &anyone)
        .unwrap();
    device.write(step).1
}

/// `c` wedges the team by a commit that registers a false key, answering for it in its own name.
fn wedge(relay: &mut Relay, c: &mut Device, remove: Vec<u32>) {
    let mut bad = c.stage(&CommitPlan { remove, ..update() }).commit;
    bad.body.next_access = SigningKey::generate().public();
    let provider = Provider::new(&c.rows);
    let what = Attributed::commit(&bad.body);
    bad.body.attribution = c.session().attribute(&provider, &c.keys, 0, WHY, &what).unwrap();
    bad.access_signature = c.epoch_keys().access().sign(&bad.body);
    relay.commit_unchecked(&bad);
}

#[test]
fn an_insider_who_wedges_the_team_for_good() {
    let (mut relay, mut a, mut b, mut c) = three();
    wedge(&mut relay, &mut c, Vec::new());
    for d in [&mut a, &mut b] {
        assert_eq!(void(&d.read_one(&relay)).reason, VoidReason::WrongNextAccess);
    }
    let out = stage(
        &mut a,
        &RewindPlan {
            remove: vec![c.index()],
            ..plan()
        },
    );
    assert!(a.session().pending().unwrap().rewind);
    assert_eq!((out.branch, out.rewind.base_epoch), (0, 1));
    relay.rewind(&out.rewind);
    let own = a.read_one(&relay);
    assert!(moved(&own).own && moved(&own).change.rewind);
    assert_eq!((moved(&own).branch, moved(&own).epoch), (1, 2));
    moved(&b.read_one(&relay));
    // The insider, too, sees its own commit as void, and then its removal.
    let seen = c.read(&relay);
    assert!(matches!(seen[0], Received::Void(_)));
    assert!(matches!(seen[1], Received::Removed(_)));
    assert_eq!(a.epoch_keys().access_public(), relay.access);
    assert_eq!(a.epoch_keys().branch(), 1);
    talk(&mut relay, &mut [&mut a, &mut b]);
    let next = b.stage(&update());
    assert!(relay.commit(&next.commit));
    moved(&a.read_one(&relay));
    moved(&b.read_one(&relay));
    talk(&mut relay, &mut [&mut a, &mut b]);
}

#[test]
fn a_dead_branchs_access_key_that_lives_on() {
    let (mut relay, mut a, mut b, mut c) = three();
    let old = a.epoch_keys().access_public();
    wedge(&mut relay, &mut c, Vec::new());
    a.read(&relay);
    b.read(&relay);
    relay.rewind(&stage(&mut a, &plan()).rewind);
    a.read(&relay);
    b.read(&relay);
    assert_ne!(a.epoch_keys().access_public(), old);
    // Same base, same tree, another branch: another key.
    assert_eq!(b.epoch_keys().access_public(), relay.access);
    assert!(epoch_keys(&b.rows, MAILBOX, 0, 1).unwrap().is_some());
    assert!(epoch_keys(&b.rows, MAILBOX, 0, 2).unwrap().is_none());
}

#[test]
fn somebody_whom_the_dead_branch_removed_and_who_comes_back_unseen() {
    let (mut relay, mut a, mut b, mut c) = three();
    let leaf = b.index();
    wedge(&mut relay, &mut c, vec![leaf]);
    assert!(matches!(a.read_one(&relay), Received::Void(_)));
    // Being removed, b cannot check the key; it must not throw its state away for that.
    assert!(matches!(b.read_one(&relay), Received::Removed(_)));
    relay.rewind(&stage(&mut a, &plan()).rewind);
    let own = a.read_one(&relay);
    assert_eq!(moved(&own).returned, [b.keys.member().clone()]);
    let back = b.read_one(&relay);
    assert_eq!(moved(&back).epoch, 2);
    assert_eq!(b.session().standing(), Standing::Member);
    talk(&mut relay, &mut [&mut a, &mut b]);
}

#[test]
fn a_rewind_by_somebody_who_is_not_the_owner() {
    let (mut relay, mut a, mut b, mut c) = three();
    wedge(&mut relay, &mut c, Vec::new());
    a.read(&relay);
    b.read(&relay);
    let out = stage(&mut b, &plan());
    let before = a.rows.clone();
    relay.rewind_by(&out.rewind, &SigningKey::generate());
    assert_eq!(
        a.read_one(&relay),
        Received::RewindRefused(VoidReason::NotTheOwner)
    );
    assert_eq!(a.rows, before);
}

#[test]
fn a_rewind_that_a_member_can_replay_as_a_commit() {
    let (mut relay, mut a, mut b, mut c) = three();
    let out = stage(&mut a, &plan());
    let mut commit = c.stage(&update()).commit;
    commit.mls = out.rewind.mls.clone();
    commit.body.mls = out.hash;
    commit.body.next_access = out.rewind.next_access;
    commit.body.attribution = out.rewind.attribution.clone();
    commit.access_signature = c.epoch_keys().access().sign(&commit.body);
    relay.commit_unchecked(&commit);
    for d in [&mut a, &mut b, &mut c] {
        assert!(matches!(d.read_one(&relay), Received::Void(_)));
    }
    // And the rewind itself still leads on, staged anew.
    relay.rewind(&stage(&mut a, &plan()).rewind);
    for d in [&mut a, &mut b, &mut c] {
        moved(&d.read_one(&relay));
    }
    talk(&mut relay, &mut [&mut a, &mut b, &mut c]);
}

#[test]
fn a_member_who_had_gone_further_and_believes_it_is_still_in() {
    let (mut relay, mut a, mut b, mut c) = three();
    // Void for a and b by their policy, but c follows its own commit.
    let strict = |change: &Change| if change.rewind { Ok(()) } else { Err(Forbidden(1)) };
    let out = c.stage(&update());
    relay.commit(&out.commit);
    a.read_by(&relay, &strict);
    b.read_by(&relay, &strict);
    moved(&c.read_one(&relay));
    let package = c.package(Suite::Classical);
    let leaf = c.index();
    let out = stage(
        &mut a,
        &RewindPlan {
            add: vec![package],
            remove: vec![leaf],
            ..plan()
        },
    );
    relay.rewind(&out.rewind);
    moved(&a.read_one(&relay));
    moved(&b.read_one(&relay));
    assert_eq!(c.read_one(&relay), Received::Lost(Lost::RewoundBelow));
    let expect = Expectation {
        replace: true,
        ..expectation()
    };
    let step = GroupSession::join(&c.rows, &c.keys, &out.welcome.unwrap(), &expect).unwrap();
    c.write(step);
    assert_eq!(c.session().branch(), 1);
    talk(&mut relay, &mut [&mut a, &mut b, &mut c]);
}

#[test]
fn a_member_who_could_not_follow_the_owner_and_waits_for_ever() {
    let (mut relay, mut a, mut b, mut c) = three();
    let strict = |_: &Change| Err(Forbidden(1));
    let out = b.stage(&update());
    relay.commit(&out.commit);
    a.read(&relay);
    b.read(&relay);
    c.read_by(&relay, &strict);
    let out = stage(&mut a, &plan());
    relay.rewind(&out.rewind);
    moved(&a.read_one(&relay));
    moved(&b.read_one(&relay));
    assert_eq!(c.read_one(&relay), Received::Lost(Lost::RewoundAbove));
}

#[test]
fn a_rewind_with_a_false_key() {
    let (mut relay, mut a, mut b, mut c) = three();
    wedge(&mut relay, &mut c, Vec::new());
    a.read(&relay);
    b.read(&relay);
    let mut out = stage(&mut a, &plan());
    out.rewind.next_access = SigningKey::generate().public();
    relay.rewind(&out.rewind);
    assert_eq!(void(&b.read_one(&relay)).reason, VoidReason::RelayLied);
    assert_eq!(b.session().branch(), 0);
}

#[test]
fn a_rewind_without_effect_after_which_no_other_one_leads_on() {
    let (mut relay, mut a, mut b, mut c) = three();
    wedge(&mut relay, &mut c, Vec::new());
    for d in [&mut a, &mut b, &mut c] {
        d.read(&relay);
    }
    let mut rewind = stage(&mut a, &plan()).rewind;
    rewind.next_access = SigningKey::generate().public();
    let statement = RewindStatement {
        mailbox: MAILBOX,
        branch: 1,
        base_epoch: 1,
        mls: commit_bytes_hash(&rewind.mls),
        next_access: rewind.next_access,
        lease: rewind.lease,
        ext: rewind.ext.clone(),
    };
    rewind.base_signature = a.epoch_keys().access().sign(&statement);
    let provider = Provider::new(&a.rows);
    let what = Attributed::rewind(statement);
    rewind.attribution = a.session().attribute(&provider, &a.keys, 1, WHY, &what).unwrap();
    relay.rewind(&rewind);
    for d in [&mut a, &mut b, &mut c] {
        assert_eq!(void(&d.read_one(&relay)).reason, VoidReason::WrongNextAccess);
        assert_eq!((d.session().branch(), d.session().epoch()), (1, 1));
    }
    let second = stage(&mut a, &plan());
    assert_eq!((second.branch, second.rewind.base_epoch), (1, 1));
    relay.rewind(&second.rewind);
    for d in [&mut a, &mut b, &mut c] {
        let outcome = d.read_one(&relay);
        assert_eq!((moved(&outcome).branch, moved(&outcome).epoch), (2, 2));
    }
    talk(&mut relay, &mut [&mut a, &mut b, &mut c]);
}
