//! What a client needs before it can send: admission, vouchers, a mailbox of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use telesphor_agent::link::{self, LinkError, Pin, Session};
use telesphor_wire::answer::Answer;
use telesphor_wire::command::{
    Command, DepositKeys, Enrol, Open, OwnerAct, OwnerCommand, SignedOwnerCommand, SignedVoucher,
};
use telesphor_wire::domain::{AdmissionLink, SignedDomainRecord};
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{CommandId, MailboxId, PartitionId, Voucher};
use telesphor_wire::limits::DEPOSIT_KEY_PADDING;
use telesphor_wire::mailbox::{Cursor, Genesis, MailboxKind, Policy, next_key};
use telesphor_wire::sign::{PublicKey, SigningKey};

/// MLS hybrid suite, as a mailbox states it; the relay only keeps it.
const SUITE: u16 = 0x004e;
/// How long a command of this load stays valid, milliseconds.
pub const VALID_MS: u64 = 3_600_000;
/// One relay of several is waited for so long.
const CONNECT: std::time::Duration = std::time::Duration::from_millis(1_500);

/// A domain that took us in.
pub struct Tenant {
    /// The relay.
    pub pin: Pin,
    /// Partitions of the domain.
    pub partitions: u16,
    /// Its signed record, the newest that was seen.
    record: RwLock<Arc<SignedDomainRecord>>,
    vouchers: Vec<SignedVoucher>,
    turn: AtomicUsize,
}

/// A mailbox with the keys that own it and write to it.
#[derive(Clone)]
pub struct Mailbox {
    /// Its id.
    pub id: MailboxId,
    /// The owner's key.
    pub owner: SigningKey,
    /// The key that may deposit.
    pub deposit: SigningKey,
    /// Where its chain begins.
    pub genesis: Cursor,
}

/// Why a client could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TenantError {
    /// The connection.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The relay's answer was not the one hoped for.
    #[error("unexpected answer while setting up: {0:?}")]
    Answer(Box<Answer>),
    /// More mailboxes than vouchers.
    #[error("no voucher left")]
    NoVoucher,
}

impl Tenant {
    /// Spends an admission link for `mailboxes` vouchers.
    ///
    /// # Errors
    /// [`TenantError`].
    pub async fn enrol(admission: &AdmissionLink, mailboxes: usize) -> Result<Self, TenantError> {
        let pin = Pin::of_link(admission);
        let record = link::domain::fetch(&pin).await?;
        let (session, _pushes) = Session::open(&pin, &relays(&record)).await?;
        let facts = session.facts().clone();
        let enrol = Enrol {
            token: admission.token,
            vouchers: (0..mailboxes).map(|_| Voucher::random()).collect(),
            command_id: CommandId::random(),
            not_after: facts.clock + VALID_MS,
            ext: Extensions::none(),
        };
        match session.call(0, Command::Enrol(enrol)).await?.answer {
            Answer::Enrolled(vouchers) => Ok(Self {
                pin,
                record: RwLock::new(Arc::new(record)),
                partitions: facts.partitions,
                vouchers,
                turn: AtomicUsize::new(0),
            }),
            other => Err(TenantError::Answer(Box::new(other))),
        }
    }

    /// The domain's signed record, as it was seen last.
    pub fn record(&self) -> Arc<SignedDomainRecord> {
        self.record.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The attesting keys of the domain's relays.
    pub fn relays(&self) -> Vec<PublicKey> {
        relays(&self.record())
    }

    /// How many of them a receipt needs.
    pub fn quorum(&self) -> usize {
        self.record().record.quorum()
    }

    /// Looks whether the domain has a newer record, at the first relay that says one.
    pub async fn look(&self) {
        for pin in self.pins() {
            let fetch = link::domain::fetch(&pin);
            let Ok(Ok(found)) = tokio::time::timeout(CONNECT, fetch).await else {
                continue;
            };
            let mut known = self.record.write().unwrap_or_else(PoisonError::into_inner);
            if found.record.sequence > known.record.sequence {
                *known = Arc::new(found);
            }
        }
    }

    /// A session with a relay: with the first that answers, beginning with another one each time.
    ///
    /// # Errors
    /// [`LinkError`] of the last one that was tried.
    pub async fn session(&self) -> Result<(Session, tokio::sync::mpsc::Receiver<link::Push>), LinkError> {
        let relays = self.record().record.relays.len();
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut answer = self.session_with(first).await;
        for next in 1..relays {
            if answer.is_ok() {
                break;
            }
            answer = self.session_with(first + next).await;
        }
        answer
    }

    /// A session with one relay, by its place in the domain's record.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn session_with(
        &self,
        at: usize,
    ) -> Result<(Session, tokio::sync::mpsc::Receiver<link::Push>), LinkError> {
        let (pin, relays) = (self.pin_of(at), self.relays());
        let open = Session::open(&pin, &relays);
        if relays.len() < 2 {
            return open.await;
        }
        // There are others; whoever stands still is not waited for.
        tokio::time::timeout(CONNECT, open)
            .await
            .unwrap_or(Err(LinkError::lost()))
    }

