//! Who votes, and who voted: one seat at a time may change hands.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::bus::Bus;
use super::driver::Driver;
use super::limits::CAUGHT_UP;
use super::phase::{Gone, Lost, Phase};
use super::say::{Genesis, Link, Seat};
use crate::member::{Inc, Seats, Standing};
use crate::record::Position;

/// Changes that are remembered, at most: entries of earlier incarnations were decided long ago.
const MOST: usize = 64;

/// Who had a seat from which incarnation on. A batch counts only if its author had one in the
/// incarnation it was ordered in: every member must find the same, whatever it knows of the
/// cluster beside the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seated {
    /// The edition of the cluster's record by which a seat changed hands last.
    edition: u64,
    from: Vec<(Inc<Seat>, Seats<Seat>)>,
}

impl Seated {
    /// The same seats since an incarnation.
    pub(crate) fn since(inc: Inc<Seat>, seats: Seats<Seat>) -> Self {
        Self {
            edition: 0,
            from: vec![(inc, seats)],
        }
    }

    /// Whether somebody had a seat in an incarnation.
    pub(crate) fn has(&self, inc: Inc<Seat>, who: &Seat) -> bool {
        let before = self.from.iter().rev().find(|(since, _)| *since <= inc);
        before
            .or(self.from.first())
            .is_some_and(|(_, seats)| seats.has(who))
    }

    /// A genesis was added to the history.
    pub(crate) fn note(&mut self, genesis: &Genesis) {
        let (inc, seats) = (genesis.genesis.inc, &genesis.genesis.members);
        self.edition = self.edition.max(genesis.edition);
        if self.from.last().is_none_or(|(_, last)| last != seats) {
            self.from.push((inc, seats.clone()));
        }
        if self.from.len() > MOST {
            self.from.remove(0);
        }
    }

    /// The edition that the next genesis states: it never falls.
    pub(crate) const fn edition(&self) -> u64 {
        self.edition
    }
}

/// What a member stands by, as it is on its disk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Stood {
    pub(crate) standing: Standing<Seat, Link>,
    pub(crate) seated: Seated,
}

impl<B: Bus> Driver<B> {
    /// Whether this relay votes.
    pub(crate) fn has_seat(&self) -> bool {
        self.standing.accepted.members.has(&self.context.me)
    }

    /// The seat that is to change hands by the cluster's record (who leaves, who comes), as soon as
    /// the one who comes holds what was ordered up to here.
    pub(crate) fn change(&self, to: Position) -> Option<(Seat, Seat)> {
        let wanted = self.context.wanted.borrow();
        // A relay that was not told yet does not undo what others have done.
        if wanted.edition < self.seated.edition() {
            return None;
        }
        let members = &self.standing.accepted.members;
        let leaves = members.iter().find(|seat| !wanted.relays.contains(seat))?;
        let comes = wanted.relays.iter().find(|seat| !members.has(seat))?;
        let reached = self.votes.reached(comes);
        let near = reached >= self.standing.accepted.genesis.n && reached + CAUGHT_UP >= to;
        near.then_some((*leaves, *comes))
    }

    /// Rule 15: gives a seat to the relay that the record names, by a rebase like any other; and
    /// stops where this relay's own seat was given away.
    pub(crate) async fn tend_seats(&mut self) -> Result<(), Gone> {
        let active = self.votes.active(&self.standing.accepted);
        if !self.has_seat() {
            let gone = !self.context.wanted.borrow().relays.contains(&self.context.me);
            let voted = self.standing.accepted.before.has(&self.context.me);
            // Whoever leaves still votes for the genesis that lets him go.
            return if active && (gone || voted) {
                self.lose(Lost::Left).await
            } else {
                Ok(())
            };
        }
        if !active || self.change(self.history.head().n).is_none() {
            self.change_since = None;
            return Ok(());
        }
        let since = *self.change_since.get_or_insert_with(Instant::now);
        if since.elapsed() < self.context.patience.rank * (self.rank() + 1) {
            return Ok(());
        }
        self.change_since = None;
        self.fence("a seat changes hands");
        self.candidate().await
    }

    /// A relay without a seat opens nothing: it follows again what the others carry on.
    pub(crate) fn waits_without_seat(&mut self) {
        if let Phase::Fenced { since } = &self.phase
            && since.elapsed() >= self.context.patience.promised
        {
            self.resume();
        }
    }
}
