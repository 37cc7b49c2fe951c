//! Asking one member for what it keeps, and answering when asked.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes as WireBytes;
use telesphor_wire::canonical;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::receipt::{Attest, AttestStatement};
use tokio::sync::mpsc;

use super::bus::{Bus, Question};
use super::compare::Shows;
use super::context::Context;
use super::entry::Kept;
use super::limits::{FETCH_BYTES, MAX_ENTRY_BYTES};
use super::say::{Fetch, Place, Seat};
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

/// Entries of one member as they are kept, from a position on: as many as it gives at a time.
pub(crate) async fn page<B: Bus>(
    bus: &B,
    place: Place,
    member: Seat,
    (from, to): (Position, Position),
) -> Option<Vec<(Position, Kept)>> {
    let Entries(page) = ask(bus, member, &Ask::Entries(Fetch { place, from, to })).await?;
    let kept = page
        .into_iter()
        .map(|(n, bytes)| Kept::decode(&bytes).map(|kept| (n, kept)));
    kept.collect()
}

/// What one member shows of its history at a position; `None` if it does not answer, or has nothing to show.
pub(crate) async fn one_link<B: Bus>(bus: &B, place: Place, member: Seat, n: Position) -> Option<Shows> {
    let page = page(bus, place, member, (n, n)).await?;
    let (found, kept) = page.into_iter().next()?;
    Some(match found == n {
        true => Shows::Link(kept.link),
        false => Shows::Gone,
    })
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
