//! Readers that take nothing, and connections that go silent without a word.

#![allow(clippy::unwrap_used)] // a test that cannot set up should stop

use crate::common;

use common::{Client, Personal, Relay};
use telesphor_wire::session::{ClientFrame, Follow, Right};

/// What is written into the mailbox, bytes; and as much for each reader would be far too much.
const WRITTEN: usize = 24 << 20;
const PIECE: usize = 256 << 10;
const READERS: usize = 24;

#[tokio::test]
async fn readers_that_take_nothing_fill_the_memory_or_hold_up_the_others() {
    let mut relay = Relay::new();
    relay.start(&["edge.ping_every=1", "edge.silence_timeout=4"]);
    let mut client = Client::hello(&relay).await;
    let mailbox = Personal::open(&relay, &mut client).await;
    assert_eq!(mailbox.prove(&mut client, 1, Right::Deposit).await, None);
    for n in 0..WRITTEN / PIECE {
        mailbox.put(&mut client, 1, &vec![n as u8; PIECE]).await;
    }
    let before = relay.memory();
    let mut stalled = Vec::new();
    for _ in 0..READERS {
        let mut reader = Client::hello(&relay).await;
        assert_eq!(mailbox.prove(&mut reader, 1, Right::Owner).await, None);
        let follow = Follow {
            handle: 1,
            after: 0,
            credit: u32::MAX,
        };
        // All the credit there is, and from here on not a byte is taken.
        reader.send(&ClientFrame::Follow(follow)).await;
        stalled.push(reader);
    }
    // Meanwhile somebody reads all of it.
    let mut owner = Client::hello(&relay).await;
    assert_eq!(mailbox.prove(&mut owner, 1, Right::Owner).await, None);
    assert!(mailbox.read_all(&mut owner, 1).await.len() >= WRITTEN / PIECE);
    let grown = relay.memory().saturating_sub(before);
    assert!(
        grown < 96 << 20,
        "{READERS} stalled readers of {WRITTEN} bytes cost {grown} bytes"
    );
    drop((owner, client));
    // And they are let go.
    while relay.metric("telesphor_relay_sessions") != 0.0 {
        tokio::task::yield_now().await;
    }
    let dropped = |why| {
        relay.metric(&format!(
            "telesphor_relay_connections_dropped_total{{why=\"{why}\"}}"
        ))
    };
    assert_eq!(dropped("silent") + dropped("slow"), READERS as f64);
}
