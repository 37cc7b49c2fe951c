//! What a member of a cluster remembers beside what was decided. The store does not read it.

use telesphor_wire::ids::PartitionId;

use crate::columns::{ordered, standings};
use crate::database::Database;
use crate::error::StoreError;
use crate::reader::Reader;
use crate::sheet::Sheet;

/// Written in one with whatever else is written at that moment, and synced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Which partition.
    pub partition: PartitionId,
    /// Entries above this position go first. None of them was decided.
    pub cut_above: Option<u64>,
    /// Entries by position.
    pub entries: Vec<(u64, Vec<u8>)>,
    /// What it stands by from now on, if that changes.
    pub standing: Option<Vec<u8>>,
    /// Entries up to this position are not needed any more.
    pub forget_to: Option<u64>,
}

impl Sheet<'_> {
    pub(crate) fn keep(&mut self, keep: &Keep) {
        let key = |n: u64| ordered::key(keep.partition, n);
        let (ordered, standings) = (self.columns().ordered, self.columns().standings);
        if let Some(above) = keep.cut_above {
            let (from, to) = (key(above.saturating_add(1)), key(u64::MAX));
            self.batch().delete_range_cf(ordered, from, to);
        }
        if let Some(to) = keep.forget_to {
            let (from, to) = (key(0), key(to.saturating_add(1)));
            self.batch().delete_range_cf(ordered, from, to);
        }
        for (n, entry) in &keep.entries {
            self.batch().put_cf(ordered, key(*n), entry);
        }
        if let Some(standing) = &keep.standing {
            self.batch()
                .put_cf(standings, standings::key(keep.partition), standing);
        }
    }
}

impl Reader {
    /// What a member stood by when it was kept last.
    ///
    /// # Errors
    /// As [`Reader::mailbox`].
    pub fn standing(&self, partition: PartitionId) -> Result<Option<Vec<u8>>, StoreError> {
        let columns = self.database().columns()?;
        Ok(self
            .database()
            .db
            .get_cf(columns.standings, standings::key(partition))?)
    }

    /// Entries from a position on: at least one if there is one, then as many as fit into so
    /// many bytes.
    ///
    /// # Errors
    /// As [`Reader::mailbox`].
    pub fn ordered(
        &self,
        partition: PartitionId,
        from: u64,
        bytes: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let database = self.database();
        let columns = database.columns()?;
        let mut rows = database.db.raw_iterator_cf(columns.ordered);
        rows.seek(ordered::key(partition, from));
        let (mut page, mut size) = (Vec::new(), 0usize);
        while let Some((key, value)) = rows.item() {
            let Some(n) = position(key, partition) else { break };
            size = size.saturating_add(value.len());
            if size > bytes && !page.is_empty() {
                break;
            }
            page.push((n, value.to_vec()));
            rows.next();
        }
        rows.status()?;
        Ok(page)
    }

    /// The last entry.
    ///
    /// # Errors
    /// As [`Reader::mailbox`].
    pub fn last_ordered(&self, partition: PartitionId) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        last(self.database(), partition)
    }
}

/// The last entry of a partition.
pub(crate) fn last(
    database: &Database,
    partition: PartitionId,
) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
    let columns = database.columns()?;
    let mut rows = database.db.raw_iterator_cf(columns.ordered);
    rows.seek_for_prev(ordered::key(partition, u64::MAX));
    let found = rows
        .item()
        .and_then(|(key, value)| Some((position(key, partition)?, value.to_vec())));
    rows.status()?;
    Ok(found)
}

/// The position in a key, if it is one of this partition.
fn position(key: &[u8], partition: PartitionId) -> Option<u64> {
    let (of, n) = key.split_first_chunk::<2>()?;
    (u16::from_be_bytes(*of) == partition.0)
        .then(|| n.try_into().ok().map(u64::from_be_bytes))
        .flatten()
}
