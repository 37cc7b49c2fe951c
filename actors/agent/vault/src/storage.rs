//! The file under the records, opened, checked and reopened.

use redb::{Database, StorageBackend, TableDefinition};
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Damage, VaultError};
use crate::files;
use crate::guard::{guard, guard_drop};
use crate::limits;

/// The one table: physical key to sealed record. The name tells nothing.
pub(crate) const RECORDS: TableDefinition<'static, &'static [u8], &'static [u8]> = TableDefinition::new("r");

/// Where the bytes lie. The seam at which tests make every write and sync fail in turn.
pub(crate) trait Disk: Send + Sync + Debug {
    /// A fresh backend over the same bytes.
    fn open(&self, create: bool) -> Result<Box<dyn StorageBackend>, VaultError>;
    /// How many bytes there are.
    fn len(&self) -> Result<u64, VaultError>;
}

#[derive(Debug)]
pub(crate) struct FileDisk(pub(crate) PathBuf);

impl Disk for FileDisk {
    fn open(&self, create: bool) -> Result<Box<dyn StorageBackend>, VaultError> {
        let file = match files::open_private(&self.0, create) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(VaultError::Damaged(Damage::Store));
            }
            Err(e) => return Err(e.into()),
        };
        Ok(Box::new(guard(|| redb::backends::FileBackend::new(file))?))
    }

    fn len(&self) -> Result<u64, VaultError> {
        Ok(std::fs::metadata(&self.0)?.len())
    }
}

/// Hands a boxed backend to the library, which wants a sized one.
#[derive(Debug)]
struct Boxed(Box<dyn StorageBackend>);

impl StorageBackend for Boxed {
    fn len(&self) -> std::io::Result<u64> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.0.read(offset, out)
    }
    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.0.set_len(len)
    }
    fn sync_data(&self) -> std::io::Result<()> {
        self.0.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.0.write(offset, data)
    }
    fn close(&self) -> std::io::Result<()> {
        self.0.close()
    }
    fn try_lock_range(
        &self,
        start: std::ops::Bound<u64>,
        end: std::ops::Bound<u64>,
    ) -> Result<bool, redb::BackendError> {
        self.0.try_lock_range(start, end)
    }
    fn try_lock_shared_range(
        &self,
        start: std::ops::Bound<u64>,
        end: std::ops::Bound<u64>,
    ) -> Result<bool, redb::BackendError> {
        self.0.try_lock_shared_range(start, end)
    }
    fn lock_range(
        &self,
        start: std::ops::Bound<u64>,
        end: std::ops::Bound<u64>,
    ) -> Result<(), redb::BackendError> {
        self.0.lock_range(start, end)
    }
    fn lock_shared_range(
        &self,
        start: std::ops::Bound<u64>,
        end: std::ops::Bound<u64>,
    ) -> Result<(), redb::BackendError> {
        self.0.lock_shared_range(start, end)
    }
    fn unlock_range(
        &self,
        start: std::ops::Bound<u64>,
        end: std::ops::Bound<u64>,
    ) -> Result<(), redb::BackendError> {
        self.0.unlock_range(start, end)
    }
    fn query_lock_range(
        &self,
        start: std::ops::Bound<u64>,
        end: std::ops::Bound<u64>,
    ) -> Result<bool, redb::BackendError> {
        self.0.query_lock_range(start, end)
    }
}

/// Opens the store. A store of reasonable size is walked in full, every checksum, so that a
/// flipped bit is found here and not as a record that seems never to have been there.
pub(crate) fn open(disk: &dyn Disk, create: bool) -> Result<Arc<Database>, VaultError> {
    if !create && disk.len()? == 0 {
        // The library would take an empty file for a new store.
        return Err(VaultError::Damaged(Damage::Store));
    }
    let backend = Boxed(disk.open(create)?);
    let mut builder = guard(|| Ok::<_, redb::Error>(redb::Builder::new()))?;
    builder.set_cache_size(limits::CACHE_BYTES);
    let mut db = guard(|| builder.create_with_backend(backend))?;
    if create {
        guard(|| make_table(&db))?;
    } else if disk.len()? <= limits::CHECK_ON_OPEN_BYTES {
        let checked = guard(|| db.check_integrity());
        match checked {
            Ok(true) => {}
            Ok(false) => {
                guard_drop(db);
                return Err(VaultError::Damaged(Damage::Store));
            }
            Err(error) => {
                guard_drop(db);
                return Err(error);
            }
        }
    }
    Ok(Arc::new(db))
}

fn make_table(db: &Database) -> Result<(), redb::Error> {
    let tx = db.begin_write()?;
    tx.open_table(RECORDS)?;
    tx.commit()?;
    Ok(())
}
