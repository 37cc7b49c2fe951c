//! Reading at an instant, and the one way to change anything.

use redb::Database;
use std::sync::{Arc, MutexGuard};

use crate::error::VaultError;
use crate::guard::{guard, guard_drop};
use crate::keys::Keys;
use crate::records::Records;
use crate::snapshot::Snapshot;
use crate::storage::RECORDS;
use crate::table::Table;
use crate::tx::Tx;
use crate::vault::{COUNTER, Vault, held};

impl Vault {
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
    /// for each other, into one call: each that changes something costs one sync. One that only
    /// looked costs none.
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
        let Some(counter) = counter else {
            guard(|| redb_tx.abort())?;
            return Ok(value);
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
            Ok(value) if !tx.changed() => Ok((value, None)),
            Ok(value) => raise(&tx)
                .map(|counter| (value, Some(counter)))
                .map_err(Failure::Store),
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
    /// Its value and the raised counter, if it changed anything.
    result: Result<(T, Option<u64>), Failure<E>>,
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
