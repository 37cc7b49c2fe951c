//! What is kept: quota, overflow, age, acknowledgement, erasure.
//!
//! A mailbox keeps account of its payloads by running totals: each event knows the sizes of
//! all payloads up to itself, so that the size of any range is one subtraction. Payloads up to
//! the *floor* are gone; above it, erased ranges are *holes*. Hashes are never touched.

use telesphor_wire::answer::Refusal;
use telesphor_wire::command::EraseRange;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::mailbox::Overflow;

use crate::class::{MAX_HOLES, RESERVE_BYTES, RESERVE_EVENTS};
use crate::decide::Case;
use crate::event::Draft;
use crate::facts::Facts;
use crate::state::{Hole, Mailbox};

/// How much room an event may claim.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// The quota, no more.
    Quota,
    /// Something beyond the quota: a removal or an owner's act must not fail on a full mailbox.
    Reserve,
    /// Whatever it needs: erasing and closing make room in the end.
    Always,
}

/// Lets go what has run out, and makes room for one more payload or refuses it.
pub(crate) fn make_room<F: Facts>(
    case: &Case<'_, F>,
    draft: &mut Draft,
    size: u64,
    room: Room,
) -> Result<(), Refusal> {
    age_out(case, draft)?;
    let mailbox = &draft.mailbox;
    let (mut max_bytes, mut max_events) = mailbox.quota();
    if room == Room::Reserve {
        max_bytes = max_bytes.saturating_add(RESERVE_BYTES);
        max_events = max_events.saturating_add(RESERVE_EVENTS);
    }
    let head = &mailbox.head;
    let fits = |bytes: u64, events: u64| {
        bytes.saturating_add(size) <= max_bytes && events.saturating_add(1) <= max_events
    };
    if room == Room::Always || fits(head.kept_bytes, head.kept_events) {
        return Ok(());
    }
    let may_drop =
        mailbox.profile.policy.overflow == Overflow::DropOldest && !mailbox.is_protected(case.at.now);
    if !may_drop || !fits(0, 0) {
        return Err(ErrorCode::QuotaExceeded.into());
    }
    let (kept_bytes, kept_events) = (head.kept_bytes, head.kept_events);
    let floor = first_where(head.floor, head.seq, |seq| {
        let (bytes, events) = kept_upto(case.facts, mailbox, seq)?;
        Ok(fits(
            kept_bytes.saturating_sub(bytes),
            kept_events.saturating_sub(events),
        ))
    })?;
    raise_floor(case.facts, draft, floor)
}

/// Payloads older than the policy keeps them go when the next event comes.
fn age_out<F: Facts>(case: &Case<'_, F>, draft: &mut Draft) -> Result<(), Refusal> {
    let mailbox = &draft.mailbox;
    let Some(keep) = mailbox.profile.policy.keep_ms else {
        return Ok(());
    };
    let limit = case.at.now.saturating_sub(keep);
    if mailbox.head.oldest >= limit || mailbox.is_protected(case.at.now) {
        return Ok(());
    }
    // The first event that is young enough stays, and so does everything after it.
    let (floor, seq) = (mailbox.head.floor, mailbox.head.seq);
    let young = first_where(floor, seq, |n| Ok(mark_stamp(case.facts, mailbox, n)? >= limit))?;
    let all_old = mark_stamp(case.facts, mailbox, young)? < limit;
    raise_floor(
        case.facts,
        draft,
        if all_old { young } else { young.saturating_sub(1) },
    )
}

/// Everything up to `seq` has been taken over; payloads go unless something protects them.
pub(crate) fn acknowledge<F: Facts>(case: &Case<'_, F>, draft: &mut Draft, seq: u64) -> Result<(), Refusal> {
    if seq > draft.mailbox.head.seq {
        return Err(ErrorCode::NoSuchRange.into());
    }
    let head = &mut draft.mailbox.head;
    head.acknowledged = head.acknowledged.max(seq);
    let_go(case, draft)
}

/// Lets go what was acknowledged, if nothing protects it (any more).
pub(crate) fn let_go<F: Facts>(case: &Case<'_, F>, draft: &mut Draft) -> Result<(), Refusal> {
    if draft.mailbox.is_protected(case.at.now) {
        return Ok(());
    }
    raise_floor(case.facts, draft, draft.mailbox.head.acknowledged)
}

/// Removes the payloads of a range.
pub(crate) fn erase<F: Facts>(
    case: &Case<'_, F>,
    draft: &mut Draft,
    range: EraseRange,
) -> Result<(), Refusal> {
    let mailbox = &draft.mailbox;
    if range.from == 0 || range.from > range.to || range.to > mailbox.head.seq {
        return Err(ErrorCode::NoSuchRange.into());
    }
    if mailbox.is_protected(case.at.now) {
        return Err(ErrorCode::OnHold.into());
    }
    draft.release.push(Hole {
        from: range.from,
        to: range.to,
    });
    let from = range.from.max(mailbox.head.floor.saturating_add(1));
    if from > range.to {
        return Ok(());
    }
    let (bytes, events) = kept_between(case.facts, mailbox, from, range.to)?;
    let holes = with_hole(&mailbox.profile.holes, Hole { from, to: range.to });
    if holes.len() > MAX_HOLES {
        return Err(ErrorCode::TooMany.into());
    }
    draft.profile().holes = holes;
    let head = &mut draft.mailbox.head;
    head.kept_bytes = head.kept_bytes.saturating_sub(bytes);
    head.kept_events = head.kept_events.saturating_sub(events);
    // A hole that begins at the floor is no hole: the floor swallows it.
    raise_floor(case.facts, draft, draft.mailbox.head.floor)
}