    /// All relays of the domain, as pinned.
    pub fn pins(&self) -> Vec<Pin> {
        (0..self.record().record.relays.len().max(1))
            .map(|at| self.pin_of(at))
            .collect()
    }

    fn pin_of(&self, at: usize) -> Pin {
        let record = &self.record().record;
        match record.relays.get(at % record.relays.len().max(1)) {
            Some(entry) if record.relays.len() > 1 => Pin::of_entry(record, entry),
            _ => self.pin.clone(),
        }
    }

    /// Opens a personal mailbox.
    ///
    /// # Errors
    /// [`TenantError`].
    pub async fn open(&mut self, session: &Session) -> Result<Mailbox, TenantError> {
        self.open_for(session, SigningKey::generate().public()).await
    }

    /// Opens a personal mailbox into which somebody else may put events, too: an outbox for other
    /// domains, if that is the key of home's exchange.
    ///
    /// # Errors
    /// [`TenantError`].
    pub async fn open_for(&mut self, session: &Session, other: PublicKey) -> Result<Mailbox, TenantError> {
        let voucher = self.vouchers.pop().ok_or(TenantError::NoVoucher)?;
        let id = mailbox_beside(&voucher.statement.voucher, self.partitions);
        let (owner, next, deposit) = (
            SigningKey::generate(),
            SigningKey::generate(),
            SigningKey::generate(),
        );
        let genesis = Genesis {
            mailbox: id,
            domain: self.pin.domain.clone(),
            kind: MailboxKind::Personal,
            owner: owner.public(),
            next_owner: next_key(&next.public()),
            min_suite: SUITE,
            policy: Policy::standard(),
            ext: Extensions::none(),
        };
        let mut keys = vec![deposit.public(), other];
        keys.resize_with(DEPOSIT_KEY_PADDING, || SigningKey::generate().public());
        keys.sort_unstable();
        let start = Cursor {
            seq: 0,
            hash: genesis.link(),
        };
        let open = Open {
            genesis,
            voucher,
            access: None,
            deposit_keys: DepositKeys(keys),
        };
        let command = OwnerCommand {
            mailbox: id,
            branch: 0,
            counter: 0,
            act: OwnerAct::Open(Box::new(open)),
            command_id: CommandId::random(),
            not_after: session.facts().clock + VALID_MS,
            ext: Extensions::none(),
        };
        let signature = owner.sign(&command);
        let command = Command::Owner(Box::new(SignedOwnerCommand { command, signature }));
        match session.call(0, command).await?.answer {
            Answer::Durable(receipt) if receipt.verify(&self.relays(), 1).is_ok() => Ok(Mailbox {
                id,
                owner,
                deposit,
                genesis: start,
            }),
            other => Err(TenantError::Answer(Box::new(other))),
        }
    }
}

fn relays(record: &SignedDomainRecord) -> Vec<PublicKey> {
    record.record.relays.iter().map(|r| r.relay).collect()
}

/// A random mailbox id in the voucher's partition.
fn mailbox_beside(voucher: &Voucher, partitions: u16) -> MailboxId {
    let wanted = PartitionId::of(&MailboxId(voucher.0), partitions);
    loop {
        let id = MailboxId::random();
        if PartitionId::of(&id, partitions) == wanted {
            return id;
        }
    }
}
