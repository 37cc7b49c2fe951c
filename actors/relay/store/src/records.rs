//! Writing and reading delivery records.
//!
//! They stand beside what is ordered and have a promise of their own: written by one thread, in
//! the order of their numbers, handed to the kernel at once and synced with whatever the store
//! syncs next or when asked. A kill loses what was not written yet, a power cut also what was
//! not synced; numbers are then given a second time. Neither loses an event, and both are told
//! ([`RecordsPage::torn`]): the first write of a life is synced, so that it is known for certain
//! that there was one.

use std::sync::Arc;

use rocksdb::{ReadOptions, WriteBatch};
use telesphor_rules::records::Ring;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::records::{RecordsPage, SealedRecord};

use crate::columns::records::{self as column, Life};
use crate::database::{Database, write_options};
use crate::error::{Fatal, StoreError};
use crate::faults::Operation;
use crate::reader::Reader;

/// The one writer of delivery records.
pub struct RecordKeeper {
    database: Arc<Database>,
    life: Life,
    begun: bool,
}

/// Makes the record of a number.
pub type Seal<'a> = Box<dyn FnOnce(u64) -> Option<SealedRecord> + 'a>;

impl RecordKeeper {
    pub(crate) fn new(database: Arc<Database>) -> Self {
        Self {
            database,
            life: Life::default(),
            begun: false,
        }
    }

    /// Begins at `now`: if the end before was not in good order, that is noted.
    ///
    /// # Errors
    /// [`StoreError::Disk`].
    pub fn begin(&mut self, now: u64) -> Result<(), StoreError> {
        self.life = life(&self.database)?;
        if self.life.open {
            self.life.torn = now;
            self.put_life()?;
        }
        Ok(())
    }

    fn put_life(&self) -> Result<(), StoreError> {
        self.database.check()?;
        let mut value = Vec::new();
        column::encode_life(&self.life, &mut value);
        let (db, cf) = (&self.database.db, self.database.columns()?.records);
        Ok(db.put_cf_opt(cf, column::LIFE, &value, &write_options(true))?)
    }

