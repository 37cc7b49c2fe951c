//! One connection's life: follow what is to be followed, send what is to be sent, hand over
//! what comes.

use std::collections::HashMap;
use std::pin::Pin as StdPin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::session::Events;
use tokio::sync::mpsc;

use super::answers::Outcome;
use super::crowd::CALLS;
use super::domain;
use super::duties::Then;
use super::records::Look;
use crate::core::records::{MemberVia, Via};
use crate::core::{Core, Shared};
use crate::error::{Error, Result};
use crate::exchange;
use crate::link::{Credential, LinkError, Pin, Push, Session};

/// Answers handled in one transaction.
const ANSWER_BATCH: usize = 256;

/// Pushes taken in by one transaction, and their bytes.
const PUSH_BATCH: usize = 32;
const PUSH_BATCH_BYTES: usize = 2 * 1024 * 1024;

/// Between two askings whether a lease that has run out is over for the relay too.
const LEASE_LOOK: Duration = Duration::from_millis(500);

/// Between two askings whether the owner has led a mailbox back whose last change had no effect.
const WEDGED_LOOK: Duration = Duration::from_secs(1);

/// Counted beside the payload of each event, bytes.
const FRAMING_BYTES: usize = 256;

/// A right, as far as handles are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum RightKey {
    Owner(MailboxId),
    Depositor(MailboxId),
    Member(MemberVia),
}

type Call = BoxFuture<'static, (u64, Result<Outcome>)>;

pub(crate) struct Life {
    pub(super) shared: Arc<Shared>,
    pub(super) session: Session,
    /// The relay that was reached.
    pin: Pin,
    pub(super) pushes: mpsc::Receiver<Push>,
    pub(super) handles: HashMap<RightKey, u32>,
    /// Which mailbox a handle follows.
    pub(super) following: HashMap<u32, (MailboxId, RightKey)>,
    /// Rights the relay refused in this life: asked again only in the next.
    pub(super) refused: HashMap<RightKey, ErrorCode>,
    /// Not before this are leases that have run out asked about again.
    lease_look: std::time::Instant,
    /// Not before this are mailboxes asked for again that wait for their owner.
    wedged_look: std::time::Instant,
    pub(super) records: Look,
    calls: FuturesUnordered<Call>,
}

impl Life {
    /// Connects to the home relay.
    pub(crate) async fn begin(shared: Arc<Shared>) -> Result<Self> {
        let (pins, relays) = shared
            .work(|core| Ok((core.profile.pins(), core.profile.relays())))
            .await?;
        let mut last = LinkError::lost();
        for pin in pins {
            let nonce = shared.work(|core| Ok(core.keys.session_nonce())).await?;
            match Session::open_as(&pin, &relays, nonce).await {
                Ok((session, pushes)) => {
                    let facts = session.facts().clone();
                    shared.work(move |core| core.welcomed(&facts)).await?;
                    shared.news();
                    return Ok(Self::on(shared, pin, session, pushes));
                }
                Err(error) => last = error,
            }
        }
        Err(last.into())
    }

    pub(super) fn on(shared: Arc<Shared>, pin: Pin, session: Session, pushes: mpsc::Receiver<Push>) -> Self {
        Self {
            shared,
            session,
            pin,
            pushes,
            handles: HashMap::new(),
            following: HashMap::new(),
            refused: HashMap::new(),
            lease_look: std::time::Instant::now(),
            wedged_look: std::time::Instant::now(),
            records: Look::default(),
            calls: FuturesUnordered::new(),
        }
    }

