//! Commands as honest agents make them; tests spoil them afterwards.

use telesphor_rules::class;
use telesphor_wire::batch::{SessionWord, Submission};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::command::*;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::limits::{ATTRIBUTION_BYTES, KEY_PACKAGE_BYTES};
use telesphor_wire::mailbox::{EventKind, Genesis, MailboxKind, Policy, next_key};
use telesphor_wire::session::Right;
use telesphor_wire::sign::SigningKey;

use super::{DAY, NOW, admission, command, key, mailbox, voucher};

/// One mailbox and the keys that its people hold.
#[derive(Clone)]
pub struct Home {
    pub n: u64,
    pub id: MailboxId,
    pub kind: MailboxKind,
    pub owner: SigningKey,
    pub next: SigningKey,
    pub policy: Policy,
    pub class: u16,
    pub partitions: u16,
}

pub const LEASE: u64 = NOW + 30 * DAY;
pub const CEILING: u64 = NOW + 90 * DAY;

impl Home {
    pub fn personal(n: u64) -> Self {
        Self {
            n,
            id: mailbox(n),
            kind: MailboxKind::Personal,
            owner: key("owner", n),
            next: key("next owner", n),
            policy: Policy::standard(),
            class: class::PATIENT.number,
            partitions: 1,
        }
    }

    pub fn shared(n: u64) -> Self {
        Self {
            kind: MailboxKind::Shared,
            ..Self::personal(n)
        }
    }

    /// The access key of an epoch.
    pub fn access(&self, branch: u32, epoch: u64) -> SigningKey {
        key("access", self.n * 1_000_000 + u64::from(branch) * 1000 + epoch)
    }

    /// A contact's deposit key.
    pub fn contact(&self, n: u64) -> SigningKey {
        key("contact", self.n * 1000 + n)
    }

    /// Eight contacts, sorted.
    pub fn contacts(&self) -> DepositKeys {
        let mut keys: Vec<_> = (0..8).map(|n| self.contact(n).public()).collect();
        keys.sort_unstable();
        DepositKeys(keys)
    }

    pub fn signed_voucher(&self) -> SignedVoucher {
        // The voucher shares the mailbox's partition by sharing its first bytes.
        let mut id = voucher(self.n);
        id.0[..4].copy_from_slice(&self.id.0[..4]);
        let statement = VoucherStatement {
            domain: "clinic.example".parse().unwrap(),
            voucher: id,
            class: self.class,
            until: NOW + 100 * DAY,
            ext: Extensions::none(),
        };
        let signature = admission().sign(&statement);
        SignedVoucher { statement, signature }
    }

    pub fn opening(&self) -> Open {
        let shared = self.kind == MailboxKind::Shared;
        Open {
            genesis: Genesis {
                mailbox: self.id,
                domain: "clinic.example".parse().unwrap(),
                kind: self.kind,
                owner: self.owner.public(),
                next_owner: next_key(&self.next.public()),
                min_suite: 0,
                policy: self.policy.clone(),
                ext: Extensions::none(),
            },
            voucher: self.signed_voucher(),
            access: shared.then(|| FirstAccess {
                epoch: 1,
                key: self.access(0, 1).public(),
                lease: LEASE,
                ceiling: CEILING,
            }),
            deposit_keys: if shared {
                DepositKeys::default()
            } else {
                self.contacts()
            },
        }
    }

    pub fn open(&self, id: u64) -> Submission {
        self.owner_says(0, 0, id, OwnerAct::Open(Box::new(self.opening())))
    }

    pub fn owner_command(&self, branch: u32, counter: u64, id: u64, act: OwnerAct) -> OwnerCommand {
        OwnerCommand {
            mailbox: self.id,
            branch,
            counter,
            act,
            command_id: command(id),
            not_after: NOW + DAY,
            ext: Extensions::none(),
        }
    }

    pub fn owner_says(&self, branch: u32, counter: u64, id: u64, act: OwnerAct) -> Submission {
        sign_as(&self.owner, self.owner_command(branch, counter, id, act))
    }

    /// A deposit of a contact on a live session.
    pub fn deposit(&self, contact: u64, id: u64, payload: &[u8]) -> Submission {
        let word = SessionWord {
            mailbox: self.id,
            right: Right::Deposit,
            branch: 0,
            epoch: 0,
            key: self.contact(contact).public(),
        };
        self.deposit_under(Some(word), (0, 0), id, payload)
    }

    /// A member's message on a live session.
    pub fn message(&self, branch: u32, epoch: u64, id: u64, payload: &[u8]) -> Submission {
        let key = self.access(branch, epoch).public();
        let word = SessionWord {
            mailbox: self.id,
            right: Right::Read,
            branch,
            epoch,
            key,
        };
        self.deposit_under(Some(word), (branch, epoch), id, payload)
    }

