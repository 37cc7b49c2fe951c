//! How far the histories of two members are the same: from what their promises show, and what was asked since.
//!
//! A link is over everything before it, so two histories that show the same link at a place are the same
//! up to it, and where they part is found by halving what lies between.

use std::collections::{BTreeMap, HashMap};

use super::follow::NO_LINK;
use super::say::{Link, Promised, Seat};
use crate::record::Position;

/// What a member that was asked shows of its history at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shows {
    /// This.
    Link(Link),
    /// It has let go of the entry. So it was chosen there, and much behind it.
    Gone,
}

/// A member's link that must be known first.
pub(crate) type Unseen = (Seat, Position);

/// What a candidate sees of the members' histories.
#[derive(Clone, Copy)]
pub(crate) struct Sight<'a> {
    pub(crate) promises: &'a BTreeMap<Seat, Promised>,
    pub(crate) asked: &'a HashMap<(Seat, Position), Shows>,
}

impl Sight<'_> {
    fn at(&self, seat: Seat, n: Position) -> Result<Shows, Unseen> {
        let promised = || self.promises.get(&seat)?.link(n).map(Shows::Link);
        let asked = || self.asked.get(&(seat, n)).copied();
        promised().or_else(asked).ok_or((seat, n))
    }

    fn same(&self, a: Seat, b: Seat, n: Position) -> Result<bool, Unseen> {
        match (self.at(a, n)?, self.at(b, n)?) {
            (Shows::Link(a), Shows::Link(b)) => Ok(a == b),
            _ => Ok(true),
        }
    }

    /// How far two histories of one incarnation are the same.
    ///
    /// # Errors
    ///
    /// Whose link must be known first, and where. It comes to the same again when it is.
    pub(crate) fn common(&self, a: Seat, b: Seat) -> Result<Position, Unseen> {
        let (Some(of_a), Some(of_b)) = (self.promises.get(&a), self.promises.get(&b)) else {
            return Ok(0);
        };
        let shorter = if of_a.head.n < of_b.head.n { of_a } else { of_b };
        let end = shorter.head.n;
        if self.same(a, b, end)? {
            return Ok(end);
        }
        // Both follow its genesis, unless the shorter one cut it off. Between the two is where they part.
        let genesis = shorter.accepted.genesis.n;
        let (mut same, mut other) = (if genesis <= end { genesis } else { 0 }, end);
        while other - same > 1 {
            let middle = same + (other - same) / 2;
            match self.same(a, b, middle)? {
                true => same = middle,
                false => other = middle,
            }
        }
        Ok(same)
    }

    /// The link of a member's history at a place, from whoever shows it. `None` if nobody does.
    pub(crate) fn link(&self, seat: Seat, n: Position) -> Option<Link> {
        let shown = |seat| match self.at(seat, n) {
            Ok(Shows::Link(link)) => Some(link),
            _ => None,
        };
        let accepted = &self.promises.get(&seat)?.accepted;
        let of_it = |other: &Seat| {
            let promised = self.promises.get(other);
            promised.is_some_and(|p| p.accepted.inc == accepted.inc)
        };
        let by_others = || {
            let others = self.promises.keys().filter(|other| of_it(other));
            let same = others.filter(|other| self.common(seat, **other).is_ok_and(|to| to >= n));
            same.copied().find_map(shown)
        };
        let by_itself = || match n {
            0 => Some(NO_LINK),
            n if n == accepted.genesis.n => Some(accepted.genesis.mark),
            _ => None,
        };
        shown(seat).or_else(by_itself).or_else(by_others)
    }

    /// The first link without which two members of the latest incarnation cannot be compared.
    pub(crate) fn unseen(&self) -> Option<Unseen> {
        let latest = self.promises.values().map(|p| p.accepted.inc).max()?;
        let of_it = || self.promises.iter().filter(|(_, p)| p.accepted.inc == latest);
        of_it()
            .flat_map(|(a, _)| of_it().map(move |(b, _)| (*a, *b)))
            .find_map(|(a, b)| self.common(a, b).err())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use telesphor_wire::ext::Extensions;
    use telesphor_wire::hash::Digest;
    use telesphor_wire::ids::{Incarnation, PartitionId};
    use telesphor_wire::sign::PublicKey;

    use super::super::say::{Place, TAIL_LINKS};
    use super::*;
    use crate::member::{Accepted, Inc, Point, Seats};

    /// Up to where it goes, where it parts from the others, and into which of their branches.
    type Shape = (Position, Position, u8);

    fn link(n: Position, (_, parts, branch): Shape) -> Link {
        let mut bytes = [0; 32];
        bytes[0] = if n > parts { branch } else { 0 };
        bytes[8..16].copy_from_slice(&n.to_be_bytes());
        Digest(bytes)
    }

    fn seat(number: u8) -> Seat {
        PublicKey([number; 32])
    }

    fn promised(shape: Shape) -> Promised {
        let inc = Inc {
            round: 1,
            opener: seat(0),
        };
        let point = |n| Point {
            n,
            mark: link(n, shape),
        };
        let seats = Seats::new([seat(0), seat(1)]);
        let before = (1..shape.0).rev().take(TAIL_LINKS);
        Promised {
            place: Place {
                cluster: Incarnation([0; 32]),
                partition: PartitionId(0),
            },
            inc: Inc { round: 2, ..inc },
            accepted: Accepted {
                inc,
                genesis: point(1),
                before: seats.clone(),
                members: seats,
            },
            head: point(shape.0),
            before: before.map(|n| link(n, shape)).collect(),
            ext: Extensions::none(),
        }
    }

    /// Asks until everything can be compared; gives how often.
    fn look(shapes: &[Shape], seen: impl FnOnce(Sight<'_>)) -> usize {
        let seats = || (0_u8..).map(seat);
        let promises: BTreeMap<_, _> = seats().zip(shapes.iter().map(|s| promised(*s))).collect();
        let mut asked = HashMap::new();
        loop {
            let sight = Sight {
                promises: &promises,
                asked: &asked,
            };
            let Some((of, n)) = sight.unseen() else {
                seen(sight);
                return asked.len();
            };
            let shape = shapes[usize::from(of.0[0])];
            assert!(n >= 1 && n <= shape.0, "{n} of {shape:?}");
            let before = asked.insert((of, n), Shows::Link(link(n, shape)));
            assert_eq!(before, None, "asked twice");
        }
    }

    fn shape() -> impl Strategy<Value = Shape> {
        (1..5_000_u64, 1..5_000_u64, 1..3_u8)
    }

    proptest! {
        #[test]
        fn two_histories_are_taken_to_part_where_they_do_not(a in shape(), b in shape(), c in shape()) {
            let shapes = [a, b, c];
            let asked = look(&shapes, |sight| {
                for (i, a) in (0_u8..).zip(&shapes) {
                    for (j, b) in (0_u8..).zip(&shapes) {
                        let to = (1..=a.0.min(b.0)).rev().find(|n| link(*n, *a) == link(*n, *b));
                        assert_eq!(sight.common(seat(i), seat(j)), Ok(to.unwrap_or(0)));
                        // And so it can be said of each where its common part ends.
                        let to = to.unwrap_or(0);
                        assert_eq!(sight.link(seat(i), to), Some(if to == 0 { NO_LINK } else { link(to, *a) }));
                    }
                }
            });
            // Twice as often as five thousand can be halved, for each pair.
            prop_assert!(asked <= 3 * 2 * 14, "asked {asked} times");
        }
    }

    #[test]
    fn what_a_member_has_let_go_of_is_taken_for_another_history() {
        let (long, short) = ((5_000, 5_000, 1), (100, 100, 1));
        let promises = BTreeMap::from([(seat(0), promised(long)), (seat(1), promised(short))]);
        let asked = HashMap::from([((seat(0), 100), Shows::Gone)]);
        let sight = Sight {
            promises: &promises,
            asked: &asked,
        };
        assert_eq!(sight.common(seat(0), seat(1)), Ok(100));
        assert_eq!(sight.link(seat(0), 100), Some(link(100, short)));
    }
}
