//! Whether receipts can flow again: one rebase by everybody who is alive, with nothing in its way.

use std::collections::BTreeSet;

use telesphor_order::member::{Choice, Inc, Promise, Vote, genesis};

use super::chain::{LONGEST, Seat, command, genesis as first_cell, holds, push};
use super::judge;
use super::protocol::Protocol;
use super::state::World;

/// True if the rebase ends with a chosen command, or if nothing can be asked of it: members of a
/// fork that nobody can decide without the one who is dead, or too few alive.
pub(crate) fn heals(protocol: &Protocol, world: &World) -> bool {
    let round = world
        .members
        .iter()
        .map(|m| m.disk.promised.round)
        .max()
        .unwrap_or(0)
        + 1;
    let inc = Inc { round, opener: 0 };
    let alive: Vec<Seat> = (0..)
        .zip(&world.members)
        .filter(|(_, m)| !m.dead)
        .map(|(seat, _)| seat)
        .collect();
    let promises: Vec<_> = alive
        .iter()
        .filter_map(|seat| {
            let standing = &world.members[*seat as usize].disk;
            let promised = standing.promise(inc)?;
            Some(Promise {
                from: *seat,
                inc,
                accepted: promised.accepted,
                head: promised.head,
            })
        })
        .collect();
    let known = promises
        .iter()
        .map(|p| &p.accepted)
        .max_by_key(|a| a.inc)
        .is_some_and(|a| judge::known_active(world, a));
    let (parent, base) = match protocol.choose(&promises, known) {
        Choice::Open { parent, base, .. } => (parent, base),
        Choice::Forked => return world.members.iter().any(|m| m.dead),
        // A majority must be alive for anything.
        Choice::Few => return world.members.iter().any(|m| m.dead),
    };
    if base.n + 2 > LONGEST {
        return true;
    }
    let opened = genesis(inc, &parent, base, known, None);
    let begin = push(base.mark, first_cell(inc, &opened.members, &opened.before));
    let holder = alive.iter().any(|seat| {
        let m = &world.members[*seat as usize];
        holds(m.data, base.mark) || m.fetched.iter().any(|f| holds(*f, base.mark))
    });
    let votes: Vec<Vote<Seat, u64>> = alive
        .iter()
        .filter_map(|seat| {
            let standing = world.members[*seat as usize].disk.promise(inc)?;
            let followed = standing.accept(&opened, holder, begin).ok()?;
            let applied = followed.applied(push(begin, command(inc, 0)));
            applied.may_attest().then_some(Vote {
                from: *seat,
                inc,
                at: applied.head,
            })
        })
        .collect();
    let said: BTreeSet<Seat> = votes.iter().map(|v| v.from).collect();
    let enough = |seats: &telesphor_order::member::Seats<Seat>| seats.among(&said) >= seats.majority();
    enough(&opened.members) && enough(&opened.before)
}
