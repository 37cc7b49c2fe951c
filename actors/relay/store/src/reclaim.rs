//! Making sure that what was erased is gone from every file.
//!
//! Deleting a key writes a tombstone; the ciphertext itself lies on in the log, in an unsorted
//! buffer, or in a blob file until these turn over. This turns all of them over.

use rocksdb::{
    BottommostLevelCompaction, CompactOptions, FlushOptions, IteratorMode, WaitForCompactOptions, WriteBatch,
};
use telesphor_rules::state::{Head, Profile};
use telesphor_wire::ids::MailboxId;

use crate::columns::{events, heads, profiles};
use crate::database::{Columns, Database, write_options};
use crate::error::StoreError;

/// `BlobGarbageCollectionPolicy::kForce`.
const FORCE: i32 = 0;
/// Deletions handed over at once.
const CHUNK: usize = 4096;

pub(crate) fn run(database: &Database, now: u64) -> Result<(), StoreError> {
    let columns = database.columns()?;
    drop_aged(database, &columns, now)?;

    // Buffers: a payload that was deleted before it was sorted is not written at all. With
    // every buffer empty the database starts a new log and deletes the old ones.
    let mut wait = FlushOptions::default();
    wait.set_wait(true);
    let c = &columns;
    database.db.flush_cfs_opt(&c.all().each_ref(), &wait)?;

    // Blob files: every one is old enough, so every payload that is kept moves to a new file
    // and the old files go.
    let mut options = CompactOptions::default();
    options.set_exclusive_manual_compaction(true);
    options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
    options.set_blob_garbage_collection_policy(FORCE);
    options.set_blob_garbage_collection_age_cutoff(1.0);
    database
        .db
        .compact_range_cf_opt(c.payloads, None::<&[u8]>, None::<&[u8]>, &options);
    // Key packages that were taken, and memories past their time, lie in plain files.
    let mut plain = CompactOptions::default();
    plain.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
    for cf in [c.packages, c.memory, c.vouchers] {
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

/// Payloads that the policy keeps for a time are hidden as soon as it has passed; here they
/// go. The mailbox accounts for them with its next event.
fn drop_aged(database: &Database, columns: &Columns<'_>, now: u64) -> Result<(), StoreError> {
    let mut batch = WriteBatch::default();
    for item in database.db.iterator_cf(columns.profiles, IteratorMode::Start) {
        let (key, value) = item?;
        let profile = profiles::decode(&value).ok_or(StoreError::Damaged {
            column: profiles::NAME,
        })?;
        let protected = profile.policy.hold || now < profile.policy.no_erase_before;
        let (Some(keep), false) = (profile.policy.keep_ms, protected) else {
            continue;
        };
        let Ok(id) = <[u8; 32]>::try_from(key.as_ref()).map(MailboxId) else {
            continue;
        };
        let head = database.read(columns.heads, heads::NAME, &id.0, heads::decode)?;
        if let Some(head) = head {
            let aged = Aged {
                id,
                head,
                profile,
                limit: now.saturating_sub(keep),
            };
            aged.delete(database, columns, &mut batch)?;
        }
    }
    Ok(database.db.write_opt(&batch, &write_options(true))?)
}

struct Aged {
    id: MailboxId,
    head: Head,
    profile: Profile,
    limit: u64,
}

impl Aged {
    fn delete(
        &self,
        database: &Database,
        columns: &Columns<'_>,
        batch: &mut WriteBatch,
    ) -> Result<(), StoreError> {
        for seq in self.head.floor.saturating_add(1)..=self.head.seq {
            let key = events::key(&self.id, seq);
            let record = database.read(columns.events, events::NAME, &key, |v| events::decode(seq, v))?;
            let record = record.ok_or(StoreError::Damaged { column: events::NAME })?;
            if record.header.stamp >= self.limit {
                break;
            }
            if self.profile.holes.iter().any(|h| h.from <= seq && seq <= h.to) {
                continue;
            }
            batch.delete_cf(columns.payloads, key);
            if batch.len() >= CHUNK {
                database.db.write_opt(batch, &write_options(true))?;
                batch.clear();
            }
        }
        Ok(())
    }
}
