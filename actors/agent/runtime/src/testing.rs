//! Agents without a network, for tests of what comes in which order: real vaults, keys, groups
//! and receipts, and an order that the test decides. What needs no such order is tested with the
//! real relay.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use telesphor_clinical::contact::ContactRecord;
use telesphor_clinical::message::GroupMessage;
use telesphor_clinical::self_entry::MailboxUse;
use telesphor_vault::{PassphraseCost, Records, Table, Vault, VaultPaths};
use telesphor_wire::answer::Taken;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::command::{Command, OwnerAct, PublishKeyPackages, SignedVoucher, VoucherStatement};
use telesphor_wire::domain::{DomainRecord, RelayEntry, SignedDomainRecord};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{CommandId, IdentityId, Incarnation, MailboxId, PartitionId, Voucher};
use telesphor_wire::mailbox::{Cursor, Event, EventHeader, EventKind, link, payload_hash};
use telesphor_wire::receipt::{Attest, BatchHead, BatchLeaf, BatchTree, Receipt};
use telesphor_wire::seal::SealingKey;
use telesphor_wire::session::Events;
use telesphor_wire::sign::SigningKey;

use crate::api::create::{NewProfile, first_records, fresh_identity};
use crate::contacts::packages::STOCK;
use crate::core::records::{Acquaintance, Entry, PackageJob, What};
use crate::core::shared::clock;
use crate::core::{Core, names};
use crate::link::Pin;

/// A domain on paper: it signs vouchers and receipts, and writes logs.
pub(crate) struct Paper {
    folder: tempfile::TempDir,
    domain: SigningKey,
    admission: SigningKey,
    relay: SigningKey,
    record: DomainRecord,
    logs: HashMap<MailboxId, (Cursor, Vec<Event>)>,
    /// Receipts by command: the same bytes get the old one.
    given: HashMap<CommandId, Receipt>,
    /// Where a log stood before an event.
    before_last: HashMap<(MailboxId, u64), Cursor>,
    pub(crate) clock: Arc<AtomicU64>,
}

impl Paper {
    pub(crate) fn new() -> Self {
        let (domain, admission, relay) = (
            SigningKey::generate(),
            SigningKey::generate(),
            SigningKey::generate(),
        );
        let record = DomainRecord {
            domain: "hospital-a.example".parse().unwrap(),
            key: domain.public(),
            admission: admission.public(),
            relays: vec![RelayEntry {
                relay: relay.public(),
                tls_key: Digest([7; 32]),
                address: "127.0.0.1:1".into(),
            }],
            sealing: SealingKey::generate().public(),
            sequence: 1,
            issued: clock(),
            ext: Extensions::none(),
        };
        Self {
            folder: tempfile::tempdir().unwrap(),
            domain,
            admission,
            relay,
            record,
            logs: HashMap::new(),
            given: HashMap::new(),
            before_last: HashMap::new(),
            clock: Arc::new(AtomicU64::new(clock())),
        }
    }

    /// Somebody with open mailboxes.
    pub(crate) fn person(&mut self, name: &str) -> Core {
        let folder = self.folder.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        let new = NewProfile {
            cost: PassphraseCost::least(),
            ..NewProfile::person(name)
        };
        let pin = Pin::of_entry(&self.record, &self.record.relays[0]);
        let fresh = fresh_identity(&new, &pin, &"of the identity key".to_owned().into()).unwrap();
        let vault = Vault::create(&VaultPaths::in_folder(&folder), "secret", new.cost).unwrap();
        let home = SignedDomainRecord {
            record: self.record.clone(),
            signature: self.domain.sign(&self.record),
        };
        first_records(&vault, &fresh, &new, home).unwrap();
        let mut core = Core::load(vault).unwrap();
        let clock = self.clock.clone();
        core.clock = Arc::new(move || clock.load(Ordering::SeqCst));
        core.index.connected = true;
        let vouchers = (0..8).map(|_| self.voucher()).collect();
        core.write(|ctx| ctx.enrolled(vouchers)).unwrap();
        self.carry(&mut core);
        core
    }

    fn voucher(&self) -> SignedVoucher {
        let statement = VoucherStatement {
            domain: self.record.domain.clone(),
            voucher: Voucher::random(),
            class: 1,
            until: u64::MAX,
            ext: Extensions::none(),
        };
        let signature = self.admission.sign(&statement);
        SignedVoucher { statement, signature }
    }

