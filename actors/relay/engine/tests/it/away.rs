//! What a relay does with mailboxes that others keep.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::yard;

use std::sync::atomic::Ordering;

use telesphor_engine::SingleContext;
use telesphor_wire::answer::Answer;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::hash;
use telesphor_wire::ids::Nonce;
use telesphor_wire::labels::HashLabel;
use telesphor_wire::passing::{About, AskPage, AskProof, Bound, BoundHere, PassedWord, Shown};
use telesphor_wire::session::{
    ClientFrame, Credit, Fetch, PageRequest, RelayFrame, Right, SingleCall, SingleRequest,
};
use telesphor_wire::sign::SigningKey;
use telesphor_wire::text::SupportCode;
use yard::client::{Client, durable, refused};
use yard::mailboxes::Personal;
use yard::pair::{Pair, pair};

const PLENTY: u32 = u32::MAX;

/// A mailbox that was opened through the relay that does not keep it.
async fn opened(pair: &Pair) -> (Client, Personal) {
    let mut client = pair.near.connect().await;
    let (personal, open) = pair.near.personal();
    let receipt = durable(client.call(0, open).await);
    receipt.verify(&[pair.far.keys.attesting.public()], 1).unwrap();
    (client, personal)
}

fn seqs(events: &[telesphor_wire::mailbox::Event]) -> Vec<u64> {
    events.iter().map(|e| e.header.seq).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_client_notices_that_his_relay_does_not_keep_his_mailbox() {
    let pair = pair().await;
    let (mut owner, personal) = opened(&pair).await;
    owner.prove_owner(1, &personal).await;
    owner.follow(1, 0, PLENTY).await;
    assert_eq!(seqs(&owner.pushed(1).await), [1]);

    // Frames that are sent one behind the other stay that way.
    let mut sender = pair.near.connect().await;
    sender.prove_contact(1, &personal, 0).await;
    let mut calls = Vec::new();
    for frame in 0..20u8 {
        let deposit = |n| pair.near.deposit(personal.id, 0, &[frame, n]);
        calls.extend(sender.start(1, (0..5).map(deposit).collect()).await);
    }
    for (at, call) in (2..).zip(calls) {
        assert_eq!(durable(sender.answer(call).await).leaf.seq, at);
    }
    assert_eq!(seqs(&owner.pushed(100).await), (2..=101).collect::<Vec<_>>());

    // What comes in at the other relay is pushed here, and a repetition has one effect.
    let mut there = pair.far.connect().await;
    there.prove_contact(1, &personal, 1).await;
    let again = pair.far.deposit(personal.id, 0, b"there");
    let first = durable(there.call(1, again.clone()).await);
    sender.prove_contact(2, &personal, 1).await;
    assert_eq!(durable(sender.call(2, again).await).leaf, first.leaf);
    assert_eq!(seqs(&owner.pushed(1).await), [102]);

    // A page, where a follow goes on beside it.
    let fetch = Fetch {
        handle: 1,
        after: 5,
        max_events: 3,
    };
    owner.send(ClientFrame::Fetch(fetch)).await;
    assert_eq!(seqs(&owner.pushed(3).await), [6, 7, 8]);
    durable(sender.call(1, pair.near.deposit(personal.id, 0, b"on")).await);
    assert_eq!(seqs(&owner.pushed(1).await), [103]);

    // Nothing of it lies here.
    let kept = pair.near.engine.observe().partitions;
    assert!(kept.iter().all(|p| !p.kept && p.position == 0), "{kept:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn more_is_pushed_from_elsewhere_than_there_is_credit_for() {
    let pair = pair().await;
    let (mut owner, personal) = opened(&pair).await;
    owner.prove_owner(1, &personal).await;
    let mut sender = pair.near.connect().await;
    sender.prove_contact(1, &personal, 0).await;
    for n in 0..4 {
        durable(
            sender
                .call(1, pair.near.deposit(personal.id, 0, &[n; 1000]))
                .await,
        );
    }
    owner.follow(1, 1, 1).await;
    // One event may overdraw it; then nothing comes before there is more.
    assert_eq!(seqs(&owner.pushed(1).await), [2]);
    durable(
        owner
            .call(
                0,
                pair.near
                    .signed_deposit(personal.id, &personal.contacts[0], b"by the way"),
            )
            .await,
    );
    assert!(owner.events.is_empty(), "pushed without credit");
    let credit = Credit {
        handle: 1,
        bytes: PLENTY,
    };
    owner.send(ClientFrame::Credit(credit)).await;
    assert_eq!(seqs(&owner.pushed(4).await), [3, 4, 5, 6]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_right_that_ended_elsewhere_is_served_on() {
    let pair = pair().await;
    let (mut client, mut team) = {
        let mut client = pair.near.connect().await;
        let (team, open) = pair.near.team();
        durable(client.call(0, open).await);
        (client, team)
    };
    client.prove_member(1, &team).await;
    let mut old = pair.near.connect().await;
    old.prove_member(1, &team).await;
    old.follow(1, 0, PLENTY).await;
    old.pushed(1).await;
    // Who commits is the member of the next epoch; the one before reads up to the commit and no further.
    let commit = pair.near.commit(&mut team);
    let at = durable(client.call(1, commit).await).leaf.seq;
    client.prove_member(2, &team).await;
    durable(
        client
            .call(2, pair.near.deposit(team.id, team.epoch(), b"after"))
            .await,
    );
    let last = old.pushed(1).await;
    assert_eq!(seqs(&last), [at]);
    match old.other().await {
        RelayFrame::Ended(ended) => assert_eq!(ended.refusal.code, ErrorCode::WrongEpoch),
        other => panic!("{other:?}"),
    }
    let late = old
        .call(1, pair.near.deposit(team.id, team.epoch() - 1, b"late"))
        .await;
    assert_eq!(refused(&late), ErrorCode::WrongEpoch);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_single_call_is_refused_where_its_mailbox_is_not_kept() {
    let pair = pair().await;
    let (_owner, personal) = opened(&pair).await;
    let welcome = pair.near.engine.welcome();
    let context = SingleContext {
        channel_binding: Nonce::random(),
        relay_nonce: welcome.relay_nonce,
        given_ms: welcome.clock,
    };
    let ask = async |key: &SigningKey, given_ms: u64| {
        let call = SingleCall {
            support: SupportCode::random(),
            agent_nonce: Nonce::random(),
            request: SingleRequest::Fetch(PageRequest {
                mailbox: personal.id,
                after: 0,
                max_events: 10,
            }),
        };
        let claim = telesphor_wire::session::SessionClaim {
            domain: welcome.domain.clone(),
            relay: welcome.relay,
            channel_binding: context.channel_binding,
            relay_nonce: context.relay_nonce,
            agent_nonce: call.agent_nonce,
            mailbox: personal.id,
            right: Right::Owner,
            branch: 0,
            epoch: 0,
            body: Some(hash(HashLabel::Command, &call)),
            ext: Extensions::none(),
        };
        let context = SingleContext { given_ms, ..context };
        let answer = pair
            .near
            .engine
            .single(context, Some(claim.prove(key)), call)
            .await;
        match answer {
            telesphor_engine::SingleAnswer::Page(page) => page,
            other => panic!("{other:?}"),
        }
    };
    let page = ask(&personal.owner, context.given_ms).await.unwrap();
    assert_eq!(seqs(&page.events), [1]);
    let forged = ask(&SigningKey::generate(), context.given_ms).await;
    assert_eq!(forged.unwrap_err().code, ErrorCode::Refused);
    let stale = ask(&personal.owner, context.given_ms - 3_600_000).await;
    assert_eq!(stale.unwrap_err().code, ErrorCode::StaleNonce);
}

/// What one hijacked relay can do: use what was shown to it. Nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_relay_is_believed_that_nobody_has_shown_anything() {
    let pair = pair().await;
    let (mut owner, personal) = opened(&pair).await;
    let proof = owner.proof(personal.id, Right::Owner, &personal.owner);
    assert_eq!(owner.prove(1, proof.clone()).await.refused, None);
    let bound = BoundHere {
        channel_binding: owner.channel_binding,
        relay_nonce: owner.welcome.relay_nonce,
        agent_nonce: owner.agent_nonce,
        body: None,
    };
    let far = pair.far.keys.attesting.public();
    let ask = async |by: &SigningKey, bound: &BoundHere, right: Right| {
        let mut proof = proof.clone();
        proof.right = right;
        let shown = Shown {
            bound: Bound::Here(bound.clone()),
            proof,
        };
        let word = |about| PassedWord {
            cluster: pair.cluster,
            from: by.public(),
            to: far,
            question: Nonce::random(),
            about,
            ext: Extensions::none(),
        };
        let proof = About::Proof(Box::new(AskProof {
            shown: shown.clone(),
            since: 0,
        }));
        let page = About::Page(Box::new(AskPage {
            shown,
            since: 0,
            after: 0,
            max_events: 10,
            max_bytes: 1_000,
        }));
        let mut answers = Vec::new();
        for about in [page, proof] {
            let answer = pair.far.engine.passed(&word(about).signed(by)).await;
            let read = |bytes: Vec<u8>| {
                PassedWord::read(&bytes, pair.cluster, &by.public())
                    .unwrap()
                    .about
            };
            answers.push(answer.map(read));
        }
        answers
    };
    let refusal = || Some(About::Refused(ErrorCode::Refused.into()));
    let near = &pair.near.keys.attesting;
    let own = ask(near, &bound, Right::Owner).await;
    assert!(
        matches!(own[..], [Some(About::Events(_)), Some(About::Held(_))]),
        "{own:?}"
    );
    // Another relay of the cluster, with what it has overheard.
    let third = ask(&pair.third, &bound, Right::Owner).await;
    assert_eq!(third, [refusal(), refusal()]);
    // The same relay, with another connection, or another right.
    let other = BoundHere {
        channel_binding: Nonce::random(),
        ..bound.clone()
    };
    assert_eq!(ask(near, &other, Right::Owner).await, [refusal(), refusal()]);
    assert_eq!(ask(near, &bound, Right::Deposit).await, [refusal(), refusal()]);
    // Nobody of the cluster is not answered at all.
    let stranger = ask(&SigningKey::generate(), &bound, Right::Owner).await;
    assert_eq!(stranger, [None, None]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_keeps_a_mailbox_any_more_and_its_client_waits_for_ever() {
    let pair = pair().await;
    let (mut owner, personal) = opened(&pair).await;
    owner.prove_owner(1, &personal).await;
    owner.follow(1, 1, PLENTY).await;
    pair.wire.cut.store(true, Ordering::SeqCst);
    let deposit = pair
        .near
        .signed_deposit(personal.id, &personal.contacts[0], b"now");
    let behind = pair
        .near
        .signed_deposit(personal.id, &personal.contacts[0], b"behind it");
    let first = owner.start(0, vec![deposit.clone()]).await;
    let second = owner.start(0, vec![behind]).await;
    for call in first.into_iter().chain(second) {
        let answer = owner.answer(call).await;
        assert!(matches!(answer, Answer::Busy(_)), "{answer:?}");
    }
    let mut other = pair.near.connect().await;
    let proof = other.proof(personal.id, Right::Owner, &personal.owner);
    other
        .send(ClientFrame::Prove(telesphor_wire::session::Prove {
            handle: 1,
            proof,
        }))
        .await;
    match other.other().await {
        RelayFrame::Goodbye(goodbye) => assert_eq!(goodbye.refusal.code, ErrorCode::HoldersAway),
        frame => panic!("{frame:?}"),
    }
    // When the keeper is back everything goes on, the follow too.
    pair.wire.cut.store(false, Ordering::SeqCst);
    let receipt = durable(owner.call(0, deposit).await);
    assert_eq!(seqs(&owner.pushed(1).await), [receipt.leaf.seq]);
}
