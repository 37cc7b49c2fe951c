//! Somebody who asks the relay for everything, with every key that he has or ever had: past the
//! program that would not.

use std::collections::{BTreeMap, BTreeSet};

use telesphor_agent::link::{Credential, LinkError, Pin, Push, Session};
use telesphor_wire::answer::Answer;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::command::{Command, Deposit};
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{CommandId, MailboxId};
use telesphor_wire::mailbox::{Event, EventKind};
use telesphor_wire::session::Right;
use telesphor_wire::sign::PublicKey;
use tokio::sync::mpsc;

use crate::support::ward::now;

const PAGE: u32 = 512;

/// A key by what it is good for; the pseudonym's own name sets apart what was made anew.
pub type KeyName = (MailboxId, u16, u32, u64, PublicKey);

pub struct Fetcher {
    session: Session,
    pushes: mpsc::Receiver<Push>,
    pub keys: BTreeMap<KeyName, Credential>,
    shown: bool,
}

impl Fetcher {
    pub async fn open(pin: &Pin, relays: &[PublicKey]) -> Self {
        let (session, pushes) = Session::open(pin, relays).await.unwrap();
        Self {
            session,
            pushes,
            keys: BTreeMap::new(),
            shown: false,
        }
    }

    /// Keeps whatever a vault can prove, for good.
    pub fn harvest(&mut self, credentials: Vec<Credential>) {
        for key in credentials {
            let right = match key.right {
                Right::Read => 1,
                Right::Owner => 3,
                _ => 2,
            };
            let name = (key.mailbox, right, key.branch, key.epoch, key.key.public());
            self.keys.entry(name).or_insert(key);
        }
    }

    /// Proves a right of one's own, once: the relay ends connections that never prove any.
    pub async fn show_oneself(&mut self) {
        if !std::mem::replace(&mut self.shown, true) {
            let own = self.keys.values().filter(|k| k.right == Right::Owner);
            let own: Vec<Credential> = own.cloned().collect();
            for key in own {
                self.fetch(&key, 1).await;
            }
        }
    }

    pub fn has_epoch(&self, mailbox: &MailboxId, branch: u32, epoch: u64) -> bool {
        self.keys_to(mailbox)
            .any(|k| k.right == Right::Read && (k.branch, k.epoch) == (branch, epoch))
    }

    pub fn keys_to(&self, mailbox: &MailboxId) -> impl Iterator<Item = &Credential> {
        let all = self.keys.values().filter(move |k| k.mailbox == *mailbox);
        all.collect::<Vec<_>>().into_iter()
    }

    /// Everything that one key is served.
    pub async fn fetch(&mut self, key: &Credential, most: u32) -> Vec<Event> {
        let standing = match self.session.prove(key.clone()).await {
            Ok(standing) => standing,
            Err(LinkError::Refused(_)) => return Vec::new(),
            Err(error) => panic!("the connection: {error}"),
        };
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            self.session
                .fetch(standing.handle, after, most.min(PAGE))
                .await
                .unwrap();
            match self.pushes.recv().await.unwrap() {
                Push::Events(page) if !page.events.is_empty() => {
                    after = page.events.last().unwrap().header.seq;
                    all.extend(page.events);
                    if u32::try_from(all.len()).unwrap() >= most {
                        break;
                    }
                }
                _ => break,
            }
        }
        self.session.forget(standing.handle).await.unwrap();
        all
    }

    /// Positions in a mailbox whose ciphertext any of the keys to it is served.
    pub async fn everything(&mut self, mailbox: &MailboxId) -> BTreeSet<u64> {
        let keys: Vec<Credential> = self.keys_to(mailbox).cloned().collect();
        let mut served = BTreeSet::new();
        for key in keys {
            let events = self.fetch(&key, u32::MAX).await;
            served.extend(
                events
                    .iter()
                    .filter(|e| e.payload.is_some())
                    .map(|e| e.header.seq),
            );
        }
        served
    }

    /// Whether any key to a mailbox is served anything at all.
    pub async fn anything(&mut self, mailbox: &MailboxId) -> bool {
        let keys: Vec<Credential> = self.keys_to(mailbox).cloned().collect();
        for key in keys.into_iter().rev() {
            if !self.fetch(&key, 1).await.is_empty() {
                return true;
            }
        }
        false
    }

    /// The same with keys to other mailboxes: of each right the newest.
    pub async fn with_foreign_keys(&mut self, mailbox: &MailboxId) -> bool {
        let mut newest: BTreeMap<u16, Credential> = BTreeMap::new();
        let foreign = self.keys.iter().filter(|(name, _)| name.0 != *mailbox);
        newest.extend(foreign.map(|(name, key)| (name.1, key.clone())));
        for key in newest.into_values() {
            let (mailbox, branch, epoch) = (*mailbox, key.branch, key.epoch);
            let tried = Credential {
                mailbox,
                branch,
                epoch,
                ..key
            };
            if !self.fetch(&tried, 1).await.is_empty() {
                return true;
            }
        }
        false
    }

    /// Puts bytes that nobody can open into a mailbox, with the newest member's key; gives their
    /// position.
    pub async fn mark(&mut self, mailbox: &MailboxId) -> Option<u64> {
        let members = self.keys_to(mailbox).filter(|k| k.right == Right::Read);
        let key = members.max_by_key(|k| (k.branch, k.epoch))?.clone();
        let standing = self.session.prove(key.clone()).await.ok()?;
        let deposit = Deposit {
            mailbox: *mailbox,
            branch: key.branch,
            epoch: key.epoch,
            kind: EventKind::MESSAGE,
            command_id: CommandId::random(),
            not_after: now() + 60_000,
            payload: Bytes(vec![0; 512]),
            ext: Extensions::none(),
            signature: None,
        };
        let answer = self
            .session
            .call(standing.handle, Command::Deposit(deposit))
            .await
            .unwrap()
            .answer;
        self.session.forget(standing.handle).await.unwrap();
        match answer {
            Answer::Durable(receipt) => Some(receipt.leaf.seq),
            _ => None,
        }
    }
}