/// Moves the floor up to `to` and over every hole it touches.
fn raise_floor(facts: &impl Facts, draft: &mut Draft, to: u64) -> Result<(), Refusal> {
    let mailbox = &draft.mailbox;
    let head = &mailbox.head;
    let mut floor = to.max(head.floor).min(head.seq);
    for hole in &mailbox.profile.holes {
        if hole.from <= floor.saturating_add(1) {
            floor = floor.max(hole.to);
        }
    }
    if floor == head.floor {
        return Ok(());
    }
    let (bytes, events) = kept_upto(facts, mailbox, floor)?;
    let floor_total = total_at(facts, mailbox, floor)?;
    let oldest = if floor >= head.seq {
        u64::MAX
    } else {
        mark_stamp(facts, mailbox, floor.saturating_add(1))?
    };
    let from = head.floor.saturating_add(1);
    if mailbox.profile.holes.iter().any(|h| h.from <= floor) {
        draft.profile().holes.retain(|h| h.from > floor);
    }
    let head = &mut draft.mailbox.head;
    head.kept_bytes = head.kept_bytes.saturating_sub(bytes);
    head.kept_events = head.kept_events.saturating_sub(events);
    (head.floor, head.floor_total, head.oldest) = (floor, floor_total, oldest);
    draft.release.push(Hole { from, to: floor });
    Ok(())
}

/// Bytes and events still kept above the floor, up to and including `seq`.
fn kept_upto(facts: &impl Facts, mailbox: &Mailbox, seq: u64) -> Result<(u64, u64), Refusal> {
    kept_between(facts, mailbox, mailbox.head.floor.saturating_add(1), seq)
}

/// Bytes and events still kept from one event to another, both included; `from` lies above the floor.
/// Of the holes only those within are looked at: each costs a reading of two events.
fn kept_between(facts: &impl Facts, mailbox: &Mailbox, from: u64, to: u64) -> Result<(u64, u64), Refusal> {
    let below = from.saturating_sub(1);
    if to <= below {
        return Ok((0, 0));
    }
    let between = |below: u64, to: u64| -> Result<(u64, u64), Refusal> {
        let bytes = total_at(facts, mailbox, to)?.saturating_sub(total_at(facts, mailbox, below)?);
        Ok((bytes, to.saturating_sub(below)))
    };
    let (mut bytes, mut events) = between(below, to)?;
    let holes = &mailbox.profile.holes;
    let first = holes.partition_point(|hole| hole.to < from);
    for hole in holes.iter().skip(first).take_while(|hole| hole.from <= to) {
        let (gone, gone_events) = between(hole.from.saturating_sub(1).max(below), hole.to.min(to))?;
        bytes = bytes.saturating_sub(gone);
        events = events.saturating_sub(gone_events);
    }
    Ok((bytes, events))
}

fn total_at(facts: &impl Facts, mailbox: &Mailbox, seq: u64) -> Result<u64, Refusal> {
    let head = &mailbox.head;
    match seq {
        0 => Ok(0),
        _ if seq == head.seq => Ok(head.total),
        _ if seq == head.floor => Ok(head.floor_total),
        _ => Ok(facts.mark(&mailbox.id, seq).ok_or(ErrorCode::Internal)?.total),
    }
}

fn mark_stamp(facts: &impl Facts, mailbox: &Mailbox, seq: u64) -> Result<u64, Refusal> {
    if seq == mailbox.head.seq {
        return Ok(mailbox.head.stamp);
    }
    Ok(facts.mark(&mailbox.id, seq).ok_or(ErrorCode::Internal)?.stamp)
}

/// The holes with one more: sorted, disjoint, not adjacent.
fn with_hole(holes: &[Hole], new: Hole) -> Vec<Hole> {
    let mut merged = new;
    let mut out = Vec::with_capacity(holes.len() + 1);
    for hole in holes {
        if hole.to.saturating_add(1) < merged.from || hole.from > merged.to.saturating_add(1) {
            out.push(*hole);
        } else {
            merged = Hole {
                from: merged.from.min(hole.from),
                to: merged.to.max(hole.to),
            };
        }
    }
    let at = out.partition_point(|h| h.from < merged.from);
    out.insert(at, merged);
    out
}

/// The first number in `(low, high]` for which a monotone predicate holds, or `high`. Looks
/// near `low` first: usually one payload gives way to one.
fn first_where(
    low: u64,
    high: u64,
    mut holds: impl FnMut(u64) -> Result<bool, Refusal>,
) -> Result<u64, Refusal> {
    let (mut low, mut high, mut step) = (low, high, 1u64);
    while low.saturating_add(step) < high {
        let probe = low.saturating_add(step);
        if holds(probe)? {
            high = probe;
            break;
        }
        low = probe;
        step = step.saturating_mul(2);
    }
    while high.saturating_sub(low) > 1 {
        let middle = low + (high - low) / 2;
        if holds(middle)? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fitting_event_is_found_wherever_it_lies() {
        for low in 0..12u64 {
            for high in low + 1..40 {
                for target in low + 1..=high {
                    assert_eq!(first_where(low, high, |n| Ok(n >= target)), Ok(target));
                }
            }
        }
    }

    #[test]
    fn touching_holes_become_one() {
        let holes = [Hole { from: 3, to: 4 }, Hole { from: 8, to: 9 }];
        assert_eq!(
            with_hole(&holes, Hole { from: 5, to: 7 }),
            vec![Hole { from: 3, to: 9 }]
        );
        assert_eq!(with_hole(&holes, Hole { from: 6, to: 6 }).len(), 3);
        assert_eq!(
            with_hole(&[], Hole { from: 1, to: 1 }),
            vec![Hole { from: 1, to: 1 }]
        );
    }
}
