//! Bytes that changed on the disk, and copies put back.
#![allow(clippy::unwrap_used)]

use crate::common;

use common::{Home, PASS};
use telesphor_vault::{OpenOptions, Records, Table, Unlock, Vault, VaultError};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::DocumentId;

const RECORDS: u64 = 120;

fn filled(home: &Home) {
    let vault = home.create();
    for n in 1..=3u8 {
        vault
            .write(|tx| {
                for i in 0..RECORDS / 3 {
                    tx.push(Table::Documents, b"all", &[n; 200])?;
                    tx.put(Table::Contacts, &[n, u8::try_from(i).unwrap()], b"somebody")?;
                }
                tx.put_document_key(&DocumentId([n; 32]), &Secret::new([n; 32]))?;
                tx.put_body(&DocumentId([n; 32]), &[n; 3000])
            })
            .unwrap();
    }
}

/// Everything is there, or a typed error says that it is not.
fn whole(home: &Home) -> Result<(), VaultError> {
    let vault = home.open(PASS)?;
    vault.verify()?;
    let snapshot = vault.read()?;
    let entries = snapshot.range(Table::Documents, b"all", 0, 1000)?.len() as u64;
    let contacts = snapshot.scan(Table::Contacts)?.len() as u64;
    let mut bodies = 0;
    for n in 1..=3u8 {
        bodies += u64::from(snapshot.body(&DocumentId([n; 32]))?.is_some());
    }
    assert_eq!(
        (entries, contacts, bodies),
        (RECORDS, RECORDS, 3),
        "something was lost without a word"
    );
    vault.write(|tx| tx.put(Table::Scratch, b"x", b"y"))
}

fn every_damage(name: &str, spoil: impl Fn(&[u8]) -> Vec<Vec<u8>>) -> (usize, usize) {
    let home = Home::new();
    filled(&home);
    let good: Vec<_> = common::contents(home.folder());
    let path = home.folder().join(name);
    let original = std::fs::read(&path).unwrap();
    let (mut found, mut harmless) = (0, 0);
    for spoilt in spoil(&original) {
        for (file, bytes) in &good {
            std::fs::write(home.folder().join(file), bytes).unwrap();
        }
        std::fs::write(&path, spoilt).unwrap();
        match whole(&home) {
            Ok(()) => harmless += 1,
            Err(error) => {
                let code = error.code();
                assert!(
                    matches!(
                        code,
                        ErrorCode::VaultDamaged | ErrorCode::OldVault | ErrorCode::WrongPassphrase
                    ),
                    "{name}: {error:?}"
                );
                found += 1;
            }
        }
    }
    (found, harmless)
}

fn flips(bytes: &[u8], step: usize) -> Vec<Vec<u8>> {
    (0..bytes.len()).step_by(step).map(|at| flip(bytes, at)).collect()
}

fn flip(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut spoilt = bytes.to_vec();
    spoilt[at] ^= 1 << (at % 8);
    spoilt
}

#[test]
fn a_flipped_bit_anywhere_in_the_store_is_found_or_harmless_and_never_a_panic() {
    let (found, harmless) = every_damage("vault.redb", |bytes| {
        let head = (0..640).step_by(3);
        let used: Vec<usize> = (640..bytes.len()).filter(|at| bytes[*at] != 0).collect();
        let sample = used.iter().copied().step_by(used.len() / 200 + 1);
        head.chain(sample).map(|at| flip(bytes, at)).collect()
    });
    assert!(
        found > 50 && harmless < found * 20,
        "the flips must hit something: {found}"
    );
}

#[test]
fn a_flipped_bit_in_the_header_is_always_found() {
    let (_, harmless) = every_damage("vault.head", |bytes| flips(bytes, 1));
    assert_eq!(harmless, 0);
}

#[test]
fn a_damaged_keyring_file_is_found_or_harmless() {
    let (found, _) = every_damage("vault.ring", |bytes| flips(bytes, 3));
    assert!(found > 20);
}

#[test]
fn a_damaged_counter_costs_nothing_but_itself() {
    let (found, _) = every_damage("vault.count", |bytes| flips(bytes, 7));
    assert_eq!(found, 0);
}

#[test]
fn a_file_cut_short_anywhere_is_said_to_be_damaged() {
    for name in ["vault.redb", "vault.head", "vault.ring"] {
        let (_, harmless) = every_damage(name, |bytes| {
            let step = bytes.len() / 60 + 1;
            (0..bytes.len())
                .step_by(step)
                .map(|len| bytes[..len].to_vec())
                .collect()
        });
        assert_eq!(harmless, 0, "{name}");
    }
}

#[test]
fn a_store_put_back_from_an_older_copy_is_refused_but_can_be_read() {
    let home = Home::new();
    filled(&home);
    let store = home.folder().join("vault.redb");
    let old = std::fs::read(&store).unwrap();
    let vault = home.open(PASS).unwrap();
    vault
        .write(|tx| tx.put(Table::Mls, b"group", b"sent once more"))
        .unwrap();
    drop(vault);
    std::fs::write(&store, old).unwrap();
    let error = home.open(PASS).unwrap_err();
    assert_eq!(error.code().to_string(), "T-6004");
    let options = OpenOptions {
        read_old_copy: true,
        ..OpenOptions::default()
    };
    let vault = Vault::open(&home.paths, Unlock::Passphrase(PASS), options).unwrap();
    assert!(vault.is_old_copy());
    assert!(
        vault
            .read()
            .unwrap()
            .body(&DocumentId([1; 32]))
            .unwrap()
            .is_some()
    );
    let refused: Result<(), VaultError> = vault.write(|tx| tx.put(Table::Mls, b"group", b"sent"));
    assert!(matches!(refused, Err(VaultError::OldCopy)));
}

#[test]
fn a_whole_folder_put_back_is_found_by_what_the_relay_has() {
    let home = Home::new();
    filled(&home);
    let vault = home.open(PASS).unwrap();
    vault.write(|tx| tx.set_own_head(b"mailbox", 7)).unwrap();
    vault.compare_own_head(b"mailbox", 7).unwrap();
    vault.compare_own_head(b"mailbox", 3).unwrap();
    vault.compare_own_head(b"never used", 0).unwrap();
    drop(vault);
    let old = common::contents(home.folder());
    let vault = home.open(PASS).unwrap();
    vault.write(|tx| tx.set_own_head(b"mailbox", 9)).unwrap();
    drop(vault);
    for (file, bytes) in old {
        std::fs::write(home.folder().join(file), bytes).unwrap();
    }
    let vault = home.open(PASS).unwrap();
    assert!(matches!(
        vault.compare_own_head(b"mailbox", 9),
        Err(VaultError::OldCopy)
    ));
    let refused: Result<(), VaultError> = vault.write(|_| Ok(()));
    assert!(matches!(refused, Err(VaultError::OldCopy)));
    drop(vault);
    assert!(
        matches!(home.open(PASS), Err(VaultError::OldCopy)),
        "forgotten at the restart"
    );
}

#[test]
fn a_record_moved_to_another_name_does_not_open() {
    // Through the library's own door: two vaults, one file swapped for the other's.
    let one = Home::new();
    filled(&one);
    let two = Home::new();
    drop(two.create());
    let store = "vault.redb";
    std::fs::copy(one.folder().join(store), two.folder().join(store)).unwrap();
    assert_eq!(two.open(PASS).unwrap_err().code(), ErrorCode::VaultDamaged);
}
