//! What a reader makes of what comes late, early, twice or broken.

use super::world::*;
use crate::*;

#[test]
fn a_replayed_or_altered_message_that_eats_the_genuine_one() {
    let (mut relay, mut a, mut b, _) = three();
    let event = a.seal(b"once");
    let mut altered = event.clone();
    let last = altered.payload.0.len() - 1;
    altered.payload.0[last] ^= 1;
    relay.deposit(&altered);
    relay.deposit(&event);
    relay.deposit(&event);
    let heard = b.read(&relay);
    assert_eq!(heard[0], Received::Junk);
    assert_eq!(content(&heard[1]), b"once");
    assert_eq!(heard[2], Received::Junk);
}

#[test]
fn junk_that_stops_a_reader() {
    let (mut relay, mut a, mut b, _) = three();
    for junk in [vec![], vec![0; 3], vec![0xff; 4000], b"\0\x01\0\x02".to_vec()] {
        for kind in [1, 2, 3, 4, 5, 99] {
            relay.post(telesphor_wire::mailbox::EventKind(kind), junk.clone().into());
        }
    }
    let before = b.rows.clone();
    for outcome in b.read(&relay) {
        assert!(matches!(outcome, Received::Junk | Received::Past));
    }
    assert_eq!(b.rows, before);
    let event = a.seal(b"still here");
    relay.deposit(&event);
    assert_eq!(content(&b.read_one(&relay)), b"still here");
}

#[test]
fn a_message_of_the_next_epoch_that_is_lost_because_it_came_early() {
    let (mut relay, mut a, mut b, _) = three();
    let out = a.stage(&update());
    relay.commit(&out.commit);
    a.read(&relay);
    let event = a.seal(b"from epoch 2");
    relay.deposit(&event);
    let owner = relay.owner.public();
    let early = relay.log[1].clone();
    assert_eq!(
        b.receive(&early, &owner, &anyone),
        Received::Ahead { branch: 0, epoch: 2 }
    );
    b.cursor = 0;
    let heard = b.read(&relay);
    assert_eq!(content(&heard[1]), b"from epoch 2");
}

#[test]
fn an_absentee_who_cannot_read_on_from_where_it_left() {
    let (mut relay, mut a, mut b, mut c) = three();
    for round in 0..5u8 {
        let event = a.seal(&[round; 10]);
        relay.deposit(&event);
        let out = if round % 2 == 0 {
            a.stage(&update())
        } else {
            b.stage(&update())
        };
        relay.commit(&out.commit);
        a.read(&relay);
        b.read(&relay);
    }
    let heard = c.read(&relay);
    assert_eq!(heard.len(), 10);
    for (round, pair) in heard.chunks(2).enumerate() {
        assert_eq!(content(&pair[0]), [round as u8; 10]);
        moved(&pair[1]);
    }
    // The keys of every epoch it went through are kept, to show at the relay.
    for epoch in 1..=6 {
        let keys = epoch_keys(&c.rows, MAILBOX, 0, epoch).unwrap().unwrap();
        let same = epoch_keys(&a.rows, MAILBOX, 0, epoch).unwrap().unwrap();
        assert_eq!(keys.access_public(), same.access_public());
        assert_ne!(keys.pseudonym().public(), same.pseudonym().public());
        keys.access_public()
            .verify(keys.statement(), &keys.certificate())
            .unwrap();
        let old = epoch_keys(&c.rows, MAILBOX, 0, 1)
            .unwrap()
            .unwrap()
            .pseudonym()
            .public();
        let statement = telesphor_wire::session::PseudonymStatement {
            pseudonym: old,
            ..keys.statement().clone()
        };
        keys.access_public()
            .verify(&statement, &keys.certify(old))
            .unwrap();
    }
    let step = c.session().forget_epochs(&c.rows, 0, 6).unwrap();
    c.write(step);
    assert!(epoch_keys(&c.rows, MAILBOX, 0, 5).unwrap().is_none());
    assert!(epoch_keys(&c.rows, MAILBOX, 0, 6).unwrap().is_some());
}

#[test]
fn walking_ahead_on_a_scratch_copy_that_changes_the_real_state() {
    let (mut relay, mut a, mut b, mut c) = three();
    for _ in 0..3 {
        let out = a.stage(&update());
        relay.commit(&out.commit);
        a.read(&relay);
        b.read(&relay);
    }
    let before = c.rows.clone();
    let mut scratch = StateDiff::new();
    for event in &relay.log {
        let over = std::mem::take(&mut scratch);
        let layered = Layered::new(&c.rows, &over);
        let session = GroupSession::load(&layered, MAILBOX).unwrap().unwrap();
        let step = session
            .receive(
                &layered,
                &c.keys,
                event.incoming(),
                &relay.owner.public(),
                &anyone,
            )
            .unwrap();
        scratch = over.clone();
        step.stack(&mut scratch);
    }
    let layered = Layered::new(&c.rows, &scratch);
    let keys = epoch_keys(&layered, MAILBOX, 0, 4).unwrap().unwrap();
    assert_eq!(keys.access_public(), relay.access);
    assert_eq!(c.rows, before);
    // And the same difference, written at once, is the real thing.
    scratch.apply_to(&mut c.rows);
    c.cursor = relay.log.len();
    talk(&mut relay, &mut [&mut a, &mut b, &mut c]);
}

#[test]
fn a_sender_who_skips_many_messages_and_is_never_heard_again() {
    let (mut relay, mut a, mut b, _) = three();
    for _ in 0..2000 {
        a.seal(b"gave way");
    }
    let event = a.seal(b"the newest");
    relay.deposit(&event);
    assert_eq!(content(&b.read_one(&relay)), b"the newest");
}
