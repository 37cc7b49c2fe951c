//! One partition as a whole: what another relay takes over, and what is left of it where it is kept no more.

use std::path::Path;

use telesphor_store::{End, Keep, Row, Store, StoreConfig, StoreError};
use telesphor_wire::ids::{Incarnation, PartitionId};

use crate::at::{At, config, ordered};
use crate::support::commands::Home;
use crate::support::{NOW, domain};

const PARTITIONS: u16 = 4;

fn life() -> StoreConfig {
    StoreConfig {
        domain: domain(PARTITIONS),
        incarnation: Some(Incarnation([7; 32])),
        ..config()
    }
}

/// A relay of a cluster with some mailboxes in each partition.
fn filled(path: &Path, homes: &[Home]) -> At {
    let mut at = At::of(path, Store::create(path, life()).unwrap());
    for n in 0..PARTITIONS {
        let keep = Keep {
            partition: PartitionId(n),
            cut_above: None,
            entries: vec![(1, vec![1, 2, 3]), (2, vec![4])],
            standing: Some(vec![n as u8, 9]),
            forget_to: None,
        };
        let mine = |home: &&Home| PartitionId::of(&home.id, PARTITIONS).0 == n;
        let mut submissions = Vec::new();
        for home in homes.iter().filter(mine) {
            submissions.extend([
                home.open(1),
                home.deposit(0, 2, b"one"),
                home.deposit(0, 3, b"two"),
            ]);
        }
        let group = [ordered(n, 1, submissions, NOW)];
        at.applier.round(&[keep], &group, true).unwrap();
    }
    at
}

/// All pages, small ones.
fn read(at: &At, partition: u16) -> (Vec<Row>, End) {
    let (mut rows, mut last, mut pages) = (Vec::new(), None, 0);
    let mut take = |some: Vec<Row>, end: Option<End>| {
        rows.extend(some);
        last = end;
        pages += 1;
        true
    };
    assert!(
        at.upkeep
            .read_part(PartitionId(partition), 500, &mut take)
            .unwrap()
    );
    assert!(pages > 2, "{pages}");
    (rows, last.unwrap())
}

#[test]
fn a_partition_that_is_taken_over_is_less_than_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let homes: Vec<Home> = (0..20).map(Home::personal).collect();
    let mut there = filled(&dir.path().join("a"), &homes);
    let taken = PartitionId::of(&homes[0].id, PARTITIONS);
    let (rows, (cursor, standing)) = read(&there, taken.0);
    assert_eq!(standing, [taken.0 as u8, 9]);

    let path = dir.path().join("b");
    let mut store = Store::create(&path, life()).unwrap();
    store.lay_part(taken, &rows).unwrap();
    // Until all of it is there it is nothing.
    assert_eq!(store.reader().partition(taken).unwrap().position, 0);
    store.part_is_laid(taken, &cursor, b"mine").unwrap();
    let mut here = At::of(&path, store);
    assert_eq!(here.reader.standing(taken).unwrap().unwrap(), b"mine");
    for home in &homes {
        let kept = PartitionId::of(&home.id, PARTITIONS) == taken;
        let expected = if kept { there.events(&home.id) } else { Vec::new() };
        assert_eq!(here.events_or_none(home), expected);
    }
    here.upkeep.verify().unwrap();
    // Both make the same of what comes next, a repetition too.
    let next = vec![homes[0].deposit(0, 2, b"one"), homes[0].deposit(0, 4, b"three")];
    let [at_there, at_here] = [&mut there, &mut here].map(|at| {
        let group = [ordered(taken.0, 2, next.clone(), NOW)];
        at.applier.apply(&group).unwrap().remove(0)
    });
    assert_eq!(at_there.digest, at_here.digest);
}

#[test]
fn a_copy_changes_what_is_not_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let homes: Vec<Home> = (0..20).map(Home::personal).collect();
    let there = filled(&dir.path().join("a"), &homes);
    let store = Store::create(&dir.path().join("b"), life()).unwrap();
    let (rows, _) = read(&there, 0);
    assert!(matches!(
        store.lay_part(PartitionId(1), &rows),
        Err(StoreError::Damaged { .. })
    ));
    for family in 0..=u8::MAX {
        // The store's own record, where partitions stand, families that there are not.
        let row = (family, b"store".to_vec(), vec![0; 40]);
        assert!(store.lay_part(PartitionId(0), &[row]).is_err(), "{family}");
    }
}

#[test]
fn what_a_relay_keeps_no_more_stays_on_its_disk_or_its_promise_goes_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    let homes: Vec<Home> = (0..20).map(Home::personal).collect();
    let at = filled(&path, &homes);
    let left = PartitionId::of(&homes[0].id, PARTITIONS);
    let before: Vec<_> = homes.iter().map(|home| at.events_or_none(home)).collect();
    at.upkeep.erase_part(left).unwrap();
    let again = |at: At| {
        drop(at);
        At::of(&path, Store::open(&path, life()).unwrap())
    };
    let mut at = again(at);
    for _ in 0..2 {
        assert!(at.reader.has_left(left).unwrap());
        assert_eq!(at.reader.standing(left).unwrap().unwrap(), [left.0 as u8, 9]);
        assert_eq!(at.reader.last_ordered(left).unwrap(), None);
        for (home, before) in homes.iter().zip(&before) {
            let kept = PartitionId::of(&home.id, PARTITIONS) != left;
            let now = at.events_or_none(home);
            assert_eq!(now, if kept { before.clone() } else { Vec::new() });
        }
        at.upkeep.verify().unwrap();
        at = again(at);
    }
    // It can be taken over anew.
    let other = filled(&dir.path().join("b"), &homes);
    let (rows, (cursor, standing)) = read(&other, left.0);
    drop(at);
    let mut store = Store::open(&path, life()).unwrap();
    store.lay_part(left, &rows).unwrap();
    store.part_is_laid(left, &cursor, &standing).unwrap();
    let at = At::of(&path, store);
    assert!(!at.reader.has_left(left).unwrap());
    assert_eq!(at.events_or_none(&homes[0]), before[0]);
}
