//! What a user of the vault relies on.
#![allow(clippy::unwrap_used)]

use crate::common;

use common::{Home, PASS, contents};
use std::time::Duration;
use telesphor_vault::{
    KeyFile, OpenOptions, PassphraseCost, Records, SlotKind, Table, Unlock, Vault, VaultError, end_session,
    session_lasts,
};
use telesphor_wire::error::ErrorCode;

#[test]
fn no_name_and_no_value_can_be_read_from_the_files() {
    let home = Home::new();
    let vault = home.create();
    let planted: &[&[u8]] = &[
        b"Aino Korhonen",
        b"lithium 300 mg",
        b"mailbox-of-the-gp",
        b"teldoc1planted",
    ];
    vault
        .write(|tx| {
            tx.put(Table::Contacts, planted[0], planted[1])?;
            tx.push(Table::Outbox, planted[2], planted[1])?;
            tx.put(Table::Documents, planted[3], planted[0])
        })
        .unwrap();
    drop(vault);
    for (file, bytes) in contents(home.folder()) {
        for word in planted {
            assert!(
                !bytes.windows(word.len()).any(|w| w == *word),
                "{file} shows {}",
                String::from_utf8_lossy(word)
            );
        }
    }
    let vault = home.open(PASS).unwrap();
    let snapshot = vault.read().unwrap();
    assert_eq!(
        snapshot
            .get(Table::Contacts, planted[0])
            .unwrap()
            .unwrap()
            .as_slice(),
        planted[1]
    );
    assert_eq!(snapshot.scan(Table::Documents).unwrap().len(), 1);
}

#[test]
fn a_wrong_passphrase_changes_not_one_byte() {
    let home = Home::new();
    drop(home.create());
    let before = contents(home.folder());
    let error = home.open("not the passphrase").unwrap_err();
    assert_eq!(error.code(), ErrorCode::WrongPassphrase);
    assert_eq!(error.code().to_string(), "T-6002");
    assert_eq!(contents(home.folder()), before);
}

#[test]
fn a_changed_passphrase_opens_and_the_old_one_no_longer() {
    let home = Home::new();
    let vault = home.create();
    vault.write(|tx| tx.put(Table::Settings, b"a", b"b")).unwrap();
    assert!(matches!(
        vault.change_passphrase("wrong", "new", PassphraseCost::least()),
        Err(VaultError::WrongKey)
    ));
    vault
        .change_passphrase(PASS, "new one", PassphraseCost::least())
        .unwrap();
    drop(vault);
    assert!(matches!(home.open(PASS), Err(VaultError::WrongKey)));
    let vault = home.open("new one").unwrap();
    assert!(vault.read().unwrap().contains(Table::Settings, b"a").unwrap());
}

#[test]
fn slots_can_be_added_and_removed_but_never_the_last() {
    let home = Home::new();
    let vault = home.create();
    let file = KeyFile::generate();
    let number = vault.add_key_file("usb stick", &file).unwrap();
    let second = vault
        .add_passphrase("of the ward", "second", PassphraseCost::least())
        .unwrap();
    assert_eq!(vault.slots().len(), 3);
    assert_eq!(vault.slots()[1].kind, Some(SlotKind::KeyFile));
    drop(vault);

    let read = KeyFile::from_text(&file.to_text()).unwrap();
    let vault = Vault::open(&home.paths, Unlock::KeyFile(&read), OpenOptions::default()).unwrap();
    vault.remove_slot(1).unwrap();
    vault.remove_slot(second).unwrap();
    assert!(matches!(vault.remove_slot(number), Err(VaultError::LastSlot)));
    assert!(matches!(vault.remove_slot(77), Err(VaultError::NoSlot)));
    drop(vault);
    assert!(matches!(home.open(PASS), Err(VaultError::WrongKey)));
    assert!(matches!(home.open("second"), Err(VaultError::WrongKey)));
    assert!(Vault::open(&home.paths, Unlock::KeyFile(&file), OpenOptions::default()).is_ok());
    let mistyped = file.to_text().replace('q', "p");
    assert!(mistyped == *file.to_text() || KeyFile::from_text(&mistyped).is_err());
}

#[test]
fn a_session_opens_without_asking_until_it_ends() {
    let home = Home::new();
    let vault = home.create();
    let outer = home.elsewhere("session");
    vault.begin_session(&outer, 10_000).unwrap();
    drop(vault);
    let open = |now| Vault::open(&home.paths, Unlock::Session(&outer, now), OpenOptions::default());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |p: &std::path::Path| std::fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&outer), mode(&home.paths.session())), (0o600, 0o600));
    }
    drop(open(9_999).unwrap());
    assert!(
        matches!(open(10_000), Err(VaultError::Locked)),
        "a session outlived its end"
    );
    let lasts = |now| session_lasts(&home.paths.session(), &outer, now);
    assert!(lasts(9_999) && !lasts(10_000));
    let copy = std::fs::read(&outer).unwrap();
    end_session(&home.paths.session(), &outer).unwrap();
    assert!(!lasts(1), "whoever holds it open is not told that it was locked");
    assert!(matches!(open(1), Err(VaultError::Locked)));
    std::fs::write(&outer, copy).unwrap();
    assert!(
        matches!(open(1), Err(VaultError::Locked)),
        "a copied session file opened a locked vault"
    );
    end_session(&home.paths.session(), &outer).unwrap();
    end_session(&home.paths.session(), &outer).unwrap();
}

