//! What all partitions of one member share.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use telesphor_wire::ids::{Incarnation, PartitionId};
use telesphor_wire::sign::SigningKey;
use tokio::sync::watch;

use super::bus::Bus;
use super::clocks::Clocks;
use super::limits::Patience;
use super::memory::Memory;
use super::say::Seat;
use crate::member::{Seats, placement};

/// Who was in a cluster when it was founded, and how its partitions are laid out. Never changes.
#[derive(Clone, Debug)]
pub struct Founding {
    /// Names the cluster's history, in receipts too.
    pub cluster: Incarnation,
    /// All relays, by attesting key.
    pub relays: BTreeSet<Seat>,
    /// Who votes first, by partition.
    pub seats: Vec<Seats<Seat>>,
}

impl Founding {
    /// So many relays vote in each partition, all of them if there are no more.
    pub fn placed(
        cluster: Incarnation,
        relays: BTreeSet<Seat>,
        partitions: u16,
        replicas: Option<usize>,
    ) -> Self {
        let replicas = replicas.unwrap_or(relays.len());
        let seats = |n| Seats::new(placement::keepers(PartitionId(n), &relays, replicas));
        Self {
            cluster,
            seats: (0..partitions).map(seats).collect(),
            relays,
        }
    }

    /// Every relay votes in every partition.
    pub fn everywhere(cluster: Incarnation, relays: BTreeSet<Seat>, partitions: u16) -> Self {
        Self::placed(cluster, relays, partitions, None)
    }
}

/// Who is to vote, by the cluster's record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Rises with every change of the record.
    pub edition: u64,
    /// By attesting key.
    pub relays: BTreeSet<Seat>,
    /// How many of them keep each partition; all, if that is not said.
    pub replicas: Option<usize>,
}

impl Wanted {
    /// Who is to vote in a partition.
    pub fn seats(&self, partition: PartitionId) -> BTreeSet<Seat> {
        let replicas = self.replicas.unwrap_or(self.relays.len());
        placement::keepers(partition, &self.relays, replicas)
    }

    /// How many relays vote in each partition.
    pub fn voting(&self) -> usize {
        self.replicas
            .map_or(self.relays.len(), |n| n.min(self.relays.len()))
    }
}

/// How a cluster's order is started.
pub struct ClusterConfig {
    /// Who was in it at first.
    pub founding: Founding,
    /// Who is to vote now, by the cluster's record. Where it differs from those who do, one seat
    /// after the other changes hands.
    pub wanted: watch::Receiver<Wanted>,
    /// This member.
    pub key: SigningKey,
    /// Its clock and the others'.
    pub clocks: Arc<Clocks>,
    /// The versions of the rules that its program can decide by.
    pub rules: RangeInclusive<u16>,
    /// How long it waits for what.
    pub patience: Patience,
    /// Submissions that wait in one partition, at most.
    pub waiting_submissions: usize,
}

/// What all partitions of one member share.
pub(crate) struct Context<B> {
    pub(crate) founding: Founding,
    pub(crate) wanted: watch::Receiver<Wanted>,
    pub(crate) key: SigningKey,
    pub(crate) me: Seat,
    pub(crate) clocks: Arc<Clocks>,
    pub(crate) rules: RangeInclusive<u16>,
    pub(crate) patience: Patience,
    pub(crate) bus: Arc<B>,
    pub(crate) memory: Arc<dyn Memory>,
}

impl<B: Bus> Context<B> {
    /// Whether somebody is, or was at first, a relay of this cluster.
    pub(crate) fn knows(&self, seat: &Seat) -> bool {
        self.founding.relays.contains(seat) || self.wanted.borrow().relays.contains(seat)
    }
}
