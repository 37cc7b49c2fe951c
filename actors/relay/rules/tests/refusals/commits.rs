//! Epochs, leases and rewinds.

use crate::support::commands::{CEILING, Home, LEASE};
use crate::support::{DAY, NOW, key};
use crate::{changed, critical, opened};
use telesphor_rules::effects::Decision;
use telesphor_wire::batch::Submission;
use telesphor_wire::command::{Command, CommitBody, OwnerAct, commit_bytes_hash};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::mailbox::Policy;
use telesphor_wire::sign::SigningKey;

/// How a command is spoilt, and what it is then refused with.
type Case = (fn(&mut CommitBody), ErrorCode);

#[test]
fn a_commit_that_comes_second_learns_where_the_first_one_stands() {
    let home = Home::shared(1);
    let mut model = opened(&home);
    model.must(&home.message(0, 1, 9, b"m"));
    let won = model.must(&home.commit(0, 1, 10)).mailbox.unwrap().head;
    model.must(&home.message(0, 2, 12, b"later"));
    let refusal = model.refusal(&home.commit(0, 1, 11), NOW);
    let standing = refusal.standing.unwrap();
    assert_eq!(refusal.code, ErrorCode::EpochConflict);
    assert_eq!(
        (standing.winner, standing.seq, standing.epoch, standing.hash),
        (3, 3, 2, won.hash)
    );
}

#[test]
fn a_deposit_ordered_after_the_commit_that_ended_its_epoch_is_refused() {
    let home = Home::shared(1);
    let mut model = opened(&home);
    model.must(&home.commit(0, 1, 10));
    let refusal = model.refusal(&home.message(0, 1, 11, b"late"), NOW);
    assert_eq!(
        (refusal.code, refusal.standing.unwrap().winner),
        (ErrorCode::WrongEpoch, 2)
    );
    // The current key cannot pass off a message of an earlier or later epoch or branch either.
    let current = home.message(0, 2, 12, b"x");
    assert_eq!(
        model.refuses(&changed(&current, |d| d.epoch = 1)),
        ErrorCode::WrongEpoch
    );
    assert_eq!(
        model.refuses(&changed(&current, |d| d.branch = 1)),
        ErrorCode::WrongBranch
    );
    model.must(&current);
}

#[test]
fn nothing_goes_in_after_the_lease_but_what_the_owner_signs_too() {
    let home = Home::shared(1);
    let mut model = opened(&home);
    let late = LEASE + 1;
    let timely = |s: &Submission| changed(s, |d| d.not_after = late + 1);
    assert_eq!(
        model.refuses_at(&timely(&home.message(0, 1, 10, b"x")), late),
        ErrorCode::LeaseOver
    );
    let mls = b"mls".as_slice();
    let mut body = home.commit_body(0, 1, 11, false, mls);
    (body.not_after, body.lease) = (late + 1, LEASE + DAY);
    assert_eq!(
        model.refuses_at(&home.commit_of(body.clone(), mls, None), late),
        ErrorCode::LeaseOver
    );
    let stranger = home.commit_of(body.clone(), mls, Some(&key("x", 0)));
    assert_eq!(model.refuses_at(&stranger, late), ErrorCode::NotListed);
    let mut forged = home.commit_of(body.clone(), mls, Some(&key("x", 0)));
    if let Command::Commit(c) = &mut forged.command {
        c.second = c.second.map(|(_, s)| (home.owner.public(), s));
    }
    assert_eq!(model.refuses_at(&forged, late), ErrorCode::BadSignature);
    let both = home.commit_of(body, mls, Some(&home.owner));
    assert!(matches!(model.submit(&both, late), Decision::Accepted(_)));
    assert!(matches!(
        model.submit(&timely(&home.message(0, 2, 12, b"x")), late),
        Decision::Accepted(_)
    ));
}

#[test]
fn a_grantee_cannot_prolong_himself() {
    let home = Home::shared(1);
    let mut model = opened(&home);
    let mls = b"mls".as_slice();
    let mut body = home.commit_body(0, 1, 10, false, mls);
    body.lease = CEILING + 1;
    assert_eq!(
        model.refuses(&home.commit_of(body.clone(), mls, None)),
        ErrorCode::LeaseTooLong
    );
    // Only the owner moves the ceiling, and lowering it ends access at once.
    model.must(&home.owner_says(0, 1, 11, OwnerAct::SetCeiling(CEILING + 1)));
    model.must(&home.commit_of(body, mls, None));
    model.must(&home.owner_says(0, 2, 12, OwnerAct::SetCeiling(NOW - 1)));
    assert_eq!(model.refuses(&home.message(0, 2, 13, b"x")), ErrorCode::LeaseOver);
}

