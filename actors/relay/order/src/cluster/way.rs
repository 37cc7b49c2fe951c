//! What lies between a place that a member has and one that it needs: found link by link, then brought.
//!
//! ```text
//!            sure      own head
//!   own   ─────●──────────●
//!              │╲
//!   way        │ ●──●──●──●──●──●  to      found: every link, checked up to `to`
//!              └── parts here              brought: the entries after it, a piece at a time
//! ```
//!
//! Nothing is believed before the way ends where it must, and nothing is cut off the own history
//! before it is known where the way parts from it.

use tokio::sync::mpsc;

use super::bus::Bus;
use super::entry::{Kept, entry_hash, link};
use super::fetch::page;
use super::limits::WAY_BYTES;
use super::say::{Link, Place, Seat};
use crate::member::Point;
use crate::record::Position;

/// Why a way was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// Somebody did not answer, or lacks it too: it may be had yet.
    Yet,
    /// All have answered, and their history does not go on from there; a tail of it may be cut still.
    Parted,
    /// All have answered, and nobody keeps it any more.
    Gone,
}

/// What is brought, in this order.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Nothing yet, but the way goes on.
    Nearer,
    /// Up to here the own history is the one that is needed; what comes now follows after it.
    After(Point<Link>),
    /// The next entries.
    Entries(Vec<(Position, Kept)>),
    /// Everything is here, or why not.
    End(Result<(), Lack>),
}

/// What a member has that the way may go on from.
#[derive(Debug)]
pub(crate) struct Own {
    /// A place that is in every history that can still be carried on.
    pub(crate) sure: Point<Link>,
    /// The links after it, up to the head.
    pub(crate) links: Vec<Link>,
    /// Where it has come to with what was brought before, if something was.
    pub(crate) brought: Option<Point<Link>>,
}

/// Which way, and who may know it.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) place: Place,
    pub(crate) members: Vec<Seat>,
    pub(crate) own: Own,
    pub(crate) to: Point<Link>,
}

/// A way that ends where it must.
struct Way {
    after: Point<Link>,
    /// The links after it.
    links: Vec<Link>,
    /// The entries themselves, if they are few.
    entries: Option<Vec<(Position, Kept)>>,
}

impl Own {
    fn head(&self) -> Point<Link> {
        Point {
            n: self.sure.n + self.links.len() as u64,
            mark: self.links.last().copied().unwrap_or(self.sure.mark),
        }
    }

    /// Up to where this history and a way that begins in it are the same.
    fn common(&self, way: &Way) -> Point<Link> {
        if way.after.n > self.sure.n {
            return way.after;
        }
        let same = self
            .links
            .iter()
            .zip(&way.links)
            .take_while(|(own, way)| own == way);
        let (n, mark) = same.fold((self.sure.n, self.sure.mark), |(n, _), (own, _)| (n + 1, *own));
        Point { n, mark }
    }
}

impl Way {
    fn link(&self, n: Position) -> Option<Link> {
        match n.checked_sub(self.after.n)? {
            0 => Some(self.after.mark),
            at => self.links.get(usize::try_from(at - 1).ok()?).copied(),
        }
    }
}

impl Search {
    /// Finds the way and brings what lies on it. Whoever no longer wants it drops the receiver.
    pub(crate) async fn run<B: Bus>(self, bus: &B, into: &mpsc::Sender<Piece>) {
        let end = match self.find(bus, into).await {
            Ok(way) => self.bring(bus, way, into).await,
            Err(lack) => Err(lack),
        };
        let _ = into.send(Piece::End(end)).await;
    }

    /// From the furthest own place that the way goes on from: others may have let go of what lies before.
    async fn find<B: Bus>(&self, bus: &B, into: &mpsc::Sender<Piece>) -> Result<Way, Lack> {
        let (sure, to) = (self.own.sure, self.to);
        let mut not = None;
        let further = [self.own.brought, Some(self.own.head())].into_iter().flatten();
        for from in further.filter(|from| from.n > sure.n && from.n <= to.n) {
            match self.ask_any(bus, from, into).await {
                Ok(way) => return Ok(way),
                Err(Lack::Yet) => not = Some(Lack::Yet),
                Err(Lack::Parted | Lack::Gone) => {}
            }
        }
        self.ask_any(bus, sure, into)
            .await
            .map_err(|lack| not.unwrap_or(lack))
    }

