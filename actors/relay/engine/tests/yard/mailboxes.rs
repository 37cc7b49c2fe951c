//! Mailboxes and the commands for them, as agents would make them (without anything inside
//! the payloads).

use telesphor_wire::bytes::Bytes;
use telesphor_wire::command::{
    Command, Commit, CommitBody, Deposit, DepositKeys, FirstAccess, Open, OwnerAct, OwnerCommand,
    SignedOwnerCommand, SignedVoucher, VoucherStatement, commit_bytes_hash,
};
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{CommandId, MailboxId, PartitionId, Voucher};
use telesphor_wire::limits::ATTRIBUTION_BYTES;
use telesphor_wire::mailbox::{EventKind, Genesis, MailboxKind, Policy, next_key};
use telesphor_wire::sign::SigningKey;

use super::{PARTITIONS, Yard};

pub(crate) const HOUR_MS: u64 = 3_600_000;

/// A personal mailbox with eight contacts.
pub(crate) struct Personal {
    pub(crate) id: MailboxId,
    pub(crate) owner: SigningKey,
    pub(crate) next_owner: SigningKey,
    pub(crate) contacts: Vec<SigningKey>,
    /// Where its chain begins.
    pub(crate) genesis: Digest,
}

/// A shared mailbox and the access keys of its epochs.
pub(crate) struct Team {
    pub(crate) id: MailboxId,
    pub(crate) owner: SigningKey,
    pub(crate) access: Vec<SigningKey>,
    pub(crate) lease: u64,
}

impl Yard {
    pub(crate) fn voucher_for(&self, mailbox: &MailboxId) -> SignedVoucher {
        let partition = |id: &MailboxId| PartitionId::of(id, PARTITIONS);
        let voucher = loop {
            let voucher = Voucher::random();
            if partition(&MailboxId(voucher.0)) == partition(mailbox) {
                break voucher;
            }
        };
        let statement = VoucherStatement {
            domain: self.domain.clone(),
            voucher,
            class: 1,
            until: self.clock.now_ms() + HOUR_MS,
            ext: Extensions::none(),
        };
        let signature = self.keys.admission.sign(&statement);
        SignedVoucher { statement, signature }
    }

    /// A new personal mailbox, and the command that opens it.
    pub(crate) fn personal(&self) -> (Personal, Command) {
        let mut contacts: Vec<_> = (0..8).map(|_| SigningKey::generate()).collect();
        contacts.sort_by_key(SigningKey::public);
        let (id, owner) = (MailboxId::random(), SigningKey::generate());
        let keys = DepositKeys(contacts.iter().map(SigningKey::public).collect());
        let next_owner = SigningKey::generate();
        let genesis = self.genesis(id, &owner, &next_owner, MailboxKind::Personal);
        let link = genesis.link();
        let open = self.open(&owner, genesis, None, keys);
        (
            Personal {
                id,
                owner,
                next_owner,
                contacts,
                genesis: link,
            },
            open,
        )
    }

    /// A new shared mailbox in epoch 0, and the command that opens it.
    pub(crate) fn team(&self) -> (Team, Command) {
        self.team_under(Policy::standard())
    }

    /// The same under a policy.
    pub(crate) fn team_under(&self, policy: Policy) -> (Team, Command) {
        let lease = self.clock.now_ms() + HOUR_MS;
        let access = SigningKey::generate();
        let first = FirstAccess {
            epoch: 0,
            key: access.public(),
            lease,
            ceiling: lease + HOUR_MS,
        };
        let team = Team {
            id: MailboxId::random(),
            owner: SigningKey::generate(),
            access: vec![access],
            lease,
        };
        let next_owner = SigningKey::generate();
        let genesis = Genesis {
            policy,
            ..self.genesis(team.id, &team.owner, &next_owner, MailboxKind::Shared)
        };
        let open = self.open(&team.owner, genesis, Some(first), DepositKeys::default());
        (team, open)
    }

    fn genesis(
        &self,
        mailbox: MailboxId,
        owner: &SigningKey,
        next: &SigningKey,
        kind: MailboxKind,
    ) -> Genesis {
        Genesis {
            mailbox,
            domain: self.domain.clone(),
            kind,
            owner: owner.public(),
            next_owner: next_key(&next.public()),
            min_suite: 1,
            policy: Policy::standard(),
            ext: Extensions::none(),
        }
    }

    fn open(
        &self,
        owner: &SigningKey,
        genesis: Genesis,
        access: Option<FirstAccess>,
        deposit_keys: DepositKeys,
    ) -> Command {
        let mailbox = genesis.mailbox;
        let open = Open {
            genesis,
            voucher: self.voucher_for(&mailbox),
            access,
            deposit_keys,
        };
        self.owner_command(mailbox, owner, 0, OwnerAct::Open(Box::new(open)))
    }

    pub(crate) fn owner_command(
        &self,
        mailbox: MailboxId,
        owner: &SigningKey,
        counter: u64,
        act: OwnerAct,
    ) -> Command {
        let command = OwnerCommand {
            mailbox,
            branch: 0,
            counter,
            act,
            command_id: CommandId::random(),
            not_after: self.clock.now_ms() + HOUR_MS,
            ext: Extensions::none(),
        };
        let signature = owner.sign(&command);
        Command::Owner(Box::new(SignedOwnerCommand { command, signature }))
    }

    /// A deposit that rests on a session's proof.
    pub(crate) fn deposit(&self, mailbox: MailboxId, epoch: u64, payload: &[u8]) -> Command {
        Command::Deposit(Deposit {
            mailbox,
            branch: 0,
            epoch,
            kind: EventKind::MESSAGE,
            command_id: CommandId::random(),
            not_after: self.clock.now_ms() + HOUR_MS,
            payload: Bytes(payload.to_vec()),
            ext: Extensions::none(),
            signature: None,
        })
    }

    /// A deposit that carries its own signature.
    pub(crate) fn signed_deposit(&self, mailbox: MailboxId, key: &SigningKey, payload: &[u8]) -> Command {
        match self.deposit(mailbox, 0, payload) {
            Command::Deposit(mut deposit) => {
                deposit.signature = Some((key.public(), key.sign(&deposit.statement())));
                Command::Deposit(deposit)
            }
            other => other,
        }
    }

    /// The commit that ends the team's current epoch; the team takes the new key over.
    pub(crate) fn commit(&self, team: &mut Team) -> Command {
        let next = SigningKey::generate();
        let mls = vec![9; 512];
        let current = team.access.last().unwrap();
        let body = CommitBody {
            mailbox: team.id,
            branch: 0,
            from_epoch: team.access.len() as u64 - 1,
            mls: commit_bytes_hash(&mls),
            next_access: next.public(),
            lease: team.lease,
            cut: false,
            attribution: Bytes(vec![0; ATTRIBUTION_BYTES]),
            command_id: CommandId::random(),
            not_after: self.clock.now_ms() + HOUR_MS,
            ext: Extensions::none(),
        };
        let access_signature = current.sign(&body);
        let commit = Commit {
            body,
            mls: Bytes(mls),
            access_signature,
            second: None,
        };
        team.access.push(next);
        Command::Commit(Box::new(commit))
    }
}

impl Team {
    pub(crate) fn epoch(&self) -> u64 {
        self.access.len() as u64 - 1
    }
}
