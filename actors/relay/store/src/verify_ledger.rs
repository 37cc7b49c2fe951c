//! Walking the dispense ledger: every entry must be what its steps have made of it.

use std::collections::BTreeMap;

use rocksdb::{ReadOptions, SnapshotWithThreadMode};
use telesphor_rules::ledger::entry::{Entry, Fill};
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{EntryId, MailboxId, PartitionId};
use telesphor_wire::ledger::StepKind;
use telesphor_wire::limits::{RX_ENTRY_LIFE_MS, RX_PARTS};
use telesphor_wire::sign::PublicKey;

use crate::columns::cursors;
use crate::columns::ledger::{self, Row};
use crate::database::{Columns, Database};
use crate::error::StoreError;
use crate::reader::PartitionHead;
use crate::upkeep::Verified;

type Snapshot<'a> = SnapshotWithThreadMode<'a, rocksdb::DB>;

const DAMAGED: StoreError = StoreError::Damaged { column: ledger::NAME };

/// The ledger at one instant, with the clocks that say what of it is over.
pub(crate) struct LedgerWalk<'a> {
    snapshot: &'a Snapshot<'a>,
    columns: &'a Columns<'a>,
    clocks: Vec<u64>,
}

/// One entry while it is walked.
struct Walked {
    id: EntryId,
    stands: Entry,
    known: BTreeMap<PublicKey, Fill>,
    made: Entry,
    fills: BTreeMap<PublicKey, Fill>,
}

impl<'a> LedgerWalk<'a> {
    pub(crate) fn of(
        database: &Database,
        snapshot: &'a Snapshot<'a>,
        columns: &'a Columns<'a>,
    ) -> Result<Self, StoreError> {
        let mut clocks = Vec::new();
        for n in 0..database.meta.partitions {
            let key = cursors::key(PartitionId(n));
            let stands = match snapshot.get_pinned_cf(columns.cursors, key)? {
                Some(value) => cursors::decode(&value).ok_or(StoreError::Damaged {
                    column: cursors::NAME,
                })?,
                None => PartitionHead::START,
            };
            clocks.push(stands.clock);
        }
        Ok(Self {
            snapshot,
            columns,
            clocks,
        })
    }

    fn clock(&self, entry: &EntryId) -> u64 {
        let count = u16::try_from(self.clocks.len()).unwrap_or(u16::MAX);
        let partition = PartitionId::of(&entry.place(), count);
        self.clocks.get(usize::from(partition.0)).copied().unwrap_or(0)
    }

    /// Walks every entry whose life is not over.
    pub(crate) fn entries(&self, seen: &mut Verified) -> Result<(), StoreError> {
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        let mut at = self.snapshot.raw_iterator_cf_opt(self.columns.ledger, options);
        at.seek_to_first();
        let mut walked: Option<Walked> = None;
        while let Some((key, value)) = at.item() {
            match ledger::parse_key(key).ok_or(DAMAGED)? {
                Row::Entry(id) => {
                    self.ends(walked.take(), seen)?;
                    let stands = ledger::decode_entry(value).ok_or(DAMAGED)?;
                    walked = Some(Walked {
                        id,
                        made: Entry::new(&id, stands.opened),
                        stands,
                        known: BTreeMap::new(),
                        fills: BTreeMap::new(),
                    });
                }
                Row::Fill(id, key) => {
                    let known = ledger::decode_fill(value).ok_or(DAMAGED)?;
                    match self.within(&mut walked, &id, seen)? {
                        Some(w) => _ = w.known.insert(key, known),
                        None => self.past(&id, 0, value)?,
                    }
                }
                Row::Step(id, seq) => {
                    let record = ledger::decode_step(value).ok_or(DAMAGED)?;
                    let Some(w) = self.within(&mut walked, &id, seen)? else {
                        self.past(&id, seq, value)?;
                        at.next();
                        continue;
                    };
                    if self.clock(&id) <= w.stands.ends() {
                        let broken = StoreError::BrokenLedger { entry: id, seq };
                        if record.step.seq != seq || record.step.entry != id {
                            return Err(broken);
                        }
                        w.made = w.made.after(&record.step).ok_or(broken)?;
                        if record.step.kind != StepKind::Cancelled {
                            let broken = StoreError::BrokenLedger { entry: id, seq };
                            let before = w.fills.get(&record.step.key);
                            let fill = Fill::after(before, &record.step).ok_or(broken)?;
                            w.fills.insert(record.step.key, fill);
                        }
                        seen.steps += 1;
                    }
                }
            }
            at.next();
        }
        at.status()?;
        self.ends(walked, seen)
    }

    /// A row whose entry is gone must be past its time itself, and only wait to be collected.
    fn past(&self, id: &EntryId, seq: u64, value: &[u8]) -> Result<(), StoreError> {
        let (until, _) = ledger::expiry(value).ok_or(DAMAGED)?;
        match self.clock(id) > until {
            true => Ok(()),
            false => Err(StoreError::BrokenLedger { entry: *id, seq }),
        }
    }

    /// The entry that a row belongs to.
    fn within<'w>(
        &self,
        walked: &'w mut Option<Walked>,
        id: &EntryId,
        seen: &mut Verified,
    ) -> Result<Option<&'w mut Walked>, StoreError> {
        if walked.as_ref().is_some_and(|w| w.id != *id) {
            self.ends(walked.take(), seen)?;
        }
        Ok(walked.as_mut())
    }

    fn ends(&self, walked: Option<Walked>, seen: &mut Verified) -> Result<(), StoreError> {
        let Some(w) = walked else { return Ok(()) };
        if self.clock(&w.id) > w.stands.ends() {
            return Ok(());
        }
        if w.made != w.stands || w.fills != w.known || w.made.confirmed > RX_PARTS {
            return Err(StoreError::BrokenLedger {
                entry: w.id,
                seq: w.stands.seq,
            });
        }
        seen.entries += 1;
        Ok(())
    }

    /// Whether a leaf of a batch stands for a step that is there, or whose time is over.
    pub(crate) fn stands(
        &self,
        place: &MailboxId,
        seq: u64,
        hash: &Digest,
        stamp: u64,
    ) -> Result<bool, StoreError> {
        let id = EntryId(place.0);
        let step = self
            .snapshot
            .get_pinned_cf(self.columns.ledger, ledger::step_key(&id, seq))?;
        if let Some(value) = step {
            let record = ledger::decode_step(&value).ok_or(DAMAGED)?;
            return Ok(record.step.digest() == *hash);
        }
        let now = self.clock(&id);
        let over = match self.snapshot.get_pinned_cf(self.columns.ledger, id.0)? {
            Some(value) => now > ledger::decode_entry(&value).ok_or(DAMAGED)?.ends(),
            // The entry outlives its steps by a life.
            None => now > stamp.saturating_add(RX_ENTRY_LIFE_MS),
        };
        Ok(over)
    }
}
