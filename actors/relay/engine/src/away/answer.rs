//! What other relays of the cluster ask for their clients, answered by one that keeps the partition.
//!
//! Of another relay this much is believed: what its clients' connections are bound to, and that their nonces
//! were still good. The proof is checked here, under the client's key, for that relay: so a relay that was
//! taken over can use what was shown to it, for as long as that right stands, and nothing else.

use std::sync::Arc;
use std::time::Instant;

use telesphor_rules::blobs;
use telesphor_rules::read::Claim;
use telesphor_store::Upkeep;
use telesphor_wire::answer::{Answer, Refusal};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, hash_bytes};
use telesphor_wire::ids::{MailboxId, PartitionId};
use telesphor_wire::labels::HashLabel;
use telesphor_wire::passing::{
    About, AskCalls, AskPage, AskProof, AskRecords, Bound as ShownTo, FileAct, GotPage, Held as HeldRight,
    PassedWord, Shown,
};
use telesphor_wire::sign::PublicKey;
use tokio::sync::oneshot;

use super::{Away, PROOFS, locked};
use crate::blobs::facts;
use crate::house::House;
use crate::observe::{Counters, EngineStanding};
use crate::proof::{self, Bound, Connection, Passage};
use crate::reading::{self, PageOrder};
use crate::single;
use crate::submit::{self, Granted};
use crate::ticket::{Held, Sink, Ticket};
use crate::weight;

/// Phases in which a relay does not know yet how it stands.
const STARTING: &str = "asking";

impl Away {
    /// Answers a question; nothing if it is none, or nobody's who may ask.
    pub(crate) async fn answered(
        &self,
        house: &Arc<House>,
        upkeep: &Upkeep,
        bytes: &[u8],
    ) -> Option<Vec<u8>> {
        let room = self.room.try_acquire();
        let word = PassedWord::read(bytes, self.cluster, &self.me)?;
        if !self.roads.knows(&word.from) {
            return None;
        }
        let about = match room {
            Ok(_permit) => match word.about {
                About::Copy(ask) => self.copied(house, upkeep, word.from, ask).await,
                about => self.answer(house, word.from, about).await?,
            },
            Err(_) => About::Busy(house.core.limits.busy_retry_ms),
        };
        Counters::add(&self.answered, 1);
        let answer = PassedWord {
            cluster: self.cluster,
            from: self.me,
            to: word.from,
            question: word.question,
            about,
            ext: Extensions::none(),
        };
        Some(answer.signed(&self.key))
    }

    async fn answer(&self, house: &Arc<House>, from: PublicKey, about: About) -> Option<About> {
        let core = &house.core;
        let mailbox = match &about {
            About::Proof(ask) => ask.shown.proof.mailbox,
            About::Page(ask) => ask.shown.proof.mailbox,
            About::Records(ask) => ask.shown.proof.mailbox,
            About::File(ask) => ask.shown.proof.mailbox,
            About::Over(ask) => ask.mailbox,
            About::Calls(ask) => submit::place(&ask.calls.first()?.command)?,
            // An answer is no question.
            _ => return None,
        };
        let partition = core.partition_of(&mailbox);
        if !self.serves(house, partition) {
            return Some(elsewhere());
        }
        let done = match about {
            About::Proof(ask) => self.is_held(house, from, partition, *ask).await,
            About::Calls(ask) => self.carried_out(house, from, partition, ask).await,
            About::Page(ask) => self.paged(house, from, partition, *ask).await,
            About::Records(ask) => self.recorded(house, from, *ask).await,
            About::File(ask) => self.may_do(house, from, &ask.shown, ask.act).await,
            About::Over(ask) => {
                let at = house.clone();
                let over = move || {
                    crate::blobs::is_over(&at, &ask.mailbox, ask.since)
                        .map_err(|_| ErrorCode::Internal.into())
                };
                core.clone().blocking(over).await.map(About::IsOver)
            }
            _ => return None,
        };
        Some(match done {
            Ok(about) => about,
            // Others may be well.
            Err(refusal) if passes(refusal.code) => elsewhere(),
            Err(refusal) => About::Refused(refusal),
        })
    }

    /// Whether this relay answers for a partition.
    pub(super) fn serves(&self, house: &House, partition: PartitionId) -> bool {
        let stands = house.order.standing(partition);
        // One whose order is its own is nobody's member.
        let votes = stands.is_none_or(|s| s.votes && s.lost.is_none() && !s.phase.starts_with(STARTING));
        let fenced = house.partition(partition).is_none_or(|p| p.is_fenced());
        house.core.standing() == EngineStanding::Serving && self.is_here(partition) && votes && !fenced
    }

