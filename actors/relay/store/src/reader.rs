//! Reading, from any thread. Only what is durable is visible: the database shows a write only
//! after it was synced.

use std::sync::Arc;

use rocksdb::{IteratorMode, ReadOptions, SnapshotWithThreadMode};
use telesphor_rules::effects::Place;
use telesphor_rules::facts::{Stock, Token, token_hash};
use telesphor_rules::read::ReadSpan;
use telesphor_rules::state::{AccessRecord, Mailbox};
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{Incarnation, MailboxId, PartitionId, Voucher};
use telesphor_wire::mailbox::{Cursor, Event};
use telesphor_wire::receipt::{BatchLeaf, BatchTree, Receipt};
use telesphor_wire::sign::PublicKey;

use crate::applied;
use crate::columns::{access, batches, cursors, events, heads, packages, profiles, tokens};
use crate::database::{Columns, Database};
use crate::error::StoreError;

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
            let records = view.records(id, (after, to), bounds)?;
            page.events = view.with_payloads(&mailbox, span, records)?;
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

/// The store at one instant: head, profile, events and payloads that belong together.
struct View<'a> {
    database: &'a Database,
    columns: Columns<'a>,
    snapshot: SnapshotWithThreadMode<'a, rocksdb::DB>,
}

impl<'a> View<'a> {
    fn of(database: &'a Database) -> Result<Self, StoreError> {
        Ok(Self {
            database,
            columns: database.columns()?,
            snapshot: database.db.snapshot(),
        })
    }

    fn mailbox(&self, id: &MailboxId) -> Result<Option<Mailbox>, StoreError> {
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

    fn records(
        &self,
        id: &MailboxId,
        (after, to): (u64, u64),
        bounds: Bounds,
    ) -> Result<Vec<events::Record>, StoreError> {
        let damaged = StoreError::Damaged { column: events::NAME };
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(events::key(id, to.saturating_add(1)));
        let mut at = self.snapshot.raw_iterator_cf_opt(self.columns.events, options);
        at.seek(events::key(id, after.saturating_add(1)));
        let (mut records, mut bytes, mut expected) = (Vec::new(), 0usize, after.saturating_add(1));
        while records.len() < bounds.events && expected <= to {
            let Some((key, value)) = at.item() else { break };
            let record = events::parse_key(key)
                .filter(|(mailbox, seq)| mailbox == id && *seq == expected)
                .and_then(|(_, seq)| events::decode(seq, value));
            let Some(record) = record else { return Err(damaged) };
            bytes = bytes.saturating_add(record.header.size as usize);
            if !records.is_empty() && bytes > bounds.bytes {
                return Ok(records);
            }
            records.push(record);
            expected = expected.saturating_add(1);
            at.next();
        }
        at.status()?;
        if records.is_empty() {
            Err(damaged)
        } else {
            Ok(records)
        }
    }

    fn with_payloads(
        &self,
        mailbox: &Mailbox,
        span: &ReadSpan,
        records: Vec<events::Record>,
    ) -> Result<Vec<Event>, StoreError> {
        let shown = |r: &events::Record| is_kept(mailbox, r.header.seq) && span.shows(&r.header);
        let keys: Vec<_> = records
            .iter()
            .filter(|r| shown(r))
            .map(|r| events::key(&mailbox.id, r.header.seq))
            .collect();
        let mut options = ReadOptions::default();
        options.set_snapshot(&self.snapshot);
        let asked = keys.iter().map(|k| k.as_slice());
        let db = &self.database.db;
        let mut found = db
            .batched_multi_get_cf_slice_opt(self.columns.payloads, asked, true, &options)
            .into_iter();
        let mut out = Vec::with_capacity(records.len());
        for record in records {
            let payload = match shown(&record) {
                true => found
                    .next()
                    .transpose()?
                    .flatten()
                    .map(|value| value.as_ref().into()),
                false => None,
            };
            out.push(Event {
                header: record.header,
                payload_hash: record.payload_hash,
                payload,
            });
        }
        Ok(out)
    }
}

/// Whether the rules still keep the payload of an event.
pub(crate) fn is_kept(mailbox: &Mailbox, seq: u64) -> bool {
    seq > mailbox.head.floor && !mailbox.profile.holes.iter().any(|h| h.from <= seq && seq <= h.to)
}
