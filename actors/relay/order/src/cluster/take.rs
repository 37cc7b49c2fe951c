//! Taking over what a member lacks, a piece at a time: each is on the disk before the next is asked for.
//!
//! Two ends. A member that follows an incarnation whose stream was purged adds the pieces to its history
//! as if they came from the stream. A member that goes over to another incarnation ([`Taken`]) has
//! promised it already, so it votes for nothing below: what it takes over lies on its disk, but is no
//! part of the history it speaks of before it follows the new genesis. Ended in between, it forgets it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::bus::Bus;
use super::driver::Driver;
use super::entry::{Kept, Meaning};
use super::follow::NO_LINK;
use super::history::Outline;
use super::lane::Got;
use super::limits::FETCH_BYTES;
use super::memory::Keep;
use super::phase::{After, Done, Gone, Lost, NotOpened, Phase};
use super::say::{Link, Seat};
use super::seated::Seated;
use super::way::{Lack, Own, Piece, Search};
use crate::member::{Inc, Point};
use crate::record::Position;

/// What is done with what comes.
#[derive(Clone, Debug)]
pub(crate) enum For {
    /// An incarnation is opened: its genesis.
    Opening(Inc<Seat>, Bytes),
    /// An incarnation is followed from its genesis on.
    Accepting(Inc<Seat>),
    /// The stream of the accepted incarnation goes on behind it.
    Following,
}

/// What is under way.
pub(crate) struct Taking {
    what_for: For,
    to: Point<Link>,
    /// It was not sought before in vain.
    first: bool,
    pieces: mpsc::Receiver<Piece>,
    task: JoinHandle<()>,
}

impl Drop for Taking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Taking {
    /// The next piece; if the task breaks off it may be had yet.
    pub(crate) async fn next(&mut self) -> Piece {
        self.pieces.recv().await.unwrap_or(Piece::End(Err(Lack::Yet)))
    }
}

/// What lies on the disk behind the own history, and is none of it yet.
#[derive(Debug)]
pub(crate) struct Taken {
    /// Behind which position. What stands there on the disk and not in `entries` is of an earlier run.
    pub(crate) after: Point<Link>,
    entries: Vec<Outline>,
    /// Who had a seat, with the geneses among them.
    seated: Seated,
}

impl Taken {
    /// Nothing yet.
    pub(crate) const fn behind(after: Point<Link>, seated: Seated) -> Self {
        Self {
            after,
            entries: Vec::new(),
            seated,
        }
    }

    fn end(&self) -> Point<Link> {
        Point {
            n: self.after.n + self.entries.len() as u64,
            mark: self.entries.last().map_or(self.after.mark, |e| e.link),
        }
    }
}

impl<B: Bus> Driver<B> {
    /// Whether everything up to a place is on the disk.
    pub(crate) fn has(&self, to: Point<Link>) -> bool {
        let taken = self.taken.as_ref().is_some_and(|taken| taken.end() == to);
        taken || self.history.link(to.n) == Some(to.mark)
    }

