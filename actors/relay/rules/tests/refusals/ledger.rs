//! The dispense ledger.

use crate::critical;
use crate::support::ledger::{MINUTE, Rx};
use crate::support::model::Model;
use crate::support::{DAY, NOW, key};
use telesphor_rules::effects::{Decision, Gave, GivenStep};
use telesphor_wire::batch::Submission;
use telesphor_wire::command::Command;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ledger::*;
use telesphor_wire::limits::RX_PARTS;

const THIRD: u64 = RX_PARTS / 3;

fn given(decision: Decision) -> GivenStep {
    match decision {
        Decision::Accepted(effects) => match effects.remember.gave {
            Gave::Step(given) => *given,
            other => panic!("another answer: {other:?}"),
        },
        Decision::Repeated(known) => match known.gave {
            Gave::Step(given) => *given,
            other => panic!("another answer: {other:?}"),
        },
        Decision::Told(Gave::Step(given)) => *given,
        other => panic!("refused: {other:?}"),
    }
}

fn standing(model: &mut Model, rx: &Rx, now: u64) -> EntryStanding {
    given(model.submit(&rx.says(9_999, rx.look()), now)).standing
}

#[test]
fn a_look_opens_an_entry_or_is_remembered() {
    let (rx, mut model) = (Rx::new(1), Model::new());
    let before = standing(&mut model, &rx, NOW);
    assert_eq!((before.free, before.confirmed), (RX_PARTS, 0));
    assert!(model.entries.is_empty() && model.memories.is_empty());
    model.must(&rx.says(1, rx.reserve(1, THIRD)));
    // The same question, under the same id, gets today's answer.
    assert_eq!(standing(&mut model, &rx, NOW).reserved, THIRD);
}

#[test]
fn a_second_pharmacy_at_the_same_moment_gets_what_is_left_and_no_more() {
    let (rx, mut model) = (Rx::new(1), Model::new());
    model.must(&rx.says(1, rx.reserve(1, 2 * THIRD)));
    assert_eq!(
        model.refuses(&rx.says(2, rx.reserve(2, 2 * THIRD))),
        ErrorCode::RxNotEnough
    );
    model.must(&rx.says(3, rx.reserve(2, THIRD)));
    model.must(&rx.says(4, rx.confirm(1, 2 * THIRD)));
    model.must(&rx.says(5, rx.confirm(2, THIRD)));
    let after = standing(&mut model, &rx, NOW);
    assert_eq!((after.confirmed, after.free, after.reserved), (3 * THIRD, 1, 0));
}

#[test]
fn a_fifth_reservation_is_taken_or_four_hold_the_prescription_for_ever() {
    let (rx, mut model) = (Rx::new(1), Model::new());
    for n in 1..=4 {
        model.must(&rx.says(n, rx.reserve(n, 1)));
    }
    assert_eq!(
        model.refuses(&rx.says(5, rx.reserve(5, 1))),
        ErrorCode::RxAllTaken
    );
    // One lets go, and its place is free at once.
    model.must(&rx.says(6, rx.release(2)));
    model.must(&rx.says(7, rx.reserve(5, 1)));
    // The others die: half an hour later there is room.
    let later = NOW + 31 * MINUTE;
    assert!(matches!(
        model.submit(&rx.says(8, rx.reserve(6, RX_PARTS)), later),
        Decision::Accepted(_)
    ));
}

#[test]
fn a_pharmacy_that_died_keeps_parts_that_it_reserved() {
    let (rx, mut model) = (Rx::new(1), Model::new());
    model.must(&rx.says(1, rx.reserve(1, RX_PARTS)));
    let later = NOW + 30 * MINUTE + 1;
    assert_eq!(standing(&mut model, &rx, later).free, RX_PARTS);
    model.submit(&rx.says(2, rx.reserve(2, THIRD)), later);
    // It comes back: what it had reserved is no longer there as a whole, and it is told so by a step.
    let late = given(model.submit(&rx.says(3, rx.confirm(1, RX_PARTS)), later));
    assert_eq!(late.step.unwrap().kind, StepKind::Released);
    assert_eq!((late.standing.confirmed, late.standing.reserved), (0, THIRD));
    // Where nobody has taken it meanwhile, what is late is confirmed.
    let (rx, mut model) = (Rx::new(2), Model::new());
    model.must(&rx.says(5, rx.reserve(1, RX_PARTS)));
    let late = given(model.submit(&rx.says(6, rx.confirm(1, RX_PARTS)), later));
    assert_eq!(late.step.unwrap().kind, StepKind::Confirmed);
}

