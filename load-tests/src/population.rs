//! Filling a relay's store offline with many mailboxes, through the store's own applier: the
//! very path that a running relay takes, only without a network in front.

use std::path::Path;
use std::sync::Arc;

use telesphor_agent::link::Pin;
use telesphor_chaos::tenant::Mailbox;
use telesphor_rules::facts::DomainFacts;
use telesphor_store::{Applied, Applier, Ordered, Outcome, Store, StoreConfig};
use telesphor_wire::batch::{Batch, SessionWord, Submission};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::command::{
    Command, Deposit, DepositKeys, Open, OwnerAct, OwnerCommand, SignedOwnerCommand, SignedVoucher,
    VoucherStatement,
};
use telesphor_wire::domain::SignedDomainRecord;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Secret;
use telesphor_wire::ids::{CommandId, MailboxId, PartitionId, Voucher};
use telesphor_wire::mailbox::{Cursor, EventKind, Genesis, MailboxKind, Policy, next_key};
use telesphor_wire::session::Right;
use telesphor_wire::sign::{PublicKey, SigningKey};
use telesphor_wire::text::{self, Domain};

use crate::append::PAYLOAD;
use crate::error::{Result, odd};

/// Partitions of a relay made by `init`.
const PARTITIONS: u16 = 4;
/// Class of a patient's mailbox.
const CLASS: u16 = 1;
/// Commands applied with one sync while filling.
const GROUP: usize = 4096;
const DAY_MS: u64 = 24 * 3_600_000;

/// An initialised data directory, opened from outside the relay.
pub(crate) struct Ground {
    record: SignedDomainRecord,
    admission: SigningKey,
    owner: SigningKey,
    next: PublicKey,
    deposit: SigningKey,
    keys: DepositKeys,
}

impl Ground {
    /// Reads the record and the admission key that `init` wrote.
    pub(crate) fn read(data: &Path) -> Result<Self> {
        let record: SignedDomainRecord =
            canonical::decode(&std::fs::read(data.join("domain.record"))?).map_err(odd)?;
        let line = std::fs::read_to_string(data.join("keys/admission.key"))?;
        let seed: [u8; 32] = text::decode("tskadmit", "admission key", &line)
            .map_err(odd)?
            .try_into()
            .map_err(|_| odd("not an admission key"))?;
        let deposit = SigningKey::generate();
        let mut keys = vec![deposit.public()];
        keys.resize_with(8, || SigningKey::generate().public());
        keys.sort_unstable();
        Ok(Self {
            record,
            admission: SigningKey::from_seed(&Secret::new(seed)),
            owner: SigningKey::generate(),
            next: SigningKey::generate().public(),
            deposit,
            keys: DepositKeys(keys),
        })
    }

    /// The relay as its clients pin it.
    pub(crate) fn pin(&self) -> Result<Pin> {
        let entry = self
            .record
            .record
            .relays
            .first()
            .ok_or_else(|| odd("a domain without relays"))?;
        Ok(Pin::of_entry(&self.record.record, entry))
    }

    /// Its attesting keys.
    pub(crate) fn relays(&self) -> Vec<PublicKey> {
        self.record.record.relays.iter().map(|r| r.relay).collect()
    }

    /// Opens the store. The relay must not be running.
    pub(crate) fn open(&self, data: &Path) -> Result<Store> {
        let facts = DomainFacts {
            domain: self.record.record.domain.clone(),
            admission: self.admission.public(),
            partitions: PARTITIONS,
        };
        Ok(Store::open(&data.join("store"), StoreConfig::new(facts))?)
    }

    /// The mailbox of a number, as a depositor knows it.
    pub(crate) fn mailbox(&self, number: usize) -> Mailbox {
        let id = id(number);
        Mailbox {
            id,
            owner: self.owner.clone(),
            deposit: self.deposit.clone(),
            genesis: Cursor {
                seq: 0,
                hash: self.genesis(id).link(),
            },
        }
    }

    fn genesis(&self, mailbox: MailboxId) -> Genesis {
        Genesis {
            mailbox,
            domain: self.record.record.domain.clone(),
            kind: MailboxKind::Personal,
            owner: self.owner.public(),
            next_owner: next_key(&self.next),
            min_suite: 0x004e,
            policy: Policy::standard(),
            ext: Extensions::none(),
        }
    }

    /// The domain.
    pub(crate) fn domain(&self) -> Domain {
        self.record.record.domain.clone()
    }

    /// A permission to open this mailbox, as the relay signs them.
    pub(crate) fn voucher(&self, mailbox: MailboxId, now: u64) -> SignedVoucher {
        // In the mailbox's partition, and another for each.
        let mut voucher = Voucher(mailbox.0);
        voucher.0[31] ^= 0xff;
        let statement = VoucherStatement {
            domain: self.record.record.domain.clone(),
            voucher,
            class: CLASS,
            until: now + DAY_MS,
            ext: Extensions::none(),
        };
        SignedVoucher {
            signature: self.admission.sign(&statement),
            statement,
        }
    }

