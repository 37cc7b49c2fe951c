//! What may happen next: every step that is possible in a world.

use std::collections::BTreeSet;

use super::chain::{LONGEST, Seat};
use super::protocol::{Protocol, Step};
use super::state::{Member, World};

/// The seats that become candidates. All seats begin alike, so two candidates may as well be these.
const CANDIDATES: Seat = 2;

impl Protocol {
    /// What relays may publish, and what the bus may lose.
    pub(crate) fn steps_of_the_bus(&self, world: &World, steps: &mut Vec<Step>) {
        for inc in world.streams.keys() {
            let followed = world
                .members
                .iter()
                .any(|m| !m.dead && m.mind.accepted.inc == *inc && m.mind.promised == *inc);
            if followed {
                let known = world.signed.iter().map(|(_, c)| c + 1).max().unwrap_or(0);
                let fresh = known.min(world.left.commands.saturating_sub(1));
                steps.extend(
                    (0..=fresh)
                        .filter(|c| *c < world.left.commands && !world.signed.contains(&(*inc, *c)))
                        .map(|c| Step::Publish(*inc, c)),
                );
            }
            if world.left.cuts > 0 && world.streams[inc].last().is_some() {
                steps.push(Step::Cut(*inc));
            }
        }
    }

    fn swaps(&self, world: &World) -> Vec<Option<(Seat, Seat)>> {
        let spares = 3..3 + self.budget.spares;
        let mut swaps = vec![None];
        for comes in spares {
            swaps.extend(
                (0..3)
                    .filter(|s| world.members[*s as usize].dead || self.budget.losses == 0)
                    .map(|leaves| Some((leaves, comes))),
            );
        }
        swaps
    }

    /// What a member may do next.
    pub(crate) fn steps_of(&self, world: &World, seat: Seat, member: &Member, steps: &mut Vec<Step>) {
        if member.dead {
            return;
        }
        let sits = seat < 3 || member.mind.accepted.members.has(&seat);
        if self.may_apply(member) && member.mind.head.n < LONGEST {
            let next = Self::next(world, member);
            if next.is_some() {
                steps.push(Step::Apply(seat));
            }
            if world.left.lies > 0 {
                let inc = member.mind.accepted.inc;
                let others = world.signed.iter().filter(|(i, c)| *i == inc && Some(*c) != next);
                steps.extend(others.map(|(_, c)| Step::Lie(seat, *c)));
            }
        }
        if sits {
            if member.collects.is_none() && seat < CANDIDATES {
                steps.push(Step::Ask(seat));
            }
            steps.extend(world.asked.iter().map(|inc| Step::Answer(seat, *inc)));
        } else {
            steps.extend(
                (0..3)
                    .filter(|s| !world.members[*s as usize].dead)
                    .map(|s| Step::Seed(seat, s)),
            );
        }
        steps.extend(world.geneses.iter().map(|g| Step::Accept(seat, g.clone())));
        steps.extend(world.geneses.iter().map(|g| Step::Take(seat, g.clone())));
        if let Some(inc) = member.collects {
            let answered: Vec<Seat> = world
                .promises
                .iter()
                .filter(|p| p.inc == inc)
                .map(|p| p.from)
                .collect();
            for some in 1_u32..1 << answered.len() {
                let from: BTreeSet<Seat> = answered
                    .iter()
                    .enumerate()
                    .filter(|(i, _)| some >> i & 1 == 1)
                    .map(|(_, s)| *s)
                    .collect();
                if from.len() < 2 {
                    continue;
                }
                steps.push(Step::Prepare(seat, from.clone(), false));
                if self.budget.spares > 0 {
                    steps.push(Step::Prepare(seat, from.clone(), true));
                }
                for swap in self.swaps(world) {
                    if swap.is_none() {
                        steps.push(Step::Open(seat, from.clone(), false, None));
                    }
                    if self.budget.spares > 0 {
                        steps.push(Step::Open(seat, from.clone(), true, swap));
                    }
                }
            }
        }
        if world.left.crashes > 0 {
            steps.push(Step::Crash(seat));
        }
        if member.mind != member.disk {
            steps.push(Step::Sync(seat));
        }
        if world.left.losses > 0 && seat < 3 {
            steps.push(Step::Lose(seat));
        }
    }
}
