//! Reading at one instant.

use redb::{Database, ReadOnlyTable, ReadTransaction, ReadableTable};
use std::sync::Arc;
use telesphor_wire::hash::Secret;

use crate::error::VaultError;
use crate::guard::guard;
use crate::keys::Keys;
use crate::records::Records;
use crate::records::raw::{Pair, Raw};
use crate::ring_file::RingFile;

/// The vault as it was when [`crate::Vault::read`] was called. Later writes do not show and do
/// not wait for it. Keep it short: it holds on to the space of what is deleted meanwhile.
pub struct Snapshot {
    // Dropped in this order: the table and the transaction before the database they read.
    table: ReadOnlyTable<&'static [u8], &'static [u8]>,
    _tx: ReadTransaction,
    _db: Arc<Database>,
    keys: Arc<Keys>,
    ring: Arc<RingFile>,
}

impl Snapshot {
    pub(crate) fn new(db: Arc<Database>, keys: Arc<Keys>, ring: Arc<RingFile>) -> Result<Self, VaultError> {
        use redb::ReadableDatabase;
        let tx = guard(|| db.begin_read())?;
        let table = guard(|| tx.open_table(crate::storage::RECORDS))?;
        Ok(Self {
            table,
            _tx: tx,
            _db: db,
            keys,
            ring,
        })
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Snapshot")
    }
}

impl Raw for Snapshot {
    fn raw_get(&self, physical: &[u8]) -> Result<Option<Vec<u8>>, VaultError> {
        get_from(&self.table, physical)
    }

    fn raw_range(
        &self,
        from: &[u8],
        to: &[u8],
        limit: usize,
        backwards: bool,
    ) -> Result<Vec<Pair>, VaultError> {
        range_of(&self.table, from, to, limit, backwards)
    }

    fn keys(&self) -> &Keys {
        &self.keys
    }

    fn ring_key(&self, generation: u64) -> Result<Option<Secret>, VaultError> {
        self.ring.read(&self.keys, generation)
    }
}

impl Records for Snapshot {}

pub(crate) fn get_from(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    physical: &[u8],
) -> Result<Option<Vec<u8>>, VaultError> {
    guard(|| Ok::<_, redb::StorageError>(table.get(physical)?.map(|found| found.value().to_vec())))
}

pub(crate) fn range_of(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    from: &[u8],
    to: &[u8],
    limit: usize,
    backwards: bool,
) -> Result<Vec<Pair>, VaultError> {
    guard(|| {
        let mut range = table.range::<&[u8]>(from..to)?;
        let mut pairs = Vec::new();
        while pairs.len() < limit {
            let next = if backwards {
                range.next_back()
            } else {
                range.next()
            };
            let Some(next) = next else { break };
            let (key, value) = next?;
            pairs.push((key.value().to_vec(), value.value().to_vec()));
        }
        Ok::<_, redb::StorageError>(pairs)
    })
}