    async fn ask_any<B: Bus>(
        &self,
        bus: &B,
        after: Point<Link>,
        into: &mpsc::Sender<Piece>,
    ) -> Result<Way, Lack> {
        if after == self.to {
            return Ok(Way {
                after,
                links: Vec::new(),
                entries: Some(Vec::new()),
            });
        }
        let mut lack = Lack::Gone;
        for member in &self.members {
            match self.ask_one(bus, *member, after, into).await {
                Ok(way) => return Ok(way),
                Err(Lack::Yet) => lack = Lack::Yet,
                Err(Lack::Parted) if lack == Lack::Gone => lack = Lack::Parted,
                Err(Lack::Parted | Lack::Gone) => {}
            }
        }
        Err(lack)
    }

    /// Everything after a place, link by link: whoever gave it, it is the history that ends where it
    /// must or it is refused.
    async fn ask_one<B: Bus>(
        &self,
        bus: &B,
        member: Seat,
        after: Point<Link>,
        into: &mpsc::Sender<Piece>,
    ) -> Result<Way, Lack> {
        let to = self.to;
        let (mut links, mut entries, mut bytes) = (Vec::new(), Some(Vec::new()), 0);
        let mut at = after;
        while at.n < to.n {
            let page = page(bus, self.place, member, (at.n + 1, to.n))
                .await
                .ok_or(Lack::Yet)?;
            match page.first() {
                // It has not come so far itself.
                None => return Err(Lack::Yet),
                Some((n, _)) if *n > at.n + 1 => return Err(Lack::Gone),
                Some(_) => {}
            }
            for (n, kept) in page {
                let mark = link(at.mark, kept.inc, n, entry_hash(&kept.raw));
                if n != at.n + 1 || n > to.n || mark != kept.link {
                    return Err(Lack::Parted);
                }
                at = Point { n, mark };
                links.push(mark);
                bytes += kept.raw.len();
                if let Some(few) = &mut entries {
                    few.push((n, kept));
                }
            }
            if bytes > WAY_BYTES {
                // They are asked for once more, now that it is known what they must be.
                entries = None;
                into.send(Piece::Nearer).await.map_err(|_| Lack::Yet)?;
            }
        }
        match at == to {
            true => Ok(Way {
                after,
                links,
                entries,
            }),
            false => Err(Lack::Parted),
        }
    }

    async fn bring<B: Bus>(&self, bus: &B, mut way: Way, into: &mpsc::Sender<Piece>) -> Result<(), Lack> {
        let from = self.own.common(&way);
        into.send(Piece::After(from)).await.map_err(|_| Lack::Yet)?;
        if let Some(mut few) = way.entries.take() {
            few.retain(|(n, _)| *n > from.n);
            return into.send(Piece::Entries(few)).await.map_err(|_| Lack::Yet);
        }
        let mut at = from.n;
        for member in &self.members {
            while at < self.to.n {
                let Some(page) = page(bus, self.place, *member, (at + 1, self.to.n)).await else {
                    break;
                };
                let good = (at + 1..).zip(&page).take_while(|(n, (found, kept))| {
                    let before = way.link(n - 1);
                    let is = before.map(|before| link(before, kept.inc, *n, entry_hash(&kept.raw)));
                    n == found && is.is_some() && is == way.link(*n) && is == Some(kept.link)
                });
                let good = good.count();
                if good == 0 {
                    break;
                }
                at += good as u64;
                let page = page.into_iter().take(good).collect();
                into.send(Piece::Entries(page)).await.map_err(|_| Lack::Yet)?;
            }
        }
        // Whoever has let go of it meanwhile says so when the way is sought again.
        (at == self.to.n).then_some(()).ok_or(Lack::Yet)
    }
}
