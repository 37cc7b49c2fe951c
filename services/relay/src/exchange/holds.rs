//! Follows of other domains: held until there is something new, and forgotten as soon as nobody
//! asks for them any more. Nothing is remembered of who follows what beyond that.
//!
//! ```text
//! asked -> nothing new -> Held, and a task that waits      (asked again: another task in its place)
//!                         something comes, the right or the request ends -> the answer
//!                         nobody has asked again in the meantime         -> forgotten
//! ```

use std::sync::{Arc, MutexGuard, PoisonError};

use telesphor_order::exchange::Way;
use telesphor_rules::exchange::{Holds, Most};
use telesphor_wire::answer::Answer;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::forward::ask::{Ask, Wish};
use telesphor_wire::forward::read::Read;
use telesphor_wire::forward::word::{About, NotNow, NotTaken};
use telesphor_wire::hash::Digest;
use telesphor_wire::seal::SealingPublic;
use telesphor_wire::text::Domain;
use tokio::task::AbortHandle;

use super::Exchange;

/// Follows that are held at once. Whoever has more looks once in a minute.
const MOST: Most = Most {
    of_one: 1_024,
    of_all: 8_192,
};
/// Whoever passes a follow on asks again after so long, milliseconds: if it is held no more (a relay
/// was killed, the line was cut when the answer went), that is learnt by then.
const AGAIN_MS: u64 = 60_000;
/// A follow that nobody has asked for again is forgotten after so long, milliseconds.
const FORGOTTEN_MS: u64 = 2 * AGAIN_MS + 30_000;
/// An empty page goes so long before the request's end, milliseconds: after it, it is opened no more.
const EARLY_MS: u64 = 2_000;

/// What is followed, and to whom the answer is sealed.
#[derive(Clone)]
struct Wanted {
    read: Read,
    reply: SealingPublic,
    not_after: u64,
}

/// The place of one follow; given back when it is dropped.
struct Place {
    exchange: Arc<Exchange>,
    from: Domain,
    to: Digest,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut holds = self.exchange.holds();
        holds.leave(&self.from, &self.to, self.number);
        self.exchange.metrics.exchange.holds(holds.len());
    }
}

impl Exchange {
    /// No code panics while holding the lock, so a poisoned one is still whole.
    fn holds(&self) -> MutexGuard<'_, Holds<Domain, AbortHandle>> {
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to a follow, or that it is held. `to`: the digest of the request.
    pub(super) async fn follow(self: &Arc<Self>, from: &Domain, to: Digest, ask: Ask) -> About {
        let Wish::Follow(read) = ask.wish else {
            let code = ErrorCode::NotForwardable;
            return About::Refused(NotTaken { to, code });
        };
        let wanted = Wanted {
            read: *read,
            reply: ask.reply,
            not_after: ask.not_after,
        };
        let Wanted {
            read,
            reply,
            not_after,
        } = wanted.clone();
        let answer = match self.engine.read_forwarded(read, reply, not_after).await {
            Ok(page) if page.events.is_empty() => return self.hold(from, to, wanted),
            Ok(page) => Answer::Page(Box::new(page)),
            Err(refusal) => Answer::Refused(refusal),
        };
        match self.sealed(to, &wanted.reply, answer) {
            Ok((about, _)) => about,
            Err((after, _)) => About::Later(NotNow { to, after }),
        }
    }

    fn hold(self: &Arc<Self>, from: &Domain, to: Digest, wanted: Wanted) -> About {
        let not_now = NotNow { to, after: AGAIN_MS };
        let Some((place, before)) = self.place_for(from, to) else {
            return About::Later(not_now);
        };
        if let Some(before) = before {
            before.abort();
        }
        let number = place.number;
        let task = tokio::spawn(async move {
            let (me, from) = (place.exchange.clone(), place.from.clone());
            let about = me.wait(to, wanted).await;
            drop(place);
            if let Some(about) = about {
                me.metrics.exchange.asked(&about);
                me.say(&from, Way::Answer, about).await;
            }
        });
        self.holds().waits(&to, number, task.abort_handle());
        About::Held(not_now)
    }

    /// A place for a follow, if there is room, and what waits for the same already.
    fn place_for(self: &Arc<Self>, from: &Domain, to: Digest) -> Option<(Place, Option<AbortHandle>)> {
        let mut holds = self.holds();
        let (number, before) = holds.enter(from, to, MOST)?;
        self.metrics.exchange.holds(holds.len());
        drop(holds);
        let place = Place {
            exchange: self.clone(),
            from: from.clone(),
            to,
            number,
        };
        Some((place, before))
    }

    /// Its answer, unless it is forgotten before there is one.
    async fn wait(&self, to: Digest, wanted: Wanted) -> Option<About> {
        let end = wanted.not_after.saturating_sub(EARLY_MS);
        let forgotten = self.now().saturating_add(FORGOTTEN_MS);
        let follow = self.engine.follow_forwarded(
            wanted.read,
            wanted.reply.clone(),
            wanted.not_after,
            end.min(forgotten),
        );
        let answer = match follow.await {
            Ok(page) if page.events.is_empty() && forgotten < end => return None,
            Ok(page) => Answer::Page(Box::new(page)),
            // It is asked for again.
            Err(refusal) if refusal.code == ErrorCode::SessionLimit => return None,
            Err(refusal) => Answer::Refused(refusal),
        };
        let sealed = self.sealed(to, &wanted.reply, answer);
        sealed.ok().map(|(about, _)| about)
    }
}
