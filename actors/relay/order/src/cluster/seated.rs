//! Who votes, and who voted: one seat at a time may change hands.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use telesphor_wire::canonical;

use super::bus::Bus;
use super::driver::Driver;
use super::limits::CAUGHT_UP;
use super::phase::{Gone, Lost, Phase};
use super::say::{Genesis, Link, Seat};
use super::versions::{self, FIRST};
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
    /// By which version of the rules is decided, from which incarnation on.
    rules: Vec<(Inc<Seat>, u16)>,
}

impl Seated {
    /// The same seats since an incarnation.
    pub(crate) fn since(inc: Inc<Seat>, seats: Seats<Seat>) -> Self {
        Self {
            edition: 0,
            from: vec![(inc, seats)],
            rules: vec![(inc, FIRST)],
        }
    }

    /// The version of the rules by which is decided what was ordered in an incarnation.
    pub(crate) fn rules(&self, inc: Inc<Seat>) -> u16 {
        let before = self.rules.iter().rev().find(|(since, _)| *since <= inc);
        before.or(self.rules.first()).map_or(FIRST, |(_, rules)| *rules)
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
        let rules = versions::stated(&genesis.ext);
        if self.rules.last().is_none_or(|(_, last)| *last != rules) {
            self.rules.push((inc, rules));
        }
        if self.rules.len() > MOST {
            self.rules.remove(0);
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
    /// What lies on the disk behind this position is taken over for another incarnation and not its
    /// own yet: a member that starts again forgets it.
    pub(crate) taken_after: Option<Position>,
}

/// As programs write it that know of one version of the rules alone.
type Before<S, F> = (S, (u64, F));

impl Stood {
    /// As long as there was one version of the rules, a program of then can still read it: so there is a way back.
    pub(crate) fn write(&self) -> Vec<u8> {
        let Self {
            standing,
            seated,
            taken_after,
        } = self;
        match taken_after {
            Some(_) => canonical::encode(self),
            None if seated.rules.iter().all(|(_, rules)| *rules == FIRST) => {
                canonical::encode::<Before<_, _>>(&(standing, (seated.edition, &seated.from)))
            }
            None => canonical::encode(&(standing, seated)),
        }
    }

    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        if let Ok(stood) = canonical::decode_bounded(bytes, MAX_STOOD) {
            return Some(stood);
        }
        let whole = |standing, seated| Self {
            standing,
            seated,
            taken_after: None,
        };
        if let Ok((standing, seated)) = canonical::decode_bounded::<(_, Seated)>(bytes, MAX_STOOD) {
            return Some(whole(standing, seated));
        }
        type First = Before<Standing<Seat, Link>, Vec<(Inc<Seat>, Seats<Seat>)>>;
        let (standing, (edition, from)) = canonical::decode_bounded::<First>(bytes, MAX_STOOD).ok()?;
        let rules = from.first().map(|(inc, _)| (*inc, FIRST)).into_iter().collect();
        Some(whole(standing, Seated { edition, from, rules }))
    }
}

/// What a relay stands by when it takes a partition over: the copy's history, and its own promises of before, if
/// it has kept the partition once. Nothing if the copy is none, or older than what the relay followed itself, or of
/// a member that was taking something over itself.
pub fn taken_over(copied: &[u8], before: Option<&[u8]>) -> Option<Vec<u8>> {
    let Stood {
        mut standing,
        seated,
        taken_after,
    } = Stood::read(copied)?;
    if taken_after.is_some() {
        return None;
    }
    standing.promised = standing.accepted.inc;
    standing.silent_to = 0;
    if let Some(before) = before {
        let before = Stood::read(before)?.standing;
        if before.accepted.inc > standing.accepted.inc {
            return None;
        }
        standing.promised = standing.promised.max(before.promised);
        if before.accepted.inc == standing.accepted.inc {
            // Rule 13: where it has voted it votes no second time.
            standing.silent_to = before.silent_to.max(before.head.n);
        }
    }
    let stood = Stood {
        standing,
        seated,
        taken_after: None,
    };
    Some(stood.write())
}

/// What a member stands by, at most, bytes.
pub(crate) const MAX_STOOD: usize = 64 * 1024;

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
        let seats = wanted.seats(self.place.partition);
        let leaves = members.iter().find(|seat| !seats.contains(seat))?;
        let comes = seats.iter().find(|seat| !members.has(seat))?;
        let reached = self.votes.reached(comes);
        let near = reached >= self.standing.accepted.genesis.n && reached + CAUGHT_UP >= to;
        near.then_some((*leaves, *comes))
    }

    /// How far those have come who are to have a seat and have none yet: what they lack is kept for them, as
    /// for a seat that is away.
    pub(crate) fn awaited(&self) -> Position {
        let members = &self.standing.accepted.members;
        let seats = self.context.wanted.borrow().seats(self.place.partition);
        let come = seats.iter().filter(|seat| !members.has(seat));
        come.map(|seat| self.votes.reached(seat))
            .min()
            .unwrap_or(Position::MAX)
    }

    /// Rules 15 and 21: gives a seat to the relay that the record names, and has the version of the rules rise, by a
    /// rebase like any other; and stops where this relay's own seat was given away.
    pub(crate) async fn tend_change(&mut self) -> Result<(), Gone> {
        let active = self.votes.active(&self.standing.accepted);
        if !self.has_seat() {
            let wanted = self.context.wanted.borrow().seats(self.place.partition);
            let gone = !wanted.contains(&self.context.me);
            let voted = self.standing.accepted.before.has(&self.context.me);
            // Whoever leaves still votes for the genesis that lets him go.
            return if active && (gone || voted) {
                self.lose(Lost::Left).await
            } else {
                Ok(())
            };
        }
        let why = match self.change(self.history.head().n) {
            Some(_) if active => "a seat changes hands",
            None if active && self.rules_rise() => "the version of the rules rises",
            _ => {
                self.change_since = None;
                return Ok(());
            }
        };
        let since = *self.change_since.get_or_insert_with(Instant::now);
        if since.elapsed() < self.context.patience.rank * (self.rank() + 1) {
            return Ok(());
        }
        self.change_since = None;
        self.fence(why);
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

#[cfg(test)]
mod tests {
    use telesphor_wire::hash::Digest;
    use telesphor_wire::sign::PublicKey;

    use super::*;
    use crate::member::{Accepted, Point};

    fn inc(round: u64) -> Inc<Seat> {
        Inc {
            round,
            opener: PublicKey([1; 32]),
        }
    }

    fn stood(promised: u64, accepted: u64, head: u64, silent_to: u64) -> Vec<u8> {
        let members = Seats::new([PublicKey([1; 32]), PublicKey([2; 32])]);
        let at = |n| Point {
            n,
            mark: Digest([7; 32]),
        };
        let stood = Stood {
            standing: Standing {
                promised: inc(promised),
                accepted: Accepted {
                    inc: inc(accepted),
                    genesis: at(1),
                    members: members.clone(),
                    before: members.clone(),
                },
                head: at(head),
                silent_to,
            },
            seated: Seated::since(inc(accepted), members),
            taken_after: None,
        };
        stood.write()
    }

    fn read(bytes: Option<Vec<u8>>) -> (u64, u64, u64, u64) {
        let stood = Stood::read(&bytes.unwrap()).unwrap();
        let s = stood.standing;
        (s.promised.round, s.accepted.inc.round, s.head.n, s.silent_to)
    }

    #[test]
    fn there_is_no_way_back_to_a_program_that_knows_one_version_of_the_rules() {
        let mut stood = Stood::read(&stood(9, 5, 40, 3)).unwrap();
        let before = canonical::encode(&(&stood.standing, (stood.seated.edition, &stood.seated.from)));
        assert_eq!(stood.write(), before);
        assert_eq!(stood.seated.rules(inc(7)), FIRST);
        // Once the rules have risen there is none, and nothing is forgotten.
        stood.seated.rules.push((inc(7), 2));
        let read = Stood::read(&stood.write()).unwrap();
        assert_eq!((&read.standing, &read.seated), (&stood.standing, &stood.seated));
        assert_eq!((read.seated.rules(inc(6)), read.seated.rules(inc(8))), (1, 2));
        // While something is taken over there is none either.
        stood.taken_after = Some(40);
        assert_eq!(Stood::read(&stood.write()).unwrap().taken_after, Some(40));
        assert!(Stood::read(b"nothing").is_none());
    }

    #[test]
    fn a_relay_that_comes_back_has_forgotten_a_promise_or_votes_twice() {
        // What somebody else has promised is none of the newcomer's.
        assert_eq!(read(taken_over(&stood(9, 5, 40, 3), None)), (5, 5, 40, 0));
        // Its own of before is kept, and where it has voted in this incarnation it is silent.
        let before = stood(7, 5, 60, 0);
        assert_eq!(
            read(taken_over(&stood(5, 5, 40, 0), Some(&before))),
            (7, 5, 40, 60)
        );
        let before = stood(4, 3, 60, 0);
        assert_eq!(
            read(taken_over(&stood(5, 5, 40, 0), Some(&before))),
            (5, 5, 40, 0)
        );
        // A copy that is older than what it followed itself is none.
        let before = stood(6, 6, 60, 0);
        assert_eq!(taken_over(&stood(5, 5, 40, 0), Some(&before)), None);
        assert_eq!(taken_over(b"nothing", None), None);
        assert_eq!(taken_over(&stood(5, 5, 40, 0), Some(b"nothing")), None);
    }
}
