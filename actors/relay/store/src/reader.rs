//! Reading, from any thread. Only what is durable is visible.

use telesphor_rules::effects::Place;
use telesphor_rules::facts::{Stock, Token};
use telesphor_rules::read::ReadSpan;
use telesphor_rules::state::{AccessRecord, Mailbox};
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{Incarnation, MailboxId, PartitionId, Voucher};
use telesphor_wire::mailbox::{Cursor, Event};
use telesphor_wire::receipt::Receipt;
use telesphor_wire::sign::PublicKey;

use crate::error::StoreError;

/// A view of the store; cheap to clone.
#[derive(Clone)]
pub struct Reader {}

/// Where a partition stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionHead {
    /// Last position applied; 0 before the first.
    pub position: u64,
    /// Digest of its batch head; all zero before the first batch of an incarnation.
    pub head: Digest,
    /// The order's clock, Unix milliseconds.
    pub clock: u64,
}

/// One page of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// In order, without gaps.
    pub events: Vec<Event>,
    /// Where the mailbox stood when the page was read.
    pub head: Cursor,
    /// The last event that the span allows at this moment: the reader is current there.
    pub to: u64,
}

impl Reader {
    /// The life of this store.
    pub fn incarnation(&self) -> Incarnation {
        Incarnation([0; 32])
    }

    /// A mailbox as it durably stands.
    ///
    /// # Errors
    /// [`StoreError`] if the disk cannot be read or a record is damaged.
    pub fn mailbox(&self, _id: &MailboxId) -> Result<Option<Mailbox>, StoreError> {
        Err(StoreError::Poisoned)
    }

    /// The access key of an epoch.
    ///
    /// # Errors
    /// As [`Reader::mailbox`].
    pub fn access(
        &self,
        _id: &MailboxId,
        _branch: u32,
        _epoch: u64,
    ) -> Result<Option<AccessRecord>, StoreError> {
        Err(StoreError::Poisoned)
    }

    /// Events after a position, within a span that the rules allow: at least one if there is
    /// one, then as many as `max_bytes` of payload and `max_events` allow.
    ///
    /// Starting below the span's beginning begins at the span. Payloads that were erased, let
    /// go or are held back by the span are absent; hashes never are.
    ///
    /// # Errors
    /// As [`Reader::mailbox`]; an unknown mailbox gives [`StoreError::Damaged`].
    pub fn events(
        &self,
        _id: &MailboxId,
        _after: u64,
        _span: &ReadSpan,
        _max_bytes: usize,
        _max_events: usize,
    ) -> Result<Page, StoreError> {
        Err(StoreError::Poisoned)
    }

    /// Where a partition stands.
    ///
    /// # Errors
    /// As [`Reader::mailbox`].
    pub fn partition(&self, _partition: PartitionId) -> Result<PartitionHead, StoreError> {
        Err(StoreError::Poisoned)
    }

    /// The receipt of a command that was carried out, built again from its place, still
    /// without attestations. `None` for enrolments, which have none.
    ///
    /// # Errors
    /// As [`Reader::mailbox`].
    pub fn receipt(&self, _place: &Place) -> Result<Option<Receipt>, StoreError> {
        Err(StoreError::Poisoned)
    }

    /// Key packages waiting for a contact.
    ///
    /// # Errors
    /// As [`Reader::mailbox`].
    pub fn stock(&self, _id: &MailboxId, _contact: &PublicKey) -> Result<Stock, StoreError> {
        Err(StoreError::Poisoned)
    }

    /// An admission token as it stands.
    ///
    /// # Errors
    /// As [`Reader::mailbox`].
    pub fn token(&self, _token: &Voucher) -> Result<Option<Token>, StoreError> {
        Err(StoreError::Poisoned)
    }

    /// Whether a write has failed; nothing may be acknowledged any more.
    pub fn is_poisoned(&self) -> bool {
        true
    }
}
