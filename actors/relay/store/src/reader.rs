//! Reading, from any thread. Only what is durable is visible: mailboxes that a group has changed
//! which is written and not synced yet are shown as they were before it ([`crate::ahead`]).

use std::sync::Arc;

use rocksdb::{Direction, IteratorMode, ReadOptions, SnapshotWithThreadMode};
use telesphor_rules::effects::Place;
use telesphor_rules::facts::{Stock, Token, token_hash};
use telesphor_rules::read::ReadSpan;
use telesphor_rules::state::{AccessRecord, Mailbox};
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{Incarnation, MailboxId, PartitionId, Voucher};
use telesphor_wire::mailbox::{Cursor, Event};
use telesphor_wire::receipt::{BatchLeaf, BatchTree, Receipt};
use telesphor_wire::sign::PublicKey;

use crate::ahead::Ahead;
use crate::applied;
use crate::columns::{access, batches, cursors, events, heads, outboxes, packages, profiles, tokens};
use crate::database::{Columns, Database};
use crate::error::StoreError;
use crate::rows::Rows;

/// A view of the store; cheap to clone.
#[derive(Clone)]
pub struct Reader {
    database: Arc<Database>,
}

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

impl PartitionHead {
    /// Before the first batch.
    pub const START: Self = Self {
        position: 0,
        head: Digest([0; 32]),
        clock: 0,
    };
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

/// How much one page may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bounds {
    bytes: usize,
    events: usize,
}

impl Reader {
    /// Bytes in memory that are in the log and will be written to the disk once more before
    /// their part of the log goes. Asks no disk.
    ///
    /// # Errors
    /// [`StoreError::Disk`] if the database has failed.
    pub fn unflushed(&self) -> Result<u64, StoreError> {
        let mut sum = 0_u64;
        for cf in self.database.columns()?.all() {
            let bytes = self
                .database
                .db
                .property_int_value_cf(cf, c"rocksdb.cur-size-all-mem-tables")?;
            sum = sum.saturating_add(bytes.unwrap_or(0));
        }
        Ok(sum)
    }

    pub(crate) fn new(database: Arc<Database>) -> Self {
        Self { database }
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// The life of this store.
    pub fn incarnation(&self) -> Incarnation {
        self.database.meta.incarnation
    }

    /// A mailbox as it durably stands.
    ///
    /// # Errors
    /// [`StoreError`] if the disk cannot be read or a record is damaged.
    pub fn mailbox(&self, id: &MailboxId) -> Result<Option<Mailbox>, StoreError> {
        View::of(&self.database)?.mailbox(id)
    }

    /// The access key of an epoch.
    ///
    /// # Errors
    /// As [`Reader::mailbox`].
    pub fn access(
        &self,
        id: &MailboxId,
        branch: u32,
        epoch: u64,
    ) -> Result<Option<AccessRecord>, StoreError> {
        let c = self.database.columns()?;
        self.database.read(
            c.access,
            access::NAME,
            &access::key(id, branch, epoch),
            access::decode,
        )
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
        id: &MailboxId,
        after: u64,
        span: &ReadSpan,
        max_bytes: usize,
        max_events: usize,
    ) -> Result<Page, StoreError> {
        let view = View::of(&self.database)?;
        let mailbox = view
            .mailbox(id)?
            .ok_or(StoreError::Damaged { column: heads::NAME })?;
        let to = span.to.min(mailbox.head.seq);
        let after = after.max(span.after);
        let mut page = Page {
            events: Vec::new(),
            head: mailbox.cursor(),
            to,
        };
        if after < to {
            let bounds = Bounds {
                bytes: max_bytes,
                events: max_events.max(1),
            };
            page.events = view.page(&mailbox, (after, to), bounds, span)?;
        }
        Ok(page)
    }

    /// Where a partition stands.
    ///
    /// # Errors
    /// As [`Reader::mailbox`].
    pub fn partition(&self, partition: PartitionId) -> Result<PartitionHead, StoreError> {
        let c = self.database.columns()?;
        let stands = self.database.read(
            c.cursors,
            cursors::NAME,
            &cursors::key(partition),
            cursors::decode,
        )?;
        Ok(stands.unwrap_or(PartitionHead::START))
    }

    /// What was made of a position: the digest of its batch head.
    ///
    /// # Errors
    /// As [`Reader::mailbox`].
    pub fn decided(&self, partition: PartitionId, position: u64) -> Result<Option<Digest>, StoreError> {
        let c = self.database.columns()?;
        let key = batches::key(partition, position);
        let found = self
            .database
            .read(c.batches, batches::NAME, &key, batches::decode)?;
        Ok(found.map(|(head, _)| head.digest()))
    }

    /// The receipt of a command that was carried out, built again from its place, still
    /// without attestations. `None` for enrolments, which have none.
    ///
    /// # Errors
    /// As [`Reader::mailbox`].
    pub fn receipt(&self, place: &Place) -> Result<Option<Receipt>, StoreError> {
        let Some(leaf) = place.leaf else { return Ok(None) };
        let damaged = || StoreError::Damaged {
            column: batches::NAME,
        };
        let c = self.database.columns()?;
        let key = batches::key(place.partition, place.position);
        let (head, leaves) = self
            .database
            .read(c.batches, batches::NAME, &key, batches::decode)?
            .ok_or_else(damaged)?;
        let tree = BatchTree::new(leaves.iter().map(BatchLeaf::digest).collect());
        applied::receipt(&head, &leaves, &tree, leaf)
            .ok_or_else(damaged)
            .map(Some)
    }

    /// Key packages waiting for a contact.
    ///
    /// # Errors
    /// As [`Reader::mailbox`].
    pub fn stock(&self, id: &MailboxId, contact: &PublicKey) -> Result<Stock, StoreError> {
        let c = self.database.columns()?;
        let key = packages::stock_key(id, contact);
        let stock = self
            .database
            .read(c.packages, packages::NAME, &key, packages::decode)?;
        Ok(stock.unwrap_or_default())
    }

    /// Admission tokens as they stand, by their hash; at most `max`.
    ///
    /// # Errors
    /// As [`Reader::mailbox`].
    pub fn tokens(&self, max: usize) -> Result<Vec<(Digest, Token)>, StoreError> {
        let c = self.database.columns()?;
        let damaged = || StoreError::Damaged { column: tokens::NAME };
        let mut found = Vec::new();
        for item in self
            .database
            .db
            .iterator_cf(c.tokens, IteratorMode::Start)
            .take(max)
        {
            let (key, value) = item?;
            let hash = <[u8; 32]>::try_from(key.as_ref()).map_err(|_| damaged())?;
            found.push((Digest(hash), tokens::decode(&value).ok_or_else(damaged)?));
        }
        Ok(found)
    }

    /// Mailboxes from which something is, or was, to be passed on to another domain.
    ///
    /// # Errors
    /// As [`Reader::mailbox`].
    pub fn outboxes(&self) -> Result<Vec<MailboxId>, StoreError> {
        let c = self.database.columns()?;
        let from = IteratorMode::From(outboxes::PREFIX, Direction::Forward);
        let mut found = Vec::new();
        for item in self.database.db.iterator_cf(c.meta, from) {
            let (key, value) = item?;
            let Some(mailbox) = outboxes::mailbox(&key) else {
                break;
            };
            let column = outboxes::NAME;
            let last = outboxes::decode(&value).ok_or(StoreError::Damaged { column })?;
            // Its owner has taken note of everything: nothing of it is under way.
            let open = |m: Mailbox| !m.profile.closed && m.head.floor < last;
            if self.mailbox(&mailbox)?.is_some_and(open) {
                found.push(mailbox);
            }
        }
        Ok(found)
    }

    /// An admission token as it stands.
    ///
    /// # Errors
    /// As [`Reader::mailbox`].
    pub fn token(&self, token: &Voucher) -> Result<Option<Token>, StoreError> {
        let c = self.database.columns()?;
        self.database
            .read(c.tokens, tokens::NAME, &token_hash(token).0, tokens::decode)
    }

    /// Whether a write has failed; nothing may be acknowledged any more.
    pub fn is_poisoned(&self) -> bool {
        self.database.is_poisoned()
    }
}

/// The store at one instant: head, profile and events that belong together.
struct View<'a> {
    ahead: &'a Ahead,
    columns: Columns<'a>,
    snapshot: SnapshotWithThreadMode<'a, rocksdb::DB>,
}

