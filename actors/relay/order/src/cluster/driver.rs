//! One partition's member at work: carries out what the rules of [`crate::member`] decide.
//!
//! ```text
//!   Starting --heard by a majority--> Following --gap, rewind, missing--> Fenced
//!                                        ^                                  |
//!                                        |                      its turn to collect
//!   Accepting <-- a genesis appears -- Promised <-- another collects --     v
//!        |            ^                                                 Collecting
//!        +------------|----- everything up to the base is here ---> Opening
//! ```
//!
//! One task per partition. It never blocks on the disk: what must be synced goes to the writer
//! as a [`Keep`], and what depends on it is said when the writer says that it is.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use telesphor_wire::canonical;
use tokio::sync::mpsc;

use super::bus::{Bus, BusError, StreamId};
use super::context::Context;
use super::follow::Follower;
use super::history::History;
use super::lane::Got;
use super::limits::{PIECES, UNDECIDED};
use super::memory::Keep;
use super::phase::{After, Done, FromWriter, Gone, Known, Lost, Phase};
use super::say::{Decided, Genesis, Link, MAX_WORDS, Place, Said, Seat, Word};
use super::seated::{Seated, Stood};
use super::shared::Shared;
use super::take::{Taken, Taking};
use super::tally::{Verdicts, Votes};
use super::versions;
use super::way::Piece;
use crate::member::{Inc, Standing};
use crate::record::{Position, Step};

/// One partition of one member.
pub(crate) struct Driver<B: Bus> {
    pub(crate) context: Arc<Context<B>>,
    pub(crate) place: Place,
    // -- what it stands by; what of it is synced is in `synced` and `pending`
    pub(crate) standing: Standing<Seat, Link>,
    pub(crate) history: History,
    pub(crate) seated: Seated,
    /// Behind the history, for an incarnation that was promised.
    pub(crate) taken: Option<Taken>,
    pub(crate) synced: Position,
    pub(crate) pending: VecDeque<(u64, After)>,
    pub(crate) ticket: u64,
    // -- from ordered to answered
    pub(crate) chosen: Position,
    pub(crate) given: Position,
    /// What was given and is not durable, with its bytes, and their sum.
    pub(crate) giving: VecDeque<(Position, usize)>,
    pub(crate) giving_bytes: usize,
    pub(crate) decided: Position,
    pub(crate) durable: Position,
    pub(crate) votes: Votes,
    pub(crate) verdicts: Verdicts,
    pub(crate) forgotten: Position,
    /// The incarnation before which nothing is left on the bus.
    pub(crate) cleared: Inc<Seat>,
    // -- the others
    pub(crate) round: u64,
    pub(crate) heard: HashMap<Seat, Known>,
    pub(crate) phase: Phase,
    pub(crate) lost: Option<Lost>,
    /// Why it was fenced last, until it follows again.
    pub(crate) fenced_for: Option<&'static str>,
    /// Why the bus made no stream, likewise: it says more than what comes of it.
    pub(crate) refused: Option<&'static str>,
    pub(crate) follower: Option<Follower>,
    pub(crate) taking: Option<Taking>,
    pub(crate) out: Vec<Word>,
    pub(crate) jobs: tokio::task::JoinSet<Done>,
    // -- ends
    pub(crate) lane: Arc<Shared>,
    pub(crate) steps: mpsc::Sender<Step>,
    pub(crate) publishing: bool,
    pub(crate) looking: bool,
    pub(crate) reading: bool,
    pub(crate) attesting: bool,
    /// The genesis that is being opened.
    pub(crate) announcing: Option<Box<Said<Genesis>>>,
    /// Since when a seat could change hands, or the version of the rules could rise.
    pub(crate) change_since: Option<Instant>,
    /// The position that was waited for at the last tick.
    pub(crate) waited: Position,
    /// Where it stood at the last look, if the stream held more.
    pub(crate) lacked: Option<Position>,
    pub(crate) hold_until: Instant,
    pub(crate) said: Instant,
    pub(crate) looked: Instant,
}

