//! For drills: what the keys in this vault are worth at the relay, whatever its program honours.

use telesphor_sealing::access::epoch_keys;
use telesphor_vault::{Records, Table};
use telesphor_wire::answer::Answer;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::command::{Command, Deposit};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{CommandId, MailboxId};
use telesphor_wire::limits::DEFAULT_CREDIT_BYTES;
use telesphor_wire::mailbox::{Event, EventKind};
use telesphor_wire::sign::SigningKey;
use tokio::sync::mpsc;

use super::agent::Agent;
use crate::core::records::{Held, MemberVia, Via};
use crate::core::shared::clock;
use crate::error::{Error, Result};
use crate::group::rows::Rows;
use crate::link::{Credential, LinkError, Push, Session};

/// The bare right of this endpoint on one shared mailbox, proved on a connection of its own: all
/// that a program could do that honours no end.
#[derive(Debug)]
pub struct Door {
    via: MemberVia,
    handle: u32,
    /// Where the mailbox stood when the right was proved.
    head: u64,
    session: Session,
    pushes: mpsc::Receiver<Push>,
}

/// Events of one page.
const PAGE_EVENTS: u32 = 512;

/// By which right a door is opened.
#[derive(Clone, Copy)]
enum Way {
    Member,
    Owner,
    Unannounced,
}

impl Agent {
    /// Proves the right to read a shared mailbox, with the newest keys that this vault holds.
    ///
    /// # Errors
    /// The relay's refusal; [`ErrorCode::NotFound`] without keys.
    pub async fn door(&self, mailbox: MailboxId) -> Result<Door> {
        self.open_door(mailbox, Way::Member).await
    }

    /// The same by the right of the mailbox's owner, which reads all of it.
    ///
    /// # Errors
    /// The relay's refusal; [`ErrorCode::NotFound`] if it is not one's own.
    pub async fn owner_door(&self, mailbox: MailboxId) -> Result<Door> {
        self.open_door(mailbox, Way::Owner).await
    }

    /// The same under a pseudonym that is announced to nobody: what a program does that has got
    /// hold of the room's key and does not want to be named.
    ///
    /// # Errors
    /// As [`Agent::door`].
    pub async fn unannounced_door(&self, mailbox: MailboxId) -> Result<Door> {
        self.open_door(mailbox, Way::Unannounced).await
    }

    async fn open_door(&self, mailbox: MailboxId, way: Way) -> Result<Door> {
        let (pins, relays, credential, via) = self
            .shared
            .work(move |core| {
                let held: Option<Held> = core.read()?.get_value(Table::Mailboxes, &mailbox.0)?;
                let held = held.ok_or(Error::of(ErrorCode::NotFound))?;
                let via = MemberVia {
                    mailbox,
                    branch: held.branch,
                    epoch: held.epoch,
                };
                let credential = match way {
                    Way::Member => core.credential(mailbox, &Via::Member(via))?,
                    Way::Owner => core.credential(mailbox, &Via::Owner(mailbox))?,
                    Way::Unannounced => {
                        let keys = epoch_keys(&Rows(&core.read()?), mailbox, via.branch, via.epoch)?;
                        let other = SigningKey::generate();
                        keys.map(|k| Credential::member(mailbox, via.branch, via.epoch, k.access(), other))
                    }
                };
                let credential = credential.ok_or(Error::of(ErrorCode::NotFound))?;
                Ok((core.profile.pins(), core.profile.relays(), credential, via))
            })
            .await?;
        let pin = pins.first().ok_or(Error::of(ErrorCode::Unreachable))?;
        let (session, pushes) = Session::open(pin, &relays).await?;
        let standing = session.prove(credential).await?;
        Ok(Door {
            via,
            handle: standing.handle,
            head: standing.head.map_or(0, |head| head.seq),
            session,
            pushes,
        })
    }
}

impl Door {
    /// Follows the mailbox from a position on and gives the first events that come.
    ///
    /// # Errors
    /// The relay's refusal.
    pub async fn read(&mut self, after: u64) -> Result<Vec<Event>> {
        self.session
            .follow(self.handle, after, DEFAULT_CREDIT_BYTES)
            .await?;
        self.pushed().await
    }

    /// Everything after a position, page by page, however much it is. For a door through which
    /// nothing is followed.
    ///
    /// # Errors
    /// The relay's refusal.
    pub async fn all(&mut self, after: u64) -> Result<Vec<Event>> {
        let (mut all, mut after) = (Vec::new(), after);
        while after < self.head {
            self.session.fetch(self.handle, after, PAGE_EVENTS).await?;
            let page = self.pushed().await?;
            let Some(last) = page.last() else { break };
            after = last.header.seq;
            all.extend(page);
        }
        Ok(all)
    }

    /// The next events that are pushed.
    ///
    /// # Errors
    /// Why the relay stopped pushing.
    pub async fn pushed(&mut self) -> Result<Vec<Event>> {
        match self.pushes.recv().await {
            Some(Push::Events(events)) => Ok(events.events),
            Some(Push::Ended(_, refusal)) => Err(refusal.code.into()),
            None => Err(LinkError::lost().into()),
        }
    }

    /// Puts bytes that nobody can open into the mailbox.
    ///
    /// # Errors
    /// The relay's refusal.
    pub async fn deposit(&self) -> Result<()> {
        let deposit = Deposit {
            mailbox: self.via.mailbox,
            branch: self.via.branch,
            epoch: self.via.epoch,
            kind: EventKind::MESSAGE,
            command_id: CommandId::random(),
            not_after: clock() + 60_000,
            payload: Bytes(vec![0; 512]),
            ext: Extensions::none(),
            signature: None,
        };
        let command = Command::Deposit(deposit);
        match self.session.call(self.handle, command).await?.answer {
            Answer::Refused(refusal) => Err(refusal.code.into()),
            _ => Ok(()),
        }
    }
}
