//! Who fetched: noted, sealed to the owner, read by the owner alone.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use crate::yard;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use telesphor_engine::{Clock, Limits, SingleAnswer, SingleContext};
use telesphor_store::faults::{Faults, NoFaults, Operation};
use telesphor_wire::command::{OwnerAct, RotateOwner};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::hash;
use telesphor_wire::ids::{MailboxId, Nonce};
use telesphor_wire::labels::HashLabel;
use telesphor_wire::mailbox::{Policy, next_key};
use telesphor_wire::records::{DeliveryRecord, FetchRecords, Records, RecordsPage, RecordsRequest, with_key};
use telesphor_wire::seal::SealingKey;
use telesphor_wire::session::{
    ClientFrame, Fetch, PageRequest, RelayFrame, Right, SessionProof, SingleCall, SingleRequest,
};
use telesphor_wire::sign::{PublicKey, SigningKey};
use telesphor_wire::text::SupportCode;

use yard::client::{Client, durable, refused};
use yard::mailboxes::Team;
use yard::{Yard, yard};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A team whose owner wants to know who fetches, with two messages, and the owner's connection.
async fn recorded(yard: &Yard, key: &SealingKey) -> (Client, Team) {
    let mut owner = yard.connect().await;
    let (team, open) = yard.team_under(with_key(Policy::standard(), &key.public()));
    durable(owner.call(0, open).await);
    let proof = owner.proof(team.id, Right::Owner, &team.owner);
    assert_eq!(owner.prove(1, proof).await.refused, None);
    owner.prove_member(2, &team).await;
    for n in 0..2 {
        let deposit = yard.deposit(team.id, 0, &[n]);
        durable(owner.call(2, deposit).await);
    }
    (owner, team)
}

async fn ask(client: &mut Client, handle: u32, after: u64, max_records: u32) -> Records {
    client
        .send(ClientFrame::FetchRecords(FetchRecords {
            handle,
            after,
            max_records,
        }))
        .await;
    match client.other().await {
        RelayFrame::Records(records) => records,
        other => panic!("no records: {other:?}"),
    }
}

