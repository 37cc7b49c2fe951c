//! Pages of mailboxes that are kept elsewhere: asked for when the connection has room, one after the other,
//! while whatever is ready here goes on.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use telesphor_wire::answer::Refusal;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::records::RecordsPage;
use telesphor_wire::session::RelayFrame;
use tokio::sync::OwnedSemaphorePermit;

use super::pull;
use super::shared::{Fetching, FetchingRecords, Reading, Shared};
use crate::away::{NoKeeper, ShownRight};
use crate::core::Core;
use crate::reading::{PageFound, PageOrder};

/// What is to be asked for, and what is on its way.
#[derive(Default)]
pub(crate) struct Far {
    pub(crate) fetches: VecDeque<Fetching>,
    pub(crate) records: VecDeque<FetchingRecords>,
    /// Handles that may have something to push, each at most once.
    pub(crate) ready: VecDeque<u32>,
    errand: Errand,
}

/// At most one for each connection: whoever follows much waits for himself, and takes little memory.
#[derive(Default)]
enum Errand {
    #[default]
    None,
    Out,
    Back(Box<Back>),
}

/// Nobody who keeps the mailbox answers; asked again after so long.
const AGAIN: Duration = Duration::from_secs(1);

/// What is asked for.
enum Wants {
    Fetch(Fetching, PageOrder),
    Follow((u32, u64), ShownRight, PageOrder),
    Records(FetchingRecords),
}

/// What came back.
struct Back {
    wants: Wants,
    page: Result<PageFound, Refusal>,
    records: Result<RecordsPage, Refusal>,
    /// Of the relay's memory for pages.
    permit: Option<OwnedSemaphorePermit>,
}

/// Asks for what is wanted next, unless something is on its way.
pub(super) fn send_out(shared: &Arc<Shared>) {
    let wants = {
        let mut reading = shared.reading();
        if !matches!(reading.far.errand, Errand::None) {
            return;
        }
        let Some(wants) = next(&mut reading, &shared.core) else {
            return;
        };
        reading.far.errand = Errand::Out;
        wants
    };
    let (core, session) = (shared.core.clone(), Arc::downgrade(shared));
    shared.core.runtime.spawn(async move {
        let back = go(&core, &session, wants).await;
        if let Some(shared) = session.upgrade() {
            shared.reading().far.errand = back.map_or(Errand::None, |back| Errand::Back(Box::new(back)));
            shared.outbox.ready.notify_one();
        }
    });
}

fn next(reading: &mut Reading, core: &Core) -> Option<Wants> {
    if let Some(fetching) = reading.far.records.pop_front() {
        return Some(Wants::Records(fetching));
    }
    let limits = &core.limits;
    if let Some(fetching) = reading.far.fetches.pop_front() {
        let order = PageOrder {
            mailbox: fetching.mailbox,
            claim: fetching.claim,
            after: fetching.after,
            max_events: fetching.max_events.min(limits.page_events),
            max_bytes: limits.page_bytes,
        };
        return Some(Wants::Fetch(fetching, order));
    }
    loop {
        let handle = reading.far.ready.pop_front()?;
        let Some(following) = reading.follows.get_mut(&handle) else {
            continue;
        };
        if !std::mem::take(&mut following.queued) || following.credit <= 0 {
            continue;
        }
        let Some(shown) = following.shown.clone() else {
            continue;
        };
        let credit = usize::try_from(following.credit).unwrap_or(usize::MAX);
        let order = PageOrder {
            mailbox: following.mailbox,
            claim: following.claim,
            after: following.after,
            max_events: limits.page_events,
            max_bytes: limits.page_bytes.min(credit),
        };
        return Some(Wants::Follow((handle, following.generation), shown, order));
    }
}

async fn go(core: &Arc<Core>, session: &Weak<Shared>, wants: Wants) -> Option<Back> {
    let (mut page, mut records, mut permit) = (nobody(), nobody(), None);
    match &wants {
        Wants::Records(FetchingRecords {
            asked: Ok(granted),
            after,
            max_records,
            ..
        }) => {
            if let (Some(shown), Some((away, partition))) = (&granted.shown, core.away_for(&granted.mailbox))
            {
                records = away.records(partition, shown, *after, *max_records).await;
            }
        }
        Wants::Records(FetchingRecords {
            asked: Err(refusal), ..
        }) => records = Err(refusal.clone()),
        Wants::Fetch(Fetching { shown, .. }, order) => {
            let (asked, held) = sized(core, *order);
            permit = held;
            page = match shown {
                Some(shown) => paged(core, shown, &asked).await.unwrap_or_else(|_| nobody()),
                None => nobody(),
            };
        }
        Wants::Follow((handle, generation), shown, order) => {
            let (asked, held) = sized(core, *order);
            permit = held;
            page = match paged(core, shown, &asked).await {
                Ok(page) => page,
                Err(NoKeeper { .. }) => {
                    again(core, session.clone(), *handle, *generation);
                    return None;
                }
            };
        }
    }
    Some(Back {
        wants,
        page,
        records,
        permit,
    })
}

fn nobody<T>() -> Result<T, Refusal> {
    Err(ErrorCode::HoldersAway.into())
}

/// A small page while too many full ones are on their way.
fn sized(core: &Core, order: PageOrder) -> (PageOrder, Option<OwnedSemaphorePermit>) {
    let full = u32::try_from(core.limits.page_bytes).unwrap_or(u32::MAX);
    let permit = core.pages.clone().try_acquire_many_owned(full).ok();
    let most = match permit {
        Some(_) => core.limits.page_bytes,
        None => core.limits.scarce_page_bytes,
    };
    let order = PageOrder {
        max_bytes: order.max_bytes.min(most),
        ..order
    };
    (order, permit)
}

async fn paged(
    core: &Core,
    shown: &ShownRight,
    order: &PageOrder,
) -> Result<Result<PageFound, Refusal>, NoKeeper> {
    match core.away_for(&order.mailbox) {
        Some((away, partition)) => away.page(partition, shown, order).await,
        // It is kept here since a moment ago, and the right was shown to others: it is shown anew.
        None => Ok(Err(ErrorCode::Draining.into())),
    }
}

/// The follow stands; it is looked after again.
fn again(core: &Core, session: Weak<Shared>, handle: u32, generation: u64) {
    core.runtime.spawn(async move {
        tokio::time::sleep(AGAIN).await;
        if let Some(shared) = session.upgrade() {
            shared.ready(handle, Some(generation));
        }
    });
}

/// The frame of what came back, if there is one to be sent.
pub(super) fn come_back(shared: &Arc<Shared>) -> Option<RelayFrame> {
    let back = {
        let mut reading = shared.reading();
        match std::mem::take(&mut reading.far.errand) {
            Errand::Back(back) => *back,
            other => {
                reading.far.errand = other;
                return None;
            }
        }
    };
    let frame = match back.wants {
        Wants::Records(asked) => Some(pull::records(shared, asked.handle, back.records)),
        Wants::Fetch(fetching, order) => Some(pull::fetched(shared, fetching.handle, order, back.page)),
        Wants::Follow(which, _, order) => pull::followed(shared, which, order, back.page),
    };
    // The next one goes out while this one is sent; not before, since it begins where this one ends.
    send_out(shared);
    if frame.is_some() {
        shared.sending(back.permit);
    }
    frame
}
