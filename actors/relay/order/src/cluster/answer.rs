//! From chosen to answered, and what may be let go afterwards.

use std::time::Instant;

use telesphor_wire::ext::Extensions;

use super::bus::{Bus, StreamState};
use super::driver::Driver;
use super::entry::{Kept, Meaning};
use super::history::Next;
use super::limits::{GIVEN_BYTES, LOG_ENTRIES, LOG_MARGIN, LOG_STEP, UNDECIDED};
use super::memory::Keep;
use super::phase::{After, Done, FromWriter, Gone, Lost, Phase};
use super::say::{Decided, Link, Said, Vote, Word};
use super::tally::Agreed;
use super::versions;
use crate::member::Point;
use crate::record::{Durable, Late, Ordered, Origin, Position, Step};

impl<B: Bus> Driver<B> {
    /// Gives what is chosen to be decided, as far as there is room.
    pub(crate) async fn decide(&mut self) -> Result<(), Gone> {
        if let Some(chosen) = self.count() {
            self.chosen = self.chosen.max(chosen);
        }
        // What others say of positions that were not given yet does not count: a member that is behind hears
        // much of it.
        while self.given < self.chosen && self.may_give() {
            let (position, rules, meaning, bytes) = match self.history.next(self.chosen) {
                Next::Entry(position, rules, meaning, bytes) => (position, rules, meaning, bytes),
                Next::OnDisk(from) => {
                    self.read_on(from);
                    break;
                }
                Next::Nothing => break,
            };
            if self.stop_at_unknown_rules(rules).await? {
                break;
            }
            let (stamp, origins, submissions) = match meaning {
                Meaning::Batch {
                    id,
                    stamp,
                    origins,
                    submissions,
                } => {
                    self.lane.lock().decided(id);
                    (stamp, origins, submissions)
                }
                Meaning::Genesis(_) | Meaning::Nothing => (0, Vec::<Origin>::new(), Vec::new()),
            };
            self.given = position;
            self.giving.push_back((position, bytes));
            self.giving_bytes += bytes;
            self.steps
                .send(Step::Record(Ordered {
                    partition: self.place.partition,
                    position,
                    origins,
                    batch: telesphor_wire::batch::Batch {
                        stamp,
                        submissions,
                        ext: Extensions::none(),
                    },
                }))
                .await
                .map_err(|_| Gone)?;
        }
        Ok(())
    }

    /// Whether what is with the writer leaves room for more.
    fn may_give(&self) -> bool {
        self.given - self.durable < UNDECIDED as u64 && self.giving_bytes < GIVEN_BYTES
    }

    /// Up to here everything is durable.
    fn is_durable(&mut self, to: Position) {
        self.durable = to;
        while let Some((_, bytes)) = self.giving.pop_front_if(|(n, _)| *n <= to) {
            self.giving_bytes -= bytes;
        }
    }

    /// How far the order is chosen, as far as this member may say so.
    fn count(&self) -> Option<Position> {
        // While another incarnation is promised nothing below it counts any more.
        (self.standing.accepted.inc == self.standing.promised)
            .then(|| self.votes.chosen(&self.standing.accepted))
            .flatten()
    }

    pub(crate) async fn on_writer(&mut self, told: FromWriter) -> Result<(), Gone> {
        match told {
            FromWriter::Kept(ticket) => {
                while self.pending.front().is_some_and(|(t, _)| *t <= ticket) {
                    if let Some((_, after)) = self.pending.pop_front() {
                        self.on_kept(after);
                    }
                }
                Ok(())
            }
            FromWriter::Decided(position, head, attest) => {
                self.decided = position;
                self.verdicts
                    .own(position, self.context.me, head, (*attest).clone());
                self.out.push(Word::Decided(Decided {
                    position,
                    head,
                    attest: *attest,
                }));
                self.answer().await
            }
        }
    }

    fn on_kept(&mut self, after: After) {
        match after {
            After::Entries(to) | After::Accepted(to) => {
                self.synced = to;
                self.vote();
            }
            After::Nothing => {}
            After::Promised(inc) => self.say_promise(inc),
            After::Candidate(inc) => self.collect(inc),
        }
    }

    /// Attests what is synced (rule 3).
    pub(crate) fn vote(&mut self) {
        let Some(mark) = self.history.link(self.synced) else {
            return;
        };
        let at = Point { n: self.synced, mark };
        let Some(vote) = self.vote_for(at) else {
            return;
        };
        let history = &self.history;
        self.votes
            .note(self.context.me, at, &|n| history.link(n), history.head().n);
        self.out.retain(|word| !matches!(word, Word::Vote(_)));
        self.out.push(Word::Vote(vote));
        self.said = Instant::now();
    }

    /// Says again to whoever stands at a place what was said of it: a member that has heard no votes
    /// for what it holds takes no more, and votes for what comes later tell it nothing.
    pub(crate) fn vote_again(&mut self, n: Position) {
        let kept = || {
            let page = self.context.memory.entries(self.place.partition, n, 1).ok()?;
            let (found, bytes) = page.into_iter().next()?;
            (found == n).then(|| Kept::decode(&bytes).map(|kept| kept.link))?
        };
        let Some(mark) = self.history.link(n).or_else(kept) else {
            return;
        };
        let vote = self.vote_for(Point { n, mark });
        self.out.extend(vote.map(Word::Vote));
    }

