//! The steps of the world. What a member decides is the crate's own code; a mutant bends it in one place.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use stateright::{Model, Property};
use telesphor_order::member::{Choice, Genesis, Inc, Promise, Standing, Vote, choose, genesis};

use super::chain::{
    LONGEST, Life, Mark, Seat, command as cell, common, cut, genesis as first_cell, holds, point, push,
};
use super::mutant::Mutant;
use super::state::{Budget, Member, Sight, World};
use super::{heal, judge};

/// The model: a budget, and at most one thing done wrong.
#[derive(Clone)]
pub(crate) struct Protocol {
    /// What may happen.
    pub(crate) budget: Budget,
    /// What is done wrong.
    pub(crate) mutant: Option<Mutant>,
    /// What was seen to happen.
    pub(crate) sights: Arc<Mutex<BTreeSet<Sight>>>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A relay signs a command for an incarnation and the bus takes it.
    Publish(Life, u8),
    /// A member applies the next record of the stream it follows.
    Apply(Seat),
    /// The bus shows a member another record at that place.
    Lie(Seat, u8),
    /// The bus forgets the last record of a stream.
    Cut(Life),
    /// A member becomes a candidate.
    Ask(Seat),
    /// A member answers a candidate.
    Answer(Seat, Life),
    /// A candidate opens its incarnation with the answers of these seats, perhaps knowing that the
    /// one before was active, perhaps giving a seat to somebody else.
    Open(Seat, BTreeSet<Seat>, bool, Option<(Seat, Seat)>),
    /// A candidate that knows its base cuts off what goes another way, and takes the base over.
    Prepare(Seat, BTreeSet<Seat>, bool),
    /// A member does so for a genesis that it is to follow. What it takes over is seen by nobody before it follows.
    Take(Seat, Genesis<Seat, Mark>),
    /// A member follows a genesis.
    Accept(Seat, Genesis<Seat, Mark>),
    /// A process dies and comes back.
    Crash(Seat),
    /// What a mutant had only in memory reaches the disk.
    Sync(Seat),
    /// A disk is lost. Its key dies with it.
    Lose(Seat),
    /// A spare takes a copy of a member's state.
    Seed(Seat, Seat),
}

impl Protocol {
    /// A protocol within a budget.
    pub(crate) fn new(budget: Budget, mutant: Option<Mutant>) -> Self {
        Self {
            budget,
            mutant,
            sights: Arc::default(),
        }
    }

    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn saw(&self, sight: Sight) {
        self.sights
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(sight);
    }

    /// The next command of the stream a member follows.
    pub(crate) fn next(world: &World, member: &Member) -> Option<u8> {
        // What was cut off may have gone below the genesis.
        let at = member.mind.head.n.checked_sub(member.mind.accepted.genesis.n)?;
        let stream = world.streams.get(&member.mind.accepted.inc)?;
        stream.get(usize::try_from(at).ok()?).copied()
    }

    pub(crate) fn may_apply(&self, member: &Member) -> bool {
        use telesphor_order::member::Apply;
        let standing = &member.mind;
        let next = standing.apply(standing.accepted.inc, standing.head.n + 1);
        !member.dead && (next == Apply::Next || self.is(Mutant::NoPromise))
    }

    fn apply(&self, world: &mut World, seat: Seat, command: u8) {
        let votes = {
            let member = &mut world.members[seat as usize];
            let mark = push(member.mind.head.mark, cell(member.mind.accepted.inc, command));
            member.mind = member.mind.applied(mark);
            member.data = mark;
            if !self.is(Mutant::AttestBeforeSync) {
                member.disk = member.mind.clone();
            }
            member.mind.clone()
        };
        self.vote(world, seat, &votes);
    }

    fn vote(&self, world: &mut World, seat: Seat, standing: &Standing<Seat, Mark>) {
        if standing.may_attest() || (self.is(Mutant::NoPromise) && standing.head.n > standing.silent_to) {
            let new = world.votes.insert(Vote {
                from: seat,
                inc: standing.accepted.inc,
                at: standing.head,
            });
            if new && self.mutant.is_none() {
                let seen = judge::sights(world);
                self.sights
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend(seen);
            }
        }
    }

