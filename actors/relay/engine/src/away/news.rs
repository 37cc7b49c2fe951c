//! Waking followers of mailboxes that are kept elsewhere: whoever keeps a partition says which of its
//! mailboxes have something new, and what was not heard shows in the count.

use std::sync::atomic::{AtomicU64, Ordering};

use telesphor_store::Fresh;
use telesphor_wire::ids::{MailboxId, Nonce, PartitionId};
use telesphor_wire::limits::MAX_PASSED_NEWS;
use telesphor_wire::passing::News;

use super::{Away, locked};
use crate::house::House;

/// Counts what this relay has said of each partition.
pub(crate) struct Teller {
    life: u64,
    counts: Vec<AtomicU64>,
}

impl Teller {
    pub(super) fn new(partitions: u16) -> Self {
        let Nonce([a, b, c, d, e, f, g, h, ..]) = Nonce::random();
        Self {
            life: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            counts: (0..partitions).map(|_| AtomicU64::new(0)).collect(),
        }
    }
}

impl Away {
    /// Something new is durable in a partition that is kept here. Never waits.
    pub(crate) fn announce(&self, partition: PartitionId, fresh: &[Fresh]) {
        let mut last: Vec<(MailboxId, u64)> = fresh.iter().map(|f| (f.mailbox, f.header.seq)).collect();
        last.sort_unstable_by(|a, b| b.cmp(a));
        last.dedup_by_key(|(mailbox, _)| *mailbox);
        for some in last.chunks(MAX_PASSED_NEWS) {
            self.tell(partition, some.to_vec(), 1);
        }
    }

    /// Says again how much was said, so that whoever missed the last of it notices.
    pub(crate) fn say_again(&self) {
        self.drop_idle_copies();
        for (number, place) in (0..).zip(&self.places) {
            if place.kept.load(Ordering::Acquire) {
                self.tell(PartitionId(number), Vec::new(), 0);
            }
        }
    }

    fn tell(&self, partition: PartitionId, fresh: Vec<(MailboxId, u64)>, more: u64) {
        let Some(count) = self.teller.counts.get(usize::from(partition.0)) else {
            return;
        };
        let news = News {
            from: self.me,
            partition,
            life: self.teller.life,
            count: count.fetch_add(more, Ordering::AcqRel) + more,
            fresh,
        };
        self.roads.tell(partition, news.to_bytes());
    }

    /// What another relay tells.
    pub(crate) fn heard(&self, house: &House, bytes: &[u8]) {
        let Some(news) = News::read(bytes) else { return };
        let Some(place) = self.place(news.partition) else {
            return;
        };
        if place.here.load(Ordering::Acquire) || !self.roads.knows(&news.from) {
            return;
        }
        let more = u64::from(!news.fresh.is_empty());
        let before = locked(&place.told).insert(news.from, (news.life, news.count));
        let all = before == Some((news.life, news.count.saturating_sub(more)));
        if all {
            house.registry.fresh_up_to(&news.fresh);
        } else {
            // Something was not heard, or it has just begun: whoever follows looks for himself.
            let count = house.core.partitions;
            house
                .registry
                .look_again(|mailbox| PartitionId::of(mailbox, count) == news.partition);
        }
    }
}
