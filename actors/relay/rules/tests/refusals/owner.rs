//! Counters, rotation, settings, closing.

use crate::support::commands::{Home, sign_as};
use crate::support::{DAY, NOW, key};
use crate::{critical, opened};
use telesphor_wire::canonical;
use telesphor_wire::command::{DepositKeys, EraseRange, OwnerAct, RotateOwner, SignedOwnerCommand};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::mailbox::{Policy, next_key};
use telesphor_wire::sign::SigningKey;

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
fn a_relay_cannot_put_words_into_the_owners_mouth() {
    let home = Home::shared(1);
    let mut model = opened(&home);
    model.must(&home.owner_says(0, 1, 10, OwnerAct::SetCeiling(NOW + 31 * DAY)));
    let rewind = home.rewind_act(0, 1, &home.access(0, 1));
    model.must(&home.owner_says(0, 2, 11, OwnerAct::Rewind(Box::new(rewind))));
    // What readers get carries the owner's signature.
    assert_eq!(model.events.len(), 3);
    for (event, _) in model.events.values() {
        let said: SignedOwnerCommand = canonical::decode(event.payload.as_ref().unwrap()).unwrap();
        home.owner
            .public()
            .verify(&said.command, &said.signature)
            .unwrap();
    }
}
