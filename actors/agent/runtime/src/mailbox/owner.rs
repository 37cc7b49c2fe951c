//! Owner commands: numbered, signed, and numbered again if somebody was first.

use telesphor_wire::command::{Command, OwnerAct, OwnerCommand, SignedOwnerCommand};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{CommandId, MailboxId};
use telesphor_wire::sign::PublicKey;

use super::open::padded;
use crate::core::Ctx;
use crate::core::records::{Job, OwnerSay};
use crate::error::{Error, Result};

/// How long a command stays valid, milliseconds: six days, so that a clock that is hours wrong
/// still stays under the protocol's seven.
pub(crate) const COMMAND_LIFE_MS: u64 = 6 * 24 * 3600 * 1000;

impl Ctx<'_, '_> {
    /// Signs an act under the next number.
    pub(crate) fn sign_act(&mut self, say: &OwnerSay) -> Result<Command> {
        let mut held = self.held(&say.mailbox)?;
        let owner = held.owner.as_mut().ok_or(Error::of(ErrorCode::NotOwner))?;
        let opening = matches!(say.act, OwnerAct::Open(_));
        if !opening {
            owner.counter += 1;
        }
        let command = OwnerCommand {
            mailbox: say.mailbox,
            branch: if opening { 0 } else { held.branch },
            counter: if opening { 0 } else { owner.counter },
            act: say.act.clone(),
            command_id: CommandId::random(),
            not_after: self.now + COMMAND_LIFE_MS,
            ext: Extensions::none(),
        };
        let signature = owner.key().sign(&command);
        self.put_held(&held)?;
        Ok(Command::Owner(Box::new(SignedOwnerCommand {
            command,
            signature,
        })))
    }

    /// Lets one more key deposit into a personal mailbox; gives the outbox entry.
    pub(crate) fn allow_deposits(&mut self, mailbox: &MailboxId, key: PublicKey) -> Result<u64> {
        let mut held = self.held(mailbox)?;
        if !held.deposit_keys.contains(&key) {
            held.deposit_keys.push(key);
        }
        self.put_held(&held)?;
        let act = OwnerAct::SetDepositKeys(padded(held.deposit_keys));
        self.enqueue_act(*mailbox, act, Job::Nothing(true), None)
    }

    /// Takes a deposit key back.
    pub(crate) fn end_deposits(&mut self, mailbox: &MailboxId, key: &PublicKey) -> Result<u64> {
        let mut held = self.held(mailbox)?;
        held.deposit_keys.retain(|k| k != key);
        self.put_held(&held)?;
        let act = OwnerAct::SetDepositKeys(padded(held.deposit_keys));
        self.enqueue_act(*mailbox, act, Job::Nothing(true), None)
    }
}
