//! Prescriptions as they are shown.

use telesphor_clinical::document::SignedDocument;
use telesphor_clinical::rx::Prescription;
use telesphor_vault::Snapshot;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::DocumentId;
use telesphor_wire::ledger::{EntryStanding, StepKind};

use super::record::{Fill, FillState, fills_of, given_of, notices_of};
use crate::core::Profile;
use crate::documents::show::{People, find};
use crate::error::{Error, Result};
use crate::views::{RxFillState, RxFillView, RxLeft, RxNoticeView, RxView};

/// How much is left, in the prescription's units.
pub(super) fn left(rx: &Prescription, standing: &EntryStanding) -> RxLeft {
    RxLeft {
        asked_at: standing.now,
        free: rx.units(standing.free),
        dispensed: rx
            .total
            .saturating_sub(rx.units(telesphor_wire::limits::RX_PARTS.saturating_sub(standing.confirmed))),
        reserved: rx
            .units(standing.free.saturating_add(standing.reserved))
            .saturating_sub(rx.units(standing.free)),
        next_free: (standing.next_free != 0).then_some(standing.next_free),
        over: up(rx, standing.over),
        held_until: (standing.held_until != 0).then_some(standing.held_until),
        cancelled: (standing.cancelled != 0).then_some(standing.cancelled),
    }
}

/// Units that parts stand for where they were reckoned from units: rounded up again.
pub(super) fn up(rx: &Prescription, parts: u64) -> u32 {
    let whole = u128::from(telesphor_wire::limits::RX_PARTS);
    let units = (u128::from(parts) * u128::from(rx.total)).div_ceil(whole);
    u32::try_from(units).unwrap_or(u32::MAX)
}

pub(super) fn fill_view(rx: &Prescription, fill: &Fill) -> RxFillView {
    RxFillView {
        units: fill.units,
        amount: rx.amount(fill.units),
        state: match fill.state {
            FillState::Ticket => RxFillState::Ticket,
            FillState::Reserved => RxFillState::Reserved,
            FillState::Confirmed => RxFillState::HandedOver,
            FillState::Released => RxFillState::LetGo,
            FillState::Supplied => RxFillState::Supplied,
            FillState::Settled => RxFillState::Settled,
        },
        offline: fill.ticket.ticket.offline,
        until: (fill.state == FillState::Reserved).then_some(fill.until),
        at: fill.step.as_ref().map(|s| s.stamp),
        over: fill.step.as_ref().map_or(0, |s| up(rx, s.over)),
        elsewhere: fill.elsewhere,
        held: fill.held,
        why: fill.why.map(|w| w.code),
    }
}

/// One prescription, by its document's id or the beginning of it.
pub(super) fn one(snapshot: &Snapshot, profile: &Profile, what: &str) -> Result<RxView> {
    let kept = find(snapshot, what)?;
    let people = People::load(snapshot, profile)?;
    let view = crate::documents::show::view(snapshot, &people, &kept)?;
    let body = telesphor_vault::Records::body(snapshot, &kept.id)?.ok_or(Error::of(ErrorCode::NotFound))?;
    let document = SignedDocument::from_bytes(&body).map_err(|e| Error::of(e.code()))?;
    let rx = Prescription::of(&document).map_err(|_| Error::of(ErrorCode::RxNotPrescription))?;
    let fills = fills_of(snapshot, &kept.id)?;
    let given = given_of(snapshot, &kept.id)?;
    let notices = notices_of(snapshot, &kept.id)?;
    Ok(RxView {
        document: view,
        fills: fills.iter().map(|f| fill_view(&rx, f)).collect(),
        tickets: given
            .iter()
            .map(|g| (g.pharmacy.map(|p| people.name(&p)), g.units, g.at, g.offline))
            .collect(),
        notices: notices
            .iter()
            .map(|n| RxNoticeView {
                at: n.step.stamp,
                what: words(n.step.kind),
                units: up(&rx, n.step.parts),
                over: up(&rx, n.step.over),
            })
            .collect(),
        elsewhere: rx.domain != *profile.domain(),
        rx,
    })
}

const fn words(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Reserved => "set aside",
        StepKind::Confirmed => "handed over",
        StepKind::Released => "let go",
        StepKind::Cancelled => "cancelled by the prescriber",
        StepKind::Held => "stopped with a question",
        StepKind::Lifted => "goes on",
        StepKind::Settled => "supplied without the ledger",
    }
}

/// Every prescription of the record that can be filled, newest first.
pub(super) fn all(snapshot: &Snapshot, profile: &Profile) -> Result<Vec<RxView>> {
    let mut all = Vec::new();
    for kept in crate::documents::keep::all_kept(snapshot)? {
        if kept.header.format.as_str() != telesphor_clinical::rx::PRESCRIPTION {
            continue;
        }
        match one(snapshot, profile, &kept.id.to_string()) {
            Ok(view) => all.push(view),
            Err(error) if matches!(error.code, ErrorCode::RxNotPrescription | ErrorCode::NotFound) => {}
            Err(error) => return Err(error),
        }
    }
    all.reverse();
    Ok(all)
}

/// Its id, for the verbs.
pub(super) fn id_of(snapshot: &Snapshot, what: &str) -> Result<DocumentId> {
    Ok(find(snapshot, what)?.id)
}
