//! Making sure that what was erased or let go is gone from every file.
//!
//! When a payload is erased, its mailbox's head or profile says so, and nobody is shown it any
//! more; the ciphertext itself lies on in the event's record, in the log, in an unsorted buffer
//! or in a blob file. This moves the rest of such records away, deletes them, and turns all of
//! these over.

use rocksdb::{
    BottommostLevelCompaction, CompactOptions, FlushOptions, IteratorMode, ReadOptions,
    WaitForCompactOptions, WriteBatch,
};
use telesphor_rules::state::{Hole, Mailbox, Profile};
use telesphor_wire::ids::MailboxId;

use crate::columns::{events, heads, husks, profiles};
use crate::database::{Columns, Database, write_options};
use crate::error::StoreError;

/// `BlobGarbageCollectionPolicy::kForce`.
const FORCE: i32 = 0;
/// Records moved in one write.
const CHUNK: usize = 1024;

pub(crate) fn run(database: &Database, now: u64) -> Result<(), StoreError> {
    let columns = database.columns()?;
    move_husks(database, &columns, now)?;

    // Buffers: an event that was deleted before it was sorted is not written at all. With
    // every buffer empty the database starts a new log and deletes the old ones.
    let mut wait = FlushOptions::default();
    wait.set_wait(true);
    let c = &columns;
    database.db.flush_cfs_opt(&c.all().each_ref(), &wait)?;

    // Blob files: every one is old enough, so every event that is kept moves to a new file and
    // the old files go.
    let mut options = CompactOptions::default();
    options.set_exclusive_manual_compaction(true);
    options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
    options.set_blob_garbage_collection_policy(FORCE);
    options.set_blob_garbage_collection_age_cutoff(1.0);
    database
        .db
        .compact_range_cf_opt(c.events, None::<&[u8]>, None::<&[u8]>, &options);
    // Key packages that were taken, and what is past its time, lie in plain files.
    let mut plain = CompactOptions::default();
    plain.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
    for cf in [c.packages, c.memory, c.vouchers, c.ledger] {
        database
            .db
            .compact_range_cf_opt(cf, None::<&[u8]>, None::<&[u8]>, &plain);
    }
    // Old files are unlinked in the background; the promise is kept only when they are gone.
    let mut gone = WaitForCompactOptions::default();
    gone.set_wait_for_purge(true);
    database.db.wait_for_compact(&gone)?;
    // Compaction reports no error by itself; a background error shows in the next write.
    Ok(database
        .db
        .write_opt(&WriteBatch::default(), &write_options(true))?)
}

/// Events whose payload is not kept any more become husks. What is not kept never comes back, so
/// this needs no word with the writer, which only ever appends.
fn move_husks(database: &Database, columns: &Columns<'_>, now: u64) -> Result<(), StoreError> {
    let mut mover = Mover {
        database,
        columns,
        batch: WriteBatch::default(),
        husk: Vec::new(),
    };
    for item in database.db.iterator_cf(columns.profiles, IteratorMode::Start) {
        let (key, value) = item?;
        let profile = profiles::decode(&value).ok_or(StoreError::Damaged {
            column: profiles::NAME,
        })?;
        let Ok(id) = <[u8; 32]>::try_from(key.as_ref()).map(MailboxId) else {
            continue;
        };
        if let Some(head) = database.read(columns.heads, heads::NAME, &id.0, heads::decode)? {
            let profile = profile.into();
            mover.mailbox(&Mailbox { id, head, profile }, now)?;
        }
    }
    mover.write()
}

struct Mover<'a> {
    database: &'a Database,
    columns: &'a Columns<'a>,
    batch: WriteBatch,
    husk: Vec<u8>,
}

impl Mover<'_> {
    fn mailbox(&mut self, mailbox: &Mailbox, now: u64) -> Result<(), StoreError> {
        let (id, head) = (&mailbox.id, &mailbox.head);
        if head.floor > 0 {
            self.stretch(id, (1, head.floor), |_| true)?;
        }
        for Hole { from, to } in &mailbox.profile.holes {
            self.stretch(id, (*from, *to), |_| true)?;
        }
        // Payloads that the policy keeps for a time are hidden as soon as it has passed; here
        // they go. The mailbox accounts for them with its next event.
        match aged_before(&mailbox.profile, now) {
            Some(limit) => self.stretch(id, (head.floor.saturating_add(1), head.seq), |r| {
                r.header.stamp < limit
            }),
            None => Ok(()),
        }
    }

    /// Those of a stretch that still lie whole, up to the first that does not go.
    fn stretch(
        &mut self,
        id: &MailboxId,
        (from, to): (u64, u64),
        goes: impl Fn(&events::Record) -> bool,
    ) -> Result<(), StoreError> {
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        options.set_iterate_upper_bound(events::key(id, to.saturating_add(1)));
        let mut at = self.database.db.raw_iterator_cf_opt(self.columns.events, options);
        at.seek(events::key(id, from));
        while let Some((key, value)) = at.item() {
            let damaged = StoreError::Damaged { column: events::NAME };
            let found = events::parse_key(key).and_then(|(_, seq)| events::decode(seq, value));
            let (record, _) = found.ok_or(damaged)?;
            if !goes(&record) {
                break;
            }
            self.husk.clear();
            husks::encode(&record, &mut self.husk);
            self.batch.put_cf(self.columns.husks, key, &self.husk);
            self.batch.delete_cf(self.columns.events, key);
            if self.batch.len() >= 2 * CHUNK {
                self.write()?;
            }
            at.next();
        }
        Ok(at.status()?)
    }

    fn write(&mut self) -> Result<(), StoreError> {
        self.database.db.write_opt(&self.batch, &write_options(true))?;
        self.batch.clear();
        Ok(())
    }
}

/// Events stamped before this have run out, if the policy keeps payloads for a time and nothing
/// protects them.
fn aged_before(profile: &Profile, now: u64) -> Option<u64> {
    let policy = &profile.policy;
    let protected = policy.hold || now < policy.no_erase_before;
    policy
        .keep_ms
        .filter(|_| !protected)
        .map(|keep| now.saturating_sub(keep))
}
