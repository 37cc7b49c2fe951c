//! The store as a member's memory: what the order keeps there, and reads again.

use std::sync::Arc;

use telesphor_order::Position;
use telesphor_order::cluster::{self, Memory, Unreadable};
use telesphor_store::{Keep, Reader, StoreError};
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::PartitionId;

/// A store's reader as the memory that a cluster's order reads.
pub fn memory(reader: Reader) -> Arc<dyn Memory> {
    Arc::new(Kept(reader))
}

struct Kept(Reader);

fn unreadable(_: StoreError) -> Unreadable {
    Unreadable
}

impl Memory for Kept {
    fn standing(&self, partition: PartitionId) -> Result<Option<Vec<u8>>, Unreadable> {
        self.0.standing(partition).map_err(unreadable)
    }

    fn entries(
        &self,
        partition: PartitionId,
        from: Position,
        bytes: usize,
    ) -> Result<Vec<(Position, Vec<u8>)>, Unreadable> {
        self.0.ordered(partition, from, bytes).map_err(unreadable)
    }

    fn last(&self, partition: PartitionId) -> Result<Option<(Position, Vec<u8>)>, Unreadable> {
        self.0.last_ordered(partition).map_err(unreadable)
    }

    fn decided(&self, partition: PartitionId, position: Position) -> Result<Option<Digest>, Unreadable> {
        self.0.decided(partition, position).map_err(unreadable)
    }
}

/// What the order asks to be kept, as the store writes it.
pub(crate) fn kept(keep: cluster::Keep) -> Keep {
    Keep {
        partition: keep.partition,
        cut_above: keep.cut_above,
        entries: keep.entries,
        standing: keep.standing,
        forget_to: keep.forget_to,
    }
}
