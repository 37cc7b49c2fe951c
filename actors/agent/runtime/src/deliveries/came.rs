//! Records as they come from the relay: opened, kept in the vault, and what is missing counted.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use telesphor_clinical::self_entry::MailboxUse;
use telesphor_vault::{Records, Table};
use telesphor_wire::canonical;
use telesphor_wire::command::OwnerAct;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::{MailboxKind, Policy};
use telesphor_wire::records::{DeliveryRecord, RecordsPage};
use telesphor_wire::seal::SealingKey;

use super::keys::are_recorded;
use crate::core::records::{Held, Job, MailboxState, Via};
use crate::core::{Core, Ctx, names};
use crate::error::Result;
use crate::mandates::acted::OPENED_FOR_ME;

/// Records kept here of all mailboxes together; the oldest give way.
const KEPT: u64 = 65_536;
/// How often it is noted that there was nothing new, milliseconds.
const NOTED_MS: u64 = 60_000;

/// One delivery as this vault keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Delivery {
    pub(crate) record: DeliveryRecord,
    /// When it came here, Unix milliseconds.
    pub(crate) came: u64,
}

/// How far the records of one mailbox were read, and what is known to be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// The last number read.
    pub(crate) after: u64,
    /// Numbers that the relay had let go before they were read here.
    pub(crate) let_go: u64,
    /// Records that did not open.
    pub(crate) unreadable: u64,
    /// The relay's last beginning after an end in which records can have been lost; 0: none.
    pub(crate) torn: u64,
    /// When it was looked at last, Unix milliseconds.
    pub(crate) looked: u64,
    /// The relay does not give them.
    pub(crate) refused: bool,
    /// They are not written: the mailbox was opened without a key for them.
    pub(crate) not_kept: bool,
}

impl Core {
    /// Every mailbox whose records are to be read, and after which number.
    pub(crate) fn recorded_mailboxes(&self) -> Result<Vec<(MailboxId, Via, u64)>> {
        let snapshot = self.read()?;
        let mut all = Vec::new();
        for (_, bytes) in snapshot.scan(Table::Mailboxes)? {
            let Ok(held) = canonical::decode::<Held>(&bytes) else {
                continue;
            };
            let there = held.state != MailboxState::Opening && held.owner.is_some();
            if !there || !is_recorded(&held) || self.keys.records_key(&held.id).is_none() {
                continue;
            }
            let standing: Option<Standing> =
                snapshot.get_value(Table::Receipts, &names::records_at(&held.id))?;
            all.push((held.id, Via::Owner(held.id), standing.unwrap_or_default().after));
        }
        Ok(all)
    }

    /// A page of a mailbox's records has come; gives after which number to go on, if there is more.
    pub(crate) fn records_came(&mut self, mailbox: MailboxId, page: &RecordsPage) -> Result<Option<u64>> {
        let Some(key) = self.keys.records_key(&mailbox) else {
            return Ok(None);
        };
        let known = self
            .read()?
            .get_value::<Standing>(Table::Receipts, &names::records_at(&mailbox))?;
        let now = (self.clock)();
        if known.is_some_and(|at| at.says_nothing_new(page, now)) {
            return Ok(None);
        }
        self.write(|ctx| ctx.take_records(mailbox, &key, known, page))
    }

    /// The relay does not give the records of a mailbox.
    pub(crate) fn records_refused(&mut self, mailbox: MailboxId) -> Result<()> {
        self.write(|ctx| {
            let name = names::records_at(&mailbox);
            let mut at: Standing = ctx.get(Table::Receipts, &name)?.unwrap_or_default();
            if !at.refused {
                at.refused = true;
                ctx.put(Table::Receipts, &name, &at)?;
            }
            Ok(())
        })
    }
}

/// What is kept of one mailbox already, if that must be known.
fn known_of(records: &impl Records, mailbox: &MailboxId, needed: bool) -> Result<HashSet<Vec<u8>>> {
    let mut known = HashSet::new();
    if needed {
        for delivery in all_deliveries(records)? {
            if delivery.record.mailbox == *mailbox {
                known.insert(canonical::encode(&delivery.record));
            }
        }
    }
    Ok(known)
}

