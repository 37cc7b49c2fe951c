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
use crate::guard::guard_drop;
use crate::head::Head;
use crate::key_slots::master_from;
use crate::keyring::RING;
use crate::keys::Keys;
use crate::own_head::OLD_COPY;
use crate::records::Records;
use crate::ring_file::RingFile;
use crate::slots::{KeyFile, PassphraseCost, Slot, Unlock};
use crate::storage::{self, Disk, FileDisk};
use crate::table::Table;
use crate::wanted::Waiting;

pub(crate) const COUNTER: &[u8] = b"counter";

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

    pub(crate) fn head(&self) -> PathBuf {
        self.folder.join("vault.head")
    }
    fn store(&self) -> PathBuf {
        self.folder.join("vault.redb")
    }
    fn ring(&self) -> PathBuf {
        self.folder.join("vault.ring")
    }
    pub(crate) fn wanted(&self) -> PathBuf {
        self.folder.join("vault.wanted")
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
pub struct Vault(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) paths: VaultPaths,
    pub(crate) disk: Box<dyn Disk>,
    pub(crate) head: Mutex<Head>,
    pub(crate) vault: Digest,
    pub(crate) keys: RwLock<Option<Arc<Keys>>>,
    pub(crate) ring: Arc<RingFile>,
    pub(crate) counter: CounterFile,
    /// `None` after a failed write: the store is reopened, and thereby repaired, at the next use.
    pub(crate) db: Mutex<Option<Arc<Database>>>,
    pub(crate) damage: Mutex<Option<Damage>>,
    pub(crate) old_copy: AtomicBool,
    pub(crate) turn: Mutex<()>,
    pub(crate) writer: Mutex<Option<ThreadId>>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
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
        let db = open_waiting(paths, &*disk, options.wait)?;
        let vault = Self::assemble(paths, disk, head, Some(keys.clone()), db);
        vault.settle(&keys)?;
        if vault.is_old_copy() && !options.read_old_copy {
            return Err(VaultError::OldCopy);
        }
        Ok(vault)
    }

    /// Closes the store and keeps the keys, so that another program can have it. Nothing of this
    /// handle may be under way.
    pub fn let_go(&self) {
        self.close();
    }

    /// Opens the vault again with the keys that this handle has kept. What it knew of the store is
    /// not used: another program may have changed it.
    ///
    /// # Errors
    /// [`VaultError::Locked`] if this handle has forgotten the keys; else as [`Vault::open`].
    pub fn again(&self, options: OpenOptions) -> Result<Self, VaultError> {
        let keys = self.keys()?;
        let paths = &self.0.paths;
        let (head, mac) = Head::read(&paths.head())?;
        head.check(&mac, &keys)?;
        let disk = Box::new(FileDisk(paths.store()));
        let db = open_waiting(paths, &*disk, options.wait)?;
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
        let db = open_waiting(paths, &*disk, options.wait)?;
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

    pub(crate) fn close(&self) {
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

    pub(crate) fn note(&self, error: &VaultError) {
        match error {
            VaultError::Damaged(damage) => *held(&self.0.damage) = Some(*damage),
            VaultError::Io(_) | VaultError::DiskFull => self.close(),
            _ => {}
        }
    }
}

fn open_waiting(paths: &VaultPaths, disk: &dyn Disk, wait: Duration) -> Result<Arc<Database>, VaultError> {
    const AGAIN: Duration = Duration::from_millis(20);
    let until = Instant::now() + wait;
    let mut waiting = None;
    loop {
        match storage::open(disk, false) {
            // The operating system offers no wait with an end for a file lock.
            Err(VaultError::InUse) if Instant::now() < until => {
                waiting.get_or_insert_with(|| Waiting::begin(paths));
                std::thread::sleep(AGAIN);
            }
            other => return other,
        }
    }
}
