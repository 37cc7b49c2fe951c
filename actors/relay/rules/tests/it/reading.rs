//! What may be read, by whom, and until when.
#![allow(clippy::unwrap_used)]

use crate::support;

use support::commands::{CEILING, Home, LEASE};
use support::model::Model;
use support::{DAY, NOW, key};
use telesphor_rules::read::{Claim, may_hold};
use telesphor_wire::command::OwnerAct;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::mailbox::{EventKind, Policy};
use telesphor_wire::session::Right;

fn member(home: &Home, branch: u32, epoch: u64) -> Claim {
    Claim {
        right: Right::Read,
        branch,
        epoch,
        key: home.access(branch, epoch).public(),
        reader: key("pseudonym", 0).public(),
        current: None,
    }
}

fn opened(home: &Home) -> Model {
    let mut model = Model::new();
    model.must(&home.open(1));
    model
}

/// Sequence numbers whose payload a claim gets to see.
fn seen(model: &Model, home: &Home, claim: &Claim) -> Vec<u64> {
    let Ok(span) = model.may_read(&home.id, claim, NOW) else {
        return Vec::new();
    };
    let events = model
        .events
        .range((home.id, 0)..=(home.id, u64::MAX))
        .map(|(_, (e, _))| &e.header);
    events
        .filter(|h| h.seq > span.after && h.seq <= span.to && span.shows(h))
        .map(|h| h.seq)
        .collect()
}

#[test]
fn a_removed_member_fetches_nothing_after_the_commit_that_removed_him() {
    let home = Home::shared(1);
    let mut model = opened(&home);
    model.must(&home.message(0, 1, 10, b"2"));
    model.must(&home.commit(0, 1, 11));
    model.must(&home.message(0, 2, 12, b"4"));
    model.must(&home.commit(0, 2, 13));
    model.must(&home.message(0, 3, 14, b"6"));
    assert_eq!(seen(&model, &home, &member(&home, 0, 1)), [1, 2, 3]);
    assert_eq!(seen(&model, &home, &member(&home, 0, 2)), [4, 5]);
    assert_eq!(seen(&model, &home, &member(&home, 0, 3)), [6]);
    assert!(seen(&model, &home, &member(&home, 0, 4)).is_empty());
    let wrong = Claim {
        key: home.access(0, 3).public(),
        ..member(&home, 0, 2)
    };
    assert_eq!(model.may_read(&home.id, &wrong, NOW), Err(ErrorCode::Refused));
}

#[test]
fn after_a_cut_an_old_key_alone_opens_no_message() {
    let home = Home::shared(1);
    let mut model = opened(&home);
    model.must(&home.message(0, 1, 10, b"2"));
    let mls = b"mls".as_slice();
    model.must(&home.commit_of(home.commit_body(0, 1, 11, true, mls), mls, None));
    model.must(&home.message(0, 2, 12, b"4"));
    let old = member(&home, 0, 1);
    assert_eq!(
        seen(&model, &home, &old),
        [1, 3],
        "commits and the owner's acts, no messages"
    );
    let both = Claim {
        current: Some((0, 2)),
        ..old
    };
    assert_eq!(seen(&model, &home, &both), [1, 2, 3]);
    assert_eq!(seen(&model, &home, &member(&home, 0, 2)), [4]);
    // Having been current once is not enough.
    model.must(&home.commit(0, 2, 13));
    assert_eq!(seen(&model, &home, &both), [1, 3]);
    let foreign = support::commands::Home::shared(2);
    assert_eq!(
        model
            .events
            .values()
            .filter(|(e, _)| e.header.kind == EventKind::COMMIT)
            .count(),
        2
    );
    assert_ne!(foreign.id, home.id);
}

