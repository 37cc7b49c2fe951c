//! The reckoning over a history of fills: whether what everybody was told can have happened, in one
//! order that agrees with the clock on the wall, without more being handed out than there was.
//!
//! Every step says its number, the step before, and is bound to both by its hash. So the order is
//! not searched for but read; it is replayed on a model, and every answer, refusals too, must fit a
//! state between what had ended before it was asked for and what began after it was given.

use std::collections::{BTreeMap, BTreeSet};

use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::EntryId;
use telesphor_wire::ledger::{EntryStanding, Step, StepKind};
use telesphor_wire::limits::RX_PARTS;
use telesphor_wire::sign::PublicKey;

use super::model::Model;

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// How it stands.
    Look,
    /// Parts were to be set aside.
    Reserve,
    /// They were to be confirmed.
    Confirm,
    /// They were to be let go.
    Release,
}

/// One act, from its beginning to its answer.
#[derive(Clone, Debug)]
pub struct Did {
    /// On which entry.
    pub entry: EntryId,
    /// What.
    pub what: What,
    /// About how many parts.
    pub parts: u64,
    /// When it was asked first, nanoseconds since the Unix epoch.
    pub began: u64,
    /// When it was answered.
    pub ended: u64,
    /// The step that it was told; none if refused, and for a look.
    pub step: Option<Step>,
    /// How the entry was said to stand.
    pub standing: Option<EntryStanding>,
    /// Why not.
    pub refused: Option<ErrorCode>,
}

impl Did {
    /// Whether it was told that something was handed over.
    pub fn is_confirmed(&self) -> bool {
        self.step.as_ref().is_some_and(|s| s.kind == StepKind::Confirmed)
    }
}

/// Something that cannot have happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// More was handed over than was prescribed, in units.
    Overdraw(EntryId, u64),
    /// Two different steps have one number.
    TwoAtOnePlace(EntryId, u64),
    /// A step that nobody was told of, or that was lost.
    Missing(EntryId, u64),
    /// A step that does not follow the one before it.
    Broken(EntryId, u64),
    /// A key drew twice.
    Twice(EntryId, u64),
    /// A step that the state before it did not allow.
    NotAllowed(EntryId, u64),
    /// An act that had ended before another began stands behind it.
    AgainstTheClock(EntryId, u64),
    /// An answer that fits no state that there was while it was asked for: a number of the history.
    WrongAccount(EntryId, usize),
    /// A refusal that no such state explains: there was enough, or its time was over; and any refusal
    /// of a confirmation, which leaves open what an asking that was not heard may still do.
    RefusedForNothing(EntryId, usize),
    /// A confirmation was answered by letting go of what was set aside or free.
    LetGoForNothing(EntryId, u64),
    /// The ledger's last word is not what was confirmed.
    LostAtTheEnd(EntryId),
    /// Parts that nobody has and nobody can have.
    Stranded(EntryId, u64),
}

/// The relays run on this machine: their clock is behind its own by less than this, milliseconds.
const BEHIND: u64 = 1_000;

/// Judges a history, with how each entry stood at the end, when nothing was set aside any more.
pub fn judge(history: &[Did], ends: &[(EntryId, EntryStanding)], units: u32) -> Vec<Found> {
    let mut own: BTreeMap<EntryId, Vec<&Did>> = BTreeMap::new();
    for did in history {
        own.entry(did.entry).or_default().push(did);
    }
    ends.iter()
        .flat_map(|(id, end)| {
            let of_it = own.get(id).map(Vec::as_slice).unwrap_or_default();
            one(id, of_it, end, units)
        })
        .collect()
}

/// Units that so many parts are; each fill is rounded down by less than one part.
pub fn units_of(parts: u64, units: u32) -> u64 {
    let half = u128::from(RX_PARTS / 2);
    let exact = (u128::from(parts) * u128::from(units) + half) / u128::from(RX_PARTS);
    u64::try_from(exact).unwrap_or(u64::MAX)
}