#[test]
fn whoever_has_a_vault_open_for_long_does_not_learn_that_somebody_waits() {
    let home = Home::new();
    let vault = home.create();
    assert!(!home.paths.is_wanted());
    let paths = home.paths.clone();
    let waiting = std::thread::spawn(move || {
        let options = OpenOptions {
            wait: Duration::from_secs(60),
            ..OpenOptions::default()
        };
        Vault::open(&paths, Unlock::Passphrase(PASS), options).map(drop)
    });
    while !home.paths.is_wanted() {
        assert!(!waiting.is_finished(), "it did not wait");
        std::thread::yield_now();
    }
    drop(vault);
    waiting.join().unwrap().unwrap();
    assert!(!home.paths.is_wanted(), "nobody waits any more");
}

#[test]
fn a_locked_vault_shows_nothing_and_still_receives_in_order() {
    let home = Home::new();
    let vault = home.create();
    let file = KeyFile::generate();
    vault.add_key_file("k", &file).unwrap();
    vault.lock();
    assert!(vault.is_locked());
    assert!(matches!(vault.read(), Err(VaultError::Locked)));
    let refused: Result<(), VaultError> = vault.write(|_| Ok(()));
    assert_eq!(refused.unwrap_err().code(), ErrorCode::VaultLocked);
    for n in 0..5u8 {
        assert_eq!(vault.receive_locked(&[n; 40]).unwrap(), u64::from(n) + 1);
    }
    drop(vault);
    let vault = Vault::open_locked(&home.paths, OpenOptions::default()).unwrap();
    assert_eq!(vault.receive_locked(&[5; 40]).unwrap(), 6);
    assert!(matches!(
        vault.unlock(Unlock::Passphrase("no")),
        Err(VaultError::WrongKey)
    ));
    assert!(vault.is_locked());
    let began = std::time::Instant::now();
    vault.unlock(Unlock::KeyFile(&file)).unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "a tap must unlock within a second"
    );
    let events: Vec<u8> = vault
        .write(|tx| Ok::<_, VaultError>(tx.drain_intake(100)?.iter().map(|e| e.1[0]).collect()))
        .unwrap();
    assert_eq!(events, [0, 1, 2, 3, 4, 5]);
    assert!(vault.write(|tx| tx.drain_intake(100)).unwrap().is_empty());
}

#[test]
fn a_vault_open_elsewhere_is_said_to_be_so_and_can_be_waited_for() {
    let home = Home::new();
    let vault = home.create();
    assert_eq!(home.open(PASS).unwrap_err().code(), ErrorCode::VaultInUse);
    let paths = home.paths.clone();
    let (waiting, started) = std::sync::mpsc::channel();
    let waiter = std::thread::spawn(move || {
        waiting.send(()).unwrap();
        let options = OpenOptions {
            wait: Duration::from_secs(20),
            ..OpenOptions::default()
        };
        Vault::open(&paths, Unlock::Passphrase(PASS), options).map(drop)
    });
    started.recv().unwrap();
    drop(vault);
    waiter.join().unwrap().unwrap();
}

#[test]
fn a_list_gives_no_position_twice_and_keeps_its_order() {
    let home = Home::new();
    let vault = home.create();
    vault
        .write(|tx| {
            for n in 1..=300u64 {
                assert_eq!(tx.push(Table::Outbox, b"a", &n.to_be_bytes())?, n);
                tx.push(Table::Outbox, b"b", b"other")?;
            }
            Ok::<_, VaultError>(())
        })
        .unwrap();
    vault
        .write(|tx| {
            assert!(tx.delete_at(Table::Outbox, b"a", 300)?);
            assert!(!tx.delete_at(Table::Outbox, b"a", 300)?);
            assert_eq!(tx.push(Table::Outbox, b"a", b"next")?, 301);
            tx.put_at(Table::Outbox, b"a", 1000, b"far")?;
            assert_eq!(tx.push(Table::Outbox, b"a", b"after")?, 1001);
            Ok::<_, VaultError>(())
        })
        .unwrap();
    let snapshot = vault.read().unwrap();
    let first: Vec<u64> = snapshot
        .range(Table::Outbox, b"a", 255, 3)
        .unwrap()
        .iter()
        .map(|e| e.0)
        .collect();
    assert_eq!(first, [255, 256, 257]);
    let last: Vec<u64> = snapshot
        .newest(Table::Outbox, b"a", 1001, 3)
        .unwrap()
        .iter()
        .map(|e| e.0)
        .collect();
    assert_eq!(last, [1000, 301, 299]);
    assert!(snapshot.range(Table::Outbox, b"c", 0, 10).unwrap().is_empty());
    assert_eq!(snapshot.range(Table::Outbox, b"b", 0, 1000).unwrap().len(), 300);
}

