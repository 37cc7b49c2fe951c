//! What a connection must refuse.

use crate::yard;

use std::sync::Arc;

use telesphor_engine::{Clock, Limits, SessionContext};
use telesphor_store::faults::NoFaults;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{MailboxId, Nonce};
use telesphor_wire::session::{ClientFrame, Fetch, Follow, Prove, RelayFrame, Right};
use telesphor_wire::sign::SigningKey;
use yard::client::{durable, hello, refused};
use yard::{Yard, yard};

async fn goodbye(mut session: telesphor_engine::Session) -> ErrorCode {
    let Some(RelayFrame::Goodbye(goodbye)) = session.next().await else {
        panic!("no Goodbye")
    };
    assert_eq!(session.next().await, None, "something came after Goodbye");
    goodbye.refusal.code
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_begins_with_something_else_than_hello_ends() {
    let yard = yard().await;
    for frame in [ClientFrame::Unfollow(1), ClientFrame::Refresh(Extensions::none())] {
        let session = yard
            .engine
            .open_session(SessionContext {
                channel_binding: Nonce::random(),
            })
            .await
            .unwrap();
        session.deliver(frame).await.ok();
        let code = goodbye(session).await;
        assert_eq!(code, ErrorCode::NotAllowedHere);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_hello_ends_the_session() {
    let yard = yard().await;
    let client = yard.connect().await;
    client.send(hello(Nonce::random())).await;
    assert_eq!(goodbye(client.session).await, ErrorCode::NotAllowedHere);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_another_version_is_told_so() {
    let yard = yard().await;
    let session = yard
        .engine
        .open_session(SessionContext {
            channel_binding: Nonce::random(),
        })
        .await
        .unwrap();
    let ClientFrame::Hello(mut hello) = hello(Nonce::random()) else {
        unreachable!()
    };
    hello.versions = vec![7, 9];
    session.deliver(ClientFrame::Hello(hello)).await.unwrap();
    assert_eq!(goodbye(session).await, ErrorCode::UnknownVersion);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_frame_end_the_session_with_a_reason() {
    let yard = yard().await;
    let client = yard.connect().await;
    assert!(client.session.deliver_bytes(&[0xc1, 0xff]).await.is_err());
    assert_eq!(goodbye(client.session).await, ErrorCode::Malformed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_for_another_connection_nonce_mailbox_or_right_is_refused() {
    let yard = yard().await;
    let (mut client, personal) = yard.with_personal().await;
    let (mut other, elsewhere) = yard.with_personal().await;

    let good = client.proof(personal.id, Right::Owner, &personal.owner);
    assert_eq!(
        client.prove(1, good.clone()).await.refused,
        None,
        "the proof itself is good"
    );
    let code = |proved: telesphor_wire::session::Proved| proved.refused.map(|r| r.code);
    assert_eq!(
        code(other.prove(1, good.clone()).await),
        Some(ErrorCode::Refused),
        "another connection"
    );

    let mut moved = good.clone();
    moved.mailbox = elsewhere.id;
    assert_eq!(
        code(client.prove(2, moved).await),
        Some(ErrorCode::Refused),
        "another mailbox"
    );

    let mut raised = client.proof(personal.id, Right::Deposit, &personal.contacts[0]);
    raised.right = Right::Owner;
    assert_eq!(
        code(client.prove(3, raised).await),
        Some(ErrorCode::Refused),
        "another right"
    );

    let mut guessed = client.welcome.clone();
    std::mem::swap(&mut client.welcome, &mut guessed);
    client.welcome.relay_nonce = Nonce::random();
    let foreign_nonce = client.proof(personal.id, Right::Owner, &personal.owner);
    assert_eq!(
        code(client.prove(4, foreign_nonce).await),
        Some(ErrorCode::Refused),
        "another nonce"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_mailbox_and_a_wrong_key_cannot_be_told_apart() {
    let yard = yard().await;
    let (mut client, personal) = yard.with_personal().await;
    let stranger = SigningKey::generate();
    for right in [Right::Owner, Right::Deposit] {
        let known = client.proof(personal.id, right, &stranger);
        let unknown = client.proof(MailboxId::random(), right, &stranger);
        let known = client.prove(1, known).await;
        let unknown = client.prove(1, unknown).await;
        assert_eq!(known, unknown);
        assert_eq!(known.refused.map(|r| r.code), Some(ErrorCode::Refused));
        assert_eq!((known.head, known.counter), (None, None));
    }
    let known = client.member_proof(personal.id, 0, &stranger);
    let unknown = client.member_proof(MailboxId::random(), 0, &stranger);
    assert_eq!(client.prove(1, known).await, client.prove(1, unknown).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pseudonym_that_the_epochs_key_did_not_certify_is_refused() {
    let yard = yard().await;
    let (mut client, team) = yard.with_team().await;
    let forged = client.member_proof(team.id, 0, &SigningKey::generate());
    assert_eq!(
        client.prove(1, forged).await.refused.map(|r| r.code),
        Some(ErrorCode::Refused)
    );
    let mut bare = client.member_proof(team.id, 0, &team.access[0]);
    bare.certificate = None;
    assert!(client.prove(1, bare).await.refused.is_some());
    client.prove_member(1, &team).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_older_than_a_minute_is_refused_until_refreshed() {
    let clock = Clock::by_hand(1_800_000_000_000);
    let yard = Yard::with(Limits::default(), clock.clone(), Arc::new(NoFaults)).await;
    let (mut client, personal) = yard.with_personal().await;
    clock.set(clock.now_ms() + 60_001);
    let late = client.proof(personal.id, Right::Owner, &personal.owner);
    let proved = client.prove(1, late).await;
    assert_eq!(proved.refused.map(|r| r.code), Some(ErrorCode::StaleNonce));

    client.send(ClientFrame::Refresh(Extensions::none())).await;
    let RelayFrame::Nonce(nonce) = client.other().await else {
        panic!("no nonce")
    };
    client.welcome.relay_nonce = nonce;
    client.prove_owner(1, &personal).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_has_run_out_is_named_only_to_its_holder() {
    let clock = Clock::by_hand(1_800_000_000_000);
    let yard = Yard::with(Limits::default(), clock.clone(), Arc::new(NoFaults)).await;
    let (client, team) = yard.with_team().await;
    drop(client);
    clock.set(team.lease + 1);
    let mut client = yard.connect().await;
    let proof = client.member_proof(team.id, 0, &team.access[0]);
    assert_eq!(
        client.prove(1, proof).await.refused.map(|r| r.code),
        Some(ErrorCode::LeaseOver)
    );
    let stranger = client.member_proof(team.id, 0, &SigningKey::generate());
    assert_eq!(
        client.prove(1, stranger).await.refused.map(|r| r.code),
        Some(ErrorCode::Refused)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_without_a_proof_to_that_mailbox_is_refused() {
    let yard = yard().await;
    let (mut client, personal) = yard.with_personal().await;
    let (_other, elsewhere) = yard.with_personal().await;
    let deposit = yard.deposit(personal.id, 0, b"x");
    assert_eq!(
        refused(&client.call(7, deposit).await),
        ErrorCode::Refused,
        "no such handle"
    );
    client.prove_contact(1, &personal, 0).await;
    let deposit = yard.deposit(elsewhere.id, 0, b"x");
    assert_eq!(
        refused(&client.call(1, deposit).await),
        ErrorCode::Refused,
        "a handle of another mailbox"
    );
    client.send(ClientFrame::Forget(1)).await;
    let deposit = yard.deposit(personal.id, 0, b"x");
    assert_eq!(
        refused(&client.call(1, deposit).await),
        ErrorCode::Refused,
        "a handle given up"
    );
}

/// Calls go past the session's actor, but not past what was sent before them.
#[tokio::test(flavor = "multi_thread")]
async fn calls_overtake_the_proof_that_allows_them_or_its_end() {
    let yard = yard().await;
    let (_owner, personal) = yard.with_personal().await;
    let mut client = yard.connect().await;
    for round in 0..200u32 {
        let proof = client.proof(personal.id, Right::Deposit, &personal.contacts[0]);
        client.send(ClientFrame::Prove(Prove { handle: 1, proof })).await;
        // Some in the shadow of the proof, some after it was answered, in one order.
        let mut calls = Vec::new();
        for n in 0..4u32 {
            let payload = [round.to_be_bytes(), n.to_be_bytes()].concat();
            calls.extend(
                client
                    .start(1, vec![yard.deposit(personal.id, 0, &payload)])
                    .await,
            );
            if n == round % 4 {
                assert!(matches!(client.other().await, RelayFrame::Proved(p) if p.refused.is_none()));
            }
        }
        let mut last = 0;
        for call in calls {
            let seq = durable(client.answer(call).await).leaf.seq;
            assert!(last < seq, "a later call stands before an earlier one");
            last = seq;
        }
        client.send(ClientFrame::Forget(1)).await;
        let late = client.start(1, vec![yard.deposit(personal.id, 0, b"x")]).await;
        assert_eq!(refused(&client.answer(late[0]).await), ErrorCode::Refused);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_depositor_cannot_read() {
    let yard = yard().await;
    let (mut client, personal) = yard.with_personal().await;
    client.prove_contact(1, &personal, 0).await;
    client
        .send(ClientFrame::Follow(Follow {
            handle: 1,
            after: 0,
            credit: 1000,
        }))
        .await;
    client
        .send(ClientFrame::Fetch(Fetch {
            handle: 1,
            after: 0,
            max_events: 10,
        }))
        .await;
    for _ in 0..2 {
        let RelayFrame::Ended(ended) = client.other().await else {
            panic!("it was let read")
        };
        assert_eq!(ended.refusal.code, ErrorCode::Refused);
    }
    assert!(client.events.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn more_sessions_than_allowed_are_turned_away_and_room_comes_back() {
    let limits = Limits {
        sessions: 2,
        ..Limits::default()
    };
    let yard = Yard::with(limits, Clock::system(), Arc::new(NoFaults)).await;
    let first = yard.connect().await;
    let _second = yard.connect().await;
    let context = SessionContext {
        channel_binding: Nonce::random(),
    };
    let refusal = yard.engine.open_session(context).await.err().map(|r| r.code);
    assert_eq!(refusal, Some(ErrorCode::SessionLimit));
    drop(first);
    // The actor lets go of the session soon after its client did.
    while yard.engine.observe().sessions > 1 {
        tokio::task::yield_now().await;
    }
    yard.connect().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_beyond_what_one_connection_may_hold_are_refused() {
    let yard = yard().await;
    let (mut client, personal) = yard.with_personal().await;
    let proof = client.proof(personal.id, Right::Owner, &personal.owner);
    for handle in 0..4096 {
        client
            .send(ClientFrame::Prove(Prove {
                handle,
                proof: proof.clone(),
            }))
            .await;
        assert!(matches!(client.other().await, RelayFrame::Proved(p) if p.refused.is_none()));
    }
    let refused = client.prove(5000, proof.clone()).await.refused.map(|r| r.code);
    assert_eq!(refused, Some(ErrorCode::SessionLimit));
    assert_eq!(
        client.prove(7, proof).await.refused,
        None,
        "a handle in use may be proved anew"
    );
}