    /// Writes records of one or more mailboxes, each under its mailbox's next number, in one
    /// step. At most `most` are kept of each mailbox, the oldest give way; gives how many were
    /// written and how many gave way.
    ///
    /// # Errors
    /// [`Fatal`]: a write has failed, and the process must end.
    pub fn write(&mut self, records: Vec<(MailboxId, Seal<'_>)>, most: u64) -> Result<(u64, u64), Fatal> {
        let result = self.try_write(records, most);
        if result.is_err() {
            self.database.poison();
        }
        Ok(result?)
    }

    fn try_write(
        &mut self,
        mut records: Vec<(MailboxId, Seal<'_>)>,
        most: u64,
    ) -> Result<(u64, u64), StoreError> {
        self.database.check()?;
        let cf = self.database.columns()?.records;
        let (mut batch, mut value) = (WriteBatch::default(), Vec::new());
        let (mut written, mut gone) = (0, 0);
        // One mailbox after the other, so that each ring is read and written once.
        records.sort_by_key(|(id, _)| *id);
        let mut current: Option<(MailboxId, Ring)> = None;
        let mut rings = Vec::new();
        for (id, seal) in records {
            let (_, mut ring) = match current.take() {
                Some((of, ring)) if of == id => (of, ring),
                other => {
                    rings.extend(other);
                    (id, ring(&self.database, &id)?)
                }
            };
            let before = ring;
            let number = ring.push(most);
            let Some(record) = seal(number).filter(SealedRecord::has_its_size) else {
                current = Some((id, before));
                continue;
            };
            value.clear();
            column::encode(&record, &mut value);
            batch.put_cf(cf, column::key(&id, number), &value);
            // `first` may have been moved by a smaller bound than last time: all below it go.
            for old in before.first..ring.first.min(number) {
                batch.delete_cf(cf, column::key(&id, old));
                gone += 1;
            }
            written += 1;
            current = Some((id, ring));
        }
        rings.extend(current);
        if written == 0 {
            return Ok((0, 0));
        }
        for (id, ring) in rings {
            value.clear();
            column::encode_ring(&ring, &mut value);
            batch.put_cf(cf, id.0, &value);
        }
        if !self.begun {
            self.life.open = true;
            value.clear();
            column::encode_life(&self.life, &mut value);
            batch.put_cf(cf, column::LIFE, &value);
        }
        self.database.faults.before(Operation::Records)?;
        self.database.db.write_opt(&batch, &write_options(!self.begun))?;
        self.begun = true;
        Ok((written, gone))
    }

    /// Syncs what was written.
    ///
    /// # Errors
    /// [`Fatal`], as for [`RecordKeeper::write`].
    pub fn sync(&mut self) -> Result<(), Fatal> {
        let synced = self.database.check().and_then(|()| {
            self.database.faults.before(Operation::Records)?;
            Ok(self.database.db.flush_wal(true)?)
        });
        if synced.is_err() {
            self.database.poison();
        }
        Ok(synced?)
    }

    /// Ends in good order: nothing waits any more.
    ///
    /// # Errors
    /// [`Fatal`], as for [`RecordKeeper::write`].
    pub fn end(mut self) -> Result<(), Fatal> {
        if !self.begun && !self.life.open {
            return Ok(());
        }
        self.life.open = false;
        Ok(self.put_life()?)
    }
}

fn life(database: &Database) -> Result<Life, StoreError> {
    let cf = database.columns()?.records;
    let found = database.read(cf, column::NAME, column::LIFE, column::decode_life)?;
    Ok(found.unwrap_or_default())
}

fn ring(database: &Database, mailbox: &MailboxId) -> Result<Ring, StoreError> {
    let cf = database.columns()?.records;
    let found = database.read(cf, column::NAME, &mailbox.0, column::decode_ring)?;
    Ok(found.unwrap_or(Ring::EMPTY))
}

impl Reader {
    /// Records of a mailbox after a number, at most `max`, in order. Whether more are being
    /// [kept](RecordsPage::kept) is for the mailbox's policy to say.
    ///
    /// # Errors
    /// [`StoreError`] if the disk cannot be read or a record is damaged.
    pub fn records(&self, mailbox: &MailboxId, after: u64, max: usize) -> Result<RecordsPage, StoreError> {
        let damaged = StoreError::Damaged { column: column::NAME };
        let database = self.database();
        let snapshot = database.db.snapshot();
        let cf = database.columns()?.records;
        let ring = match snapshot.get_pinned_cf(cf, mailbox.0)? {
            Some(value) => column::decode_ring(&value).ok_or(StoreError::Damaged { column: column::NAME })?,
            None => Ring::EMPTY,
        };
        let life = life(database)?;
        let mut records = Vec::new();
        let from = ring.first.max(after.saturating_add(1));
        if from <= ring.newest {
            let mut options = ReadOptions::default();
            options.set_iterate_upper_bound(column::key(mailbox, ring.newest.saturating_add(1)));
            let mut at = snapshot.raw_iterator_cf_opt(cf, options);
            at.seek(column::key(mailbox, from));
            let mut expected = from;
            while records.len() < max && expected <= ring.newest {
                let Some((key, value)) = at.item() else { break };
                let record = column::number(mailbox, key)
                    .filter(|number| *number == expected)
                    .and_then(|number| column::decode(number, value));
                let Some(record) = record else { return Err(damaged) };
                records.push(record);
                expected = expected.saturating_add(1);
                at.next();
            }
            at.status()?;
        }
        Ok(RecordsPage {
            records,
            first: ring.first,
            newest: ring.newest,
            kept: false,
            torn: life.torn,
            ext: Extensions::none(),
        })
    }
}
