//! The taker's side of an invitation: fetch the offer, answer once, and know whether it counted.

use telesphor_clinical::invite::{InviteAccept, InviteLink, SignedInviteAccept};
use telesphor_clinical::self_entry::{MailboxUse, SelfEntry};
use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::mailbox::{Cursor, MailboxKind};
use telesphor_wire::receipt::Receipt;
use telesphor_wire::text::SupportCode;

use super::invite::Invited;
use super::packages::STOCK;
use crate::core::Ctx;
use crate::core::records::{Acquaintance, AnswerJob, Held, Job, Known, MailboxState, Refused};
use crate::error::{Error, Result};

impl Ctx<'_, '_> {
    /// Begins to take an invitation: the one-time mailbox is followed until the offer comes.
    pub(crate) fn accept(&mut self, link: InviteLink, alias: &str) -> Result<()> {
        link.check_time(self.now).map_err(|e| Error::of(e.code()))?;
        if link.inviter == self.me() {
            return Err(ErrorCode::NotFound.into());
        }
        let elsewhere = (link.domain != *self.profile.domain()).then(|| (link.domain.clone(), link.mailbox));
        if self.tx.contains(Table::Invitations, &link.mailbox.0)? {
            return match elsewhere {
                Some((domain, mailbox)) if self.is_unread(&mailbox)? => {
                    self.look_elsewhere(&domain, &mailbox)
                }
                _ => Ok(()),
            };
        }
        let held = Held {
            id: link.mailbox,
            domain: link.domain.clone(),
            kind: MailboxKind::Shared,
            used: MailboxUse::OneTime,
            state: MailboxState::Open,
            owner: None,
            entered: 0,
            genesis: telesphor_wire::hash::Digest([0; 32]),
            owner_key: link.deposit_key().public(),
            branch: 0,
            epoch: 0,
            with: Some(link.inviter),
            deposit_keys: Vec::new(),
            lease: link.expires,
            name: String::new(),
        };
        self.put_cursor(
            &held.id,
            &Cursor {
                seq: 0,
                hash: Digest([0; 32]),
            },
        )?;
        self.put_held(&held)?;
        self.put_invited(&Invited {
            link,
            key: None,
            pseudonym: Secret::random(),
            name: alias.to_owned(),
            given: None,
            usable_after: None,
            taken_by: None,
            late: 0,
            said: false,
        })?;
        elsewhere.map_or(Ok(()), |(domain, mailbox)| self.look_elsewhere(&domain, &mailbox))
    }

    /// The offer is here (or somebody else's answer, if this is not the first event).
    pub(crate) fn offer_came(
        &mut self,
        held: &Held,
        mut invited: Invited,
        payload: &[u8],
        at: &Cursor,
    ) -> Result<()> {
        if invited.said {
            return Ok(());
        }
        let offer = invited
            .link
            .open_offer(payload)
            .map_err(|e| Error::of(e.code()))?;
        let inviter = invited.link.inviter;
        let history = self.learn_history(&inviter, &offer.history)?;
        if history.head() != offer.record.history_head || offer.record.addresses.is_empty() {
            return Err(ErrorCode::BadDocument.into());
        }
        let (given, allowed) = self.new_record()?;
        let usable = self.leave_packages(&given, Some(allowed))?;
        let accept = InviteAccept {
            inviter,
            taker: self.me(),
            domain: invited.link.domain.clone(),
            mailbox: invited.link.mailbox,
            key: invited.link.key,
            expires: invited.link.expires,
            inviter_head: history.head(),
            taker_head: self.my_head()?,
            endpoint: self.keys.endpoint.public(),
            record: given.clone(),
            history: Bytes(self.my_history()?),
            at: self.instant(),
            ext: Extensions::none(),
        };
        let signature = self.keys.endpoint.sign(&accept);
        let payload = invited
            .link
            .seal_answer(&offer.key, &SignedInviteAccept { accept, signature })
            .map_err(|e| Error::of(e.code()))?;
        let job = Job::Answer(AnswerJob {
            mailbox: held.id,
            inviter,
            offer: at.seq,
        });
        self.one_time_deposit(&held.id, payload, job, Some(usable))?;
        if self.is_new(&inviter)? {
            self.add_contact(offer.record, given, &invited.name, Acquaintance::Answering, STOCK)?;
        }
        invited.said = true;
        self.put_invited(&invited)
    }

    /// The answer is durable. It counts if it stands right behind the offer.
    pub(crate) fn answer_durable(&mut self, job: &AnswerJob, receipt: &Receipt) -> Result<()> {
        let first = receipt.leaf.seq == job.offer + 1;
        self.end_one_time(
            job,
            if first {
                Acquaintance::Settled
            } else {
                Acquaintance::TooLate
            },
            None,
        )?;
        match first {
            true => self.greet_as_organisation(&job.inviter),
            false => Ok(()),
        }
    }

    /// The answer was refused: the mailbox is closed or its time is over.
    pub(crate) fn answer_failed(&mut self, job: &AnswerJob, refused: &Refused) -> Result<()> {
        self.end_one_time(job, Acquaintance::TooLate, refused.support)
    }

    fn end_one_time(
        &mut self,
        job: &AnswerJob,
        state: Acquaintance,
        support: Option<SupportCode>,
    ) -> Result<()> {
        if let Some(mut known) = self.get::<Known>(Table::Contacts, &job.inviter.0)? {
            if known.state == Acquaintance::Answering {
                known.state = state;
                known.support = support;
                known.removed = state == Acquaintance::TooLate;
                if known.removed {
                    self.tell_siblings(SelfEntry::ContactRemoved(job.inviter))?;
                }
            }
            self.put(Table::Contacts, &job.inviter.0, &known)?;
        }
        let mut held = self.held(&job.mailbox)?;
        held.state = MailboxState::Ended;
        self.put_held(&held)
    }
}
