//! Two hospitals with a relay and a NATS server each, joined by leaf nodes over a line that can be cut.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::between;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use between::{NEVER, Pair, written_by};
use telesphor_chaos::campaign::{admit, read_all, wait_for};
use telesphor_chaos::exchange::{Asker, At, Hospital, Outcome, at, signed};
use telesphor_chaos::sender::{self, Shared};
use telesphor_chaos::tenant::{Tenant, VALID_MS};
use telesphor_wire::answer::Answer;
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::seal::SealingKey;
use telesphor_wire::sign::SigningKey;
use telesphor_wire::text::SupportCode;

/// The messages of a mailbox, in order, as its owner reads them.
async fn messages(there: &Tenant, at: &At, least: u64) -> Vec<Vec<u8>> {
    let events = read_all(there, &at.mailbox, least).await.unwrap();
    let messages = events.into_iter().filter(|e| e.header.kind == EventKind::MESSAGE);
    messages.map(|e| e.payload.unwrap().0).collect()
}

fn durable(outcome: &Outcome) -> u64 {
    match outcome {
        Outcome::Durable(receipt) => receipt.leaf.seq,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_to_another_hospital_does_not_arrive_or_a_repetition_arrives_twice() {
    let folder = tempfile::tempdir().unwrap();
    let pair = Pair::joined(folder.path(), NEVER);
    let (there, all) = at(&pair.b.relay, 1).await.unwrap();
    let mut asker = Asker::enrol(&pair.a.relay).await.unwrap();
    let key = asker.sealing(&all[0].domain).await.unwrap();
    let command = asker.deposit(&all[0], b"sealed".to_vec());
    let passing = asker.seal(&all[0], &key, &command).unwrap();
    assert!(matches!(asker.put(&passing).await.unwrap(), Answer::Durable(_)));
    let (of, outcome) = asker.news().await.unwrap();
    assert_eq!(of, passing.request.digest());
    let Outcome::Durable(first) = outcome else {
        panic!("{outcome:?}")
    };
    // It is the other hospital's own receipt, for the place where it stands there.
    first.verify(&there.relays(), 1).unwrap();

    // The same bytes, and the same command under another seal: the receipt of the first time.
    let again = asker.seal(&all[0], &key, &command).unwrap();
    assert!(matches!(asker.put(&again).await.unwrap(), Answer::Durable(_)));
    let (_, outcome) = asker.news().await.unwrap();
    let Outcome::Durable(second) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(first.leaf, second.leaf);
    assert_eq!(
        messages(&there, &all[0], first.leaf.seq).await,
        [b"sealed".to_vec()]
    );

    // The support code is known at both.
    for relay in [&pair.a.relay, &pair.b.relay] {
        let steps = relay.run(&["trace", &passing.support.to_string()]).unwrap();
        assert!(steps.contains("durable"), "{steps}");
    }
    let peer = pair.a.until(&pair.b, |peer| peer["waiting"] == 0).unwrap();
    assert_eq!(
        (&peer["answered"], &peer["undelivered"]),
        (&2.into(), &0.into()),
        "{peer}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reading_is_answered_without_its_right_or_for_somebody_else() {
    let folder = tempfile::tempdir().unwrap();
    let pair = Pair::joined(folder.path(), NEVER);
    let (_there, all) = at(&pair.b.relay, 2).await.unwrap();
    let mut asker = Asker::enrol(&pair.a.relay).await.unwrap();
    let key = asker.sealing(&all[0].domain).await.unwrap();
    let owner = all[0].mailbox.owner.clone();
    let proof = asker.read(&all[0], &key, &owner, None).await.unwrap();
    let Outcome::Page(page) = asker.news().await.unwrap().1 else {
        panic!("no page")
    };
    let mut cursor = all[0].mailbox.genesis;
    for event in &page.events {
        cursor.advance(event).unwrap();
    }
    assert_eq!((cursor, cursor.seq), (page.head, 1), "its opening");

    // By another key, of another mailbox, and by a proof that was made for another answer.
    let mallory = SigningKey::generate();
    for (place, by, repeated) in [
        (&all[0], &mallory, None),
        (&all[1], &owner, None),
        (&all[0], &owner, Some(proof)),
    ] {
        asker.read(place, &key, by, repeated).await.unwrap();
        let told = asker.news().await.unwrap().1;
        assert_eq!(told, Outcome::Refused(ErrorCode::Refused));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_hospital_learns_the_mailbox_or_the_other_one_who_asked() {
    let folder = tempfile::tempdir().unwrap();
    let mut pair = Pair::joined(folder.path(), NEVER);
    let (_there, all) = at(&pair.b.relay, 1).await.unwrap();
    let mut asker = Asker::enrol(&pair.a.relay).await.unwrap();
    let key = asker.sealing(&all[0].domain).await.unwrap();
    asker.send(&all[0], &key, b"sealed".to_vec()).await.unwrap();
    durable(&asker.news().await.unwrap().1);
    for relay in [&mut pair.a.relay, &mut pair.b.relay] {
        relay.kill().unwrap();
    }
    let (heard, a) = (pair.line.heard(), written_by(&pair.a.relay));
    let b = written_by(&pair.b.relay);
    let forms = |secret: &[u8; 32]| {
        let hex: String = secret.iter().map(|b| format!("{b:02x}")).collect();
        [secret.to_vec(), hex.into_bytes()]
    };
    let finds = |pile: &[u8], secret: &[u8; 32]| {
        let among = |form: &Vec<u8>| pile.windows(form.len()).any(|w| w == form.as_slice());
        forms(secret).iter().any(among)
    };
    let there = [
        ("mailbox", all[0].mailbox.id.0),
        ("deposit key", all[0].mailbox.deposit.public().0),
    ];
    let here = [
        ("outbox", asker.outbox.id.0),
        ("owner", asker.outbox.owner.public().0),
    ];
    for (what, secret) in there {
        assert!(
            finds(&b, &secret),
            "the search does not find the {what} where it is"
        );
        assert!(!finds(&a, &secret), "home has the {what}");
        assert!(!finds(&heard, &secret), "the {what} stands on the line");
    }
    for (what, secret) in here {
        assert!(
            finds(&a, &secret),
            "the search does not find the {what} where it is"
        );
        assert!(!finds(&b, &secret), "the other hospital has the {what}");
        assert!(!finds(&heard, &secret), "the {what} stands on the line");
    }
    assert!(
        !heard.windows(6).any(|w| w == b"sealed"),
        "the payload stands on the line"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cut_loses_doubles_or_disorders_something_or_stops_a_hospital_itself() {
    const LANES: usize = 4;
    const EACH: usize = 60;
    let folder = tempfile::tempdir().unwrap();
    let mut pair = Pair::joined(folder.path(), NEVER);
    let (there, all) = at(&pair.b.relay, LANES).await.unwrap();
    let mut asker = Asker::enrol(&pair.a.relay).await.unwrap();
    let key = asker.sealing(&all[0].domain).await.unwrap();

    // The hospital's own traffic, all the while.
    let mut tenant = Tenant::enrol(&admit(&pair.a.relay).unwrap(), 1).await.unwrap();
    let (session, _pushes) = tenant.session().await.unwrap();
    let own = tenant.open(&session).await.unwrap();
    let shared = Arc::new(Shared::default());
    let running = tokio::spawn(sender::run(Arc::new(tenant), own, shared.clone(), 700, 8));

    let mut wanted: BTreeSet<Digest> = BTreeSet::new();
    for number in 0..EACH {
        for lane in &all {
            let passing = asker
                .send(lane, &key, number.to_be_bytes().to_vec())
                .await
                .unwrap();
            wanted.insert(passing.request.digest());
        }
        match number {
            20 => pair.line.cut(),
            // With a full outbox.
            40 => {
                let receipts = shared.receipts.load(Ordering::Relaxed);
                wait_for(&shared, receipts + 200).await.unwrap();
                pair.a
                    .until(&pair.b, |peer| peer["waiting"].as_u64() >= Some(60))
                    .unwrap();
                pair.a.relay.kill().unwrap();
                pair.a.relay.start().unwrap();
                asker.begin().await.unwrap();
                pair.a
                    .until(&pair.b, |peer| peer["waiting"].as_u64() >= Some(60))
                    .unwrap();
            }
            _ => {}
        }
    }
    let receipts = shared.receipts.load(Ordering::Relaxed);
    wait_for(&shared, receipts + 200).await.unwrap();
    pair.line.join();
    let mut last = 0;
    while !wanted.is_empty() {
        let (of, outcome) = asker.news().await.unwrap();
        last = last.max(durable(&outcome));
        // Of one that was answered before the relay was killed it is told again, from the start.
        wanted.remove(&of);
    }
    let expected: Vec<Vec<u8>> = (0..EACH).map(|n| n.to_be_bytes().to_vec()).collect();
    for lane in &all {
        assert_eq!(messages(&there, lane, EACH as u64 + 1).await, expected);
    }
    assert!(last > EACH as u64);
    shared.stop.store(true, Ordering::Relaxed);
    running.await.unwrap();
    assert_eq!(shared.surprises.load(Ordering::Relaxed), 0);
    let peer = pair.a.until(&pair.b, |peer| peer["waiting"] == 0).unwrap();
    assert_eq!(peer["undelivered"], 0, "{peer}");
    for relay in [&mut pair.a.relay, &mut pair.b.relay] {
        relay.kill().unwrap();
        relay.run(&["verify"]).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_delivered_is_kept_for_ever_or_is_told_without_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    // Seconds: what waits comes back after these.
    let pair = Pair::strangers(folder.path(), 6);
    let (there, all) = at(&pair.b.relay, 1).await.unwrap();
    let mut asker = Asker::enrol(&pair.a.relay).await.unwrap();
    let anything = SealingKey::generate().public();
    let undelivered = async |asker: &mut Asker| match asker.news().await.unwrap().1 {
        Outcome::Undelivered(code) => code,
        other => panic!("{other:?}"),
    };
    asker.send(&all[0], &anything, b"one".to_vec()).await.unwrap();
    assert_eq!(
        undelivered(&mut asker).await,
        ErrorCode::DomainUnknown,
        "not pinned here"
    );

    // The other one has not pinned us: its operator is named, and the request waits for him.
    pair.a.pin(&pair.b).unwrap();
    asker.send(&all[0], &anything, b"two".to_vec()).await.unwrap();
    let told = |peer: &serde_json::Value| {
        peer["trouble"]
            .as_str()
            .is_some_and(|why| why.starts_with("T-2041"))
    };
    pair.a.until(&pair.b, told).unwrap();
    assert_eq!(undelivered(&mut asker).await, ErrorCode::NotPinnedThere);

    pair.b.pin(&pair.a).unwrap();
    asker.send(&all[0], &anything, b"three".to_vec()).await.unwrap();
    let code = undelivered(&mut asker).await;
    assert_eq!(
        code,
        ErrorCode::NotSealedForThem,
        "sealed to a key that is not theirs"
    );

    let key = asker.sealing(&all[0].domain).await.unwrap();
    pair.line.cut();
    asker.send(&all[0], &key, b"four".to_vec()).await.unwrap();
    assert_eq!(undelivered(&mut asker).await, ErrorCode::NotDelivered);

    // Nothing of all that has been written there, and what comes now is.
    pair.line.join();
    // The servers find each other in their own time.
    let seq = loop {
        asker.send(&all[0], &key, b"five".to_vec()).await.unwrap();
        match asker.news().await.unwrap().1 {
            Outcome::Undelivered(ErrorCode::NotDelivered) => {}
            outcome => break durable(&outcome),
        }
    };
    assert_eq!(messages(&there, &all[0], seq).await, [b"five".to_vec()]);

    pair.a
        .relay
        .run(&["domain", "unpin", "hospital-b.example"])
        .unwrap();
    asker.send(&all[0], &key, b"six".to_vec()).await.unwrap();
    assert_eq!(
        undelivered(&mut asker).await,
        ErrorCode::DomainUnknown,
        "unpinned"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn something_forged_or_not_ours_to_ask_is_passed_on_or_carried_out() {
    let folder = tempfile::tempdir().unwrap();
    let pair = Pair::joined(folder.path(), NEVER);
    let (there, all) = at(&pair.b.relay, 1).await.unwrap();
    let mut asker = Asker::enrol(&pair.a.relay).await.unwrap();
    let key = asker.sealing(&all[0].domain).await.unwrap();

    // Refused at home, with nothing written: what is no request, or has a form of its own.
    let good = asker.deposit(&all[0], b"good".to_vec());
    let passing = asker.seal(&all[0], &key, &good).unwrap();
    let refused = async |asker: &Asker, bytes: Vec<u8>| match asker
        .put_bytes(SupportCode::random(), bytes)
        .await
        .unwrap()
    {
        Answer::Refused(refusal) => refusal.code,
        other => panic!("{other:?}"),
    };
    let bytes = canonical::encode(&passing);
    assert_eq!(refused(&asker, b"nonsense".to_vec()).await, ErrorCode::Malformed);
    let mut longer = bytes.clone();
    // The list of extensions with a longer head than it needs.
    longer.pop();
    longer.extend([0xdc, 0, 0]);
    assert_eq!(refused(&asker, longer).await, ErrorCode::NotCanonical);
    let mut short = passing.clone();
    short.request.sealed.ciphertext.0.pop();
    let code = refused(&asker, canonical::encode(&short)).await;
    assert_eq!(code, ErrorCode::Malformed, "a size that tells something");

    // Refused there, under a seal: a deposit key that is not listed, a signature by another, an
    // end that is over.
    let other = SigningKey::generate();
    let now = passing_clock(&asker).await;
    let stranger = signed(&all[0], b"bad".to_vec(), now + VALID_MS, &other);
    let mut forged = signed(&all[0], b"bad".to_vec(), now + VALID_MS, &all[0].mailbox.deposit);
    if let telesphor_wire::command::Command::Deposit(deposit) = &mut forged {
        deposit.payload = b"worse".to_vec().into();
    }
    for (command, codes) in [
        (stranger, [ErrorCode::Refused, ErrorCode::Refused]),
        (forged, [ErrorCode::BadSignature, ErrorCode::Refused]),
    ] {
        let passing = asker.seal(&all[0], &key, &command).unwrap();
        asker.put(&passing).await.unwrap();
        match asker.news().await.unwrap().1 {
            Outcome::Refused(code) if codes.contains(&code) => {}
            outcome => panic!("{outcome:?}"),
        }
    }
    let late = signed(&all[0], b"late".to_vec(), now - 1, &all[0].mailbox.deposit);
    let passing = asker.seal(&all[0], &key, &late).unwrap();
    asker.put(&passing).await.unwrap();
    assert_eq!(
        asker.news().await.unwrap().1,
        Outcome::Undelivered(ErrorCode::Expired)
    );

    // Sealed for another domain than it is sent to.
    let mut elsewhere = asker.seal(&all[0], &key, &good).unwrap();
    elsewhere.request.sealed.ciphertext.0[100] ^= 1;
    asker.put(&elsewhere).await.unwrap();
    assert_eq!(
        asker.news().await.unwrap().1,
        Outcome::Undelivered(ErrorCode::NotSealedForThem)
    );
    assert!(
        messages(&there, &all[0], 1).await.is_empty(),
        "something was written"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_third_hospital_needs_more_than_two_commands_or_is_slowed_by_one_that_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let pair = Pair::joined(folder.path(), NEVER);
    let mut c = Hospital::new(&folder.path().join("c"), "hospital-c.example", NEVER).unwrap();
    c.start(&[pair.a.leafs()]).unwrap();
    // One at each of the two: nothing is started again, and B is not asked.
    c.pin(&pair.a).unwrap();
    pair.a.pin(&c).unwrap();

    let (there, at_b) = at(&pair.b.relay, 1).await.unwrap();
    let (third, at_c) = at(&c.relay, 1).await.unwrap();
    let mut asker = Asker::enrol(&pair.a.relay).await.unwrap();
    let (key_b, key_c) = (
        asker.sealing(&at_b[0].domain).await.unwrap(),
        asker.sealing(&at_c[0].domain).await.unwrap(),
    );
    pair.line.cut();
    for number in 0..40u8 {
        asker.send(&at_b[0], &key_b, vec![number]).await.unwrap();
    }
    for number in 0..40u8 {
        asker.send(&at_c[0], &key_c, vec![number]).await.unwrap();
        durable(&asker.news().await.unwrap().1);
    }
    let numbers: Vec<Vec<u8>> = (0..40).map(|n| vec![n]).collect();
    assert_eq!(messages(&third, &at_c[0], 41).await, numbers);
    assert_eq!(pair.a.peer(&pair.b).unwrap()["waiting"], 40);
    pair.line.join();
    for _ in 0..40 {
        durable(&asker.news().await.unwrap().1);
    }
    assert_eq!(messages(&there, &at_b[0], 41).await, numbers);
}

async fn passing_clock(asker: &Asker) -> u64 {
    let (session, _pushes) = asker.tenant.session().await.unwrap();
    session.facts().clock
}
