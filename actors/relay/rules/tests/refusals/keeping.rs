//! Quota, hold, overflow and form.

use std::sync::Arc;

use crate::support::NOW;
use crate::support::commands::Home;
use crate::support::model::Model;
use crate::{changed, critical, opened};
use telesphor_rules::read::Claim;
use telesphor_rules::state::Mailbox;
use telesphor_rules::{blobs, class};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::command::{Deposit, EraseRange, OwnerAct};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::mailbox::{EventKind, Overflow, Policy};
use telesphor_wire::session::Right;

/// How a command is spoilt, and what it is then refused with.
type Case = (fn(&mut Deposit), ErrorCode);

#[test]
fn under_hold_or_a_retention_duty_nothing_goes() {
    let home = Home::personal(1);
    for policy in [
        Policy {
            hold: true,
            ..Policy::standard()
        },
        Policy {
            no_erase_before: NOW + 1,
            ..Policy::standard()
        },
    ] {
        let mut model = opened(&home);
        model.must(&home.deposit(0, 10, b"evidence"));
        let dutiful = Policy {
            overflow: Overflow::DropOldest,
            max_events: 3,
            keep_ms: Some(1),
            ..policy.clone()
        };
        model.must(&home.owner_says(0, 1, 11, OwnerAct::SetPolicy(dutiful)));
        let erase = OwnerAct::Erase(EraseRange { from: 2, to: 2 });
        assert_eq!(
            model.refuses(&home.owner_says(0, 2, 12, erase)),
            ErrorCode::OnHold
        );
        assert_eq!(
            model.refuses(&home.deposit(0, 13, b"more")),
            ErrorCode::QuotaExceeded
        );
        model.must(&home.owner_says(0, 2, 14, OwnerAct::Acknowledge(2)));
        assert!(model.events.values().all(|(e, _)| e.payload.is_some()));
        if policy.no_erase_before > 0 {
            let earlier = OwnerAct::SetPolicy(Policy::standard());
            assert_eq!(
                model.refuses(&home.owner_says(0, 3, 15, earlier)),
                ErrorCode::OnHold
            );
        } else {
            // What was acknowledged meanwhile goes when the hold does.
            model.must(&home.owner_says(0, 3, 15, OwnerAct::SetPolicy(Policy::standard())));
            assert_eq!(model.head(&home.id).floor, 2);
        }
        model.assert_invariants();
    }
}

#[test]
fn a_file_goes_under_hold_or_a_retention_duty_or_stays_when_its_time_is_over() {
    let home = Home::personal(1);
    let model = opened(&home);
    let mut mailbox = model.mailboxes[&home.id].clone();
    let owner = mailbox.profile.owner;
    let claim = Claim {
        right: Right::Owner,
        branch: 0,
        epoch: 0,
        key: owner,
        reader: owner,
        current: None,
    };
    let detach =
        |mailbox: &Mailbox, kept, now| blobs::may_detach(mailbox, &claim, kept, now).map_err(|r| r.code);
    let standing = Policy {
        keep_ms: Some(10),
        ..Policy::standard()
    };
    let hold = Policy {
        hold: true,
        ..standing.clone()
    };
    let duty = Policy {
        no_erase_before: NOW + 100,
        ..standing.clone()
    };
    for (policy, ends) in [(hold, None), (duty, Some(NOW + 100))] {
        Arc::make_mut(&mut mailbox.profile).policy = policy;
        assert_eq!(detach(&mailbox, true, NOW), Err(ErrorCode::OnHold));
        // What is only shown there is kept elsewhere.
        assert_eq!(detach(&mailbox, false, NOW), Ok(()));
        assert!(
            !blobs::is_over(Some(&mailbox), 0, NOW),
            "its time was over before"
        );
        if let Some(ends) = ends {
            assert_eq!(detach(&mailbox, true, ends), Ok(()));
            assert!(blobs::is_over(Some(&mailbox), ends - 11, ends));
        }
    }
    Arc::make_mut(&mut mailbox.profile).policy = standing;
    assert_eq!(detach(&mailbox, true, NOW), Ok(()));
    assert!(!blobs::is_over(Some(&mailbox), NOW - 10, NOW));
    assert!(blobs::is_over(Some(&mailbox), NOW - 11, NOW) && blobs::is_over(None, NOW, NOW));
    let other = Claim {
        right: Right::Read,
        ..claim
    };
    let refused = blobs::may_detach(&mailbox, &other, false, NOW).map_err(|r| r.code);
    assert_eq!(refused, Err(ErrorCode::NotOwner));
}

