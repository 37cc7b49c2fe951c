//! What readers must get: everything durable, in order, once, and no longer than their right.

use crate::yard;

use std::sync::Arc;
use std::time::Duration;

use telesphor_engine::{Clock, Limits};
use telesphor_store::faults::NoFaults;
use telesphor_wire::command::{OwnerAct, RotateOwner};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::mailbox::{Cursor, Event, EventKind, next_key};
use telesphor_wire::session::{ClientFrame, Credit, Ended, Fetch, RelayFrame, Right};
use telesphor_wire::sign::SigningKey;
use yard::client::{durable, refused};
use yard::{Yard, yard};

const PLENTY: u32 = u32::MAX;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_event_is_lost_doubled_or_reordered_under_32_sessions() {
    const SESSIONS: usize = 32;
    const FRAMES: usize = 10;
    const CALLS: usize = 8;
    let yard = Arc::new(yard().await);
    let (owner_side, personal) = yard.with_personal().await;
    drop(owner_side);
    let personal = Arc::new(personal);

    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (yard, personal) = (yard.clone(), personal.clone());
            tokio::spawn(async move {
                let mut reader = yard.connect().await;
                reader.prove_owner(1, &personal).await;
                reader.follow(1, 0, PLENTY).await;
                reader.pushed(1 + SESSIONS * FRAMES * CALLS).await
            })
        })
        .collect();
    let writers: Vec<_> = (0..SESSIONS)
        .map(|s| {
            let (yard, personal) = (yard.clone(), personal.clone());
            tokio::spawn(async move {
                let mut client = yard.connect().await;
                client.prove_contact(1, &personal, s % 8).await;
                let mut calls = Vec::new();
                for f in 0..FRAMES {
                    let deposit = |c| yard.deposit(personal.id, 0, &[s as u8, f as u8, c as u8]);
                    calls.extend(client.start(1, (0..CALLS).map(deposit).collect()).await);
                }
                let mut seqs = Vec::new();
                for call in calls {
                    let receipt = durable(client.answer(call).await);
                    receipt.verify(&[yard.keys.attesting.public()], 1).unwrap();
                    seqs.push(receipt.leaf.seq);
                }
                assert!(seqs.is_sorted(), "one session's deposits changed places");
                seqs
            })
        })
        .collect();

    let mut seqs = Vec::new();
    for writer in writers {
        seqs.extend(writer.await.unwrap());
    }
    seqs.sort_unstable();
    assert_eq!(
        seqs,
        (2..2 + (SESSIONS * FRAMES * CALLS) as u64).collect::<Vec<_>>()
    );

    let mut seen = Vec::new();
    for reader in readers {
        let events = reader.await.unwrap();
        let mut cursor = Cursor {
            seq: 0,
            hash: personal.genesis,
        };
        for event in &events {
            assert_eq!(cursor.advance(event), Ok(()), "a gap, a double or a broken chain");
        }
        let mut of_session = vec![Vec::new(); SESSIONS];
        for event in &events[1..] {
            let payload = event.payload.as_ref().unwrap();
            of_session[usize::from(payload[0])].push((payload[1], payload[2]));
        }
        for sent in of_session {
            assert_eq!(sent.len(), FRAMES * CALLS);
            assert!(sent.is_sorted(), "a session's events were reordered");
        }
        seen.push(events);
    }
    assert!(seen[0] == seen[1], "two readers saw different histories");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_was_away_resumes_without_gap() {
    let yard = yard().await;
    let (mut writer, personal) = yard.with_personal().await;
    writer.prove_contact(1, &personal, 0).await;
    let mut seen: Vec<Event> = Vec::new();
    for round in 0u8..5 {
        // Half of them while the reader is away, half while it follows.
        for n in 0..10 {
            durable(writer.call(1, yard.deposit(personal.id, 0, &[round, n])).await);
        }
        let mut reader = yard.connect().await;
        reader.prove_owner(1, &personal).await;
        reader.follow(1, seen.len() as u64, PLENTY).await;
        for n in 10..20 {
            durable(writer.call(1, yard.deposit(personal.id, 0, &[round, n])).await);
        }
        let missing = 1 + 20 * (usize::from(round) + 1) - seen.len();
        seen.extend(reader.pushed(missing).await);
        assert!(reader.events.is_empty(), "more was pushed than there is");
    }
    let seqs: Vec<_> = seen.iter().map(|e| e.header.seq).collect();
    assert_eq!(seqs, (1..=101).collect::<Vec<_>>());
    let mut fetcher = yard.connect().await;
    fetcher.prove_owner(1, &personal).await;
    fetcher
        .send(ClientFrame::Fetch(Fetch {
            handle: 1,
            after: 0,
            max_events: 1000,
        }))
        .await;
    assert!(
        fetcher.pushed(101).await == seen,
        "following and fetching tell two histories"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_was_restarted_goes_on_where_it_stood() {
    let yard = yard().await;
    let (mut writer, personal) = yard.with_personal().await;
    writer.prove_contact(1, &personal, 0).await;
    let command = yard.deposit(personal.id, 0, b"before");
    let first = durable(writer.call(1, command.clone()).await);
    drop(writer);
    let yard = yard.again().await;
    let mut writer = yard.connect().await;
    writer.prove_contact(1, &personal, 0).await;
    let again = durable(writer.call(1, command).await);
    assert_eq!(
        again, first,
        "a command sent again gets the receipt of the first time"
    );
    let next = durable(writer.call(1, yard.deposit(personal.id, 0, b"after")).await);
    assert_eq!(
        (next.leaf.seq, next.head.position),
        (first.leaf.seq + 1, first.head.position + 2)
    );
    next.verify(&[yard.keys.attesting.public()], 1).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_goes_on_after_the_commit_that_ended_its_epoch() {
    let yard = yard().await;
    let (mut writer, mut team) = yard.with_team().await;
    let mut left = yard.connect().await;
    left.prove_member(1, &team).await;
    left.follow(1, 0, PLENTY).await;
    writer.prove_member(1, &team).await;
    durable(writer.call(1, yard.deposit(team.id, 0, b"for all")).await);
    let commit = yard.commit(&mut team);
    durable(writer.call(0, commit).await);
    // Sent under the old epoch, ordered after the commit: refused when applied.
    let late = yard.deposit(team.id, 0, b"too late");
    assert_eq!(refused(&writer.call(1, late).await), ErrorCode::WrongEpoch);
    writer.prove_member(2, &team).await;
    durable(
        writer
            .call(2, yard.deposit(team.id, 1, b"not for the one removed"))
            .await,
    );

    let events = left.pushed(3).await;
    let kinds: Vec<_> = events.iter().map(|e| e.header.kind).collect();
    assert_eq!(kinds, [EventKind::OWNER, EventKind::MESSAGE, EventKind::COMMIT]);
    let RelayFrame::Ended(Ended { handle: 1, refusal }) = left.other().await else {
        panic!("no end")
    };
    assert_eq!(refusal.code, ErrorCode::WrongEpoch);
    assert!(left.events.is_empty(), "pushed beyond the commit");
    left.send(ClientFrame::Fetch(Fetch {
        handle: 1,
        after: 3,
        max_events: 10,
    }))
    .await;
    assert!(
        matches!(left.other().await, RelayFrame::Ended(_)),
        "fetched beyond the commit"
    );

    let mut stays = yard.connect().await;
    stays.prove_member(1, &team).await;
    stays.follow(1, 0, PLENTY).await;
    let events = stays.pushed(1).await;
    assert_eq!(
        events[0].header.seq, 4,
        "a new key reads what comes after the event that began it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_ends_while_following_ends_the_push() {
    let clock = Clock::by_hand(1_800_000_000_000);
    let yard = Yard::with(Limits::default(), clock.clone(), Arc::new(NoFaults)).await;
    let (mut writer, team) = yard.with_team().await;
    writer.prove_member(1, &team).await;
    let mut reader = yard.connect().await;
    reader.prove_member(1, &team).await;
    reader.follow(1, 0, PLENTY).await;
    reader.pushed(1).await;
    let before = yard.deposit(team.id, 0, b"in time");
    durable(writer.call(1, before).await);
    reader.pushed(1).await;
    clock.set(team.lease + 1);
    // The reader has no more right, though its session goes on and nobody has acted.
    reader
        .send(ClientFrame::Fetch(Fetch {
            handle: 1,
            after: 0,
            max_events: 1,
        }))
        .await;
    let RelayFrame::Ended(ended) = reader.other().await else {
        panic!("read after the lease")
    };
    assert_eq!(ended.refusal.code, ErrorCode::LeaseOver);
    let late = writer.call(1, yard.deposit(team.id, 0, b"late")).await;
    assert_eq!(refused(&late), ErrorCode::LeaseOver);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_never_gives_credit_costs_no_memory() {
    const PAYLOAD: usize = 64 * 1024;
    let yard = yard().await;
    let (mut writer, personal) = yard.with_personal().await;
    writer.prove_contact(1, &personal, 0).await;
    let mut slow = yard.connect().await;
    slow.prove_owner(1, &personal).await;
    slow.follow(1, 1, 100_000).await;
    for _ in 0..16 {
        let frame = (0..8)
            .map(|_| yard.deposit(personal.id, 0, &[1; PAYLOAD]))
            .collect();
        for call in writer.start(1, frame).await {
            durable(writer.answer(call).await);
        }
    }
    yard.settled().await;
    // Credit for one and a half events: one, and one that overdraws it.
    let pushed = slow.pushed(2).await.len();
    assert_eq!(pushed, 2);
    let nothing = tokio::time::timeout(Duration::from_millis(200), slow.session.next()).await;
    assert!(nothing.is_err(), "pushed without credit");
    let seen = yard.engine.observe();
    assert!(
        seen.totals.bytes_out <= 3 * PAYLOAD as u64,
        "read without credit: {}",
        seen.totals.bytes_out
    );
    // And nothing is lost by it.
    slow.send(ClientFrame::Credit(Credit {
        handle: 1,
        bytes: PLENTY,
    }))
    .await;
    let rest = slow.pushed(16 * 8 - 2).await;
    assert_eq!(rest.last().map(|e| e.header.seq), Some(1 + 16 * 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfollowed_handle_is_left_alone() {
    let yard = yard().await;
    let (mut writer, personal) = yard.with_personal().await;
    writer.prove_contact(1, &personal, 0).await;
    writer.prove_owner(2, &personal).await;
    writer.follow(2, 0, PLENTY).await;
    writer.pushed(1).await;
    writer.send(ClientFrame::Unfollow(2)).await;
    writer
        .send(ClientFrame::Fetch(Fetch {
            handle: 2,
            after: 0,
            max_events: 1,
        }))
        .await;
    writer.pushed(1).await;
    durable(writer.call(1, yard.deposit(personal.id, 0, b"unseen")).await);
    assert_eq!(yard.engine.observe().follows, 0);
    // Followed anew from the beginning: everything again, once.
    writer.follow(2, 0, PLENTY).await;
    let seqs: Vec<_> = writer.pushed(2).await.iter().map(|e| e.header.seq).collect();
    assert_eq!(seqs, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_next_that_is_abandoned_loses_nothing() {
    let yard = yard().await;
    let (mut writer, personal) = yard.with_personal().await;
    writer.prove_contact(1, &personal, 0).await;
    let mut reader = yard.connect().await;
    reader.prove_owner(1, &personal).await;
    reader.follow(1, 0, PLENTY).await;
    let mut seqs = Vec::new();
    for n in 0u8..50 {
        durable(writer.call(1, yard.deposit(personal.id, 0, &[n])).await);
        // Polled once or a few times, then dropped, as a `select!` does.
        for polls in 0..4 {
            let patience = Duration::from_micros(u64::from(n) * polls);
            if let Ok(Some(RelayFrame::Events(events))) =
                tokio::time::timeout(patience, reader.session.next()).await
            {
                seqs.extend(events.events.iter().map(|e| e.header.seq));
            }
        }
    }
    while seqs.len() < 51 {
        seqs.extend(reader.pushed(1).await.iter().map(|e| e.header.seq));
    }
    assert_eq!(seqs, (1..=51).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_whose_key_was_replaced_reads_no_more() {
    let yard = yard().await;
    let (mut thief, personal) = yard.with_personal().await;
    thief.prove_owner(1, &personal).await;
    thief.follow(1, 0, PLENTY).await;
    thief.pushed(1).await;
    let rotate = |reveal: &SigningKey| {
        let next = next_key(&SigningKey::generate().public());
        let act = OwnerAct::RotateOwner(RotateOwner {
            reveal: reveal.public(),
            next,
        });
        yard.owner_command(personal.id, reveal, 1, act)
    };
    let mut owner = yard.connect().await;
    let made_up = rotate(&SigningKey::generate());
    assert_eq!(refused(&owner.call(0, made_up).await), ErrorCode::Refused);
    durable(owner.call(0, rotate(&personal.next_owner)).await);

    let RelayFrame::Ended(ended) = thief.other().await else {
        panic!("the old key reads on")
    };
    assert_eq!(ended.refusal.code, ErrorCode::Refused);
    assert!(
        thief.events.is_empty(),
        "the old key was shown what came after it"
    );
    let proof = owner.proof(personal.id, Right::Owner, &personal.next_owner);
    assert_eq!(owner.prove(1, proof).await.refused, None);
    owner.follow(1, 0, PLENTY).await;
    assert_eq!(owner.pushed(2).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_stall_do_not_keep_others_from_reading() {
    const EVENTS: usize = 40;
    // Memory for two full pages; a small page holds one of these events.
    let limits = Limits {
        page_bytes: 64 << 10,
        scarce_page_bytes: 4 << 10,
        pages_bytes: 128 << 10,
        ..Limits::default()
    };
    let yard = Yard::with(limits, Clock::system(), Arc::new(NoFaults)).await;
    let (mut writer, personal) = yard.with_personal().await;
    writer.prove_contact(1, &personal, 0).await;
    let frame = (0..EVENTS)
        .map(|_| yard.deposit(personal.id, 0, &[3; 8 << 10]))
        .collect();
    for call in writer.start(1, frame).await {
        durable(writer.answer(call).await);
    }
    let mut stalled = Vec::new();
    for _ in 0..4 {
        let mut reader = yard.connect().await;
        reader.prove_owner(1, &personal).await;
        reader.follow(1, 1, PLENTY).await;
        // One page each, and then never again.
        reader.pushed(1).await;
        stalled.push(reader);
    }
    let mut reader = yard.connect().await;
    reader.prove_owner(1, &personal).await;
    reader.follow(1, 1, PLENTY).await;
    let mut pages = 0;
    let mut events = 0;
    while events < EVENTS {
        events += reader.pushed(1).await.len();
        pages += 1;
    }
    assert_eq!(pages, EVENTS, "full pages although there is no memory for them");
    drop(stalled);
    let mut later = yard.connect().await;
    later.prove_owner(1, &personal).await;
    later.follow(1, 1, PLENTY).await;
    assert!(
        later.pushed(1).await.len() > 1,
        "the memory of readers that went away is not given back"
    );
}
