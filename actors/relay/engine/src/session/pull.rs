//! What is sent next: answers as they are, events as they are read.
//!
//! Events are read from the store at the moment the connection has room for them, so a
//! reader that is slow, or never gives credit, costs a few numbers and no buffer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use telesphor_rules::read::Claim;
use telesphor_wire::answer::Refusal;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::records::{Records, RecordsPage};
use telesphor_wire::session::{Ended, Events, RelayFrame};

use super::far;
use super::outbox::Next;
use super::shared::{Fetching, FetchingRecords, Shared};
use crate::observe::Counters;
use crate::reading::{self, PageFound, PageOrder};
use crate::submit::Granted;

/// The next frame, when there is one; `None` when none will come.
pub(crate) async fn next(shared: &Arc<Shared>) -> Option<RelayFrame> {
    shared.sent();
    loop {
        let events_first = shared.turn.fetch_xor(true, Ordering::Relaxed);
        if events_first && let Some(frame) = events(shared).await {
            return Some(frame);
        }
        match shared.outbox.take() {
            Next::Frame(frame) => return Some(frame),
            Next::Over => return None,
            Next::Empty => {}
        }
        if !events_first && let Some(frame) = events(shared).await {
            return Some(frame);
        }
        // A notice given since the looks above is kept, so this returns at once then.
        shared.outbox.ready.notified().await;
    }
}

/// The next page of whatever is ready, fetches first.
async fn events(shared: &Arc<Shared>) -> Option<RelayFrame> {
    loop {
        far::send_out(shared);
        if let Some(frame) = far::come_back(shared) {
            return Some(frame);
        }
        let records = shared.reading().records.pop_front();
        if let Some(fetching) = records {
            return Some(fetch_records(shared, fetching).await);
        }
        // Nothing leaves that could not be noted.
        if !shared.core.notes.room().await {
            return None;
        }
        let fetching = shared.reading().fetches.pop_front();
        if let Some(fetching) = fetching {
            return Some(fetch(shared, fetching).await);
        }
        let job = Job::take(shared)?;
        let found = match job.fresh {
            true => fresh(shared, job.order),
            false => read(shared, job.order).await,
        };
        if let Some(frame) = job.settle(found) {
            return Some(frame);
        }
    }
}

/// Reads what a follower that has everything else was woken for. It was written a moment ago
/// and still lies in the memory of the database, so this does not wait for the disk, and
/// spares each live event two changes of thread. Small pages only; a longer one is read by
/// [`read`] next.
fn fresh(shared: &Shared, order: PageOrder) -> Result<PageFound, Refusal> {
    let core = &shared.core;
    let order = PageOrder {
        max_bytes: order.max_bytes.min(core.limits.scarce_page_bytes),
        ..order
    };
    reading::page(&core.reader, &order, core.clock.now_ms())
}

/// Reads a page, a small one while too many full ones are on their way. What the page takes
/// is given back when the connection asks for the next frame, since then this one is sent.
async fn read(shared: &Arc<Shared>, order: PageOrder) -> Result<PageFound, Refusal> {
    let core = shared.core.clone();
    let limits = &core.limits;
    let full = u32::try_from(limits.page_bytes).unwrap_or(u32::MAX);
    let permit = core.pages.clone().try_acquire_many_owned(full).ok();
    let most = if permit.is_some() {
        limits.page_bytes
    } else {
        limits.scarce_page_bytes
    };
    let order = PageOrder {
        max_bytes: order.max_bytes.min(most),
        ..order
    };
    shared.sending(permit);
    let read = {
        let core = core.clone();
        move || reading::page(&core.reader, &order, core.clock.now_ms())
    };
    core.blocking(read).await
}

async fn fetch(shared: &Arc<Shared>, fetching: Fetching) -> RelayFrame {
    let limits = &shared.core.limits;
    let handle = fetching.handle;
    let order = PageOrder {
        mailbox: fetching.mailbox,
        claim: fetching.claim,
        after: fetching.after,
        max_events: fetching.max_events.min(limits.page_events),
        max_bytes: limits.page_bytes,
    };
    let pending = Unfetched {
        shared,
        fetching: Some(fetching),
    };
    let found = read(shared, order).await;
    pending.done();
    fetched(shared, handle, order, found)
}

/// The answer to a fetch.
pub(super) fn fetched(
    shared: &Arc<Shared>,
    handle: u32,
    order: PageOrder,
    found: Result<PageFound, Refusal>,
) -> RelayFrame {
    match found {
        Err(refusal) => ended(shared, handle, refusal),
        Ok(PageFound {
            events,
            over: Some(refusal),
            ..
        }) if events.is_empty() => ended(shared, handle, refusal),
        Ok(found) if !shared.note(&order, &found) => ended(shared, handle, ErrorCode::Draining.into()),
        Ok(found) => {
            count(shared, &order.mailbox, &found);
            RelayFrame::Events(Events {
                handle,
                events: found.events,
                head: found.head,
            })
        }
    }
}

