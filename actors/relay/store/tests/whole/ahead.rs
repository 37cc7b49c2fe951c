//! Groups that are written while the one before is synced: shown and answered only when durable.

use std::path::Path;

use telesphor_store::faults::Operation;
use telesphor_store::{Applied, StoreError, Written};
use telesphor_wire::batch::Submission;

use crate::at::{ALL, At, ordered};
use crate::failing::failing;
use crate::support::NOW;
use crate::support::commands::Home;

/// Opens a mailbox, durably.
fn opened(at: &mut At) -> Home {
    let home = Home::personal(1);
    at.must(home.open(1));
    home
}

fn ahead(at: &mut At, position: u64, submission: Submission) -> (Vec<Applied>, Written) {
    let group = [ordered(0, position, vec![submission], NOW)];
    at.applier.write_ahead(&group).unwrap()
}

/// Events that a reader sees, and where it is told that the mailbox stands.
fn seen(at: &At, home: &Home) -> (usize, u64) {
    let page = at.reader.events(&home.id, 0, &ALL, usize::MAX, usize::MAX);
    let page = page.unwrap();
    (page.events.len(), page.head.seq)
}

#[test]
fn what_is_not_synced_is_shown_to_no_reader() {
    let dir = tempfile::tempdir().unwrap();
    let mut at = At::create(&dir.path().join("store"));
    let home = opened(&mut at);
    let (_, first) = ahead(&mut at, 2, home.deposit(0, 2, b"first"));
    let (_, second) = ahead(&mut at, 3, home.deposit(0, 3, b"second"));
    let (_, third) = ahead(&mut at, 4, home.deposit(0, 4, b"third"));
    assert_eq!(seen(&at, &home), (1, 1));

    let syncer = at.applier.syncer();
    syncer.sync(first).unwrap();
    assert_eq!(
        seen(&at, &home),
        (2, 2),
        "the first, and nothing of those after it"
    );
    syncer.sync(third).unwrap();
    assert_eq!(
        seen(&at, &home),
        (4, 4),
        "all that was written before the third, too"
    );
    syncer.sync(second).unwrap();
    assert_eq!(
        seen(&at, &home),
        (4, 4),
        "and it stays so, whatever is synced late"
    );
}

#[test]
fn a_mailbox_whose_opening_is_not_synced_is_none_yet() {
    let dir = tempfile::tempdir().unwrap();
    let mut at = At::create(&dir.path().join("store"));
    let home = Home::personal(1);
    let (_, written) = ahead(&mut at, 1, home.open(1));
    assert_eq!(at.reader.mailbox(&home.id).unwrap(), None);
    assert!(matches!(
        at.reader.events(&home.id, 0, &ALL, 1, 1),
        Err(StoreError::Damaged { .. })
    ));
    at.applier.syncer().sync(written).unwrap();
    assert!(at.reader.mailbox(&home.id).unwrap().is_some());
}

#[test]
fn what_is_written_ahead_is_decided_on_what_was_written_ahead_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut at = At::create(&dir.path().join("store"));
    let home = opened(&mut at);
    let deposit = home.deposit(0, 2, b"once");
    let (first, _) = ahead(&mut at, 2, deposit.clone());
    let (second, written) = ahead(&mut at, 3, deposit);
    assert_eq!(
        (first[0].fresh.len(), second[0].fresh.len()),
        (1, 0),
        "a second time"
    );
    at.applier.syncer().sync(written).unwrap();
    assert_eq!(seen(&at, &home), (2, 2));
    at.upkeep.verify().unwrap();
}

#[test]
fn a_sync_that_fails_shows_nothing_and_ends_the_store() {
    for operation in [Operation::Sync, Operation::Answer] {
        let dir = tempfile::tempdir().unwrap();
        // The opening is the first operation of either kind.
        let mut at = failing(&dir.path().join("store"), operation, 2);
        let home = opened(&mut at);
        let (_, written) = ahead(&mut at, 2, home.deposit(0, 2, b"never acknowledged"));
        let syncer = at.applier.syncer();
        assert!(syncer.sync(written).is_err());
        assert!(syncer.sync(written).is_err(), "and no second try makes it good");
        assert!(at.try_batch(vec![home.deposit(0, 3, b"nor this")], NOW).is_err());
        if operation == Operation::Sync {
            assert_eq!(seen(&at, &home), (1, 1));
        }
    }
}

#[test]
fn what_was_synced_behind_the_writer_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    let mut at = At::create(&path);
    let home = opened(&mut at);
    let (applied, written) = ahead(&mut at, 2, home.deposit(0, 2, b"kept"));
    let syncer = at.applier.syncer();
    syncer.sync(written).unwrap();
    let applied = &applied[0];
    syncer
        .note_attested(applied.partition, applied.position, &applied.digest)
        .unwrap();
    // As a power cut leaves it: copied under a live store, nothing closed.
    let copy = dir.path().join("copy");
    crate::backup::copy_dir(&path, &copy);
    let at = At::open(Path::new(&copy));
    assert_eq!(seen(&at, &home), (2, 2));
}
