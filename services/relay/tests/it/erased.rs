//! What an owner erased is gone from the relay's own files, and nobody had to ask twice.

#![allow(clippy::unwrap_used)] // a test that cannot set up should stop

use crate::common;

use std::path::Path;

use common::{Client, Personal, Relay};
use telesphor_wire::answer::Answer;
use telesphor_wire::command::{EraseRange, OwnerAct};
use telesphor_wire::session::Right;

const ROUNDS: &str = "telesphor_relay_reclaims_total{outcome=\"done\"}";

/// Whether any file below a folder holds these bytes.
fn holds(folder: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => holds(&path, bytes),
            // A file may go between listing and reading: that is what is waited for.
            false => std::fs::read(&path).is_ok_and(|file| file.windows(bytes.len()).any(|w| w == bytes)),
        }
    })
}

#[tokio::test]
async fn what_was_erased_lies_on_in_the_relays_files() {
    let mut relay = Relay::new();
    relay.start(&["store.reclaim_every=1"]);
    let mut client = Client::hello(&relay).await;
    let mailbox = Personal::open(&relay, &mut client).await;
    assert_eq!(mailbox.prove(&mut client, 1, Right::Deposit).await, None);
    let (gone, kept) = (
        b"ciphertext that must go".repeat(40),
        b"ciphertext that stays".repeat(40),
    );
    let first = mailbox.put(&mut client, 1, &gone).await.leaf.seq;
    mailbox.put(&mut client, 1, &kept).await;
    let store = relay.data.join("store");
    assert!(holds(&store, &gone), "the search finds what is there");

    let erase = mailbox.act(
        1,
        OwnerAct::Erase(EraseRange {
            from: first,
            to: first,
        }),
    );
    let answer = client.call(0, erase).await;
    assert!(matches!(answer, Answer::Durable(_)), "{answer:?}");
    // The second round from now has begun after the erasure.
    let until = relay.metric(ROUNDS) + 2.0;
    while relay.metric(ROUNDS) < until {
        std::thread::yield_now();
    }
    assert!(!holds(&store, &gone), "erased, and still in a file");
    assert!(holds(&store, &kept), "what was not erased went too");
    assert_eq!(mailbox.prove(&mut client, 2, Right::Owner).await, None);
    let read = mailbox.read_all(&mut client, 2).await;
    assert!(
        read.iter()
            .any(|e| e.payload.as_ref().is_some_and(|p| p[..] == kept[..]))
    );
}
