//! Checkpoints, restoring, and what verification finds.

use telesphor_store::{Outcome, Store, StoreError};
use telesphor_wire::hash::Digest;

use crate::at::{At, config};
use crate::support::NOW;
use crate::support::commands::Home;

#[test]
fn a_store_that_is_handed_on_has_another_life_or_lost_something() {
    let dir = tempfile::tempdir().unwrap();
    let (path, copy) = (dir.path().join("a"), dir.path().join("b"));
    let (mut at, home) = (At::create(&path), Home::personal(1));
    at.must(home.open(1));
    let deposit = home.deposit(0, 2, b"before");
    at.must(deposit.clone());
    at.upkeep.checkpoint(&copy).unwrap();
    assert_eq!(Store::hand_on(&copy, &config()).unwrap(), at.incarnation);
    assert!(matches!(
        Store::hand_on(dir.path(), &config()),
        Err(StoreError::NoStore)
    ));
    let mut other = At::open(&copy);
    other.upkeep.verify().unwrap();
    // Both make the same of what comes next.
    let next = vec![deposit, home.deposit(0, 3, b"after")];
    let (here, there) = (at.batch(next.clone(), NOW), other.batch(next, NOW));
    assert_eq!((here.position, here.digest), (there.position, there.digest));
}

#[test]
fn a_restored_store_has_a_new_life_and_goes_on_where_it_stood() {
    let dir = tempfile::tempdir().unwrap();
    let (path, backup, new) = (dir.path().join("a"), dir.path().join("b"), dir.path().join("c"));
    let (mut at, home) = (At::create(&path), Home::personal(1));
    at.must(home.open(1));
    let deposit = home.deposit(0, 2, b"before the backup");
    at.must(deposit.clone());
    at.upkeep.checkpoint(&backup).unwrap();
    at.must(home.deposit(0, 3, b"after the backup"));
    assert!(matches!(at.upkeep.checkpoint(&backup), Err(StoreError::NotEmpty)));

    let incarnation = Store::restore(&backup, &new, config()).unwrap();
    assert!(matches!(
        Store::restore(&backup, &new, config()),
        Err(StoreError::NotEmpty)
    ));
    assert!(matches!(
        Store::restore(dir.path(), &dir.path().join("d"), config()),
        Err(StoreError::NoStore)
    ));
    let mut restored = At::open(&new);
    assert_eq!(restored.incarnation, incarnation);
    assert_ne!(restored.incarnation, at.incarnation);
    restored.upkeep.verify().unwrap();
    // Agents offer again what they sent: what the backup has is recognised, the rest is new.
    let again = restored.batch(vec![deposit, home.deposit(0, 3, b"after the backup")], NOW);
    assert_eq!((again.position, again.head.previous), (3, Digest([0; 32])));
    assert_eq!(again.head.incarnation, incarnation);
    assert!(matches!(again.outcomes[0], Outcome::Repeated(_)));
    assert!(matches!(again.outcomes[1], Outcome::Accepted(_)));
    let next = restored.batch(vec![], NOW);
    assert_eq!(next.head.previous, again.digest);
    assert_eq!(restored.upkeep.verify().unwrap().batches, 4);
    // A receipt from before the backup keeps the life in which it was given.
    let Outcome::Repeated(done) = &again.outcomes[0] else {
        panic!()
    };
    assert_eq!(
        restored
            .reader
            .receipt(&done.place)
            .unwrap()
            .unwrap()
            .head
            .incarnation,
        at.incarnation
    );
}