    fn answer(&self, world: &mut World, seat: Seat, inc: Life) -> bool {
        let Some(member) = world.members.get_mut(seat as usize) else {
            return false;
        };
        let Some(promised) = member.mind.promise(inc) else {
            return false;
        };
        if !self.is(Mutant::NoPromise) {
            member.mind = promised;
            if !self.is(Mutant::PromiseNotSynced) {
                member.disk = member.mind.clone();
            }
        }
        world.promises.insert(Promise {
            from: seat,
            inc,
            accepted: member.mind.accepted.clone(),
            head: member.mind.head,
        });
        true
    }

    fn ask(&self, world: &mut World, seat: Seat) -> Option<()> {
        let member = world.members.get(seat as usize)?;
        let mut inc = Inc {
            round: member.disk.promised.round + 1,
            opener: seat,
        };
        let again = world.asked.iter().copied().find(|i| i.opener == seat);
        if let (true, Some(old)) = (self.is(Mutant::IncReused), again) {
            inc = old;
        } else {
            let many = world.asked.len() >= usize::from(self.budget.rebases);
            if many || world.asked.contains(&inc) {
                return None;
            }
            world.asked.insert(inc);
            if !self.answer(world, seat, inc) {
                return None;
            }
        }
        world.members[seat as usize].collects = Some(inc);
        Some(())
    }

    pub(crate) fn choose(&self, promises: &[Promise<Seat, Mark>], known: bool) -> Choice<Seat, Mark> {
        let head = |seat: Seat| {
            promises
                .iter()
                .find(|p| p.from == seat)
                .map_or(0, |p| p.head.mark)
        };
        let choice = choose(
            promises,
            &|_| known || self.is(Mutant::NewMajorityOnly),
            &|a, b| common(head(a), head(b)),
            &|seat, n| cut(head(seat), n).unwrap_or_default(),
        );
        match (self.mutant, choice) {
            (Some(Mutant::LongestOverall), Choice::Open { .. } | Choice::Forked) => {
                let longest = promises.iter().max_by_key(|p| p.head.n);
                longest.map_or(Choice::Few, |p| Choice::Open {
                    parent: p.accepted.clone(),
                    base: p.head,
                    holder: p.from,
                })
            }
            (Some(Mutant::LongestOfParent), Choice::Open { .. } | Choice::Forked) => {
                let parent = promises.iter().map(|p| p.accepted.inc).max();
                let longest = promises.iter().filter(|p| Some(p.accepted.inc) == parent);
                longest
                    .max_by_key(|p| p.head.n)
                    .map_or(Choice::Few, |p| Choice::Open {
                        parent: p.accepted.clone(),
                        base: p.head,
                        holder: p.from,
                    })
            }
            (_, choice) => choice,
        }
    }

    /// Cuts off what goes another way than a base.
    fn cut_for(&self, world: &mut World, seat: Seat, inc: Life, base: Mark) -> Option<()> {
        let member = world.members.get_mut(seat as usize)?;
        let standing = &member.mind;
        if inc < standing.promised || inc <= standing.accepted.inc {
            return None;
        }
        let to = match self.is(Mutant::CutUnchecked) {
            true => standing.accepted.genesis.n,
            false => common(member.data, base),
        };
        let left = cut(member.data, to).filter(|left| *left != member.data)?;
        let promised = standing.promise(inc).unwrap_or_else(|| standing.clone());
        member.mind = promised.reseeded(point(left));
        member.disk = member.mind.clone();
        member.data = left;
        self.saw(Sight::TakenOver);
        Some(())
    }

    fn collected(
        world: &World,
        seat: Seat,
        from: &BTreeSet<Seat>,
    ) -> Option<(Life, Vec<Promise<Seat, Mark>>)> {
        let inc = world.members.get(seat as usize)?.collects?;
        let of = world
            .promises
            .iter()
            .filter(|p| p.inc == inc && from.contains(&p.from));
        Some((inc, of.cloned().collect()))
    }

