//! What is erased is gone; what is backed up comes back, and nothing that must not.
#![allow(clippy::unwrap_used)]

use crate::common;

use common::{Home, PASS};
use telesphor_vault::{OpenOptions, Records, Table, Unlock, Vault, VaultError};
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::DocumentId;

fn with_documents(home: &Home, count: u8) -> Vault {
    let vault = home.create();
    vault
        .write(|tx| {
            for n in 1..=count {
                let id = DocumentId([n; 32]);
                tx.put_document_key(&id, &Secret::new([n; 32]))?;
                tx.put_body(&id, format!("body of document {n}").as_bytes())?;
            }
            Ok::<_, VaultError>(())
        })
        .unwrap();
    vault
}

#[test]
fn erasing_one_document_leaves_every_other_readable() {
    let home = Home::new();
    let vault = with_documents(&home, 9);
    let erased = vault
        .write(|tx| tx.erase_documents(&[DocumentId([4; 32]), DocumentId([77; 32])]))
        .unwrap();
    assert_eq!(erased, 1);
    drop(vault);
    let vault = home.open(PASS).unwrap();
    let snapshot = vault.read().unwrap();
    for n in 1..=9u8 {
        let id = DocumentId([n; 32]);
        let expected = (n != 4).then(|| Secret::new([n; 32]));
        assert_eq!(snapshot.document_key(&id).unwrap(), expected);
        assert_eq!(snapshot.body(&id).unwrap().is_some(), n != 4);
    }
}

#[test]
fn an_old_copy_of_the_pages_does_not_open_an_erased_document_even_with_the_passphrase() {
    let home = Home::new();
    drop(with_documents(&home, 3));
    let store = home.folder().join("vault.redb");
    let old_pages = std::fs::read(&store).unwrap();
    let vault = home.open(PASS).unwrap();
    vault
        .write(|tx| tx.erase_documents(&[DocumentId([2; 32])]))
        .unwrap();
    drop(vault);
    std::fs::write(&store, old_pages).unwrap();
    let options = OpenOptions {
        read_old_copy: true,
        ..OpenOptions::default()
    };
    let vault = Vault::open(&home.paths, Unlock::Passphrase(PASS), options).unwrap();
    let snapshot = vault.read().unwrap();
    assert!(snapshot.document_key(&DocumentId([2; 32])).unwrap().is_none());
    assert!(snapshot.body(&DocumentId([2; 32])).is_err());
}

#[test]
fn erasing_twice_in_one_write_and_again_later_keeps_the_keyring_whole() {
    let home = Home::new();
    let vault = with_documents(&home, 5);
    vault
        .write(|tx| {
            tx.erase_documents(&[DocumentId([1; 32])])?;
            tx.put_document_key(&DocumentId([9; 32]), &Secret::new([9; 32]))?;
            tx.erase_documents(&[DocumentId([2; 32])])
        })
        .unwrap();
    let undone: Result<(), VaultError> = vault.write(|tx| {
        tx.erase_documents(&[DocumentId([3; 32])])?;
        Err(VaultError::Form)
    });
    assert!(undone.is_err());
    vault
        .write(|tx| tx.erase_documents(&[DocumentId([4; 32])]))
        .unwrap();
    let snapshot = vault.read().unwrap();
    let held: Vec<u8> = (1..=9)
        .filter(|n| snapshot.document_key(&DocumentId([*n; 32])).unwrap().is_some())
        .collect();
    assert_eq!(held, [3, 5, 9]);
}

#[test]
fn a_snapshot_from_before_an_erasure_no_longer_opens_the_document() {
    let home = Home::new();
    let vault = with_documents(&home, 2);
    let before = vault.read().unwrap();
    vault
        .write(|tx| tx.erase_documents(&[DocumentId([1; 32])]))
        .unwrap();
    assert!(before.document_key(&DocumentId([1; 32])).unwrap().is_none());
}

#[test]
fn a_backup_brings_back_documents_contacts_and_grants_and_never_mls_state() {
    let home = Home::new();
    let vault = with_documents(&home, 3);
    vault
        .write(|tx| {
            tx.put(Table::Contacts, b"gp", b"Dr Virtanen")?;
            tx.put(Table::Grants, b"g1", b"until Thursday")?;
            tx.push(Table::Documents, b"by arrival", b"first")?;
            tx.put(Table::Mls, b"group", b"sending key")?;
            tx.put(Table::IdentityKeys, b"identity", b"private")?;
            tx.put(Table::Cursors, b"m", b"41")?;
            tx.push(Table::Outbox, b"", b"ciphertext")
        })
        .unwrap();
    let key = Secret::random();
    let mut backup = Vec::new();
    let written = vault.export_backup(&key, &mut backup).unwrap();
    assert_eq!((written.documents, written.records), (3, 9));

    let other = Home::new();
    let fresh = other.create();
    let read = fresh.import_backup(&key, &mut backup.as_slice()).unwrap();
    assert_eq!(read, written);
    let snapshot = fresh.read().unwrap();
    assert_eq!(
        snapshot.get(Table::Contacts, b"gp").unwrap().unwrap().as_slice(),
        b"Dr Virtanen"
    );
    assert_eq!(
        snapshot.body(&DocumentId([2; 32])).unwrap().unwrap().as_slice(),
        b"body of document 2"
    );
    assert_eq!(
        snapshot
            .at(Table::Documents, b"by arrival", 1)
            .unwrap()
            .unwrap()
            .as_slice(),
        b"first"
    );
    for (table, name) in [
        (Table::Mls, &b"group"[..]),
        (Table::IdentityKeys, b"identity"),
        (Table::Cursors, b"m"),
    ] {
        assert!(!snapshot.contains(table, name).unwrap(), "{table:?} came back");
    }
    assert!(snapshot.range(Table::Outbox, b"", 0, 9).unwrap().is_empty());
}

#[test]
fn a_changed_or_shortened_backup_is_refused_and_nothing_of_it_is_taken() {
    let home = Home::new();
    let vault = with_documents(&home, 2);
    let key = Secret::random();
    let mut backup = Vec::new();
    vault.export_backup(&key, &mut backup).unwrap();

    let other = Home::new();
    let fresh = other.create();
    let try_in = |bytes: &[u8], key: &Secret| {
        let result = fresh.import_backup(key, &mut &bytes[..]);
        assert!(
            fresh.read().unwrap().scan(Table::Bodies).unwrap().is_empty(),
            "half a backup was taken"
        );
        result
    };
    assert!(matches!(
        try_in(&backup, &Secret::random()),
        Err(VaultError::BadBackup)
    ));
    for len in 0..backup.len() {
        assert!(
            matches!(try_in(&backup[..len], &key), Err(VaultError::BadBackup)),
            "cut at {len}"
        );
    }
    for at in 0..backup.len() {
        let mut changed = backup.clone();
        changed[at] ^= 0x40;
        assert!(
            matches!(try_in(&changed, &key), Err(VaultError::BadBackup)),
            "changed at {at}"
        );
    }
    let longer = [&backup[..], &[0]].concat();
    assert!(matches!(try_in(&longer, &key), Err(VaultError::BadBackup)));
}
