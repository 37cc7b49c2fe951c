//! A team's mailbox at a real relay: opened by its owner, entered by anybody who has the epoch's key.

use std::sync::Arc;

use telesphor_agent::link::{Credential, Pin, Push, Session};
use telesphor_sealing::EpochKeys;
use telesphor_wire::answer::Answer;
use telesphor_wire::command::{
    Command, Deposit, DepositKeys, FirstAccess, Open, OwnerAct, OwnerCommand, SignedOwnerCommand,
};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{CommandId, MailboxId};
use telesphor_wire::mailbox::{EventKind, Genesis, MailboxKind, Policy, next_key};
use telesphor_wire::sign::{PublicKey, SigningKey};
use tokio::sync::mpsc;

use crate::error::{Result, odd};
use crate::population::Ground;

const HOUR_MS: u64 = 3_600_000;
/// More than any scenario pushes.
const CREDIT: u32 = 1 << 31;

/// The relay, as its clients know it.
#[derive(Clone)]
pub(crate) struct Relayed {
    pub(crate) pin: Pin,
    pub(crate) relays: Arc<Vec<PublicKey>>,
}

impl Relayed {
    pub(crate) fn of(ground: &Ground) -> Result<Self> {
        Ok(Self {
            pin: ground.pin()?,
            relays: Arc::new(ground.relays()),
        })
    }

    pub(crate) async fn session(&self) -> Result<(Session, mpsc::Receiver<Push>)> {
        Ok(Session::open(&self.pin, &self.relays).await?)
    }
}

/// Opens a shared mailbox in the epoch of these keys.
pub(crate) async fn open(
    session: &Session,
    ground: &Ground,
    mailbox: MailboxId,
    owner: &SigningKey,
    (keys, policy): (&EpochKeys, Policy),
) -> Result<()> {
    let now = session.facts().clock;
    let genesis = Genesis {
        mailbox,
        domain: ground.domain(),
        kind: MailboxKind::Shared,
        owner: owner.public(),
        next_owner: next_key(&SigningKey::generate().public()),
        min_suite: 1,
        policy,
        ext: Extensions::none(),
    };
    let access = FirstAccess {
        epoch: keys.epoch(),
        key: keys.access_public(),
        lease: now + 24 * HOUR_MS,
        ceiling: now + 48 * HOUR_MS,
    };
    let open = Open {
        genesis,
        voucher: ground.voucher(mailbox, now),
        access: Some(access),
        deposit_keys: DepositKeys::default(),
    };
    let command = OwnerCommand {
        mailbox,
        branch: 0,
        counter: 0,
        act: OwnerAct::Open(Box::new(open)),
        command_id: CommandId::random(),
        not_after: now + HOUR_MS,
        ext: Extensions::none(),
    };
    let signature = owner.sign(&command);
    let command = Command::Owner(Box::new(SignedOwnerCommand { command, signature }));
    durable(session, 0, command).await
}

/// A member's right in the epoch of these keys, under a pseudonym of its own; gives the handle and
/// the last event.
pub(crate) async fn enter(session: &Session, mailbox: MailboxId, keys: &EpochKeys) -> Result<(u32, u64)> {
    let pseudonym = SigningKey::generate();
    let credential = Credential::member(mailbox, keys.branch(), keys.epoch(), keys.access(), pseudonym);
    let standing = session.prove(credential).await?;
    Ok((standing.handle, standing.head.map_or(0, |head| head.seq)))
}

/// The same, and follows from the last event on.
pub(crate) async fn follow(session: &Session, mailbox: MailboxId, keys: &EpochKeys) -> Result<u32> {
    let (handle, head) = enter(session, mailbox, keys).await?;
    session.follow(handle, head, CREDIT).await?;
    Ok(handle)
}

pub(crate) fn deposit(mailbox: MailboxId, sealed: &telesphor_sealing::SealedEvent, now: u64) -> Command {
    Command::Deposit(Deposit {
        mailbox,
        branch: sealed.branch,
        epoch: sealed.epoch,
        kind: EventKind::MESSAGE,
        command_id: CommandId::random(),
        not_after: now + HOUR_MS,
        payload: sealed.payload.clone(),
        ext: Extensions::none(),
        signature: None,
    })
}

/// Sends a command until it is durable.
pub(crate) async fn durable(session: &Session, handle: u32, command: Command) -> Result<()> {
    match answer(session, handle, command).await? {
        None => Ok(()),
        Some(code) => Err(odd(format!("refused: {code}"))),
    }
}

/// Sends a command; why it was refused, if it was.
pub(crate) async fn answer(session: &Session, handle: u32, command: Command) -> Result<Option<ErrorCode>> {
    loop {
        match session.call(handle, command.clone()).await?.answer {
            Answer::Durable(_) => return Ok(None),
            Answer::Busy(ms) => tokio::time::sleep(std::time::Duration::from_millis(ms)).await,
            Answer::Refused(refusal) => return Ok(Some(refusal.code)),
            other => return Err(odd(format!("answered with kind {}", other.kind()))),
        }
    }
}
