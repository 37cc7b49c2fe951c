//! Writing: one transaction over all tables.

use redb::Table as RedbTable;
use serde::Serialize;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use telesphor_wire::canonical;
use telesphor_wire::hash::Secret;

use crate::error::VaultError;
use crate::guard::guard;
use crate::keys::Keys;
use crate::records::raw::{Pair, Raw};
use crate::records::{Records, list_end_name};
use crate::ring_file::RingFile;
use crate::snapshot::{get_from, range_of};
use crate::table::Table;

/// One write transaction. It reads what it has written; nobody else sees any of it before
/// [`crate::Vault::write`] returns, and then it is durable, all of it or nothing.
///
/// All methods take `&self`, so that storage traits with shared references can stand on it.
pub struct Tx<'t> {
    table: RefCell<RedbTable<'t, &'static [u8], &'static [u8]>>,
    keys: Arc<Keys>,
    pub(crate) ring: Arc<RingFile>,
    /// The keyring key this transaction has made, if it erases: once per transaction, because
    /// its place in the ring file is the one that the generation before last left.
    pub(crate) rolled: RefCell<Option<(u64, Secret)>>,
    failed: Cell<bool>,
    changed: Cell<bool>,
}

impl<'t> Tx<'t> {
    pub(crate) fn new(
        table: RedbTable<'t, &'static [u8], &'static [u8]>,
        keys: Arc<Keys>,
        ring: Arc<RingFile>,
    ) -> Self {
        Self {
            table: RefCell::new(table),
            keys,
            ring,
            rolled: RefCell::new(None),
            failed: Cell::new(false),
            changed: Cell::new(false),
        }
    }

    /// Writes a named record over whatever was there.
    ///
    /// # Errors
    /// [`VaultError::TooLarge`], or a fault of the disk, after which the whole transaction is undone.
    pub fn put(&self, table: Table, name: &[u8], value: &[u8]) -> Result<(), VaultError> {
        let physical = self.keys.named(table, name);
        let sealed = self.keys.seal(&physical, name, value)?;
        self.raw_put(&physical, &sealed)
    }

    /// Writes a typed value in canonical form.
    ///
    /// # Errors
    /// As [`Tx::put`].
    pub fn put_value<T: Serialize + ?Sized>(
        &self,
        table: Table,
        name: &[u8],
        value: &T,
    ) -> Result<(), VaultError> {
        self.put(table, name, &zeroize::Zeroizing::new(canonical::encode(value)))
    }

    /// Removes a named record; whether there was one.
    ///
    /// # Errors
    /// As [`Tx::put`].
    pub fn delete(&self, table: Table, name: &[u8]) -> Result<bool, VaultError> {
        self.raw_delete(&self.keys.named(table, name))
    }

    /// Appends to a list and gives the position: 1 for the first, and never one that was given
    /// before, even if that entry is gone.
    ///
    /// # Errors
    /// As [`Tx::put`].
    pub fn push(&self, table: Table, list: &[u8], value: &[u8]) -> Result<u64, VaultError> {
        let position = self.next_position(table, list)?;
        self.put_at(table, list, position, value)?;
        Ok(position)
    }

    /// Writes an entry at a position of the caller's choice, such as a sequence number. `push`
    /// continues after the highest.
    ///
    /// # Errors
    /// As [`Tx::put`].
    pub fn put_at(&self, table: Table, list: &[u8], position: u64, value: &[u8]) -> Result<(), VaultError> {
        let physical = self.keys.listed(table, list, position);
        let sealed = self.keys.seal(&physical, list, value)?;
        self.raw_put(&physical, &sealed)?;
        if position >= self.next_position(table, list)? {
            self.put_value(
                Table::Meta,
                &list_end_name(table, list),
                &position.saturating_add(1),
            )?;
        }
        Ok(())
    }

    /// Removes an entry; whether there was one.
    ///
    /// # Errors
    /// As [`Tx::put`].
    pub fn delete_at(&self, table: Table, list: &[u8], position: u64) -> Result<bool, VaultError> {
        self.raw_delete(&self.keys.listed(table, list, position))
    }

    /// Notes the end of an own mailbox or stream, as confirmed by its relay. Never goes back.
    ///
    /// # Errors
    /// As [`Tx::put`].
    pub fn set_own_head(&self, name: &[u8], seq: u64) -> Result<(), VaultError> {
        match self.own_head(name)? {
            Some(known) if known >= seq => Ok(()),
            _ => self.put_value(Table::OwnHeads, name, &seq),
        }
    }

    pub(crate) fn raw_put(&self, physical: &[u8], sealed: &[u8]) -> Result<(), VaultError> {
        let mut table = self.table.borrow_mut();
        self.changed.set(true);
        self.noting(guard(|| {
            Ok::<_, redb::StorageError>(table.insert(physical, sealed)?.is_some())
        }))?;
        Ok(())
    }

    pub(crate) fn raw_delete(&self, physical: &[u8]) -> Result<bool, VaultError> {
        let mut table = self.table.borrow_mut();
        let was_there = self.noting(guard(|| {
            Ok::<_, redb::StorageError>(table.remove(physical)?.is_some())
        }))?;
        self.changed.set(self.changed.get() || was_there);
        Ok(was_there)
    }

    /// Whether a call into the store failed: then nothing may be committed, whatever the
    /// closure made of the error.
    pub(crate) fn failed(&self) -> bool {
        self.failed.get()
    }

    /// Whether there is anything to commit. A key made for erasing counts too: its record was put.
    pub(crate) fn changed(&self) -> bool {
        self.changed.get()
    }

    fn noting<T>(&self, result: Result<T, VaultError>) -> Result<T, VaultError> {
        if matches!(
            result,
            Err(VaultError::Io(_) | VaultError::DiskFull | VaultError::Damaged(_))
        ) {
            self.failed.set(true);
        }
        result
    }
}

impl std::fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tx")
    }
}

impl Raw for Tx<'_> {
    fn raw_get(&self, physical: &[u8]) -> Result<Option<Vec<u8>>, VaultError> {
        self.noting(get_from(&*self.table.borrow(), physical))
    }

    fn raw_range(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
        backwards: bool,
    ) -> Result<Vec<Pair>, VaultError> {
        self.noting(range_of(&*self.table.borrow(), from, to, limit, backwards))
    }

    fn keys(&self) -> &Keys {
        &self.keys
    }

    fn ring_key(&self, generation: u64) -> Result<Option<Secret>, VaultError> {
        if let Some((made, key)) = &*self.rolled.borrow()
            && *made == generation
        {
            return Ok(Some(key.clone()));
        }
        self.noting(self.ring.read(&self.keys, generation))
    }
}

impl Records for Tx<'_> {}
