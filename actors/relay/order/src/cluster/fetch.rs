//! Asking one member for what it keeps, and answering when asked.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes as WireBytes;
use telesphor_wire::canonical;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, hash_bytes};
use telesphor_wire::labels::HashLabel;
use telesphor_wire::receipt::{Attest, AttestStatement};
use tokio::sync::mpsc;

use super::bus::{Bus, Question};
use super::context::Context;
use super::entry::{Entry, Kept, link};
use super::limits::{FETCH_BYTES, MAX_ENTRY_BYTES};
use super::say::{Fetch, Link, Place, Seat};
use crate::member::Point;
use crate::record::Position;

telesphor_wire::tagged! {
    /// What one member asks another.
    pub enum Ask {
        /// Entries as they are kept.
        1 => Entries(Fetch),
        /// What the rules made of positions, attested again.
        2 => Attests(Fetch),
    }
}

/// Entries with their positions, as they are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Entries(Vec<(Position, WireBytes)>);

/// Attestations with their positions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Attests(Vec<(Position, Digest, Attest)>);

/// Positions of one answer, at most.
const MAX_ATTESTED: u64 = 256;
/// An answer, at most, bytes.
const MAX_ANSWER: usize = MAX_ENTRY_BYTES + 2 * FETCH_BYTES;

async fn ask<B: Bus, T: serde::de::DeserializeOwned + Serialize>(
    bus: &B,
    member: Seat,
    ask: &Ask,
) -> Option<T> {
    let answer = bus.ask(member, canonical::encode(ask).into()).await.ok()?;
    canonical::decode_bounded(&answer, MAX_ANSWER).ok()
}

/// The hash of an entry as the order links it.
fn entry_hash(raw: &[u8]) -> Digest {
    match canonical::decode_bounded::<Entry>(raw, MAX_ENTRY_BYTES) {
        Err(_) => hash_bytes(HashLabel::OrderEntry, raw),
        Ok(Entry::Genesis(said)) => telesphor_wire::hash::hash(HashLabel::OrderEntry, &said),
        Ok(Entry::Batch(batch)) => telesphor_wire::hash::hash(
            HashLabel::OrderEntry,
            &(&batch.from, &batch.header, &batch.signature),
        ),
    }
}

/// Why a stretch of the order was not had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// Somebody did not answer, or lacks it too: it may be had yet.
    Yet,
    /// All have answered, and their history does not go on from there; a tail of it may be cut still.
    Parted,
    /// All have answered, and nobody keeps it any more.
    Gone,
}

/// Entries with their positions.
pub(crate) type Stretch = Result<Vec<(Position, Kept)>, Lack>;

/// Everything up to a place, from the own head on if the history that ends there goes on from it, else
/// from a place that is in every history. Others may have let go of what this member has.
pub(crate) async fn lacking<B: Bus>(
    bus: &B,
    place: Place,
    members: &[Seat],
    (head, sure): (Point<Link>, Point<Link>),
    to: Point<Link>,
) -> Stretch {
    if head.n > sure.n && head.n < to.n {
        match stretch(bus, place, members, head, to).await {
            Ok(all) => return Ok(all),
            Err(Lack::Yet) => {
                return stretch(bus, place, members, sure, to)
                    .await
                    .map_err(|_| Lack::Yet);
            }
            Err(Lack::Parted | Lack::Gone) => {}
        }
    }
    stretch(bus, place, members, sure, to).await
}

/// Everything after one place up to another, link by link: whoever gave it, it is the history
/// that ends there or it is refused.
pub(crate) async fn stretch<B: Bus>(
    bus: &B,
    place: Place,
    members: &[Seat],
    after: Point<Link>,
    to: Point<Link>,
) -> Stretch {
    let mut lack = Lack::Gone;
    for member in members {
        match from_one(bus, place, *member, after, to).await {
            Ok(got) => return Ok(got),
            Err(Lack::Yet) => lack = Lack::Yet,
            Err(Lack::Parted) if lack == Lack::Gone => lack = Lack::Parted,
            Err(Lack::Parted | Lack::Gone) => {}
        }
    }
    Err(lack)
}