#[test]
fn a_late_question_confirms_what_its_repetition_was_refused() {
    let (rx, mut model) = (Rx::new(1), Model::new());
    model.must(&rx.says(1, rx.reserve(1, RX_PARTS)));
    let later = NOW + 30 * MINUTE + 1;
    model.submit(&rx.says(2, rx.reserve(2, THIRD)), later);
    // The first asking lies at a relay that is cut off. Its repetition is told that there is not enough ...
    let repeated = given(model.submit(&rx.says(3, rx.confirm(1, RX_PARTS)), later));
    // ... then there is again, and the first is carried out.
    model.submit(&rx.says(4, rx.release(2)), later);
    let first = given(model.submit(&rx.says(5, rx.confirm(1, RX_PARTS)), later));
    assert_eq!(first.step, repeated.step);
    assert_eq!((first.standing.free, first.standing.confirmed), (RX_PARTS, 0));
    // The same of one that came while the prescription was stopped.
    let (rx, mut model) = (Rx::new(2), Model::new());
    model.must(&rx.says(6, rx.reserve(1, THIRD)));
    model.must(&rx.says(7, rx.reserve(2, THIRD)));
    model.must(&rx.says(8, rx.hold(1, NOW + DAY)));
    let stopped = given(model.submit(&rx.says(9, rx.confirm(2, THIRD)), NOW));
    model.must(&rx.says(10, rx.answered(1)));
    let first = given(model.submit(&rx.says(11, rx.confirm(2, THIRD)), NOW));
    assert_eq!(first.step, stopped.step);
    assert_eq!(first.step.unwrap().kind, StepKind::Released);
    // And of one that its own pharmacy let go.
    let (rx, mut model) = (Rx::new(3), Model::new());
    model.must(&rx.says(12, rx.reserve(1, THIRD)));
    let let_go = given(model.submit(&rx.says(13, rx.release(1)), NOW));
    let first = given(model.submit(&rx.says(14, rx.confirm(1, THIRD)), NOW));
    assert_eq!(first.step, let_go.step);
}

#[test]
fn a_retry_under_another_id_draws_twice() {
    let (rx, mut model) = (Rx::new(1), Model::new());
    let first = given(model.submit(&rx.says(1, rx.reserve(1, THIRD)), NOW));
    let again = given(model.submit(&rx.says(2, rx.reserve(1, THIRD)), NOW + 1));
    assert_eq!(first.step, again.step);
    let confirmed = given(model.submit(&rx.says(3, rx.confirm(1, THIRD)), NOW + 2));
    for id in 4..10 {
        let again = given(model.submit(&rx.says(id, rx.confirm(1, THIRD)), NOW + id));
        assert_eq!(again.step, confirmed.step);
    }
    assert_eq!(standing(&mut model, &rx, NOW + 20).confirmed, THIRD);
    // A key that has drawn never draws again, whatever ticket comes with it.
    assert_eq!(
        model.refuses_at(&rx.says(20, rx.reserve(1, 7)), NOW + 20),
        ErrorCode::RxTicketUsed
    );
    assert_eq!(
        model.refuses_at(&rx.says(21, rx.confirm(1, 7)), NOW + 20),
        ErrorCode::RxNotReserved
    );
}

#[test]
fn what_was_handed_over_is_taken_back() {
    let (rx, mut model) = (Rx::new(1), Model::new());
    model.must(&rx.says(1, rx.reserve(1, THIRD)));
    model.must(&rx.says(2, rx.confirm(1, THIRD)));
    assert_eq!(model.refuses(&rx.says(3, rx.release(1))), ErrorCode::RxHandedOver);
    // What was let go can neither be confirmed nor reserved on the same ticket again.
    model.must(&rx.says(4, rx.reserve(2, THIRD)));
    model.must(&rx.says(5, rx.release(2)));
    let again = given(model.submit(&rx.says(6, rx.confirm(2, THIRD)), NOW));
    assert_eq!(again.step.unwrap().kind, StepKind::Released);
    assert_eq!(
        model.refuses(&rx.says(7, rx.reserve(2, THIRD))),
        ErrorCode::RxTicketUsed
    );
}

#[test]
fn a_cancelled_prescription_is_dispensed() {
    let (rx, mut model) = (Rx::new(1), Model::new());
    model.must(&rx.says(1, rx.reserve(1, THIRD)));
    model.must(&rx.says(2, rx.confirm(1, THIRD)));
    model.must(&rx.says(3, rx.reserve(2, THIRD)));
    let ended = given(model.submit(&rx.says(4, rx.cancel()), NOW));
    // The prescriber learns what was dispensed, and what was set aside and now is not.
    assert_eq!(
        (ended.standing.confirmed, ended.step.unwrap().parts),
        (THIRD, THIRD)
    );
    assert_eq!(
        model.refuses(&rx.says(5, rx.confirm(2, THIRD))),
        ErrorCode::RxCancelled
    );
    assert_eq!(
        model.refuses(&rx.says(6, rx.reserve(3, 1))),
        ErrorCode::RxCancelled
    );
    // Before anything was drawn it leaves a stone.
    let other = Rx::new(2);
    model.must(&other.says(7, other.cancel()));
    assert_eq!(
        model.refuses(&other.says(8, other.reserve(1, 1))),
        ErrorCode::RxCancelled
    );
    let again = given(model.submit(&other.says(9, other.cancel()), NOW + 5));
    assert_eq!(again.step.unwrap().stamp, NOW);
    assert_eq!(standing(&mut model, &other, NOW).free, 0);
}

