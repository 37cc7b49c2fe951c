//! Members that were away for long: what they lack is much, and comes a piece at a time.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::yard;

use yard::{Yard, ZERO};

/// One entry of what is lacked.
const ENTRY: usize = 256 * 1024;
/// Together far more than is held at a time.
const ENTRIES: u64 = 60;
/// A write of a member that takes something over is no larger, whatever it lacks.
const WRITE: usize = 2 * 1024 * 1024;

/// Something large is ordered, and decided by these.
fn order_much(yard: &Yard, by: &[usize]) {
    let before = yard.disks[by[0]].applied(ZERO);
    for _ in 0..ENTRIES {
        yard.bus.inject(&[0xC1; ENTRY]);
    }
    yard.until("it is decided", |yard| {
        by.iter()
            .all(|at| yard.disks[*at].applied(ZERO) >= before + ENTRIES)
    });
}

/// The third one was away while much was ordered.
fn away(carried_on: bool) -> Yard {
    let mut yard = Yard::new(3, 1);
    yard.sends(0, 0..30);
    yard.ledger.wait(0..30);
    yard.agree();
    yard.kill(2);
    for n in 30..40 {
        yard.send(0, ZERO, n);
        yard.ledger.wait([n]);
    }
    order_much(&yard, &[0, 1]);
    for n in 40..50 {
        yard.send(1, ZERO, n);
        yard.ledger.wait([n]);
    }
    if carried_on {
        yard.bus.wipe();
        yard.sends(0, 50..60);
    } else {
        yard.sends(0, 50..60);
        yard.ledger.wait(50..60);
        yard.bus.purge_to_the_last();
    }
    yard.ledger.wait(50..60);
    yard
}

#[test]
fn a_member_that_lacks_much_holds_it_all_at_once() {
    for carried_on in [false, true] {
        let mut yard = away(carried_on);
        yard.start(2);
        yard.sends(0, 60..70);
        yard.ledger.wait(60..70);
        yard.agree();
        assert!(!yard.stopped(2));
        let largest = yard.disks[2].largest_write();
        assert!(largest < WRITE, "{largest} bytes in one write");
        // It is one of a majority again.
        yard.kill(1);
        yard.sends(0, 70..80);
        yard.ledger.wait(70..80);
        yard.agree();
    }
}

#[test]
fn what_lies_on_the_disk_alone_is_not_decided() {
    let mut yard = Yard::new(3, 1);
    yard.sends(0, 0..10);
    yard.ledger.wait(0..10);
    yard.agree();
    yard.kill(2);
    // More than a member holds undecided, each with something in it.
    for n in 10..1_500 {
        yard.send(0, ZERO, n);
        yard.ledger.wait([n]);
    }
    yard.bus.wipe();
    yard.sends(0, 1_500..1_510);
    yard.ledger.wait(1_500..1_510);
    yard.start_held(2);
    yard.until("it has taken it over", |yard| {
        yard.disks[2].last_kept(ZERO) > 1_400
    });
    let member = yard.members[2].as_ref().unwrap();
    member.holds.store(false, std::sync::atomic::Ordering::SeqCst);
    telesphor_order::Order::wake(&*member.cluster);
    yard.agree();
}

#[test]
fn a_member_that_dies_while_it_takes_over_is_held_for_an_old_copy() {
    let mut yard = Yard::new(3, 1);
    yard.sends(0, 0..10);
    yard.ledger.wait(0..10);
    yard.agree();
    // What only one of them has: it has voted for it, and another has heard so.
    yard.kill(0);
    yard.bus.lose_on_the_way_to([1]);
    let before = yard.disks[2].last_kept(ZERO);
    for _ in 0..5 {
        yard.bus.inject(b"junk");
    }
    yard.until("one has it", |yard| yard.disks[2].last_kept(ZERO) == before + 5);
    let said = yard.bus.said();
    yard.until("it has said so", |yard| yard.bus.said() > said + 6);
    yard.kill(2);
    yard.bus.wipe();
    yard.bus.lose_on_the_way_to([]);
    yard.start(0);
    yard.sends(0, 10..20);
    yard.ledger.wait(10..20);
    order_much(&yard, &[0, 1]);
    yard.bus.wipe();
    yard.sends(1, 20..30);
    yard.ledger.wait(20..30);

    yard.disks[2].kills_at(before + ENTRIES / 2);
    yard.start(2);
    yard.until("it dies of it", |yard| yard.has_died(2));
    yard.kill(2);
    assert!(yard.disks[2].last_kept(ZERO) > before + 5, "it had begun");
    yard.disks[2].kills_at(0);
    yard.start(2);
    yard.sends(0, 30..40);
    yard.agree();
    assert!(!yard.stopped(2));
    yard.kill(1);
    yard.sends(0, 40..50);
    yard.ledger.wait(40..50);
    yard.agree();
}

#[test]
fn another_carries_on_while_a_member_takes_over() {
    let mut yard = away(true);
    yard.disks[2].kills_at(yard.disks[2].last_kept(ZERO) + ENTRIES / 2);
    yard.start(2);
    yard.until("it dies of it", |yard| yard.has_died(2));
    yard.kill(2);
    yard.disks[2].kills_at(0);
    // What it had begun to go over to is not the last one any more.
    yard.bus.wipe();
    yard.sends(1, 60..70);
    yard.ledger.wait(60..70);
    yard.bus.wipe();
    yard.start(2);
    yard.sends(0, 70..80);
    yard.ledger.wait(70..80);
    yard.agree();
    assert!(!yard.stopped(2));
}

#[test]
fn what_one_relay_has_changed_is_taken_over_by_another() {
    for carried_on in [false, true] {
        let mut yard = away(carried_on);
        yard.bus.change_answers_of(yard.keys[0].public());
        yard.start(2);
        yard.sends(1, 60..70);
        yard.ledger.wait(60..70);
        yard.agree();
        assert!(!yard.stopped(2), "it came to another result");
    }
}

#[test]
fn a_member_that_nobody_gives_what_it_lacks_says_nothing_of_it_or_never_comes_back() {
    let mut yard = away(true);
    yard.bus.mute(true);
    yard.start(2);
    yard.until("it begins another round", |yard| {
        yard.fenced_for(2) == Some("what lies before the base could not be had")
    });
    yard.bus.mute(false);
    yard.sends(0, 60..70);
    yard.ledger.wait(60..70);
    yard.agree();
}
