//! One partition as a whole: read as it stood at one moment, for a relay that is to keep it too; laid into that
//! relay's store; taken out of the store of one that keeps it no more.
//!
//! Who left a partition keeps what it stands by: a promise is never forgotten. A mark beside it says that the rest
//! is gone, or going, so that an end in the middle is made good at the next start.

use rocksdb::{ColumnFamily, ReadOptions, Snapshot, WriteBatch};
use telesphor_wire::ids::{MailboxId, PartitionId};

use crate::columns::{cursors, outboxes, standings, vouchers};
use crate::database::{Columns, Database, write_options};
use crate::error::StoreError;
use crate::reader::Reader;
use crate::store::Store;
use crate::upkeep::Upkeep;

/// One record: the number of its family, its key, its value.
pub type Row = (u8, Vec<u8>, Vec<u8>);
/// What comes last: where the partition stands, and what the relay that gives it stands by in it.
pub type End = (Vec<u8>, Vec<u8>);
/// Takes rows; whether more are wanted.
pub type Take<'a> = &'a mut dyn FnMut(Vec<Row>, Option<End>) -> bool;

/// Which rows, by key and value.
type Meant<'a> = &'a dyn Fn(&(&[u8], &[u8])) -> bool;

/// Rows that are written or deleted at once.
const CHUNK: usize = 1_024;

/// Families whose keys begin with a mailbox, beside [`Columns::heads`].
fn of_mailboxes<'a>(c: &Columns<'a>) -> [&'a ColumnFamily; 5] {
    [c.profiles, c.events, c.husks, c.access, c.packages]
}

/// Families whose keys begin with 32 bytes that lie in a partition as a mailbox of that name would.
fn of_names<'a>(c: &Columns<'a>) -> [&'a ColumnFamily; 3] {
    [c.memory, c.tokens, c.ledger]
}

/// Families whose keys begin with the partition.
fn of_partitions<'a>(c: &Columns<'a>) -> [&'a ColumnFamily; 2] {
    [c.batches, c.ordered]
}

fn number(c: &Columns<'_>, family: &ColumnFamily) -> u8 {
    let same = |other: &&ColumnFamily| std::ptr::eq(*other, family);
    let at = c.all().iter().position(same).unwrap_or_default();
    // There are sixteen.
    u8::try_from(at).unwrap_or_default()
}

fn mark(partition: PartitionId) -> [u8; 3] {
    let [a, b] = cursors::key(partition);
    [a, b, 1]
}

/// Whether a partition was left: what was kept of it is gone, or going.
pub(crate) fn is_left(database: &Database, partition: PartitionId) -> Result<bool, StoreError> {
    let columns = database.columns()?;
    Ok(database.db.get_cf(columns.standings, mark(partition))?.is_some())
}

impl Upkeep {
    /// Reads a partition as it stands when the call begins, a page of about so many bytes at a time, until
    /// `take` wants no more; gives whether it took all. Where the partition stands comes last. Delivery records
    /// are not among it: each relay has its own.
    ///
    /// # Errors
    /// [`StoreError::Disk`].
    pub fn read_part(
        &self,
        partition: PartitionId,
        bytes: usize,
        take: Take<'_>,
    ) -> Result<bool, StoreError> {
        let database = self.database();
        let columns = database.columns()?;
        let snapshot = database.db.snapshot();
        let mut out = Out {
            columns: &columns,
            page: Vec::new(),
            size: 0,
            bytes,
            take,
        };
        for id in mailboxes(database, &columns, Some(&snapshot), partition)? {
            out.one(&snapshot, columns.heads, &id.0)?;
            out.one(&snapshot, columns.meta, &outboxes::key(&id))?;
            for family in of_mailboxes(&columns) {
                if !out.all(database, &snapshot, family, &id.0, &|_| true)? {
                    return Ok(false);
                }
            }
        }
        let count = database.meta.partitions;
        let mine = |row: &(&[u8], &[u8])| of_name(row.0, count) == Some(partition);
        for family in of_names(&columns) {
            if !out.all(database, &snapshot, family, &[], &mine)? {
                return Ok(false);
            }
        }
        let spent = |row: &(&[u8], &[u8])| vouchers::expiry(row.1).is_some_and(|(_, p)| p == partition.0);
        if !out.all(database, &snapshot, columns.vouchers, &[], &spent)? {
            return Ok(false);
        }
        for family in of_partitions(&columns) {
            if !out.all(database, &snapshot, family, &cursors::key(partition), &|_| true)? {
                return Ok(false);
            }
        }
        let cursor = snapshot.get_cf(columns.cursors, cursors::key(partition))?;
        let standing = snapshot.get_cf(columns.standings, standings::key(partition))?;
        Ok(match cursor.zip(standing) {
            Some(end) => out.hand_over(Some(end)),
            // Nothing was decided yet, or it is not kept here.
            None => false,
        })
    }

