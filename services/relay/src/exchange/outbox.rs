//! Reading outboxes: what is to be passed on, and what has been answered.

use std::sync::Arc;
use std::time::Duration;

use telesphor_wire::canonical;
use telesphor_wire::forward::outbox::{News, Passing};
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::{Event, EventKind};

use super::{Exchange, Place, State};

/// Between two tries to read what could not be read.
const AGAIN: Duration = Duration::from_secs(1);
/// Another relay of the cluster passes on what the one before it has not, after so long.
pub(super) const BACKUP_MS: u64 = 10_000;
/// Requests without an answer that are known in memory at once, over all outboxes. More wait on
/// the disk until there is room.
const KNOWN: usize = 200_000;

impl Exchange {
    pub(super) async fn read_outboxes(self: Arc<Self>) {
        loop {
            match self.engine.outboxes().await {
                Ok(all) => break self.dirty.mark(&all),
                Err(_) => tokio::time::sleep(AGAIN).await,
            }
        }
        loop {
            let some = self.dirty.some.notified();
            let dirty = self.dirty.take();
            if dirty.is_empty() {
                some.await;
                continue;
            }
            let mut later = Vec::new();
            for mailbox in dirty {
                let room = self.state().open.len() < KNOWN;
                if !room || self.read_on(mailbox).await.is_none() {
                    later.push(mailbox);
                }
            }
            self.moved.notify_one();
            if !later.is_empty() {
                tokio::time::sleep(AGAIN).await;
                self.dirty.mark(&later);
            }
        }
    }

    /// Reads an outbox to its end; nothing if that failed.
    async fn read_on(&self, mailbox: MailboxId) -> Option<()> {
        let rank = self.rank(&mailbox);
        loop {
            let after = self.state().read.get(&mailbox).copied().unwrap_or_default();
            let events = self.engine.outbox_after(mailbox, after).await.ok()?;
            let Some(last) = events.last().map(|e| e.header.seq) else {
                return Some(());
            };
            let mut state = self.state();
            for event in &events {
                state.take(&mailbox, event, rank, self.now());
            }
            state.read.insert(mailbox, last);
        }
    }
}

impl State {
    fn take(&mut self, mailbox: &MailboxId, event: &Event, rank: u64, now: u64) {
        let Some(payload) = &event.payload else {
            return;
        };
        match event.header.kind {
            EventKind::FORWARD => {
                // The rules let nothing else in.
                let Ok(passing) = canonical::decode::<Passing>(payload) else {
                    return;
                };
                let place = Place {
                    to: passing.request.to.clone(),
                    lane: (*mailbox, passing.lane),
                    seq: event.header.seq,
                    support: passing.support,
                };
                // The same bytes once more: one answer is enough for both.
                let digest = passing.request.digest();
                if self.open.contains_key(&digest) {
                    return;
                }
                let due = match rank {
                    0 => 0,
                    rank => now.saturating_add(rank * BACKUP_MS),
                };
                let work = self.work.entry(place.to.clone()).or_default();
                work.came(place.lane, place.seq, event.header.stamp, due);
                self.open.insert(digest, place);
            }
            EventKind::FORWARDED => {
                if let Ok(news) = canonical::decode::<News>(payload) {
                    self.settled(&news);
                }
            }
            _ => {}
        }
    }

    /// It is known what became of a request.
    pub(super) fn settled(&mut self, news: &News) {
        let Some(place) = self.open.remove(&news.of()) else {
            return;
        };
        if let Some(work) = self.work.get_mut(&place.to) {
            work.answered(place.lane, place.seq);
        }
        let heard = self.heard.entry(place.to).or_default();
        match news {
            News::Answered(_) => heard.answered += 1,
            News::Undelivered(_) => heard.undelivered += 1,
        }
    }
}
