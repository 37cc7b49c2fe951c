//! Partitions that this relay is to keep and does not: taken over, whole, from a relay that keeps them, before it
//! serves. From there on it follows them without a voice, and gets its seat as the order has it.

use std::collections::BTreeSet;
use std::time::Duration;

use telesphor_engine::Engine;
use telesphor_order::Standing;
use telesphor_order::cluster::nats::Nats;
use telesphor_order::cluster::{Lost, taken_over};
use telesphor_order::member::placement;
use telesphor_store::{End, Row, Store, StoreError};
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{Nonce, PartitionId};
use telesphor_wire::passing::{About, AskCopy, PassedWord};
use telesphor_wire::sign::{PublicKey, SigningKey};

use super::record::SignedClusterRecord;
use crate::fault::Fault;
use crate::serve::store_fault;

/// A page is waited for so long.
const PATIENCE: Duration = Duration::from_secs(5);
/// And asked for so often before another relay is asked for all of it.
const TRIES: usize = 3;
/// All relays that keep it are asked so often.
const ROUNDS: usize = 10;
/// Between two rounds.
const AGAIN: Duration = Duration::from_secs(1);

/// What a relay needs to ask the others.
pub struct Asker<'a> {
    /// The bus.
    pub nats: &'a Nats,
    /// Who is to keep what.
    pub signed: &'a SignedClusterRecord,
    /// This relay's own.
    pub key: &'a SigningKey,
}

/// Why a copy was not had from somebody.
enum Lack {
    /// He does not give it now.
    Yet,
    /// The disk here does not take it.
    Store(StoreError),
}

impl From<StoreError> for Lack {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Between two looks whether a seat was given away.
const LOOK: Duration = Duration::from_millis(500);

/// Lets go of partitions whose seat here was given to another relay, and does what concerns those in which this
/// one has got its seat, until it is dropped.
pub async fn tend(engine: Engine) {
    loop {
        tokio::time::sleep(LOOK).await;
        for partition in engine.observe().partitions {
            let gone = |member: &Standing| member.lost == Some(Lost::Left);
            if partition.member.as_ref().is_some_and(|member| member.votes) {
                engine.arrived(partition.partition);
            }
            if partition.kept && partition.member.as_ref().is_some_and(gone) {
                tracing::info!(
                    partition = partition.partition.0,
                    "a partition is kept elsewhere from now on"
                );
                if let Err(error) = engine.leave(partition.partition).await {
                    tracing::error!(%error, "what was kept of a partition could not be erased; it is at the next start");
                }
            }
        }
    }
}

impl Asker<'_> {
    /// Takes over what is to be taken over; gives the partitions that are kept here from now on, and those among
    /// them that were taken over now. What cannot be had now is had at the next start: until then it is passed on.
    ///
    /// # Errors
    /// As the store says.
    pub async fn take_over(&self, store: &mut Store) -> Result<[BTreeSet<PartitionId>; 2], Fault> {
        let (me, wanted, founding) = (self.key.public(), self.signed.wanted(), self.signed.founding());
        let (mut kept, mut fresh) = (BTreeSet::new(), BTreeSet::new());
        for (number, founders) in (0..).zip(&founding.seats) {
            let partition = PartitionId(number);
            let reader = store.reader();
            let left = reader.has_left(partition).map_err(|e| store_fault(&e))?;
            let stood = reader.standing(partition).map_err(|e| store_fault(&e))?;
            if !left && (stood.is_some() || founders.has(&me)) {
                kept.insert(partition);
                continue;
            }
            let half = left
                && reader
                    .last_ordered(partition)
                    .map_err(|e| store_fault(&e))?
                    .is_some();
            drop(reader);
            if half {
                store.clear_part(partition).map_err(|e| store_fault(&e))?;
            }
            if wanted.seats(partition).contains(&me) && self.one(store, partition, stood.as_deref()).await? {
                kept.insert(partition);
                fresh.insert(partition);
            }
        }
        Ok([kept, fresh])
    }

    /// One partition; whether it was had.
    async fn one(
        &self,
        store: &mut Store,
        partition: PartitionId,
        stood: Option<&[u8]>,
    ) -> Result<bool, Fault> {
        for round in 0..ROUNDS {
            if round > 0 {
                tokio::time::sleep(AGAIN).await;
            }
            // Those first who are to keep it; whoever kept it before may have it still.
            let mut relays = placement::ranked(partition, &self.signed.wanted().relays);
            relays.retain(|relay| *relay != self.key.public());
            for relay in relays {
                match self.from(store, partition, relay, stood).await {
                    Ok(()) => {
                        tracing::info!(
                            partition = partition.0,
                            "took a partition over from another relay"
                        );
                        return Ok(true);
                    }
                    Err(Lack::Yet) => {}
                    Err(Lack::Store(error)) => return Err(store_fault(&error)),
                }
            }
        }
        tracing::warn!(
            partition = partition.0,
            "no relay gives a partition that is to be kept here; it is taken over at the next start"
        );
        Ok(false)
    }

    async fn from(
        &self,
        store: &mut Store,
        partition: PartitionId,
        relay: PublicKey,
        stood: Option<&[u8]>,
    ) -> Result<(), Lack> {
        let copy = Nonce::random();
        let (mut rows, mut end) = self.page(partition, relay, copy, 0).await?;
        // Nothing may be left that was erased there meanwhile.
        store.clear_part(partition)?;
        let mut page = 0;
        loop {
            store.lay_part(partition, &rows)?;
            if let Some((cursor, standing)) = end {
                let stands = taken_over(&standing, stood).ok_or(Lack::Yet)?;
                store.part_is_laid(partition, &cursor, &stands)?;
                return Ok(());
            }
            page += 1;
            (rows, end) = self.page(partition, relay, copy, page).await?;
        }
    }

    async fn page(
        &self,
        partition: PartitionId,
        relay: PublicKey,
        copy: Nonce,
        page: u64,
    ) -> Result<(Vec<Row>, Option<End>), Lack> {
        for _ in 0..TRIES {
            let ask = AskCopy {
                partition,
                copy,
                page,
            };
            match self.ask(relay, About::Copy(ask)).await {
                Some(About::Copied(got)) => {
                    let rows = got.rows.into_iter().map(|(family, k, v)| (family, k.0, v.0));
                    let end = got.end.map(|(cursor, standing)| (cursor.0, standing.0));
                    return Ok((rows.collect(), end));
                }
                Some(_) => return Err(Lack::Yet),
                None => {}
            }
        }
        Err(Lack::Yet)
    }

    async fn ask(&self, relay: PublicKey, about: About) -> Option<About> {
        let (question, cluster, me) = (Nonce::random(), self.signed.record.cluster, self.key.public());
        let word = PassedWord {
            cluster,
            from: me,
            to: relay,
            question,
            about,
            ext: Extensions::none(),
        };
        let asked = self.nats.pass_on(relay, word.signed(self.key).into(), PATIENCE);
        let answer = PassedWord::read(&asked.await.ok()?, cluster, &me)?;
        (answer.from == relay && answer.question == question).then_some(answer.about)
    }
}
