//! For drills: everything that a device could do at its relay, kept aside and tried later, when
//! the device should have lost the right to all of it.

use telesphor_clinical::self_entry::MailboxUse;
use telesphor_sealing::access::epoch_keys;
use telesphor_vault::{Records, Table};
use telesphor_wire::answer::Answer;
use telesphor_wire::canonical;
use telesphor_wire::command::{
    Command, Deposit, EraseRange, OwnerAct, OwnerCommand, RotateOwner, SignedOwnerCommand,
};
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{CommandId, MailboxId};
use telesphor_wire::limits::DEFAULT_CREDIT_BYTES;
use telesphor_wire::mailbox::{EventKind, MailboxKind, next_key};
use telesphor_wire::sign::{PublicKey, SigningKey};

use super::agent::Agent;
use crate::core::records::{Held, MailboxState};
use crate::core::shared::clock;
use crate::error::Result;
use crate::group::rows::Rows;
use crate::link::{Credential, LinkError, Pin, Push, Session};
use crate::recovery::backup::BACKUP_USE;

/// How long a push is waited for before a right counts as one that stands.
const SILENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// A device's rights at its relay, as they were. For drills only: it has no other use.
pub struct Stolen {
    pins: Vec<Pin>,
    relays: Vec<PublicKey>,
    doors: Vec<Door>,
}

impl std::fmt::Debug for Stolen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stolen({} mailboxes)", self.doors.len())
    }
}

/// One mailbox and the keys to it.
struct Door {
    mailbox: MailboxId,
    used: MailboxUse,
    kind: MailboxKind,
    branch: u32,
    epoch: u64,
    read: u64,
    counter: u64,
    owner: Vec<SigningKey>,
    member: Option<Credential>,
}

/// One thing that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// What, in words.
    pub what: String,
    /// Whether the relay refused it.
    pub refused: bool,
}

impl Agent {
    /// Keeps this device's rights aside, as a thief of the open vault would.
    ///
    /// # Errors
    /// Faults of the vault.
    pub async fn drill_keys(&self) -> Result<Stolen> {
        self.shared
            .work(|core| {
                let snapshot = core.read()?;
                let mut doors = Vec::new();
                for (_, bytes) in snapshot.scan(Table::Mailboxes)? {
                    let Ok(held) = canonical::decode::<Held>(&bytes) else {
                        continue;
                    };
                    let left_out = held.used == BACKUP_USE || held.used == MailboxUse::OneTime;
                    if held.state != MailboxState::Open || left_out {
                        continue;
                    }
                    let keys = epoch_keys(&Rows(&snapshot), held.id, held.branch, held.epoch)?;
                    let cursor: Option<telesphor_wire::mailbox::Cursor> =
                        snapshot.get_value(Table::Cursors, &held.id.0)?;
                    let owner = held.owner.as_ref();
                    doors.push(Door {
                        mailbox: held.id,
                        used: held.used,
                        kind: held.kind,
                        branch: held.branch,
                        epoch: held.epoch,
                        read: cursor.map_or(0, |c| c.seq),
                        counter: owner.map_or(0, |o| o.counter),
                        owner: owner
                            .map_or_else(Vec::new, |o| vec![o.key(), SigningKey::from_seed(&o.next_seed)]),
                        member: keys.map(|k| {
                            let pseudonym = k.pseudonym().clone();
                            Credential::member(held.id, held.branch, held.epoch, k.access(), pseudonym)
                        }),
                    });
                }
                Ok(Stolen {
                    pins: core.profile.pins(),
                    relays: core.profile.relays(),
                    doors,
                })
            })
            .await
    }
}

impl Stolen {
    /// Tries to read, write, erase and own every mailbox with the kept keys. What lies before
    /// the device's end it may still fetch as ciphertext, and it had the keys to that; what came
    /// after must be refused.
    ///
    /// # Errors
    /// Faults of the connection.
    pub async fn try_everything(&self) -> Result<Vec<Tried>> {
        let mut tried = Vec::new();
        for door in &self.doors {
            let words = door.used.word();
            for key in &door.owner {
                tried.push(Tried {
                    what: format!("{words}: reading as its owner"),
                    refused: self.no_owner(door, key).await?,
                });
                for (word, act) in acts(key) {
                    tried.push(Tried {
                        what: format!("{words}: {word}"),
                        refused: self.no_act(door, key, act).await?,
                    });
                }
            }
            if let Some(member) = &door.member {
                tried.push(Tried {
                    what: format!("{words}: writing as a member"),
                    refused: self.no_write(door, member).await?,
                });
                tried.push(Tried {
                    what: format!("{words}: reading what came after"),
                    refused: self.no_news(door, member).await?,
                });
            }
        }
        Ok(tried)
    }

