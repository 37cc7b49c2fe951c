//! One test for each refusal, named after what would go wrong without it.
#![allow(clippy::unwrap_used)]

mod support;

use support::commands::{CEILING, Home, LEASE, enrol, package, sign_as, signed_by};
use support::model::Model;
use support::{DAY, NOW, admission, command, key, voucher};
use telesphor_rules::effects::{Decision, Gave};
use telesphor_rules::facts::{At, Token, token_hash};
use telesphor_rules::prepared::Prepared;
use telesphor_rules::{class, clock, decide};
use telesphor_wire::batch::Submission;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::command::*;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::{Extension, Extensions};
use telesphor_wire::ids::{MailboxId, PartitionId};
use telesphor_wire::mailbox::{EventKind, MailboxKind, Overflow, Policy, next_key};
use telesphor_wire::sign::SigningKey;

fn opened(home: &Home) -> Model {
    let mut model = Model::new();
    model.must(&home.open(1));
    model
}

fn critical() -> Extensions {
    Extensions::none().with(Extension {
        id: 7,
        critical: true,
        body: Bytes::default(),
    })
}

fn changed(s: &Submission, change: impl FnOnce(&mut Deposit)) -> Submission {
    let mut s = s.clone();
    if let Command::Deposit(d) = &mut s.command {
        change(d);
    }
    s
}

#[test]
fn a_stranger_cannot_tell_an_unknown_mailbox_from_one_that_is_not_his() {
    let (personal, shared, unknown) = (Home::personal(1), Home::shared(2), Home::shared(99));
    let mut model = opened(&personal);
    model.must(&shared.open(2));
    let mallory = key("mallory", 0);
    for home in [&personal, &shared, &unknown] {
        let deposit = home.deposit(0, 10, b"x");
        let word = |k: &SigningKey, right| {
            let mut w = deposit.word.unwrap();
            (w.key, w.right) = (k.public(), right);
            Submission {
                word: Some(w),
                ..deposit.clone()
            }
        };
        use telesphor_wire::session::Right;
        let mls = b"mls".as_slice();
        let body = home.commit_body(0, 1, 11, false, mls);
        let mut commit = home.commit_of(body.clone(), mls, None);
        if let Command::Commit(c) = &mut commit.command {
            c.access_signature = mallory.sign(&body);
        }
        let owner = |act| sign_as(&mallory, home.owner_command(0, 1, 12, act));
        let rotate = RotateOwner {
            reveal: mallory.public(),
            next: next_key(&mallory.public()),
        };
        let request = TakeRequest {
            mailbox: home.id,
            contact: mallory.public(),
            command_id: command(13),
            not_after: NOW + 1,
            ext: Extensions::none(),
        };
        let take = Command::Take(Take {
            signature: mallory.sign(&request),
            request,
        });
        let tries = vec![
            word(&mallory, Right::Deposit),
            word(&mallory, Right::Read),
            word(&mallory, Right::Owner),
            signed_by(&mallory, deposit.clone()),
            Submission {
                word: None,
                ..deposit.clone()
            },
            commit,
            owner(OwnerAct::Close(Extensions::none())),
            owner(OwnerAct::Acknowledge(1)),
            owner(OwnerAct::RotateOwner(rotate)),
            Submission {
                word: None,
                command: take,
            },
        ];
        for s in tries {
            let refusal = model.refusal(&s, NOW);
            assert_eq!((refusal.code, refusal.standing), (ErrorCode::Refused, None));
        }
    }
}

#[test]
fn a_word_for_one_mailbox_is_worth_nothing_in_another() {
    let (a, b) = (Home::personal(1), Home::personal(2));
    let mut model = opened(&a);
    model.must(&b.open(2));
    let astray = changed(&a.deposit(0, 10, b"x"), |d| d.mailbox = b.id);
    assert_eq!(model.refuses(&astray), ErrorCode::Refused);
}

