//! One HTTP call: the same proof, bound to the body, and the same way through the house.

use std::sync::Arc;
use std::time::Instant;

use telesphor_wire::answer::{Answer, Refusal};
use telesphor_wire::command::Command;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::hash;
use telesphor_wire::ids::{MailboxId, Nonce};
use telesphor_wire::labels::HashLabel;
use telesphor_wire::records::{RecordsPage, RecordsRequest};
use telesphor_wire::session::{Page, PageRequest, SessionProof, SingleCall, SingleRequest};
use telesphor_wire::text::SupportCode;
use tokio::sync::oneshot;

use crate::house::House;
use crate::observe::Counters;
use crate::proof::{self, Bound, Connection};
use crate::reading::{self, PageFound, PageOrder};
use crate::submit::{self, Granted};
use crate::ticket::{Held, Sink, Ticket};
use crate::trace::HTTP_READER;
use crate::weight;

/// What the edge knows of the connection a single call came over.
#[derive(Clone, Copy, Debug)]
pub struct SingleContext {
    /// TLS 1.3 exporter value, label `EXPORTER-Channel-Binding` (RFC 9266), 32 bytes.
    pub channel_binding: Nonce,
    /// `relay_nonce` of the Welcome that was given on this very connection.
    pub relay_nonce: Nonce,
    /// `clock` of that Welcome, Unix milliseconds.
    pub given_ms: u64,
}

/// The answer to a single call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SingleAnswer {
    /// To a command.
    Command(Answer),
    /// To a page request.
    Page(Result<Page, Refusal>),
    /// To a request for delivery records.
    Records(Result<RecordsPage, Refusal>),
}

pub(crate) async fn single(
    house: &Arc<House>,
    context: SingleContext,
    proof: Option<SessionProof>,
    call: SingleCall,
) -> SingleAnswer {
    let session = call.agent_nonce;
    let proven = match proof {
        Some(proof) => Some(prove(house, context, proof, &call).await),
        None => None,
    };
    match call.request {
        SingleRequest::Command(command) => {
            let proven = match proven.transpose() {
                Ok(proven) => proven,
                Err(refusal) => return SingleAnswer::Command(Answer::Refused(refusal)),
            };
            SingleAnswer::Command(self::command(house, proven, call.support, command).await)
        }
        SingleRequest::Fetch(request) => SingleAnswer::Page(match proven {
            Some(Ok(proven)) => page(house, proven, request, session).await,
            Some(Err(refusal)) => Err(refusal),
            None => Err(ErrorCode::Refused.into()),
        }),
        SingleRequest::Records(request) => SingleAnswer::Records(match proven {
            Some(Ok(proven)) => records(house, proven, request).await,
            Some(Err(refusal)) => Err(refusal),
            None => Err(ErrorCode::Refused.into()),
        }),
    }
}

async fn records(house: &House, proven: Granted, request: RecordsRequest) -> Result<RecordsPage, Refusal> {
    let RecordsRequest {
        mailbox,
        after,
        max_records,
    } = request;
    if proven.mailbox != mailbox {
        return Err(ErrorCode::Refused.into());
    }
    if let (Some(shown), Some((away, partition))) = (&proven.shown, house.core.away_for(&mailbox)) {
        return away.records(partition, shown, after, max_records).await;
    }
    let core = house.core.clone();
    let read = move || reading::records(&core.reader, &mailbox, &proven.claim, after, max_records);
    house.core.clone().blocking(read).await
}

async fn prove(
    house: &House,
    context: SingleContext,
    proof: SessionProof,
    call: &SingleCall,
) -> Result<Granted, Refusal> {
    let core = house.core.clone();
    let here = Connection {
        domain: core.domain.clone(),
        relay: core.relay,
        channel_binding: context.channel_binding,
        relay_nonce: context.relay_nonce,
        given_ms: context.given_ms,
        agent_nonce: call.agent_nonce,
        body: Some(hash(HashLabel::Command, call)),
    };
    if core.away_for(&proof.mailbox).is_some() {
        // Whoever keeps the mailbox checks it with what is asked.
        here.fresh(core.clock.now_ms())?;
        return Ok(Granted::elsewhere(here.shown(proof)));
    }
    let check = move || proof::check(&core.reader, &Bound::Here(here), &proof, core.clock.now_ms());
    let proven = house.core.clone().blocking(check).await;
    if let Err(refusal) = &proven {
        house.core.counters.refuse(refusal.code);
    }
    proven.map(|proven| Granted::here(proven.mailbox.id, proven.claim))
}

