//! A cluster over a bus that lies and members that die: nothing acknowledged may be lost, doubled
//! or reordered, and it goes on by itself.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::yard;

use std::sync::atomic::Ordering;

use telesphor_order::Order;
use telesphor_order::cluster::Memory;
use yard::{Yard, ZERO};

#[test]
fn three_members_that_do_not_agree_on_an_order() {
    let yard = Yard::starting(3, 1);
    for at in 0..3 {
        yard.sends(at, (0..200).map(|n| n * 3 + at as u64));
    }
    yard.ledger.wait(0..600);
    yard.agree();
}

#[test]
fn something_acknowledged_that_only_one_member_remembers() {
    let mut yard = Yard::new(3, 1);
    yard.sends(0, 0..10);
    yard.ledger.wait(0..10);
    yard.kill(1);
    yard.kill(2);
    yard.sends(0, 10..20);
    yard.until("the sender is told that it takes long", |yard| {
        yard.members[0].as_ref().unwrap().late.load(Ordering::SeqCst) > 0
    });
    yard.ledger.none_of(10..20);
    yard.start(1);
    yard.ledger.wait(10..20);
    yard.agree();
}

#[test]
fn a_bus_that_loses_everything_loses_something_acknowledged() {
    let yard = Yard::new(3, 1);
    let mut next = 0;
    for _ in 0..5 {
        yard.sends(0, next..next + 40);
        yard.sends(1, next + 40..next + 80);
        yard.ledger.wait(next..next + 20);
        yard.bus.wipe();
        next += 80;
        yard.ledger.wait(0..next);
    }
    yard.agree();
}

#[test]
fn a_bus_that_goes_back_loses_something_acknowledged() {
    let yard = Yard::new(3, 1);
    let mut next = 0;
    for _ in 0..5 {
        yard.sends(0, next..next + 40);
        yard.ledger.wait(next..next + 20);
        yard.bus.rewind(7);
        yard.sends(2, next + 40..next + 80);
        next += 80;
        yard.ledger.wait(0..next);
    }
    yard.agree();
}

#[test]
fn what_got_lost_on_its_way_to_one_member_is_missed_only_when_something_follows_it() {
    let yard = Yard::new(3, 1);
    yard.sends(0, 0..20);
    yard.ledger.wait(0..20);
    yard.agree();
    yard.bus.lose_on_the_way_to([2]);
    yard.sends(0, 20..21);
    yard.ledger.wait(20..21);
    yard.bus.lose_on_the_way_to([]);
    // Nothing is sent any more that would show the gap.
    yard.agree();
    assert_eq!(yard.disks[2].decided(ZERO).len(), 21);
}

#[test]
fn streams_of_earlier_rounds_fill_the_bus() {
    let yard = Yard::new(3, 1);
    yard.sends(0, 0..40);
    yard.ledger.wait(0..20);
    yard.bus.rewind(7);
    yard.ledger.wait(0..40);
    yard.until("one stream is left", |yard| yard.bus.streams() == 1);
    // What is left is the one that is followed.
    yard.sends(1, 40..60);
    yard.ledger.wait(40..60);
    yard.agree();
}

#[test]
fn streams_that_nobody_follows_leave_no_room_for_the_next_one() {
    let yard = Yard::new(3, 1);
    yard.bus.room_for(1);
    let mut next = 0;
    for _ in 0..3 {
        yard.sends(0, next..next + 40);
        yard.ledger.wait(next..next + 20);
        yard.bus.rewind(7);
        next += 40;
        yard.ledger.wait(0..next);
    }
    yard.agree();
}

#[test]
fn nobody_is_told_why_no_new_history_begins() {
    let yard = Yard::new(3, 1);
    yard.sends(0, 0..20);
    yard.ledger.wait(0..20);
    yard.bus.room_for(0);
    yard.bus.rewind(7);
    yard.until("somebody says that there is no room", |yard| {
        yard.living()
            .any(|at| yard.fenced_for(at).is_some_and(|why| why.contains("no room")))
    });
    // Once there is room it goes on by itself, and nobody says so any more.
    yard.bus.room_for(3);
    yard.ledger.wait(0..20);
    yard.sends(1, 20..40);
    yard.ledger.wait(20..40);
    yard.until("nobody is fenced", |yard| {
        yard.living().all(|at| yard.fenced_for(at).is_none())
    });
    yard.agree();
}