/// Between two times that a vote or a hello is said again.
const SAY_AGAIN: Duration = Duration::from_millis(400);
/// Between two looks whether the stream is still what it was.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl<B: Bus> Driver<B> {
    pub(crate) async fn run(
        mut self,
        mut writer: mpsc::UnboundedReceiver<FromWriter>,
        mut words: mpsc::Receiver<Bytes>,
    ) {
        let mut tick = tokio::time::interval(self.context.patience.tick);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        if self.stop_at_unknown_rules(self.rules()).await.is_err() {
            return;
        }
        self.say_hello();
        let lane = self.lane.clone();
        loop {
            let reading = match self.phase {
                Phase::Following => self.history.undecided() < UNDECIDED,
                // One entry, and it lets what waits be decided.
                Phase::Promised { .. } => true,
                _ => false,
            };
            let step = tokio::select! {
                biased;
                told = writer.recv() => match told {
                    Some(told) => self.on_writer(told).await,
                    None => return,
                },
                heard = words.recv() => match heard {
                    Some(bytes) => self.on_words(&bytes).await,
                    None => return,
                },
                Some(done) = self.jobs.join_next(), if !self.jobs.is_empty() => {
                    self.on_done(done.unwrap_or(Done::Nothing)).await
                }
                piece = piece(&mut self.taking), if self.taking.is_some() && self.pending.len() < PIECES => {
                    self.on_piece(piece).await
                }
                record = next(&mut self.follower), if reading && self.follower.is_some() => {
                    self.on_record(record).await
                }
                () = lane.changed.notified() => Ok(()),
                _ = tick.tick() => self.on_tick().await,
            };
            if step.is_err() || self.go_on().await.is_err() {
                // The writer is gone, and with it whoever could be answered.
                return;
            }
            if self.lane.lock().done() && self.durable == self.given {
                return;
            }
        }
    }

    /// After whatever happened: publish, decide what is chosen, say what is to be said.
    async fn go_on(&mut self) -> Result<(), Gone> {
        self.leave_what_is_not_wanted();
        self.publish();
        self.decide().await?;
        while !self.out.is_empty() {
            let rest = self.out.split_off(self.out.len().min(MAX_WORDS));
            let words = canonical::encode(&std::mem::replace(&mut self.out, rest));
            self.context.bus.say(self.place.partition, words.into()).await;
        }
        Ok(())
    }

    /// Tells the operator.
    fn show(&mut self) {
        if matches!(self.phase, Phase::Following) {
            (self.fenced_for, self.refused) = (None, None);
        }
        let phase = match self.phase {
            Phase::Starting { .. } => "asking what it said before it started",
            Phase::Following => "following",
            Phase::Fenced { .. } => "fenced",
            Phase::Collecting { .. } => "collecting promises",
            Phase::Opening { .. } => "opening a new incarnation",
            Phase::Promised { .. } => "waiting for a new incarnation",
            Phase::Accepting { .. } => "fetching what it lacks",
            Phase::Lost => "stopped",
        };
        let accepted = &self.standing.accepted;
        let mut shown = self.lane.standing();
        *shown = crate::order::Standing {
            phase,
            round: accepted.inc.round,
            active: self.votes.active(accepted),
            votes: self.has_seat(),
            seats: accepted.members.len(),
            heard: self.votes.heard(&accepted.members),
            head: self.history.head().n,
            chosen: self.chosen,
            durable: self.durable,
            rules: self.rules(),
            lost: self.lost,
            fenced: self.refused.or(self.fenced_for),
        };
    }

    /// Publishes the next batch, one at a time.
    fn publish(&mut self) {
        let may = matches!(self.phase, Phase::Following) && self.has_seat();
        if self.publishing || !may || Instant::now() < self.hold_until {
            return;
        }
        let Some(sent) = self.lane.lock().next() else {
            return;
        };
        self.publishing = true;
        let stream = self.stream();
        let entry = super::entry::seal(&self.context.key, self.place, stream.inc, sent.id, &sent.groups);
        let (life, number) = (sent.id.life, sent.id.number);
        let name = format!("{life:016x}-{number}-{}-{}", stream.inc.round, sent.tries);
        let (bus, patience) = (self.context.bus.clone(), self.context.patience.publish);
        self.jobs.spawn(async move {
            let publish = bus.publish(stream, name, entry.into(), false);
            let answer = tokio::time::timeout(patience, publish).await;
            Done::Published(stream, sent.id, answer.unwrap_or(Err(BusError::Unknown)))
        });
    }

    async fn on_done(&mut self, done: Done) -> Result<(), Gone> {
        match done {
            Done::Published(stream, id, answer) => {
                self.publishing = false;
                match answer {
                    Ok(number) if stream == self.stream() => {
                        let at = self.standing.accepted.genesis.n - 1 + number;
                        let seen = self.lane.lock().got(id, Got::Ordered);
                        if !seen && at <= self.history.head().n {
                            // Its place was taken before: the numbers were given a second time.
                            self.fence("the stream has gone back");
                        }
                    }
                    Ok(_) => {}
                    Err(BusError::Missing) => self.look(),
                    Err(_) => {
                        self.hold_until = Instant::now() + Duration::from_millis(50);
                        self.look();
                    }
                }
            }
            Done::Looked(stream, state) => {
                self.looking = false;
                self.on_looked(stream, state);
            }
            Done::Opened(inc, opened) => self.on_opened(inc, opened),
            Done::Read(page) => self.on_read(page),
            Done::Shown(inc, seat, n, shows) => self.on_shown(inc, seat, n, shows),
            Done::Attests(attests) => {
                self.attesting = false;
                for (position, head, attest) in attests {
                    self.on_decided(Decided {
                        position,
                        head,
                        attest,
                    });
                }
                self.answer().await?;
            }
            Done::Nothing => {}
        }
        Ok(())
    }

    async fn on_tick(&mut self) -> Result<(), Gone> {
        self.show();
        let now = Instant::now();
        let patience = self.context.patience;
        let again = now.duration_since(self.said) >= SAY_AGAIN;
        match &self.phase {
            Phase::Starting { .. } if again => self.say_hello(),
            Phase::Following => {
                if again {
                    self.vote();
                }
                if now.duration_since(self.looked) >= LOOK_AGAIN {
                    self.looked = now;
                    self.look();
                }
                self.ask_attests();
                self.purge().await?;
                self.forget_earlier();
                self.tell_late().await?;
                self.tend_change().await?;
            }
            Phase::Fenced { .. } if !self.has_seat() => self.waits_without_seat(),
            Phase::Fenced { since } if now.duration_since(*since) >= patience.rank * self.rank() => {
                self.candidate().await?;
            }
            Phase::Collecting {
                inc, since, promises, ..
            } => {
                let (inc, since) = (*inc, *since);
                let rules = promises.values().map(|p| versions::stated(&p.ext)).max();
                if self.stop_at_unknown_rules(rules.unwrap_or(self.rules())).await? {
                    return Ok(());
                }
                if again {
                    self.say_collect(inc);
                }
                if now.duration_since(since) >= patience.gather {
                    self.try_choose();
                }
            }
            Phase::Promised { inc, since } => {
                let (inc, since) = (*inc, *since);
                if now.duration_since(since) >= patience.promised + patience.rank * self.rank() {
                    self.fence("no genesis came");
                } else if again {
                    self.said = now;
                    self.look_for(inc);
                }
                self.tell_late().await?;
            }
            Phase::Accepting { since, .. } if now.duration_since(*since) >= patience.promised * 20 => {
                self.fence("what lies before the base could not be had");
            }
            _ => self.tell_late().await?,
        }
        Ok(())
    }

    /// Whose turn it is first: by the order of the keys.
    pub(crate) fn rank(&self) -> u32 {
        let seats = &self.standing.accepted.members;
        let before = seats.iter().take_while(|seat| **seat != self.context.me).count();
        u32::try_from(before).unwrap_or(u32::MAX)
    }

    pub(crate) fn stream(&self) -> StreamId {
        StreamId {
            partition: self.place.partition,
            inc: self.standing.accepted.inc,
        }
    }

    /// Hands something to the writer, to be synced.
    pub(crate) async fn keep(&mut self, keep: Keep, after: After) -> Result<(), Gone> {
        self.ticket += 1;
        self.pending.push_back((self.ticket, after));
        let keep = Keep {
            ticket: self.ticket,
            partition: self.place.partition,
            ..keep
        };
        self.steps.send(Step::Keep(keep)).await.map_err(|_| Gone)
    }

    /// What it stands by, to be written. The head is the last entry kept.
    pub(crate) fn written(&self) -> Option<Vec<u8>> {
        let stood = Stood {
            standing: self.standing.clone(),
            seated: self.seated.clone(),
            taken_after: self.taken.as_ref().map(|taken| taken.after.n),
        };
        Some(stood.write())
    }

    /// Nothing more of this incarnation is applied or attested: it must be carried on in another.
    pub(crate) fn fence(&mut self, why: &'static str) {
        if matches!(self.phase, Phase::Lost | Phase::Starting { .. }) {
            return;
        }
        tracing::warn!(target: "telesphor::order", partition = self.place.partition.0,
            round = self.standing.promised.round, why, "fenced");
        self.follower = None;
        self.fenced_for = Some(why);
        self.phase = Phase::Fenced {
            since: Instant::now(),
        };
    }
}

async fn piece(taking: &mut Option<Taking>) -> Piece {
    match taking {
        Some(taking) => taking.next().await,
        None => std::future::pending().await,
    }
}

async fn next(follower: &mut Option<Follower>) -> Option<(u64, Bytes)> {
    match follower {
        Some(follower) => follower.next().await,
        None => std::future::pending().await,
    }
}
