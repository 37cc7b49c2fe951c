//! What keeps a relay small and its operator informed.

use crate::yard;

use std::sync::Arc;
use std::time::Duration;

use telesphor_engine::{Clock, EngineStanding, Limits, Outcome};
use telesphor_rules::facts::{DomainFacts, Token};
use telesphor_store::faults::NoFaults;
use telesphor_store::{Store, StoreConfig};
use telesphor_wire::answer::Answer;
use telesphor_wire::command::{Command, Enrol};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{CommandId, Voucher};
use telesphor_wire::session::ClientFrame;
use yard::client::{durable, refused};
use yard::mailboxes::HOUR_MS;
use yard::{PARTITIONS, Yard, yard};

#[tokio::test(flavor = "multi_thread")]
async fn idle_mailboxes_go_to_sleep_and_lose_nothing() {
    let limits = Limits {
        mailbox_idle: Duration::from_millis(50),
        ..Limits::default()
    };
    let yard = Yard::with(limits, Clock::system(), Arc::new(NoFaults)).await;
    let mut client = yard.connect().await;
    let mut mailboxes = Vec::new();
    for handle in 0..50 {
        let (personal, open) = yard.personal();
        durable(client.call(0, open).await);
        client.prove_contact(handle, &personal, 0).await;
        mailboxes.push(personal);
    }
    let mut reader = yard.connect().await;
    reader.prove_owner(1, &mailboxes[0]).await;
    reader.follow(1, 0, u32::MAX).await;
    reader.pushed(1).await;
    while yard.engine.observe().live_mailboxes > 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The one that is followed stays awake; the others wake when they are needed.
    for handle in 0..50 {
        let mailbox = mailboxes[handle as usize].id;
        let receipt = durable(client.call(handle, yard.deposit(mailbox, 0, b"wake up")).await);
        assert_eq!(receipt.leaf.seq, 2);
    }
    assert_eq!(reader.pushed(1).await[0].header.seq, 2);
    reader.send(ClientFrame::Unfollow(1)).await;
    while yard.engine.observe().live_mailboxes > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_racing_with_sleep_are_all_answered() {
    let limits = Limits {
        mailbox_idle: Duration::from_millis(2),
        ..Limits::default()
    };
    let yard = Yard::with(limits, Clock::system(), Arc::new(NoFaults)).await;
    let (mut client, personal) = yard.with_personal().await;
    client.prove_contact(1, &personal, 0).await;
    for n in 0..200u64 {
        let receipt = durable(client.call(1, yard.deposit(personal.id, 0, b"x")).await);
        assert_eq!(receipt.leaf.seq, n + 2);
        tokio::time::sleep(Duration::from_micros(n * 20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_live_mailboxes_than_allowed_are_told_to_wait() {
    let limits = Limits {
        live_mailboxes: 2,
        mailbox_idle: Duration::from_millis(20),
        ..Limits::default()
    };
    let yard = Yard::with(limits, Clock::system(), Arc::new(NoFaults)).await;
    let mut client = yard.connect().await;
    let opens = (0..8).map(|_| yard.personal().1).collect();
    let mut busy = 0;
    for call in client.start(0, opens).await {
        match client.answer(call).await {
            Answer::Busy(_) => busy += 1,
            answer => {
                durable(answer);
            }
        }
    }
    assert_eq!(busy, 6);
    while yard.engine.observe().live_mailboxes > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    durable(client.call(0, yard.personal().1).await);
}

fn enrol(token: Voucher, count: usize, yard: &Yard) -> Command {
    Command::Enrol(Enrol {
        token,
        vouchers: (0..count).map(|_| Voucher::random()).collect(),
        command_id: CommandId::random(),
        not_after: yard.clock.now_ms() + HOUR_MS,
        ext: Extensions::none(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_gives_signed_vouchers_as_often_as_it_says() {
    let yard = yard().await;
    let mut client = yard.connect().await;
    let token = Voucher::random();
    let unknown = enrol(token, 3, &yard);
    assert_eq!(
        refused(&client.call(0, unknown).await),
        ErrorCode::AdmissionInvalid
    );
    let entry = Token {
        class: 1,
        uses: 1,
        until: yard.clock.now_ms() + HOUR_MS,
    };
    yard.engine.register_token(token, entry).await.unwrap();
    let first = enrol(token, 3, &yard);
    let Answer::Enrolled(vouchers) = client.call(0, first.clone()).await else {
        panic!("not enrolled")
    };
    assert_eq!(vouchers.len(), 3);
    for voucher in &vouchers {
        let admission = yard.keys.admission.public();
        admission.verify(&voucher.statement, &voucher.signature).unwrap();
        assert_eq!(voucher.statement.domain, yard.domain);
    }
    assert_eq!(
        client.call(0, first).await,
        Answer::Enrolled(vouchers),
        "the same id, the same vouchers"
    );
    let second = enrol(token, 1, &yard);
    assert_eq!(
        refused(&client.call(0, second).await),
        ErrorCode::AdmissionInvalid,
        "used up"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_taken_under_load_is_whole() {
    let yard = yard().await;
    let (mut client, personal) = yard.with_personal().await;
    client.prove_contact(1, &personal, 0).await;
    let mut calls = Vec::new();
    for _ in 0..20 {
        let frame = (0..16u8)
            .map(|n| yard.deposit(personal.id, 0, &[n; 500]))
            .collect();
        calls.extend(client.start(1, frame).await);
    }
    let backup = yard.path().join("backup");
    yard.engine.backup(backup.clone()).await.unwrap();
    assert!(
        yard.engine.backup(backup.clone()).await.is_err(),
        "over an earlier backup"
    );
    for call in calls {
        durable(client.answer(call).await);
    }
    let facts = DomainFacts {
        domain: yard.domain.clone(),
        admission: yard.keys.admission.public(),
        partitions: PARTITIONS,
    };
    let restored = yard.path().join("restored");
    let incarnation = Store::restore(&backup, &restored, StoreConfig::new(facts.clone())).unwrap();
    assert_ne!(
        incarnation,
        yard.engine.observe().incarnation,
        "a restored store has a new life"
    );
    let store = Store::open(&restored, StoreConfig::new(facts)).unwrap();
    assert!(store.upkeep().verify().unwrap().mailboxes >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_numbers_that_are_right_and_nothing_that_is_readable() {
    let yard = yard().await;
    let (mut client, personal) = yard.with_personal().await;
    client.prove_contact(1, &personal, 0).await;
    let deposit = yard.deposit(personal.id, 0, b"something to be found");
    let call = client.next_call(1, deposit);
    let support = call.support;
    client.send(ClientFrame::Calls(vec![call])).await;
    durable(client.answer(2).await);
    let late = yard.deposit(personal.id, 0, b"x");
    refused(&client.call(9, late).await);

    let seen = yard.engine.observe();
    assert_eq!(seen.standing, EngineStanding::Serving);
    assert_eq!((seen.sessions, seen.live_mailboxes), (1, 1));
    assert_eq!((seen.totals.accepted, seen.totals.events), (2, 2));
    assert_eq!(seen.totals.refused.get(&ErrorCode::Refused.code()), Some(&1));
    assert!(seen.last_fsync.is_some());
    assert_eq!(seen.partitions.iter().map(|p| p.position).sum::<u64>(), 2);
    assert!(
        seen.partitions
            .iter()
            .all(|p| p.oldest_not_durable.is_none() && p.waiting == 0 && !p.fenced)
    );

    let traces = yard.engine.trace(support);
    assert_eq!(traces.len(), 1);
    assert_eq!(traces[0].outcome, Outcome::Durable);
    let told = format!("{seen:?} {traces:?}");
    let id: String = personal.id.0.iter().map(|b| format!("{b:02x}")).collect();
    assert!(!told.contains(&id) && !told.contains("something"));
}