    /// Takes a partition out, all but what this relay stands by in it. Reading it meanwhile finds less and less.
    ///
    /// # Errors
    /// [`StoreError::Disk`].
    pub fn erase_part(&self, partition: PartitionId) -> Result<(), StoreError> {
        erase(self.database(), partition)
    }
}

fn erase(database: &Database, partition: PartitionId) -> Result<(), StoreError> {
    let columns = database.columns()?;
    let mut batch = WriteBatch::default();
    batch.put_cf(columns.standings, mark(partition), []);
    batch.delete_cf(columns.cursors, cursors::key(partition));
    // First, and synced: from here on nobody takes what is left for the whole.
    database.db.write_opt(&batch, &write_options(true))?;
    batch.clear();
    let write = |batch: &mut WriteBatch, most: usize| -> Result<(), StoreError> {
        if batch.len() >= most {
            database.db.write_opt(batch, &write_options(false))?;
            batch.clear();
        }
        Ok(())
    };
    for id in mailboxes(database, &columns, None, partition)? {
        for family in of_mailboxes(&columns).into_iter().chain([columns.records]) {
            batch.delete_range_cf(family, id.0.to_vec(), after(&id.0));
        }
        batch.delete_cf(columns.meta, outboxes::key(&id));
        // Last, since it is what leads here.
        batch.delete_cf(columns.heads, id.0);
        write(&mut batch, CHUNK)?;
    }
    let count = database.meta.partitions;
    for (family, spent) in of_names(&columns)
        .into_iter()
        .map(|family| (family, false))
        .chain([(columns.vouchers, true)])
    {
        let mut rows = database.db.raw_iterator_cf(family);
        rows.seek_to_first();
        while let Some((key, value)) = rows.item() {
            let mine = match spent {
                true => vouchers::expiry(value).is_some_and(|(_, p)| p == partition.0),
                false => of_name(key, count) == Some(partition),
            };
            if mine {
                batch.delete_cf(family, key);
                write(&mut batch, CHUNK)?;
            }
            rows.next();
        }
        rows.status()?;
    }
    for family in of_partitions(&columns) {
        let from = cursors::key(partition).to_vec();
        let to = after(&from);
        batch.delete_range_cf(family, from, to);
    }
    write(&mut batch, 1)
}

/// The first key behind all that begin so.
fn after(prefix: &[u8]) -> Vec<u8> {
    let mut next = prefix.to_vec();
    while let Some(last) = next.last_mut() {
        if *last < u8::MAX {
            *last += 1;
            return next;
        }
        next.pop();
    }
    // Longer than any key that begins so.
    vec![u8::MAX; 256]
}

/// The partition of a key that begins with a name of 32 bytes.
fn of_name(key: &[u8], count: u16) -> Option<PartitionId> {
    let (name, _) = key.split_first_chunk::<32>()?;
    Some(PartitionId::of(&MailboxId(*name), count))
}

/// The mailboxes of a partition.
fn mailboxes(
    database: &Database,
    columns: &Columns<'_>,
    snapshot: Option<&Snapshot<'_>>,
    partition: PartitionId,
) -> Result<Vec<MailboxId>, StoreError> {
    let mut options = ReadOptions::default();
    if let Some(snapshot) = snapshot {
        options.set_snapshot(snapshot);
    }
    let mut rows = database.db.raw_iterator_cf_opt(columns.heads, options);
    rows.seek_to_first();
    let mut found = Vec::new();
    while let Some(key) = rows.key() {
        if let Ok(id) = <[u8; 32]>::try_from(key).map(MailboxId)
            && PartitionId::of(&id, database.meta.partitions) == partition
        {
            found.push(id);
        }
        rows.next();
    }
    rows.status()?;
    Ok(found)
}

/// Rows on their way out.
struct Out<'a> {
    columns: &'a Columns<'a>,
    page: Vec<Row>,
    size: usize,
    bytes: usize,
    take: Take<'a>,
}