    /// A right that another relay's client has shown to it, checked as if it had been shown here.
    async fn claim(
        &self,
        house: &Arc<House>,
        from: PublicKey,
        shown: &Shown,
    ) -> Result<(MailboxId, Claim), Refusal> {
        let mailbox = shown.proof.mailbox;
        let name = name_of(&from, shown);
        if let Some(claim) = locked(&self.proved).get(&name) {
            return Ok((mailbox, *claim));
        }
        let core = house.core.clone();
        let (bound, proof) = (bound(house, from, &shown.bound), shown.proof.clone());
        let check = move || proof::check(&core.reader, &bound, &proof, core.clock.now_ms());
        let proven = house.core.clone().blocking(check).await;
        let proven = proven.inspect_err(|refusal| house.core.counters.refuse(refusal.code))?;
        let mut proved = locked(&self.proved);
        if proved.len() >= PROOFS {
            proved.clear();
        }
        proved.insert(name, proven.claim);
        Ok((mailbox, proven.claim))
    }

    /// Where the partition stands, if that is at least where the other relay has seen it.
    fn reached(house: &House, partition: PartitionId, since: u64) -> Result<u64, Refusal> {
        let position = house.partition(partition).map_or(0, |p| p.reached());
        match position >= since {
            true => Ok(position),
            false => Err(ErrorCode::HoldersAway.into()),
        }
    }

    async fn is_held(
        &self,
        house: &Arc<House>,
        from: PublicKey,
        partition: PartitionId,
        ask: AskProof,
    ) -> Result<About, Refusal> {
        let position = Self::reached(house, partition, ask.since)?;
        // Anew, since it says where the mailbox stands now.
        locked(&self.proved).remove(&name_of(&from, &ask.shown));
        let (mailbox, _) = self.claim(house, from, &ask.shown).await?;
        let core = house.core.clone();
        let read = move || {
            core.reader
                .mailbox(&mailbox)
                .map_err(|_| ErrorCode::Internal.into())
        };
        let stands = house.core.clone().blocking(read).await?;
        let stands = stands.ok_or(ErrorCode::Refused)?;
        Ok(About::Held(HeldRight {
            head: stands.cursor(),
            counter: stands.head.counter,
            position,
        }))
    }

    async fn paged(
        &self,
        house: &Arc<House>,
        from: PublicKey,
        partition: PartitionId,
        ask: AskPage,
    ) -> Result<About, Refusal> {
        let position = Self::reached(house, partition, ask.since)?;
        let (mailbox, claim) = self.claim(house, from, &ask.shown).await?;
        let limits = &house.core.limits;
        let few = |n: u32, most: usize| usize::try_from(n).unwrap_or(usize::MAX).clamp(1, most);
        let order = PageOrder {
            mailbox,
            claim,
            after: ask.after,
            max_events: few(ask.max_events, limits.page_events),
            max_bytes: few(ask.max_bytes, limits.page_bytes),
        };
        // Nothing leaves that could not be noted.
        if !house.core.notes.room().await {
            return Err(ErrorCode::Draining.into());
        }
        let core = house.core.clone();
        let read = move || reading::page(&core.reader, &order, core.clock.now_ms());
        let found = house.core.clone().blocking(read).await?;
        single::noted(house, &order, &found, agent_nonce(&ask.shown), false)?;
        Ok(About::Events(Box::new(GotPage {
            events: found.events,
            head: found.head,
            after: found.after,
            more: found.more,
            over: found.over,
            position,
        })))
    }

    async fn recorded(&self, house: &Arc<House>, from: PublicKey, ask: AskRecords) -> Result<About, Refusal> {
        let (mailbox, claim) = self.claim(house, from, &ask.shown).await?;
        let core = house.core.clone();
        let read = move || reading::records(&core.reader, &mailbox, &claim, ask.after, ask.max_records);
        let page = house.core.clone().blocking(read).await?;
        Ok(About::Recorded(Box::new(page)))
    }

    async fn may_do(
        &self,
        house: &Arc<House>,
        from: PublicKey,
        shown: &Shown,
        act: FileAct,
    ) -> Result<About, Refusal> {
        let (mailbox, claim) = self.claim(house, from, shown).await?;
        let core = house.core.clone();
        let look = move || {
            let (mailbox, record) = facts(&core, &mailbox, &claim)?;
            let now = core.clock.now_ms();
            match act {
                FileAct::Fetch(since) => blobs::may_fetch(&mailbox, record.as_ref(), &claim, since, now),
                FileAct::Show(_) => blobs::may_show(&mailbox, record.as_ref(), &claim, now),
                FileAct::Keep(_) => blobs::may_keep(&mailbox, &claim),
                FileAct::Detach(kept) => blobs::may_detach(&mailbox, &claim, kept, now),
                FileAct::Quota(_) => Ok(()),
            }?;
            Ok(About::Allowed(mailbox.class().max_blob_bytes))
        };
        house.core.clone().blocking(look).await
    }