#[test]
fn a_snapshot_does_not_move_and_does_not_block() {
    let home = Home::new();
    let vault = home.create();
    vault.write(|tx| tx.put(Table::Cursors, b"m", b"1")).unwrap();
    let snapshot = vault.read().unwrap();
    vault.write(|tx| tx.put(Table::Cursors, b"m", b"2")).unwrap();
    assert_eq!(
        snapshot.get(Table::Cursors, b"m").unwrap().unwrap().as_slice(),
        b"1"
    );
    assert_eq!(
        vault
            .read()
            .unwrap()
            .get(Table::Cursors, b"m")
            .unwrap()
            .unwrap()
            .as_slice(),
        b"2"
    );
}

#[test]
fn a_write_inside_a_write_is_refused_instead_of_hanging() {
    let home = Home::new();
    let vault = home.create();
    let inner = vault.clone();
    let result: Result<(), VaultError> =
        vault.write(|_| inner.write(|tx| tx.put(Table::Scratch, b"x", b"y")));
    assert!(matches!(result, Err(VaultError::Nested)));
    vault.write(|tx| tx.put(Table::Scratch, b"x", b"y")).unwrap();
}

#[test]
fn a_panicking_closure_leaves_a_working_vault_and_no_trace() {
    let home = Home::new();
    let vault = home.create();
    let other = vault.clone();
    let thread = std::thread::spawn(move || {
        let _: Result<(), VaultError> = other.write(|tx| {
            tx.put(Table::Scratch, b"x", b"y")?;
            panic!("a fault in a caller");
        });
    });
    assert!(thread.join().is_err());
    vault.write(|tx| tx.put(Table::Scratch, b"z", b"y")).unwrap();
    assert!(!vault.read().unwrap().contains(Table::Scratch, b"x").unwrap());
}

#[test]
fn writers_in_many_threads_lose_nothing() {
    let home = Home::new();
    let vault = home.create();
    std::thread::scope(|scope| {
        for t in 0..4u8 {
            let vault = vault.clone();
            scope.spawn(move || {
                for n in 0..10u8 {
                    vault
                        .write(|tx| tx.push(Table::Scratch, b"all", &[t, n]))
                        .unwrap();
                }
            });
        }
    });
    assert_eq!(
        vault
            .read()
            .unwrap()
            .range(Table::Scratch, b"all", 0, 100)
            .unwrap()
            .len(),
        40
    );
}

#[test]
fn a_profile_cannot_be_made_over_another() {
    let home = Home::new();
    drop(home.create());
    let again = Vault::create(&home.paths, "x", PassphraseCost::least());
    assert_eq!(again.unwrap_err().code(), ErrorCode::ProfileExists);
    let nowhere = Home::new();
    assert_eq!(nowhere.open(PASS).unwrap_err().code(), ErrorCode::NoProfile);
}

#[test]
fn an_interrupted_creation_can_be_repeated() {
    let home = Home::new();
    drop(home.create());
    std::fs::remove_file(home.folder().join("vault.head")).unwrap();
    drop(home.create());
    home.open(PASS).unwrap();
}

#[test]
fn the_full_cost_of_a_passphrase_stays_below_a_second() {
    let home = Home::new();
    drop(Vault::create(&home.paths, PASS, PassphraseCost::default()).unwrap());
    let began = std::time::Instant::now();
    home.open(PASS).unwrap();
    // Generous: other tests run beside this one.
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[test]
fn a_look_that_changes_nothing_wears_the_disk() {
    let home = Home::new();
    let vault = home.create();
    vault.write(|tx| tx.put(Table::Settings, b"a", b"b")).unwrap();
    let before = contents(home.folder());
    for _ in 0..3 {
        let there: bool = vault
            .write(|tx| {
                Ok::<_, VaultError>(tx.contains(Table::Settings, b"a")? && !tx.delete(Table::Settings, b"c")?)
            })
            .unwrap();
        assert!(there);
    }
    assert_eq!(contents(home.folder()), before);
    vault.write(|tx| tx.put(Table::Settings, b"c", b"d")).unwrap();
    drop(vault);
    let vault = home.open(PASS).unwrap();
    assert!(vault.read().unwrap().contains(Table::Settings, b"c").unwrap());
}
