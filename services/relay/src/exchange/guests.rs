//! What other domains ask: opened, carried out on the way of every command, answered under a seal.

use std::sync::{Arc, PoisonError};

use telesphor_order::exchange::Way;
use telesphor_wire::answer::Answer;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::forward::ask::{Ask, Wish};
use telesphor_wire::forward::key::SignedSealingKey;
use telesphor_wire::forward::reply::Told;
use telesphor_wire::forward::word::{About, Asked, BEGUN, NotNow, NotTaken, SignedWord};
use telesphor_wire::forward::{ForwardError, Forwarded};
use telesphor_wire::hash::Digest;
use telesphor_wire::seal::SealingPublic;
use telesphor_wire::text::Domain;
use tokio::sync::{Semaphore, mpsc};

use super::{Exchange, INSIDE};
use crate::edge::makes_room;
use crate::edge::tally::{outcome, seconds};
use crate::traces::{Outcome, Record, Trace};

/// Asks that wait to be dealt with. More wait at NATS.
const WAITING: usize = 512;
/// Asks that are dealt with at once, of all domains together.
const AT_ONCE: usize = 512;
/// A domain that has too many under way comes again after so long, milliseconds.
pub(super) const BUSY_MS: u64 = 250;
/// What fails for a reason of this relay's own is tried again after so long, milliseconds.
const TROUBLE_MS: u64 = 5_000;

impl Exchange {
    pub(super) async fn hear_asks(self: Arc<Self>) {
        let (into, mut heard) = mpsc::channel::<bytes::Bytes>(WAITING);
        let taking = async {
            let room = Arc::new(Semaphore::new(AT_ONCE));
            while let Some(bytes) = heard.recv().await {
                let Ok(permit) = room.clone().acquire_owned().await else {
                    return;
                };
                let me = self.clone();
                tokio::spawn(async move {
                    me.asked(&bytes).await;
                    drop(permit);
                });
            }
        };
        self.until_pinned().await;
        tokio::join!(self.road.hear(Way::Ask, into), taking);
    }

    async fn asked(self: &Arc<Self>, bytes: &[u8]) {
        let Some(signed) = SignedWord::read(bytes) else {
            return self.metrics.exchange.forged();
        };
        let Some(pinned) = self.pinned(&signed.word.from) else {
            return self.a_stranger(signed).await;
        };
        let Some(word) = signed.by(&pinned, &self.domain) else {
            return self.metrics.exchange.forged();
        };
        let from = word.from;
        match word.about {
            About::WhichKey(ext) => {
                if ext.get(BEGUN).is_some() {
                    self.has_begun(&from);
                }
                let key = self.sealing_now();
                self.say(&from, Way::Answer, About::Key(Box::new(key))).await;
            }
            About::Ask(asked) => {
                let to = asked.request.digest();
                let entered = self.guests().enter(&from, INSIDE);
                let about = if entered {
                    let about = self.host(&from, asked).await;
                    self.guests().leave(&from);
                    about
                } else {
                    About::Later(NotNow { to, after: BUSY_MS })
                };
                self.metrics.exchange.asked(&about);
                self.say(&from, Way::Answer, about).await;
            }
            // Answers come by the other way.
            _ => self.metrics.exchange.forged(),
        }
    }

    /// Somebody who is not pinned here is told so: his operator sees whom to call. Nothing is
    /// opened for him, and nothing that he says is believed.
    async fn a_stranger(&self, signed: SignedWord) {
        self.metrics.exchange.stranger();
        if let About::Ask(asked) = &signed.word.about
            && signed.word.to == self.domain
        {
            let refused = NotTaken {
                to: asked.request.digest(),
                code: ErrorCode::NotPinnedThere,
            };
            let from: &Domain = &signed.word.from;
            self.say(from, Way::Answer, About::Refused(refused)).await;
        }
    }

    /// Carries it out.
    async fn host(self: &Arc<Self>, from: &Domain, asked: Asked) -> About {
        let (support, request) = (asked.support, asked.request);
        let (to, taken) = (request.digest(), seconds());
        let done = match self.open(&request) {
            // Asked again and again: there is no end of it to be noted.
            Ok(ask) if matches!(ask.wish, Wish::Follow(_)) => return self.follow(from, to, ask).await,
            Ok(ask) => self.carried_out(to, ask, asked.support).await,
            Err(error) => {
                let code = error.code();
                self.metrics.refused(code);
                Ok((About::Refused(NotTaken { to, code }), Outcome::Refused(code)))
            }
        };
        let (about, outcome) = done.unwrap_or_else(|(after, outcome)| {
            let later = NotNow { to, after };
            (About::Later(later), outcome)
        });
        let ended = Record::Ended(Trace {
            support,
            taken,
            answered: seconds(),
            outcome,
        });
        if !self.traces.record(vec![ended]) {
            self.metrics.traces_dropped();
        }
        about
    }

    fn open(&self, request: &Forwarded) -> Result<Ask, ForwardError> {
        let sealing = self.sealing.read().unwrap_or_else(PoisonError::into_inner);
        let key = sealing.named(&request.key).ok_or(ForwardError::WrongKey)?;
        Ask::open(request, &self.domain, key, self.now())
    }

    /// Its answer, or after how many milliseconds it is to come again.
    async fn carried_out(
        &self,
        to: Digest,
        ask: Ask,
        support: telesphor_wire::text::SupportCode,
    ) -> Result<(About, Outcome), (u64, Outcome)> {
        let command = match ask.wish {
            Wish::Command(command) => command,
            // A follow goes another way; looked at once, it is a reading.
            Wish::Read(read) | Wish::Follow(read) => {
                let read = self
                    .engine
                    .read_forwarded(*read, ask.reply.clone(), ask.not_after);
                let answer = match read.await {
                    Ok(page) => Answer::Page(Box::new(page)),
                    Err(refusal) => Answer::Refused(refusal),
                };
                return self.sealed(to, &ask.reply, answer);
            }
            Wish::File(read) => {
                let answer = self.file(*read, &ask.reply, ask.not_after).await;
                return self.sealed(to, &ask.reply, answer);
            }
        };
        if self.room.is_short() && !makes_room(&command) {
            return Err((TROUBLE_MS, Outcome::Refused(ErrorCode::DiskFull)));
        }
        let answer = self.engine.carry_out(support, *command).await;
        self.sealed(to, &ask.reply, answer)
    }

    /// An answer under its seal, unless it is one that only says to come again.
    pub(super) fn sealed(
        &self,
        to: Digest,
        reply: &SealingPublic,
        answer: Answer,
    ) -> Result<(About, Outcome), (u64, Outcome)> {
        let outcome = outcome(&answer);
        match &answer {
            Answer::Busy(after) | Answer::NotYetDurable(after) => return Err((*after, outcome)),
            // Of this relay's own, and passing: whoever asked repeats it, as on a session.
            Answer::Refused(refusal) if refusal.code.code() / 1000 == 5 => return Err((TROUBLE_MS, outcome)),
            _ => {}
        }
        let told = Told {
            answer,
            ext: Extensions::none(),
        };
        match told.seal_for(to, reply) {
            Ok(reply) => Ok((About::Answer(reply), outcome)),
            Err(error) => {
                let refused = NotTaken {
                    to,
                    code: error.code(),
                };
                Ok((About::Refused(refused), outcome))
            }
        }
    }

    fn sealing_now(&self) -> SignedSealingKey {
        let sealing = self.sealing.read().unwrap_or_else(PoisonError::into_inner);
        sealing.statement.clone()
    }

    fn guests(&self) -> std::sync::MutexGuard<'_, telesphor_rules::exchange::Guests<Domain>> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
