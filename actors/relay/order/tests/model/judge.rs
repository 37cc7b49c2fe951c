//! What must hold, judged by one who has seen every message.

use std::collections::BTreeSet;

use telesphor_order::member::{Accepted, Seats, Vote, active};

use super::chain::{Life, Mark, Seat, cut, genesis, holds, push};
use super::mutant::Mutant;
use super::state::{FIRST, Sight, World};

/// An incarnation with its genesis as a history, and who votes.
type Opened = (Life, Mark, Seats<Seat>, Seats<Seat>);

fn opened(world: &World) -> Vec<Opened> {
    let first = Seats::new(0..3);
    let mark = push(0, genesis(FIRST, &first, &first));
    let mut all = vec![(FIRST, mark, first.clone(), first)];
    all.extend(world.geneses.iter().map(|g| {
        let cell = genesis(g.inc, &g.members, &g.before);
        (
            g.inc,
            push(g.base.mark, cell),
            g.members.clone(),
            g.before.clone(),
        )
    }));
    all
}

fn voters(world: &World, inc: Option<Life>, mark: Mark) -> BTreeSet<Seat> {
    let votes = world.votes.iter().filter(|v| inc.is_none_or(|i| v.inc == i));
    votes.filter(|v| holds(v.at.mark, mark)).map(|v| v.from).collect()
}

/// Everything that a majority has attested, with its incarnation.
fn acknowledged(world: &World, mutant: Option<Mutant>) -> Vec<(Life, Mark)> {
    let mut all = Vec::new();
    for (inc, began, members, before) in opened(world) {
        let began = voters(world, Some(inc), began);
        let starts = members.among(&began) >= members.majority() && before.among(&began) >= before.majority();
        if mutant == Some(Mutant::BaseShown) && !began.is_empty() {
            all.extend(
                world
                    .geneses
                    .iter()
                    .filter(|g| g.inc == inc)
                    .map(|g| (inc, g.base.mark)),
            );
        }
        if !starts {
            continue;
        }
        let across = mutant == Some(Mutant::VotesAcross);
        for Vote { at, .. } in world.votes.iter().filter(|v| v.inc == inc || across) {
            let said = voters(world, (!across).then_some(inc), at.mark);
            if members.among(&said) >= members.majority() {
                all.push((inc, at.mark));
            }
        }
    }
    all
}

/// Whatever was chosen in one incarnation is in the base of every later one.
pub(crate) fn kept(world: &World, mutant: Option<Mutant>) -> bool {
    acknowledged(world, mutant).iter().all(|(inc, mark)| {
        world
            .geneses
            .iter()
            .filter(|g| g.inc > *inc)
            .all(|g| holds(g.base.mark, *mark))
    })
}

/// Of two histories that were acknowledged one begins with the other.
pub(crate) fn one_history(world: &World, mutant: Option<Mutant>) -> bool {
    let all = acknowledged(world, mutant);
    all.iter()
        .all(|(_, a)| all.iter().all(|(_, b)| holds(*a, *b) || holds(*b, *a)))
}

/// While no more than a minority of disks was lost, somebody still has the bytes.
pub(crate) fn held(world: &World) -> bool {
    acknowledged(world, None).iter().all(|(_, mark)| {
        world
            .members
            .iter()
            .any(|m| !m.dead && (holds(m.data, *mark) || m.fetched.iter().any(|f| holds(*f, *mark))))
    })
}

/// Whether somebody who has all votes can know that an incarnation was active.
pub(crate) fn known_active(world: &World, accepted: &Accepted<Seat, Mark>) -> bool {
    let votes: Vec<_> = world.votes.iter().copied().collect();
    let longest = world
        .votes
        .iter()
        .filter(|v| v.inc == accepted.inc)
        .map(|v| v.at.mark);
    longest
        .into_iter()
        .any(|mark| active(accepted, &votes, &|n| cut(mark, n)))
}

/// What has happened so far that must happen in some run.
pub(crate) fn sights(world: &World) -> Vec<Sight> {
    let all = acknowledged(world, None);
    let mut seen = Vec::new();
    let above = |inc: Life| {
        let genesis = opened(world).into_iter().find(|o| o.0 == inc).map(|o| o.1);
        all.iter().any(|(i, m)| *i == inc && Some(*m) != genesis)
    };
    let busy: BTreeSet<Life> = all
        .iter()
        .map(|(inc, _)| *inc)
        .filter(|inc| above(*inc))
        .collect();
    if busy.len() > 1 {
        seen.push(Sight::TwoLives);
    }
    let adopted = world
        .geneses
        .iter()
        .any(|g| busy.contains(&g.inc) && !all.iter().any(|(i, m)| *i < g.inc && holds(*m, g.base.mark)));
    if adopted {
        seen.push(Sight::AdoptedTail);
    }
    seen
}
