//! The facts as one group sees them: what is on disk, under what the group has done so far.
//!
//! Everything that every command needs (its mailbox, the memory of its id) is fetched for the
//! whole group at once, sorted, before the first decision: a group costs a handful of batched
//! reads, not a few reads per command.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use telesphor_rules::effects::{Effects, Remembered};
use telesphor_rules::facts::{EventMark, Facts, MemoryKey, PackageId, StepRecord, Stock, Token};
use telesphor_rules::ledger::entry::{Entry, Fill};
use telesphor_rules::prepared::Prepared;
use telesphor_rules::state::{AccessRecord, Mailbox};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{EntryId, MailboxId};
use telesphor_wire::sign::PublicKey;

use crate::ahead::Changed;
use crate::cache::Cache;
use crate::columns::{access, heads, ledger, memory, packages, profiles, tokens};
use crate::database::{Columns, Database};
use crate::error::StoreError;
use crate::ledger::Rows;
use crate::rows;

/// A mailbox touched by the group.
pub(crate) struct Slot {
    id: MailboxId,
    pub(crate) mailbox: Option<Mailbox>,
    /// As it was before the group, if the group changed it.
    pub(crate) before: Option<Mailbox>,
    pub(crate) changed: bool,
    pub(crate) profile_changed: bool,
    /// Events of the group, and the number of the first of them.
    marks: Vec<EventMark>,
    first: u64,
}

impl Slot {
    fn mark(&self, seq: u64) -> Option<EventMark> {
        let nth = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        self.marks.get(nth).copied()
    }
}

/// What is remembered of a command's id.
struct Known {
    /// The key that was asked for.
    key: MemoryKey,
    record: Option<Remembered>,
    /// The next command of the group under the same key.
    next: Option<usize>,
}

pub(crate) struct Overlay<'a> {
    db: &'a Database,
    columns: &'a Columns<'a>,
    index: HashMap<MailboxId, usize>,
    pub(crate) slots: Vec<Slot>,
    /// The slot of each command's mailbox.
    places: Vec<Option<usize>>,
    /// Memory as it was on disk and as the group has made it, one per command of the group.
    known: Vec<Known>,
    /// Which command is being decided.
    current: Cell<usize>,
    /// Memories under another key than was asked for, because the mailbox was opened within the
    /// group and its kind has given another scope.
    memories: HashMap<MemoryKey, Remembered>,
    access: HashMap<(MailboxId, u32, u64), AccessRecord>,
    stocks: HashMap<(MailboxId, PublicKey), Option<Stock>>,
    packages: HashMap<(MailboxId, PublicKey, PackageId), Option<Bytes>>,
    vouchers: HashMap<Digest, u64>,
    tokens: HashMap<Digest, Token>,
    ledger: Rows,
    /// A fact that could not be read. The decision made without it is never carried out.
    fault: RefCell<Option<StoreError>>,
}

