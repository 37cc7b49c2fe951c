//! Leaving something in a mailbox by its deposit key alone: of nobody whom its owner knows.

use telesphor_vault::{Records, Table};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::{Command, Deposit};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::{CommandId, MailboxId};
use telesphor_wire::mailbox::EventKind;
use telesphor_wire::sign::SigningKey;
use telesphor_wire::text::Domain;

use crate::core::Ctx;
use crate::core::records::{DepositorVia, Entry, Job, MailboxChoice, Via, What};
use crate::error::{Error, Result};
use crate::exchange::LARGEST_ELSEWHERE;
use crate::exchange::record::{FarSay, FarWish};
use crate::mailbox::owner::COMMAND_LIFE_MS;

/// A mailbox in which whoever has its deposit key may leave something.
pub(crate) struct Letterbox {
    /// Where it lies: here, or at another hospital.
    pub(crate) domain: Domain,
    pub(crate) mailbox: MailboxId,
    /// The deposit key.
    pub(crate) seed: Secret,
}

impl Ctx<'_, '_> {
    /// Queues what was sealed already; gives the outbox entry.
    ///
    /// # Errors
    /// [`ErrorCode::TooLarge`] for another hospital's mailbox, if it cannot be brought there.
    pub(crate) fn leave_at(
        &mut self,
        at: Letterbox,
        payload: Vec<u8>,
        job: Job,
        after: Option<u64>,
    ) -> Result<u64> {
        let Letterbox {
            domain,
            mailbox,
            seed,
        } = at;
        let deposit = Deposit {
            mailbox,
            branch: 0,
            epoch: 0,
            kind: EventKind::MESSAGE,
            command_id: CommandId::random(),
            not_after: self.now + COMMAND_LIFE_MS,
            payload: payload.into(),
            ext: Extensions::none(),
            signature: None,
        };
        if domain != *self.profile.domain() {
            if deposit.payload.len() > LARGEST_ELSEWHERE {
                return Err(Error::of(ErrorCode::TooLarge));
            }
            let wish: FarWish = self.signed_wish(deposit, &SigningKey::from_seed(&seed));
            return self.wish(
                FarSay {
                    domain,
                    mailbox,
                    wish,
                },
                job,
                after,
            );
        }
        self.enqueue_entry(Entry {
            what: What::Ready(MailboxChoice {
                mailbox: Some(mailbox),
            }),
            command: Some(Bytes(canonical::encode(&Command::Deposit(deposit)))),
            via: Via::Depositor(DepositorVia { mailbox, seed }),
            job,
            after,
            queued: self.now,
        })
    }

    /// Keeps what could not be brought to another hospital, until somebody says that it is to go again.
    pub(crate) fn keep_unbrought(&mut self, entry: &Entry) -> Result<()> {
        let What::Elsewhere(FarSay {
            mailbox,
            wish: FarWish::Command(command),
            ..
        }) = &entry.what
        else {
            return Ok(());
        };
        if let Ok(Command::Deposit(deposit)) = canonical::decode::<Command>(command) {
            // No more of it than has lain in the outbox.
            let list = unbrought_name(&entry.job);
            self.push(Table::Outbox, &list, &(*mailbox, deposit.payload))?;
        }
        Ok(())
    }

    /// Leaves once more what could not be brought, as it was sealed then: whoever gets it twice knows it. Gives how
    /// many there were.
    pub(crate) fn leave_again(
        &mut self,
        job: Job,
        letterbox: impl Fn(&Self, &MailboxId) -> Result<Option<Letterbox>>,
    ) -> Result<usize> {
        let list = unbrought_name(&job);
        let mut left = 0;
        for (position, bytes) in self.tx.range(Table::Outbox, &list, 0, usize::MAX)? {
            let kept = canonical::decode::<(MailboxId, Bytes)>(&bytes);
            let (mailbox, payload) = kept.map_err(|_| Error::fault("unbrought"))?;
            self.tx.delete_at(Table::Outbox, &list, position)?;
            if let Some(at) = letterbox(self, &mailbox)? {
                self.leave_at(at, payload.0, job.clone(), None)?;
                left += 1;
            }
        }
        Ok(left)
    }
}

fn unbrought_name(job: &Job) -> Vec<u8> {
    [&b"unbrought/"[..], &canonical::encode(job)].concat()
}
