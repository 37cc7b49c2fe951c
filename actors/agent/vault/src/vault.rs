//! The vault itself: made, opened, locked, written.

use redb::Database;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::ThreadId;
use std::time::{Duration, Instant};
use telesphor_wire::hash::{Digest, Secret};

use crate::counter::CounterFile;
use crate::error::{Damage, VaultError};
use crate::guard::{guard, guard_drop};
use crate::head::Head;
use crate::keyring::RING;
use crate::keys::Keys;
use crate::own_head::OLD_COPY;
use crate::records::Records;
use crate::ring_file::RingFile;
use crate::slots::{KeyFile, PassphraseCost, Slot, SlotInfo, SlotKind, Unlock};
use crate::snapshot::Snapshot;
use crate::storage::{self, Disk, FileDisk, RECORDS};
use crate::table::Table;
use crate::tx::Tx;

const COUNTER: &[u8] = b"counter";

/// Where the files of a vault stand.
#[derive(Clone, Debug)]
pub struct VaultPaths {
    /// The folder; it exists, and only its owner should be able to look into it.
    pub folder: PathBuf,
    /// The counter that finds an old copy. Best outside `folder`, so that a backup program
    /// which puts the folder back does not put it back as well.
    pub counter: PathBuf,
}

impl VaultPaths {
    /// Everything in one folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            counter: folder.join("vault.count"),
        }
    }

    /// The inner half of a session.
    pub fn session(&self) -> PathBuf {
        self.folder.join("vault.session")
    }

    fn head(&self) -> PathBuf {
        self.folder.join("vault.head")
    }
    fn store(&self) -> PathBuf {
        self.folder.join("vault.redb")
    }
    fn ring(&self) -> PathBuf {
        self.folder.join("vault.ring")
    }

    /// Whether there is a vault.
    pub fn exists(&self) -> bool {
        self.head().exists()
    }
}

/// How to open.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenOptions {
    /// How long to wait while another process has the vault open.
    pub wait: Duration,
    /// Open an old copy for reading instead of refusing it.
    pub read_old_copy: bool,
}