    /// Commands, on the way of this relay's own.
    async fn carried_out(
        &self,
        house: &Arc<House>,
        from: PublicKey,
        partition: PartitionId,
        ask: AskCalls,
    ) -> Result<About, Refusal> {
        let core = &house.core;
        let mut granted = Vec::with_capacity(ask.shown.len());
        for shown in &ask.shown {
            // What is not held is no right; the commands that need it are refused.
            granted.push(self.claim(house, from, shown).await.ok());
        }
        let count = u32::try_from(ask.calls.len()).unwrap_or(u32::MAX);
        let bytes: usize = ask.calls.iter().map(|call| weight::bytes(&call.command)).sum();
        let bytes = u32::try_from(bytes.min(core.limits.bytes_in_flight)).unwrap_or(u32::MAX);
        let permits = (
            core.calls.clone().try_acquire_many_owned(count),
            core.bytes.clone().try_acquire_many_owned(bytes),
        );
        let (Ok(calls), Ok(bytes)) = permits else {
            Counters::add(&core.counters.busy, 1);
            return Ok(About::Busy(core.limits.busy_retry_ms));
        };
        let held = Held::new(core.clone(), ask.calls.len(), [calls, bytes], None);
        let (began, mut answers) = (Instant::now(), Vec::with_capacity(ask.calls.len()));
        let mut groups: Vec<(MailboxId, Vec<submit::Item>)> = Vec::new();
        for call in ask.calls {
            let (sender, answer) = oneshot::channel();
            answers.push(answer);
            let ticket = Ticket::new(
                core.clone(),
                Sink::Single(sender),
                call.support,
                began,
                held.clone(),
            );
            let right = call
                .shown
                .and_then(|at| granted.get(usize::from(at)).copied().flatten());
            let right = right.map(|(mailbox, claim)| Granted::here(mailbox, claim));
            let Some((key, item)) = submit::admit(house, call.command, right.as_ref(), ticket) else {
                continue;
            };
            if core.partition_of(&key) != partition {
                // Of another partition than the first: whoever passes on does not mix them.
                item.ticket.refuse(ErrorCode::NotAllowedHere);
                continue;
            }
            match groups.iter_mut().find(|(mailbox, _)| *mailbox == key) {
                Some((_, items)) => items.push(item),
                None => groups.push((key, vec![item])),
            }
        }
        drop(held);
        for (key, items) in groups {
            house.submit_here(key, items);
        }
        let mut all = Vec::with_capacity(answers.len());
        for answer in answers {
            // A ticket always answers; this covers only the case that it could not.
            let answer = answer.await.unwrap_or(Answer::Refused(ErrorCode::Fenced.into()));
            match &answer {
                // It has stopped in the middle. Another one finds out what became of them, by their ids.
                Answer::Refused(refusal) if passes(refusal.code) => return Err(refusal.clone()),
                _ => all.push(answer),
            }
        }
        Ok(About::Answers(all))
    }
}

/// Whether something is said of this relay and not of what was asked for.
const fn passes(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Draining | ErrorCode::Fenced | ErrorCode::HoldersAway
    )
}

pub(super) const fn elsewhere() -> About {
    About::Elsewhere(Extensions::none())
}

fn agent_nonce(shown: &Shown) -> telesphor_wire::ids::Nonce {
    match &shown.bound {
        ShownTo::Here(here) => here.agent_nonce,
        ShownTo::Forwarded(passage) => passage.agent_nonce,
    }
}

fn name_of(from: &PublicKey, shown: &Shown) -> Digest {
    hash_bytes(HashLabel::Command, &canonical::encode(&(from, shown)))
}

/// What the proof is bound to: a connection with the relay that passes it on, or a forwarded request.
fn bound(house: &House, from: PublicKey, shown: &ShownTo) -> Bound {
    let domain = house.core.domain.clone();
    match shown {
        ShownTo::Here(here) => Bound::Here(Connection {
            domain,
            relay: from,
            channel_binding: here.channel_binding,
            relay_nonce: here.relay_nonce,
            // Looked at by the relay that gave it.
            given_ms: house.core.clock.now_ms(),
            agent_nonce: here.agent_nonce,
            body: here.body,
        }),
        ShownTo::Forwarded(passage) => Bound::Forwarded(Passage {
            domain,
            reply: passage.reply.clone(),
            not_after: passage.not_after,
            agent_nonce: passage.agent_nonce,
        }),
    }
}