#[test]
fn what_no_relay_has_submitted_is_decided() {
    let yard = Yard::new(3, 1);
    yard.sends(0, 0..20);
    yard.ledger.wait(0..20);
    yard.bus.inject(b"junk");
    yard.bus.repeat_the_last();
    yard.sends(1, 20..40);
    yard.ledger.wait(20..40);
    yard.agree();
    assert_eq!(yard.disks[0].decided(ZERO).len(), 40);
}

#[test]
fn a_member_that_dies_takes_something_with_it() {
    let mut yard = Yard::new(3, 1);
    let mut next = 0;
    for round in 0..6 {
        let dies = round % 3;
        let lives = (dies + 1) % 3;
        yard.sends(lives, next..next + 50);
        yard.ledger.wait(next..next + 10);
        yard.kill(dies);
        yard.sends(lives, next + 50..next + 100);
        next += 100;
        yard.ledger.wait(0..next);
        yard.start(dies);
    }
    yard.agree();
}

#[test]
fn a_member_that_was_away_cannot_come_back_after_its_stream_was_purged() {
    let mut yard = Yard::new(3, 1);
    yard.sends(0, 0..30);
    yard.ledger.wait(0..30);
    yard.kill(2);
    for n in 30..90 {
        yard.send(0, ZERO, n);
        yard.ledger.wait([n]);
    }
    yard.bus.purge_to_the_last();
    yard.start(2);
    yard.sends(0, 90..100);
    yard.agree();
    yard.kill(1);
    yard.sends(0, 100..110);
    yard.ledger.wait(100..110);
    yard.agree();
}

#[test]
fn while_one_member_is_away_a_stream_fills_up_and_takes_nothing_more() {
    for away in [0, 2] {
        let mut yard = Yard::new(3, 1);
        yard.bus.streams_hold(16 * 1024);
        yard.sends(1, 0..10);
        yard.ledger.wait(0..10);
        yard.kill(away);
        // Each alone in its entry: several times what the stream holds.
        for number in 10..150 {
            yard.send(1, ZERO, number);
            yard.ledger.wait([number]);
        }
        yard.start(away);
        yard.agree();
    }
}

#[test]
fn a_member_that_hears_nobody_while_it_catches_up_stops_for_good() {
    for forgets in [false, true] {
        let mut yard = Yard::new(3, 1);
        yard.sends(0, 0..30);
        yard.ledger.wait(0..30);
        yard.kill(2);
        for n in 30..60 {
            yard.send(0, ZERO, n);
            yard.ledger.wait([n]);
        }
        if forgets {
            // The two that are there carry on in another incarnation.
            yard.bus.wipe();
            yard.sends(1, 60..70);
            yard.ledger.wait(60..70);
        } else {
            yard.bus.purge_to_the_last();
        }
        yard.bus.mute(true);
        yard.start(2);
        yard.sends(0, 70..80);
        // Of each that could be asked.
        yard.until("it has asked in vain", |yard| yard.bus.unheard() >= 2);
        yard.bus.mute(false);
        yard.ledger.wait(70..80);
        yard.agree();
    }
}

#[test]
fn members_that_heard_no_votes_for_long_never_read_where_it_goes_on() {
    let yard = Yard::new(3, 1);
    yard.sends(0, 0..10);
    yard.ledger.wait(0..10);
    yard.bus.deafen(100);
    // More than a member holds undecided.
    for _ in 0..1_500 {
        yard.bus.inject(b"junk");
    }
    yard.until("all hold as much as they take", |yard| {
        (0..3).all(|at| yard.disks[at].undecided(ZERO) >= 1_024)
    });
    yard.bus.wipe();
    yard.bus.deafen(0);
    yard.sends(1, 10..20);
    yard.ledger.wait(10..20);
    yard.agree();
}