/// An open vault. Clones share it. All methods block on the disk: call them from a thread that may.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    paths: VaultPaths,
    disk: Box<dyn Disk>,
    head: Mutex<Head>,
    vault: Digest,
    keys: RwLock<Option<Arc<Keys>>>,
    ring: Arc<RingFile>,
    counter: CounterFile,
    /// `None` after a failed write: the store is reopened, and thereby repaired, at the next use.
    db: Mutex<Option<Arc<Database>>>,
    damage: Mutex<Option<Damage>>,
    old_copy: AtomicBool,
    turn: Mutex<()>,
    writer: Mutex<Option<ThreadId>>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Vault {
    /// Makes a vault with one passphrase slot and leaves it unlocked.
    ///
    /// # Errors
    /// [`VaultError::Exists`], or a fault of the disk; then there is still no vault.
    pub fn create(paths: &VaultPaths, passphrase: &str, cost: PassphraseCost) -> Result<Self, VaultError> {
        let disk = Box::new(FileDisk(paths.store()));
        Self::create_on(paths, disk, |vault, master| {
            Slot::passphrase(vault, 1, "passphrase", passphrase, cost, master)
        })
    }

    /// Makes a vault that a key file opens, and leaves it unlocked.
    ///
    /// # Errors
    /// As [`Vault::create`].
    pub fn create_with_key_file(paths: &VaultPaths, file: &KeyFile) -> Result<Self, VaultError> {
        let disk = Box::new(FileDisk(paths.store()));
        Self::create_on(paths, disk, |vault, master| {
            Slot::key_file(vault, 1, "key file", file, master)
        })
    }

    pub(crate) fn create_on(
        paths: &VaultPaths,
        disk: Box<dyn Disk>,
        slot: impl FnOnce(&Digest, &Secret) -> Result<Slot, VaultError>,
    ) -> Result<Self, VaultError> {
        if paths.exists() {
            return Err(VaultError::Exists);
        }
        // The header is written last and makes the vault; what stands here without one is what
        // an interrupted creation left.
        for leftover in [paths.store(), paths.ring(), paths.counter.clone()] {
            match std::fs::remove_file(&leftover) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e.into()),
                _ => {}
            }
        }
        let master = Secret::random();
        let mut head = Head::new();
        head.slots.push(slot(&head.vault, &master)?);
        let keys = Arc::new(Keys::new(master));
        let db = storage::open(&*disk, true)?;
        let vault = Self::assemble(paths, disk, head, Some(keys.clone()), db);
        vault.0.ring.write(&keys, 1, &Secret::random())?;
        vault.write(|tx| tx.put_value(Table::Meta, RING, &1u64))?;
        held(&vault.0.head).write(&paths.head(), &keys)?;
        Ok(vault)
    }

    /// Opens a vault. A wrong key changes nothing at all: the store is not touched before a
    /// slot has opened.
    ///
    /// # Errors
    /// [`VaultError::NoVault`], [`VaultError::WrongKey`], [`VaultError::Locked`] (no session),
    /// [`VaultError::InUse`], [`VaultError::OldCopy`], [`VaultError::Damaged`], or a fault of the disk.
    pub fn open(paths: &VaultPaths, key: Unlock<'_>, options: OpenOptions) -> Result<Self, VaultError> {
        Self::open_on(paths, Box::new(FileDisk(paths.store())), key, options)
    }

    pub(crate) fn open_on(
        paths: &VaultPaths,
        disk: Box<dyn Disk>,
        key: Unlock<'_>,
        options: OpenOptions,
    ) -> Result<Self, VaultError> {
        let (head, mac) = Head::read(&paths.head())?;
        let keys = Arc::new(Keys::new(master_from(paths, &head, key)?));
        head.check(&mac, &keys)?;
        let db = open_waiting(&*disk, options.wait)?;
        let vault = Self::assemble(paths, disk, head, Some(keys.clone()), db);
        vault.settle(&keys)?;
        if vault.is_old_copy() && !options.read_old_copy {
            return Err(VaultError::OldCopy);
        }
        Ok(vault)
    }

    /// Opens a vault without any key: it can receive ([`Vault::receive_locked`]) and be unlocked.
    ///
    /// # Errors
    /// As [`Vault::open`], without those about keys.
    pub fn open_locked(paths: &VaultPaths, options: OpenOptions) -> Result<Self, VaultError> {
        let (head, _) = Head::read(&paths.head())?;
        let disk: Box<dyn Disk> = Box::new(FileDisk(paths.store()));
        let db = open_waiting(&*disk, options.wait)?;
        Ok(Self::assemble(paths, disk, head, None, db))
    }

    fn assemble(
        paths: &VaultPaths,
        disk: Box<dyn Disk>,
        head: Head,
        keys: Option<Arc<Keys>>,
        db: Arc<Database>,
    ) -> Self {
        Self(Arc::new(Inner {
            paths: paths.clone(),
            disk,
            vault: head.vault,
            head: Mutex::new(head),
            keys: RwLock::new(keys),
            ring: Arc::new(RingFile::new(paths.ring())),
            counter: CounterFile::new(paths.counter.clone()),
            db: Mutex::new(Some(db)),
            damage: Mutex::new(None),
            old_copy: AtomicBool::new(false),
            turn: Mutex::new(()),
            writer: Mutex::new(None),
        }))
    }

    /// What opening with a key does once: finish an interrupted erasure, look for an old copy.
    fn settle(&self, keys: &Keys) -> Result<(), VaultError> {
        let snapshot = self.read()?;
        let generation: u64 = snapshot
            .get_value(Table::Meta, RING)?
            .ok_or(VaultError::Damaged(Damage::Keyring))?;
        let counter: u64 = snapshot.get_value(Table::Meta, COUNTER)?.unwrap_or(0);
        let marked = snapshot.contains(Table::Meta, OLD_COPY)?;
        drop(snapshot);
        if marked || self.0.counter.read(&self.0.vault, keys)? > counter {
            self.set_old_copy();
            return Ok(());
        }
        // An older copy of the store would name an older generation; only a current one may wipe.
        self.0
            .ring
            .read(keys, generation)?
            .ok_or(VaultError::Damaged(Damage::Keyring))?;
        self.0.ring.wipe_other(generation)
    }

    /// Forgets the keys at once. What is being read or written at this moment ends first.
    pub fn lock(&self) {
        *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether the keys are gone.
    pub fn is_locked(&self) -> bool {
        self.0
            .keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .is_none()
    }

    /// Takes the keys in again.
    ///
    /// # Errors
    /// [`VaultError::WrongKey`] or [`VaultError::Locked`]; the vault stays as it was.
    pub fn unlock(&self, key: Unlock<'_>) -> Result<(), VaultError> {
        let (head, mac) = Head::read(&self.0.paths.head())?;
        let keys = Arc::new(Keys::new(master_from(&self.0.paths, &head, key)?));
        head.check(&mac, &keys)?;
        *held(&self.0.head) = head;
        *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(keys.clone());
        let settled = self.settle(&keys);
        if settled.is_err() {
            self.lock();
        }
        settled
    }

    /// Writes a session: until `not_after_ms` (milliseconds since 1970) the vault opens with
    /// [`Unlock::Session`] and the file at `outer`, which belongs into a folder that only this
    /// user sees and that does not outlive the log-in.
    ///
    /// # Errors
    /// [`VaultError::Locked`] or a fault of the disk.
    pub fn begin_session(&self, outer: &Path, not_after_ms: u64) -> Result<(), VaultError> {
        let keys = self.keys()?;
        crate::session::begin(
            &self.0.vault,
            &keys.master,
            &self.0.paths.session(),
            outer,
            not_after_ms,
        )
    }

    /// The key slots.
    pub fn slots(&self) -> Vec<SlotInfo> {
        held(&self.0.head).slots.iter().map(Slot::info).collect()
    }

    /// Adds a passphrase; gives the slot's number.
    ///
    /// # Errors
    /// [`VaultError::Locked`], [`VaultError::NoSlot`], or a fault of the disk.
    pub fn add_passphrase(
        &self,
        label: &str,
        passphrase: &str,
        cost: PassphraseCost,
    ) -> Result<u16, VaultError> {
        self.change_head(|head, master| {
            let number = head.free_number()?;
            head.slots.push(Slot::passphrase(
                &head.vault,
                number,
                label,
                passphrase,
                cost,
                master,
            )?);
            Ok(number)
        })
    }

    /// Adds a key file; gives the slot's number.
    ///
    /// # Errors
    /// As [`Vault::add_passphrase`].
    pub fn add_key_file(&self, label: &str, file: &KeyFile) -> Result<u16, VaultError> {
        self.change_head(|head, master| {
            let number = head.free_number()?;
            head.slots
                .push(Slot::key_file(&head.vault, number, label, file, master)?);
            Ok(number)
        })
    }

    /// Removes a slot. Whoever copied the header before *and* knows that slot's key still has
    /// the master key; what must be safe from him is a new vault.
    ///
    /// # Errors
    /// [`VaultError::LastSlot`], [`VaultError::NoSlot`], [`VaultError::Locked`], or a fault of the disk.
    pub fn remove_slot(&self, number: u16) -> Result<(), VaultError> {
        self.change_head(|head, _| {
            if !head.slots.iter().any(|s| s.number == number) {
                return Err(VaultError::NoSlot);
            }
            if head.slots.len() == 1 {
                return Err(VaultError::LastSlot);
            }
            head.slots.retain(|s| s.number != number);
            Ok(())
        })
    }

    /// Replaces the passphrase that `old` opens; the file holds either the old or the new one.
    ///
    /// # Errors
    /// [`VaultError::WrongKey`] if `old` opens no passphrase slot; else as [`Vault::add_passphrase`].
    pub fn change_passphrase(&self, old: &str, new: &str, cost: PassphraseCost) -> Result<(), VaultError> {
        self.change_head(|head, master| {
            let vault = head.vault;
            let slot = head
                .slots
                .iter_mut()
                .filter(|s| s.is(SlotKind::Passphrase))
                .find(|s| s.open_passphrase(&vault, old).is_ok())
                .ok_or(VaultError::WrongKey)?;
            let info = slot.info();
            *slot = Slot::passphrase(&vault, info.number, &info.label, new, cost, master)?;
            Ok(())
        })
    }

    fn change_head<T>(
        &self,
        change: impl FnOnce(&mut Head, &Secret) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        let keys = self.keys()?;
        let mut head = held(&self.0.head);
        let mut fresh = head.clone();
        let result = change(&mut fresh, &keys.master)?;
        fresh.write(&self.0.paths.head(), &keys)?;
        *head = fresh;
        Ok(result)
    }

    /// The vault at this instant.
    ///
    /// # Errors
    /// [`VaultError::Locked`], [`VaultError::Damaged`], or a fault of the disk.
    pub fn read(&self) -> Result<Snapshot, VaultError> {
        let keys = self.keys()?;
        self.noting(Snapshot::new(self.db()?, keys, self.0.ring.clone()))
    }

    /// Runs `write` in one transaction over all tables. When this returns `Ok` everything is on
    /// the disk; when it returns an error nothing is, with one exception: after
    /// [`VaultError::Io`] or [`VaultError::DiskFull`] out of the last sync itself it is whole or
    /// not there at all, and reading tells which. Group what belongs together, and what can wait
    /// for each other, into one call: each costs one sync.
    ///
    /// # Errors
    /// What the closure returns; [`VaultError::Locked`], [`VaultError::OldCopy`],
    /// [`VaultError::Damaged`], [`VaultError::Nested`] (a write inside a write), or a fault of the disk.
    pub fn write<T, E: From<VaultError>>(&self, write: impl FnOnce(&Tx<'_>) -> Result<T, E>) -> Result<T, E> {
        let keys = self.keys()?;
        let _turn = self.take_turn()?;
        self.refuse_if_unfit()?;
        let db = self.db()?;
        let result = self.write_with(&db, &keys, write);
        if let Err(Failure::Store(error)) = &result {
            self.note(error);
        }
        guard_drop(db);
        result.map_err(|failure| match failure {
            Failure::Store(error) => E::from(error),
            Failure::Caller(error) => error,
        })
    }

    fn write_with<T, E>(
        &self,
        db: &Database,
        keys: &Arc<Keys>,
        write: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, Failure<E>> {
        let redb_tx = guard(|| db.begin_write())?;
        let Ran {
            result,
            failed,
            rolled,
        } = match self.run(&redb_tx, keys, write) {
            Ok(ran) => ran,
            Err(error) => {
                guard_drop(redb_tx);
                return Err(error.into());
            }
        };
        if failed {
            // Whatever the closure made of it, the store did not do what it was told.
            guard_drop(redb_tx);
            return Err(match result {
                Err(Failure::Store(error)) => Failure::Store(error),
                Err(Failure::Caller(error)) => {
                    self.close();
                    Failure::Caller(error)
                }
                Ok(_) => Failure::Store(VaultError::Io(std::io::ErrorKind::Other)),
            });
        }
        let (value, counter) = match result {
            Ok(done) => done,
            Err(failure) => {
                guard(|| redb_tx.abort())?;
                return Err(failure);
            }
        };
        guard(|| redb_tx.commit())?;
        // Here the promise is kept: a crash before this line leaves the old state, after it the
        // new one. What follows only tidies up and is repeated at the next opening.
        self.0.counter.write(&self.0.vault, keys, counter);
        if let Some(generation) = rolled {
            self.0.ring.wipe_other(generation)?;
        }
        Ok(value)
    }

    fn run<T, E>(
        &self,
        redb_tx: &redb::WriteTransaction,
        keys: &Arc<Keys>,
        write: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<Ran<T, E>, VaultError> {
        let table = guard(|| redb_tx.open_table(RECORDS))?;
        let tx = Tx::new(table, keys.clone(), self.0.ring.clone());
        let result = match write(&tx) {
            Ok(value) => raise(&tx).map(|counter| (value, counter)).map_err(Failure::Store),
            Err(error) => Err(Failure::Caller(error)),
        };
        let failed = tx.failed();
        let rolled = tx.rolled.borrow().as_ref().map(|(generation, _)| *generation);
        guard_drop(tx);
        Ok(Ran {
            result,
            failed,
            rolled,
        })
    }

    /// Walks the whole store and opens every record. For `check`, and for stores too large to
    /// be walked at each opening. Gives the number of records.
    ///
    /// # Errors
    /// [`VaultError::Damaged`]; [`VaultError::Locked`].
    pub fn verify(&self) -> Result<u64, VaultError> {
        let snapshot = self.read()?;
        let count = crate::backup::walk(&snapshot, |_, _, _| Ok(()));
        self.noting(count)
    }

    /// Where this vault's files stand.
    pub fn paths(&self) -> &VaultPaths {
        &self.0.paths
    }

    /// Whether this vault is an older copy of itself and therefore only read.
    pub fn is_old_copy(&self) -> bool {
        self.0.old_copy.load(Ordering::Acquire)
    }

    pub(crate) fn set_old_copy(&self) {
        self.0.old_copy.store(true, Ordering::Release);
    }

    pub(crate) fn keys(&self) -> Result<Arc<Keys>, VaultError> {
        let keys = self.0.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.clone().ok_or(VaultError::Locked)
    }

    pub(crate) fn db(&self) -> Result<Arc<Database>, VaultError> {
        let mut db = held(&self.0.db);
        match &*db {
            Some(open) => Ok(open.clone()),
            None => {
                let open = storage::open(&*self.0.disk, false)?;
                *db = Some(open.clone());
                Ok(open)
            }
        }
    }

    fn close(&self) {
        if let Some(db) = held(&self.0.db).take() {
            guard_drop(db);
        }
    }

    pub(crate) fn refuse_if_unfit(&self) -> Result<(), VaultError> {
        if let Some(damage) = *held(&self.0.damage) {
            return Err(VaultError::Damaged(damage));
        }
        if self.is_old_copy() {
            Err(VaultError::OldCopy)
        } else {
            Ok(())
        }
    }

    pub(crate) fn noting<T>(&self, result: Result<T, VaultError>) -> Result<T, VaultError> {
        if let Err(error) = &result {
            self.note(error);
        }
        result
    }

    fn note(&self, error: &VaultError) {
        match error {
            VaultError::Damaged(damage) => *held(&self.0.damage) = Some(*damage),
            VaultError::Io(_) | VaultError::DiskFull => self.close(),
            _ => {}
        }
    }

    pub(crate) fn take_turn(&self) -> Result<Turn<'_>, VaultError> {
        let me = std::thread::current().id();
        if *held(&self.0.writer) == Some(me) {
            return Err(VaultError::Nested);
        }
        let turn = held(&self.0.turn);
        *held(&self.0.writer) = Some(me);
        Ok(Turn {
            vault: self,
            _turn: turn,
        })
    }
}

/// The right to write, given back however the write ends.
pub(crate) struct Turn<'v> {
    vault: &'v Vault,
    _turn: MutexGuard<'v, ()>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *held(&self.vault.0.writer) = None;
    }
}

