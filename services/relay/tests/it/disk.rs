//! A disk that really fills up: a small file system of its own.

#![allow(clippy::unwrap_used)] // a test that cannot set up should stop

use crate::common;

use std::process::Command;

use common::{Client, Personal, Relay};
use telesphor_wire::answer::Answer;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::session::Right;

/// The whole file system and what is kept back of it, MiB: as much as the store may need for a log that
/// it lays out ahead and for what it has in memory.
const DISK_MIB: u64 = 700;
const RESERVE: &str = "store.reserve_mib=192";

#[tokio::test]
async fn the_file_system_refuses_before_the_relay_does() {
    let mut relay = Relay::new();
    // A mount of its own, seen by the relay alone; `root` leads there.
    if !relay.start_on_small_disk(DISK_MIB, &[RESERVE]) {
        assert!(!rooted(), "root may mount a small file system");
        // A machine that lets nobody mount anything cannot show this; the reserve itself is tried elsewhere.
        return;
    }
    let mut client = Client::hello(&relay).await;
    let mailbox = Personal::open(&relay, &mut client).await;
    assert_eq!(mailbox.prove(&mut client, 1, Right::Deposit).await, None);
    assert_eq!(mailbox.prove(&mut client, 2, Right::Owner).await, None);
    // Enough is well; less than twice what is kept back is worth a look; less than it is not.
    let free = relay.json(&["status"])["disk_free"].as_u64().unwrap() >> 20;
    let kept = |mib: u64| format!("store.reserve_mib={mib}");
    assert_eq!(level(&relay, RESERVE), 0);
    assert_eq!(level(&relay, &kept(free * 3 / 4)), 1);
    let mut taken = 0;
    // A burst between two looks is refused for the moment; then it is for good.
    while relay.metric("telesphor_relay_writes_stopped") != 1.0 {
        match client
            .call(1, mailbox.deposit(&vec![taken as u8; 256 << 10]))
            .await
        {
            Answer::Durable(_) => taken += 1,
            Answer::Refused(refusal) => assert_eq!(refusal.code, ErrorCode::DiskFull),
            other => panic!("{other:?}"),
        }
    }
    match client.call(1, mailbox.deposit(b"x")).await {
        Answer::Refused(refusal) => assert_eq!(refusal.code, ErrorCode::DiskFull),
        other => panic!("{other:?}"),
    }
    assert_eq!(level(&relay, RESERVE), 2);
    // All that was taken is there, and the file system has never said no.
    let read = mailbox.read_all(&mut client, 2).await;
    assert_eq!(read.iter().filter(|e| e.payload.is_some()).count(), taken + 1);
    assert!(!relay.log().contains("the store failed"));
    // And the process ends as it should, on a full disk too.
    drop(client);
    relay.signal("TERM");
    assert_eq!(relay.ended(), Some(0), "{}", relay.log());
}

/// The level of `check`, which looks at the disk as the relay does.
fn level(relay: &Relay, reserve: &str) -> i32 {
    let output = relay.command(&["check", "--set", reserve]);
    output.status.code().unwrap()
}

fn rooted() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}