#[test]
fn a_member_that_heard_no_votes_for_long_takes_no_further_part() {
    let yard = Yard::new(3, 1);
    yard.sends(0, 0..10);
    yard.ledger.wait(0..10);
    yard.bus.without_ears(Some(2));
    // More than a member holds undecided; the two that hear each other decide it.
    for _ in 0..3_000 {
        yard.bus.inject(b"junk");
    }
    yard.until("two have decided it, and the third holds what it takes", |yard| {
        (0..2).all(|at| yard.disks[at].applied(ZERO) > 3_000) && yard.disks[2].undecided(ZERO) >= 1_024
    });
    yard.bus.without_ears(None);
    yard.sends(0, 10..20);
    yard.ledger.wait(10..20);
    yard.agree();
}

#[test]
fn members_that_are_far_apart_never_go_on() {
    let yard = Yard::new(3, 1);
    yard.sends(0, 0..10);
    yard.ledger.wait(0..10);
    // More than a promise shows of a history; nobody else has it, so it was not chosen.
    yard.bus.lose_on_the_way_to([0, 1]);
    let to = yard.disks[2].last_kept(ZERO) + 600;
    for _ in 0..600 {
        yard.bus.inject(b"junk");
    }
    yard.until("one has it", |yard| yard.disks[2].last_kept(ZERO) >= to);
    yard.bus.wipe();
    yard.bus.lose_on_the_way_to([]);
    yard.sends(0, 10..20);
    yard.ledger.wait(10..20);
    yard.agree();
}

#[test]
fn a_member_that_comes_back_makes_the_others_begin_anew() {
    let mut yard = Yard::new(3, 1);
    yard.sends(0, 0..10);
    yard.ledger.wait(0..10);
    yard.kill(2);
    yard.bus.wipe();
    yard.sends(0, 10..20);
    yard.ledger.wait(10..20);
    // What it followed is gone, and it is told at once what the others follow now.
    let before = yard.bus.latest();
    yard.start(2);
    yard.until("it has caught up", |yard| {
        yard.disks[2].applied(ZERO) >= yard.disks[0].applied(ZERO)
    });
    yard.until("it votes again", |yard| yard.votes(2));
    assert_eq!(yard.bus.latest(), before);
    yard.agree();
}

#[test]
fn a_member_that_decides_slowly_needs_again_what_it_has() {
    let mut yard = Yard::new(3, 1);
    yard.sends(0, 0..10);
    yard.ledger.wait(0..10);
    yard.kill(2);
    let inject = |yard: &Yard, entries: u64| {
        let to = yard.disks[0].applied(ZERO) + entries;
        yard.until("two have decided it", |yard| {
            // What was acknowledged to nobody may be left behind with its stream: then there is more of it.
            let there = (0..2).all(|at| yard.disks[at].applied(ZERO) >= to);
            for _ in 0..if there { 0 } else { 64 } {
                yard.bus.inject(b"junk");
            }
            there
        });
    };
    inject(&yard, 3_000);
    yard.bus.wipe();
    yard.sends(0, 10..20);
    yard.ledger.wait(10..20);
    yard.start_held(2);
    yard.until("it has fetched it", |yard| yard.disks[2].last_kept(ZERO) > 3_000);
    inject(&yard, 2_000);
    yard.until("others let it go, since all have it", |yard| {
        (0..2).all(|at| yard.disks[at].first_kept(ZERO) > 1_500)
    });
    yard.bus.wipe();
    yard.sends(1, 20..30);
    yard.ledger.wait(20..30);
    let member = yard.members[2].as_ref().unwrap();
    member.holds.store(false, Ordering::SeqCst);
    member.cluster.wake();
    yard.sends(1, 30..40);
    yard.agree();
    assert!(!yard.stopped(2));
}

#[test]
fn one_relay_that_answers_for_all_is_a_majority() {
    let yard = Yard::new(5, 1);
    yard.sends(0, 0..10);
    yard.ledger.wait(0..10);
    yard.agree();
    assert_eq!(yard.attested(0).len(), 4);
    yard.bus.let_answer(yard.keys[1].public());
    assert_eq!(yard.attested(0).len(), 1);
    yard.bus.let_answer(yard.keys[0].public());
    assert_eq!(yard.attested(0).len(), 0, "its own word is not another's");
}

