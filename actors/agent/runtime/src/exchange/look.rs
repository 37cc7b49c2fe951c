//! Reading over there: an invitation's offer, once.

use telesphor_clinical::self_entry::{MailboxUse, SelfEntry};
use telesphor_vault::{Records, Table};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::forward::read::{ForwardClaim, Read};
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{MailboxId, Nonce};
use telesphor_wire::mailbox::Cursor;
use telesphor_wire::seal::SealingPublic;
use telesphor_wire::session::{Page, PageRequest, Right, SessionProof};
use telesphor_wire::sign::SigningKey;
use telesphor_wire::text::Domain;

use super::record::{FarSay, FarWish, unread_name};
use crate::core::Ctx;
use crate::core::records::{Acquaintance, AnswerJob, Job, Known, MailboxState, Refused};
use crate::error::{Error, Result};
use crate::link::Credential;
use crate::sync::events::is_local;

/// Between two looks for an offer that is not there yet, milliseconds.
pub(super) const AGAIN_MS: u64 = 5_000;
/// Events of one look.
const EVENTS: u32 = 4;

impl Ctx<'_, '_> {
    /// Looks for an invitation's offer at another hospital.
    pub(crate) fn look_elsewhere(&mut self, domain: &Domain, mailbox: &MailboxId) -> Result<()> {
        self.tx.delete(Table::Invitations, &unread_name(mailbox))?;
        let say = FarSay {
            domain: domain.clone(),
            mailbox: *mailbox,
            wish: FarWish::Look(*mailbox),
        };
        self.wish(say, Job::Nothing(true), None)?;
        Ok(())
    }

    /// A reading of what stands behind the place that was read, proved for this one request.
    pub(super) fn reading(
        &self,
        mailbox: &MailboxId,
        domain: &Domain,
        reply: &SealingPublic,
        not_after: u64,
    ) -> Result<Read> {
        let invited = self.invited(mailbox)?.ok_or(Error::of(ErrorCode::NotFound))?;
        // A name of its own for each: what is asked twice cannot be told to come from one asker.
        let pseudonym = SigningKey::from_seed(&Secret::random());
        let by = Credential::member(*mailbox, 0, 0, &invited.link.deposit_key(), pseudonym);
        let claim = ForwardClaim {
            domain: domain.clone(),
            reply: reply.clone(),
            not_after,
            agent_nonce: Nonce::random(),
            mailbox: *mailbox,
            right: Right::Read,
            branch: 0,
            epoch: 0,
            ext: Extensions::none(),
        };
        Ok(Read {
            page: PageRequest {
                mailbox: *mailbox,
                after: self.cursor(mailbox)?.seq,
                max_events: EVENTS,
            },
            agent_nonce: claim.agent_nonce,
            proof: SessionProof {
                certificate: by.certificate,
                ..claim.prove(&by.key)
            },
            ext: Extensions::none(),
        })
    }

    /// What was found there; whether that is all that was looked for.
    pub(super) fn looked(&mut self, mailbox: &MailboxId, page: &Page) -> Result<bool> {
        let held = self.held(mailbox)?;
        if held.used != MailboxUse::OneTime || held.state != MailboxState::Open {
            return Ok(true);
        }
        for event in &page.events {
            match self.take_event(mailbox, event) {
                Err(error) if is_local(error.code) => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        let said = self.invited(mailbox)?.is_none_or(|invited| invited.said);
        Ok(said || held.lease <= self.now)
    }

    /// It cannot be looked at: whoever waits for the invitation is told why.
    pub(crate) fn not_looked(&mut self, mailbox: &MailboxId, refused: Refused) -> Result<()> {
        self.put(Table::Invitations, &unread_name(mailbox), &refused)
    }

    /// The answer was not brought there: the invitation can be taken once more, and whoever took it
    /// is told why.
    pub(crate) fn answer_unsent(&mut self, job: &AnswerJob, refused: Refused) -> Result<()> {
        if let Some(known) = self.get::<Known>(Table::Contacts, &job.inviter.0)?
            && known.state == Acquaintance::Answering
        {
            self.tx.delete(Table::Contacts, &job.inviter.0)?;
            self.tell_siblings(SelfEntry::ContactRemoved(job.inviter))?;
        }
        if let Some(mut invited) = self.invited(&job.mailbox)? {
            invited.said = false;
            self.put_invited(&invited)?;
        }
        let start = Cursor {
            seq: 0,
            hash: Digest([0; 32]),
        };
        self.put_cursor(&job.mailbox, &start)?;
        self.not_looked(&job.mailbox, refused)
    }

    /// Whether a taken invitation's offer could not be had.
    pub(crate) fn is_unread(&self, mailbox: &MailboxId) -> Result<bool> {
        Ok(self.tx.contains(Table::Invitations, &unread_name(mailbox))?)
    }
}