#[test]
fn a_deposit_signed_for_something_else_is_refused() {
    let home = Home::personal(1);
    let mut model = opened(&home);
    let good = signed_by(&home.contact(0), home.deposit(0, 10, b"payload"));
    for spoil in [
        (|d: &mut Deposit| d.payload = b"other".as_slice().into()) as fn(&mut Deposit),
        |d| d.command_id = command(11),
        |d| d.not_after += 1,
    ] {
        assert_eq!(model.refuses(&changed(&good, spoil)), ErrorCode::Refused);
    }
    model.must(&good);
}

#[test]
fn a_retry_is_recognised_before_anything_else_is_looked_at() {
    let home = Home::shared(1);
    let mut model = opened(&home);
    let message = home.message(0, 1, 10, b"once");
    model.must(&message);
    model.must(&home.commit(0, 1, 11));
    model.must(&home.owner_says(0, 1, 12, OwnerAct::Close(Extensions::none())));
    // The epoch has ended, the mailbox is closed, and its time has just run out.
    let end = NOW + DAY + telesphor_wire::limits::DEDUPE_MARGIN_MS;
    assert!(matches!(model.submit(&message, end), Decision::Repeated(_)));
    assert_eq!(model.refuses_at(&message, end + 1), ErrorCode::Expired);
}

#[test]
fn the_same_id_with_another_body_is_refused() {
    let home = Home::personal(1);
    let mut model = opened(&home);
    model.must(&home.deposit(0, 10, b"first"));
    assert_eq!(
        model.refuses(&home.deposit(0, 10, b"second")),
        ErrorCode::OtherBody
    );
    // Two contacts who draw the same id do not meet.
    model.must(&home.deposit(1, 10, b"second"));
    // In a shared mailbox the scope is the mailbox: a retry under the next epoch's key is found.
    let team = Home::shared(2);
    model.must(&team.open(2));
    model.must(&team.message(0, 1, 20, b"first"));
    model.must(&team.commit(0, 1, 21));
    assert_eq!(
        model.refuses(&team.message(0, 2, 20, b"first")),
        ErrorCode::OtherBody
    );
}

#[test]
fn a_retry_by_signature_of_what_went_by_session_is_not_doubled() {
    let home = Home::personal(1);
    let mut model = opened(&home);
    let live = home.deposit(0, 10, b"payload");
    model.must(&live);
    let queued = signed_by(&home.contact(0), live);
    assert!(matches!(model.submit(&queued, NOW), Decision::Repeated(_)));
}

#[test]
fn too_late_and_too_far_ahead_are_refused() {
    let home = Home::personal(1);
    let mut model = opened(&home);
    let deposit = home.deposit(0, 10, b"x");
    assert_eq!(
        model.refuses(&changed(&deposit, |d| d.not_after = NOW - 1)),
        ErrorCode::Expired
    );
    assert_eq!(
        model.refuses(&changed(&deposit, |d| d.not_after = NOW + 7 * DAY + 1)),
        ErrorCode::TooFarAhead
    );
    model.must(&changed(&deposit, |d| d.not_after = NOW + 7 * DAY));
    model.must(&changed(&deposit, |d| {
        (d.not_after, d.command_id) = (NOW, command(11))
    }));
}

#[test]
fn time_never_falls_and_never_leaps_out_of_reach() {
    assert_eq!(clock::advance(0, NOW), NOW);
    assert_eq!(clock::advance(NOW, NOW - 1), NOW);
    assert_eq!(clock::advance(NOW, u64::MAX), NOW + clock::MAX_STEP_MS);
    assert_eq!(clock::advance(u64::MAX, 0), u64::MAX);
    let home = Home::personal(1);
    let mut model = opened(&home);
    model.submit(&home.deposit(0, 10, b"a"), NOW + 5);
    model.submit(&home.deposit(0, 11, b"b"), NOW - DAY);
    assert_eq!(model.head(&home.id).stamp, NOW + 5);
}

