//! What other domains answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use telesphor_order::exchange::Way;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::forward::key::SignedSealingKey;
use telesphor_wire::forward::outbox::{News, Undelivered};
use telesphor_wire::forward::word::{About, NotTaken, SignedWord};
use telesphor_wire::hash::Digest;
use telesphor_wire::text::Domain;
use tokio::sync::{Semaphore, mpsc};

use super::outbox::BACKUP_MS;
use super::{Exchange, Place};
use crate::peers;

/// Answers that wait to be dealt with. More wait at NATS.
const WAITING: usize = 1_024;
/// Answers that are put into outboxes at once.
const AT_ONCE: usize = 256;
/// A domain that was silent for so long and speaks again is back.
const SILENT: Duration = Duration::from_secs(5);
/// A domain that does not know us is asked again after so long, milliseconds.
const UNKNOWN_MS: u64 = 30_000;

impl Exchange {
    pub(super) async fn hear_answers(self: Arc<Self>) {
        let (into, mut heard) = mpsc::channel::<bytes::Bytes>(WAITING);
        let taking = async {
            let room = Arc::new(Semaphore::new(AT_ONCE));
            while let Some(bytes) = heard.recv().await {
                let Ok(permit) = room.clone().acquire_owned().await else {
                    return;
                };
                let me = self.clone();
                tokio::spawn(async move {
                    me.heard(&bytes).await;
                    drop(permit);
                });
            }
        };
        self.until_pinned().await;
        tokio::join!(self.road.hear(Way::Answer, into), taking);
    }

    async fn heard(&self, bytes: &[u8]) {
        let word = SignedWord::read(bytes).and_then(|signed| {
            let pinned = self.pinned(&signed.word.from)?;
            signed.by(&pinned, &self.domain)
        });
        let Some(word) = word else {
            return self.metrics.exchange.forged();
        };
        let from = word.from;
        self.is_there(&from);
        if !matches!(&word.about, About::Refused(not) if not.code == ErrorCode::NotPinnedThere) {
            self.trouble(&from, None);
        }
        match word.about {
            About::Answer(reply) => {
                let news = News::Answered(reply);
                if !news.lies_in_an_outbox() {
                    let (to, code) = (news.of(), ErrorCode::TooLarge);
                    return self.refused(&from, NotTaken { to, code }).await;
                }
                if let Some(place) = self.place(&from, &news.of()) {
                    self.tell(place.lane.0, place.support, &news).await;
                }
            }
            About::Refused(not) => self.refused(&from, not).await,
            About::Later(not) => {
                if let Some(place) = self.place(&from, &not.to) {
                    self.later(&place, not.after);
                }
            }
            About::Held(not) => {
                if let Some(place) = self.place(&from, &not.to) {
                    self.is_held(&place, not.after);
                }
            }
            About::Key(signed) => self.keep_key(&from, *signed),
            // Asks come by the other way.
            About::Ask(_) | About::WhichKey(_) => self.metrics.exchange.forged(),
        }
    }

    /// The request that a domain speaks of, if it was passed on to that domain by this relay.
    fn place(&self, from: &Domain, digest: &Digest) -> Option<Place> {
        let state = self.state();
        let place = state.open.get(digest)?;
        let passed = state.work.get(from)?.was_passed(place.lane, place.seq);
        (place.to == *from && passed).then(|| place.clone())
    }

    fn later(&self, place: &Place, after: u64) {
        if let Some(work) = self.state().work.get_mut(&place.to) {
            work.later(place.lane, place.seq, &self.patience, self.now(), after);
        }
        self.moved.notify_one();
    }

    fn is_held(&self, place: &Place, after: u64) {
        if let Some(work) = self.state().work.get_mut(&place.to) {
            work.held(place.lane, place.seq, &self.patience, self.now(), after);
        }
        self.moved.notify_one();
    }

    /// A relay of it has begun anew: what that one held for us it holds no more.
    pub(super) fn has_begun(&self, from: &Domain) {
        if let Some(work) = self.state().work.get_mut(from) {
            work.let_go(self.now(), |(mailbox, _)| self.rank(mailbox) * BACKUP_MS);
        }
        self.moved.notify_one();
    }

    /// It was heard. After a silence, what waits for its next try need not wait.
    fn is_there(&self, from: &Domain) {
        let mut state = self.state();
        let heard = state.heard.entry(from.clone()).or_default();
        let was_silent = heard.last.is_none_or(|last| last.elapsed() >= SILENT);
        heard.last = Some(Instant::now());
        if was_silent && let Some(work) = state.work.get_mut(from) {
            work.revive(self.now(), |(mailbox, _)| self.rank(mailbox) * BACKUP_MS);
            drop(state);
            self.moved.notify_one();
        }
    }

    async fn refused(&self, from: &Domain, not: NotTaken) {
        if not.code == ErrorCode::NotPinnedThere {
            // Its operator may pin us today.
            self.trouble(from, Some(not.code));
            if let Some(place) = self.place(from, &not.to) {
                self.later(&place, UNKNOWN_MS);
            }
            return;
        }
        let Some(place) = self.place(from, &not.to) else {
            return;
        };
        let news = News::Undelivered(Undelivered {
            to: not.to,
            code: not.code,
            at: self.now(),
            ext: Extensions::none(),
        });
        self.tell(place.lane.0, place.support, &news).await;
    }

    fn keep_key(&self, from: &Domain, signed: SignedSealingKey) {
        let Some(pinned) = self.pinned(from) else { return };
        if signed.verify(from, &pinned, self.now()).is_err() {
            return self.metrics.exchange.forged();
        }
        let mut state = self.state();
        let heard = state.heard.entry(from.clone()).or_default();
        let newer = |known: &SignedSealingKey| signed.statement.until > known.statement.until;
        if heard.sealing.as_ref().is_none_or(newer) {
            heard.sealing = Some(signed.clone());
            drop(state);
            // For agents that seal while the line is cut.
            if peers::keep_sealing(&self.layout, &signed).is_err() {
                tracing::warn!("the sealing key of another hospital could not be written down");
            }
        }
    }
}
