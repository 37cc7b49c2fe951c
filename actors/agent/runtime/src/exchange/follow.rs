//! Following a shared mailbox over there: one request for what comes next is always under way.
//!
//! ```text
//! asked from the cursor -> held over there -> a page, or an empty one at its end
//!           ^                                  taken in like what is pushed from home
//!           +-------- asked anew <-------------+
//! ```
//!
//! Its entry in the outbox stays as long as the mailbox is open, and nobody waits for it.

use telesphor_clinical::self_entry::MailboxUse;
use telesphor_sealing::epoch_keys;
use telesphor_vault::{Records, Table};
use telesphor_wire::answer::Refusal;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::forward::read::{ForwardClaim, Read};
use telesphor_wire::ids::{MailboxId, Nonce};
use telesphor_wire::mailbox::MailboxKind;
use telesphor_wire::seal::SealingPublic;
use telesphor_wire::session::{Page, PageRequest, Right, SessionProof};

use super::record::{Away, FarSay, FarWish, follow_name};
use crate::core::Ctx;
use crate::core::records::{Entry, Held, Job, MailboxState};
use crate::error::{Error, Result};
use crate::group::listen::Pace;
use crate::group::rows::Rows;
use crate::link::Credential;
use crate::sync::events::is_local;

/// A follow is held over there for so long, milliseconds: then it is asked for anew.
pub(super) const HELD_MS: u64 = 30 * 60_000;
/// Events of one page.
const EVENTS: u32 = 256;
/// What was not brought there, or cannot be taken in, is asked for again after so long, milliseconds.
const LATER_MS: u64 = 60_000;
/// What is refused for good, as far as anybody knows: an owner may still lead it back.
const REFUSED_MS: u64 = 15 * 60_000;

impl Ctx<'_, '_> {
    /// Whether a mailbox is one that is followed at another domain. An invitation's is only looked at.
    pub(crate) fn is_followed_elsewhere(&self, held: &Held) -> bool {
        held.domain != *self.profile.domain()
            && held.kind == MailboxKind::Shared
            && held.used != MailboxUse::OneTime
    }

    /// A mailbox has changed: if it is one over there, it is followed as long as it is open.
    pub(crate) fn tend_follow(&mut self, held: &Held) -> Result<()> {
        if !self.is_followed_elsewhere(held) {
            return Ok(());
        }
        let under_way: Option<u64> = self.get(Table::Outbox, &follow_name(&held.id))?;
        let under_way = match under_way {
            Some(seq) => self.entry(seq)?.map(|_| seq),
            None => None,
        };
        match (held.state, under_way) {
            (MailboxState::Open, None) => self.follow_elsewhere(held, 0),
            (MailboxState::Ended, Some(seq)) => {
                self.tx.delete(Table::Outbox, &follow_name(&held.id))?;
                self.close_entry(seq)
            }
            _ => Ok(()),
        }
    }

    fn follow_elsewhere(&mut self, held: &Held, pause: u64) -> Result<()> {
        let say = FarSay {
            domain: held.domain.clone(),
            mailbox: held.id,
            wish: FarWish::Follow(held.id),
        };
        let seq = self.wish(say, Job::Nothing(true), None)?;
        if pause > 0 {
            self.fx.later.push((seq, pause));
        }
        self.put(Table::Outbox, &follow_name(&held.id), &seq)
    }

    /// A follow from where the mailbox was read to.
    pub(super) fn following(
        &self,
        mailbox: &MailboxId,
        reply: &SealingPublic,
        not_after: u64,
    ) -> Result<Read> {
        let (agent_nonce, proof) = self.member_proof(mailbox, reply, not_after)?;
        Ok(Read {
            page: PageRequest {
                mailbox: *mailbox,
                after: self.cursor(mailbox)?.seq,
                max_events: EVENTS,
            },
            agent_nonce,
            proof,
            ext: Extensions::none(),
        })
    }

