//! Programs of several versions in one cluster: all decide by the same rules, or one of them stops.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::yard;

use telesphor_order::cluster::Lost;
use yard::{Yard, ZERO};

#[test]
fn a_new_program_goes_by_rules_that_another_relay_does_not_know() {
    let mut yard = Yard::new(3, 1);
    yard.sends(0, 0..20);
    yard.ledger.wait(0..20);
    for at in [0, 1] {
        yard.give_program(at, 1..=2);
        let next = 20 + at as u64 * 20;
        yard.sends(at, next..next + 20);
        yard.ledger.wait(next..next + 20);
    }
    yard.agree();
    for at in 0..3 {
        assert_eq!(yard.decides_by(at), (1, None), "member {at}");
    }
    yard.give_program(2, 1..=2);
    yard.until("all go by the new rules", |yard| {
        (0..3).all(|at| yard.decides_by(at) == (2, None) && yard.votes(at))
    });
    yard.sends(2, 60..80);
    yard.ledger.wait(60..80);
    yard.agree();
}

#[test]
fn a_relay_that_is_away_is_taken_for_one_with_a_new_program() {
    let mut yard = Yard::new(3, 1);
    yard.sends(0, 0..10);
    yard.ledger.wait(0..10);
    yard.kill(2);
    for at in [0, 1] {
        yard.give_program(at, 1..=2);
        let next = 10 + at as u64 * 10;
        yard.sends(at, next..next + 10);
        yard.ledger.wait(next..next + 10);
        assert_eq!(yard.decides_by(at), (1, None));
    }
    // It comes back as it was, and nothing stops it.
    yard.start(2);
    yard.sends(0, 30..40);
    yard.ledger.wait(30..40);
    yard.agree();
    assert_eq!(yard.decides_by(2), (1, None));
}

#[test]
fn an_old_program_decides_what_goes_by_newer_rules() {
    let mut yard = Yard::new(3, 1);
    for at in 0..3 {
        yard.give_program(at, 1..=3);
    }
    yard.until("all go by the new rules", |yard| {
        (0..3).all(|at| yard.decides_by(at) == (3, None) && yard.votes(at))
    });
    yard.sends(0, 0..20);
    yard.ledger.wait(0..20);
    yard.agree();
    let decided = yard.disks[2].decided(ZERO).len();
    yard.give_program(2, 1..=2);
    yard.until("the old program stops", |yard| {
        yard.stopped(2) && yard.decides_by(2) == (3, Some(Lost::Rules))
    });
    // The others go on; what they do is not undone when it comes back with a program that knows.
    yard.sends(1, 20..40);
    yard.ledger.wait(20..40);
    assert_eq!(yard.disks[2].decided(ZERO).len(), decided);
    yard.give_program(2, 2..=3);
    yard.sends(2, 40..50);
    yard.ledger.wait(40..50);
    yard.agree();
}

#[test]
fn a_relay_that_was_away_while_the_rules_rose_decides_by_the_old_ones() {
    let mut yard = Yard::new(3, 1);
    for at in [0, 1, 2] {
        yard.give_program(at, 1..=2);
    }
    yard.until("all go by the new rules", |yard| {
        (0..3).all(|at| yard.decides_by(at) == (2, None) && yard.votes(at))
    });
    // Only what its disk holds tells it: nobody has a vote from it, and it has none from them.
    for at in 0..3 {
        yard.kill(at);
    }
    yard.rules[0] = 1..=1;
    for at in 0..3 {
        yard.start(at);
    }
    yard.until("the old program stops", |yard| {
        yard.decides_by(0) == (2, Some(Lost::Rules))
    });
    yard.sends(1, 0..20);
    yard.ledger.wait(0..20);
    assert!(yard.disks[0].decided(ZERO).is_empty());
}