    async fn session(&self) -> Result<(Session, tokio::sync::mpsc::Receiver<Push>)> {
        let mut last = LinkError::lost();
        for pin in &self.pins {
            match Session::open(pin, &self.relays).await {
                Ok(open) => return Ok(open),
                Err(error) => last = error,
            }
        }
        Err(last.into())
    }

    async fn no_owner(&self, door: &Door, key: &SigningKey) -> Result<bool> {
        let (session, _pushes) = self.session().await?;
        match session.prove(Credential::owner(door.mailbox, key.clone())).await {
            Ok(_) => Ok(false),
            Err(LinkError::Refused(_)) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    async fn no_act(&self, door: &Door, key: &SigningKey, act: OwnerAct) -> Result<bool> {
        let (session, _pushes) = self.session().await?;
        let command = OwnerCommand {
            mailbox: door.mailbox,
            branch: door.branch,
            counter: door.counter + 1,
            act,
            command_id: CommandId::random(),
            not_after: clock() + 60_000,
            ext: Extensions::none(),
        };
        let signature = key.sign(&command);
        let command = Command::Owner(Box::new(SignedOwnerCommand { command, signature }));
        // A wrong number would mean that the key was taken for the owner's.
        Ok(refused_with(
            session.call(0, command).await?.answer,
            &[ErrorCode::Refused, ErrorCode::NotOwner],
        ))
    }

    async fn no_write(&self, door: &Door, member: &Credential) -> Result<bool> {
        let (session, _pushes) = self.session().await?;
        let standing = match session.prove(member.clone()).await {
            Ok(standing) => standing,
            Err(LinkError::Refused(_)) => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        let deposit = Deposit {
            mailbox: door.mailbox,
            branch: door.branch,
            epoch: door.epoch,
            kind: EventKind::MESSAGE,
            command_id: CommandId::random(),
            not_after: clock() + 60_000,
            payload: vec![0; 512].into(),
            ext: Extensions::none(),
            signature: None,
        };
        let answer = session
            .call(standing.handle, Command::Deposit(deposit))
            .await?
            .answer;
        Ok(matches!(answer, Answer::Refused(_)))
    }

    /// Follows from where the device had read until the relay ends it; nothing but the commit
    /// that put the device out, and what was ordered before it, may come.
    async fn no_news(&self, door: &Door, member: &Credential) -> Result<bool> {
        let (session, mut pushes) = self.session().await?;
        let standing = match session.prove(member.clone()).await {
            Ok(standing) => standing,
            Err(LinkError::Refused(_)) => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        session
            .follow(standing.handle, door.read, DEFAULT_CREDIT_BYTES)
            .await?;
        loop {
            // A right that stands is served for ever: silence is no refusal.
            let Ok(push) = tokio::time::timeout(SILENCE, pushes.recv()).await else {
                return Ok(false);
            };
            match push {
                Some(Push::Ended(..)) => return Ok(true),
                Some(Push::Events(events)) => {
                    let later = |h: &telesphor_wire::mailbox::Event| {
                        (h.header.branch, h.header.epoch) > (door.branch, door.epoch)
                            && h.header.kind == EventKind::MESSAGE
                    };
                    if events.events.iter().any(later) || door.kind == MailboxKind::Personal {
                        return Ok(false);
                    }
                }
                None => return Err(LinkError::lost().into()),
            }
        }
    }
}

fn acts(key: &SigningKey) -> Vec<(&'static str, OwnerAct)> {
    let rotate = RotateOwner {
        reveal: key.public(),
        next: next_key(&SigningKey::generate().public()),
    };
    vec![
        ("erasing", OwnerAct::Erase(EraseRange { from: 1, to: 1 })),
        ("closing", OwnerAct::Close(Extensions::none())),
        ("taking it over", OwnerAct::RotateOwner(rotate)),
    ]
}

fn refused_with(answer: Answer, codes: &[ErrorCode]) -> bool {
    matches!(answer, Answer::Refused(refusal) if codes.contains(&refusal.code))
}