#[test]
fn somebody_else_opens_cancels_or_confirms() {
    let (rx, other, mut model) = (Rx::new(1), Rx::new(2), Model::new());
    // A copy of the prescription has no holder's key: the ticket is signed by another.
    let forged = Rx {
        holder: key("thief", 1),
        ..rx.clone()
    };
    assert_eq!(
        model.refuses(&forged.says(1, forged.reserve(1, 1))),
        ErrorCode::BadSignature
    );
    // With the thief's own key in the opening it is no longer this entry.
    let mut own = forged.clone();
    own.opening.holder = EntryKey::Shown(own.holder.public());
    assert_eq!(
        model.refuses(&own.says(2, own.reserve(1, 1))),
        ErrorCode::RxNotThisLedger
    );
    let mut cancel = rx.clone();
    cancel.cancel = key("thief", 2);
    assert_eq!(
        model.refuses(&cancel.says(3, cancel.cancel())),
        ErrorCode::RxNotThisLedger
    );
    // A ticket for another entry, and a word about another entry.
    assert_eq!(
        model.refuses(&rx.says(4, other.reserve(1, 1))),
        ErrorCode::Malformed
    );
    model.must(&rx.says(5, rx.reserve(1, THIRD)));
    assert_eq!(
        model.refuses(&rx.says(6, other.confirm(1, THIRD))),
        ErrorCode::Malformed
    );
    // Another domain's ledger refuses the whole entry.
    let mut elsewhere = Model::new();
    elsewhere.domain.domain = "hospital-b.example".parse().unwrap();
    assert_eq!(
        elsewhere.refuses(&rx.says(7, rx.reserve(1, 1))),
        ErrorCode::RxNotThisLedger
    );
}

fn spoiled(s: &Submission, change: impl FnOnce(&mut LedgerCommand)) -> Submission {
    let mut s = s.clone();
    if let Command::Ledger(l) = &mut s.command {
        change(l);
    }
    s
}

#[test]
fn a_changed_word_passes() {
    let (rx, mut model) = (Rx::new(1), Model::new());
    let reserve = rx.says(1, rx.reserve(1, THIRD));
    let more = spoiled(&reserve, |l| match &mut l.act {
        LedgerAct::Reserve(r) => r.ticket.ticket.parts += 1,
        _ => unreachable!(),
    });
    assert_eq!(model.refuses(&more), ErrorCode::BadSignature);
    let newer = spoiled(&reserve, |l| l.ext = critical());
    assert_eq!(model.refuses(&newer), ErrorCode::UnknownCritical);
    for bad in [0, RX_PARTS + 1] {
        assert_eq!(
            model.refuses(&rx.says(2, rx.reserve(1, bad))),
            ErrorCode::Malformed
        );
    }
    let mut long = rx.ticket(1, 1);
    long.keep_minutes = 24 * 60 + 1;
    assert_eq!(
        model.refuses(&rx.says(3, rx.reserve_on(long))),
        ErrorCode::Malformed
    );
    let mut over = rx.ticket(1, 1);
    over.not_after = NOW - 1;
    assert_eq!(
        model.refuses(&rx.says(4, rx.reserve_on(over))),
        ErrorCode::RxTicketOver
    );
}