impl<'a> Overlay<'a> {
    /// Fetches what the commands of a group will ask for.
    pub(crate) fn load(
        db: &'a Database,
        columns: &'a Columns<'a>,
        cache: &mut Cache,
        group: &[Vec<Prepared<'_>>],
    ) -> Result<Self, StoreError> {
        let count = group.iter().map(Vec::len).sum();
        let mut overlay = Self {
            db,
            columns,
            index: HashMap::new(),
            slots: Vec::new(),
            places: Vec::with_capacity(count),
            known: Vec::with_capacity(count),
            current: Cell::new(0),
            memories: HashMap::new(),
            access: HashMap::new(),
            stocks: HashMap::new(),
            packages: HashMap::new(),
            vouchers: HashMap::new(),
            tokens: HashMap::new(),
            ledger: Rows::load(db, columns, group)?,
            fault: RefCell::new(None),
        };
        overlay.load_mailboxes(cache, group)?;
        overlay.load_memories(group)?;
        Ok(overlay)
    }

    fn load_mailboxes(&mut self, cache: &mut Cache, group: &[Vec<Prepared<'_>>]) -> Result<(), StoreError> {
        let mut missing: Vec<MailboxId> = Vec::new();
        let mut last: Option<(MailboxId, usize)> = None;
        for id in group.iter().flatten().map(|p| p.command.mailbox()) {
            let Some(id) = id else {
                self.places.push(None);
                continue;
            };
            // Commands of one frame mostly concern one mailbox.
            let place = match last {
                Some((before, place)) if before == id => place,
                _ => self.place(id, cache, &mut missing),
            };
            last = Some((id, place));
            self.places.push(Some(place));
        }
        if missing.is_empty() {
            return Ok(());
        }
        missing.sort_unstable();
        let keys = || missing.iter().map(|id| id.0.as_slice());
        let found_heads = self
            .db
            .db
            .batched_multi_get_cf_slice(self.columns.heads, keys(), true);
        let found_profiles = self
            .db
            .db
            .batched_multi_get_cf_slice(self.columns.profiles, keys(), true);
        for ((id, head), profile) in missing.iter().zip(found_heads).zip(found_profiles) {
            let (Some(head), Some(profile)) = (head?, profile?) else {
                continue;
            };
            let head = heads::decode(&head).ok_or(StoreError::Damaged { column: heads::NAME })?;
            let profile = profiles::decode(&profile).ok_or(StoreError::Damaged {
                column: profiles::NAME,
            })?;
            if let Some(slot) = self.index.get(id).and_then(|i| self.slots.get_mut(*i)) {
                slot.mailbox = Some(Mailbox {
                    id: *id,
                    head,
                    profile: Arc::new(profile),
                });
            }
        }
        Ok(())
    }

    /// The slot of a mailbox, with what the cache holds of it.
    fn place(&mut self, id: MailboxId, cache: &mut Cache, missing: &mut Vec<MailboxId>) -> usize {
        let next = self.slots.len();
        let place = *self.index.entry(id).or_insert(next);
        if place == next {
            let mailbox = cache.get(&id);
            if mailbox.is_none() {
                missing.push(id);
            }
            self.slots.push(Slot {
                id,
                mailbox,
                before: None,
                changed: false,
                profile_changed: false,
                marks: Vec::new(),
                first: 0,
            });
        }
        place
    }

    fn load_memories(&mut self, group: &[Vec<Prepared<'_>>]) -> Result<(), StoreError> {
        let mut order: Vec<([u8; 96], usize)> = Vec::with_capacity(self.places.len());
        for (prepared, place) in group.iter().flatten().zip(&self.places) {
            let mailbox = place
                .and_then(|p| self.slots.get(p))
                .and_then(|s| s.mailbox.as_ref());
            let key = prepared.memory_key(mailbox.map(|m| m.profile.kind));
            order.push((memory::key(&key), order.len()));
            self.known.push(Known {
                key,
                record: None,
                next: None,
            });
        }
        order.sort_unstable();
        let keys = order.iter().map(|(key, _)| key.as_slice());
        let found = self
            .db
            .db
            .batched_multi_get_cf_slice(self.columns.memory, keys, true);
        for ((_, at), value) in order.iter().zip(found) {
            let Some(value) = value? else { continue };
            let record = memory::decode(&value).ok_or(StoreError::Damaged { column: memory::NAME })?;
            if let Some(known) = self.known.get_mut(*at) {
                known.record = Some(record);
            }
        }
        for pair in order.windows(2) {
            if let [(key, at), (same, next)] = pair
                && key == same
                && let Some(known) = self.known.get_mut(*at)
            {
                known.next = Some(*next);
            }
        }
        Ok(())
    }

    /// The mailboxes that the group has changed.
    pub(crate) fn changed(&self) -> impl Iterator<Item = Changed> {
        self.slots.iter().filter(|s| s.changed).filter_map(|slot| {
            Some(Changed {
                before: slot.before.clone(),
                after: slot.mailbox.clone()?,
            })
        })
    }

    /// Mostly the mailbox of the command that is being decided.
    fn slot_of(&self, id: &MailboxId) -> Option<usize> {
        let here = self.places.get(self.current.get()).copied().flatten();
        match here.and_then(|place| self.slots.get(place)) {
            Some(slot) if slot.id == *id => here,
            _ => self.index.get(id).copied(),
        }
    }

    fn slot(&self, id: &MailboxId) -> Option<&Slot> {
        self.slot_of(id).and_then(|place| self.slots.get(place))
    }

    /// Says which command of the group is decided next.
    pub(crate) fn turn_to(&self, command: usize) {
        self.current.set(command);
    }

    /// Fails if a fact could not be read.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.fault.borrow_mut().take().map_or(Ok(()), Err)
    }

    /// Lets the commands that follow see an accepted one.
    pub(crate) fn absorb(&mut self, effects: &Effects, remembered: Remembered) {
        if let Some(changed) = &effects.mailbox {
            let id = changed.id;
            let place = self.slot_of(&id);
            if let Some(slot) = place.and_then(|place| self.slots.get_mut(place)) {
                let before = slot.mailbox.replace(Mailbox {
                    id,
                    head: changed.head,
                    profile: changed.profile.clone(),
                });
                if !slot.changed {
                    slot.before = before;
                    slot.changed = true;
                }
                slot.profile_changed |= changed.profile_changed;
                if let Some(event) = &effects.event {
                    if slot.marks.is_empty() {
                        slot.first = event.header.seq;
                    }
                    slot.marks.push(EventMark {
                        stamp: event.header.stamp,
                        total: event.total,
                    });
                }
            }
            for (branch, epoch, record) in &effects.access {
                self.access.insert((id, *branch, *epoch), *record);
            }
            for change in &effects.stock {
                self.stocks.insert((id, change.contact), change.stock);
                for (which, package) in &change.put {
                    self.packages
                        .insert((id, change.contact, *which), Some(package.clone()));
                }
                for which in &change.gone {
                    self.packages.insert((id, change.contact, *which), None);
                }
            }
        }
        if let Some((voucher, until)) = effects.spent {
            self.vouchers.insert(voucher, until);
        }
        if let Some((hash, token)) = effects.token {
            self.tokens.insert(hash, token);
        }
        self.ledger.absorb(effects, &remembered);
        self.remember(effects.remember.key, remembered);
    }

    /// For the commands that follow under the same id.
    fn remember(&mut self, key: MemoryKey, remembered: Remembered) {
        let Some(now) = self.known.get(self.current.get()).filter(|k| k.key == key) else {
            self.memories.insert(key, remembered);
            return;
        };
        let mut next = now.next;
        while let Some(known) = next.and_then(|n| self.known.get_mut(n)) {
            known.record = Some(remembered.clone());
            next = known.next;
        }
    }

    fn ledger_row<T>(&self, key: &[u8], decode: fn(&[u8]) -> Option<T>) -> Option<T> {
        self.ask(self.db.read(self.columns.ledger, ledger::NAME, key, decode))
    }

    /// A fact from the disk; when it cannot be read, that is noted.
    fn ask<T>(&self, answer: Result<Option<T>, StoreError>) -> Option<T> {
        answer.unwrap_or_else(|fault| {
            self.fault.borrow_mut().get_or_insert(fault);
            None
        })
    }
}

impl Facts for Overlay<'_> {
    fn mailbox(&self, id: &MailboxId) -> Option<Mailbox> {
        self.slot(id)?.mailbox.clone()
    }

    fn remembered(&self, key: &MemoryKey) -> Option<Remembered> {
        match self.known.get(self.current.get()) {
            Some(known) if known.key == *key => known.record.clone(),
            _ => self.memories.get(key).cloned().or_else(|| {
                let key = memory::key(key);
                self.ask(
                    self.db
                        .read(self.columns.memory, memory::NAME, &key, memory::decode),
                )
            }),
        }
    }

    fn access(&self, mailbox: &MailboxId, branch: u32, epoch: u64) -> Option<AccessRecord> {
        if let Some(record) = self.access.get(&(*mailbox, branch, epoch)) {
            return Some(*record);
        }
        let key = access::key(mailbox, branch, epoch);
        self.ask(
            self.db
                .read(self.columns.access, access::NAME, &key, access::decode),
        )
    }

    fn mark(&self, mailbox: &MailboxId, seq: u64) -> Option<EventMark> {
        if let Some(mark) = self.slot(mailbox).and_then(|slot| slot.mark(seq)) {
            return Some(mark);
        }
        self.ask(rows::record(self.db, self.columns, mailbox, seq))
            .map(|r| r.mark())
    }

    fn stock(&self, mailbox: &MailboxId, contact: &PublicKey) -> Option<Stock> {
        if let Some(stock) = self.stocks.get(&(*mailbox, *contact)) {
            return *stock;
        }
        let key = packages::stock_key(mailbox, contact);
        self.ask(
            self.db
                .read(self.columns.packages, packages::NAME, &key, packages::decode),
        )
    }

    fn package(&self, mailbox: &MailboxId, contact: &PublicKey, id: PackageId) -> Option<Bytes> {
        if let Some(package) = self.packages.get(&(*mailbox, *contact, id)) {
            return package.clone();
        }
        let key = packages::package_key(mailbox, contact, id);
        self.ask(
            self.db
                .read(self.columns.packages, packages::NAME, &key, |v| Some(v.into())),
        )
    }

    fn voucher_spent(&self, voucher: &Digest) -> bool {
        self.vouchers.contains_key(voucher)
            || self
                .ask(
                    self.db
                        .read(self.columns.vouchers, "vouchers", &voucher.0, |_| Some(())),
                )
                .is_some()
    }

    fn token(&self, token: &Digest) -> Option<Token> {
        if let Some(token) = self.tokens.get(token) {
            return Some(*token);
        }
        self.ask(
            self.db
                .read(self.columns.tokens, tokens::NAME, &token.0, tokens::decode),
        )
    }

    fn entry(&self, id: &EntryId) -> Option<Entry> {
        self.ledger
            .entry(id, || self.ledger_row(&id.0, ledger::decode_entry))
    }

    fn fill(&self, id: &EntryId, key: &PublicKey) -> Option<Fill> {
        let read = || self.ledger_row(&ledger::fill_key(id, key), ledger::decode_fill);
        self.ledger.fill(id, key, read)
    }

    fn step(&self, id: &EntryId, seq: u64) -> Option<StepRecord> {
        let read = || self.ledger_row(&ledger::step_key(id, seq), ledger::decode_step);
        self.ledger.step(id, seq, read)
    }
}
