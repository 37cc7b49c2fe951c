//! Seats that change hands, one after the other, while the cluster works.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::yard;

use yard::Yard;

#[test]
fn a_relay_that_never_comes_back_cannot_be_replaced() {
    let mut yard = Yard::new(3, 1);
    yard.sends(0, 0..30);
    yard.ledger.wait(0..30);
    yard.kill(2);
    let new = yard.join(0);
    yard.wish(2, new);
    yard.sends(1, 30..60);
    yard.ledger.wait(30..60);
    // Nobody gets a seat before he is there: of this majority of three nobody could be missing.
    yard.start(2);
    yard.until("it votes again", |yard| yard.votes(2));
    yard.kill(0);
    yard.sends(1, 60..61);
    yard.ledger.wait(60..61);
    yard.start(0);
    yard.kill(2);
    yard.start(new);
    yard.until("it has a seat", |yard| yard.votes(new));
    // A majority without it would be gone now.
    yard.kill(1);
    yard.sends(0, 61..90);
    yard.sends(new, 90..120);
    yard.ledger.wait(61..120);
    yard.start(1);
    yard.agree();
    // The one that is no longer in it comes back, and learns so.
    yard.start(2);
    yard.until("it stops", |yard| yard.stopped(2));
    yard.kill(2);
    yard.sends(1, 120..130);
    yard.ledger.wait(120..130);
    yard.agree();
}

#[test]
fn relays_that_are_replaced_one_after_the_other_under_load_take_something_with_them() {
    let mut yard = Yard::new(3, 2);
    let mut next = 0;
    for leaves in 0..3 {
        yard.sends(leaves, next..next + 100);
        // What it has taken and not ordered goes with it: whoever sent it sends it to another.
        yard.ledger.wait(next..next + 1);
        let new = yard.join(leaves);
        yard.start(new);
        yard.wish(leaves, new);
        yard.until("it has a seat", |yard| yard.votes(new));
        yard.until("the one that leaves stops", |yard| yard.stopped(leaves));
        yard.sends(new, next + 100..next + 150);
        yard.ledger.wait(next + 100..next + 150);
        yard.kill(leaves);
        next += 150;
        if leaves == 1 {
            yard.bus.wipe();
        }
    }
    yard.agree();
}

#[test]
fn a_relay_that_was_not_told_of_a_replacement_undoes_it() {
    let mut yard = Yard::new(3, 1);
    yard.sends(0, 0..10);
    yard.ledger.wait(0..10);
    yard.kill(0);
    let old = tokio::sync::watch::Sender::new(yard.wanted.borrow().clone());
    yard.start_with(0, old.subscribe(), false);
    let new = yard.join(1);
    yard.start(new);
    yard.wish(2, new);
    yard.until("it has a seat", |yard| yard.votes(new));
    yard.until("the one that leaves stops", |yard| yard.stopped(2));
    yard.sends(0, 10..40);
    yard.ledger.wait(10..40);
    assert!(yard.votes(new));
    yard.kill(2);
    yard.agree();
}
