//! Walking every chain from its beginning.
//!
//! Column families that share a prefix are walked side by side, so that a verification reads
//! each file once and needs no memory for what it has seen.

use rocksdb::{ReadOptions, SnapshotWithThreadMode};
use telesphor_rules::state::{Head, Mailbox, Profile};
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{Incarnation, MailboxId, PartitionId};
use telesphor_wire::mailbox::{link, payload_hash};
use telesphor_wire::receipt::{BatchHead, BatchLeaf, BatchTree};

use crate::columns::{batches, cursors, events, heads, profiles};
use crate::database::{Columns, Database};
use crate::error::StoreError;
use crate::reader::{PartitionHead, is_kept};
use crate::rows::{self, Rows};
use crate::upkeep::Verified;
use crate::verify_ledger::LedgerWalk;

type Snapshot<'a> = SnapshotWithThreadMode<'a, rocksdb::DB>;

pub(crate) fn everything(database: &Database) -> Result<Verified, StoreError> {
    let walk = Walk {
        snapshot: database.db.snapshot(),
        columns: database.columns()?,
    };
    let ledger = LedgerWalk::of(database, &walk.snapshot, &walk.columns)?;
    let mut seen = Verified::default();
    walk.mailboxes(&mut seen)?;
    ledger.entries(&mut seen)?;
    for n in 0..database.meta.partitions {
        walk.partition(PartitionId(n), database.meta.incarnation, &ledger, &mut seen)?;
    }
    Ok(seen)
}

struct Walk<'a> {
    snapshot: Snapshot<'a>,
    columns: Columns<'a>,
}