#[test]
fn a_changed_missing_or_reordered_record_is_found_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let (mut at, home) = (At::create(&path), Home::personal(1));
    at.must(home.open(1));
    for n in 0..5u64 {
        at.must(home.deposit(0, 10 + n, &[n as u8; 100]));
    }
    let seen = at.upkeep.verify().unwrap();
    assert_eq!(
        (seen.mailboxes, seen.events, seen.payloads, seen.batches),
        (1, 6, 6, 6)
    );
    at.upkeep.reclaim(NOW).unwrap();
    drop(at);

    let event = |seq: u64| [home.id.0.as_slice(), &seq.to_be_bytes()].concat();
    let batch = |position: u64| [[0u8, 0].as_slice(), &position.to_be_bytes()].concat();
    type Spoil = Box<dyn Fn(&rocksdb::DB)>;
    let swap = |cf: &'static str, a: Vec<u8>, b: Vec<u8>| -> Spoil {
        Box::new(move |db| {
            let cf = db.cf_handle(cf).unwrap();
            let (x, y) = (
                db.get_cf(cf, &a).unwrap().unwrap(),
                db.get_cf(cf, &b).unwrap().unwrap(),
            );
            db.put_cf(cf, &a, y).unwrap();
            db.put_cf(cf, &b, x).unwrap();
        })
    };
    let drop_one = |cf: &'static str, key: Vec<u8>| -> Spoil {
        Box::new(move |db| db.delete_cf(db.cf_handle(cf).unwrap(), &key).unwrap())
    };
    let husk = |key: Vec<u8>| -> Spoil {
        Box::new(move |db| {
            let (events, husks) = (db.cf_handle("events").unwrap(), db.cf_handle("husks").unwrap());
            let value = db.get_cf(events, &key).unwrap().unwrap();
            db.put_cf(husks, &key, &value[..102]).unwrap();
            db.delete_cf(events, &key).unwrap();
        })
    };
    let flip = |cf: &'static str, key: Vec<u8>, at: usize| -> Spoil {
        Box::new(move |db| {
            let cf = db.cf_handle(cf).unwrap();
            let mut value = db.get_cf(cf, &key).unwrap().unwrap();
            value[at] ^= 1;
            db.put_cf(cf, &key, value).unwrap();
        })
    };
    let chain = |seq: u64| format!("the chain of a mailbox breaks at event {seq}");
    let order = |n: u64| format!("the batches of partition 0 break at position {n}");
    let cases: Vec<(Spoil, String)> = vec![
        (swap("events", event(3), event(4)), chain(3)),
        (drop_one("events", event(4)), chain(4)),
        (flip("events", event(2), 20), chain(2)),
        // Behind the 102 bytes of its record: the payload itself.
        (flip("events", event(6), 150), chain(6)),
        // A husk in the place of an event whose payload is kept.
        (husk(event(5)), chain(5)),
        (flip("heads", home.id.0.to_vec(), 12), chain(6)),
        (drop_one("heads", home.id.0.to_vec()), chain(1)),
        (swap("batches", batch(2), batch(3)), order(2)),
        (drop_one("batches", batch(4)), order(4)),
        (flip("batches", batch(5), 30), order(5)),
        (flip("cursors", vec![0, 0], 12), order(6)),
    ];
    for (n, (spoil, expected)) in cases.into_iter().enumerate() {
        let copy = dir.path().join(format!("copy{n}"));
        copy_dir(&path, &copy);
        {
            let names = rocksdb::DB::list_cf(&rocksdb::Options::default(), copy.join("db")).unwrap();
            let db = rocksdb::DB::open_cf(&rocksdb::Options::default(), copy.join("db"), names).unwrap();
            spoil(&db);
        }
        let error = At::open(&copy).upkeep.verify().unwrap_err();
        assert_eq!(error.to_string(), expected, "case {n}");
    }
}

pub fn copy_dir(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What the first version of the layout left on the disk: events and payloads apart.
fn old_layout(path: &std::path::Path) {
    let names = [
        "meta", "cursors", "batches", "heads", "profiles", "events", "payloads", "access", "memory",
    ];
    let mut options = rocksdb::Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    let db = rocksdb::DB::open_cf(&options, path, names).unwrap();
    let meta = [
        1u32.to_be_bytes().as_slice(),
        &[7; 32],
        &1u16.to_be_bytes(),
        b"hospital-a.example",
    ]
    .concat();
    db.put_cf(db.cf_handle("meta").unwrap(), b"store", meta).unwrap();
}

#[test]
fn a_store_of_an_older_layout_is_opened_and_spoilt() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    old_layout(&path.join("db"));
    let families = || rocksdb::DB::list_cf(&rocksdb::Options::default(), path.join("db")).unwrap();
    let before = families();
    for error in [
        Store::open(&path, config()).err().unwrap(),
        Store::restore(&path.join("db"), &dir.path().join("restored"), config()).unwrap_err(),
    ] {
        assert!(
            matches!(error, StoreError::Format { found: 1, known: 4 }),
            "{error}"
        );
    }
    assert_eq!(families(), before, "nothing was added to it");
    assert!(!dir.path().join("restored").exists());
}