impl Standing {
    /// Whether a page tells nothing that is not known; that it was looked at is noted once a
    /// minute, because it is a write to the disk.
    fn says_nothing_new(&self, page: &RecordsPage, now: u64) -> bool {
        page.records.is_empty()
            && page.torn == self.torn
            && page.first <= self.after.saturating_add(1)
            && page.kept != self.not_kept
            && !self.refused
            && now < self.looked.saturating_add(NOTED_MS)
    }
}

impl Ctx<'_, '_> {
    fn take_records(
        &mut self,
        mailbox: MailboxId,
        key: &SealingKey,
        known: Option<Standing>,
        page: &RecordsPage,
    ) -> Result<Option<u64>> {
        let name = names::records_at(&mailbox);
        let fresh = known.is_none();
        let mut at = known.unwrap_or_default();
        at.refused = false;
        at.looked = self.now;
        if !page.kept && !at.not_kept {
            self.ask_for_records(&mailbox)?;
        }
        at.not_kept = !page.kept;
        let torn_before = at.torn;
        at.torn = page.torn;
        // After such an end numbers may have been given a second time: all is read once more.
        if page.torn != torn_before && !fresh && at.after > 0 {
            at.after = 0;
            self.put(Table::Receipts, &name, &at)?;
            return Ok(Some(0));
        }
        let again = known_of(self.tx, &mailbox, page.torn != 0)?;
        let begun = at.after;
        let next = at.after.saturating_add(1);
        if page.first > next && page.newest > 0 {
            at.let_go = at.let_go.saturating_add(page.first - next);
            at.after = page.first - 1;
        }
        for sealed in &page.records {
            if sealed.number != at.after.saturating_add(1) {
                break;
            }
            at.after = sealed.number;
            match sealed.open(&mailbox, key) {
                Ok(record) if again.contains(&canonical::encode(&record)) => {}
                Ok(record) => self.keep_delivery(record)?,
                Err(_) => at.unreadable = at.unreadable.saturating_add(1),
            }
        }
        self.put(Table::Receipts, &name, &at)?;
        let more = at.after > begun && at.after < page.newest;
        Ok(more.then_some(at.after))
    }

    /// Gives the relay the key of a mailbox that was opened before there were records.
    fn ask_for_records(&mut self, mailbox: &MailboxId) -> Result<()> {
        let held = self.held(mailbox)?;
        // A team's policy may have been changed since; what is opened now has the key anyway.
        if held.state != MailboxState::Open || held.used == MailboxUse::Team {
            return Ok(());
        }
        let policy = match held.used {
            MailboxUse::Vitals => Policy::vitals(),
            _ => Policy::standard(),
        };
        let act = OwnerAct::SetPolicy(self.recorded(policy, held.used, mailbox));
        self.enqueue_act(*mailbox, act, Job::Nothing(true), None)?;
        Ok(())
    }

    fn keep_delivery(&mut self, record: DeliveryRecord) -> Result<()> {
        let came = self.now;
        let position = self.push(Table::Receipts, names::DELIVERIES, &Delivery { record, came })?;
        if position > KEPT {
            self.tx
                .delete_at(Table::Receipts, names::DELIVERIES, position - KEPT)?;
        }
        Ok(())
    }
}

/// Every delivery that is kept, in the order in which they came.
pub(crate) fn all_deliveries(records: &impl Records) -> Result<Vec<Delivery>> {
    let mut all = Vec::new();
    let mut from = 0;
    loop {
        let page = records.range(Table::Receipts, names::DELIVERIES, from, 1024)?;
        let Some((last, _)) = page.last() else {
            return Ok(all);
        };
        from = last + 1;
        all.extend(
            page.iter()
                .filter_map(|(_, b)| canonical::decode::<Delivery>(b).ok()),
        );
    }
}

/// Whether a mailbox is one of this identity's own whose records are kept.
pub(crate) fn is_recorded(held: &Held) -> bool {
    held.owner.is_some() && are_recorded(held.used) && held.name != OPENED_FOR_ME
}

/// Whether a mailbox is one that somebody else owns: only the owner learns who fetched there.
pub(crate) fn is_others(held: &Held) -> bool {
    held.owner.is_none()
        && held.kind == MailboxKind::Shared
        && held.state == MailboxState::Open
        && are_recorded(held.used)
}
