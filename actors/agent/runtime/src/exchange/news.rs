//! What became of a request: the other domain's answer, or that it came back.

use telesphor_vault::Table;
use telesphor_wire::answer::{Answer, Refusal};
use telesphor_wire::canonical;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::forward::outbox::News;

use super::look;
use super::record::{Away, FarWish};
use crate::core::records::{Entry, Refused, Via};
use crate::core::{Ctx, names};
use crate::error::{Error, Result};
use crate::sync::answers::Done;

/// A receipt that cannot be proved yet is asked for again after so long, milliseconds.
pub(super) const UNPROVED_MS: u64 = 30_000;

impl Ctx<'_, '_> {
    /// Home says what became of a request. What is not waited for any more changes nothing.
    pub(crate) fn request_became(&mut self, payload: &[u8]) -> Result<()> {
        let news: News = canonical::decode(payload).map_err(|_| Error::of(ErrorCode::Malformed))?;
        let Some(seq) = self.asked_by(&news.of())? else {
            return Ok(());
        };
        let (Some(away), Some(entry)) = (self.away(seq)?, self.entry(seq)?) else {
            return Ok(());
        };
        match news {
            // Their key was replaced while this lay on its way, or by another one out of turn.
            News::Undelivered(back) if back.code == ErrorCode::NotSealedForThem => {
                self.doubt_exchange()?;
                self.seal_anew(seq, &away, entry, 0)
            }
            News::Undelivered(back) => self.came_back(seq, &away, entry, &Refusal::of(back.code)),
            News::Answered(reply) => match reply.open(&away.request, &away.reply) {
                Ok(told) => match (told.answer, &away.say.wish) {
                    (Answer::Piece(piece), FarWish::File(_)) => self.piece_came(seq, piece.0),
                    (answer, _) => self.other_answered(seq, &away, entry, answer),
                },
                // Not by whoever opened the request: no answer at all.
                Err(error) => self.came_back(seq, &away, entry, &Refusal::of(error.code())),
            },
        }
    }

    pub(super) fn came_back(&mut self, seq: u64, away: &Away, entry: Entry, refusal: &Refusal) -> Result<()> {
        if let FarWish::Follow(mailbox) = &away.say.wish {
            return self.not_followed(seq, away, entry, mailbox, refusal);
        }
        self.give_up(seq, &Refused::by(refusal, Some(away.support)))
    }

    fn other_answered(&mut self, seq: u64, away: &Away, entry: Entry, answer: Answer) -> Result<()> {
        match answer {
            Answer::Durable(receipt) => {
                let (relays, quorum) = self.attesting(&away.say.domain)?;
                if receipt.verify(&relays, quorum).is_err() {
                    return self.unproved(seq, away, entry);
                }
                self.back(seq)?;
                self.settle(seq, Done::Durable(*receipt))
            }
            Answer::Page(page) => match &away.say.wish {
                FarWish::Look(mailbox) => {
                    if self.looked(mailbox, &page)? {
                        return self.close_entry(seq);
                    }
                    self.seal_anew(seq, away, entry, look::AGAIN_MS)
                }
                FarWish::Follow(mailbox) => self.followed(seq, away, entry, mailbox, &page),
                FarWish::Command(_) | FarWish::File(_) => {
                    self.came_back(seq, away, entry, &Refusal::of(ErrorCode::Malformed))
                }
            },
            Answer::Taken(taken) => self.package_came(seq, away, entry, *taken),
            Answer::Ledger(told) => self.ledger_answered(seq, away, entry, *told),
            Answer::Refused(refusal) if self.refused_for_its_state(seq, &entry, refusal.code)? => Ok(()),
            Answer::Refused(refusal) => self.came_back(seq, away, entry, &refusal),
            _ => self.came_back(seq, away, entry, &Refusal::of(ErrorCode::Malformed)),
        }
    }

    /// Perhaps attested by a relay that has come since home heard of them.
    pub(super) fn unproved(&mut self, seq: u64, away: &Away, entry: Entry) -> Result<()> {
        self.doubt_exchange()?;
        self.seal_anew(seq, away, entry, UNPROVED_MS)
    }

    /// The same wish in another seal, not before so many milliseconds have passed.
    pub(super) fn seal_anew(&mut self, seq: u64, away: &Away, mut entry: Entry, after: u64) -> Result<()> {
        self.unasked(away)?;
        entry.command = None;
        entry.via = Via::Signed(true);
        self.tx
            .put_at(Table::Outbox, names::OUTBOX, seq, &canonical::encode(&entry))?;
        self.fx.outbox.push((seq, entry));
        if after > 0 {
            self.fx.later.push((seq, after));
        }
        Ok(())
    }
}
