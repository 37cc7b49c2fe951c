//! What can be asked of a mailbox. Each command carries an id chosen by its sender, a time
//! after which it must not be carried out, and is answered exactly once.

use serde::{Deserialize, Serialize};

use crate::bytes::Bytes;
use crate::ext::Extensions;
use crate::hash::{Digest, hash, hash_bytes};
use crate::ids::{CommandId, MailboxId, Voucher};
use crate::labels::{HashLabel, SignLabel};
use crate::ledger::LedgerCommand;
use crate::mailbox::{EventKind, Genesis, Policy, payload_hash};
use crate::sign::{PublicKey, Signature, Signed};
use crate::{limits, list};

pub use crate::admission::{Admission, SignedAdmission, SignedVoucher, VoucherStatement};

tagged! {
    /// Everything a client may send to be ordered.
    pub enum Command {
        /// Put an event into a mailbox.
        1 => Deposit(Deposit),
        /// End an epoch of a shared mailbox. First wins.
        2 => Commit(Box<Commit>),
        /// Something only the owner may do.
        3 => Owner(Box<SignedOwnerCommand>),
        /// Take one key package that the owner left for this contact.
        4 => Take(Take),
        /// Spend an admission token for vouchers.
        5 => Enrol(Enrol),
        /// An act on an entry of the dispense ledger.
        6 => Ledger(Box<LedgerCommand>),
        /// Register an admission token, or end it. From the domain's own operators.
        16 => Admit(Box<SignedAdmission>),
    }
}

impl Command {
    /// Where it lies in the order: at its mailbox, or at its ledger entry. An enrolment has no
    /// place of its own.
    pub fn place(&self) -> Option<MailboxId> {
        match self {
            Self::Ledger(l) => Some(l.place()),
            other => other.mailbox(),
        }
    }

    /// The mailbox it concerns; an enrolment and the ledger concern none.
    pub fn mailbox(&self) -> Option<MailboxId> {
        match self {
            Self::Deposit(d) => Some(d.mailbox),
            Self::Commit(c) => Some(c.body.mailbox),
            Self::Owner(o) => Some(o.command.mailbox),
            Self::Take(t) => Some(t.request.mailbox),
            Self::Enrol(_) | Self::Ledger(_) | Self::Admit(_) => None,
        }
    }

    /// The sender's id of it.
    pub fn id(&self) -> CommandId {
        match self {
            Self::Deposit(d) => d.command_id,
            Self::Commit(c) => c.body.command_id,
            Self::Owner(o) => o.command.command_id,
            Self::Take(t) => t.request.command_id,
            Self::Enrol(e) => e.command_id,
            Self::Admit(a) => a.admission.command_id,
            Self::Ledger(l) => l.command_id,
        }
    }

    /// The instant after which it is refused, Unix milliseconds by the order's clock.
    pub fn not_after(&self) -> u64 {
        match self {
            Self::Deposit(d) => d.not_after,
            Self::Commit(c) => c.body.not_after,
            Self::Owner(o) => o.command.not_after,
            Self::Take(t) => t.request.not_after,
            Self::Enrol(e) => e.not_after,
            Self::Admit(a) => a.admission.not_after,
            Self::Ledger(l) => l.not_after,
        }
    }

    /// `H("command", body)`: a second body under the same id is refused.
    pub fn body_hash(&self) -> Digest {
        match self {
            Self::Deposit(d) => self.body_hash_with(&payload_hash(&d.payload)),
            other => hash(HashLabel::Command, other),
        }
    }

    /// [`Self::body_hash`] for a deposit whose payload hash is known already: the payload is
    /// the bulk of it, and the chain needs its hash as well.
    pub fn body_hash_with(&self, payload: &Digest) -> Digest {
        match self {
            Self::Deposit(d) => hash(
                HashLabel::Command,
                &(
                    1u16,
                    (d.mailbox, d.branch, d.epoch, d.kind),
                    d.command_id,
                    d.not_after,
                    payload,
                    &d.ext,
                ),
            ),
            other => hash(HashLabel::Command, other),
        }
    }
}

/// Put an event into a mailbox: a sealed deposit (personal) or an MLS message (shared).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deposit {
    /// Where.
    pub mailbox: MailboxId,
    /// Branch it was made in; 0 in personal mailboxes.
    pub branch: u32,
    /// Epoch it was made in; must be the current one when ordered. 0 in personal mailboxes.
    pub epoch: u64,
    /// Message, proposal, or a kind of a newer version.
    pub kind: EventKind,
    /// The sender's id.
    pub command_id: CommandId,
    /// Refused after this instant, Unix milliseconds.
    pub not_after: u64,
    /// The ciphertext.
    pub payload: Bytes,
    /// For later versions.
    pub ext: Extensions,
    /// For deposits that were queued or forwarded: the deposit key's own word. On a live
    /// session the session's proof stands for it.
    pub signature: Option<(PublicKey, Signature)>,
}

