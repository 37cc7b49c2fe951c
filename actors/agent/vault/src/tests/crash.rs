//! The power goes at every single write and sync of a fixed script.

use std::io::ErrorKind;
use std::path::Path;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::DocumentId;

use super::lying_disk::{LyingDisk, Unsynced};
use crate::error::VaultError;
use crate::records::Records;
use crate::slots::{KeyFile, Slot, Unlock};
use crate::table::Table;
use crate::vault::{OpenOptions, Vault, VaultPaths};

const STEPS: u64 = 6;
const TABLES: [Table; 4] = [Table::Mls, Table::Cursors, Table::Contacts, Table::Grants];

fn document(n: u64) -> DocumentId {
    DocumentId([u8::try_from(n).unwrap(); 32])
}

/// One step touches every kind of thing; step 4 also erases a document.
fn step(vault: &Vault, n: u64) -> Result<(), VaultError> {
    vault.write(|tx| {
        for table in TABLES {
            tx.put_value(table, b"step", &n)?;
        }
        tx.push(Table::Outbox, b"", &n.to_be_bytes())?;
        tx.put_document_key(&document(n), &Secret::new([7; 32]))?;
        tx.put_body(&document(n), &vec![0xAB; 9000])?;
        if n == 4 {
            tx.erase_documents(&[document(1)])?;
        }
        Ok(())
    })
}

/// The step this vault stands at; panics if its parts disagree.
fn standing(vault: &Vault) -> u64 {
    let snapshot = vault.read().unwrap();
    let at = |table| snapshot.get_value::<u64>(table, b"step").unwrap().unwrap_or(0);
    let n = at(TABLES[0]);
    assert!(
        TABLES.iter().all(|&t| at(t) == n),
        "tables of different steps: a torn transaction"
    );
    assert_eq!(
        snapshot.range(Table::Outbox, b"", 0, 100).unwrap().len() as u64,
        n
    );
    for i in 1..=STEPS {
        let held = snapshot.document_key(&document(i)).unwrap();
        assert_eq!(
            held.is_some(),
            i <= n && !(i == 1 && n >= 4),
            "document {i} at step {n}"
        );
        assert_eq!(snapshot.body(&document(i)).unwrap().is_some(), held.is_some());
    }
    drop(snapshot);
    vault.verify().unwrap();
    n
}

fn create(folder: &Path, key: &KeyFile) -> (Vault, VaultPaths, LyingDisk) {
    let paths = VaultPaths::in_folder(folder);
    let disk = LyingDisk::default();
    let vault = Vault::create_on(&paths, Box::new(disk.clone()), |id, master| {
        Slot::key_file(id, 1, "k", key, master)
    });
    (vault.unwrap(), paths, disk)
}

fn try_open(paths: &VaultPaths, disk: &LyingDisk, key: &KeyFile) -> Result<Vault, VaultError> {
    let disk = Box::new(disk.clone());
    Vault::open_on(paths, disk, Unlock::KeyFile(key), OpenOptions::default())
}

fn reopen(paths: &VaultPaths, disk: &LyingDisk, key: &KeyFile) -> Vault {
    try_open(paths, disk, key).unwrap()
}

fn operations_of_the_script(key: &KeyFile) -> (u64, u64) {
    let folder = tempfile::tempdir().unwrap();
    let (vault, _, disk) = create(folder.path(), key);
    let start = disk.operations();
    (1..=STEPS).for_each(|n| step(&vault, n).unwrap());
    assert_eq!(standing(&vault), STEPS);
    (start, disk.operations())
}

#[test]
fn a_power_cut_at_any_write_or_sync_leaves_before_or_after() {
    let key = KeyFile::generate();
    let (start, end) = operations_of_the_script(&key);
    assert!(
        end - start > 20,
        "the script must reach the disk: {start} to {end}"
    );
    for at in start..=end {
        for unsynced in [Unsynced::Lost, Unsynced::Kept, Unsynced::Torn] {
            let folder = tempfile::tempdir().unwrap();
            let (vault, paths, disk) = create(folder.path(), &key);
            disk.fail(at, u64::MAX, ErrorKind::Other);
            let acknowledged = (1..=STEPS).take_while(|n| step(&vault, *n).is_ok()).count() as u64;
            drop(vault);
            let survived = disk.after_power_cut(unsynced);
            let vault = reopen(&paths, &survived, &key);
            let found = standing(&vault);
            assert!(
                found == acknowledged || found == acknowledged + 1,
                "cut at operation {at} ({unsynced:?}): {acknowledged} acknowledged, {found} found"
            );
            (found + 1..=STEPS).for_each(|n| step(&vault, n).unwrap());
            assert_eq!(standing(&vault), STEPS);
        }
    }
}

#[test]
fn a_disk_that_fills_up_at_any_moment_loses_nothing_and_the_vault_goes_on_when_there_is_room() {
    let key = KeyFile::generate();
    let (start, end) = operations_of_the_script(&key);
    for at in start..end {
        let folder = tempfile::tempdir().unwrap();
        let (vault, paths, disk) = create(folder.path(), &key);
        disk.fail(at, 3, ErrorKind::StorageFull);
        let mut n = 1;
        while n <= STEPS {
            match step(&vault, n) {
                Ok(()) => n += 1,
                Err(VaultError::DiskFull) => {
                    assert!(disk.failed());
                    // Reading tells whether it landed; the disk may still be full right now.
                    n = loop {
                        match vault.read() {
                            Ok(s) => break s.get_value::<u64>(Table::Mls, b"step").unwrap().unwrap_or(0) + 1,
                            Err(VaultError::DiskFull) => {}
                            Err(other) => panic!("full at operation {at}: {other}"),
                        }
                    };
                }
                Err(other) => panic!("full at operation {at}: {other}"),
            }
        }
        assert_eq!(standing(&vault), STEPS);
        drop(vault);
        // Opening writes too, and there may be no room for that either yet.
        let vault = loop {
            match try_open(&paths, &disk, &key) {
                Err(VaultError::DiskFull) => assert!(disk.failed()),
                opened => break opened.unwrap(),
            }
        };
        assert_eq!(standing(&vault), STEPS);
    }
}

#[test]
fn a_closure_that_hides_a_failed_write_cannot_commit() {
    let key = KeyFile::generate();
    let folder = tempfile::tempdir().unwrap();
    let (vault, _, _) = create(folder.path(), &key);
    step(&vault, 1).unwrap();
    let result: Result<(), VaultError> = vault.write(|tx| {
        tx.put_value(Table::Mls, b"step", &9u64)?;
        Err(VaultError::Form)
    });
    assert!(result.is_err());
    assert_eq!(standing(&vault), 1, "what a failed closure wrote must not stay");
}
