//! What all partitions of one member share.

use std::collections::BTreeSet;
use std::sync::Arc;

use telesphor_wire::ids::Incarnation;
use telesphor_wire::sign::SigningKey;
use tokio::sync::watch;

use super::bus::Bus;
use super::clocks::Clocks;
use super::limits::Patience;
use super::memory::Memory;
use super::say::Seat;
use crate::member::Seats;

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
    /// Every relay votes in every partition.
    pub fn everywhere(cluster: Incarnation, relays: BTreeSet<Seat>, partitions: u16) -> Self {
        let all = Seats::new(relays.iter().copied());
        Self {
            cluster,
            relays,
            seats: (0..partitions).map(|_| all.clone()).collect(),
        }
    }
}

/// Who is to vote, by the cluster's record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Rises with every change of the record.
    pub edition: u64,
    /// By attesting key.
    pub relays: BTreeSet<Seat>,
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
