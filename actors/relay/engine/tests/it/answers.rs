//! Every call is answered exactly once, whatever happens meanwhile.

use crate::yard;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use telesphor_engine::{Clock, EngineStanding, Limits, SingleAnswer, SingleContext};
use telesphor_store::faults::NoFaults;
use telesphor_wire::answer::Answer;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::hash;
use telesphor_wire::ids::Nonce;
use telesphor_wire::labels::HashLabel;
use telesphor_wire::session::{
    ClientFrame, PageRequest, RelayFrame, Right, SessionClaim, SessionProof, SingleCall, SingleRequest,
};
use telesphor_wire::sign::SigningKey;
use telesphor_wire::text::SupportCode;
use yard::client::{Client, durable, refused};
use yard::{Failing, Yard, yard};

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_command_gets_the_receipt_of_the_first_time() {
    let yard = yard().await;
    let (mut client, personal) = yard.with_personal().await;
    client.prove_contact(1, &personal, 0).await;
    let command = yard.deposit(personal.id, 0, b"once");
    let first = durable(client.call(1, command.clone()).await);
    durable(client.call(1, yard.deposit(personal.id, 0, b"between")).await);
    let again = durable(client.call(1, command.clone()).await);
    assert_eq!(first, again);
    again.verify(&[yard.keys.attesting.public()], 1).unwrap();

    // Twice in one frame: decided in one batch, and still once.
    let twin = yard.deposit(personal.id, 0, b"twins");
    let calls = client.start(1, vec![twin.clone(), twin]).await;
    let one = durable(client.answer(calls[0]).await);
    let two = durable(client.answer(calls[1]).await);
    assert_eq!(one, two);
    assert_eq!(yard.engine.observe().totals.repeated, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_another_relay_does_not_verify() {
    let yard = yard().await;
    let (mut client, personal) = yard.with_personal().await;
    let command = yard.signed_deposit(personal.id, &personal.contacts[3], b"signed");
    let receipt = durable(client.call(0, command).await);
    assert!(receipt.verify(&[SigningKey::generate().public()], 1).is_err());
    receipt.verify(&[yard.keys.attesting.public()], 1).unwrap();
}

/// Answers of a session until it ends; none twice.
async fn drain_answers(
    client: &mut Client,
    into: &mut BTreeSet<u32>,
    durable: &mut u32,
) -> Option<ErrorCode> {
    let mut last = None;
    while let Some(frame) = client.receive().await {
        match frame {
            RelayFrame::Replies(replies) => {
                for reply in replies {
                    assert!(into.insert(reply.call), "a call answered twice");
                    if matches!(reply.answer, Answer::Durable(_)) {
                        *durable += 1;
                    }
                }
            }
            RelayFrame::Goodbye(goodbye) => last = Some(goodbye.refusal.code),
            _ => {}
        }
    }
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_dies_leaves_no_call_unanswered_and_confirms_nothing_more() {
    let failing = Arc::new(Failing::default());
    let yard = Yard::with(Limits::default(), Clock::system(), failing.clone()).await;
    let (mut client, personal) = yard.with_personal().await;
    client.prove_contact(1, &personal, 0).await;
    durable(client.call(1, yard.deposit(personal.id, 0, b"before")).await);
    failing.0.store(true, Ordering::SeqCst);
    let mut calls = Vec::new();
    for _ in 0..20 {
        let frame = (0..16u8).map(|n| yard.deposit(personal.id, 0, &[n])).collect();
        calls.extend(client.start(1, frame).await);
    }
    for call in calls {
        let code = refused(&client.answer(call).await);
        assert_eq!(code, ErrorCode::Fenced, "neither confirmed nor said to be undone");
    }
    assert!(yard.failed.load(Ordering::SeqCst), "the service was not told");
    assert_eq!(yard.engine.observe().standing, EngineStanding::Failed);
    // A disk that has come back is not believed.
    failing.0.store(false, Ordering::SeqCst);
    let after = yard.deposit(personal.id, 0, b"after");
    assert_eq!(refused(&client.call(1, after).await), ErrorCode::Fenced);
    yard.settled().await;
    assert!(!yard.engine.drain(Duration::from_secs(5)).await.finished);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_closes_in_the_middle_gives_everything_back() {
    let yard = yard().await;
    let (mut reader, personal) = yard.with_personal().await;
    reader.prove_owner(1, &personal).await;
    for _ in 0..8 {
        let mut client = yard.connect().await;
        client.prove_contact(1, &personal, 0).await;
        client.prove_owner(2, &personal).await;
        client.follow(2, 0, u32::MAX).await;
        let frame = (0..64u8)
            .map(|n| yard.deposit(personal.id, 0, &[n; 1000]))
            .collect();
        client.start(1, frame).await;
        drop(client);
    }
    // Commands taken from a session that is gone are carried out all the same, or not at
    // all; either way nothing of them is held.
    loop {
        let seen = yard.engine.observe();
        if (
            seen.calls_in_flight,
            seen.bytes_in_flight,
            seen.follows,
            seen.sessions,
        ) == (0, 0, 0, 1)
        {
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_drain_answers_what_it_took_and_says_goodbye() {
    let yard = Arc::new(yard().await);
    let (opener, personal) = yard.with_personal().await;
    drop(opener);
    let mut clients = Vec::new();
    for contact in 0..4 {
        let mut client = yard.connect().await;
        client.prove_contact(1, &personal, contact).await;
        clients.push(client);
    }
    let mut sent = Vec::new();
    for client in &mut clients {
        let mut calls = Vec::new();
        for _ in 0..8 {
            let frame = (0..32u8)
                .map(|n| yard.deposit(personal.id, 0, &[n; 256]))
                .collect();
            calls.extend(client.start(1, frame).await);
        }
        sent.push(calls);
    }
    let drained = yard.engine.drain(Duration::from_secs(30)).await;
    assert!(drained.finished, "the drain ran out of time");
    assert_eq!(drained.sessions, 4);
    let (mut answered, mut done) = (0, 0);
    for (client, calls) in clients.iter_mut().zip(&sent) {
        let mut seen = BTreeSet::new();
        let last = drain_answers(client, &mut seen, &mut done).await;
        assert_eq!(last, Some(ErrorCode::Draining));
        assert!(calls.iter().all(|c| seen.contains(c)), "a call without answer");
        answered += seen.len();
        assert!(client.session.deliver(ClientFrame::Unfollow(1)).await.is_err());
    }
    assert_eq!(answered, 4 * 8 * 32);
    assert_eq!(
        u64::from(done),
        yard.engine.observe().totals.accepted - 1,
        "confirmed is not what was done"
    );
    let context = telesphor_engine::SessionContext {
        channel_binding: Nonce::random(),
    };
    assert_eq!(
        yard.engine.open_session(context).await.err().map(|r| r.code),
        Some(ErrorCode::Draining)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn permits_bound_what_senders_can_put_into_memory() {
    let limits = Limits {
        session_calls: 64,
        session_bytes: 256 << 10,
        bytes_in_flight: 512 << 10,
        calls_in_flight: 128,
        ..Limits::default()
    };
    let yard = Arc::new(Yard::with(limits.clone(), Clock::system(), Arc::new(NoFaults)).await);
    let (client, personal) = yard.with_personal().await;
    drop(client);
    let mut sessions = Vec::new();
    let mut tasks = Vec::new();
    for contact in 0..8 {
        let mut client = yard.connect().await;
        client.prove_contact(1, &personal, contact).await;
        let frames: Vec<_> = (0..16)
            .map(|_| {
                let deposits = (0..16).map(|_| yard.deposit(personal.id, 0, &[7; 4096]));
                let calls: Vec<_> = deposits.map(|d| client.next_call(1, d)).collect();
                ClientFrame::Calls(calls)
            })
            .collect();
        let (inbound, outbound) = client.session.split();
        sessions.push(outbound);
        tasks.push(tokio::spawn(async move {
            for frame in frames {
                inbound.deliver(frame).await.unwrap();
            }
            inbound
        }));
    }
    // Nobody fetches an answer: each session gets as far as its permits and stands still.
    let mut most = 0;
    for _ in 0..2000 {
        let seen = yard.engine.observe();
        assert!(seen.bytes_in_flight <= limits.bytes_in_flight);
        assert!(seen.calls_in_flight <= limits.calls_in_flight + 8 * limits.session_calls);
        most = most.max(seen.totals.accepted);
        tokio::task::yield_now().await;
    }
    assert!(
        most <= 1 + 8 * 64,
        "more was carried out than could be answered: {most}"
    );
    assert!(
        tasks.iter().all(|t| !t.is_finished()),
        "a sender was let past its permits"
    );
    // When they are fetched, all of it goes through.
    let fetchers: Vec<_> = sessions
        .into_iter()
        .map(|mut outbound| {
            tokio::spawn(async move {
                let mut n = 0;
                while n < 16 * 16 {
                    match outbound.next().await.expect("the session ended") {
                        RelayFrame::Replies(replies) => n += replies.len(),
                        other => panic!("{other:?}"),
                    }
                }
            })
        })
        .collect();
    // A dropped half ends the session, so both are kept until all has been fetched.
    let mut inbounds = Vec::new();
    for task in tasks {
        inbounds.push(task.await.unwrap());
    }
    for fetcher in fetchers {
        fetcher.await.unwrap();
    }
    assert_eq!(yard.engine.observe().totals.accepted, 1 + 8 * 16 * 16);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_mailbox_cannot_take_the_whole_relay() {
    let limits = Limits {
        mailbox_calls: 4,
        ..Limits::default()
    };
    let yard = Yard::with(limits, Clock::system(), Arc::new(NoFaults)).await;
    let (mut client, personal) = yard.with_personal().await;
    client.prove_contact(1, &personal, 0).await;
    let frame = (0..16u8).map(|n| yard.deposit(personal.id, 0, &[n])).collect();
    let calls = client.start(1, frame).await;
    let (mut done, mut busy) = (Vec::new(), 0);
    for call in calls {
        match client.answer(call).await {
            Answer::Durable(receipt) => done.push(receipt.leaf.seq),
            Answer::Busy(ms) => {
                assert!(ms > 0);
                busy += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        (done, busy),
        (vec![2, 3, 4, 5], 12),
        "the first ones, in order, and the rest told to wait"
    );
}

fn context(welcome: &telesphor_wire::session::Welcome, channel_binding: Nonce) -> SingleContext {
    SingleContext {
        channel_binding,
        relay_nonce: welcome.relay_nonce,
        given_ms: welcome.clock,
    }
}

fn single_proof(
    yard: &Yard,
    context: &SingleContext,
    call: &SingleCall,
    mailbox: telesphor_wire::ids::MailboxId,
    right: Right,
    key: &SigningKey,
) -> SessionProof {
    let claim = SessionClaim {
        domain: yard.domain.clone(),
        relay: yard.keys.attesting.public(),
        channel_binding: context.channel_binding,
        relay_nonce: context.relay_nonce,
        agent_nonce: call.agent_nonce,
        mailbox,
        right,
        branch: 0,
        epoch: 0,
        body: Some(hash(HashLabel::Command, call)),
        ext: Extensions::none(),
    };
    claim.prove(key)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_call_whose_body_was_exchanged_is_refused() {
    let yard = yard().await;
    let (_client, personal) = yard.with_personal().await;
    let context = context(&yard.engine.welcome(), Nonce::random());
    let call = |request| SingleCall {
        support: SupportCode::random(),
        agent_nonce: Nonce::random(),
        request,
    };
    let deposit = call(SingleRequest::Command(yard.deposit(personal.id, 0, b"by post")));
    let key = &personal.contacts[2];
    let proof = single_proof(&yard, &context, &deposit, personal.id, Right::Deposit, key);

    let mut exchanged = deposit.clone();
    exchanged.request = SingleRequest::Command(yard.deposit(personal.id, 0, b"something else"));
    let answer = yard.engine.single(context, Some(proof.clone()), exchanged).await;
    let SingleAnswer::Command(answer) = answer else {
        panic!("no answer to a command")
    };
    assert_eq!(refused(&answer), ErrorCode::Refused);

    let SingleAnswer::Command(answer) = yard.engine.single(context, Some(proof), deposit.clone()).await
    else {
        panic!("no answer to a command")
    };
    assert_eq!(durable(answer).leaf.seq, 2);
    assert_eq!(
        yard.engine.trace(deposit.support).len(),
        1,
        "the support code leads to what became of it"
    );

    let request = PageRequest {
        mailbox: personal.id,
        after: 1,
        max_events: 10,
    };
    let fetch = call(SingleRequest::Fetch(request));
    let proof = single_proof(
        &yard,
        &context,
        &fetch,
        personal.id,
        Right::Owner,
        &personal.owner,
    );
    let SingleAnswer::Page(page) = yard.engine.single(context, Some(proof), fetch.clone()).await else {
        panic!("no page")
    };
    assert_eq!(page.unwrap().events[0].payload.as_ref().unwrap().0, b"by post");
    let SingleAnswer::Page(page) = yard.engine.single(context, None, fetch).await else {
        panic!("no page")
    };
    assert_eq!(page.unwrap_err().code, ErrorCode::Refused);
}
