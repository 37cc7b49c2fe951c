//! Where to find everybody: the partitions' actors, the mailboxes that are awake.

use std::sync::Arc;

use ractor::ActorCell;
use telesphor_order::Order;
use telesphor_wire::ids::{MailboxId, PartitionId};

use crate::actors::registry::{Lease, Registry};
use crate::core::Core;
use crate::partition::Partition;
use crate::submit::Item;

/// The engine's parts, as a session finds them.
pub(crate) struct House {
    pub(crate) core: Arc<Core>,
    pub(crate) order: Arc<dyn Order>,
    pub(crate) registry: Arc<Registry>,
    /// By number.
    pub(crate) partitions: Vec<Arc<Partition>>,
    pub(crate) supervisor: ActorCell,
}

impl House {
    /// Wakes a mailbox, or finds it awake. `None` if too many are.
    pub(crate) fn lease(&self, mailbox: MailboxId) -> Option<Lease> {
        self.registry.lease(mailbox, &self.supervisor)
    }

    /// Hands commands that concern one mailbox over, in their order. Waits for nothing.
    pub(crate) fn submit(&self, mailbox: MailboxId, items: Vec<Item>) {
        let Some((away, partition)) = self.core.away_for(&mailbox) else {
            return self.submit_here(mailbox, items);
        };
        let Some(lease) = self.lease(mailbox) else {
            return items.into_iter().for_each(|item| item.ticket.busy());
        };
        let admitted = lease.admit(&self.core, items);
        if !admitted.is_empty() {
            away.pass_on(&self.core, partition, mailbox, admitted);
        }
    }

    /// The same for a mailbox that is kept here.
    pub(crate) fn submit_here(&self, mailbox: MailboxId, items: Vec<Item>) {
        let partition = self.partition(self.core.partition_of(&mailbox));
        let (Some(lease), Some(partition)) = (self.lease(mailbox), partition) else {
            return items.into_iter().for_each(|item| item.ticket.busy());
        };
        let admitted = lease.admit(&self.core, items);
        if !admitted.is_empty() {
            partition.submit(&self.core, &*self.order, admitted);
        }
    }

    /// A partition, kept here or not.
    pub(crate) fn partition(&self, partition: PartitionId) -> Option<&Arc<Partition>> {
        self.partitions.get(usize::from(partition.0))
    }
}
