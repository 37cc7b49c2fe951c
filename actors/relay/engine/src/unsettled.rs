//! What this relay has decided and a majority has not agreed on yet.

use std::collections::BTreeMap;

use telesphor_order::{Origin, Position};
use telesphor_store::Applied;
use telesphor_wire::ids::PartitionId;

/// Decided records that wait for their answer. The order yields no more than it has room for.
#[derive(Default)]
pub(crate) struct Unsettled(BTreeMap<(PartitionId, Position), (Applied, Vec<Origin>)>);

impl Unsettled {
    pub(crate) fn wait(&mut self, applied: Applied, origins: Vec<Origin>) {
        self.0
            .insert((applied.partition, applied.position), (applied, origins));
    }

    /// Once.
    pub(crate) fn take(
        &mut self,
        partition: PartitionId,
        position: Position,
    ) -> Option<(Applied, Vec<Origin>)> {
        self.0.remove(&(partition, position))
    }
}