#[test]
fn a_malformed_commit_does_not_end_an_epoch() {
    let home = Home::shared(1);
    let mut model = opened(&home);
    let mls = b"mls".as_slice();
    let cases: [Case; 4] = [
        (|b| b.attribution.0.truncate(10), ErrorCode::Malformed),
        (|b| b.mls = commit_bytes_hash(b"other"), ErrorCode::Malformed),
        (|b| b.ext = critical(), ErrorCode::UnknownCritical),
        (|b| b.lease = u64::MAX, ErrorCode::LeaseTooLong),
    ];
    for (spoil, code) in cases {
        let mut body = home.commit_body(0, 1, 10, false, mls);
        spoil(&mut body);
        assert_eq!(model.refuses(&home.commit_of(body, mls, None)), code);
    }
    // The removed member would keep the key, and with it access.
    let mut body = home.commit_body(0, 1, 10, false, mls);
    body.next_access = home.access(0, 1).public();
    assert_eq!(
        model.refuses(&home.commit_of(body, mls, None)),
        ErrorCode::Malformed
    );
    let large = vec![0; telesphor_wire::limits::MAX_PAYLOAD_BYTES + 1];
    let body = home.commit_body(0, 1, 10, false, &large);
    assert_eq!(
        model.refuses(&home.commit_of(body, &large, None)),
        ErrorCode::TooLarge
    );
}

#[test]
fn after_a_rewind_the_dead_branch_is_dead_and_only_listed_keys_commit() {
    let home = Home::shared(1);
    let mut model = opened(&home);
    model.must(&home.commit(0, 1, 10));
    model.must(&home.commit(0, 2, 11));
    let rewind =
        |branch, base, key: &SigningKey| OwnerAct::Rewind(Box::new(home.rewind_act(branch, base, key)));
    let base = home.access(0, 2);
    assert_eq!(
        model.refuses(&home.owner_says(0, 1, 12, rewind(0, 2, &key("x", 0)))),
        ErrorCode::BadSignature
    );
    assert_eq!(
        model.refuses(&home.owner_says(0, 1, 12, rewind(0, 9, &base))),
        ErrorCode::WrongEpoch
    );
    model.must(&home.owner_says(0, 1, 12, rewind(0, 2, &base)));
    let head = model.head(&home.id);
    assert_eq!((head.branch, head.epoch, head.seq), (1, 3, 4));
    // Neither the base's key nor the dead branch's deposits or commits.
    for epoch in [2, 3] {
        assert_eq!(
            model.refuses(&home.message(0, epoch, 20 + epoch, b"x")),
            ErrorCode::WrongBranch
        );
        assert_eq!(
            model.refuses(&home.commit(0, epoch, 30 + epoch)),
            ErrorCode::WrongBranch
        );
    }
    let mut as_base = home.message(1, 2, 40, b"x");
    as_base.word.as_mut().unwrap().key = base.public();
    assert_eq!(model.refuses(&as_base), ErrorCode::WrongEpoch);
    // One wedge per insider: now the owner or a listed key must sign.
    assert_eq!(model.refuses(&home.commit(1, 3, 50)), ErrorCode::NotListed);
    let listed = key("commit key", 0);
    let mut keys = vec![listed.public(), key("commit key", 1).public()];
    keys.sort_unstable();
    let policy = Policy {
        commit_keys: keys,
        ..model.mailboxes[&home.id].profile.policy.clone()
    };
    model.must(&home.owner_says(1, 2, 51, OwnerAct::SetPolicy(policy)));
    let mls = b"mls".as_slice();
    model.must(&home.commit_of(home.commit_body(1, 3, 52, false, mls), mls, Some(&listed)));
    // A rewind of the rewind, back to the same base.
    model.must(&home.owner_says(1, 3, 53, rewind(1, 2, &base)));
    assert_eq!((model.head(&home.id).branch, model.head(&home.id).epoch), (2, 3));
    model.assert_invariants();
}
