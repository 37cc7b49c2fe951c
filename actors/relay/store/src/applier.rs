//! The one write path: decide, write, sync, and only then answer.
//!
//! ```text
//!   group of batches -> rules decide, command by command, on the overlay
//!                    -> one write batch: events, payloads, heads, memory, batches, cursors
//!                    -> one synced write over all partitions     <- the promise is kept here
//!                    -> results
//! ```
//!
//! While a group is synced the next one can be decided: [`Applier::write_ahead`] leaves the sync to
//! the [`Syncer`]. It is the same write, and the line after which the promise is kept is there.
//!
//! A relay of a cluster writes two kinds of things in one: what was ordered, so that it can say
//! that it remembers it ([`Keep`], synced), and what the rules make of what a majority
//! remembers. The second needs no sync: it follows from the first, and is decided again if it
//! is lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rocksdb::{WriteBatch, WriteOptions};
use telesphor_rules::effects::{Decision, Effects, Place};
use telesphor_rules::facts::{At, DomainFacts, Facts, Token, token_hash};
use telesphor_rules::prepared::Prepared;
use telesphor_rules::{clock, decide};
use telesphor_wire::answer::Refusal;
use telesphor_wire::command::Command;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{PartitionId, Voucher};
use telesphor_wire::receipt::{BatchHead, BatchLeaf, BatchTree};

use crate::ahead::Written;
use crate::applied::{Applied, Done, Fresh, FreshPayload, Ordered, Outcome};
use crate::cache::Cache;
use crate::database::{Database, write_options};
use crate::error::{Fatal, StoreError};
use crate::faults::Operation;
use crate::keep::Keep;
use crate::note::Note;
use crate::overlay::Overlay;
use crate::reader::PartitionHead;
use crate::sheet::Sheet;
use crate::syncer::Syncer;

/// Leaves of one batch, at most (the depth of a receipt's path is bounded).
const MAX_LEAVES: usize = 1 << telesphor_wire::limits::MAX_PATH;
/// A write batch that grew beyond this is not kept for the next group, bytes.
const KEEP_BATCH_BYTES: usize = 16 << 20;

/// The store's only writer. Lives on a thread of its own, since it blocks on the disk.
pub struct Applier {
    database: Arc<Database>,
    domain: DomainFacts,
    partitions: Vec<PartitionHead>,
    cache: Cache,
    syncer: Syncer,
    batch: WriteBatch,
    scratch: Vec<u8>,
    synced: WriteOptions,
    unsynced: WriteOptions,
    last_write: Duration,
}

/// How a group reaches the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// Synced within the write.
    Synced,
    /// Synced by the [`Syncer`], and shown to nobody before.
    Ahead,
    /// When the system likes: a majority remembers it.
    Remembered,
}

impl Applier {
    pub(crate) fn new(
        database: Arc<Database>,
        domain: DomainFacts,
        partitions: Vec<PartitionHead>,
        cache_bytes: usize,
        note: Note,
    ) -> Self {
        Self {
            syncer: Syncer::new(database.clone(), note),
            database,
            domain,
            partitions,
            cache: Cache::new(cache_bytes),
            batch: WriteBatch::default(),
            scratch: Vec::with_capacity(4096),
            synced: write_options(true),
            unsynced: write_options(false),
            last_write: Duration::ZERO,
        }
    }

    /// The next batch of a partition follows on there: what stands so far was laid by another hand.
    pub(crate) fn stands_at(&mut self, partition: PartitionId, stands: PartitionHead) {
        if let Some(head) = self.partitions.get_mut(usize::from(partition.0)) {
            *head = stands;
        }
    }

    /// How long the last group took to be written and synced.
    pub fn last_write(&self) -> Duration {
        self.last_write
    }

    /// Decides every batch of a group in order, writes everything that follows in one batch,
    /// syncs once for all partitions, and only then answers.
    ///
    /// Batches of one partition must follow each other and the last one applied. Commands see
    /// the effects of all commands before them in the group.
    ///
    /// # Errors
    /// [`Fatal`]: nothing may be acknowledged, and the process must end
    /// ([`Fatal::OutOfOrder`] alone leaves the store as it was).
    pub fn apply(&mut self, group: &[Ordered]) -> Result<Vec<Applied>, Fatal> {
        self.round(&[], group, true)
    }

    /// [`Applier::apply`] for a relay of a cluster: `keeps` is written first, in the same write.
    /// Without `sync` the write is not waited for: only where a majority remembers the group.
    ///
    /// # Errors
    /// As [`Applier::apply`].
    pub fn round(&mut self, keeps: &[Keep], group: &[Ordered], sync: bool) -> Result<Vec<Applied>, Fatal> {
        let how = match sync || !keeps.is_empty() {
            true => How::Synced,
            false => How::Remembered,
        };
        Ok(self.carried_out(keeps, group, how)?.0)
    }

