//! Killing, stopping, filling up, backing up and restoring.

use crate::common;

use common::mailbox::admission;
use common::{Client, Personal, Relay};
use telesphor_wire::answer::Answer;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::session::{RelayFrame, Right};

#[tokio::test]
async fn a_killed_relay_forgets_what_it_acknowledged() {
    let mut relay = Relay::serving();
    let mut client = Client::hello(&relay).await;
    let mailbox = Personal::open(&relay, &mut client).await;
    assert_eq!(mailbox.prove(&mut client, 1, Right::Deposit).await, None);
    let mut receipts = Vec::new();
    for n in 0..20u8 {
        receipts.push(mailbox.put(&mut client, 1, &[n; 512]).await);
    }
    // Under way, unanswered: it may be there afterwards or not, but nothing else may suffer.
    client
        .begin(1, (0..50u8).map(|n| mailbox.deposit(&[n; 512])).collect())
        .await;
    relay.kill();
    relay.start(&[]);
    let mut client = Client::hello(&relay).await;
    assert_eq!(mailbox.prove(&mut client, 1, Right::Owner).await, None);
    let read = mailbox.read_all(&mut client, 1).await;
    for (n, receipt) in receipts.iter().enumerate() {
        let event = read
            .iter()
            .find(|e| e.header.seq == receipt.leaf.seq)
            .expect("an acknowledged event is gone");
        assert!(event.payload.as_ref().is_some_and(|p| p[0] as usize == n));
    }
    relay.kill();
    let walked = relay.json(&["verify"]);
    assert!(walked["events"].as_u64().unwrap() >= 20);
}

#[tokio::test]
async fn a_drain_drops_what_is_under_way_or_takes_what_is_new() {
    let mut relay = Relay::serving();
    let mut client = Client::hello(&relay).await;
    let mailbox = Personal::open(&relay, &mut client).await;
    assert_eq!(mailbox.prove(&mut client, 1, Right::Deposit).await, None);
    client
        .begin(1, (0..200u8).map(|n| mailbox.deposit(&[n; 256])).collect())
        .await;
    // The first answer shows that the frame has arrived.
    let mut answered = 0;
    let mut count = |frame: Option<RelayFrame>| match frame {
        Some(RelayFrame::Replies(replies)) => {
            for reply in &replies {
                let drained = matches!(&reply.answer, Answer::Refused(r) if r.code == ErrorCode::Draining);
                assert!(
                    matches!(reply.answer, Answer::Durable(_) | Answer::Busy(_)) || drained,
                    "{:?}",
                    reply.answer
                );
            }
            answered += replies.len();
            false
        }
        Some(RelayFrame::Goodbye(goodbye)) => {
            assert_eq!(goodbye.refusal.code, ErrorCode::Draining);
            true
        }
        Some(_) => false,
        None => panic!("ended without goodbye"),
    };
    let mut over = count(client.frame().await);
    relay.signal("TERM");
    while !over {
        over = count(client.frame().await);
    }
    assert_eq!(answered, 200, "every call was answered before goodbye");
    drop(client);
    assert_eq!(relay.ended(), Some(0));
    assert!(!relay.data.join("admin.sock").exists());
}

#[tokio::test]
async fn the_drain_command_returns_before_the_relay_has_ended() {
    let mut relay = Relay::serving();
    let said = relay.json(&["drain", "--timeout", "5s"]);
    assert_eq!(said["drained"], true);
    assert_eq!(relay.ended(), Some(0));
    let output = relay.command(&["status", "--json"]);
    assert_eq!(output.status.code(), Some(7), "nobody is there any more");
}