    fn prepare(&self, world: &mut World, seat: Seat, from: &BTreeSet<Seat>, known: bool) -> Option<()> {
        let (inc, promises) = Self::collected(world, seat, from)?;
        let Choice::Open { parent, base, .. } = self.choose(&promises, known) else {
            return None;
        };
        if known && !judge::known_active(world, &parent) {
            return None;
        }
        self.cut_for(world, seat, inc, base.mark)
    }

    fn open(
        &self,
        world: &mut World,
        seat: Seat,
        from: &BTreeSet<Seat>,
        known: bool,
        swap: Option<(Seat, Seat)>,
    ) -> Option<()> {
        let (inc, promises) = Self::collected(world, seat, from)?;
        let Choice::Open { parent, base, holder } = self.choose(&promises, known) else {
            if self.choose(&promises, known) == Choice::Forked {
                self.saw(Sight::Forked);
            }
            return None;
        };
        let source = world.members.get(holder as usize)?;
        let here = holds(world.members[seat as usize].data, base.mark);
        if !here && (source.dead || !holds(source.data, base.mark)) {
            return None;
        }
        if known && !judge::known_active(world, &parent) {
            return None;
        }
        if let Some((leaves, comes)) = swap {
            let caught_up = world.members[comes as usize].disk.accepted.inc == parent.inc
                && holds(world.members[comes as usize].data, base.mark);
            if !caught_up || !parent.members.has(&leaves) || parent.members.has(&comes) {
                return None;
            }
        }
        let mut genesis = genesis(inc, &parent, base, known, swap);
        match self.mutant {
            Some(Mutant::NewMajorityOnly) => genesis.before = genesis.members.clone(),
            Some(Mutant::ChangeForgotten) if !known => genesis.before = parent.members.clone(),
            _ => {}
        }
        if parent.inc.round + 1 < inc.round && world.geneses.iter().any(|g| g.inc > parent.inc) {
            self.saw(Sight::Overtaken);
        }
        let member = &mut world.members[seat as usize];
        member.collects = None;
        if !self.is(Mutant::GenesisWithoutData) {
            member.fetched.insert(base.mark);
        }
        world.streams.entry(inc).or_default();
        world.geneses.insert(genesis);
        Some(())
    }

    fn accept(&self, world: &mut World, seat: Seat, genesis: &Genesis<Seat, Mark>) -> Option<()> {
        let base = genesis.base.mark;
        let somewhere = world
            .members
            .iter()
            .any(|m| !m.dead && (holds(m.data, base) || m.fetched.contains(&base)));
        let member = world.members.get(seat as usize)?;
        let held = holds(member.data, base) || member.fetched.contains(&base) || somewhere;
        let mark = push(base, first_cell(genesis.inc, &genesis.members, &genesis.before));
        let mut standing = member.mind.clone();
        if self.is(Mutant::GenesisBelowPromise) {
            standing.promised = standing.accepted.inc;
        }
        let held = held || self.is(Mutant::GenesisWithoutData);
        if genesis.base.n >= LONGEST {
            return None;
        }
        let next = standing.accept(genesis, held, mark).ok()?;
        if member.mind.head.n > genesis.base.n {
            self.saw(Sight::Undone);
        }
        let lazy = self.is(Mutant::GenesisWithoutData) && !holds(member.data, base);
        let member = &mut world.members[seat as usize];
        member.mind = next;
        member.disk = member.mind.clone();
        if !lazy {
            member.data = mark;
        }
        let standing = member.mind.clone();
        if !genesis.before.has(&seat) && genesis.members.has(&seat) {
            self.saw(Sight::Swapped);
        }
        self.vote(world, seat, &standing);
        Some(())
    }