    /// Serves until the connection ends.
    pub(crate) async fn serve(&mut self) -> Result<()> {
        loop {
            let look = self.shared.work(Core::duties).await?;
            let lease = self.leases(look.leases).await?.min(self.wedged().await?);
            let more = self.follow(look.wanted).await?;
            let records = self.records(look.records_watched, look.fence_wanted).await?;
            if look.fence_wanted > look.fence_reached {
                self.fence(look.fence_wanted).await?;
            }
            if look.domain_due {
                domain::look(&self.shared, self.pin.clone());
            }
            if look.exchange_due {
                exchange::facts::look(&self.shared, self.pin.clone());
            }
            if look.in_line {
                self.shared.news();
            }
            let teams = Duration::from_millis(look.teams);
            let mandates = Duration::from_millis(look.mandates);
            let due = self.send().await?;
            let pause = due.unwrap_or(Duration::from_secs(3600)).min(lease);
            let exchange = look.exchange.map_or(pause, Duration::from_millis);
            let pause = pause.min(teams).min(records).min(mandates).min(exchange);
            let pause = if more { Duration::ZERO } else { pause };
            tokio::select! {
                biased;
                push = self.pushes.recv() => match push {
                    Some(push) => self.all_pushed(push).await?,
                    None => return Err(LinkError::lost().into()),
                },
                Some(first) = self.calls.next() => self.answered(first).await?,
                () = self.shared.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// After a change without effect the relay serves a member's key up to that change and no
    /// further, until the owner's rewind moves its end: so it is asked for again and again.
    /// Gives how long until the next look.
    async fn wedged(&mut self) -> Result<Duration> {
        const NEVER: Duration = Duration::from_secs(3600);
        let member = |key: &RightKey| match key {
            RightKey::Member(member) => Some(member.mailbox),
            _ => None,
        };
        let refused: Vec<MailboxId> = self.refused.keys().filter_map(member).collect();
        if refused.is_empty() {
            return Ok(NEVER);
        }
        if let Some(left) = self.wedged_look.checked_duration_since(std::time::Instant::now()) {
            return Ok(left);
        }
        let wedged = self.shared.work(move |core| core.wedged(&refused)).await?;
        if wedged.is_empty() {
            return Ok(NEVER);
        }
        self.wedged_look = std::time::Instant::now() + WEDGED_LOOK;
        self.refused
            .retain(|key, _| member(key).is_none_or(|mailbox| !wedged.contains(&mailbox)));
        Ok(WEDGED_LOOK)
    }

    /// Asks again for every right whose lease has run out: the relay's word ends it here, not
    /// this machine's clock. Gives how long until the next look.
    async fn leases(&mut self, (over, next): (Vec<MailboxId>, Option<u64>)) -> Result<Duration> {
        const NEVER: Duration = Duration::from_secs(3600);
        let pause = next.map_or(NEVER, |ms| Duration::from_millis(ms + 1).min(NEVER));
        let handles: Vec<u32> = self
            .following
            .iter()
            .filter(|(_, (mailbox, _))| over.contains(mailbox))
            .map(|(handle, _)| *handle)
            .collect();
        if handles.is_empty() {
            return Ok(pause);
        }
        if let Some(left) = self.lease_look.checked_duration_since(std::time::Instant::now()) {
            return Ok(left.min(pause));
        }
        // The relay may still serve it for a moment: its clock was read once, at the greeting.
        self.lease_look = std::time::Instant::now() + LEASE_LOOK;
        for handle in handles {
            if let Some((_, key)) = self.following.remove(&handle) {
                self.handles.remove(&key);
            }
            self.session.forget(handle).await?;
        }
        Ok(LEASE_LOOK.min(pause))
    }

    pub(super) fn key(mailbox: MailboxId, via: &Via) -> RightKey {
        match via {
            Via::Signed(_) | Via::Owner(_) | Via::Passed(_) => RightKey::Owner(mailbox),
            Via::Depositor(d) => RightKey::Depositor(d.mailbox),
            Via::Member(m) => RightKey::Member(*m),
        }
    }

    pub(super) async fn credential(&mut self, mailbox: MailboxId, via: Via) -> Result<Option<Credential>> {
        self.shared.work(move |core| core.credential(mailbox, &via)).await
    }

    /// Seals and sends what can go; gives how long until something held back is due.
    async fn send(&mut self) -> Result<Option<Duration>> {
        // What has its answer makes room, and calls for the next round.
        while self.calls.len() < CALLS {
            let out = self.shared.work(Core::outgoing).await?;
            if out.sealed > 0 {
                self.shared.news();
            }
            let ready = match out.then {
                Then::Send(ready) => ready,
                Then::LookAgain => continue,
                Then::Wait(due) => return Ok(due),
            };
            for ready in ready {
                let handle = match &ready.via {
                    Via::Signed(_) => 0,
                    via => {
                        let mailbox = match via {
                            Via::Depositor(d) => d.mailbox,
                            Via::Member(m) => m.mailbox,
                            Via::Owner(mailbox) => *mailbox,
                            // The latter are not taken to be sent.
                            Via::Signed(_) | Via::Passed(_) => continue,
                        };
                        match self.handle(mailbox, via.clone()).await? {
                            Ok(handle) => handle,
                            Err(code) => {
                                let seq = ready.seq;
                                self.calls
                                    .push(Box::pin(async move { (seq, Ok(Outcome::NoRight(code))) }));
                                continue;
                            }
                        }
                    }
                };
                let call = self
                    .session
                    .begin_call(ready.support, handle, ready.command)
                    .await?;
                let seq = ready.seq;
                let call: StdPin<Box<_>> = Box::pin(async move {
                    let outcome = call.answer().await;
                    (seq, outcome.map(Outcome::Replied).map_err(Error::from))
                });
                self.calls.push(call);
            }
            // Whoever says much to many hears as much of it again.
            if self.is_crowded() {
                return Ok(Some(Duration::ZERO));
            }
        }
        Ok(None)
    }

    /// Forgets what was proved by an owner's key.
    pub(super) fn forget_owner(&mut self, mailbox: MailboxId) {
        self.handles.remove(&RightKey::Owner(mailbox));
    }

    /// The handle of a right, proved now if it was not before.
    pub(super) async fn handle(
        &mut self,
        mailbox: MailboxId,
        via: Via,
    ) -> Result<std::result::Result<u32, ErrorCode>> {
        let key = Self::key(mailbox, &via);
        if let Some(handle) = self.handles.get(&key) {
            return Ok(Ok(*handle));
        }
        let Some(credential) = self.credential(mailbox, via).await? else {
            return Ok(Err(ErrorCode::Refused));
        };
        match self.session.prove(credential).await {
            Ok(standing) => {
                self.handles.insert(key, standing.handle);
                Ok(Ok(standing.handle))
            }
            Err(LinkError::Refused(refusal)) => Ok(Err(refusal.code)),
            Err(error) => Err(error.into()),
        }
    }

    /// Hands over what has come by now, the events of all mailboxes in one transaction: at a change
    /// of shift each of many teams says something, and every transaction waits for the disk.
    pub(super) async fn all_pushed(&mut self, first: Push) -> Result<()> {
        let (mut together, mut bytes) = (Vec::new(), 0);
        let mut next = Some(first);
        while let Some(push) = next {
            match push {
                Push::Events(events) => {
                    bytes += used(&events);
                    together.push(events);
                }
                ended @ Push::Ended(..) => {
                    self.take_together(std::mem::take(&mut together)).await?;
                    bytes = 0;
                    self.pushed(ended).await?;
                }
            }
            let room = together.len() < PUSH_BATCH && bytes < PUSH_BATCH_BYTES;
            next = room.then(|| self.pushes.try_recv().ok()).flatten();
        }
        self.take_together(together).await
    }

    async fn take_together(&mut self, all: Vec<Events>) -> Result<()> {
        let followed: Vec<(MailboxId, Events)> = all
            .into_iter()
            .filter_map(|events| Some((self.following.get(&events.handle)?.0, events)))
            .collect();
        let followed = match followed.len() {
            0 | 1 => followed,
            _ => {
                let taken = self
                    .shared
                    .work(move |core| Ok((core.take_all_events(&followed)?, followed)))
                    .await?;
                match taken {
                    (true, followed) => {
                        for (_, events) in &followed {
                            self.took(events).await?;
                        }
                        self.shared.ring();
                        return Ok(());
                    }
                    (false, followed) => followed,
                }
            }
        };
        // One that cannot be taken in must not hold up the others.
        for (_, events) in followed {
            self.take(events).await?;
        }
        Ok(())
    }

    /// What came may be the key that an owner needs from now on; and the relay may send as much
    /// again.
    async fn took(&mut self, events: &Events) -> Result<()> {
        self.refused
            .retain(|key, code| !matches!(key, RightKey::Owner(_)) || *code != ErrorCode::Refused);
        let bytes = u32::try_from(used(events)).unwrap_or(u32::MAX).max(1);
        Ok(self.session.credit(events.handle, bytes).await?)
    }

    async fn pushed(&mut self, push: Push) -> Result<()> {
        match push {
            Push::Events(events) => self.take(events).await,
            Push::Ended(handle, refusal) => {
                let Some((mailbox, key)) = self.following.remove(&handle) else {
                    return Ok(());
                };
                self.handles.remove(&key);
                // A right that ends in mid-stream is asked for again once: the mailbox may have
                // moved to an epoch whose key is here by now.
                // So may an owner's key that was replaced a moment ago.
                let owner = matches!(key, RightKey::Owner(_));
                if refusal.code != ErrorCode::SlowReader && !owner {
                    self.refused.insert(key, refusal.code);
                }
                self.shared
                    .work(move |core| core.follow_ended(mailbox, &refusal))
                    .await?;
                self.shared.news();
                Ok(())
            }
        }
    }

    async fn take(&mut self, events: Events) -> Result<()> {
        let handle = events.handle;
        let Some((mailbox, _)) = self.following.get(&handle).copied() else {
            return Ok(());
        };
        let (events, taken) = self
            .shared
            .work(move |core| {
                let taken = core.take_events(mailbox, &events);
                Ok((events, taken))
            })
            .await?;
        match taken {
            Ok(()) => {}
            // The relay shows another history of this mailbox, or this endpoint has lost its group:
            // it is read no further on this connection, the others are.
            Err(error) if matches!(error.code, ErrorCode::BrokenChain | ErrorCode::CannotFollow) => {
                if let Some((_, key)) = self.following.remove(&handle) {
                    self.refused.insert(key, error.code);
                }
                self.shared
                    .work(move |core| {
                        core.not_followed(mailbox);
                        Ok(())
                    })
                    .await?;
                self.session.forget(handle).await?;
                self.shared.news();
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        self.shared.ring();
        self.took(&events).await
    }

    /// Hands answers over, all that are there in one transaction.
    async fn answered(&mut self, first: (u64, Result<Outcome>)) -> Result<()> {
        let mut answers = vec![first];
        while answers.len() < ANSWER_BATCH {
            // Takes what is ready and nothing that must be waited for.
            match futures_util::FutureExt::now_or_never(self.calls.next()) {
                Some(Some(next)) => answers.push(next),
                _ => break,
            }
        }
        // The owner's key may have been rotated: it is proved again before the next use.
        if answers.iter().any(|(_, outcome)| refused(outcome)) {
            self.handles.retain(|key, _| !matches!(key, RightKey::Owner(_)));
        }
        self.shared.work(move |core| core.answered(answers)).await?;
        // What was refused may exist by now: an Open that was just carried out again.
        self.refused.retain(|_, code| *code != ErrorCode::Refused);
        self.shared.news();
        Ok(())
    }
}

/// What events take of the credit. The relay counts framing too; a little more credit than was used
/// keeps the flow even.
fn used(events: &Events) -> usize {
    let of = |payload: Option<usize>| payload.unwrap_or(0) + FRAMING_BYTES;
    let events = events.events.iter();
    events.map(|e| of(e.payload.as_ref().map(|p| p.len()))).sum()
}

fn refused(outcome: &Result<Outcome>) -> bool {
    use telesphor_wire::answer::Answer;
    matches!(outcome, Ok(Outcome::Replied(replied))
        if matches!(&replied.answer, Answer::Refused(refusal) if refusal.code == ErrorCode::Refused))
}