/// What the deposit key signs when a deposit does not travel on a live session: all of it, so
/// that nobody on the way can give it another kind or epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepositStatement {
    /// Where.
    pub mailbox: MailboxId,
    /// Branch it was made in.
    pub branch: u32,
    /// Epoch it was made in.
    pub epoch: u64,
    /// Its kind.
    pub kind: EventKind,
    /// The sender's id.
    pub command_id: CommandId,
    /// Refused after this instant, Unix milliseconds.
    pub not_after: u64,
    /// `H("payload", ciphertext)`.
    pub payload: Digest,
    /// For later versions; the deposit's own.
    pub ext: Extensions,
}

impl Signed for DepositStatement {
    const LABEL: SignLabel = SignLabel::Deposit;
}

impl Deposit {
    /// The statement a deposit key signs for this deposit.
    pub fn statement(&self) -> DepositStatement {
        self.statement_with(payload_hash(&self.payload))
    }

    /// [`Self::statement`] where the payload's hash is known already.
    pub fn statement_with(&self, payload: Digest) -> DepositStatement {
        DepositStatement {
            mailbox: self.mailbox,
            branch: self.branch,
            epoch: self.epoch,
            kind: self.kind,
            command_id: self.command_id,
            not_after: self.not_after,
            payload,
            ext: self.ext.clone(),
        }
    }
}

/// The relay-visible side of an MLS commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitBody {
    /// Which shared mailbox.
    pub mailbox: MailboxId,
    /// Its branch.
    pub branch: u32,
    /// The epoch it ends; must be the current one.
    pub from_epoch: u64,
    /// `H("commit-bytes", mls)`.
    pub mls: Digest,
    /// Access key of the epoch it begins, from that epoch's exporter. It cannot stand inside
    /// the MLS commit (it depends on it), so members compare it with their own derivation.
    pub next_access: PublicKey,
    /// Until when the new access key serves, Unix milliseconds; at most the owner's ceiling.
    pub lease: u64,
    /// From this commit on, events of earlier epochs need the current key too (stolen endpoint).
    pub cut: bool,
    /// Who committed and why, sealed to the members of `from_epoch`; fixed size.
    pub attribution: Bytes,
    /// The sender's id.
    pub command_id: CommandId,
    /// Refused after this instant, Unix milliseconds.
    pub not_after: u64,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for CommitBody {
    const LABEL: SignLabel = SignLabel::RelayCommit;
}

/// A commit with the bytes for the members and the words of its keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// What is signed.
    pub body: CommitBody,
    /// The MLS PrivateMessage.
    pub mls: Bytes,
    /// By the access key of `from_epoch`.
    pub access_signature: Signature,
    /// By a listed commit key or the owner; needed under policy `listed` and after the lease.
    pub second: Option<(PublicKey, Signature)>,
}

/// `H("commit-bytes", mls)`.
pub fn commit_bytes_hash(mls: &[u8]) -> Digest {
    hash_bytes(HashLabel::CommitBytes, mls)
}

/// An act of a mailbox's owner, as signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerCommand {
    /// Which mailbox.
    pub mailbox: MailboxId,
    /// Its branch when signed; 0 for Open.
    pub branch: u32,
    /// Last accepted counter + 1, so that an old command cannot be replayed; 0 for Open.
    pub counter: u64,
    /// What to do.
    pub act: OwnerAct,
    /// The sender's id.
    pub command_id: CommandId,
    /// Refused after this instant, Unix milliseconds.
    pub not_after: u64,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for OwnerCommand {
    const LABEL: SignLabel = SignLabel::OwnerCommand;
}

/// An owner's command with the owner's signature (for RotateOwner: the revealed next key's).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedOwnerCommand {
    /// What is signed.
    pub command: OwnerCommand,
    /// By the owner key.
    pub signature: Signature,
}

tagged! {
    /// What only an owner may do.
    pub enum OwnerAct {
        /// Open a mailbox.
        1 => Open(Box<Open>),
        /// Replace the owner key by the committed one.
        2 => RotateOwner(RotateOwner),
        /// Replace the policy.
        3 => SetPolicy(Policy),
        /// Replace the list of deposit keys (personal mailboxes).
        4 => SetDepositKeys(DepositKeys),
        /// Move the end that no lease may pass (shared mailboxes).
        5 => SetCeiling(u64),
        /// Everything up to this position has been taken over; retention may move on.
        6 => Acknowledge(u64),
        /// Remove ciphertexts; hashes stay.
        7 => Erase(EraseRange),
        /// End the mailbox: no more events; reading goes on until erased.
        8 => Close(Extensions),
        /// Lead a wedged team back to an earlier epoch on a new branch.
        9 => Rewind(Box<Rewind>),
        /// Leave key packages for one contact.
        10 => PublishKeyPackages(PublishKeyPackages),
    }
}

