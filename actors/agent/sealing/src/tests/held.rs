//! Groups in memory: never ahead of the store, never behind it, never too many.

use std::cell::Cell;

use telesphor_wire::ids::MailboxId;
use telesphor_wire::padding::Bucket;

use super::world::*;
use crate::limits::MAX_HELD_GROUPS;
use crate::*;

/// What a step would leave in memory if its transaction failed.
fn unwritten<T>(step: Step<(GroupSession, T)>) -> GroupSession {
    step.stack(&mut StateDiff::new()).0
}

/// A device whose group the test keeps, and a commit of another that it has not read.
fn before_a_commit() -> (Relay, Device, Device) {
    let (mut relay, mut a, mut b, _) = three();
    b.held = None;
    let out = a.stage(&update());
    relay.commit(&out.commit);
    a.read(&relay);
    (relay, a, b)
}

fn follow(b: &Device, relay: &Relay, session: GroupSession) -> Step<(GroupSession, Received)> {
    let event = relay.log[0].incoming();
    session
        .receive(&b.rows, &b.keys, event, &relay.owner.public(), &anyone)
        .unwrap()
}

fn lent(held: &mut HeldGroups, b: &Device) -> GroupSession {
    held.lend(&b.rows, MAILBOX).unwrap().unwrap()
}

#[test]
fn after_a_transaction_that_failed_memory_is_ahead_of_the_store() {
    let (mut relay, mut a, mut b) = before_a_commit();
    let mut held = HeldGroups::default();
    for told in [true, false] {
        let session = lent(&mut held, &b);
        let ahead = unwritten(follow(&b, &relay, session));
        assert_eq!(ahead.epoch(), 2, "memory has moved");
        held.give_back(ahead);
        if told {
            held.undone();
            assert!(held.is_empty(), "nothing of it stays in memory");
        }
        // Also if nobody said that it failed.
        assert_eq!(lent(&mut held, &b).epoch(), 1);
    }
    // And the event is taken in as if nothing had been.
    let session = lent(&mut held, &b);
    let step = follow(&b, &relay, session);
    let (session, _) = b.write(step);
    held.give_back(session);
    held.written();
    assert_eq!(lent(&mut held, &b).epoch(), 2);
    let said = a.seal(b"heard after all");
    relay.deposit(&said);
    b.cursor = 1;
    assert_eq!(content(&b.read_one(&relay)), b"heard after all");
}

#[test]
fn a_sending_key_is_used_twice_after_a_transaction_that_failed() {
    let (mut relay, a, mut b, mut c) = three();
    let mut held = HeldGroups::default();
    for round in 0..3 {
        // Sealed in vain: the same key and nonce must not seal something else in memory only,
        // nor may the receiver meet a gap that no store knows of.
        let session = held.lend(&a.rows, MAILBOX).unwrap().unwrap();
        let vain = session
            .seal(&a.rows, &a.keys, b"never sent", Bucket::Message)
            .unwrap();
        held.give_back(unwritten(vain));
        if round == 1 {
            held.undone();
        }
    }
    let mut a = a;
    let session = held.lend(&a.rows, MAILBOX).unwrap().unwrap();
    let step = session.seal(&a.rows, &a.keys, b"sent", Bucket::Message).unwrap();
    let (session, event) = a.write(step);
    held.give_back(session);
    held.written();
    assert!(relay.deposit(&event));
    for device in [&mut b, &mut c] {
        assert_eq!(content(&device.read_one(&relay)), b"sent");
    }
}

#[test]
fn a_group_that_moved_on_in_the_store_is_used_as_it_was() {
    let (relay, _, mut b) = before_a_commit();
    let mut held = HeldGroups::default();
    let behind = lent(&mut held, &b);
    held.give_back(behind);
    held.written();
    // Somebody writes past the memory.
    let fresh = b.session();
    let step = follow(&b, &relay, fresh);
    b.write(step);
    assert_eq!(lent(&mut held, &b).epoch(), 2);
    // And a store that was put back is what counts, too.
    let (later, old) = (lent(&mut held, &b), b.rows.clone());
    let step = later.seal(&b.rows, &b.keys, b"x", Bucket::Message).unwrap();
    let (session, _) = b.write(step);
    held.give_back(session);
    b.rows = old;
    let again = lent(&mut held, &b);
    assert_eq!(again.stamp, b.session().stamp);
}

#[test]
fn a_store_that_cannot_be_read_is_taken_for_one_that_agrees() {
    struct Broken(Cell<u32>);
    impl MlsStateRead for Broken {
        fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>, StateUnreadable> {
            self.0.set(self.0.get() + 1);
            Err(StateUnreadable)
        }
    }
    let (_, _, b) = before_a_commit();
    let mut held = HeldGroups::default();
    let session = lent(&mut held, &b);
    held.give_back(session);
    held.written();
    let broken = Broken(Cell::new(0));
    let refused = held.lend(&broken, MAILBOX).unwrap_err();
    assert_eq!(refused, SessionError::State(StateError::Unreadable));
    assert_eq!(broken.0.get(), 1);
}

#[test]
fn a_group_that_was_forgotten_or_never_marked_lives_on_in_memory() {
    let (_, _, mut b) = before_a_commit();
    let mut held = HeldGroups::default();
    let session = lent(&mut held, &b);
    held.give_back(session);
    held.written();
    let step = b.session().forget(&b.rows).unwrap();
    b.write(step);
    assert!(held.lend(&b.rows, MAILBOX).unwrap().is_none());
    assert!(b.rows.keys().all(|key| key[0] != b'r'), "no row of ours stays");

    // One that a version wrote which had no marks: it is read each time, until its first step.
    let (_, _, mut b) = before_a_commit();
    let mark = [&b"r"[..], &MAILBOX.0[..], &[3]].concat();
    assert!(b.rows.remove(&mark).is_some());
    let session = lent(&mut held, &b);
    held.give_back(session);
    assert!(held.is_empty());
    let session = lent(&mut held, &b);
    let step = session.seal(&b.rows, &b.keys, b"x", Bucket::Message).unwrap();
    let (session, _) = b.write(step);
    held.give_back(session);
    assert_eq!(held.len(), 1);
}

#[test]
fn memory_grows_with_every_group_that_is_looked_at() {
    let mut device = Device::new(2, MAILBOX);
    let mut held = HeldGroups::default();
    let mailbox = |n: usize| {
        let mut id = [7; 32];
        id[..8].copy_from_slice(&(n as u64).to_be_bytes());
        MailboxId(id)
    };
    for n in 0..MAX_HELD_GROUPS + 20 {
        let founding = Founding {
            binding: Binding {
                mailbox: mailbox(n),
                ..binding(Suite::Classical)
            },
            suite: Suite::Classical,
            members: Vec::new(),
            now: now_ms(),
        };
        let step = GroupSession::found(&device.rows, &device.keys, &founding).unwrap();
        let (session, _) = device.write(step);
        held.give_back(session);
        // The first one is in use all the time, so it stays.
        let first = held.lend(&device.rows, mailbox(0)).unwrap().unwrap();
        held.give_back(first);
    }
    held.written();
    assert_eq!(held.len(), MAX_HELD_GROUPS);
    held.undone();
    assert_eq!(held.len(), MAX_HELD_GROUPS, "what is written is not undone");
    let before = held.len();
    held.lend(&device.rows, mailbox(1)).unwrap().unwrap();
    assert_eq!(held.len(), before, "the oldest had gone");
    held.lend(&device.rows, mailbox(0)).unwrap().unwrap();
    assert_eq!(held.len(), before - 1, "the one in use was there");
    held.clear();
    assert!(held.is_empty());
}
