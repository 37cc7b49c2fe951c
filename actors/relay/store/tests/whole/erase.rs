//! What was erased is gone from every file; hashes stay.

use std::path::Path;

use telesphor_wire::command::{EraseRange, OwnerAct};
use telesphor_wire::mailbox::{Overflow, Policy};

use crate::at::At;
use crate::support::commands::Home;
use crate::support::{DAY, NOW};

/// Whether any file below a directory holds these bytes.
fn found(dir: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return found(&path, needle);
        }
        // The database drops files of its own while we look; what is gone holds nothing.
        let bytes = std::fs::read(&path).unwrap_or_default();
        bytes.windows(needle.len()).any(|w| w == needle)
    })
}

fn payload(n: u8) -> Vec<u8> {
    format!("known-ciphertext-{n:03}-").into_bytes().repeat(40)
}

fn needle(n: u8) -> Vec<u8> {
    payload(n)[..40].to_vec()
}

fn filled(at: &mut At, home: &Home, deposits: u8) {
    at.must(home.open(1));
    for n in 0..deposits {
        at.must(home.deposit(0, 10 + u64::from(n), &payload(n)));
    }
}

#[test]
fn erased_ciphertext_is_in_no_file_and_the_rest_is() {
    let dir = tempfile::tempdir().unwrap();
    let (mut at, home) = (At::create(dir.path()), Home::personal(1));
    filled(&mut at, &home, 30);
    // Some of it sorted into files before the erasure, some of it not.
    at.upkeep.reclaim(NOW).unwrap();
    for n in 30..40 {
        at.must(home.deposit(0, 10 + u64::from(n), &payload(n)));
    }
    // Event n + 2 holds payload n.
    at.must(home.owner_says(0, 1, 500, OwnerAct::Erase(EraseRange { from: 7, to: 9 })));
    at.must(home.owner_says(0, 2, 501, OwnerAct::Erase(EraseRange { from: 36, to: 36 })));
    assert!(
        at.events(&home.id)[6].payload.is_none(),
        "gone for readers at once"
    );
    at.upkeep.reclaim(NOW).unwrap();
    for n in 0..40 {
        let erased = (5..=7).contains(&n) || n == 34;
        assert_eq!(found(dir.path(), &needle(n)), !erased, "payload {n}");
    }
    at.upkeep.verify().unwrap();
    let at = at.again();
    at.upkeep.verify().unwrap();
    let mut cursor = telesphor_wire::mailbox::Cursor {
        seq: 0,
        hash: home.opening().genesis.link(),
    };
    for event in at.events(&home.id) {
        cursor.advance(&event).unwrap();
    }
    assert_eq!(cursor.seq, 43);
}

#[test]
fn acknowledged_overflowed_and_aged_payloads_go_too() {
    let dir = tempfile::tempdir().unwrap();
    let mut at = At::create(dir.path());
    let taken = Home::personal(1);
    filled(&mut at, &taken, 3);
    at.must(taken.owner_says(0, 1, 500, OwnerAct::Acknowledge(3)));
    let mut full = Home::personal(2);
    full.policy = Policy {
        max_events: 4,
        overflow: Overflow::DropOldest,
        ..Policy::standard()
    };
    at.must(full.open(600));
    for n in 100..106u8 {
        at.must(full.deposit(0, 600 + u64::from(n), &payload(n)));
    }
    let mut vitals = Home::personal(3);
    vitals.policy = Policy {
        keep_ms: Some(1000),
        ..Policy::standard()
    };
    at.must(vitals.open(800));
    at.must(vitals.deposit(0, 801, &payload(200)));
    at.upkeep.verify().unwrap();
    at.upkeep.reclaim(NOW + DAY).unwrap();
    for (n, stays) in [
        (0, false),
        (1, false),
        (2, true),
        (100, false),
        (101, false),
        (102, true),
        (105, true),
        (200, false),
    ] {
        assert_eq!(found(dir.path(), &needle(n)), stays, "payload {n}");
    }
    at.upkeep.verify().unwrap();
}

#[test]
fn a_long_range_goes_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (mut at, home) = (At::create(dir.path()), Home::personal(1));
    at.must(home.open(1));
    let deposits = (0..600u64)
        .map(|n| home.deposit(0, 10 + n, &[n as u8; 64]))
        .collect();
    at.batch(deposits, NOW);
    at.must(home.owner_says(0, 1, 900, OwnerAct::Erase(EraseRange { from: 50, to: 550 })));
    let kept: Vec<_> = at
        .events(&home.id)
        .iter()
        .filter(|e| e.payload.is_some())
        .map(|e| e.header.seq)
        .collect();
    assert_eq!(kept, (1..50).chain(551..=602).collect::<Vec<_>>());
    assert_eq!(at.upkeep.verify().unwrap().payloads, 49 + 52);
}

#[test]
fn the_memory_of_ids_ends_with_their_time() {
    let dir = tempfile::tempdir().unwrap();
    let (mut at, home) = (At::create(dir.path()), Home::personal(1));
    filled(&mut at, &home, 2);
    let memory = |at: &At| found(at.path.as_path(), &crate::support::command(10).0);
    at.upkeep.reclaim(NOW).unwrap();
    assert!(memory(&at));
    at.batch(vec![], NOW + 3 * DAY);
    at.upkeep.reclaim(NOW + 3 * DAY).unwrap();
    assert!(!memory(&at), "past its time, the id is gone from the disk");
}
