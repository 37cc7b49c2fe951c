//! Everything that a group changes, on its way into one write.

use rocksdb::{ColumnFamily, WriteBatch};
use telesphor_rules::effects::{Effects, LedgerChange, Remembered};
use telesphor_rules::facts::{StepRecord, Token};
use telesphor_rules::state::Mailbox;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{MailboxId, PartitionId};
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::receipt::{BatchHead, BatchLeaf};

use crate::columns::{
    access, batches, cursors, events, heads, ledger, memory, outboxes, packages, profiles, tokens, vouchers,
};
use crate::database::Columns;
use crate::reader::PartitionHead;

pub(crate) struct Sheet<'a> {
    columns: &'a Columns<'a>,
    batch: &'a mut WriteBatch,
    /// Values are encoded here, one after the other: no allocation per record.
    scratch: &'a mut Vec<u8>,
}

impl<'a> Sheet<'a> {
    pub(crate) fn new(columns: &'a Columns<'a>, batch: &'a mut WriteBatch, scratch: &'a mut Vec<u8>) -> Self {
        batch.clear();
        Self {
            columns,
            batch,
            scratch,
        }
    }

    pub(crate) fn columns(&self) -> &'a Columns<'a> {
        self.columns
    }

    pub(crate) fn batch(&mut self) -> &mut WriteBatch {
        self.batch
    }

    fn put(&mut self, cf: &ColumnFamily, key: &[u8], encode: impl FnOnce(&mut Vec<u8>)) {
        self.scratch.clear();
        encode(self.scratch);
        self.batch.put_cf(cf, key, self.scratch.as_slice());
    }

    /// All of an accepted command but the mailbox itself, which is written once per group. What
    /// it lets go is hidden by the mailbox's head and profile, and taken away by `reclaim`.
    pub(crate) fn effects(
        &mut self,
        effects: &Effects,
        deposit: &[u8],
        partition: PartitionId,
        known: &Remembered,
    ) {
        let c = self.columns;
        if let Some(changed) = &effects.mailbox {
            let id = &changed.id;
            if let Some(event) = &effects.event {
                let record = events::Record {
                    header: event.header.clone(),
                    total: event.total,
                    payload_hash: event.payload_hash,
                    hash: changed.head.hash,
                };
                let key = events::key(id, event.header.seq);
                let payload = event.payload.as_ref().map_or(deposit, |p| p.as_ref());
                self.put(c.events, &key, |out| events::encode(&record, payload, out));
                if event.header.kind == EventKind::FORWARD {
                    self.put(c.meta, &outboxes::key(id), |out| {
                        outboxes::encode(event.header.seq, out)
                    });
                }
            }
            for (branch, epoch, record) in &effects.access {
                self.put(c.access, &access::key(id, *branch, *epoch), |out| {
                    access::encode(record, out)
                });
            }
            self.stock(id, effects);
        }
        if let Some((voucher, until)) = &effects.spent {
            self.put(c.vouchers, &voucher.0, |out| {
                vouchers::encode(*until, partition.0, out)
            });
        }
        if let Some((hash, token)) = &effects.token {
            self.token(hash, token);
        }
        if let Some(change) = &effects.ledger {
            self.ledger(change, known);
        }
        self.put(c.memory, &memory::key(&effects.remember.key), |out| {
            memory::encode(known, out)
        });
    }

    fn ledger(&mut self, change: &LedgerChange, known: &Remembered) {
        let LedgerChange { entry, fill, step } = change;
        let (id, place) = (&step.entry, known.place);
        let life = ledger::Life {
            until: entry.ends(),
            partition: place.partition.0,
        };
        let cf = self.columns.ledger;
        self.put(cf, &id.0, |out| ledger::encode_entry(entry, life.partition, out));
        if let Some(fill) = fill {
            self.put(cf, &ledger::fill_key(id, &step.key), |out| {
                ledger::encode_fill(fill, life, out)
            });
        }
        let record = StepRecord {
            step: step.clone(),
            place,
        };
        self.put(cf, &ledger::step_key(id, step.seq), |out| {
            ledger::encode_step(&record, life.until, out)
        });
    }

    fn stock(&mut self, id: &MailboxId, effects: &Effects) {
        let cf = self.columns.packages;
        for change in &effects.stock {
            for (which, package) in &change.put {
                self.batch.put_cf(
                    cf,
                    packages::package_key(id, &change.contact, *which),
                    package.as_ref(),
                );
            }
            for which in &change.gone {
                self.batch
                    .delete_cf(cf, packages::package_key(id, &change.contact, *which));
            }
            let key = packages::stock_key(id, &change.contact);
            match &change.stock {
                Some(stock) => self.put(cf, &key, |out| packages::encode(stock, out)),
                None => self.batch.delete_cf(cf, key),
            }
        }
    }

    pub(crate) fn token(&mut self, hash: &Digest, token: &Token) {
        self.put(self.columns.tokens, &hash.0, |out| tokens::encode(token, out));
    }

    pub(crate) fn mailbox(&mut self, mailbox: &Mailbox, profile_too: bool) {
        let c = self.columns;
        self.put(c.heads, &mailbox.id.0, |out| heads::encode(&mailbox.head, out));
        if profile_too {
            self.put(c.profiles, &mailbox.id.0, |out| {
                profiles::encode(&mailbox.profile, out)
            });
        }
    }

    pub(crate) fn decided(&mut self, head: &BatchHead, leaves: &[BatchLeaf]) {
        let key = batches::key(head.partition, head.position);
        self.put(self.columns.batches, &key, |out| {
            batches::encode(head, leaves, out)
        });
    }

    pub(crate) fn cursor(&mut self, partition: PartitionId, cursor: &PartitionHead) {
        self.put(self.columns.cursors, &cursors::key(partition), |out| {
            cursors::encode(cursor, out)
        });
    }
}
