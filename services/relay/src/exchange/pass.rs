//! Passing on: the first request of each lane, again and again until it has its answer or its time
//! is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use telesphor_order::exchange::Way;
use telesphor_rules::exchange::{LaneKey, Next, Open, Work};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::forward::outbox::{News, Passing, Undelivered};
use telesphor_wire::forward::word::{About, Asked};
use telesphor_wire::ids::Nonce;
use telesphor_wire::text::Domain;

use super::{Exchange, FLYING};

/// An answer is waited for so long, milliseconds.
pub(super) const ANSWER_MS: u64 = 2_000;
/// The longest pause between two tries, milliseconds.
pub(super) const LONGEST_MS: u64 = 60_000;
/// A domain that says nothing is asked for its key so often; its answer says that it is back.
const KNOCK: Duration = Duration::from_secs(3);
/// A sealing key is asked for anew so often.
const KEYS: Duration = Duration::from_secs(600);
/// Nothing is looked at less often than this.
const LOOK: Duration = Duration::from_secs(1);

/// What is to be done next for a domain.
type Task = (Domain, LaneKey, Open, Next);

impl Exchange {
    pub(super) async fn pass_on(self: Arc<Self>) {
        loop {
            let moved = self.moved.notified();
            let (tasks, due) = self.tasks();
            if tasks.is_empty() {
                let pause = due.map_or(LOOK, |due| {
                    Duration::from_millis(due.saturating_sub(self.now())).min(LOOK)
                });
                // What moved since the look is noticed at once.
                let _ = tokio::time::timeout(pause, moved).await;
                continue;
            }
            for (to, lane, open, next) in tasks {
                match next {
                    Next::Wait(_) => {}
                    Next::Pass => self.pass(&to, lane, open).await,
                    Next::GiveUp => self.give_up(&to, lane, open).await,
                }
            }
        }
    }

    /// What can be done now, a little of each domain, and when there is more otherwise.
    fn tasks(&self) -> (Vec<Task>, Option<u64>) {
        const AT_ONCE: usize = 64;
        let (now, mut tasks, mut due) = (self.now(), Vec::new(), None);
        let mut state = self.state();
        for (domain, work) in &mut state.work {
            for _ in 0..AT_ONCE {
                let spread = u64::from_be_bytes(Nonce::random().0[..8].try_into().unwrap_or_default());
                let Some((lane, open, next)) = work.next(&self.patience, FLYING, now, spread) else {
                    break;
                };
                tasks.push((domain.clone(), lane, open, next));
            }
            due = due.into_iter().chain(work.due(FLYING)).min();
        }
        state.work.retain(|_, work| !work.is_done());
        (tasks, due)
    }

    async fn pass(&self, to: &Domain, lane: LaneKey, open: Open) {
        if self.pinned(to).is_none() {
            // The operator may pin it today; its time goes on.
            return self.trouble(to, Some(ErrorCode::DomainUnknown));
        }
        let Some(passing) = self.passing(lane, open).await else {
            return;
        };
        self.metrics.exchange.passed(open.tries > 1);
        let asked = Asked {
            support: passing.support,
            request: passing.request,
        };
        self.say(to, Way::Ask, About::Ask(asked)).await;
    }

    /// As it stands in the outbox.
    async fn passing(&self, (mailbox, _): LaneKey, open: Open) -> Option<Passing> {
        let events = self.engine.outbox_after(mailbox, open.seq.checked_sub(1)?).await;
        let event = events.ok()?.into_iter().find(|e| e.header.seq == open.seq)?;
        canonical::decode(&event.payload?).ok()
    }

    async fn give_up(&self, to: &Domain, lane: LaneKey, open: Open) {
        let Some(passing) = self.passing(lane, open).await else {
            // Erased by its owner: nobody waits for it.
            let mut state = self.state();
            state
                .open
                .retain(|_, place| (place.lane, place.seq) != (lane, open.seq));
            if let Some(work) = state.work.get_mut(to) {
                work.answered(lane, open.seq);
            }
            return;
        };
        let why = self.state().heard.get(to).and_then(|heard| heard.trouble);
        let news = News::Undelivered(Undelivered {
            to: passing.request.digest(),
            code: why.unwrap_or(ErrorCode::NotDelivered),
            at: self.now(),
            ext: Extensions::none(),
        });
        self.tell(lane.0, passing.support, &news).await;
    }

    pub(super) fn trouble(&self, of: &Domain, code: Option<ErrorCode>) {
        self.state().heard.entry(of.clone()).or_default().trouble = code;
    }

    /// Asks domains that are silent for their keys, and measures.
    pub(super) async fn tend(self: Arc<Self>) {
        let mut keys = None::<Instant>;
        loop {
            let domains: Vec<Domain> = {
                let peers = self
                    .peers
                    .read()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                peers.iter().map(|(domain, _)| domain.clone()).collect()
            };
            let all = keys.is_none_or(|last| last.elapsed() >= KEYS);
            for domain in domains {
                let silent = {
                    let state = self.state();
                    let waits = state.work.get(&domain).is_some_and(Work::is_waiting);
                    let heard = state.heard.get(&domain);
                    let last = heard.and_then(|heard| heard.last);
                    let unknown = heard.is_none_or(|heard| heard.sealing.is_none());
                    unknown || (waits && last.is_none_or(|last| last.elapsed() >= KNOCK))
                };
                if all || silent {
                    let which = match keys {
                        // Whatever this relay held for others it holds no more.
                        None => About::begun(),
                        Some(_) => About::WhichKey(Extensions::none()),
                    };
                    self.say(&domain, Way::Ask, which).await;
                }
            }
            if all {
                keys = Some(Instant::now());
            }
            self.measure();
            tokio::time::sleep(KNOCK).await;
        }
    }
}
