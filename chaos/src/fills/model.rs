//! What a ledger entry is, said once more and by itself: one state after each step, with the rules
//! of drawing from it. It shares nothing with the relay's own rules but the words on the wire.

use std::collections::BTreeMap;

use telesphor_wire::error::ErrorCode;
use telesphor_wire::ledger::{EntryStanding, Step, StepKind};
use telesphor_wire::limits::{RX_MAX_OPEN, RX_PARTS};
use telesphor_wire::sign::PublicKey;

/// How an entry stands after a step.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    /// When that step was made.
    pub(super) stamp: u64,
    confirmed: u64,
    /// Set aside: for whom, how much, until when.
    open: Vec<(PublicKey, u64, u64)>,
}

impl State {
    fn running(&self, now: u64) -> impl Iterator<Item = &(PublicKey, u64, u64)> {
        self.open.iter().filter(move |(_, _, until)| now <= *until)
    }

    fn reserved(&self, now: u64) -> u64 {
        self.running(now).map(|(_, parts, _)| parts).sum()
    }

    fn free(&self, now: u64) -> u64 {
        RX_PARTS.saturating_sub(self.confirmed.saturating_add(self.reserved(now)))
    }

    /// Whether this is what an answer said.
    pub(super) fn is(&self, said: &EntryStanding) -> bool {
        let next_free = self.running(said.now).map(|(_, _, until)| *until).min();
        said.free == self.free(said.now)
            && said.confirmed == self.confirmed
            && said.reserved == self.reserved(said.now)
            && said.next_free == next_free.unwrap_or(0)
            && (said.over, said.held_until, said.cancelled) == (0, 0, 0)
    }

    fn has_not(&self, parts: u64, now: u64) -> bool {
        parts > self.free(now)
    }

    /// Whether a key's confirmation was rightly answered at `now` by letting go of its parts: they
    /// were set aside for it no more, and not free either.
    pub(super) fn lets_go(&self, key: &PublicKey, parts: u64, now: u64) -> bool {
        !self.running(now).any(|(own, _, _)| own == key) && self.has_not(parts, now)
    }

    /// Whether somebody who wanted parts at `now` was rightly refused them.
    pub(super) fn refuses(&self, code: ErrorCode, parts: u64, now: u64) -> bool {
        match code {
            ErrorCode::RxNotEnough => self.has_not(parts, now),
            ErrorCode::RxAllTaken => self.running(now).count() >= RX_MAX_OPEN,
            _ => false,
        }
    }
}

/// All states of one entry, from the one before its first step.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// One after each step.
    pub(super) states: Vec<State>,
    /// What each key reserved, and whether that has ended.
    keys: BTreeMap<PublicKey, (u64, bool)>,
}

impl Model {
    /// Before anything was drawn.
    pub(super) fn new() -> Self {
        Self {
            states: vec![State::default()],
            ..Self::default()
        }
    }

    /// Takes a step; whether it was allowed.
    pub(super) fn take(&mut self, step: &Step) -> bool {
        let mut next = self.states.last().cloned().unwrap_or_default();
        let now = step.stamp;
        let in_time = now >= next.stamp;
        next.stamp = now;
        let known = self.keys.get(&step.key).copied();
        let allowed = match (step.kind, known) {
            (StepKind::Reserved, None) => {
                let fits = step.parts <= next.free(now) && next.running(now).count() < RX_MAX_OPEN;
                next.open.retain(|(_, _, until)| now <= *until);
                next.open.push((step.key, step.parts, step.until));
                self.keys.insert(step.key, (step.parts, false));
                fits && step.parts > 0 && step.until >= now
            }
            (StepKind::Confirmed | StepKind::Released, Some((parts, ended))) => {
                // Its own are set aside for it; once they no more are, they must be free.
                let own = next.running(now).any(|(key, _, _)| *key == step.key);
                let fits = own || step.kind == StepKind::Released || parts <= next.free(now);
                next.open.retain(|(key, _, _)| *key != step.key);
                if step.kind == StepKind::Confirmed {
                    next.confirmed = next.confirmed.saturating_add(step.parts);
                }
                self.keys.insert(step.key, (parts, true));
                fits && !ended && parts == step.parts
            }
            // Nobody here does anything else.
            _ => false,
        };
        self.states.push(next);
        allowed && in_time
    }
}
