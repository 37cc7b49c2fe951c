//! A member's disk in memory: what was kept, and what was decided.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use telesphor_order::Position;
use telesphor_order::cluster::{Keep, Memory, Unreadable};
use telesphor_wire::hash::{Digest, hash};
use telesphor_wire::ids::PartitionId;
use telesphor_wire::labels::HashLabel;

#[derive(Clone, Default)]
pub(crate) struct Lane {
    pub(crate) standing: Option<Vec<u8>>,
    pub(crate) entries: BTreeMap<Position, Vec<u8>>,
    /// Commands in the order in which they were decided, each once.
    pub(crate) decided: Vec<u64>,
    /// Digest of each position.
    pub(crate) heads: Vec<Digest>,
}

/// Survives its member.
#[derive(Default)]
pub(crate) struct Disk {
    lanes: Mutex<BTreeMap<PartitionId, Lane>>,
    /// Bytes of the largest write.
    largest: AtomicUsize,
    /// Its member dies before an entry from here on is written; 0: it does not.
    deadly: AtomicU64,
}

impl Disk {
    /// The member dies before it writes an entry at or behind this position; 0: it does not.
    pub(crate) fn kills_at(&self, position: Position) {
        self.deadly.store(position, Ordering::SeqCst);
    }

    /// Whether a write is the member's death.
    pub(crate) fn is_deadly(&self, keep: &Keep) -> bool {
        let from = self.deadly.load(Ordering::SeqCst);
        from > 0 && keep.entries.iter().any(|(n, _)| *n >= from)
    }

    /// Bytes of the largest write so far.
    pub(crate) fn largest_write(&self) -> usize {
        self.largest.load(Ordering::SeqCst)
    }

    pub(crate) fn keep(&self, keep: &Keep) {
        let bytes = keep.entries.iter().map(|(_, bytes)| bytes.len()).sum();
        self.largest.fetch_max(bytes, Ordering::SeqCst);
        let mut lanes = self.lanes.lock().unwrap();
        let lane = lanes.entry(keep.partition).or_default();
        if let Some(above) = keep.cut_above {
            lane.entries.split_off(&(above + 1));
        }
        for (n, bytes) in &keep.entries {
            lane.entries.insert(*n, bytes.clone());
        }
        if let Some(standing) = &keep.standing {
            lane.standing = Some(standing.clone());
        }
        if let Some(to) = keep.forget_to {
            lane.entries = lane.entries.split_off(&(to + 1));
        }
    }

    /// Decides a position: commands that were decided before do nothing.
    pub(crate) fn decide(&self, partition: PartitionId, commands: &[u64]) -> Digest {
        let mut lanes = self.lanes.lock().unwrap();
        let lane = lanes.entry(partition).or_default();
        for command in commands {
            if !lane.decided.contains(command) {
                lane.decided.push(*command);
            }
        }
        let before = lane.heads.last().copied().unwrap_or(Digest([0; 32]));
        let head = hash(HashLabel::BatchHead, &(before, commands));
        lane.heads.push(head);
        head
    }

    /// The first entry that is still kept.
    pub(crate) fn first_kept(&self, partition: PartitionId) -> Position {
        let lanes = self.lanes.lock().unwrap();
        let first = lanes
            .get(&partition)
            .and_then(|l| l.entries.keys().next().copied());
        first.unwrap_or(0)
    }

    /// The last entry that is kept.
    pub(crate) fn last_kept(&self, partition: PartitionId) -> Position {
        let lanes = self.lanes.lock().unwrap();
        let last = lanes
            .get(&partition)
            .and_then(|l| l.entries.keys().next_back().copied());
        last.unwrap_or(0)
    }

    /// Entries that are kept and not decided.
    pub(crate) fn undecided(&self, partition: PartitionId) -> usize {
        let lanes = self.lanes.lock().unwrap();
        let waits = |lane: &Lane| lane.entries.len().saturating_sub(lane.heads.len());
        lanes.get(&partition).map_or(0, waits)
    }

    pub(crate) fn applied(&self, partition: PartitionId) -> Position {
        let lanes = self.lanes.lock().unwrap();
        lanes.get(&partition).map_or(0, |lane| lane.heads.len() as u64)
    }

    pub(crate) fn decided(&self, partition: PartitionId) -> Vec<u64> {
        let lanes = self.lanes.lock().unwrap();
        lanes
            .get(&partition)
            .map(|lane| lane.decided.clone())
            .unwrap_or_default()
    }

    pub(crate) fn copy(&self) -> Self {
        Self {
            lanes: Mutex::new(self.lanes.lock().unwrap().clone()),
            ..Self::default()
        }
    }
}

impl Memory for Disk {
    fn standing(&self, partition: PartitionId) -> Result<Option<Vec<u8>>, Unreadable> {
        let lanes = self.lanes.lock().unwrap();
        Ok(lanes.get(&partition).and_then(|lane| lane.standing.clone()))
    }

    fn entries(
        &self,
        partition: PartitionId,
        from: Position,
        bytes: usize,
    ) -> Result<Vec<(Position, Vec<u8>)>, Unreadable> {
        let lanes = self.lanes.lock().unwrap();
        let Some(lane) = lanes.get(&partition) else {
            return Ok(Vec::new());
        };
        let (mut page, mut size) = (Vec::new(), 0);
        for (n, entry) in lane.entries.range(from..) {
            size += entry.len();
            if size > bytes && !page.is_empty() {
                break;
            }
            page.push((*n, entry.clone()));
        }
        Ok(page)
    }

    fn last(&self, partition: PartitionId) -> Result<Option<(Position, Vec<u8>)>, Unreadable> {
        let lanes = self.lanes.lock().unwrap();
        let last = lanes
            .get(&partition)
            .and_then(|lane| lane.entries.last_key_value());
        Ok(last.map(|(n, entry)| (*n, entry.clone())))
    }

    fn decided(&self, partition: PartitionId, position: Position) -> Result<Option<Digest>, Unreadable> {
        let lanes = self.lanes.lock().unwrap();
        let lane = lanes.get(&partition);
        Ok(position
            .checked_sub(1)
            .and_then(|at| lane?.heads.get(at as usize).copied()))
    }
}
