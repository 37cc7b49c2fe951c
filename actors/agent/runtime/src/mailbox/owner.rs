//! Owner commands: numbered, signed, and numbered again if somebody was first.

use telesphor_clinical::self_entry::{DepositKeyEntry, SelfEntry};
use telesphor_vault::Table;
use telesphor_wire::canonical;
use telesphor_wire::command::{Command, OwnerAct, OwnerCommand, SignedOwnerCommand};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{CommandId, MailboxId};
use telesphor_wire::sign::PublicKey;

use super::open::padded;
use crate::core::Ctx;
use crate::core::records::{Held, Job, OwnerSay};
use crate::error::{Error, Result};

/// How long a command stays valid, milliseconds: six days, so that a clock that is hours wrong
/// still stays under the protocol's seven.
pub(crate) const COMMAND_LIFE_MS: u64 = 6 * 24 * 3600 * 1000;

impl Ctx<'_, '_> {
    /// Signs an act under the next number.
    pub(crate) fn sign_act(&mut self, say: &OwnerSay) -> Result<Command> {
        let mut held = self.held(&say.mailbox)?;
        let act = match &say.act {
            // Another endpoint may have let somebody deposit since this was put down.
            OwnerAct::SetDepositKeys(_) => OwnerAct::SetDepositKeys(padded(held.deposit_keys.clone())),
            other => other.clone(),
        };
        let owner = held.owner.as_mut().ok_or(Error::of(ErrorCode::NotOwner))?;
        let opening = matches!(say.act, OwnerAct::Open(_));
        if !opening {
            owner.counter += 1;
        }
        let command = OwnerCommand {
            mailbox: say.mailbox,
            branch: if opening { 0 } else { held.branch },
            counter: if opening { 0 } else { owner.counter },
            act,
            command_id: CommandId::random(),
            not_after: self.now + COMMAND_LIFE_MS,
            ext: Extensions::none(),
        };
        let signature = owner.key().sign(&command);
        if matches!(command.act, OwnerAct::SetDepositKeys(_)) && self.keys.siblings {
            self.put(Table::Scratch, &act_name(&command.command_id), &self.now)?;
        }
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
        self.tell_siblings(deposit_entry(*mailbox, key, false))?;
        let act = OwnerAct::SetDepositKeys(padded(held.deposit_keys));
        self.enqueue_act(*mailbox, act, Job::Nothing(true), None)
    }

    /// Takes a deposit key back.
    pub(crate) fn end_deposits(&mut self, mailbox: &MailboxId, key: &PublicKey) -> Result<u64> {
        let mut held = self.held(mailbox)?;
        held.deposit_keys.retain(|k| k != key);
        self.put_held(&held)?;
        self.tell_siblings(deposit_entry(*mailbox, *key, true))?;
        let act = OwnerAct::SetDepositKeys(padded(held.deposit_keys));
        self.enqueue_act(*mailbox, act, Job::Nothing(true), None)
    }
}

/// An act of this endpoint that has not been read back yet.
fn act_name(id: &CommandId) -> Vec<u8> {
    [b"act/", &id.0[..]].concat()
}

impl Ctx<'_, '_> {
    /// The list of depositors was replaced. Two endpoints that each let somebody deposit replace
    /// each other's list: whoever misses one of its own in the other's list sets it right.
    pub(crate) fn depositors_set(&mut self, held: &Held, payload: &[u8]) -> Result<()> {
        if !self.keys.siblings {
            return Ok(());
        }
        let Ok(SignedOwnerCommand { command, .. }) = canonical::decode::<SignedOwnerCommand>(payload) else {
            return Ok(());
        };
        let OwnerAct::SetDepositKeys(list) = &command.act else {
            return Ok(());
        };
        if self.tx.delete(Table::Scratch, &act_name(&command.command_id))? {
            return Ok(());
        }
        if held.deposit_keys.iter().all(|key| list.0.contains(key)) {
            return Ok(());
        }
        let act = OwnerAct::SetDepositKeys(padded(held.deposit_keys.clone()));
        self.enqueue_act(held.id, act, Job::Nothing(true), None)?;
        Ok(())
    }
}

fn deposit_entry(mailbox: MailboxId, key: PublicKey, ended: bool) -> SelfEntry {
    SelfEntry::DepositKey(DepositKeyEntry {
        mailbox,
        contact: None,
        key,
        ended,
    })
}
