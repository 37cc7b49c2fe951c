//! The one write path.

use telesphor_rules::facts::Token;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{PartitionId, Voucher};

use crate::applied::{Applied, Ordered};
use crate::error::{Fatal, StoreError};

/// The store's only writer. Lives on a thread of its own, since it blocks on the disk.
pub struct Applier {}

impl Applier {
    /// Decides every batch of a group in order, writes everything that follows in one batch,
    /// syncs once for all partitions, and only then answers.
    ///
    /// Batches of one partition must follow each other and the last one applied. Commands see
    /// the effects of all commands before them in the group.
    ///
    /// # Errors
    /// [`Fatal`]: nothing may be acknowledged, and the process must end
    /// ([`Fatal::OutOfOrder`] alone leaves the store as it was).
    pub fn apply(&mut self, _group: &[Ordered]) -> Result<Vec<Applied>, Fatal> {
        Err(Fatal::Store(StoreError::Poisoned))
    }

    /// Notes what this relay has attested, so that a store which lost it is found out when it
    /// is opened next. Cheap; call it after each group. Synced by [`Applier::sync_note`].
    ///
    /// # Errors
    /// [`Fatal`] if the note cannot be written.
    pub fn note_attested(
        &mut self,
        _partition: PartitionId,
        _position: u64,
        _head: &Digest,
    ) -> Result<(), Fatal> {
        Err(Fatal::Store(StoreError::Poisoned))
    }

    /// Syncs the note of attested heads: about once a second, and before the process ends.
    ///
    /// # Errors
    /// [`Fatal`] if the sync fails.
    pub fn sync_note(&mut self) -> Result<(), Fatal> {
        Err(Fatal::Store(StoreError::Poisoned))
    }

    /// Registers an admission token, durably. Only its hash is kept.
    ///
    /// # Errors
    /// [`Fatal`] if it cannot be written.
    pub fn register_token(&mut self, _token: &Voucher, _entry: Token) -> Result<(), Fatal> {
        Err(Fatal::Store(StoreError::Poisoned))
    }
}