impl<'a> View<'a> {
    fn of(database: &'a Database) -> Result<Self, StoreError> {
        Ok(Self {
            ahead: &database.ahead,
            columns: database.columns()?,
            snapshot: database.db.snapshot(),
        })
    }

    fn mailbox(&self, id: &MailboxId) -> Result<Option<Mailbox>, StoreError> {
        if let Some(durable) = self.ahead.durable(id) {
            return Ok(durable);
        }
        let Some(head) = self.snapshot.get_pinned_cf(self.columns.heads, id.0)? else {
            return Ok(None);
        };
        let profile = self.snapshot.get_pinned_cf(self.columns.profiles, id.0)?;
        let head = heads::decode(&head).ok_or(StoreError::Damaged { column: heads::NAME })?;
        let profile = profile.and_then(|p| profiles::decode(&p));
        let profile = profile.ok_or(StoreError::Damaged {
            column: profiles::NAME,
        })?;
        Ok(Some(Mailbox {
            id: *id,
            head,
            profile: Arc::new(profile),
        }))
    }

    /// Payloads are absent where the span does not show them or the rules do not keep them.
    fn page(
        &self,
        mailbox: &Mailbox,
        stretch: (u64, u64),
        bounds: Bounds,
        span: &ReadSpan,
    ) -> Result<Vec<Event>, StoreError> {
        let mut rows = Rows::of(
            &self.snapshot,
            &self.columns,
            mailbox.id,
            stretch,
            ReadOptions::default,
        );
        let (mut events, mut bytes) = (Vec::new(), 0usize);
        while events.len() < bounds.events {
            let take = |record: events::Record, payload: Option<&[u8]>| {
                bytes = bytes.saturating_add(record.header.size as usize);
                let fits = events.is_empty() || bytes <= bounds.bytes;
                let shown = is_kept(mailbox, record.header.seq) && span.shows(&record.header);
                fits.then(|| Event {
                    payload: payload.filter(|_| shown).map(Into::into),
                    header: record.header,
                    payload_hash: record.payload_hash,
                })
            };
            match rows.next(take, |_| StoreError::Damaged { column: events::NAME })? {
                Some(Some(event)) => events.push(event),
                Some(None) | None => break,
            }
        }
        Ok(events)
    }
}

/// Whether the rules still keep the payload of an event.
pub(crate) fn is_kept(mailbox: &Mailbox, seq: u64) -> bool {
    seq > mailbox.head.floor && !mailbox.profile.holes.iter().any(|h| h.from <= seq && seq <= h.to)
}