#[test]
fn a_mailbox_cannot_be_opened_without_a_good_voucher_or_twice() {
    let home = Home::personal(1);
    let mut model = Model::new();
    let spoiled = |spoil: &dyn Fn(&mut Open)| {
        let mut open = home.opening();
        spoil(&mut open);
        home.owner_says(0, 0, 1, OwnerAct::Open(Box::new(open)))
    };
    let resign = |open: &mut Open| open.voucher.signature = admission().sign(&open.voucher.statement);
    let invalid: Vec<Submission> = vec![
        spoiled(&|o| o.voucher.signature = key("mallory", 0).sign(&o.voucher.statement)),
        spoiled(&|o| o.voucher.statement.class = 2),
        spoiled(&|o| {
            o.voucher.statement.until = NOW - 1;
            resign(o);
        }),
        spoiled(&|o| {
            o.voucher.statement.domain = "other.example".parse().unwrap();
            resign(o);
        }),
        spoiled(&|o| {
            o.voucher.statement.class = 77;
            resign(o);
        }),
    ];
    for s in &invalid {
        assert_eq!(model.refuses(s), ErrorCode::AdmissionInvalid);
    }
    model.must(&home.open(1));
    // The same mailbox again with a fresh voucher, another mailbox with the spent one.
    let fresh = |o: &mut Open| {
        o.voucher.statement.voucher = voucher(5);
        resign(o);
    };
    let mut again = home.opening();
    fresh(&mut again);
    let again = home.owner_says(0, 0, 2, OwnerAct::Open(Box::new(again)));
    assert_eq!(model.refuses(&again), ErrorCode::AlreadyExists);
    let other = Home {
        id: support::mailbox(50),
        ..home.clone()
    };
    let mut open = other.opening();
    open.voucher = home.signed_voucher();
    let other = other.owner_says(0, 0, 3, OwnerAct::Open(Box::new(open)));
    assert_eq!(model.refuses(&other), ErrorCode::VoucherSpent);
}

#[test]
fn a_voucher_of_another_partition_could_be_spent_twice() {
    let home = Home::personal(1);
    let mut model = Model::new();
    model.domain = support::domain(4);
    let at = |home: &Home| At {
        partition: PartitionId::of(&home.id, 4),
        now: NOW,
    };
    let mut open = home.opening();
    open.voucher.statement.voucher.0[3] ^= 1;
    open.voucher.signature = admission().sign(&open.voucher.statement);
    let astray = home.owner_says(0, 0, 1, OwnerAct::Open(Box::new(open)));
    let refused = |d: Decision, code| assert!(matches!(d, Decision::Refused(r) if r.code == code));
    refused(
        decide(&model.domain, &model, &Prepared::new(&astray), at(&home)),
        ErrorCode::AdmissionInvalid,
    );
    // And no order but its own carries a mailbox.
    let elsewhere = At {
        partition: PartitionId((at(&home).partition.0 + 1) % 4),
        now: NOW,
    };
    let good = home.open(1);
    refused(
        decide(&model.domain, &model, &Prepared::new(&good), elsewhere),
        ErrorCode::NotAllowedHere,
    );
    assert!(matches!(
        decide(&model.domain, &model, &Prepared::new(&good), at(&home)),
        Decision::Accepted(_)
    ));
}

