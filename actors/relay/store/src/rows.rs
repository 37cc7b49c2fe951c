//! The events of a mailbox in their order, whether they lie whole or as husks.
//!
//! An event is in exactly one of the two families: `reclaim` moves it in one write.

use rocksdb::{DB, DBRawIteratorWithThreadMode, ReadOptions, SnapshotWithThreadMode};
use telesphor_wire::ids::MailboxId;

use crate::columns::events::{self, Record};
use crate::columns::husks;
use crate::database::{Columns, Database};
use crate::error::StoreError;

type Snapshot<'a> = SnapshotWithThreadMode<'a, DB>;
type RawIterator<'a> = DBRawIteratorWithThreadMode<'a, DB>;

/// One event's record. Looked for whole first, so that one that is moved meanwhile is found
/// where it went.
pub(crate) fn record(
    database: &Database,
    columns: &Columns<'_>,
    mailbox: &MailboxId,
    seq: u64,
) -> Result<Option<Record>, StoreError> {
    let key = events::key(mailbox, seq);
    let whole = database.read(columns.events, events::NAME, &key, |v| {
        events::decode(seq, v).map(|(record, _)| record)
    })?;
    match whole {
        Some(record) => Ok(Some(record)),
        None => database.read(columns.husks, husks::NAME, &key, |v| husks::decode(seq, v)),
    }
}

/// The same, at one instant.
pub(crate) fn record_at(
    snapshot: &Snapshot<'_>,
    columns: &Columns<'_>,
    mailbox: &MailboxId,
    seq: u64,
) -> Result<Option<Record>, StoreError> {
    let key = events::key(mailbox, seq);
    if let Some(value) = snapshot.get_pinned_cf(columns.events, key)? {
        return Ok(events::decode(seq, &value).map(|(record, _)| record));
    }
    let husk = snapshot.get_pinned_cf(columns.husks, key)?;
    Ok(husk.and_then(|value| husks::decode(seq, &value)))
}

/// Walks a stretch of one mailbox, at one instant.
pub(crate) struct Rows<'a> {
    snapshot: &'a Snapshot<'a>,
    columns: &'a Columns<'a>,
    mailbox: MailboxId,
    next: u64,
    to: u64,
    whole: RawIterator<'a>,
    /// Most readers meet no husk.
    husks: Option<RawIterator<'a>>,
    options: fn() -> ReadOptions,
}

impl<'a> Rows<'a> {
    /// The events after one and up to another.
    pub(crate) fn of(
        snapshot: &'a Snapshot<'a>,
        columns: &'a Columns<'a>,
        mailbox: MailboxId,
        (after, to): (u64, u64),
        options: fn() -> ReadOptions,
    ) -> Self {
        let next = after.saturating_add(1);
        let bounded = bounded(&mailbox, to, options);
        let mut whole = snapshot.raw_iterator_cf_opt(columns.events, bounded);
        whole.seek(events::key(&mailbox, next));
        Self {
            snapshot,
            columns,
            mailbox,
            next,
            to,
            whole,
            husks: None,
            options,
        }
    }

    /// The next event, with its payload if that still lies here; `None` behind the last one.
    /// An event that is missing or cannot be read is an error, made by `broken`.
    pub(crate) fn next<T>(
        &mut self,
        take: impl FnOnce(Record, Option<&[u8]>) -> T,
        broken: impl FnOnce(u64) -> StoreError,
    ) -> Result<Option<T>, StoreError> {
        let seq = self.next;
        if seq > self.to {
            return Ok(None);
        }
        let key = events::key(&self.mailbox, seq);
        let taken = match self.whole.item() {
            Some((found, value)) if found == key => {
                let taken = events::decode(seq, value).map(|(record, payload)| take(record, Some(payload)));
                self.whole.next();
                taken
            }
            _ => {
                self.whole.status()?;
                let husks = self.husks(seq);
                let record = match husks.item() {
                    Some((found, value)) if found == key => husks::decode(seq, value),
                    _ => None,
                };
                husks.next();
                husks.status()?;
                record.map(|record| take(record, None))
            }
        };
        self.next = seq.saturating_add(1);
        taken.map(Some).ok_or_else(|| broken(seq))
    }

    fn husks(&mut self, seq: u64) -> &mut RawIterator<'a> {
        self.husks.get_or_insert_with(|| {
            let bounded = bounded(&self.mailbox, self.to, self.options);
            let mut husks = self.snapshot.raw_iterator_cf_opt(self.columns.husks, bounded);
            husks.seek(events::key(&self.mailbox, seq));
            husks
        })
    }
}

/// Without the bound a look behind the last event of a mailbox would read the next one's.
fn bounded(mailbox: &MailboxId, to: u64, options: fn() -> ReadOptions) -> ReadOptions {
    let mut options = options();
    let mut end = events::key(mailbox, to).to_vec();
    end.push(0);
    options.set_iterate_upper_bound(end);
    options
}