    /// [`Applier::apply`] without its sync. The results may be told to nobody before
    /// [`Syncer::sync`] has returned for this group or a later one; until then readers see the
    /// mailboxes that it changes as they were.
    ///
    /// # Errors
    /// As [`Applier::apply`].
    pub fn write_ahead(&mut self, group: &[Ordered]) -> Result<(Vec<Applied>, Written), Fatal> {
        self.carried_out(&[], group, How::Ahead)
    }

    /// Makes durable what is written ahead, and notes what was attested.
    pub fn syncer(&self) -> Syncer {
        self.syncer.clone()
    }

    fn carried_out(
        &mut self,
        keeps: &[Keep],
        group: &[Ordered],
        how: How,
    ) -> Result<(Vec<Applied>, Written), Fatal> {
        self.database.check()?;
        self.in_order(group)?;
        self.carry_out(keeps, group, how)
            .map_err(|e| self.database.fatal(e))
    }

    fn in_order(&self, group: &[Ordered]) -> Result<(), Fatal> {
        let mut next: BTreeMap<PartitionId, u64> = BTreeMap::new();
        for ordered in group {
            let (partition, found) = (ordered.partition, ordered.position);
            let stands = self.partitions.get(usize::from(partition.0)).map(|p| p.position);
            let expected = match (next.get(&partition), stands) {
                (Some(next), _) => *next,
                (None, Some(stands)) => stands.saturating_add(1),
                (None, None) => 0,
            };
            if found != expected || stands.is_none() {
                return Err(Fatal::OutOfOrder {
                    partition,
                    expected,
                    found,
                });
            }
            next.insert(partition, expected.saturating_add(1));
        }
        Ok(())
    }

    fn carry_out(
        &mut self,
        keeps: &[Keep],
        group: &[Ordered],
        how: How,
    ) -> Result<(Vec<Applied>, Written), StoreError> {
        let database = self.database.clone();
        let columns = database.columns()?;
        let prepared: Vec<Vec<Prepared<'_>>> = group.iter().map(Ordered::prepared).collect();
        let mut overlay = Overlay::load(&database, &columns, &mut self.cache, &prepared)?;
        let mut sheet = Sheet::new(&columns, &mut self.batch, &mut self.scratch);

        for keep in keeps {
            sheet.keep(keep);
        }
        let mut partitions = self.partitions.clone();
        let mut applied = Vec::with_capacity(group.len());
        let mut decided = 0;
        for (ordered, prepared) in group.iter().zip(&prepared) {
            let Some(stands) = partitions.get_mut(usize::from(ordered.partition.0)) else {
                continue;
            };
            let now = clock::advance(stands.clock, ordered.batch.stamp);
            let round = Round {
                domain: &self.domain,
                ordered,
                prepared,
                at: At {
                    partition: ordered.partition,
                    now,
                },
            };
            let done = round.run(&mut overlay, &mut sheet, &mut decided, stands, &database)?;
            *stands = PartitionHead {
                position: done.position,
                head: done.digest,
                clock: now,
            };
            sheet.cursor(ordered.partition, stands);
            applied.push(done);
        }
        for slot in overlay.slots.iter().filter(|s| s.changed) {
            if let Some(mailbox) = &slot.mailbox {
                sheet.mailbox(mailbox, slot.profile_changed);
            }
        }
        let began = Instant::now();
        let mut written = Written::default();
        if how == How::Synced {
            write(&database, &self.batch, &self.synced)?;
        } else {
            if how == How::Ahead {
                written = database.ahead.keep(overlay.changed());
            }
            database.faults.before(Operation::Write)?;
            database.db.write_opt(&self.batch, &self.unsynced)?;
        }
        self.last_write = began.elapsed();
        if how != How::Ahead {
            // ---- The promise is kept from here on: a crash before this line loses a group that
            // nobody was told of, a crash after it loses nothing.
            database.faults.before(Operation::Answer)?;
        }

        for slot in overlay.slots {
            if let Some(mailbox) = &slot.mailbox {
                self.cache.put(mailbox);
            }
        }
        for (clock, stands) in database.clocks.iter().zip(&partitions) {
            clock.store(stands.clock, Ordering::Relaxed);
        }
        self.partitions = partitions;
        if self.batch.size_in_bytes() > KEEP_BATCH_BYTES {
            self.batch = WriteBatch::default();
        }
        Ok((applied, written))
    }

    /// Registers an admission token, durably. Only its hash is kept.
    ///
    /// # Errors
    /// [`Fatal`] if it cannot be written.
    pub fn register_token(&mut self, token: &Voucher, entry: Token) -> Result<(), Fatal> {
        self.database.check()?;
        self.write_token(&token_hash(token), &entry)
            .map_err(|e| self.database.fatal(e))
    }