    /// Orders one payload; gives the receipt.
    pub(crate) fn order(&mut self, mailbox: MailboxId, event: (EventKind, u64), payload: &[u8]) -> Receipt {
        let stamp = self.clock.load(Ordering::SeqCst);
        let start = Cursor {
            seq: 0,
            hash: Digest([0; 32]),
        };
        let (head, events) = self.logs.entry(mailbox).or_insert((start, Vec::new()));
        let header = EventHeader {
            seq: head.seq + 1,
            kind: event.0,
            branch: 0,
            epoch: event.1,
            stamp,
            size: u32::try_from(payload.len()).unwrap(),
            ext: Extensions::none(),
        };
        let payload_hash = payload_hash(payload);
        self.before_last.insert((mailbox, header.seq), *head);
        *head = Cursor {
            seq: header.seq,
            hash: link(&head.hash, &header, &payload_hash),
        };
        events.push(Event {
            header,
            payload_hash,
            payload: Some(Bytes(payload.to_vec())),
        });
        let leaf = BatchLeaf {
            mailbox,
            seq: head.seq,
            hash: head.hash,
        };
        self.receipt(leaf, stamp)
    }

    pub(crate) fn receipt(&self, leaf: BatchLeaf, stamp: u64) -> Receipt {
        let tree = BatchTree::new(vec![leaf.digest()]);
        let head = BatchHead {
            previous: Digest([0; 32]),
            root: tree.root(),
            incarnation: Incarnation([1; 32]),
            partition: PartitionId(0),
            position: 1,
            stamp,
            ext: Extensions::none(),
        };
        let mut receipt = Receipt {
            leaf,
            index: 0,
            count: 1,
            path: Vec::new(),
            head,
            attests: Vec::new(),
        };
        receipt.attests = vec![Attest {
            relay: self.relay.public(),
            ext: Extensions::none(),
            signature: self.relay.sign(&receipt.statement()),
        }];
        receipt
    }

    /// Orders everything that waits in somebody's outbox and answers it; gives how much it was.
    pub(crate) fn carry(&mut self, core: &mut Core) -> usize {
        let mut carried = 0;
        loop {
            core.seal_some(64).unwrap();
            let ready = core.take_ready(64).unwrap();
            if ready.is_empty() {
                return carried;
            }
            for ready in ready {
                carried += 1;
                let receipt = self.take_in(&ready.command);
                // As with any answer: of what lies at home the entry is still there.
                if let Some(slot) = core.index.outbox.get_mut(&ready.seq) {
                    slot.in_flight = false;
                }
                core.write(|ctx| ctx.durable(ready.seq, receipt)).unwrap();
            }
        }
    }

    /// Orders a command without answering it.
    pub(crate) fn take_in(&mut self, command: &Command) -> Receipt {
        if let Some(receipt) = self.given.get(&command.id()) {
            return receipt.clone();
        }
        let mailbox = command.mailbox().unwrap();
        let receipt = match command {
            Command::Deposit(d) => self.order(mailbox, (d.kind, d.epoch), &d.payload),
            Command::Owner(signed) => {
                if let OwnerAct::Open(open) = &signed.command.act {
                    let hash = open.genesis.link();
                    self.logs.insert(mailbox, (Cursor { seq: 0, hash }, Vec::new()));
                }
                let bytes = telesphor_wire::canonical::encode(&**signed);
                self.order(mailbox, (EventKind::OWNER, 0), &bytes)
            }
            Command::Commit(commit) => {
                let bytes = telesphor_wire::canonical::encode(&**commit);
                self.order(mailbox, (EventKind::COMMIT, commit.body.from_epoch), &bytes)
            }
            other => unreachable!("not ordered on paper: {:?}", other.id()),
        };
        self.given.insert(command.id(), receipt.clone());
        receipt
    }

    /// What an invitation and its answer tell: records and histories, and `one`'s key packages.
    pub(crate) fn tell(&mut self, one: &mut Core, other: &mut Core, told: Told) -> Acquainted {
        let by_first = one.write(|ctx| Ok(ctx.new_record()?.0)).unwrap();
        self.carry(one);
        one.write(|ctx| ctx.leave_packages(&by_first, None)).unwrap();
        let packages = self.published(one).pop().unwrap();
        let by_second = other.write(|ctx| Ok(ctx.new_record()?.0)).unwrap();
        self.carry(other);
        let (first, second) = (one.profile.identity, other.profile.identity);
        let (mine, theirs) = (
            one.write(|ctx| ctx.my_history()).unwrap(),
            other.write(|ctx| ctx.my_history()).unwrap(),
        );
        let acquaint = |core: &mut Core,
                        id: IdentityId,
                        history: &[u8],
                        record: &ContactRecord,
                        given: &ContactRecord| {
            core.write(|ctx| {
                ctx.learn_history(&id, history)?;
                ctx.add_contact(record.clone(), given.clone(), "", Acquaintance::Settled, STOCK)
            })
            .unwrap();
        };
        acquaint(other, first, &mine, &by_first, &by_second);
        if told == Told::Both {
            acquaint(one, second, &theirs, &by_second, &by_first);
        }
        Acquainted {
            with: first,
            by_first,
            by_second,
            history: theirs,
            packages,
        }
    }