#[tokio::test]
async fn a_full_disk_stops_reading_too() {
    let mut relay = Relay::serving();
    let mut client = Client::hello(&relay).await;
    let mailbox = Personal::open(&relay, &mut client).await;
    assert_eq!(mailbox.prove(&mut client, 1, Right::Deposit).await, None);
    mailbox.put(&mut client, 1, b"before").await;
    drop(client);
    relay.kill();
    // A reserve larger than any disk is a disk that is full.
    relay.start(&["store.reserve_mib=1099511627776"]);
    let mut client = Client::hello(&relay).await;
    assert_eq!(mailbox.prove(&mut client, 1, Right::Deposit).await, None);
    assert_eq!(mailbox.prove(&mut client, 2, Right::Owner).await, None);
    match client.call(1, mailbox.deposit(b"after")).await {
        Answer::Refused(refusal) => assert_eq!(refusal.code, ErrorCode::DiskFull),
        other => panic!("{other:?}"),
    }
    assert!(
        mailbox
            .read_all(&mut client, 2)
            .await
            .iter()
            .any(|e| e.payload.as_ref().is_some_and(|p| &p[..] == b"before"))
    );
    let output = relay.command(&[
        "check",
        "--format",
        "nagios",
        "--set",
        "store.reserve_mib=1099511627776",
    ]);
    assert_eq!(
        output.status.code(),
        Some(2),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[tokio::test]
async fn a_backup_cannot_be_restored_or_passes_for_the_living_store() {
    let relay = Relay::serving();
    let mut client = Client::hello(&relay).await;
    let mailbox = Personal::open(&relay, &mut client).await;
    assert_eq!(mailbox.prove(&mut client, 1, Right::Deposit).await, None);
    let receipt = mailbox.put(&mut client, 1, b"kept").await;
    let incarnation = client.welcome().incarnation;

    let backup = relay.folder().join("backup");
    let said = relay.json(&["backup", backup.to_str().unwrap(), "--verify"]);
    assert!(said["verified"]["events"].as_u64().unwrap() >= 1, "{said}");
    mailbox.put(&mut client, 1, b"after the backup").await;
    let output = relay.command(&["backup", backup.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(9), "a backup is not overwritten");

    let mut restored = Relay::at(&relay.folder().join("restored"));
    let output = restored.command(&["restore", backup.to_str().unwrap(), "--json"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    restored.start(&[]);
    let mut client = Client::hello(&restored).await;
    assert_ne!(
        client.welcome().incarnation,
        incarnation,
        "agents must notice, or a day of receipts is void in silence"
    );
    assert_eq!(mailbox.prove(&mut client, 1, Right::Owner).await, None);
    let read = mailbox.read_all(&mut client, 1).await;
    assert_eq!(read.last().unwrap().header.seq, receipt.leaf.seq);
    assert!(
        read.last()
            .unwrap()
            .payload
            .as_ref()
            .is_some_and(|p| &p[..] == b"kept")
    );
}

#[tokio::test]
async fn a_new_certificate_drops_the_sessions() {
    let relay = Relay::serving();
    let mut client = Client::hello(&relay).await;
    let mailbox = Personal::open(&relay, &mut client).await;
    assert_eq!(mailbox.prove(&mut client, 1, Right::Deposit).await, None);
    let (certificate, key) =
        telesphor_relay::tls::self_made(vec!["hospital-a.example".into()], (2031, 1, 1)).unwrap();
    std::fs::write(relay.data.join("tls/certificate.pem"), certificate).unwrap();
    std::fs::write(relay.data.join("tls/certificate.key"), key).unwrap();
    relay.signal("HUP");
    while relay.metric("telesphor_relay_certificate_reloads_total{outcome=\"taken\"}") != 1.0 {
        std::thread::yield_now();
    }
    mailbox.put(&mut client, 1, b"on the old connection").await;
    // The client below pins the new certificate, and the record names its key.
    let mut newcomer = Client::hello(&relay).await;
    assert_eq!(mailbox.prove(&mut newcomer, 1, Right::Owner).await, None);

    std::fs::write(relay.data.join("tls/certificate.key"), "no key").unwrap();
    relay.signal("HUP");
    while relay.metric("telesphor_relay_certificate_reloads_total{outcome=\"refused\"}") != 1.0 {
        std::thread::yield_now();
    }
    Client::hello(&relay).await;
}

#[tokio::test]
async fn an_admission_link_admits_for_ever() {
    let relay = Relay::serving();
    let link = admission(&relay);
    assert_eq!(link.domain.as_str(), "hospital-a.example");
    let rows = relay.json(&["admit", "list"]);
    assert_eq!(rows["uses"], 1);
    let id = rows["id"].as_str().unwrap();
    relay.json(&["admit", "end", &id[..12]]);
    assert_eq!(relay.command(&["admit", "list", "--json"]).status.code(), Some(5));
    let mut client = Client::hello(&relay).await;
    let enrol = telesphor_wire::command::Command::Enrol(telesphor_wire::command::Enrol {
        token: link.token,
        vouchers: vec![telesphor_wire::ids::Voucher::random()],
        command_id: telesphor_wire::ids::CommandId::random(),
        not_after: common::soon(),
        ext: telesphor_wire::ext::Extensions::none(),
    });
    match client.call(0, enrol).await {
        Answer::Refused(refusal) => assert_eq!(refusal.code, ErrorCode::AdmissionInvalid),
        other => panic!("{other:?}"),
    }
}