    fn write_token(&mut self, hash: &Digest, entry: &Token) -> Result<(), StoreError> {
        let database = self.database.clone();
        let columns = database.columns()?;
        Sheet::new(&columns, &mut self.batch, &mut self.scratch).token(hash, entry);
        write(&database, &self.batch, &self.synced)
    }
}

/// One write, synced. An error here is final: what a failed sync left on the disk is unknown,
/// and trying again would only hide it.
fn write(database: &Database, batch: &WriteBatch, synced: &WriteOptions) -> Result<(), StoreError> {
    database.faults.before(Operation::Write)?;
    if let Err(failed) = database.faults.before(Operation::Sync) {
        database.db.write_opt(batch, &write_options(false))?;
        return Err(failed.into());
    }
    Ok(database.db.write_opt(batch, synced)?)
}

/// One batch being decided.
struct Round<'a> {
    domain: &'a DomainFacts,
    ordered: &'a Ordered,
    prepared: &'a [Prepared<'a>],
    at: At,
}

impl Round<'_> {
    fn run(
        &self,
        overlay: &mut Overlay<'_>,
        sheet: &mut Sheet<'_>,
        decided: &mut usize,
        stands: &PartitionHead,
        database: &Database,
    ) -> Result<Applied, StoreError> {
        let (partition, position) = (self.ordered.partition, self.ordered.position);
        let mut leaves: Vec<BatchLeaf> = Vec::with_capacity(self.prepared.len());
        let mut outcomes = Vec::with_capacity(self.prepared.len());
        let mut fresh = Vec::with_capacity(self.prepared.len());
        for (index, prepared) in self.prepared.iter().enumerate() {
            overlay.turn_to(*decided);
            *decided += 1;
            let decision = self.decide(overlay, prepared, leaves.len());
            overlay.check()?;
            outcomes.push(match decision {
                Decision::Refused(refusal) => Outcome::Refused(refusal),
                Decision::Repeated(known) => Outcome::Repeated(Done {
                    place: known.place,
                    gave: known.gave,
                }),
                Decision::Told(gave) => Outcome::Told(gave),
                Decision::Accepted(effects) => {
                    let leaf = leaf_of(&effects);
                    let number = leaf.and(u32::try_from(leaves.len()).ok());
                    leaves.extend(leaf);
                    let place = Place {
                        partition,
                        position,
                        leaf: number,
                    };
                    Outcome::Accepted(self.accept(*effects, place, index, overlay, sheet, &mut fresh))
                }
            });
        }
        let tree = BatchTree::new(leaves.iter().map(BatchLeaf::digest).collect());
        let head = BatchHead {
            previous: stands.head,
            root: tree.root(),
            incarnation: database.meta.incarnation,
            partition,
            position,
            stamp: self.at.now,
            ext: Extensions::none(),
        };
        sheet.decided(&head, &leaves);
        let digest = head.digest();
        Ok(Applied {
            partition,
            position,
            head,
            digest,
            leaves,
            tree,
            outcomes,
            fresh,
        })
    }

    fn decide(&self, facts: &impl Facts, prepared: &Prepared<'_>, leaves: usize) -> Decision {
        if self.ordered.batch.ext.check(&[]).is_err() {
            return Decision::Refused(Refusal::of(ErrorCode::UnknownCritical));
        }
        if leaves >= MAX_LEAVES {
            return Decision::Refused(Refusal::of(ErrorCode::TooMany));
        }
        decide(self.domain, facts, prepared, self.at)
    }

    fn accept(
        &self,
        mut effects: Effects,
        place: Place,
        index: usize,
        overlay: &mut Overlay<'_>,
        sheet: &mut Sheet<'_>,
        fresh: &mut Vec<Fresh>,
    ) -> Done {
        let known = effects.remember.clone().at(place);
        let deposit = match self.prepared.get(index).map(|p| p.command) {
            Some(Command::Deposit(d)) => d.payload.as_ref(),
            _ => &[],
        };
        sheet.effects(&effects, deposit, self.ordered.partition, &known);
        let gave = known.gave.clone();
        overlay.absorb(&effects, known);
        if let (Some(event), Some(changed)) = (effects.event.take(), &effects.mailbox) {
            let payload = match event.payload {
                Some(own) => FreshPayload::Own(Arc::new(own)),
                None => FreshPayload::InBatch(self.ordered.batch.clone(), index),
            };
            fresh.push(Fresh {
                mailbox: changed.id,
                header: event.header,
                payload_hash: event.payload_hash,
                hash: changed.head.hash,
                payload,
            });
        }
        Done { place, gave }
    }
}

fn leaf_of(effects: &Effects) -> Option<BatchLeaf> {
    if let Some(change) = &effects.ledger {
        return Some(change.step.leaf());
    }
    effects.mailbox.as_ref().map(|m| BatchLeaf {
        mailbox: m.id,
        seq: m.head.seq,
        hash: m.head.hash,
    })
}
