//! Carrying an order on in a new incarnation: fence, member change and recovery are this one path.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use bytes::Bytes;
use telesphor_wire::canonical;

use super::bus::{Bus, BusError, StreamId, StreamState};
use super::compare::{Shows, Sight};
use super::driver::Driver;
use super::entry::{Entry, Meaning};
use super::fetch;
use super::follow::Follower;
use super::memory::Keep;
use super::phase::{After, Done, Gone, Lost, NotOpened, Phase};
use super::say::{Genesis, Link, Promised, Said, Seat, Word};
use super::take::For;
use super::versions;
use crate::member::{Choice, Inc, Point, Promise, choose, genesis};
use crate::record::Position;

impl<B: Bus> Driver<B> {
    /// Rule 8: above every round seen, promised to oneself first.
    pub(crate) async fn candidate(&mut self) -> Result<(), Gone> {
        let inc = Inc {
            round: self.round.max(self.standing.promised.round) + 1,
            opener: self.context.me,
        };
        self.round = inc.round;
        let Some(promised) = self.standing.promise(inc) else {
            return Ok(());
        };
        self.standing = promised;
        self.phase = Phase::Collecting {
            inc,
            since: Instant::now(),
            promises: BTreeMap::new(),
            asked: HashMap::new(),
            busy: false,
        };
        let keep = Keep {
            standing: self.written(),
            ..Keep::default()
        };
        self.keep(keep, After::Candidate(inc)).await
    }

    /// The own promise is synced.
    pub(crate) fn collect(&mut self, inc: Inc<Seat>) {
        let own = self.promise(inc);
        let me = self.context.me;
        if let Phase::Collecting {
            inc: now,
            promises,
            since,
            ..
        } = &mut self.phase
            && *now == inc
        {
            promises.insert(me, own);
            *since = Instant::now();
            self.say_collect(inc);
        }
    }

    pub(crate) fn on_promise(&mut self, from: Seat, promise: Promised) {
        let heard = self.heard.entry(from).or_default();
        heard.promised = heard.promised.max(Some(promise.inc));
        self.round = self.round.max(promise.inc.round);
        let members = self.standing.accepted.members.clone();
        if let Phase::Collecting { inc, promises, .. } = &mut self.phase
            && promise.inc == *inc
        {
            promises.insert(from, promise);
            if members.iter().all(|seat| promises.contains_key(seat)) {
                self.try_choose();
            }
        }
    }

    /// Rule 10, once a little was waited for everybody.
    pub(crate) fn try_choose(&mut self) {
        let change = self.change(self.history.head().n);
        let known_to_all = self.known_to_all();
        let Phase::Collecting {
            inc,
            promises,
            asked,
            busy,
            ..
        } = &mut self.phase
        else {
            return;
        };
        if *busy || !promises.contains_key(&self.context.me) {
            return;
        }
        let inc = *inc;
        // What two promises do not show of each other is asked for first.
        let sight = Sight { promises, asked };
        if let Some((holder, n)) = sight.unseen() {
            *busy = true;
            let (bus, place) = (self.context.bus.clone(), self.place);
            self.jobs.spawn(async move {
                let shows = fetch::one_link(&*bus, place, holder, n).await;
                Done::Shown(inc, holder, n, shows)
            });
            return;
        }
        let plain: Vec<Promise<Seat, Link>> = promises
            .iter()
            .map(|(from, p)| Promise {
                from: *from,
                inc,
                accepted: p.accepted.clone(),
                head: p.head,
            })
            .collect();
        let accepted = &self.standing.accepted;
        let known = |parent: Inc<Seat>| parent == accepted.inc && self.votes.active(accepted);
        // Whatever can be asked was asked above.
        let common = |a: Seat, b: Seat| sight.common(a, b).unwrap_or(0);
        let unmarked = std::cell::Cell::new(false);
        let mark = |seat: Seat, n: Position| {
            sight.link(seat, n).unwrap_or_else(|| {
                unmarked.set(true);
                super::follow::NO_LINK
            })
        };
        let choice = choose(&plain, &known, &common, &mark);
        match choice {
            Choice::Open { parent, base, holder } if !unmarked.get() => {
                let active = known(parent.inc);
                let wanted = self.context.wanted.borrow().edition;
                // Rule 21: none of them may have gone by a higher one.
                let stands = promises.values().map(|p| versions::stated(&p.ext)).max();
                let stands = stands.unwrap_or(versions::FIRST);
                if !self.context.rules.contains(&stands) {
                    return;
                }
                let rises = known_to_all.filter(|all| active && *all > stands);
                let genesis = Genesis {
                    place: self.place,
                    edition: match change {
                        Some(_) if active => wanted,
                        _ => self.seated.edition(),
                    },
                    genesis: genesis(inc, &parent, base, active, change),
                    ext: versions::stating(rises.unwrap_or(stands)),
                };
                self.prepare(inc, genesis, holder);
            }
            Choice::Few => {}
            Choice::Open { base, .. } => {
                tracing::warn!(target: "telesphor::order", partition = self.place.partition.0, base = base.n,
                    "nobody keeps the place where it would go on; waiting for the relays that are away");
            }
            Choice::Forked => {
                tracing::warn!(target: "telesphor::order", partition = self.place.partition.0,
                    "two histories may have been acknowledged; waiting for the relays that are away");
            }
        }
    }