fn one(id: &EntryId, history: &[&Did], end: &EntryStanding, units: u32) -> Vec<Found> {
    let mut found = Vec::new();
    let mut steps: BTreeMap<u64, &Step> = BTreeMap::new();
    // When the first answer with this step was had, and when the last asking for it began.
    let mut times: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for did in history {
        let Some(step) = &did.step else { continue };
        if steps.insert(step.seq, step).is_some_and(|before| before != step) {
            found.push(Found::TwoAtOnePlace(*id, step.seq));
        }
        let at = times.entry(step.seq).or_insert((did.began, did.ended));
        *at = (at.0.min(did.began), at.1.min(did.ended));
    }
    let (mut previous, mut expected) = (Digest(id.0), 1);
    let (mut confirmed, mut drawn) = (0u64, BTreeSet::<PublicKey>::new());
    let mut model = Model::new();
    for (seq, step) in &steps {
        if *seq != expected {
            found.push(Found::Missing(*id, expected));
        } else if step.previous != previous {
            found.push(Found::Broken(*id, *seq));
        }
        (previous, expected) = (step.digest(), seq + 1);
        if step.kind == StepKind::Confirmed {
            if !drawn.insert(step.key) {
                found.push(Found::Twice(*id, *seq));
            }
            confirmed = confirmed.saturating_add(step.parts);
        }
        // Who asked to let go needs no reason.
        let asked = |did: &&&Did| did.what == What::Release && did.step.as_ref() == Some(*step);
        if step.kind == StepKind::Released
            && !history.iter().any(|did| asked(&did))
            && !model
                .states
                .last()
                .is_some_and(|s| s.lets_go(&step.key, step.parts, step.stamp))
        {
            found.push(Found::LetGoForNothing(*id, *seq));
        }
        if !model.take(step) {
            found.push(Found::NotAllowed(*id, *seq));
        }
    }
    found.extend(clock(id, &times));
    // Where a number is missing, states have no numbers to be found by.
    if model.states.len() as u64 == expected {
        found.extend(answers(id, history, &times, &model));
    }
    let whole = units_of(confirmed, units);
    if confirmed > RX_PARTS || whole > u64::from(units) {
        found.push(Found::Overdraw(*id, whole));
    }
    if end.confirmed != confirmed {
        found.push(Found::LostAtTheEnd(*id));
    }
    let stranded = RX_PARTS.abs_diff(end.confirmed.saturating_add(end.free));
    if stranded != 0 || end.reserved != 0 {
        found.push(Found::Stranded(*id, stranded.max(end.reserved)));
    }
    found
}

/// What had ended before something else began stands before it.
fn clock(id: &EntryId, times: &BTreeMap<u64, (u64, u64)>) -> Vec<Found> {
    let mut found = Vec::new();
    // From the last step backwards: the earliest end of all steps behind.
    let mut earliest_end = u64::MAX;
    for (seq, (began, ended)) in times.iter().rev() {
        if earliest_end < *began {
            found.push(Found::AgainstTheClock(*id, *seq));
        }
        earliest_end = earliest_end.min(*ended);
    }
    found
}

/// Every answer fits a state that there was between its asking and its giving.
fn answers(id: &EntryId, history: &[&Did], times: &BTreeMap<u64, (u64, u64)>, model: &Model) -> Vec<Found> {
    let mut found = Vec::new();
    for (number, did) in history.iter().enumerate() {
        let own = did.step.as_ref().map_or(0, |s| s.seq);
        let before = times.iter().filter(|(_, (_, ended))| *ended < did.began);
        let first = before.map(|(seq, _)| *seq).max().unwrap_or(0).max(own) as usize;
        let after = times.iter().filter(|(_, (began, _))| *began > did.ended);
        let last = after
            .map(|(seq, _)| seq - 1)
            .min()
            .map_or(model.states.len() - 1, |seq| seq as usize);
        let mut window = (first..=last).filter_map(|at| {
            let next = model.states.get(at + 1).map_or(u64::MAX, |s| s.stamp);
            Some((model.states.get(at)?, next))
        });
        if let Some(said) = &did.standing
            && !window
                .clone()
                .any(|(state, next)| state.stamp <= said.now && said.now <= next && state.is(said))
        {
            found.push(Found::WrongAccount(*id, number));
        }
        if let Some(code) = did.refused {
            // Not earlier than it was asked for: what time lets go is free again by then.
            let asked = (did.began / 1_000_000).saturating_sub(BEHIND);
            let explained = window.any(|(state, next)| {
                let now = state.stamp.max(asked);
                now <= next && state.refuses(code, did.parts, now)
            });
            if !explained || did.what == What::Confirm {
                found.push(Found::RefusedForNothing(*id, number));
            }
        }
    }
    found
}
