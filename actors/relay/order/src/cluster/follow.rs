//! Following a stream: what may be appended, and what shows that it is not the one it was.

use std::time::Duration;

use bytes::Bytes;
use telesphor_wire::bytes::Bytes as WireBytes;
use telesphor_wire::hash::Digest;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::bus::{Bus, BusError, StreamId, StreamState};
use super::driver::Driver;
use super::entry::{Kept, Meaning, link, read};
use super::lane::Got;
use super::limits::RECORDS;
use super::memory::Keep;
use super::phase::{After, Done, Gone, Phase};
use super::say::Link;
use super::take::For;
use crate::member::{Apply, Inc, Point};
use crate::record::Position;

/// A stream being followed.
pub(crate) struct Follower {
    pub(crate) stream: StreamId,
    entries: mpsc::Receiver<(u64, Bytes)>,
    task: JoinHandle<Result<(), BusError>>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Follower {
    /// Follows from a number in the stream on.
    pub(crate) fn new<B: Bus>(bus: std::sync::Arc<B>, stream: StreamId, from: u64) -> Self {
        let (into, entries) = mpsc::channel(RECORDS);
        let task = tokio::spawn(async move { bus.follow(stream, from, into).await });
        Self {
            stream,
            entries,
            task,
        }
    }

    /// The next entry; `None` when the bus has broken off.
    pub(crate) async fn next(&mut self) -> Option<(u64, Bytes)> {
        self.entries.recv().await
    }

    fn more(&mut self) -> Option<(u64, Bytes)> {
        self.entries.try_recv().ok()
    }
}

/// Entries that are kept in one write, at most.
const TOGETHER: usize = 64;
/// Until they are about so many bytes.
const TOGETHER_BYTES: usize = 1024 * 1024;

impl<B: Bus> Driver<B> {
    /// Follows the accepted incarnation from the own head on, which comes first: so it shows at
    /// once whether the stream is still the one that was followed.
    pub(crate) fn follow(&mut self) {
        let stream = self.stream();
        let from = self.history.head().n + 1 - self.standing.accepted.genesis.n;
        self.phase = Phase::Following;
        self.follower = Some(Follower::new(self.context.bus.clone(), stream, from.max(1)));
    }

    pub(crate) async fn on_record(&mut self, record: Option<(u64, Bytes)>) -> Result<(), Gone> {
        let Some(record) = record else {
            return self.on_broken_off();
        };
        let stream = match &self.follower {
            Some(follower) => follower.stream,
            None => return Ok(()),
        };
        if let Phase::Promised { .. } = self.phase {
            return self.on_first(stream.inc, record).await;
        }
        if stream.inc != self.standing.accepted.inc {
            return Ok(());
        }
        let (mut kept, mut bytes) = (Vec::new(), 0);
        let mut next = Some(record);
        while let Some((number, raw)) = next {
            bytes += raw.len();
            match self.append(number, &raw) {
                Appended::Yes(entry) => kept.push(entry),
                Appended::Known => {}
                Appended::Gap => {
                    self.flush(kept).await?;
                    self.on_gap_in_stream();
                    return Ok(());
                }
                Appended::Other => {
                    self.flush(kept).await?;
                    self.fence("the stream holds something else than it did");
                    return Ok(());
                }
            }
            let room = kept.len() < TOGETHER
                && bytes < TOGETHER_BYTES
                && self.history.undecided() < super::limits::UNDECIDED;
            next = room
                .then(|| self.follower.as_mut().and_then(Follower::more))
                .flatten();
        }
        self.flush(kept).await?;
        self.agree();
        Ok(())
    }

    /// Votes that others gave for what has come now must go with it.
    pub(crate) fn agree(&mut self) {
        let history = &self.history;
        if !self.votes.grown(&|n| history.link(n), history.head().n) {
            self.fence("others remember another order than this relay");
        }
    }

    pub(crate) async fn flush(&mut self, entries: Vec<(Position, Vec<u8>)>) -> Result<(), Gone> {
        if entries.is_empty() {
            return Ok(());
        }
        let keep = Keep {
            entries,
            ..Keep::default()
        };
        let head = self.history.head().n;
        self.keep(keep, After::Entries(head)).await
    }

    /// One entry of the stream that is followed (rule 2).
    fn append(&mut self, number: u64, raw: &Bytes) -> Appended {
        let inc = self.standing.accepted.inc;
        let n = self.standing.accepted.genesis.n - 1 + number;
        let head = self.history.head();
        if n == head.n {
            let same = self.history.link(n - 1).is_none_or(|before| {
                let (_, entry) = self.read(inc, raw);
                link(before, inc, n, entry) == head.mark
            });
            return if same { Appended::Known } else { Appended::Other };
        }
        match self.standing.apply(inc, n) {
            Apply::Next => Appended::Yes(self.push(inc, raw)),
            Apply::Old => Appended::Known,
            Apply::Fence => Appended::Gap,
        }
    }