    fn opening(&self, number: usize, now: u64) -> Submission {
        let mailbox = id(number);
        let open = Open {
            genesis: self.genesis(mailbox),
            voucher: self.voucher(mailbox, now),
            access: None,
            deposit_keys: self.keys.clone(),
        };
        let command = OwnerCommand {
            mailbox,
            branch: 0,
            counter: 0,
            act: OwnerAct::Open(Box::new(open)),
            command_id: CommandId(mailbox.0),
            not_after: now + DAY_MS,
            ext: Extensions::none(),
        };
        let signature = self.owner.sign(&command);
        Submission {
            word: None,
            command: Command::Owner(Box::new(SignedOwnerCommand { command, signature })),
        }
    }

    /// A deposit into the mailbox of a number, on the word of a session.
    pub(crate) fn deposit(&self, number: usize, count: u64, now: u64) -> Submission {
        let mailbox = id(number);
        let mut command_id = CommandId(mailbox.0);
        command_id.0[..8].copy_from_slice(&count.to_be_bytes());
        let mut payload = vec![count as u8; PAYLOAD];
        payload[..8].copy_from_slice(&count.to_be_bytes());
        let key = self.deposit.public();
        let deposit = Deposit {
            mailbox,
            branch: 0,
            epoch: 0,
            kind: EventKind::MESSAGE,
            command_id,
            not_after: now + DAY_MS,
            payload: Bytes(payload),
            ext: Extensions::none(),
            signature: None,
        };
        let word = SessionWord {
            mailbox,
            right: Right::Deposit,
            branch: 0,
            epoch: 0,
            key,
        };
        Submission {
            word: Some(word),
            command: Command::Deposit(deposit),
        }
    }

    /// Opens mailboxes number 0 to `count`. Signing runs beside applying.
    pub(crate) fn fill(&self, data: &Path, count: usize, now: u64) -> Result<()> {
        let store = self.open(data)?;
        let mut writer = Writer::new(store)?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            let lanes: Vec<_> = (0..threads)
                .map(|lane| {
                    let (send, receive) = std::sync::mpsc::sync_channel::<Vec<Submission>>(2);
                    scope.spawn(move || {
                        let groups = count.div_ceil(GROUP);
                        for group in (lane..groups).step_by(threads) {
                            let end = ((group + 1) * GROUP).min(count);
                            let made = (group * GROUP..end).map(|n| self.opening(n, now)).collect();
                            if send.send(made).is_err() {
                                return;
                            }
                        }
                    });
                    receive
                })
                .collect();
            for group in 0..count.div_ceil(GROUP) {
                let made = lanes[group % threads].recv().map_err(odd)?;
                writer.apply(Writer::sort(made), now)?;
            }
            Ok(())
        })
    }
}

/// Ids are hashes of their number: spread like random ones, and found again.
fn id(number: usize) -> MailboxId {
    MailboxId(*blake3::hash(&(number as u64).to_be_bytes()).as_bytes())
}

/// The applier with its place in each partition.
pub(crate) struct Writer {
    applier: Applier,
    positions: Vec<u64>,
}

impl Writer {
    /// Goes on where the store stands.
    pub(crate) fn new(store: Store) -> Result<Self> {
        let reader = store.reader();
        let positions = (0..PARTITIONS)
            .map(|p| Ok(reader.partition(PartitionId(p))?.position))
            .collect::<Result<Vec<u64>>>()?;
        Ok(Self {
            applier: store.into_applier(),
            positions,
        })
    }

    /// By partition, in order.
    pub(crate) fn sort(submissions: Vec<Submission>) -> Vec<Vec<Submission>> {
        let mut sorted = vec![Vec::new(); usize::from(PARTITIONS)];
        for submission in submissions {
            let mailbox = submission.command.mailbox().unwrap_or(MailboxId([0; 32]));
            sorted[usize::from(PartitionId::of(&mailbox, PARTITIONS).0)].push(submission);
        }
        sorted
    }

    /// Applies one group with one sync; every command must be accepted.
    pub(crate) fn apply(&mut self, sorted: Vec<Vec<Submission>>, now: u64) -> Result<()> {
        let mut group = Vec::with_capacity(sorted.len());
        for (partition, submissions) in sorted.into_iter().enumerate().filter(|(_, s)| !s.is_empty()) {
            self.positions[partition] += 1;
            let batch = Batch {
                stamp: now,
                submissions,
                ext: Extensions::none(),
            };
            group.push(Ordered {
                partition: PartitionId(partition as u16),
                position: self.positions[partition],
                batch: Arc::new(batch),
                hashed: Vec::new(),
            });
        }
        let applied: Vec<Applied> = self.applier.apply(&group)?;
        match applied
            .iter()
            .flat_map(|a| &a.outcomes)
            .find(|o| !matches!(o, Outcome::Accepted(_)))
        {
            Some(Outcome::Refused(refusal)) => Err(odd(format!("{} while filling", refusal.code))),
            Some(_) => Err(odd("a command was repeated while filling")),
            None => Ok(()),
        }
    }
}