    pub fn deposit_under(
        &self,
        word: Option<SessionWord>,
        at: (u32, u64),
        id: u64,
        payload: &[u8],
    ) -> Submission {
        let deposit = Deposit {
            mailbox: self.id,
            branch: at.0,
            epoch: at.1,
            kind: EventKind::MESSAGE,
            command_id: command(id),
            not_after: NOW + DAY,
            payload: payload.into(),
            ext: Extensions::none(),
            signature: None,
        };
        Submission {
            word,
            command: Command::Deposit(deposit),
        }
    }

    pub fn commit_body(&self, branch: u32, from: u64, id: u64, cut: bool, mls: &[u8]) -> CommitBody {
        CommitBody {
            mailbox: self.id,
            branch,
            from_epoch: from,
            mls: commit_bytes_hash(mls),
            next_access: self.access(branch, from + 1).public(),
            lease: LEASE,
            cut,
            attribution: Bytes(vec![7; ATTRIBUTION_BYTES]),
            command_id: command(id),
            not_after: NOW + DAY,
            ext: Extensions::none(),
        }
    }

    /// A commit signed by the epoch's access key, and by a second one if given.
    pub fn commit_of(&self, body: CommitBody, mls: &[u8], second: Option<&SigningKey>) -> Submission {
        let access = self.access(body.branch, body.from_epoch);
        let commit = Commit {
            access_signature: access.sign(&body),
            second: second.map(|k| (k.public(), k.sign(&body))),
            mls: mls.into(),
            body,
        };
        Submission {
            word: None,
            command: Command::Commit(Box::new(commit)),
        }
    }

    pub fn commit(&self, branch: u32, from: u64, id: u64) -> Submission {
        let mls = id.to_be_bytes();
        self.commit_of(self.commit_body(branch, from, id, false, &mls), &mls, None)
    }

    /// The owner leads the team back to `base` of `branch`.
    pub fn rewind_act(&self, branch: u32, base: u64, base_key: &SigningKey) -> Rewind {
        let (mls, next) = (b"rewind".as_slice(), self.access(branch + 1, base + 1).public());
        let statement = RewindStatement {
            mailbox: self.id,
            branch: branch + 1,
            base_epoch: base,
            mls: commit_bytes_hash(mls),
            next_access: next,
            lease: LEASE,
            ext: Extensions::none(),
        };
        Rewind {
            base_epoch: base,
            mls: mls.into(),
            next_access: next,
            lease: LEASE,
            attribution: Bytes(vec![7; ATTRIBUTION_BYTES]),
            ext: Extensions::none(),
            base_signature: base_key.sign(&statement),
        }
    }

    pub fn take(&self, contact: u64, id: u64) -> Submission {
        let contact = self.contact(contact);
        let request = TakeRequest {
            mailbox: self.id,
            contact: contact.public(),
            command_id: command(id),
            not_after: NOW + DAY,
            ext: Extensions::none(),
        };
        let signature = contact.sign(&request);
        Submission {
            word: None,
            command: Command::Take(Take { request, signature }),
        }
    }

    pub fn publish(&self, contact: u64, count: u8, last_resort: bool) -> OwnerAct {
        OwnerAct::PublishKeyPackages(PublishKeyPackages {
            contact: self.contact(contact).public(),
            packages: (0..count).map(package).collect(),
            last_resort: last_resort.then(|| package(255)),
        })
    }
}

/// A sealed key package.
pub fn package(n: u8) -> Bytes {
    Bytes(vec![n; KEY_PACKAGE_BYTES])
}

pub fn sign_as(key: &SigningKey, command: OwnerCommand) -> Submission {
    let signature = key.sign(&command);
    Submission {
        word: None,
        command: Command::Owner(Box::new(SignedOwnerCommand { command, signature })),
    }
}

pub fn enrol(token: u64, vouchers: std::ops::Range<u64>, id: u64) -> Submission {
    let enrol = Enrol {
        token: voucher(token),
        vouchers: vouchers.map(voucher).collect(),
        command_id: command(id),
        not_after: NOW + DAY,
        ext: Extensions::none(),
    };
    Submission {
        word: None,
        command: Command::Enrol(enrol),
    }
}

/// The same deposit, carried by the depositor's own signature.
pub fn signed_by(key: &SigningKey, mut submission: Submission) -> Submission {
    submission.word = None;
    if let Command::Deposit(d) = &mut submission.command {
        d.signature = Some((key.public(), key.sign(&d.statement())));
    }
    submission
}