    /// Begins to take over what lies before a place, from the first of these members that has it.
    pub(crate) fn take(&mut self, what_for: For, members: Vec<Seat>, to: Point<Link>, pause: Duration) {
        let sure = self.sure();
        let brought = self.taken.as_ref().map(Taken::end);
        let search = Search {
            place: self.place,
            members,
            own: Own {
                sure,
                links: self.history.links_after(sure.n),
                brought: brought.filter(|at| at.n > self.history.head().n),
            },
            to,
        };
        let (into, pieces) = mpsc::channel(1);
        let bus = self.context.bus.clone();
        let task = tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            search.run(&*bus, &into).await;
        });
        self.taking = Some(Taking {
            what_for,
            to,
            first: pause.is_zero(),
            pieces,
            task,
        });
    }

    /// A place that is in every history that can still be carried on.
    fn sure(&self) -> Point<Link> {
        let n = self.given.max(self.history.first());
        let mark = self.history.link(n).unwrap_or(NO_LINK);
        Point { n, mark }
    }

    /// What nobody waits for any more is not taken.
    pub(crate) fn leave_what_is_not_wanted(&mut self) {
        let wanted = self
            .taking
            .as_ref()
            .is_none_or(|taking| match (&taking.what_for, &self.phase) {
                (For::Opening(inc, _), Phase::Opening { inc: now }) => inc == now,
                (For::Accepting(inc), Phase::Accepting { genesis, .. }) => *inc == genesis.what.genesis.inc,
                (For::Following, Phase::Following) => self.follower.is_none(),
                _ => false,
            });
        if !wanted {
            self.taking = None;
        }
    }

    pub(crate) async fn on_piece(&mut self, piece: Piece) -> Result<(), Gone> {
        let Some(taking) = &self.taking else {
            return Ok(());
        };
        let (what_for, to) = (taking.what_for.clone(), taking.to);
        // A search may take its time once. What is sought again must bring something, or another round is begun.
        let gets_on = match &piece {
            Piece::Nearer => taking.first,
            Piece::After(_) | Piece::Entries(_) => true,
            Piece::End(_) => false,
        };
        if let (true, Phase::Accepting { since, .. }) = (gets_on, &mut self.phase) {
            *since = Instant::now();
        }
        match (piece, what_for) {
            (Piece::Nearer, _) | (Piece::After(_), For::Following) => Ok(()),
            (Piece::After(at), For::Opening(inc, _) | For::Accepting(inc)) => self.take_after(inc, at).await,
            (Piece::Entries(entries), For::Following) => self.go_on_with(entries).await,
            (Piece::Entries(entries), _) => self.take_over(entries).await,
            (Piece::End(end), what_for) => {
                self.taking = None;
                self.on_taken(what_for, to, end).await
            }
        }
    }

    /// Where the own history parts from what is needed. What lies behind it was chosen nowhere: whatever was
    /// lies before the base of the incarnation that was promised (V4). So it may go, and if this seat has
    /// voted for it, it votes there no second time (rule 13). From here on nothing below that incarnation is followed.
    async fn take_after(&mut self, inc: Inc<Seat>, at: Point<Link>) -> Result<(), Gone> {
        if self.taken.as_ref().is_some_and(|taken| taken.end() == at) {
            return Ok(());
        }
        if let Some(promised) = self.standing.promise(inc) {
            self.standing = promised;
        }
        self.cut(at.n);
        self.taken = Some(Taken::behind(at, self.seated.clone()));
        let keep = Keep {
            cut_above: Some(at.n),
            standing: self.written(),
            ..Keep::default()
        };
        self.keep(keep, After::Nothing).await
    }

    /// Cuts the own history; votes for what goes are not given any more.
    pub(crate) fn cut(&mut self, above: Position) {
        self.pending
            .retain(|(_, after)| !matches!(after, After::Entries(_)));
        self.history.cut(above);
        self.standing = self.standing.reseeded(self.history.head());
        self.synced = self.synced.min(above);
    }

    async fn take_over(&mut self, entries: Vec<(Position, Kept)>) -> Result<(), Gone> {
        let Some(mut taken) = self.taken.take() else {
            return Ok(());
        };
        let mut kept = Vec::with_capacity(entries.len());
        for (n, entry) in entries {
            let known = |seat: &_| self.knows(seat);
            let seated = |seat: &_| taken.seated.has(entry.inc, seat);
            let (meaning, _) = super::entry::read(&entry.raw, self.place, entry.inc, &known, &seated);
            if let Meaning::Genesis(said) = &meaning {
                taken.seated.note(&said.what);
            }
            taken.entries.push(Outline {
                link: entry.link,
                rules: taken.seated.rules(entry.inc),
                batch: meaning.batch(),
            });
            kept.push((n, entry.encode()));
        }
        self.taken = Some(taken);
        let keep = Keep {
            entries: kept,
            ..Keep::default()
        };
        self.keep(keep, After::Nothing).await
    }

    /// What was taken over becomes the own history.
    pub(crate) fn make_own(&mut self) {
        let Some(taken) = self.taken.take() else {
            return;
        };
        for entry in taken.entries {
            if let Some(batch) = entry.batch {
                self.lane.lock().got(batch, Got::Seen);
            }
            self.history.push_outline(entry);
        }
        self.seated = taken.seated;
        self.standing.head = self.history.head();
    }

    /// The next entries of the incarnation that is followed.
    async fn go_on_with(&mut self, entries: Vec<(Position, Kept)>) -> Result<(), Gone> {
        let inc = self.standing.accepted.inc;
        let next = self.history.head().n + 1;
        if entries.first().is_some_and(|(n, _)| *n != next) || entries.iter().any(|(_, e)| e.inc != inc) {
            self.taking = None;
            return Ok(());
        }
        let kept = entries.iter().map(|(_, e)| self.push(e.inc, &e.raw)).collect();
        self.flush(kept).await?;
        self.agree();
        Ok(())
    }

    async fn on_taken(&mut self, what_for: For, to: Point<Link>, end: Result<(), Lack>) -> Result<(), Gone> {
        match (what_for, end) {
            (For::Opening(inc, first), Ok(())) => self.open(inc, first),
            (For::Opening(inc, _), Err(_)) => self.on_opened(inc, Err(NotOpened::NoBase)),
            (For::Accepting(_), Ok(())) => return self.accept().await,
            // Whoever did not answer may do so yet; if it takes too long, another round is begun.
            (For::Accepting(inc), Err(Lack::Yet | Lack::Parted)) => {
                self.fetch_base(inc, to, self.context.patience.rank);
            }
            (For::Following, Ok(())) => self.look(),
            // The next look asks again.
            (For::Following, Err(Lack::Yet | Lack::Parted)) => {}
            (For::Accepting(_) | For::Following, Err(Lack::Gone)) => return self.lose(Lost::Behind).await,
        }
        Ok(())
    }

    /// What is to be decided next and lies on the disk alone is read, a page at a time.
    pub(crate) fn read_on(&mut self, from: Position) {
        if self.reading || from > self.synced {
            return;
        }
        self.reading = true;
        let (context, partition) = (self.context.clone(), self.place.partition);
        self.jobs.spawn(async move {
            let again = context.patience.rank;
            let read = move || {
                let page = context.memory.entries(partition, from, FETCH_BYTES).ok()?;
                let kept = |(n, bytes): (Position, Vec<u8>)| Some((n, Kept::decode(&bytes)?));
                page.into_iter().map(kept).collect::<Option<Vec<_>>>()
            };
            let page = tokio::task::spawn_blocking(read).await.ok().flatten();
            let page = page.filter(|page| page.first().is_some_and(|(n, _)| *n == from));
            if page.is_none() {
                // The disk fails; whoever writes to it ends the relay, if it does not mend.
                tracing::error!(target: "telesphor::order", partition = partition.0, position = from,
                    "what was kept cannot be read");
                tokio::time::sleep(again).await;
            }
            Done::Read(page.unwrap_or_default())
        });
    }

    pub(crate) fn on_read(&mut self, page: Vec<(Position, Kept)>) {
        self.reading = false;
        for (n, kept) in page {
            let (meaning, _) = self.read(kept.inc, &kept.raw);
            self.history.fill(n, kept.link, (meaning, kept.raw.len()));
        }
    }
}