    fn lose(&self, world: &mut World, seat: Seat) {
        let first = World::first(self.budget).members[0].disk.clone();
        let member = &mut world.members[seat as usize];
        member.collects = None;
        member.fetched.clear();
        match self.mutant {
            // Yesterday's backup, and the key with it.
            Some(Mutant::RestoredAtOnce | Mutant::RestoredAtGenesis) => {
                member.data = first.head.mark;
                member.mind = first.clone();
                member.disk = first;
                if self.is(Mutant::RestoredAtGenesis) {
                    member.mind.silent_to = u64::MAX;
                    member.disk.silent_to = u64::MAX;
                }
            }
            _ => member.dead = true,
        }
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::first(self.budget)]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        self.steps_of_the_bus(world, steps);
        for (seat, member) in (0..).zip(&world.members) {
            self.steps_of(world, seat, member, steps);
        }
    }

    fn next_state(&self, before: &World, step: Step) -> Option<World> {
        let mut world = before.clone();
        match step {
            Step::Publish(inc, command) => {
                world.signed.insert((inc, command));
                world.streams.get_mut(&inc)?.push(command);
            }
            Step::Apply(seat) => {
                let next = Self::next(&world, &world.members[seat as usize])?;
                self.apply(&mut world, seat, next);
            }
            Step::Lie(seat, command) => {
                world.left.lies -= 1;
                self.apply(&mut world, seat, command);
            }
            Step::Cut(inc) => {
                world.left.cuts -= 1;
                world.streams.get_mut(&inc)?.pop()?;
            }
            Step::Ask(seat) => self.ask(&mut world, seat)?,
            Step::Answer(seat, inc) => {
                if !self.answer(&mut world, seat, inc) {
                    return None;
                }
            }
            Step::Open(seat, from, known, swap) => self.open(&mut world, seat, &from, known, swap)?,
            Step::Prepare(seat, from, known) => self.prepare(&mut world, seat, &from, known)?,
            Step::Take(seat, genesis) => {
                self.cut_for(&mut world, seat, genesis.inc, genesis.base.mark)?;
            }
            Step::Accept(seat, genesis) => self.accept(&mut world, seat, &genesis)?,
            Step::Crash(seat) => {
                world.left.crashes -= 1;
                let member = &mut world.members[seat as usize];
                member.collects = None;
                member.mind = member.disk.clone();
                if !self.is(Mutant::GenesisWithoutData) {
                    member.data = member.disk.head.mark;
                }
            }
            Step::Sync(seat) => {
                let member = &mut world.members[seat as usize];
                member.disk = member.mind.clone();
            }
            Step::Lose(seat) => {
                world.left.losses -= 1;
                self.lose(&mut world, seat);
            }
            Step::Seed(spare, from) => {
                let source = world.members[from as usize].clone();
                let member = &mut world.members[spare as usize];
                let newer = source.disk.accepted.inc > member.disk.accepted.inc
                    || (source.disk.accepted.inc == member.disk.accepted.inc
                        && source.disk.head.n > member.disk.head.n);
                if !newer || member.disk.promised > source.disk.accepted.inc {
                    return None;
                }
                member.disk.accepted = source.disk.accepted;
                member.disk.promised = member.disk.promised.max(member.disk.accepted.inc);
                member.disk.head = source.disk.head;
                member.mind = member.disk.clone();
                member.data = source.data;
            }
        }
        (world != *before).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("what was acknowledged is never lost", |p: &Self, w| {
                judge::kept(w, p.mutant)
            }),
            Property::always("no two histories are acknowledged", |p: &Self, w| {
                judge::one_history(w, p.mutant)
            }),
            Property::always(
                "what was acknowledged lies on a living disk",
                |_: &Self, w: &World| judge::held(w),
            ),
            Property::always("an incarnation has one genesis", |_: &Self, w: &World| {
                let lives: BTreeSet<Life> = w.geneses.iter().map(|g| g.inc).collect();
                lives.len() == w.geneses.len()
            }),
            Property::always(
                "one undisturbed rebase by all lets receipts flow again",
                |p: &Self, w: &World| p.mutant.is_some() || heal::heals(p, w),
            ),
            Property::always("nothing below the promise is followed", |_: &Self, w: &World| {
                w.members.iter().all(|m| m.disk.accepted.inc <= m.disk.promised)
            }),
        ]
    }
}