#[test]
fn a_question_to_the_prescriber_stops_nothing_or_stops_it_for_ever() {
    let (rx, mut model) = (Rx::new(1), Model::new());
    // Who holds a copy and no ticket stops nobody.
    assert_eq!(
        model.refuses(&rx.says(1, rx.hold(1, NOW + DAY))),
        ErrorCode::RxNotReserved
    );
    model.must(&rx.says(2, rx.reserve(1, THIRD)));
    model.must(&rx.says(3, rx.reserve(2, THIRD)));
    assert_eq!(
        model.refuses(&rx.says(4, rx.hold(1, NOW + 8 * DAY))),
        ErrorCode::Malformed
    );
    model.must(&rx.says(5, rx.hold(1, NOW + DAY)));
    for act in [rx.reserve(3, 1), rx.hold(2, NOW + DAY)] {
        assert_eq!(model.refuses(&rx.says(6, act)), ErrorCode::RxOnHold);
    }
    // Another's word does not end it, the prescriber's does, and an old word stops it no second time.
    let mut meddling = rx.lift(1);
    if let LedgerAct::Lift(said) = &mut meddling {
        *said = ByPharmacy::new(&rx.pharmacy(2), said.word.clone());
    }
    assert_eq!(model.refuses(&rx.says(7, meddling)), ErrorCode::RxNotReserved);
    model.must(&rx.says(8, rx.answered(1)));
    let again = given(model.submit(&rx.says(9, rx.hold(1, NOW + DAY)), NOW));
    assert_eq!(
        (again.step.unwrap().kind, again.standing.held_until),
        (StepKind::Held, 0)
    );
    model.must(&rx.says(10, rx.confirm(2, THIRD)));
    // One that nobody ends, ends by time.
    model.must(&rx.says(11, rx.reserve(4, 1)));
    model.must(&rx.says(12, rx.hold(4, NOW + DAY / 2)));
    assert!(matches!(
        model.submit(&rx.says(13, rx.reserve(5, 1)), NOW + DAY / 2 + 1),
        Decision::Accepted(_)
    ));
}

#[test]
fn a_supply_without_the_ledger_is_refused_or_vanishes() {
    let (rx, mut model) = (Rx::new(1), Model::new());
    model.must(&rx.says(1, rx.reserve(1, 2 * THIRD)));
    model.must(&rx.says(2, rx.confirm(1, 2 * THIRD)));
    model.must(&rx.says(3, rx.reserve(2, THIRD)));
    let settled = given(model.submit(&rx.says(4, rx.settle(3, THIRD)), NOW));
    assert_eq!(settled.step.unwrap().over, 0);
    // What was set aside for another is gone: it has been handed out already.
    let late = given(model.submit(&rx.says(5, rx.confirm(2, THIRD)), NOW));
    assert_eq!(late.step.unwrap().kind, StepKind::Released);
    let over = given(model.submit(&rx.says(6, rx.settle(4, THIRD)), NOW));
    assert_eq!(over.step.unwrap().over, THIRD - 1);
    assert_eq!(
        (over.standing.confirmed, over.standing.over),
        (RX_PARTS, THIRD - 1)
    );
    // Once, however often it is sent; also after the end of the prescription.
    given(model.submit(&rx.says(7, rx.settle(4, THIRD)), NOW));
    model.must(&rx.says(8, rx.cancel()));
    let late = given(model.submit(&rx.says(9, rx.settle(5, 5)), NOW));
    assert_eq!(
        (late.standing.over, late.standing.confirmed),
        (THIRD + 4, RX_PARTS)
    );
    // A ticket for the counter does not settle, and one for settling does not reserve.
    let mut offline = rx.ticket(6, 1);
    offline.offline = true;
    assert_eq!(
        model.refuses(&rx.says(10, rx.reserve_on(offline))),
        ErrorCode::Malformed
    );
}

#[test]
fn an_entry_lives_for_ever_or_is_opened_a_second_time() {
    let (mut rx, mut model) = (Rx::new(1), Model::new());
    model.must(&rx.says(1, rx.reserve(1, THIRD)));
    for days in [401, 799] {
        // The order's clock takes no such leap at once.
        rx.now = NOW + (days - 200) * DAY;
        model.submit(&rx.says(3, rx.look()), rx.now);
        rx.now = NOW + days * DAY;
        assert_eq!(
            model.refuses_at(&rx.says(2, rx.reserve(2, THIRD)), rx.now),
            ErrorCode::RxTooOld
        );
    }
}

#[test]
fn a_confirmation_that_came_after_the_cancellation_is_answered_in_two_ways() {
    let (rx, mut model) = (Rx::new(1), Model::new());
    for fill in [1, 2] {
        model.must(&rx.says(fill, rx.reserve(fill, THIRD)));
    }
    model.must(&rx.says(3, rx.release(1)));
    model.must(&rx.says(4, rx.cancel()));
    assert_eq!(
        model.refuses(&rx.says(5, rx.confirm(2, THIRD))),
        ErrorCode::RxCancelled
    );
    // The pharmacy lets go of it itself, and asks once more, perhaps through another relay.
    model.must(&rx.says(6, rx.release(2)));
    assert_eq!(
        model.refuses(&rx.says(7, rx.confirm(2, THIRD))),
        ErrorCode::RxCancelled
    );
    // What was let go before is answered with that step, as it was before.
    let told = given(model.submit(&rx.says(8, rx.confirm(1, THIRD)), NOW));
    assert_eq!(told.step.unwrap().kind, StepKind::Released);
}