impl Out<'_> {
    fn row(&mut self, family: &ColumnFamily, key: &[u8], value: &[u8]) {
        self.size += key.len() + value.len() + 16;
        self.page
            .push((number(self.columns, family), key.to_vec(), value.to_vec()));
    }

    /// One record, if it is there.
    fn one(&mut self, snapshot: &Snapshot<'_>, family: &ColumnFamily, key: &[u8]) -> Result<(), StoreError> {
        if let Some(value) = snapshot.get_cf(family, key)? {
            self.row(family, key, &value);
        }
        Ok(())
    }

    /// All records whose keys begin so and that are meant; `false` if no more is wanted.
    fn all(
        &mut self,
        database: &Database,
        snapshot: &Snapshot<'_>,
        family: &ColumnFamily,
        prefix: &[u8],
        meant: Meant<'_>,
    ) -> Result<bool, StoreError> {
        let mut options = ReadOptions::default();
        options.set_snapshot(snapshot);
        options.fill_cache(false);
        let mut rows = database.db.raw_iterator_cf_opt(family, options);
        rows.seek(prefix);
        while let Some((key, value)) = rows.item() {
            if !key.starts_with(prefix) {
                break;
            }
            if meant(&(key, value)) {
                self.row(family, key, value);
                if self.size >= self.bytes && !self.hand_over(None) {
                    return Ok(false);
                }
            }
            rows.next();
        }
        rows.status()?;
        Ok(true)
    }

    fn hand_over(&mut self, end: Option<End>) -> bool {
        self.size = 0;
        (self.take)(std::mem::take(&mut self.page), end)
    }
}

impl Reader {
    /// Whether a partition was left: what was kept of it is gone, or going.
    ///
    /// # Errors
    /// As [`Reader::mailbox`].
    pub fn has_left(&self, partition: PartitionId) -> Result<bool, StoreError> {
        is_left(self.database(), partition)
    }
}

impl Store {
    /// Takes what is left of a partition out, before another relay's copy is laid in its place.
    ///
    /// # Errors
    /// [`StoreError::Disk`].
    pub fn clear_part(&self, partition: PartitionId) -> Result<(), StoreError> {
        erase(self.database(), partition)
    }

    /// Lays rows of another relay's copy into this store. They count from [`Store::part_is_laid`] on.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if one of them is none of this partition's; [`StoreError::Disk`].
    pub fn lay_part(&self, partition: PartitionId, rows: &[Row]) -> Result<(), StoreError> {
        let database = self.database();
        let columns = database.columns()?;
        let families = columns.all();
        for some in rows.chunks(CHUNK) {
            let mut batch = WriteBatch::default();
            for (family, key, value) in some {
                let family = families.get(usize::from(*family)).copied();
                let family =
                    family.filter(|f| belongs(&columns, f, key, value, partition, database.meta.partitions));
                let family = family.ok_or(StoreError::Damaged {
                    column: "another relay's copy",
                })?;
                batch.put_cf(family, key, value);
            }
            database.db.write_opt(&batch, &write_options(false))?;
        }
        Ok(())
    }

    /// All of a copy was laid: from now on the partition stands as it does there, and this relay by what is
    /// given.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the copy says no place; [`StoreError::Disk`].
    pub fn part_is_laid(
        &mut self,
        partition: PartitionId,
        cursor: &[u8],
        standing: &[u8],
    ) -> Result<(), StoreError> {
        let stands = cursors::decode(cursor).ok_or(StoreError::Damaged {
            column: cursors::NAME,
        })?;
        let database = self.database();
        let columns = database.columns()?;
        let mut batch = WriteBatch::default();
        batch.put_cf(columns.cursors, cursors::key(partition), cursor);
        batch.put_cf(columns.standings, standings::key(partition), standing);
        batch.delete_cf(columns.standings, mark(partition));
        database.db.write_opt(&batch, &write_options(true))?;
        self.stands_at(partition, stands);
        Ok(())
    }
}

/// Whether a row may stand in a copy of a partition. Where the partition stands is laid by itself.
fn belongs(
    c: &Columns<'_>,
    family: &ColumnFamily,
    key: &[u8],
    value: &[u8],
    partition: PartitionId,
    count: u16,
) -> bool {
    let is = |other: &ColumnFamily| std::ptr::eq(other, family);
    let named = [c.heads].into_iter().chain(of_mailboxes(c)).chain(of_names(c));
    if named.into_iter().any(is) {
        return of_name(key, count) == Some(partition);
    }
    if of_partitions(c).into_iter().any(is) {
        return key.starts_with(&cursors::key(partition)) && key.len() == 10;
    }
    if is(c.vouchers) {
        return vouchers::expiry(value).is_some_and(|(_, p)| p == partition.0);
    }
    is(c.meta) && outboxes::mailbox(key).is_some_and(|id| PartitionId::of(&id, count) == partition)
}
