//! Ids, retries and time.

use crate::support::commands::{Home, signed_by};
use crate::support::{DAY, NOW, command};
use crate::{changed, opened};
use telesphor_rules::clock;
use telesphor_rules::effects::Decision;
use telesphor_wire::command::OwnerAct;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;

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