/// Asks until so many records are there.
async fn records(client: &mut Client, newest: u64) -> RecordsPage {
    let until = Instant::now() + PATIENCE;
    loop {
        let page = ask(client, 1, 0, 64).await.page.unwrap();
        if page.newest >= newest {
            return page;
        }
        assert!(Instant::now() < until, "the record never came");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn opened(page: &RecordsPage, mailbox: MailboxId, key: &SealingKey) -> Vec<DeliveryRecord> {
    page.records
        .iter()
        .map(|r| r.open(&mailbox, key).unwrap())
        .collect()
}

/// Somebody with the access key fetches once under a pseudonym of his own; gives it.
async fn fetch(yard: &Yard, team: &Team) -> (Client, PublicKey) {
    let mut thief = yard.connect().await;
    let proof = thief.member_proof(team.id, 0, &team.access[0]);
    let pseudonym = proof.key;
    assert_eq!(thief.prove(1, proof).await.refused, None);
    thief
        .send(ClientFrame::Fetch(Fetch {
            handle: 1,
            after: 0,
            max_events: 100,
        }))
        .await;
    assert!(thief.pushed(3).await.len() >= 3);
    (thief, pseudonym)
}

fn bytes_of(directory: &std::path::Path, into: &mut Vec<u8>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => bytes_of(&path, into),
            false => match std::fs::read(&path) {
                Ok(bytes) => into.extend(bytes),
                // The database drops files of its own accord.
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
            },
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_is_not_in_the_owners_records() {
    let (yard, key) = (yard().await, SealingKey::generate());
    let (mut owner, team) = recorded(&yard, &key).await;
    assert_eq!(ask(&mut owner, 1, 0, 64).await.page.unwrap().newest, 0);
    let began = Instant::now();
    let (thief, pseudonym) = fetch(&yard, &team).await;
    let page = records(&mut owner, 1).await;
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(page.kept && page.torn == 0 && page.records.iter().all(|r| r.has_its_size()));
    let record = &opened(&page, team.id, &key)[0];
    assert_eq!(
        (record.key, record.right, record.epoch),
        (pseudonym, Right::Read, 0)
    );
    assert_eq!(record.session, thief.agent_nonce);
    assert_eq!(
        (record.ranges[0].from, record.ranges[0].to, record.payloads),
        (1, 3, 3)
    );

    // What is pushed is recorded as what is fetched; a follower's end writes what is left.
    let mut follower = yard.connect().await;
    follower.prove_member(1, &team).await;
    follower.follow(1, 2, 1 << 20).await;
    follower.pushed(1).await;
    drop(follower);
    let page = records(&mut owner, 2).await;
    assert_eq!(opened(&page, team.id, &key)[1].ranges[0].from, 3);
    // The owner's own looks are recorded too, under the owner's key.
    owner.follow(1, 2, 1 << 20).await;
    owner.pushed(1).await;
    let page = records(&mut owner, 3).await;
    let own = &opened(&page, team.id, &key)[2];
    assert_eq!((own.right, own.key), (Right::Owner, team.owner.public()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_over_http_is_not_in_the_owners_records() {
    let (yard, key) = (yard().await, SealingKey::generate());
    let (mut owner, team) = recorded(&yard, &key).await;
    let context = SingleContext {
        channel_binding: Nonce::random(),
        relay_nonce: Nonce::random(),
        given_ms: yard.clock.now_ms(),
    };
    let call = |request| SingleCall {
        support: SupportCode::random(),
        agent_nonce: Nonce::random(),
        request,
    };
    let claim = |right, call: &SingleCall| {
        let mut claim = owner.claim(team.id, right, 0);
        claim.channel_binding = context.channel_binding;
        claim.relay_nonce = context.relay_nonce;
        claim.agent_nonce = call.agent_nonce;
        claim.body = Some(hash(HashLabel::Command, call));
        claim
    };
    let page = call(SingleRequest::Fetch(PageRequest {
        mailbox: team.id,
        after: 0,
        max_events: 10,
    }));
    let member = owner.member_proof(team.id, 0, &team.access[0]);
    let pseudonym = SigningKey::generate();
    let statement = telesphor_wire::session::PseudonymStatement {
        mailbox: team.id,
        branch: 0,
        epoch: 0,
        pseudonym: pseudonym.public(),
        ext: telesphor_wire::ext::Extensions::none(),
    };
    let mut certificate = member.certificate.unwrap();
    certificate.signature = team.access[0].sign(&statement);
    let proof = SessionProof {
        certificate: Some(certificate),
        ..claim(Right::Read, &page).prove(&pseudonym)
    };
    let fetched = yard.engine.single(context, Some(proof.clone()), page).await;
    assert!(matches!(fetched, SingleAnswer::Page(Ok(page)) if page.events.len() == 3));

    let asked = || {
        call(SingleRequest::Records(RecordsRequest {
            mailbox: team.id,
            after: 0,
            max_records: 64,
        }))
    };
    let until = Instant::now() + PATIENCE;
    let page = loop {
        let call = asked();
        let proof = claim(Right::Owner, &call).prove(&team.owner);
        match yard.engine.single(context, Some(proof), call).await {
            SingleAnswer::Records(Ok(page)) if page.newest > 0 => break page,
            SingleAnswer::Records(Ok(_)) => assert!(Instant::now() < until),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(opened(&page, team.id, &key)[0].key, pseudonym.public());
    // A member gets nothing of it, and neither does who proves nothing.
    let call = asked();
    let member = SessionProof {
        certificate: proof.certificate,
        ..claim(Right::Read, &call).prove(&pseudonym)
    };
    for proof in [Some(member), None] {
        match yard.engine.single(context, proof, call.clone()).await {
            SingleAnswer::Records(Err(refusal)) => assert_eq!(refusal.code, ErrorCode::Refused),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(ask(&mut owner, 1, 0, 64).await.page.unwrap().newest, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_a_stranger_or_too_much_is_not_refused() {
    let (yard, key) = (yard().await, SealingKey::generate());
    let (mut owner, _team) = recorded(&yard, &key).await;
    let code = |answer: Records| {
        assert_eq!(answer.page, None);
        answer.refused.unwrap().code
    };
    assert_eq!(
        code(ask(&mut owner, 2, 0, 64).await),
        ErrorCode::Refused,
        "a member"
    );
    assert_eq!(
        code(ask(&mut owner, 9, 0, 64).await),
        ErrorCode::Refused,
        "no handle"
    );
    assert_eq!(code(ask(&mut owner, 1, 0, 65).await), ErrorCode::TooMany);
    assert_eq!(code(ask(&mut owner, 1, 0, u32::MAX).await), ErrorCode::TooMany);
    let page = ask(&mut owner, 1, u64::MAX, 64).await.page.unwrap();
    assert!(page.records.is_empty());
    let (mut contact, personal) = yard.with_personal().await;
    contact.prove_contact(1, &personal, 0).await;
    assert_eq!(
        code(ask(&mut contact, 1, 0, 64).await),
        ErrorCode::Refused,
        "a contact"
    );

    // Looked up at each page: the handle of a former owner is worth nothing.
    contact.prove_owner(2, &personal).await;
    assert!(ask(&mut contact, 2, 0, 64).await.page.is_some());
    let rotate = OwnerAct::RotateOwner(RotateOwner {
        reveal: personal.next_owner.public(),
        next: next_key(&SigningKey::generate().public()),
    });
    durable(
        contact
            .call(
                0,
                yard.owner_command(personal.id, &personal.next_owner, 1, rotate),
            )
            .await,
    );
    assert_eq!(
        code(ask(&mut contact, 2, 0, 64).await),
        ErrorCode::Refused,
        "a former owner"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_owners_key_something_is_written_and_a_wrong_key_is_taken() {
    let yard = yard().await;
    let (mut owner, team) = yard.with_team().await;
    let proof = owner.proof(team.id, Right::Owner, &team.owner);
    assert_eq!(owner.prove(1, proof).await.refused, None);
    owner.prove_member(2, &team).await;
    for n in 0..2 {
        durable(owner.call(2, yard.deposit(team.id, 0, &[n])).await);
    }
    let (thief, _) = fetch(&yard, &team).await;
    drop(thief);
    let page = ask(&mut owner, 1, 0, 64).await.page.unwrap();
    assert!(!page.kept && page.newest == 0);
    assert_eq!(yard.engine.observe().deliveries.waiting, 0);

    let nonsense = telesphor_wire::ext::Extension {
        id: telesphor_wire::records::KEY_EXTENSION,
        critical: false,
        body: vec![1, 2, 3].into(),
    };
    let mut policy = Policy::standard();
    policy.ext = policy.ext.with(nonsense);
    let set = yard.owner_command(team.id, &team.owner, 1, OwnerAct::SetPolicy(policy));
    assert_eq!(refused(&owner.call(0, set).await), ErrorCode::Malformed);
    // From the moment on at which the owner gives a key, it is written.
    let key = SealingKey::generate();
    let policy = with_key(Policy::standard(), &key.public());
    let set = yard.owner_command(team.id, &team.owner, 1, OwnerAct::SetPolicy(policy));
    durable(owner.call(0, set).await);
    let (_thief, pseudonym) = fetch(&yard, &team).await;
    let page = records(&mut owner, 1).await;
    assert_eq!(opened(&page, team.id, &key)[0].key, pseudonym);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ring_grows_or_a_restart_loses_records_or_the_disk_names_somebody() {
    let limits = Limits {
        mailbox_records: 3,
        ..Limits::default()
    };
    let yard = Yard::with(limits, Clock::system(), Arc::new(NoFaults)).await;
    let key = SealingKey::generate();
    let (mut owner, team) = recorded(&yard, &key).await;
    let mut pseudonyms = Vec::new();
    for n in 1..=5 {
        let (thief, pseudonym) = fetch(&yard, &team).await;
        drop(thief);
        pseudonyms.push(pseudonym);
        records(&mut owner, n).await;
    }
    let page = ask(&mut owner, 1, 0, 64).await.page.unwrap();
    assert_eq!((page.first, page.newest, page.records.len()), (3, 5, 3));
    let kept: Vec<_> = opened(&page, team.id, &key).iter().map(|r| r.key).collect();
    assert_eq!(kept, pseudonyms[2..]);
    assert_eq!(ask(&mut owner, 1, 4, 64).await.page.unwrap().records[0].number, 5);
    // One that was noted and not yet written is written before the relay ends.
    let (thief, last) = fetch(&yard, &team).await;
    let seen = yard.engine.observe().deliveries;
    assert_eq!(seen.unsealed, 0);
    drop((thief, owner));
    let yard = yard.again().await;
    let mut owner = yard.connect().await;
    let proof = owner.proof(team.id, Right::Owner, &team.owner);
    assert_eq!(owner.prove(1, proof).await.refused, None);
    let page = ask(&mut owner, 1, 0, 64).await.page.unwrap();
    assert_eq!(
        (page.first, page.newest, page.torn),
        (4, 6, 0),
        "an end in good order loses none"
    );
    assert_eq!(opened(&page, team.id, &key)[2].key, last);

    let mut disk = Vec::new();
    bytes_of(yard.path(), &mut disk);
    for pseudonym in pseudonyms.iter().chain([&last]) {
        assert!(
            !disk.windows(32).any(|w| w == pseudonym.0),
            "a pseudonym lies on the disk"
        );
    }
    assert!(!disk.windows(32).any(|w| w == owner.agent_nonce.0));
}

/// A disk that fails at delivery records alone.
#[derive(Default)]
struct FailingRecords(AtomicBool);

impl Faults for FailingRecords {
    fn before(&self, operation: Operation) -> std::io::Result<()> {
        match operation == Operation::Records && self.0.load(Ordering::SeqCst) {
            true => Err(std::io::Error::other("the disk fails")),
            false => Ok(()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_goes_on_after_a_record_could_not_be_written() {
    let faults = Arc::new(FailingRecords::default());
    let yard = Yard::with(Limits::default(), Clock::system(), faults.clone()).await;
    let key = SealingKey::generate();
    let (mut owner, team) = recorded(&yard, &key).await;
    faults.0.store(true, Ordering::SeqCst);
    let (_thief, _) = fetch(&yard, &team).await;
    let until = Instant::now() + PATIENCE;
    while !yard.failed.load(Ordering::SeqCst) {
        assert!(Instant::now() < until, "nobody was told");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let code = refused(&owner.call(2, yard.deposit(team.id, 0, b"late")).await);
    assert_eq!(code, ErrorCode::Fenced, "nothing is confirmed any more");
}