    /// A vote for something that is synced, if this member may vote.
    fn vote_for(&self, at: Point<Link>) -> Option<Said<Vote>> {
        let inc = self.standing.accepted.inc;
        let may = inc == self.standing.promised
            && inc.round > 0
            && at.n <= self.synced
            && at.n >= self.standing.accepted.genesis.n
            && at.n > self.standing.silent_to
            && !matches!(self.phase, Phase::Starting { .. } | Phase::Lost);
        let vote = Vote {
            place: self.place,
            inc,
            at,
            ext: versions::knowing(self.context.clocks.said(), &self.context.rules),
        };
        may.then(|| Said::by(&self.context.key, vote))
    }

    /// Answers positions on which a majority agrees, in their order.
    pub(crate) async fn answer(&mut self) -> Result<(), Gone> {
        while self.durable < self.decided {
            let position = self.durable + 1;
            match self.verdicts.agreed(position, &self.standing.accepted.members) {
                Agreed::Yes(attests) => {
                    self.is_durable(position);
                    self.verdicts.forget_to(position);
                    let durable = Durable {
                        partition: self.place.partition,
                        position,
                        attests,
                    };
                    self.steps.send(Step::Durable(durable)).await.map_err(|_| Gone)?;
                }
                Agreed::Astray => {
                    self.lose(Lost::Astray).await?;
                    break;
                }
                Agreed::Open => break,
            }
        }
        Ok(())
    }

    /// This member stops; its operator is told why.
    pub(crate) async fn lose(&mut self, lost: Lost) -> Result<(), Gone> {
        if matches!(self.phase, Phase::Lost) {
            return Ok(());
        }
        tracing::error!(target: "telesphor::order", partition = self.place.partition.0, why = ?lost,
            "this relay cannot go on in the cluster by itself");
        self.follower = None;
        self.phase = Phase::Lost;
        self.lost = Some(lost);
        let fenced = Step::Fenced(self.place.partition);
        self.steps.send(fenced).await.map_err(|_| Gone)
    }

    pub(crate) async fn tell_late(&mut self) -> Result<(), Gone> {
        let groups = self.lane.lock().late(self.context.patience.late);
        if groups.is_empty() {
            return Ok(());
        }
        let late = Late {
            partition: self.place.partition,
            groups,
        };
        self.steps.send(Step::Late(late)).await.map_err(|_| Gone)
    }

    /// Lets go of what nobody needs: entries of the stream that every member has, and entries of
    /// the memory that lie far behind (rule 14).
    pub(crate) async fn purge(&mut self) -> Result<(), Gone> {
        let genesis = self.standing.accepted.genesis.n;
        let all_have = self
            .votes
            .lowest(&self.standing.accepted.members)
            .min(self.awaited())
            .min(self.durable);
        let to = all_have
            .saturating_sub(LOG_MARGIN)
            .max(self.durable.saturating_sub(LOG_ENTRIES));
        if to < self.forgotten + LOG_STEP {
            return Ok(());
        }
        self.forgotten = to;
        if to > genesis && self.rank() == 0 {
            let (bus, stream) = (self.context.bus.clone(), self.stream());
            self.jobs.spawn(async move {
                // What could not be let go now is let go with the next.
                let _ = bus.purge(stream, to - genesis + 1).await;
                Done::Nothing
            });
        }
        let forget = Keep {
            forget_to: Some(to),
            ..Keep::default()
        };
        let synced = self.history.head().n;
        self.keep(forget, After::Entries(synced)).await
    }

    /// Makes room where a stream is half full, since a full one takes nothing more: of what is durable the older
    /// half of its entries goes, although a member that is away lacks it. It is given them by the others when
    /// it comes back. Every member does so: whoever is the first in order may be the one that is away.
    pub(crate) fn relieve(&mut self, state: &StreamState) {
        let before = self.standing.accepted.genesis.n - 1;
        let middle = state.first + state.last.saturating_sub(state.first) / 2;
        let below = middle.min(self.durable.saturating_sub(before));
        if state.crowded && below > state.first {
            let (bus, stream) = (self.context.bus.clone(), self.stream());
            self.jobs.spawn(async move {
                // What could not be let go now is let go after the next look.
                let _ = bus.purge(stream, below).await;
                Done::Nothing
            });
        }
    }

    /// Once everybody follows this incarnation nobody reads the streams of earlier ones: whoever comes
    /// back later is told of this one, and fetches what it lacks from the others.
    pub(crate) fn forget_earlier(&mut self) {
        let accepted = &self.standing.accepted;
        let (inc, genesis) = (accepted.inc, accepted.genesis.n);
        if inc <= self.cleared || self.rank() != 0 || self.votes.lowest(&accepted.members) < genesis {
            return;
        }
        self.cleared = inc;
        let (bus, stream) = (self.context.bus.clone(), self.stream());
        self.jobs.spawn(async move {
            // What could not be taken away now is taken away after the next rebase.
            let _ = bus.forget_before(stream).await;
            Done::Nothing
        });
    }
}