    /// Orders what waits in somebody's outbox; gives the key packages among it.
    pub(crate) fn published(&mut self, core: &mut Core) -> Vec<PublishKeyPackages> {
        let mut published = Vec::new();
        core.seal_some(64).unwrap();
        for ready in core.take_ready(64).unwrap() {
            if let Command::Owner(signed) = &ready.command
                && let OwnerAct::PublishKeyPackages(left) = &signed.command.act
            {
                published.push(left.clone());
            }
            let receipt = self.take_in(&ready.command);
            core.write(|ctx| ctx.durable(ready.seq, receipt)).unwrap();
        }
        published
    }

    /// The second one founds a conversation with a package of the first, and says what it says.
    pub(crate) fn converse(&mut self, core: &mut Core, told: &Acquainted, last_resort: bool) {
        let job = PackageJob {
            contact: told.with,
            used: MailboxUse::Conversation,
            into: None,
            room: None,
        };
        let package = match last_resort {
            true => told.packages.last_resort.clone().unwrap(),
            false => told.packages.packages[0].clone(),
        };
        let leaf = BatchLeaf {
            mailbox: MailboxId([0; 32]),
            seq: 1,
            hash: Digest([0; 32]),
        };
        let taken = Taken {
            package,
            last_resort,
            left: 0,
            receipt: self.receipt(leaf, clock()),
        };
        core.write(|ctx| ctx.package_taken(&job, &taken)).unwrap();
        self.carry(core);
    }

    /// Throws away the end of a log, as a restore from a backup does.
    pub(crate) fn forget_last(&mut self, mailbox: MailboxId) {
        self.given.clear();
        let (head, events) = self.logs.get_mut(&mailbox).unwrap();
        let last = events.pop().unwrap();
        // The link before it stands in what came before; the first one's is the genesis.
        *head = self.before_last.remove(&(mailbox, last.header.seq)).unwrap();
    }

    /// What a mailbox holds after a position, as it is pushed.
    pub(crate) fn events(&self, mailbox: MailboxId, after: u64) -> Events {
        let (head, events) = &self.logs[&mailbox];
        Events {
            handle: 1,
            events: events.iter().filter(|e| e.header.seq > after).cloned().collect(),
            head: *head,
        }
    }

    /// Lets somebody read a mailbox to its end.
    pub(crate) fn show(&self, core: &mut Core, mailbox: MailboxId) -> crate::Result<()> {
        let after = cursor(core, mailbox).seq;
        core.take_events(mailbox, &self.events(mailbox, after))
    }
}

/// Who of two has been told of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Both,
    OnlyTheSecond,
}

/// What two have told each other.
pub(crate) struct Acquainted {
    with: IdentityId,
    pub(crate) by_first: ContactRecord,
    pub(crate) by_second: ContactRecord,
    /// The second one's.
    pub(crate) history: Vec<u8>,
    packages: PublishKeyPackages,
}

/// Where somebody has read to.
pub(crate) fn cursor(core: &Core, mailbox: MailboxId) -> Cursor {
    let snapshot = core.read().unwrap();
    snapshot.get_value(Table::Cursors, &mailbox.0).unwrap().unwrap()
}

/// The first command in somebody's outbox that is sealed, with its place.
pub(crate) fn first_sealed(core: &mut Core) -> (u64, Command) {
    core.seal_some(64).unwrap();
    let ready = core.take_ready(1).unwrap().remove(0);
    (ready.seq, ready.command)
}

/// Takes what somebody wants to say out of the outbox.
pub(crate) fn words(core: &mut Core) -> Vec<(IdentityId, GroupMessage)> {
    core.write(|ctx| {
        let mut said = Vec::new();
        for (seq, bytes) in ctx.tx.range(Table::Outbox, names::OUTBOX, 0, usize::MAX)? {
            let entry: Entry = telesphor_wire::canonical::decode(&bytes).unwrap();
            let What::Talk(say) = entry.what else { continue };
            ctx.tx.delete_at(Table::Outbox, names::OUTBOX, seq)?;
            ctx.fx.done.push(seq);
            said.push((say.contact, telesphor_wire::canonical::decode(&say.body).unwrap()));
        }
        Ok(said)
    })
    .unwrap()
}
