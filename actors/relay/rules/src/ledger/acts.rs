//! Each act on an entry: when it is allowed, and the step it makes.

use telesphor_wire::answer::Refusal;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ledger::{StepKind, Ticket};
use telesphor_wire::limits::{RX_MAX_FILLS, RX_MAX_HOLD_MS, RX_MAX_OPEN, RX_MORE_SETTLED};
use telesphor_wire::sign::PublicKey;

use super::decide::Counter;
use super::entry::FillState;
use crate::effects::Decision;
use crate::facts::Facts;

type Decided = Result<Decision, Refusal>;

fn refuse(code: ErrorCode) -> Decided {
    Err(code.into())
}

/// A key reserves once. Asked again, with the same ticket, it hears the same.
pub(super) fn reserve<F: Facts>(counter: &Counter<'_, F>, ticket: &Ticket) -> Decided {
    if !ticket.is_possible() || ticket.offline {
        return refuse(ErrorCode::Malformed);
    }
    if let Some(fill) = counter.fill(&ticket.key) {
        return match fill.state {
            FillState::Reserved | FillState::Confirmed if fill.parts == ticket.parts => {
                counter.again(fill.began)
            }
            _ => refuse(ErrorCode::RxTicketUsed),
        };
    }
    let (now, entry) = (counter.now(), &counter.entry);
    if entry.cancelled_by != 0 {
        return refuse(ErrorCode::RxCancelled);
    }
    if now > ticket.not_after {
        return refuse(ErrorCode::RxTicketOver);
    }
    if entry.held(now).is_some() {
        return refuse(ErrorCode::RxOnHold);
    }
    if entry.fills >= RX_MAX_FILLS {
        return refuse(ErrorCode::RxTooManyFills);
    }
    if ticket.parts > entry.free(now) {
        return refuse(ErrorCode::RxNotEnough);
    }
    if entry.running(now).count() >= RX_MAX_OPEN {
        return refuse(ErrorCode::RxAllTaken);
    }
    let mut step = counter.step(StepKind::Reserved, ticket.key);
    step.parts = ticket.parts;
    step.until = now.saturating_add(u64::from(ticket.keep_minutes) * 60_000);
    counter.make(step, None)
}

/// Within the time, or later if the parts are still free. Asked once, it ends the fill, one way or the
/// other: where it cannot be confirmed it is let go, by a step. A refusal would leave it open, and
/// the same word, heard late from a relay that was cut off, would confirm what its repetition was
/// refused. Only what is final is refused.
pub(super) fn confirm<F: Facts>(counter: &Counter<'_, F>, key: PublicKey, parts: u64) -> Decided {
    let Some(fill) = counter.fill(&key).filter(|f| f.parts == parts) else {
        return refuse(ErrorCode::RxNotReserved);
    };
    let cancelled = counter.entry.cancelled_by;
    match fill.state {
        // Whoever asked between the cancellation and its own release was told so, and is told the same.
        FillState::Released if cancelled != 0 && cancelled < fill.ended => {
            return refuse(ErrorCode::RxCancelled);
        }
        FillState::Confirmed | FillState::Released => return counter.again(fill.ended),
        FillState::Settled => return refuse(ErrorCode::RxNotReserved),
        FillState::Reserved => {}
    }
    let (now, entry) = (counter.now(), &counter.entry);
    if cancelled != 0 {
        return refuse(ErrorCode::RxCancelled);
    }
    let own = entry.running(now).any(|r| r.key == key);
    // What was supplied without the ledger meanwhile may have taken what was set aside.
    let there_is = match own {
        true => entry.left(),
        false => entry.free(now),
    };
    let kind = match parts <= there_is && entry.held(now).is_none() {
        true => StepKind::Confirmed,
        false => StepKind::Released,
    };
    let mut step = counter.step(kind, key);
    step.parts = parts;
    counter.make(step, Some(fill))
}

/// Also of an entry that has ended: it is the pharmacy's word on its own parts.
pub(super) fn release<F: Facts>(counter: &Counter<'_, F>, key: PublicKey) -> Decided {
    let Some(fill) = counter.fill(&key) else {
        return refuse(ErrorCode::RxNotReserved);
    };
    match fill.state {
        FillState::Released => counter.again(fill.ended),
        FillState::Confirmed | FillState::Settled => refuse(ErrorCode::RxHandedOver),
        FillState::Reserved => {
            let mut step = counter.step(StepKind::Released, key);
            step.parts = fill.parts;
            counter.make(step, Some(fill))
        }
    }
}

/// Also before anything was drawn: then it leaves a stone where the entry would have been.
pub(super) fn cancel<F: Facts>(counter: &Counter<'_, F>, key: PublicKey) -> Decided {
    if counter.entry.cancelled_by != 0 {
        return counter.again(counter.entry.cancelled_by);
    }
    let mut step = counter.step(StepKind::Cancelled, key);
    // What was set aside then, and is now refused.
    step.parts = counter.entry.reserved(counter.now());
    counter.make(step, None)
}

/// Once per key, and only by who has a ticket: a copy of the prescription alone stops nobody.
pub(super) fn hold<F: Facts>(counter: &Counter<'_, F>, key: PublicKey, until: u64) -> Decided {
    let (now, entry) = (counter.now(), &counter.entry);
    let Some(fill) = counter.fill(&key).filter(|f| f.state == FillState::Reserved) else {
        return refuse(ErrorCode::RxNotReserved);
    };
    if fill.held != 0 {
        return counter.again(fill.held);
    }
    if entry.cancelled_by != 0 {
        return refuse(ErrorCode::RxCancelled);
    }
    if entry.held(now).is_some() {
        return refuse(ErrorCode::RxOnHold);
    }
    if until <= now || until > now.saturating_add(RX_MAX_HOLD_MS) {
        return refuse(ErrorCode::Malformed);
    }
    let mut step = counter.step(StepKind::Held, key);
    step.until = until;
    counter.make(step, Some(fill))
}

/// By the pharmacist or by the prescriber; names the hold, so that a word that is sent again ends
/// no other.
pub(super) fn lift<F: Facts>(counter: &Counter<'_, F>, held: PublicKey) -> Decided {
    let Some(fill) = counter.fill(&held).filter(|f| f.held != 0) else {
        return refuse(ErrorCode::RxNotReserved);
    };
    if fill.lifted != 0 {
        return counter.again(fill.lifted);
    }
    counter.make(counter.step(StepKind::Lifted, held), Some(fill))
}

/// Never refused for the state of the entry: it has happened. What is beyond what there was is
/// written down as such.
pub(super) fn settle<F: Facts>(counter: &Counter<'_, F>, ticket: &Ticket, parts: u64) -> Decided {
    if !ticket.is_possible() || !ticket.offline || ticket.parts != parts {
        return refuse(ErrorCode::Malformed);
    }
    if let Some(fill) = counter.fill(&ticket.key) {
        return match fill.state {
            FillState::Settled if fill.parts == parts => counter.again(fill.began),
            _ => refuse(ErrorCode::RxTicketUsed),
        };
    }
    let entry = &counter.entry;
    if entry.fills >= RX_MAX_FILLS.saturating_add(RX_MORE_SETTLED) {
        return refuse(ErrorCode::RxTooManyFills);
    }
    let mut step = counter.step(StepKind::Settled, ticket.key);
    step.parts = parts;
    step.over = parts.saturating_sub(entry.left());
    counter.make(step, None)
}
