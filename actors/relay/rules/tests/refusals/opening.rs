//! Vouchers, tokens and opening.

use crate::critical;
use crate::support::commands::{CEILING, Home, enrol, sign_as};
use crate::support::model::Model;
use crate::support::{NOW, admission, key, voucher};
use telesphor_rules::effects::{Decision, Gave};
use telesphor_rules::facts::{At, Token, token_hash};
use telesphor_rules::prepared::Prepared;
use telesphor_rules::{class, decide};
use telesphor_wire::batch::Submission;
use telesphor_wire::command::{Open, OwnerAct};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::{MailboxId, PartitionId};

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
        id: crate::support::mailbox(50),
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
    model.domain = crate::support::domain(4);
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