    /// The right to read a mailbox over there, proved for one request by the key of its present epoch.
    pub(super) fn member_proof(
        &self,
        mailbox: &MailboxId,
        reply: &SealingPublic,
        not_after: u64,
    ) -> Result<(Nonce, SessionProof)> {
        let held = self.held(mailbox)?;
        let keys = epoch_keys(&Rows(self.tx), held.id, held.branch, held.epoch)?;
        let keys = keys.ok_or(Error::fault("epoch keys"))?;
        let pseudonym = keys.pseudonym().clone();
        let by = Credential::member(held.id, held.branch, held.epoch, keys.access(), pseudonym);
        let claim = ForwardClaim {
            domain: held.domain,
            reply: reply.clone(),
            not_after,
            agent_nonce: Nonce::random(),
            mailbox: held.id,
            right: Right::Read,
            branch: held.branch,
            epoch: held.epoch,
            ext: Extensions::none(),
        };
        let proof = SessionProof {
            certificate: by.certificate,
            ..claim.prove(&by.key)
        };
        Ok((claim.agent_nonce, proof))
    }

    /// What came of a follow; then it is asked for what comes behind it.
    pub(super) fn followed(
        &mut self,
        seq: u64,
        away: &Away,
        entry: Entry,
        mailbox: &MailboxId,
        page: &Page,
    ) -> Result<()> {
        let pause = match self.take_page(mailbox, page) {
            Ok(Pace::On) => 0,
            // What cannot be taken in was noted; what stands before it is.
            Ok(Pace::Stay) => LATER_MS,
            Err(error) if is_local(error.code) => return Err(error),
            // Another history than the one that was read before.
            Err(_) => REFUSED_MS,
        };
        // What came may have ended it.
        match self.entry(seq)? {
            Some(_) => self.seal_anew(seq, away, entry, pause),
            None => Ok(()),
        }
    }

    fn take_page(&mut self, mailbox: &MailboxId, page: &Page) -> Result<Pace> {
        let held = self.held(mailbox)?;
        if held.state != MailboxState::Open {
            return Ok(Pace::On);
        }
        if page.head.seq < self.cursor(mailbox)?.seq {
            // Cut back by a restore, if its end is one that was read here.
            if self.link_at(mailbox, page.head.seq)? != Some(page.head.hash) {
                return Err(ErrorCode::BrokenChain.into());
            }
            self.put_cursor(mailbox, &page.head)?;
        }
        for event in &page.events {
            if self.take_event(mailbox, event)? == Pace::Stay {
                return Ok(Pace::Stay);
            }
        }
        Ok(Pace::On)
    }

    /// A follow was refused over there, or came back.
    pub(super) fn not_followed(
        &mut self,
        seq: u64,
        away: &Away,
        entry: Entry,
        mailbox: &MailboxId,
        refusal: &Refusal,
    ) -> Result<()> {
        let pause = match refusal.code {
            ErrorCode::LeaseOver => {
                self.access_over(mailbox, self.now)?;
                return match self.entry(seq)? {
                    Some(_) => self.close_entry(seq),
                    None => Ok(()),
                };
            }
            // It was held to its end.
            ErrorCode::Expired => 0,
            ErrorCode::Refused | ErrorCode::Closed => REFUSED_MS,
            _ => LATER_MS,
        };
        self.seal_anew(seq, away, entry, pause)
    }

    /// It could not be sealed: home does not know that hospital now, and may again.
    pub(crate) fn follow_unsealed(&mut self, mailbox: &MailboxId) -> Result<()> {
        match self.get::<Held>(Table::Mailboxes, &mailbox.0)? {
            Some(held) if held.state == MailboxState::Open => self.follow_elsewhere(&held, LATER_MS),
            _ => Ok(()),
        }
    }

    /// Whether a follow is under way for every mailbox over there: one that was begun by an earlier
    /// version has none.
    pub(crate) fn tend_follows(&mut self) -> Result<()> {
        for (_, bytes) in self.tx.scan(Table::Mailboxes)? {
            if let Ok(held) = telesphor_wire::canonical::decode::<Held>(&bytes) {
                self.tend_follow(&held)?;
            }
        }
        Ok(())
    }
}