/// Opening a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Where its chain begins.
    pub genesis: Genesis,
    /// The domain's permission, spent by this. Its id lies in the mailbox's partition.
    pub voucher: SignedVoucher,
    /// Shared mailboxes: the access key of epoch 0 and its lease.
    pub access: Option<FirstAccess>,
    /// Personal mailboxes: the first deposit keys.
    pub deposit_keys: DepositKeys,
}

/// The first access key of a shared mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstAccess {
    /// MLS epoch the group is in when the mailbox is opened (usually 0 or 1).
    pub epoch: u64,
    /// The access key of that epoch.
    pub key: PublicKey,
    /// Until when it serves, Unix milliseconds.
    pub lease: u64,
    /// The owner's ceiling, Unix milliseconds.
    pub ceiling: u64,
}

/// The deposit keys of a personal mailbox: sorted, each once, padded with random keys to a
/// multiple of 8 so that their number does not tell the number of contacts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepositKeys(
    #[serde(deserialize_with = "list::bounded::<{ limits::MAX_DEPOSIT_KEYS }, _, _>")] pub Vec<PublicKey>,
);

/// Replacing the owner key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotateOwner {
    /// The key behind the commitment; it signs this command.
    pub reveal: PublicKey,
    /// Commitment to the key after it.
    pub next: Digest,
}

/// A range of events, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EraseRange {
    /// First.
    pub from: u64,
    /// Last.
    pub to: u64,
}

/// An owner's commit that wins over everything after `base_epoch`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewind {
    /// The epoch of the current branch to which the team goes back.
    pub base_epoch: u64,
    /// The MLS commit from `base_epoch` to `base_epoch + 1`.
    pub mls: Bytes,
    /// Access key of the new epoch.
    pub next_access: PublicKey,
    /// Its lease, Unix milliseconds.
    pub lease: u64,
    /// Sealed attribution, fixed size.
    pub attribution: Bytes,
    /// For later versions; stands in [`RewindStatement`] too.
    pub ext: Extensions,
    /// [`RewindStatement`] signed by the access key of `base_epoch`.
    pub base_signature: Signature,
}

/// What the access key of the base epoch signs in a Rewind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewindStatement {
    /// Which mailbox.
    pub mailbox: MailboxId,
    /// The branch it begins.
    pub branch: u32,
    /// The base.
    pub base_epoch: u64,
    /// `H("commit-bytes", mls)`.
    pub mls: Digest,
    /// The new access key.
    pub next_access: PublicKey,
    /// Its lease.
    pub lease: u64,
    /// For later versions; the Rewind's own.
    pub ext: Extensions,
}

impl Signed for RewindStatement {
    const LABEL: SignLabel = SignLabel::RelayRewind;
}

/// Key packages for one contact, each sealed and padded to [`crate::limits::KEY_PACKAGE_BYTES`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishKeyPackages {
    /// The contact's deposit key: only its holder may take them.
    pub contact: PublicKey,
    /// Taken once each, in this order.
    #[serde(deserialize_with = "list::bounded::<{ limits::MAX_KEY_PACKAGES_PER_PUBLISH }, _, _>")]
    pub packages: Vec<Bytes>,
    /// Handed out, again and again, when the others are gone.
    pub last_resort: Option<Bytes>,
}

/// Taking one key package. Signed, so that no relay can empty the stock alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeRequest {
    /// The owner's personal mailbox.
    pub mailbox: MailboxId,
    /// The taker's deposit key there.
    pub contact: PublicKey,
    /// The sender's id; the same id gets the same package again.
    pub command_id: CommandId,
    /// Refused after this instant, Unix milliseconds.
    pub not_after: u64,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for TakeRequest {
    const LABEL: SignLabel = SignLabel::KeyPackageTake;
}

/// A signed [`TakeRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Take {
    /// What is signed.
    pub request: TakeRequest,
    /// By the deposit key.
    pub signature: Signature,
}

/// Spending an admission token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrol {
    /// The token from the admission link.
    pub token: Voucher,
    /// Random ids for the vouchers wanted, chosen by the client; at most the class's number.
    #[serde(deserialize_with = "list::bounded::<{ limits::MAX_VOUCHERS }, _, _>")]
    pub vouchers: Vec<Voucher>,
    /// The sender's id; the same id gets the same answer again.
    pub command_id: CommandId,
    /// Refused after this instant, Unix milliseconds.
    pub not_after: u64,
    /// For later versions.
    pub ext: Extensions,
}