    /// What a member was asked for, or that it did not answer. Then its promise counts for nothing, as if it
    /// were away: nobody knows what it holds. If it lives, it says it again.
    pub(crate) fn on_shown(&mut self, of: Inc<Seat>, seat: Seat, n: Position, shows: Option<Shows>) {
        let me = self.context.me;
        if let Phase::Collecting {
            inc,
            asked,
            promises,
            busy,
            ..
        } = &mut self.phase
            && *inc == of
        {
            *busy = false;
            match shows {
                Some(shows) => {
                    asked.insert((seat, n), shows);
                    self.try_choose();
                }
                None if seat != me => _ = promises.remove(&seat),
                None => {}
            }
        }
    }

    /// Rule 11: the base's data first, then the stream, then its genesis, once.
    fn prepare(&mut self, inc: Inc<Seat>, genesis: Genesis, holder: Seat) {
        let base = genesis.genesis.base;
        let said = Said::by(&self.context.key, genesis);
        let first: Bytes = canonical::encode(&Entry::Genesis(Box::new(said.clone()))).into();
        self.phase = Phase::Opening { inc };
        self.announcing = Some(Box::new(said));
        if self.has(base) {
            self.open(inc, first);
        } else {
            self.take(For::Opening(inc, first), vec![holder], base, Duration::ZERO);
        }
    }

    /// Everything before the base is here: the stream, then its first entry.
    pub(crate) fn open(&mut self, inc: Inc<Seat>, first: Bytes) {
        let bus = self.context.bus.clone();
        let stream = StreamId {
            partition: self.place.partition,
            inc,
        };
        self.jobs.spawn(async move {
            let opened = open(&*bus, stream, first).await;
            Done::Opened(inc, opened.map_err(NotOpened::NoStream))
        });
    }

    /// The stream stands, or it could not be made; then another round is begun.
    pub(crate) fn on_opened(&mut self, inc: Inc<Seat>, opened: Result<(), NotOpened>) {
        if let Err(NotOpened::NoStream(error)) = opened
            && error.is_refusal()
        {
            self.refused = opened.err().map(NotOpened::why);
        }
        let Phase::Opening { inc: now } = self.phase else {
            return;
        };
        if now != inc {
            return;
        }
        if let Err(not) = opened {
            return self.fence(not.why());
        }
        if let Some(said) = self.announcing.take() {
            self.out.push(Word::Opened(said));
        }
        self.phase = Phase::Promised {
            inc,
            since: Instant::now(),
        };
        self.expect(inc);
    }

    /// Somebody says that an incarnation has begun: its stream shows whether that is so.
    pub(crate) fn on_announced(&mut self, inc: Inc<Seat>) {
        self.round = self.round.max(inc.round);
        if inc < self.standing.promised || inc <= self.standing.accepted.inc {
            return;
        }
        match &self.phase {
            Phase::Starting { .. } | Phase::Lost | Phase::Accepting { .. } | Phase::Opening { .. } => return,
            Phase::Promised { .. } if self.follower.as_ref().is_some_and(|f| f.stream.inc >= inc) => return,
            _ => {}
        }
        self.phase = Phase::Promised {
            inc,
            since: Instant::now(),
        };
        self.expect(inc);
    }

    fn expect(&mut self, inc: Inc<Seat>) {
        let stream = StreamId {
            partition: self.place.partition,
            inc,
        };
        self.follower = Some(Follower::new(self.context.bus.clone(), stream, 1));
    }

    /// Nothing was heard of the promised incarnation: perhaps its stream is there.
    pub(crate) fn look_for(&mut self, inc: Inc<Seat>) {
        if self.looking || self.follower.is_some() {
            return;
        }
        self.looking = true;
        let stream = StreamId {
            partition: self.place.partition,
            inc,
        };
        let bus = self.context.bus.clone();
        self.jobs
            .spawn(async move { Done::Looked(stream, bus.look(stream).await) });
    }

