//! Leaving something in a mailbox by its deposit key alone: of nobody whom its owner knows.

use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::{Command, Deposit};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::{CommandId, MailboxId};
use telesphor_wire::mailbox::EventKind;

use crate::core::Ctx;
use crate::core::records::{DepositorVia, Entry, Job, MailboxChoice, Via, What};
use crate::error::Result;
use crate::mailbox::owner::COMMAND_LIFE_MS;

impl Ctx<'_, '_> {
    /// Queues what was sealed already; gives the outbox entry.
    pub(crate) fn leave_at(
        &mut self,
        (mailbox, seed): (MailboxId, Secret),
        payload: Vec<u8>,
        job: Job,
        after: Option<u64>,
    ) -> Result<u64> {
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
}