impl Walk<'_> {
    fn mailboxes(&self, seen: &mut Verified) -> Result<(), StoreError> {
        let mut at = self.snapshot.raw_iterator_cf_opt(self.columns.heads, unread());
        at.seek_to_first();
        // Events that belong to no mailbox lie between those of the mailboxes.
        let mut last = None;
        while let Some((key, value)) = at.item() {
            let id = <[u8; 32]>::try_from(key)
                .map(MailboxId)
                .map_err(|_| damaged(heads::NAME))?;
            let head = heads::decode(value).ok_or(damaged(heads::NAME))?;
            self.no_strays(last, Some(id))?;
            self.mailbox(id, head, seen)?;
            last = Some(id);
            at.next();
        }
        at.status()?;
        self.no_strays(last, None)
    }

    fn no_strays(&self, after: Option<MailboxId>, before: Option<MailboxId>) -> Result<(), StoreError> {
        for cf in [self.columns.events, self.columns.husks] {
            let mut at = self.snapshot.raw_iterator_cf_opt(cf, unread());
            match after {
                Some(id) => at.seek(events::key(&id, u64::MAX)),
                None => at.seek_to_first(),
            }
            if let Some((mailbox, seq)) = at.key().and_then(events::parse_key)
                && before.is_none_or(|b| mailbox < b)
            {
                return Err(StoreError::BrokenChain { mailbox, seq });
            }
            at.status()?;
        }
        Ok(())
    }

    fn mailbox(&self, id: MailboxId, head: Head, seen: &mut Verified) -> Result<(), StoreError> {
        let profile = self
            .snapshot
            .get_pinned_cf(self.columns.profiles, id.0)?
            .ok_or(damaged(profiles::NAME))?;
        let profile: Profile = profiles::decode(&profile).ok_or(damaged(profiles::NAME))?;
        let mailbox = Mailbox {
            id,
            head,
            profile: profile.into(),
        };
        let mut chain = Chain {
            mailbox: &mailbox,
            hash: mailbox.profile.genesis,
            total: 0,
            stamp: 0,
            kept: (0, 0),
        };
        let mut rows = Rows::of(&self.snapshot, &self.columns, id, (0, head.seq), unread);
        let broken = |seq| StoreError::BrokenChain { mailbox: id, seq };
        let step = |record: events::Record, payload: Option<&[u8]>| {
            let kept = payload.is_some() && is_kept(&mailbox, record.header.seq);
            (record.header.seq, kept, chain.step(&record, payload))
        };
        let mut step = step;
        while let Some((seq, kept, fits)) = rows.next(&mut step, broken)? {
            if !fits {
                return Err(broken(seq));
            }
            seen.payloads += u64::from(kept);
        }
        if !chain.ends() {
            return Err(StoreError::BrokenChain {
                mailbox: id,
                seq: head.seq,
            });
        }
        seen.mailboxes += 1;
        seen.events += head.seq;
        Ok(())
    }

    fn partition(
        &self,
        partition: PartitionId,
        life: Incarnation,
        ledger: &LedgerWalk<'_>,
        seen: &mut Verified,
    ) -> Result<(), StoreError> {
        let cursor = self
            .snapshot
            .get_pinned_cf(self.columns.cursors, cursors::key(partition))?;
        let cursor = match cursor {
            Some(value) => cursors::decode(&value).ok_or(damaged(cursors::NAME))?,
            None => PartitionHead::START,
        };
        let mut before: Option<BatchHead> = None;
        let mut at = self.snapshot.raw_iterator_cf_opt(self.columns.batches, unread());
        at.seek(batches::key(partition, 0));
        for position in 1..=cursor.position {
            let broken = || StoreError::BrokenOrder { partition, position };
            let found = match at.item() {
                Some((key, value)) if key == batches::key(partition, position) => batches::decode(value),
                _ => None,
            };
            let (head, leaves) = found.ok_or_else(broken)?;
            let fits = (head.partition, head.position) == (partition, position)
                && head.previous == previous(before.as_ref(), &head)
                && before.as_ref().is_none_or(|b| b.stamp <= head.stamp)
                && BatchTree::new(leaves.iter().map(BatchLeaf::digest).collect()).root() == head.root;
            if !fits || !self.leaves_stand(&head, &leaves, ledger)? {
                return Err(broken());
            }
            seen.batches += 1;
            before = Some(head);
            at.next();
        }
        if at
            .key()
            .is_some_and(|key| key.starts_with(&cursors::key(partition)))
        {
            return Err(StoreError::BrokenOrder {
                partition,
                position: cursor.position.saturating_add(1),
            });
        }
        at.status()?;
        // A restored store has not written under its new life yet: then nothing is before it.
        let last = before
            .filter(|h| h.incarnation == life)
            .map_or(Digest([0; 32]), |h| h.digest());
        if cursor.head != last {
            return Err(StoreError::BrokenOrder {
                partition,
                position: cursor.position,
            });
        }
        Ok(())
    }

    /// Whether every leaf names an event that stands where it says, or such a step of the ledger.
    fn leaves_stand(
        &self,
        head: &BatchHead,
        leaves: &[BatchLeaf],
        ledger: &LedgerWalk<'_>,
    ) -> Result<bool, StoreError> {
        for leaf in leaves {
            let record = rows::record_at(&self.snapshot, &self.columns, &leaf.mailbox, leaf.seq)?;
            let stands = match record {
                Some(record) if record.hash == leaf.hash => true,
                _ => ledger.stands(&leaf.mailbox, leaf.seq, &leaf.hash, head.stamp)?,
            };
            if !stands {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The first batch of an incarnation has nothing before it.
fn previous(before: Option<&BatchHead>, head: &BatchHead) -> Digest {
    before
        .filter(|b| b.incarnation == head.incarnation)
        .map_or(Digest([0; 32]), BatchHead::digest)
}

/// One mailbox's chain while it is walked.
struct Chain<'a> {
    mailbox: &'a Mailbox,
    hash: Digest,
    total: u64,
    stamp: u64,
    kept: (u64, u64),
}

impl Chain<'_> {
    fn step(&mut self, record: &events::Record, payload: Option<&[u8]>) -> bool {
        let header = &record.header;
        self.hash = link(&self.hash, header, &record.payload_hash);
        self.total = self.total.saturating_add(u64::from(header.size));
        let in_time = header.stamp >= self.stamp;
        self.stamp = header.stamp;
        let kept = is_kept(self.mailbox, header.seq);
        if kept {
            self.kept = (
                self.kept.0.saturating_add(u64::from(header.size)),
                self.kept.1.saturating_add(1),
            );
        }
        let payload_fits = match payload {
            Some(bytes) => bytes.len() == header.size as usize && payload_hash(bytes) == record.payload_hash,
            // Payloads that are kept for a time may have gone before the mailbox accounts for it.
            None => !kept || self.mailbox.profile.policy.keep_ms.is_some(),
        };
        in_time && payload_fits && self.hash == record.hash && self.total == record.total
    }

    fn ends(&self) -> bool {
        let head = &self.mailbox.head;
        self.hash == head.hash && self.total == head.total && self.kept == (head.kept_bytes, head.kept_events)
    }
}

fn damaged(column: &'static str) -> StoreError {
    StoreError::Damaged { column }
}

/// A walk over everything must not push out what is hot.
fn unread() -> ReadOptions {
    let mut options = ReadOptions::default();
    options.fill_cache(false);
    options
}
