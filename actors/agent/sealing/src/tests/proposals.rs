//! What a member proposes and another commits.

use telesphor_wire::padding::Bucket;

use super::world::*;
use crate::*;

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
