//! What a member has on its disk: read here, written by the engine's writer ([`Keep`]).

use telesphor_wire::hash::Digest;
use telesphor_wire::ids::PartitionId;

use crate::record::Position;

/// The disk could not be read. The store says more to its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what was kept cannot be read")]
pub struct Unreadable;

/// Reads what a member kept. Blocks on the disk.
pub trait Memory: Send + Sync + 'static {
    /// What it stands by, as it was kept last.
    ///
    /// # Errors
    /// [`Unreadable`].
    fn standing(&self, partition: PartitionId) -> Result<Option<Vec<u8>>, Unreadable>;

    /// Entries from a position on, in their order: at least one if there is one, then as many as
    /// fit into so many bytes.
    ///
    /// # Errors
    /// [`Unreadable`].
    fn entries(
        &self,
        partition: PartitionId,
        from: Position,
        bytes: usize,
    ) -> Result<Vec<(Position, Vec<u8>)>, Unreadable>;

    /// The last entry.
    ///
    /// # Errors
    /// [`Unreadable`].
    fn last(&self, partition: PartitionId) -> Result<Option<(Position, Vec<u8>)>, Unreadable>;

    /// What the rules made of a position: the digest of its batch head.
    ///
    /// # Errors
    /// [`Unreadable`].
    fn decided(&self, partition: PartitionId, position: Position) -> Result<Option<Digest>, Unreadable>;
}

/// What a member must have on its disk before something is said that depends on it: all of it in
/// one write, synced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Given back with [`crate::Feed::kept`].
    pub ticket: u64,
    /// Which partition.
    pub partition: PartitionId,
    /// Entries above this position go first: they were never chosen.
    pub cut_above: Option<Position>,
    /// New entries.
    pub entries: Vec<(Position, Vec<u8>)>,
    /// What it stands by from now on, if that changes.
    pub standing: Option<Vec<u8>>,
    /// Entries up to this position are needed by nobody.
    pub forget_to: Option<Position>,
}
