//! A disk that fails: nothing is acknowledged afterwards, and nothing acknowledged is lost.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use telesphor_store::faults::{Faults, Operation};
use telesphor_store::{Fatal, Outcome, Store, StoreError};
use telesphor_wire::ids::PartitionId;

use crate::at::{At, config, ordered};
use crate::support::NOW;
use crate::support::commands::Home;

/// Fails the nth operation of one kind, once.
struct FailNth {
    operation: Operation,
    left: AtomicU64,
}

impl Faults for FailNth {
    fn before(&self, operation: Operation) -> std::io::Result<()> {
        if operation == self.operation && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            return Err(std::io::Error::other("made to fail"));
        }
        Ok(())
    }
}

pub fn failing(path: &Path, operation: Operation, nth: u64) -> At {
    let mut config = config();
    config.faults = Arc::new(FailNth {
        operation,
        left: AtomicU64::new(nth),
    });
    let exists = path.join("db").exists();
    let store = if exists {
        Store::open(path, config)
    } else {
        Store::create(path, config)
    };
    At::of(path, store.unwrap())
}

#[test]
fn a_failed_write_or_sync_poisons_the_store() {
    for operation in [Operation::Write, Operation::Sync, Operation::Answer] {
        let dir = tempfile::tempdir().unwrap();
        let mut at = failing(dir.path(), operation, 3);
        let home = Home::personal(1);
        at.must(home.open(1));
        at.must(home.deposit(0, 2, b"kept"));
        let lost = home.deposit(0, 3, b"never acknowledged");
        assert!(matches!(
            at.try_batch(vec![lost.clone()], NOW),
            Err(Fatal::Store(StoreError::Io(_)))
        ));
        // Not even an empty batch is acknowledged now, although the disk would take it.
        for _ in 0..3 {
            let next = ordered(0, at.next_position(0), vec![], NOW);
            assert!(matches!(
                at.applier.apply(&[next]),
                Err(Fatal::Store(StoreError::Poisoned))
            ));
        }
        assert!(at.reader.is_poisoned());
        assert!(
            at.applier
                .register_token(&crate::support::voucher(1), crate::support::story::token().1)
                .is_err()
        );
        assert!(matches!(
            at.upkeep.checkpoint(&dir.path().join("b")),
            Err(StoreError::Poisoned)
        ));

        let mut at = at.again();
        at.upkeep.verify().unwrap();
        assert_eq!(
            at.events(&home.id)[1].payload.as_deref(),
            Some(b"kept".as_slice())
        );
        // Whatever became of the unacknowledged one, sending it again leaves it there once.
        let outcome = at.batch(vec![lost], NOW).outcomes.remove(0);
        assert_eq!(
            matches!(outcome, Outcome::Accepted(_)),
            operation == Operation::Write
        );
        assert_eq!(at.events(&home.id).len(), 3);
    }
}

#[test]
fn a_failed_note_poisons_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let mut at = failing(dir.path(), Operation::Note, 1);
    let applied = at.batch(vec![Home::personal(1).open(1)], NOW);
    assert!(
        at.applier
            .syncer()
            .note_attested(applied.partition, applied.position, &applied.digest)
            .is_err()
    );
    assert!(at.try_batch(vec![], NOW).is_err());
}

#[test]
fn an_unfinished_checkpoint_never_has_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut at = failing(&dir.path().join("store"), Operation::CheckpointRename, 1);
    at.must(Home::personal(1).open(1));
    let backup = dir.path().join("backup");
    assert!(at.upkeep.checkpoint(&backup).is_err());
    assert!(!backup.exists());
    at.upkeep.checkpoint(&backup).unwrap();
    assert!(backup.join("CURRENT").exists());
}

#[test]
fn a_store_that_lost_what_it_attested_does_not_serve() {
    let dir = tempfile::tempdir().unwrap();
    let (path, old) = (dir.path().join("store"), dir.path().join("old"));
    let mut at = At::create(&path);
    let home = Home::personal(1);
    at.must(home.open(1));
    let attest = |at: &mut At, id| {
        let applied = at.batch(vec![home.deposit(0, id, b"payload")], NOW);
        at.applier
            .syncer()
            .note_attested(applied.partition, applied.position, &applied.digest)
            .unwrap();
        at.applier.syncer().sync_note().unwrap();
    };
    attest(&mut at, 2);
    at.upkeep.checkpoint(&old).unwrap();
    attest(&mut at, 3);
    let at = at.again();
    assert_eq!(at.next_position(0), 4, "a store that lost nothing opens");
    drop(at);
    // The database of the day before, under the note of today: what a truncated log leaves.
    std::fs::remove_dir_all(path.join("db")).unwrap();
    std::fs::rename(&old, path.join("db")).unwrap();
    match Store::open(&path, config()) {
        Err(StoreError::Behind {
            partition: PartitionId(0),
            found: 2,
            attested: 3,
        }) => {}
        other => panic!("expected to be found behind, got {:?}", other.err()),
    }
}