async fn from_one<B: Bus>(
    bus: &B,
    place: Place,
    member: Seat,
    after: Point<Link>,
    to: Point<Link>,
) -> Stretch {
    let mut all = Vec::new();
    let mut at = after;
    while at.n < to.n {
        let fetch = Fetch {
            place,
            from: at.n + 1,
            to: to.n,
        };
        let asked = ask(bus, member, &Ask::Entries(fetch)).await;
        let Entries(page) = asked.ok_or(Lack::Yet)?;
        match page.first() {
            // It has not come so far itself.
            None => return Err(Lack::Yet),
            Some((n, _)) if *n > at.n + 1 => return Err(Lack::Gone),
            Some(_) => {}
        }
        for (n, bytes) in page {
            let kept = Kept::decode(&bytes).ok_or(Lack::Yet)?;
            let mark = link(at.mark, kept.inc, n, entry_hash(&kept.raw));
            if n != at.n + 1 || n > to.n || mark != kept.link {
                return Err(Lack::Parted);
            }
            at = Point { n, mark };
            all.push((n, kept));
        }
    }
    if at == to { Ok(all) } else { Err(Lack::Parted) }
}

/// One member's link at a position.
pub(crate) async fn one_link<B: Bus>(bus: &B, place: Place, member: Seat, n: Position) -> Option<Link> {
    let fetch = Fetch {
        place,
        from: n,
        to: n,
    };
    let Entries(page) = ask(bus, member, &Ask::Entries(fetch)).await?;
    let (found, bytes) = page.into_iter().next()?;
    (found == n)
        .then(|| Kept::decode(&bytes).map(|kept| kept.link))
        .flatten()
}

/// What members make of positions, attested again; good signatures only.
pub(crate) async fn attests<B: Bus>(
    bus: &B,
    place: Place,
    members: &[Seat],
    from: Position,
    to: Position,
) -> Vec<(Position, Digest, Attest)> {
    let fetch = Fetch { place, from, to };
    let asked = members.iter().map(|member| async move {
        let got: Option<Attests> = ask(bus, *member, &Ask::Attests(fetch)).await;
        got.unwrap_or_default().0
    });
    futures_util::future::join_all(asked)
        .await
        .into_iter()
        .flatten()
        .collect()
}

/// Answers what others ask of this member, until the bus or the engine ends.
pub(crate) async fn answer<B: Bus>(context: Arc<Context<B>>, mut questions: mpsc::Receiver<Question>) {
    while let Some(question) = questions.recv().await {
        let context = context.clone();
        let answered = tokio::task::spawn_blocking(move || {
            if let Some(answer) = answer_one(&context, &question.bytes) {
                (question.reply)(answer);
            }
        });
        // One after the other: whoever asks much waits, and nobody else does.
        let _ = answered.await;
    }
}

fn answer_one<B: Bus>(context: &Context<B>, question: &[u8]) -> Option<Bytes> {
    let asked: Ask = canonical::decode_bounded(question, 1024).ok()?;
    match asked {
        Ask::Entries(fetch) if fetch.place.cluster == context.founding.cluster => {
            let partition = fetch.place.partition;
            let found = context.memory.entries(partition, fetch.from, FETCH_BYTES).ok()?;
            // The first one shows from where on this member keeps them, also if that is too late.
            let wanted = found.into_iter().enumerate();
            let wanted = wanted
                .filter(|(i, (n, _))| *i == 0 || *n <= fetch.to)
                .map(|(_, entry)| entry);
            let page = Entries(wanted.map(|(n, bytes)| (n, WireBytes(bytes))).collect());
            Some(canonical::encode(&page).into())
        }
        Ask::Attests(fetch) if fetch.place.cluster == context.founding.cluster => {
            let to = fetch.to.min(fetch.from.saturating_add(MAX_ATTESTED));
            let mut page = Attests::default();
            for n in fetch.from..=to {
                let Some(head) = context.memory.decided(fetch.place.partition, n).ok()? else {
                    break;
                };
                page.0.push((n, head, attest(context, fetch.place, n, head)));
            }
            Some(canonical::encode(&page).into())
        }
        _ => None,
    }
}

fn attest<B: Bus>(context: &Context<B>, place: Place, position: Position, head: Digest) -> Attest {
    let statement = statement(place, position, head);
    Attest {
        relay: context.me,
        ext: Extensions::none(),
        signature: context.key.sign(&statement),
    }
}

/// What a relay attests of a position, as receipts carry it.
pub(crate) fn statement(place: Place, position: Position, head: Digest) -> AttestStatement {
    AttestStatement {
        partition: place.partition,
        incarnation: place.cluster,
        position,
        head,
        ext: Extensions::none(),
    }
}