    pub(crate) fn on_looked_for(&mut self, stream: StreamId, state: Result<StreamState, BusError>) {
        let Phase::Promised { inc, .. } = self.phase else {
            return;
        };
        let there = matches!(state, Ok(StreamState { last, .. }) if last > 0);
        if stream.inc == inc && there && self.follower.is_none() {
            self.expect(inc);
        }
    }

    /// The first entry of a stream that was waited for (rule 12).
    pub(crate) async fn on_first(&mut self, inc: Inc<Seat>, record: (u64, Bytes)) -> Result<(), Gone> {
        let (number, raw) = record;
        let (meaning, _) = self.read(inc, &raw);
        let said = match meaning {
            Meaning::Genesis(said) if number == 1 => said,
            _ => {
                // No genesis will ever stand there.
                self.fence("the new stream does not begin with a genesis");
                return Ok(());
            }
        };
        if self
            .stop_at_unknown_rules(versions::stated(&said.what.ext))
            .await?
        {
            return Ok(());
        }
        let base = said.what.genesis.base;
        if base.n < self.given {
            // What was acknowledged would be undone: the rules exclude it.
            return self.lose(Lost::Astray).await;
        }
        self.phase = Phase::Accepting {
            genesis: said,
            raw,
            since: Instant::now(),
        };
        if self.has(base) {
            return self.accept().await;
        }
        self.fetch_base(inc, base, Duration::ZERO);
        Ok(())
    }

    /// Takes over what lies before the base of an incarnation that is to be followed.
    pub(crate) fn fetch_base(&mut self, inc: Inc<Seat>, base: Point<Link>, pause: Duration) {
        let mut members = self.others();
        // The opener holds it for certain.
        members.retain(|m| *m != inc.opener);
        if inc.opener != self.context.me {
            members.insert(0, inc.opener);
        }
        self.take(For::Accepting(inc), members, base, pause);
    }

    /// Everything up to the base is here: the genesis is followed (rule 12).
    pub(crate) async fn accept(&mut self) -> Result<(), Gone> {
        let Phase::Accepting { genesis, raw, .. } = &self.phase else {
            return Ok(());
        };
        let (said, raw) = (genesis.what.genesis.clone(), raw.clone());
        // Before anything is cut: what was voted for stays until something is followed in its place.
        if self.standing.accept(&said, true, said.base.mark).is_err() {
            self.fence("a later incarnation was promised");
            return Ok(());
        }
        self.cut(said.base.n);
        if self.history.head() != said.base {
            self.make_own();
        }
        self.taken = None;
        let holds = self.history.head() == said.base;
        let entries = vec![self.push(said.inc, &raw)];
        let mark = self.history.head().mark;
        match self.standing.accept(&said, holds, mark) {
            Ok(accepted) => self.standing = accepted,
            // What was taken over ends at the base, link by link, or it is not taken.
            Err(_) => return self.lose(Lost::Astray).await,
        }
        self.votes.clear();
        let history = &self.history;
        self.lane.lock().reconsider(&|id| history.holds(id));
        let keep = Keep {
            cut_above: Some(said.base.n),
            entries,
            standing: self.written(),
            ..Keep::default()
        };
        let head = self.history.head().n;
        self.keep(keep, After::Accepted(head)).await?;
        tracing::info!(target: "telesphor::order", partition = self.place.partition.0,
            round = said.inc.round, base = said.base.n, "follows a new incarnation");
        self.phase = Phase::Following;
        if self.follower.is_none() {
            self.follow();
        }
        Ok(())
    }
}

async fn open<B: Bus>(bus: &B, stream: StreamId, first: Bytes) -> Result<(), BusError> {
    // Each answer that does not say what happened is followed by the same again: the stream
    // bears the incarnation's name, and whatever comes first in it is this genesis or junk.
    let mut last = BusError::Unknown;
    for _ in 0..20 {
        if let Err(error) = bus.open(stream).await {
            last = error;
            // Perhaps streams of earlier rounds take all the room. A majority has promised this one, so
            // nothing that stands in them will ever be chosen anew.
            let _ = bus.forget_before(stream).await;
        } else {
            match bus
                .publish(
                    stream,
                    format!("genesis-{}", stream.inc.round),
                    first.clone(),
                    true,
                )
                .await
            {
                Ok(_) | Err(BusError::NotEmpty) => return Ok(()),
                Err(error) => last = error,
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Err(last)
}