    pub(crate) fn read(&self, inc: Inc<super::say::Seat>, raw: &[u8]) -> (Meaning, Digest) {
        let known = |seat: &_| self.knows(seat);
        read(raw, self.place, inc, &known, &|seat| self.seated.has(inc, seat))
    }

    /// Adds an entry to the history; gives it as it is to be kept.
    pub(crate) fn push(&mut self, inc: Inc<super::say::Seat>, raw: &[u8]) -> (Position, Vec<u8>) {
        let head = self.history.head();
        let n = head.n + 1;
        let (meaning, entry) = self.read(inc, raw);
        let mark = link(head.mark, inc, n, entry);
        match &meaning {
            Meaning::Batch { id, .. } => _ = self.lane.lock().got(*id, Got::Seen),
            Meaning::Genesis(said) => self.seated.note(&said.what),
            Meaning::Nothing => {}
        }
        self.history
            .push(mark, meaning, self.seated.rules(inc), raw.len());
        self.standing.head = Point { n, mark };
        let kept = Kept {
            inc,
            link: mark,
            raw: WireBytes(raw.to_vec()),
        };
        (n, kept.encode())
    }

    /// The bus has broken off: from the own head again, if the stream is still there.
    fn on_broken_off(&mut self) -> Result<(), Gone> {
        self.follower = None;
        if matches!(self.phase, Phase::Following) {
            self.look();
        }
        Ok(())
    }

    /// Entries between are missing: they were purged while this member was away, or the bus has
    /// lost them.
    fn on_gap_in_stream(&mut self) {
        self.follower = None;
        self.look();
    }

    /// Asks how the stream stands.
    pub(crate) fn look(&mut self) {
        if self.looking {
            return;
        }
        self.looking = true;
        let (bus, stream) = (self.context.bus.clone(), self.stream());
        self.jobs
            .spawn(async move { Done::Looked(stream, bus.look(stream).await) });
    }

    /// How the stream stands, against what this member holds of it.
    pub(crate) fn on_looked(&mut self, stream: StreamId, state: Result<StreamState, BusError>) {
        if !matches!(self.phase, Phase::Following) {
            return self.on_looked_for(stream, state);
        }
        if stream != self.stream() {
            return;
        }
        let genesis = self.standing.accepted.genesis.n;
        let head = self.history.head().n;
        match state {
            Err(BusError::Missing) => self.fence("the stream is gone"),
            // The bus is away; there is nothing that could be done without it.
            Err(_) => {}
            // Its last entry is one that was here before it was asked.
            Ok(state) if genesis - 1 + state.last < self.synced.min(head) => {
                self.fence("the stream has gone back");
            }
            Ok(state) if self.follower.is_none() => {
                if genesis - 1 + state.first > head + 1 {
                    self.catch_up();
                } else {
                    self.follow();
                }
            }
            Ok(state) => {
                self.relieve(&state);
                self.mend(genesis - 1 + state.last);
            }
        }
    }

    /// The stream goes up to `last`. What it has sent and what never came is missed when something follows it,
    /// and perhaps nothing does: whoever has not moved between two looks, and has room, follows anew.
    fn mend(&mut self, last: Position) {
        let head = self.history.head().n;
        let lacks = last > head && self.history.undecided() < super::limits::UNDECIDED;
        if lacks && self.lacked == Some(head) {
            self.lacked = None;
            self.follow();
        } else {
            self.lacked = lacks.then_some(head);
        }
    }

    /// What was purged from the stream is fetched from a member, up to a place that somebody
    /// has voted for.
    fn catch_up(&mut self) {
        let head = self.history.head();
        let Some(to) = self.votes.beyond(head.n + 1) else {
            return;
        };
        if self.taking.is_none() {
            self.take(For::Following, self.others(), to, Duration::ZERO);
        }
        // Until then nothing is followed; a look begins it again.
    }

    /// Everybody who votes, but this member.
    pub(crate) fn others(&self) -> Vec<super::say::Seat> {
        let accepted = &self.standing.accepted;
        let mut all: Vec<_> = accepted
            .members
            .iter()
            .chain(accepted.before.iter())
            .copied()
            .collect();
        all.sort_unstable();
        all.dedup();
        all.retain(|seat| *seat != self.context.me);
        all
    }
}

enum Appended {
    /// The next one; to be kept.
    Yes((Position, Vec<u8>)),
    /// Nothing new.
    Known,
    /// Something between is missing.
    Gap,
    /// The own head is not there any more.
    Other,
}

/// The link before the first entry of all.
pub(crate) const NO_LINK: Link = Digest([0; 32]);
