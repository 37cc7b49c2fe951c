//! The dispense ledger as one group sees it: what is on disk, under what the group has done so far.

use std::collections::HashMap;

use telesphor_rules::effects::{Effects, Remembered};
use telesphor_rules::facts::StepRecord;
use telesphor_rules::ledger::entry::{Entry, Fill};
use telesphor_rules::prepared::{Depositor, Prepared};
use telesphor_wire::command::Command;
use telesphor_wire::ids::EntryId;
use telesphor_wire::sign::PublicKey;

use crate::columns::ledger;
use crate::database::{Columns, Database};
use crate::error::StoreError;

/// Rows of the ledger that the group has read or written. What is absent was not asked for.
#[derive(Default)]
pub(crate) struct Rows {
    entries: HashMap<EntryId, Option<Entry>>,
    fills: HashMap<(EntryId, PublicKey), Option<Fill>>,
    steps: HashMap<(EntryId, u64), StepRecord>,
}

impl Rows {
    /// Fetches what the acts of a group will ask for, all at once.
    pub(crate) fn load(
        db: &Database,
        columns: &Columns<'_>,
        group: &[Vec<Prepared<'_>>],
    ) -> Result<Self, StoreError> {
        let mut rows = Self::default();
        let mut keys: Vec<Vec<u8>> = Vec::new();
        for prepared in group.iter().flatten() {
            let Command::Ledger(command) = prepared.command else {
                continue;
            };
            if rows.entries.insert(command.entry, None).is_none() {
                keys.push(command.entry.0.to_vec());
            }
            if let Depositor::Signed(key) = prepared.depositor
                && rows.fills.insert((command.entry, key), None).is_none()
            {
                keys.push(ledger::fill_key(&command.entry, &key).to_vec());
            }
        }
        if keys.is_empty() {
            return Ok(rows);
        }
        keys.sort_unstable();
        let asked = keys.iter().map(Vec::as_slice);
        let found = db.db.batched_multi_get_cf_slice(columns.ledger, asked, true);
        let damaged = StoreError::Damaged { column: ledger::NAME };
        for (key, value) in keys.iter().zip(found) {
            let Some(value) = value? else { continue };
            let fits = match ledger::parse_key(key) {
                Some(ledger::Row::Entry(id)) => {
                    ledger::decode_entry(&value).map(|entry| _ = rows.entries.insert(id, Some(entry)))
                }
                Some(ledger::Row::Fill(id, key)) => {
                    ledger::decode_fill(&value).map(|fill| _ = rows.fills.insert((id, key), Some(fill)))
                }
                _ => None,
            };
            if fits.is_none() {
                return Err(damaged);
            }
        }
        Ok(rows)
    }

    /// Lets the acts that follow see an accepted one.
    pub(crate) fn absorb(&mut self, effects: &Effects, known: &Remembered) {
        let Some(change) = &effects.ledger else { return };
        let id = change.step.entry;
        self.entries.insert(id, Some(change.entry.clone()));
        if let Some(fill) = change.fill {
            self.fills.insert((id, change.step.key), Some(fill));
        }
        let step = change.step.clone();
        let place = known.place;
        self.steps.insert((id, step.seq), StepRecord { step, place });
    }

    pub(crate) fn entry(&self, id: &EntryId, read: impl FnOnce() -> Option<Entry>) -> Option<Entry> {
        self.entries.get(id).cloned().unwrap_or_else(read)
    }

    pub(crate) fn fill(
        &self,
        id: &EntryId,
        key: &PublicKey,
        read: impl FnOnce() -> Option<Fill>,
    ) -> Option<Fill> {
        self.fills.get(&(*id, *key)).copied().unwrap_or_else(read)
    }

    pub(crate) fn step(
        &self,
        id: &EntryId,
        seq: u64,
        read: impl FnOnce() -> Option<StepRecord>,
    ) -> Option<StepRecord> {
        self.steps.get(&(*id, seq)).cloned().or_else(read)
    }
}