#[test]
fn what_every_member_has_is_kept_for_ever() {
    let yard = Yard::new(3, 1);
    for n in 0..1_400 {
        yard.send(0, ZERO, n);
        yard.ledger.wait([n]);
    }
    yard.until("what all have is let go", |yard| {
        (0..3).all(|at| {
            let page = yard.disks[at].entries(ZERO, 0, 1).unwrap();
            page.first().is_some_and(|(n, _)| *n > 200)
        })
    });
    yard.sends(1, 1_400..1_420);
    yard.ledger.wait(1_400..1_420);
    yard.agree();
}

#[test]
fn all_die_at_once_and_the_bus_forgets() {
    let mut yard = Yard::new(3, 1);
    yard.sends(0, 0..50);
    yard.sends(1, 50..100);
    yard.ledger.wait(0..100);
    for at in 0..3 {
        yard.kill(at);
    }
    yard.bus.wipe();
    for at in 0..3 {
        yard.start(at);
    }
    yard.sends(2, 100..120);
    yard.ledger.wait(100..120);
    yard.agree();
}

#[test]
fn words_that_get_lost_stop_the_cluster() {
    let yard = Yard::starting(3, 1);
    yard.bus.deafen(30);
    for n in 0..100 {
        yard.send((n % 3) as usize, ZERO, n);
    }
    yard.ledger.wait(0..100);
    yard.bus.wipe();
    yard.sends(0, 100..150);
    yard.ledger.wait(100..150);
    yard.agree();
}

#[test]
fn a_relay_whose_rules_go_astray_is_believed() {
    let yard = Yard::new(3, 1);
    yard.sends(0, 0..10);
    yard.ledger.wait(0..10);
    yard.until("all have decided it", |yard| {
        (0..3).all(|at| yard.disks[at].decided(ZERO).len() == 10)
    });
    yard.members[1]
        .as_ref()
        .unwrap()
        .astray
        .store(true, Ordering::SeqCst);
    yard.sends(0, 10..20);
    yard.ledger.wait(10..20);
    yard.until("the one that went astray stops", |yard| {
        yard.members[1].as_ref().unwrap().fenced.load(Ordering::SeqCst)
    });
    yard.sends(2, 20..30);
    yard.ledger.wait(20..30);
}

#[test]
fn a_member_with_an_old_copy_of_its_disk_votes() {
    let mut yard = Yard::new(3, 1);
    yard.sends(0, 0..20);
    yard.ledger.wait(0..20);
    let old = yard.disks[2].copy();
    yard.sends(0, 20..40);
    yard.ledger.wait(20..40);
    yard.agree();
    yard.kill(2);
    yard.disks[2] = std::sync::Arc::new(old);
    yard.start(2);
    yard.until("it stops", |yard| {
        yard.members[2].as_ref().unwrap().fenced.load(Ordering::SeqCst)
    });
}

#[test]
fn two_partitions_that_hold_each_other_up() {
    let yard = Yard::starting(3, 2);
    for n in 0..100 {
        yard.send(0, ZERO, n);
        yard.send(1, telesphor_wire::ids::PartitionId(1), 1_000 + n);
    }
    yard.ledger.wait((0..100).chain(1_000..1_100));
    yard.until("each has one stream", |yard| yard.bus.streams() == 2);
}

#[test]
fn a_member_whose_clock_is_a_day_ahead_takes_the_others_with_it() {
    const DAY: u64 = 24 * 3_600_000;
    let mut yard = Yard::new(3, 1);
    yard.sends(0, 0..10);
    yard.ledger.wait(0..10);
    let near = |yard: &Yard, at: usize| {
        let limit = yard.clocks[at].limit();
        limit.is_some_and(|limit| limit < yard::now() + 2 * 60_000)
    };
    // Set while it runs: it is not believed for a moment.
    yard.ahead[0].store(DAY, Ordering::SeqCst);
    assert!(near(&yard, 0));
    yard.until("it is found out", |yard| {
        yard.clocks[0].lead().is_some_and(|lead| lead > DAY as i64 / 2)
    });
    // Started with it: it hears what the time is before it orders anything.
    yard.kill(0);
    yard.start(0);
    yard.sends(0, 10..20);
    yard.ledger.wait(10..20);
    for at in 0..3 {
        assert!(near(&yard, at), "member {at}");
    }
    yard.agree();
}