pub(crate) async fn command(
    house: &House,
    proven: Option<Granted>,
    support: SupportCode,
    command: Command,
) -> Answer {
    let core = &house.core;
    let bytes = weight::bytes(&command).min(core.limits.bytes_in_flight);
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    // A single call does not wait in line: its caller has a connection of its own to wait on.
    let permits = (
        core.calls.clone().try_acquire_owned(),
        core.bytes.clone().try_acquire_many_owned(bytes),
    );
    let (Ok(calls), Ok(bytes)) = permits else {
        Counters::add(&core.counters.busy, 1);
        return Answer::Busy(core.limits.busy_retry_ms);
    };
    let held = Held::new(core.clone(), 1, [calls, bytes], None);
    let (sender, answer) = oneshot::channel();
    let ticket = Ticket::new(core.clone(), Sink::Single(sender), support, Instant::now(), held);
    if let Some((key, item)) = submit::admit(house, command, proven.as_ref(), ticket) {
        house.submit(key, vec![item]);
    }
    // A ticket always answers; this covers only the case that it could not.
    answer
        .await
        .unwrap_or(Answer::Refused(Refusal::of(ErrorCode::Fenced)))
}

pub(crate) async fn page(
    house: &House,
    proven: Granted,
    request: PageRequest,
    session: Nonce,
) -> Result<Page, Refusal> {
    let mailbox: MailboxId = request.mailbox;
    if proven.mailbox != mailbox {
        return Err(ErrorCode::Refused.into());
    }
    let limits = &house.core.limits;
    let order = PageOrder {
        mailbox,
        claim: proven.claim,
        after: request.after,
        max_events: usize::try_from(request.max_events)
            .unwrap_or(usize::MAX)
            .clamp(1, limits.page_events),
        max_bytes: limits.page_bytes,
    };
    let found = match (&proven.shown, house.core.away_for(&mailbox)) {
        (Some(shown), Some((away, partition))) => {
            let found = away.page(partition, shown, &order).await;
            found.unwrap_or(Err(ErrorCode::HoldersAway.into()))?
        }
        _ => {
            // Nothing leaves that could not be noted.
            if !house.core.notes.room().await {
                return Err(ErrorCode::Draining.into());
            }
            let core = house.core.clone();
            let read = move || reading::page(&core.reader, &order, core.clock.now_ms());
            house.core.clone().blocking(read).await?
        }
    };
    noted(house, &order, &found, session, true)?;
    match found.over {
        Some(refusal) if found.events.is_empty() => Err(refusal),
        _ => Ok(Page {
            events: found.events,
            head: found.head,
        }),
    }
}

/// Notes and counts a page that is about to be handed over. `single`: nothing more comes over this connection.
///
/// # Errors
/// If it must not be handed over, since that cannot be noted.
pub(crate) fn noted(
    house: &House,
    order: &PageOrder,
    found: &PageFound,
    session: Nonce,
    single: bool,
) -> Result<(), Refusal> {
    let core = &house.core;
    if let (true, Some(handed)) = (found.recorded, found.handed())
        && !core
            .notes
            .note(order.who(session), handed, core.clock.now_ms(), single)
    {
        return Err(ErrorCode::Draining.into());
    }
    Counters::add(&core.counters.events_out, found.events.len() as u64);
    Counters::add(&core.counters.bytes_out, found.bytes() as u64);
    if let Some(given) = found.given(&order.mailbox) {
        core.delivered(HTTP_READER, given);
    }
    Ok(())
}