#[test]
fn an_opening_that_does_not_fit_together_is_refused() {
    let (personal, shared) = (Home::personal(1), Home::shared(2));
    let mut model = Model::new();
    let says = |home: &Home, spoil: &dyn Fn(&mut Open)| {
        let mut open = home.opening();
        spoil(&mut open);
        home.owner_says(0, 0, 1, OwnerAct::Open(Box::new(open)))
    };
    let cases = [
        (
            says(&personal, &|o| o.genesis.mailbox = MailboxId([1; 32])),
            ErrorCode::Malformed,
        ),
        (
            says(&personal, &|o| o.genesis.owner = key("x", 0).public()),
            ErrorCode::BadSignature,
        ),
        (
            says(&personal, &|o| {
                o.genesis.domain = "other.example".parse().unwrap()
            }),
            ErrorCode::NotAllowedHere,
        ),
        (
            says(&personal, &|o| o.access = Home::shared(1).opening().access),
            ErrorCode::WrongMailboxKind,
        ),
        (
            says(&personal, &|o| o.deposit_keys.0.truncate(7)),
            ErrorCode::Malformed,
        ),
        (
            says(&personal, &|o| o.deposit_keys.0.reverse()),
            ErrorCode::Malformed,
        ),
        (
            says(&personal, &|o| o.genesis.ext = critical()),
            ErrorCode::UnknownCritical,
        ),
        (
            says(&personal, &|o| o.genesis.policy.ext = critical()),
            ErrorCode::UnknownCritical,
        ),
        (says(&shared, &|o| o.access = None), ErrorCode::WrongMailboxKind),
        (
            says(&shared, &|o| o.deposit_keys = Home::personal(1).contacts()),
            ErrorCode::WrongMailboxKind,
        ),
        (
            says(&shared, &|o| o.access.as_mut().unwrap().lease = CEILING + 1),
            ErrorCode::LeaseTooLong,
        ),
    ];
    for (n, (s, code)) in cases.iter().enumerate() {
        assert_eq!(model.refuses(s), *code, "case {n}");
    }
    let counted = sign_as(
        &personal.owner,
        personal.owner_command(0, 1, 1, OwnerAct::Open(Box::new(personal.opening()))),
    );
    assert_eq!(model.refuses(&counted), ErrorCode::Malformed);
}

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
    let cases: [(fn(&mut CommitBody), ErrorCode); 4] = [
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

#[test]
fn an_old_owner_command_cannot_be_replayed() {
    let home = Home::personal(1);
    let mut model = opened(&home);
    let act = || OwnerAct::SetDepositKeys(DepositKeys::default());
    model.must(&home.owner_says(0, 1, 10, act()));
    for counter in [0, 1, 3, u64::MAX] {
        let refusal = model.refusal(&home.owner_says(0, counter, 11, act()), NOW);
        assert_eq!(
            (refusal.code, refusal.standing.unwrap().winner),
            (ErrorCode::WrongCounter, 1)
        );
    }
    assert_eq!(
        model.refuses(&home.owner_says(1, 2, 12, act())),
        ErrorCode::WrongBranch
    );
    let mut command = home.owner_command(0, 2, 13, act());
    command.ext = critical();
    assert_eq!(
        model.refuses(&sign_as(&home.owner, command)),
        ErrorCode::UnknownCritical
    );
}

#[test]
fn a_stolen_owner_key_cannot_rotate_and_the_committed_one_ends_it() {
    let home = Home::personal(1);
    let mut model = opened(&home);
    let to = |k: &SigningKey| RotateOwner {
        reveal: k.public(),
        next: next_key(&key("third", 0).public()),
    };
    let rotate =
        |signer: &SigningKey, r| sign_as(signer, home.owner_command(0, 1, 10, OwnerAct::RotateOwner(r)));
    assert_eq!(
        model.refuses(&rotate(&home.owner, to(&home.owner))),
        ErrorCode::Refused
    );
    assert_eq!(
        model.refuses(&rotate(&home.owner, to(&home.next))),
        ErrorCode::Refused
    );
    model.must(&rotate(&home.next, to(&home.next)));
    assert_eq!(
        model.refuses(&home.owner_says(0, 2, 11, OwnerAct::Acknowledge(1))),
        ErrorCode::Refused
    );
    model.must(&sign_as(
        &home.next,
        home.owner_command(0, 2, 12, OwnerAct::Acknowledge(1)),
    ));
}

#[test]
fn owner_acts_that_do_not_fit_the_mailbox_are_refused() {
    let (personal, shared) = (Home::personal(1), Home::shared(2));
    let mut model = opened(&personal);
    model.must(&shared.open(2));
    let rewind = shared.rewind_act(0, 1, &shared.access(0, 1));
    let many = |n: u64| {
        let mut keys: Vec<_> = (0..n).map(|k| key("many", k).public()).collect();
        keys.sort_unstable();
        keys
    };
    let listed = |n| {
        OwnerAct::SetPolicy(Policy {
            commit_keys: many(n),
            ..Policy::standard()
        })
    };
    let cases = [
        (&personal, OwnerAct::SetCeiling(NOW), ErrorCode::WrongMailboxKind),
        (
            &personal,
            OwnerAct::Rewind(Box::new(rewind)),
            ErrorCode::WrongMailboxKind,
        ),
        (
            &shared,
            OwnerAct::SetDepositKeys(DepositKeys::default()),
            ErrorCode::WrongMailboxKind,
        ),
        (&shared, shared.publish(0, 1, false), ErrorCode::WrongMailboxKind),
        (
            &personal,
            OwnerAct::SetDepositKeys(DepositKeys(many(1032))),
            ErrorCode::TooMany,
        ),
        (
            &personal,
            OwnerAct::SetDepositKeys(DepositKeys(many(9))),
            ErrorCode::Malformed,
        ),
        (&personal, listed(17), ErrorCode::TooMany),
        (&personal, OwnerAct::Close(critical()), ErrorCode::UnknownCritical),
        (&personal, OwnerAct::Acknowledge(2), ErrorCode::NoSuchRange),
        (
            &personal,
            OwnerAct::Erase(EraseRange { from: 0, to: 1 }),
            ErrorCode::NoSuchRange,
        ),
        (
            &personal,
            OwnerAct::Erase(EraseRange { from: 1, to: 2 }),
            ErrorCode::NoSuchRange,
        ),
        (
            &personal,
            OwnerAct::Erase(EraseRange { from: 2, to: 1 }),
            ErrorCode::NoSuchRange,
        ),
    ];
    for (n, (home, act, code)) in cases.into_iter().enumerate() {
        assert_eq!(model.refuses(&home.owner_says(0, 1, 100, act)), code, "case {n}");
    }
}

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
    let cases: [(fn(&mut Deposit), ErrorCode); 5] = [
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

#[test]
fn a_closed_mailbox_takes_nothing_more_but_gives_up_what_it_holds() {
    let home = Home::personal(1);
    let mut model = opened(&home);
    model.must(&home.deposit(0, 10, b"x"));
    model.must(&home.owner_says(0, 1, 11, home.publish(0, 1, false)));
    model.must(&home.owner_says(0, 2, 12, OwnerAct::Close(Extensions::none())));
    assert_eq!(model.refuses(&home.deposit(0, 13, b"y")), ErrorCode::Closed);
    assert_eq!(model.refuses(&home.take(0, 14)), ErrorCode::Closed);
    for act in [
        OwnerAct::Close(Extensions::none()),
        OwnerAct::SetDepositKeys(home.contacts()),
        home.publish(0, 1, false),
    ] {
        assert_eq!(model.refuses(&home.owner_says(0, 3, 15, act)), ErrorCode::Closed);
    }
    model.must(&home.owner_says(0, 3, 16, OwnerAct::Erase(EraseRange { from: 1, to: 2 })));
    model.must(&home.owner_says(0, 4, 17, OwnerAct::Acknowledge(3)));
}

#[test]
fn each_key_package_is_given_once_and_the_last_resort_again_and_again() {
    let home = Home::personal(1);
    let mut model = opened(&home);
    assert_eq!(model.refuses(&home.take(0, 9)), ErrorCode::NoKeyPackage);
    model.must(&home.owner_says(0, 1, 10, home.publish(0, 2, true)));
    let take = |model: &mut Model, id| match model.must(&home.take(0, id)).remember.gave {
        Gave::Package(p) => (p.package, p.last_resort, p.left),
        other => panic!("no package: {other:?}"),
    };
    assert_eq!(take(&mut model, 11), (package(0), false, 1));
    // A retry gets the same one again, and takes no other.
    match model.submit(&home.take(0, 11), NOW) {
        Decision::Repeated(known) => {
            assert!(matches!(known.gave, Gave::Package(p) if p.package == package(0)))
        }
        other => panic!("not recognised: {other:?}"),
    }
    assert_eq!(take(&mut model, 12), (package(1), false, 0));
    assert_eq!(take(&mut model, 13), (package(255), true, 0));
    assert_eq!(take(&mut model, 14), (package(255), true, 0));
    assert_eq!(model.refuses(&home.take(1, 15)), ErrorCode::NoKeyPackage);
    // Who is no longer a contact takes nothing, and nothing waits for him.
    model.must(&home.owner_says(0, 2, 16, OwnerAct::SetDepositKeys(DepositKeys::default())));
    assert_eq!(model.refuses(&home.take(0, 17)), ErrorCode::Refused);
    assert!(model.packages.is_empty() && model.stocks.is_empty());
    model.assert_invariants();
}

#[test]
fn a_stock_of_key_packages_is_bounded() {
    let home = Home::personal(1);
    let mut model = opened(&home);
    model.must(&home.owner_says(0, 1, 10, home.publish(0, 60, false)));
    assert_eq!(
        model.refuses(&home.owner_says(0, 2, 11, home.publish(0, 5, false))),
        ErrorCode::QuotaExceeded
    );
    assert_eq!(
        model.refuses(&home.owner_says(0, 2, 11, home.publish(0, 65, false))),
        ErrorCode::TooMany
    );
    let unknown = PublishKeyPackages {
        contact: key("x", 0).public(),
        packages: vec![package(0)],
        last_resort: None,
    };
    let unknown = OwnerAct::PublishKeyPackages(unknown);
    assert_eq!(
        model.refuses(&home.owner_says(0, 2, 11, unknown)),
        ErrorCode::Malformed
    );
    let short = PublishKeyPackages {
        contact: home.contact(0).public(),
        packages: vec![Bytes(vec![0; 10])],
        last_resort: None,
    };
    let short = OwnerAct::PublishKeyPackages(short);
    assert_eq!(
        model.refuses(&home.owner_says(0, 2, 11, short)),
        ErrorCode::Malformed
    );
}

#[test]
fn an_admission_token_gives_what_its_class_allows_and_no_more() {
    let mut model = Model::new();
    assert_eq!(model.refuses(&enrol(1, 0..1, 1)), ErrorCode::AdmissionInvalid);
    let class = class::DEVICE;
    model.tokens.insert(
        token_hash(&voucher(1)),
        Token {
            class: class.number,
            uses: 1,
            until: NOW,
        },
    );
    assert_eq!(model.refuses(&enrol(1, 0..0, 2)), ErrorCode::Malformed);
    assert_eq!(
        model.refuses(&enrol(1, 0..class.vouchers as u64 + 1, 2)),
        ErrorCode::TooMany
    );
    assert_eq!(
        model.clone().refuses_at(&enrol(1, 0..1, 2), NOW + 1),
        ErrorCode::AdmissionInvalid
    );
    let effects = model.must(&enrol(1, 0..2, 3));
    assert!(effects.mailbox.is_none());
    let Gave::Vouchers(first) = effects.remember.gave else {
        panic!("no vouchers")
    };
    assert_eq!(
        (first.vouchers.len(), first.class, first.until),
        (2, class.number, NOW + class::VOUCHER_LIFE_MS)
    );
    // Used up, but a retry gets the same vouchers.
    assert_eq!(model.refuses(&enrol(1, 0..2, 4)), ErrorCode::AdmissionInvalid);
    match model.submit(&enrol(1, 0..2, 3), NOW) {
        Decision::Repeated(known) => assert_eq!(known.gave, Gave::Vouchers(first)),
        other => panic!("not recognised: {other:?}"),
    }
}

#[test]
fn the_kinds_of_mailbox_do_not_mix() {
    let (personal, shared) = (Home::personal(1), Home::shared(2));
    let mut model = opened(&personal);
    model.must(&shared.open(2));
    assert_eq!(personal.kind, MailboxKind::Personal);
    assert_eq!(model.refuses(&personal.commit(0, 1, 10)), ErrorCode::Refused);
    assert_eq!(model.refuses(&shared.take(0, 11)), ErrorCode::Refused);
    assert_eq!(model.refuses(&shared.deposit(0, 12, b"x")), ErrorCode::Refused);
    assert_eq!(
        model.refuses(&personal.message(0, 0, 13, b"x")),
        ErrorCode::Refused
    );
}