/// What a closure did before anything was committed.
struct Ran<T, E> {
    /// Its value and the raised counter.
    result: Result<(T, u64), Failure<E>>,
    /// Whether the store itself failed meanwhile.
    failed: bool,
    /// The keyring generation it made.
    rolled: Option<u64>,
}

enum Failure<E> {
    Store(VaultError),
    Caller(E),
}

impl<E> From<VaultError> for Failure<E> {
    fn from(error: VaultError) -> Self {
        Self::Store(error)
    }
}

fn raise(tx: &Tx<'_>) -> Result<u64, VaultError> {
    let counter = tx
        .get_value::<u64>(Table::Meta, COUNTER)?
        .unwrap_or(0)
        .saturating_add(1);
    tx.put_value(Table::Meta, COUNTER, &counter)?;
    Ok(counter)
}

fn master_from(paths: &VaultPaths, head: &Head, key: Unlock<'_>) -> Result<Secret, VaultError> {
    let of_kind = |kind| head.slots.iter().filter(move |s| s.is(kind));
    match key {
        Unlock::Passphrase(passphrase) => {
            first_open(of_kind(SlotKind::Passphrase).map(|s| s.open_passphrase(&head.vault, passphrase)))
        }
        Unlock::KeyFile(file) => {
            first_open(of_kind(SlotKind::KeyFile).map(|s| s.open_key_file(&head.vault, file)))
        }
        Unlock::Session(outer, now_ms) => {
            crate::session::resume(&head.vault, &paths.session(), outer, now_ms)
        }
    }
}

fn first_open(attempts: impl Iterator<Item = Result<Secret, VaultError>>) -> Result<Secret, VaultError> {
    let mut last = VaultError::WrongKey;
    for attempt in attempts {
        match attempt {
            Ok(master) => return Ok(master),
            Err(VaultError::WrongKey) => {}
            Err(other) => last = other,
        }
    }
    Err(last)
}

fn open_waiting(disk: &dyn Disk, wait: Duration) -> Result<Arc<Database>, VaultError> {
    const AGAIN: Duration = Duration::from_millis(20);
    let until = Instant::now() + wait;
    loop {
        match storage::open(disk, false) {
            // The operating system offers no wait with an end for a file lock.
            Err(VaultError::InUse) if Instant::now() < until => std::thread::sleep(AGAIN),
            other => return other,
        }
    }
}