async fn fetch_records(shared: &Arc<Shared>, fetching: FetchingRecords) -> RelayFrame {
    let (handle, after, max) = (fetching.handle, fetching.after, fetching.max_records);
    let read = match fetching.asked.clone() {
        Err(refusal) => Err(refusal),
        Ok(Granted { mailbox, claim, .. }) => {
            let core = shared.core.clone();
            let read = move || reading::records(&core.reader, &mailbox, &claim, after, max);
            shared.core.clone().blocking(read).await
        }
    };
    records(shared, handle, read)
}

pub(super) fn records(shared: &Shared, handle: u32, read: Result<RecordsPage, Refusal>) -> RelayFrame {
    if let Err(refusal) = &read {
        shared.core.counters.refuse(refusal.code);
    }
    RelayFrame::Records(Records {
        handle,
        refused: read.as_ref().err().cloned(),
        page: read.ok(),
    })
}

/// Puts a fetch back if the task that reads is abandoned meanwhile.
struct Unfetched<'a> {
    shared: &'a Shared,
    fetching: Option<Fetching>,
}

impl Unfetched<'_> {
    fn done(mut self) {
        self.fetching = None;
    }
}

impl Drop for Unfetched<'_> {
    fn drop(&mut self) {
        if let Some(fetching) = self.fetching.take() {
            self.shared.reading().fetches.push_front(fetching);
        }
    }
}

fn ended(shared: &Shared, handle: u32, refusal: Refusal) -> RelayFrame {
    shared.core.counters.refuse(refusal.code);
    RelayFrame::Ended(Ended { handle, refusal })
}

fn count(shared: &Shared, mailbox: &MailboxId, found: &PageFound) {
    Counters::add(&shared.core.counters.events_out, found.events.len() as u64);
    Counters::add(&shared.core.counters.bytes_out, found.bytes() as u64);
    if let Some(given) = found.given(mailbox) {
        shared.giving(given);
    }
}

/// One page of one follow being read. Dropped unsettled, the follow is ready again.
struct Job<'a> {
    shared: &'a Arc<Shared>,
    handle: u32,
    generation: u64,
    order: PageOrder,
    /// Whether only fresh events are wanted.
    fresh: bool,
    settled: bool,
}

impl<'a> Job<'a> {
    fn take(shared: &'a Arc<Shared>) -> Option<Self> {
        let mut reading = shared.reading();
        loop {
            let handle = reading.ready.pop_front()?;
            let Some(following) = reading.follows.get_mut(&handle) else {
                continue;
            };
            if !std::mem::take(&mut following.queued) || following.credit <= 0 {
                continue;
            }
            let limits = &shared.core.limits;
            let credit = usize::try_from(following.credit).unwrap_or(usize::MAX);
            let (mailbox, claim): (MailboxId, Claim) = (following.mailbox, following.claim);
            let order = PageOrder {
                mailbox,
                claim,
                after: following.after,
                max_events: limits.page_events,
                max_bytes: limits.page_bytes.min(credit),
            };
            return Some(Self {
                shared,
                handle,
                generation: following.generation,
                order,
                fresh: following.caught_up,
                settled: false,
            });
        }
    }

    /// Moves the follow on by what was read; gives the frame to be sent, if any.
    fn settle(mut self, found: Result<PageFound, Refusal>) -> Option<RelayFrame> {
        self.settled = true;
        followed(self.shared, (self.handle, self.generation), self.order, found)
    }
}

/// The same, wherever the page was read.
pub(super) fn followed(
    shared: &Arc<Shared>,
    (handle, generation): (u32, u64),
    order: PageOrder,
    found: Result<PageFound, Refusal>,
) -> Option<RelayFrame> {
    let found = match found {
        Ok(found) => found,
        Err(refusal) => {
            shared.end_follow(handle, generation, refusal);
            return None;
        }
    };
    {
        let mut reading = shared.reading();
        // Unfollowed, or followed anew from elsewhere: these events are not wanted any more.
        let following = reading
            .follows
            .get_mut(&handle)
            .filter(|f| f.generation == generation)?;
        following.after = found.after;
        following.caught_up = !found.more;
        let bytes = i64::try_from(found.bytes()).unwrap_or(i64::MAX);
        following.credit = following.credit.saturating_sub(bytes);
    }
    if !shared.note(&order, &found) {
        shared.end_follow(handle, generation, ErrorCode::Draining.into());
        return None;
    }
    count(shared, &order.mailbox, &found);
    let frame = RelayFrame::Events(Events {
        handle,
        events: found.events,
        head: found.head,
    });
    if let Some(refusal) = found.over {
        shared.end_follow(handle, generation, refusal);
    } else if found.more {
        shared.ready(handle, Some(generation));
    }
    match &frame {
        RelayFrame::Events(events) if events.events.is_empty() => None,
        _ => Some(frame),
    }
}

impl Drop for Job<'_> {
    fn drop(&mut self) {
        if !self.settled {
            self.shared.ready(self.handle, Some(self.generation));
        }
    }
}