#[test]
fn a_full_mailbox_refuses_but_never_a_removal_or_an_erasure() {
    let mut home = Home::shared(1);
    home.policy.max_bytes = 5000;
    let mut model = opened(&home);
    model.must(&home.message(0, 1, 10, &[1; 3000]));
    assert_eq!(
        model.refuses(&home.message(0, 1, 11, &[1; 3000])),
        ErrorCode::QuotaExceeded
    );
    model.must(&home.commit(0, 1, 12));
    model.must(&home.owner_says(0, 1, 13, OwnerAct::Erase(EraseRange { from: 2, to: 2 })));
    model.must(&home.message(0, 2, 14, &[1; 1000]));
    model.assert_invariants();
}

#[test]
fn an_erasure_looks_at_every_hole_of_its_mailbox() {
    let home = Home::personal(1);
    let mut model = opened(&home);
    for n in 0..200 {
        model.must(&home.deposit(0, 10 + n, &[1; 10]));
    }
    let erase = |model: &mut Model, act, from, to| {
        let before = model.marks_read.get();
        model.must(&home.owner_says(0, act, 300 + act, OwnerAct::Erase(EraseRange { from, to })));
        model.assert_invariants();
        model.marks_read.get() - before
    };
    for act in 1..=80 {
        erase(&mut model, act, 2 * act + 1, 2 * act + 1);
    }
    // What it takes and the floor: not the eighty holes before it, each of which would be two.
    assert!(erase(&mut model, 81, 170, 175) <= 8);
    // Over holes: those within are looked at.
    erase(&mut model, 82, 50, 60);
    erase(&mut model, 83, 1, 100);
}

#[test]
fn the_class_bounds_what_the_policy_allows() {
    let mut home = Home::personal(1);
    home.class = class::DEVICE.number;
    home.policy = Policy {
        max_bytes: u64::MAX,
        max_events: u64::MAX,
        ..Policy::standard()
    };
    let model = opened(&home);
    let quota = model.mailboxes[&home.id].quota();
    assert_eq!(quota, (class::DEVICE.max_bytes, class::DEVICE.max_events));
}

#[test]
fn the_oldest_gives_way_where_the_newest_matters_most() {
    let mut home = Home::personal(1);
    home.policy = Policy {
        max_events: 3,
        overflow: Overflow::DropOldest,
        ..Policy::standard()
    };
    let mut model = opened(&home);
    for n in 0..10 {
        model.must(&home.deposit(0, 10 + n, &[n as u8; 10]));
        model.assert_invariants();
    }
    let kept: Vec<_> = model
        .events
        .values()
        .filter(|(e, _)| e.payload.is_some())
        .map(|(e, _)| e.header.seq)
        .collect();
    assert_eq!(kept, [9, 10, 11]);
    let small = Policy {
        max_bytes: 100,
        overflow: Overflow::DropOldest,
        ..Policy::standard()
    };
    model.must(&home.owner_says(0, 1, 30, OwnerAct::SetPolicy(small)));
    assert_eq!(
        model.refuses(&home.deposit(0, 31, &[0; 101])),
        ErrorCode::QuotaExceeded
    );
}

#[test]
fn a_deposit_out_of_form_is_refused() {
    let home = Home::personal(1);
    let mut model = opened(&home);
    let deposit = home.deposit(0, 10, b"x");
    let cases: [Case; 5] = [
        (|d| d.kind = EventKind::COMMIT, ErrorCode::NotAllowedHere),
        (|d| d.epoch = 1, ErrorCode::Malformed),
        (|d| d.branch = 1, ErrorCode::Malformed),
        (|d| d.ext = critical(), ErrorCode::UnknownCritical),
        (
            |d| d.payload = Bytes(vec![0; telesphor_wire::limits::MAX_PAYLOAD_BYTES + 1]),
            ErrorCode::TooLarge,
        ),
    ];
    for (spoil, code) in cases {
        assert_eq!(model.refuses(&changed(&deposit, spoil)), code);
    }
    // A kind of a newer version is kept and passed on.
    model.must(&changed(&deposit, |d| d.kind = EventKind(64)));
}
