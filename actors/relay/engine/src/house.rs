//! Where to find everybody: the partitions' actors, the mailboxes that are awake.

use std::sync::Arc;

use ractor::{ActorCell, ActorRef};
use telesphor_order::Order;
use telesphor_wire::ids::MailboxId;

use crate::actors::partition::{Partition, PartitionMessage};
use crate::actors::registry::{Lease, Registry};
use crate::core::Core;
use crate::submit::Item;

/// The engine's parts, as a session finds them.
pub(crate) struct House {
    pub(crate) core: Arc<Core>,
    pub(crate) order: Arc<dyn Order>,
    pub(crate) registry: Arc<Registry>,
    /// By number.
    pub(crate) partitions: Vec<Arc<Partition>>,
    pub(crate) partition_actors: Vec<ActorRef<PartitionMessage>>,
    pub(crate) supervisor: ActorCell,
}

impl House {
    /// Wakes a mailbox, or finds it awake. `None` if too many are.
    pub(crate) fn lease(&self, mailbox: MailboxId) -> Option<Lease> {
        let partition = self.core.partition_of(&mailbox);
        let actor = self.partition_actors.get(usize::from(partition.0))?;
        self.registry.lease(mailbox, actor, &self.supervisor)
    }

    /// Hands commands that concern one mailbox over, in their order.
    pub(crate) fn submit(&self, mailbox: MailboxId, items: Vec<Item>) {
        match self.lease(mailbox) {
            Some(lease) => lease.admit(items),
            None => items.into_iter().for_each(|item| item.ticket.busy()),
        }
    }
}