#[test]
fn who_stayed_at_the_base_reads_on_to_the_rewind() {
    let home = Home::shared(1);
    let mut model = opened(&home);
    model.must(&home.commit(0, 1, 10));
    let rewind = home.rewind_act(0, 1, &home.access(0, 1));
    model.must(&home.owner_says(0, 1, 11, OwnerAct::Rewind(Box::new(rewind))));
    model.must(&home.message(1, 2, 12, b"4"));
    assert_eq!(seen(&model, &home, &member(&home, 0, 1)), [1, 2, 3]);
    assert_eq!(
        seen(&model, &home, &member(&home, 0, 2)),
        [3],
        "the dead branch ends with the rewind"
    );
    assert_eq!(seen(&model, &home, &member(&home, 1, 2)), [4]);
    let base_in_new = Claim {
        key: home.access(0, 1).public(),
        ..member(&home, 1, 1)
    };
    assert!(seen(&model, &home, &base_in_new).is_empty());
}

#[test]
fn on_the_day_after_the_lease_nothing_is_served() {
    let home = Home::shared(1);
    let mut model = opened(&home);
    let claim = member(&home, 0, 1);
    assert!(model.may_read(&home.id, &claim, LEASE).is_ok());
    assert_eq!(
        model.may_read(&home.id, &claim, LEASE + 1),
        Err(ErrorCode::LeaseOver)
    );
    // A later commit prolongs the mailbox, not the key that has run out.
    let mls = b"mls".as_slice();
    let mut body = home.commit_body(0, 1, 10, false, mls);
    body.lease = CEILING;
    model.must(&home.commit_of(body, mls, None));
    assert_eq!(
        model.may_read(&home.id, &claim, LEASE + 1),
        Err(ErrorCode::LeaseOver)
    );
    assert!(model.may_read(&home.id, &member(&home, 0, 2), LEASE + 1).is_ok());
    // The owner lowers the ceiling: over for everybody, at once.
    model.must(&home.owner_says(0, 1, 11, OwnerAct::SetCeiling(NOW + DAY)));
    assert_eq!(
        model.may_read(&home.id, &member(&home, 0, 2), NOW + DAY + 1),
        Err(ErrorCode::LeaseOver)
    );
}

#[test]
fn a_depositor_reads_nothing_and_an_owner_everything() {
    let home = Home::personal(1);
    let model = opened(&home);
    let claim = |right, key| Claim {
        right,
        branch: 0,
        epoch: 0,
        key,
        reader: key,
        current: None,
    };
    let (owner, contact) = (home.owner.public(), home.contact(0).public());
    let id = &home.id;
    assert!(model.may_read(id, &claim(Right::Owner, owner), u64::MAX).is_ok());
    for (right, key) in [
        (Right::Deposit, contact),
        (Right::Read, contact),
        (Right::Read, owner),
        (Right::Owner, contact),
    ] {
        assert_eq!(
            model.may_read(id, &claim(right, key), NOW),
            Err(ErrorCode::Refused)
        );
    }
    let mailbox = &model.mailboxes[id];
    assert!(may_hold(Some(mailbox), None, &claim(Right::Deposit, contact), NOW).is_ok());
    let mallory = key("mallory", 0).public();
    for right in [Right::Owner, Right::Deposit, Right::Read] {
        let known = may_hold(Some(mailbox), None, &claim(right, mallory), NOW).unwrap_err();
        let unknown = may_hold(None, None, &claim(right, mallory), NOW).unwrap_err();
        assert_eq!(known, unknown, "a stranger cannot tell the two apart");
    }
}

#[test]
fn what_has_run_out_is_hidden_at_once_unless_it_is_protected() {
    let mut home = Home::personal(1);
    home.policy = Policy {
        keep_ms: Some(DAY),
        ..Policy::standard()
    };
    let mut model = opened(&home);
    let claim = Claim {
        right: Right::Owner,
        branch: 0,
        epoch: 0,
        key: home.owner.public(),
        reader: home.owner.public(),
        current: None,
    };
    let not_before = |model: &Model| {
        model
            .may_read(&home.id, &claim, NOW + 2 * DAY)
            .unwrap()
            .not_before
    };
    assert_eq!(not_before(&model), NOW + DAY);
    let held = Policy {
        hold: true,
        ..home.policy.clone()
    };
    model.must(&home.owner_says(0, 1, 10, OwnerAct::SetPolicy(held)));
    assert_eq!(not_before(&model), 0);
}
