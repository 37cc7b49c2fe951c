//! What the agent keeps, in its own canonical form. None of it is ever sent.

use serde::{Deserialize, Serialize};
use telesphor_clinical::contact::Contact;
use telesphor_clinical::self_entry::MailboxUse;
use telesphor_wire::answer::Refusal;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::coded;
use telesphor_wire::command::OwnerAct;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::hash::{Digest, Secret};
use telesphor_wire::ids::{DocumentId, IdentityId, MailboxId};
use telesphor_wire::mailbox::{MailboxKind, next_key};
use telesphor_wire::padding::Bucket;
use telesphor_wire::sign::{PublicKey, SigningKey};
use telesphor_wire::tagged;
use telesphor_wire::text::{Domain, SupportCode};

use crate::error::Error;
use crate::exchange::record::FarSay;
use crate::lab::LabJob;
use crate::rx::record::{LedgerJob, LedgerSay};
use crate::study::StudyJob;

coded! {
    /// Where a mailbox stands, as seen from here.
    pub(crate) enum MailboxState {
        /// The command that opens it is on its way.
        1 => Opening,
        /// It can be followed.
        2 => Open,
        /// The right to it has ended.
        3 => Ended,
    }
}

/// The keys that own a mailbox, and the last counter given to a command.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct OwnerKeys {
    pub(crate) seed: Secret,
    pub(crate) next_seed: Secret,
    pub(crate) counter: u64,
}

impl OwnerKeys {
    pub(crate) fn generate() -> Self {
        Self {
            seed: Secret::random(),
            next_seed: Secret::random(),
            counter: 0,
        }
    }
    pub(crate) fn key(&self) -> SigningKey {
        SigningKey::from_seed(&self.seed)
    }
    pub(crate) fn commitment(&self) -> Digest {
        next_key(&SigningKey::from_seed(&self.next_seed).public())
    }
}

/// A mailbox that this endpoint reads.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) id: MailboxId,
    pub(crate) domain: Domain,
    pub(crate) kind: MailboxKind,
    pub(crate) used: MailboxUse,
    pub(crate) state: MailboxState,
    pub(crate) owner: Option<OwnerKeys>,
    /// The event after which reading began in the present epoch.
    pub(crate) entered: u64,
    /// Where the chain begins, if it was opened here; all zero if not.
    pub(crate) genesis: Digest,
    /// Public half of the owner's key, also where somebody else owns it.
    pub(crate) owner_key: PublicKey,
    /// Shared: where the group stands. A one-time mailbox stays at 0.
    pub(crate) branch: u32,
    pub(crate) epoch: u64,
    /// The contact it is with, if with one.
    pub(crate) with: Option<IdentityId>,
    /// Public halves of the deposit keys given out (personal).
    pub(crate) deposit_keys: Vec<PublicKey>,
    /// Until when the lease runs, as last set or seen.
    pub(crate) lease: u64,
    pub(crate) name: String,
}

/// A contact as kept here: the shared form, and what only this endpoint needs.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) contact: Contact,
    pub(crate) alias: String,
    pub(crate) removed: bool,
    /// Conversations with this contact, the one to write to first.
    pub(crate) conversations: Vec<MailboxId>,
    /// A conversation is being opened.
    pub(crate) opening: bool,
    /// When a conversation may be tried again, Unix milliseconds.
    pub(crate) retry_at: u64,
    /// Key packages left for the contact, as far as this endpoint knows.
    pub(crate) packages: u32,
    /// When the newest of them were made, and when the last-resort one was; Unix milliseconds.
    pub(crate) stocked: u64,
    pub(crate) last_resort: u64,
    /// The last contact-record made here was this one's state: unanswered, refused.
    pub(crate) state: Acquaintance,
    /// How the relay's log names the answer that came too late.
    pub(crate) support: Option<SupportCode>,
}

coded! {
    /// How far an acquaintance has come.
    pub(crate) enum Acquaintance {
        /// An invitation was taken here; the answer is not durable yet.
        1 => Answering,
        /// Records were exchanged.
        2 => Settled,
        /// Somebody else had taken the invitation first.
        3 => TooLate,
    }
}

tagged! {
    /// What is to be sent.
    pub(crate) enum What {
        /// A command that was made whole.
        1 => Ready(MailboxChoice),
        /// An owner's act, signed when it can be numbered.
        2 => Owner(OwnerSay),
        /// A message for a group.
        3 => Group(GroupSay),
        /// A message for a contact, in whatever conversation there is or will be.
        4 => Talk(TalkSay),
        /// A sealed deposit into a contact's personal mailbox.
        5 => Deposit(DepositSay),
        /// A message for a shared mailbox of documents, sealed when its group is there.
        6 => Room(GroupSay),
        /// The stamp of a document of one's own, for one's own mailbox.
        7 => Stamp(DocumentId),
        /// An act on the dispense ledger, made when it can go.
        8 => Ledger(LedgerSay),
        /// Something for another domain, made whole.
        9 => Elsewhere(FarSay),
    }
}

/// The mailbox a ready command concerns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MailboxChoice {
    pub(crate) mailbox: Option<MailboxId>,
}

/// An owner's act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OwnerSay {
    pub(crate) mailbox: MailboxId,
    pub(crate) act: OwnerAct,
}

/// A message for a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GroupSay {
    pub(crate) mailbox: MailboxId,
    /// Canonical bytes of the message's body.
    pub(crate) body: Bytes,
    pub(crate) padding: Padding,
}

/// A message for a contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TalkSay {
    pub(crate) contact: IdentityId,
    pub(crate) body: Bytes,
    pub(crate) padding: Padding,
}

/// A deposit for a contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DepositSay {
    pub(crate) contact: IdentityId,
    pub(crate) body: Bytes,
    pub(crate) padding: Padding,
}

coded! {
    /// Which sizes a message may have on the wire.
    pub(crate) enum Padding {
        /// Ordinary content.
        1 => Message,
        /// Kinds whose size would tell what they are.
        2 => Uniform,
        /// Receipts.
        3 => Receipt,
        /// Welcomes, and documents too large for an ordinary message: powers of two to 1 MiB.
        4 => Handshake,
    }
}

impl Padding {
    pub(crate) const fn bucket(self) -> Bucket {
        match self {
            Self::Message => Bucket::Message,
            Self::Uniform => Bucket::Uniform,
            Self::Receipt => Bucket::Receipt,
            Self::Handshake => Bucket::Handshake,
        }
    }
}

tagged! {
    /// Under which right a command goes.
    pub(crate) enum Via {
        /// Its own signature.
        1 => Signed(bool),
        /// A deposit key.
        2 => Depositor(DepositorVia),
        /// A member's pseudonym of an epoch.
        3 => Member(MemberVia),
        /// The owner's key of a personal mailbox.
        4 => Owner(MailboxId),
        /// Handed over: it lies in this outbox at home, and waits for another domain's answer.
        5 => Passed(MailboxId),
    }
}

/// A deposit key and its mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DepositorVia {
    pub(crate) mailbox: MailboxId,
    pub(crate) seed: Secret,
}

/// An epoch of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct MemberVia {
    pub(crate) mailbox: MailboxId,
    pub(crate) branch: u32,
    pub(crate) epoch: u64,
}

tagged! {
    /// What follows once a command is answered.
    pub(crate) enum Job {
        /// Nothing.
        1 => Nothing(bool),
        /// Vouchers come: open the first mailboxes if there are none.
        2 => Enrol(bool),
        /// A mailbox is open.
        3 => Opened(MailboxId),
        /// A document is durable for a contact.
        4 => Document(DocumentJob),
        /// A key package of a contact.
        5 => Package(PackageJob),
        /// The answer to an invitation: it counts if it was the first.
        6 => Answer(AnswerJob),
        /// A commit of this endpoint.
        7 => Commit(MailboxId),
        /// An entry of the self mailbox.
        8 => Own(bool),
        /// The stamp of a document: its receipt is time evidence.
        9 => Stamp(DocumentId),
        /// An owner key that others knew was replaced by the one committed to, which they knew
        /// as well: it is replaced once more.
        10 => OwnerReplaced(MailboxId),
        /// An act on the dispense ledger.
        11 => Ledger(LedgerJob),
        /// Something about a laboratory order.
        12 => Lab(LabJob),
        /// Something about a study.
        16 => Study(StudyJob),
    }
}

/// A document on its way to a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DocumentJob {
    pub(crate) document: DocumentId,
    pub(crate) to: IdentityId,
}

/// A key package, and what it is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PackageJob {
    pub(crate) contact: IdentityId,
    /// What the new group's mailbox is for.
    pub(crate) used: MailboxUse,
    /// Join this group instead of founding one.
    pub(crate) into: Option<MailboxId>,
    /// The shared mailbox of documents that is to be founded with it.
    pub(crate) room: Option<MailboxId>,
}

/// An answer to an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AnswerJob {
    pub(crate) mailbox: MailboxId,
    pub(crate) inviter: IdentityId,
    /// Position of the offer: the answer that counts stands right behind it.
    pub(crate) offer: u64,
}

/// Why something will not be done, and by which code the relay's log can be searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refused {
    pub(crate) code: ErrorCode,
    pub(crate) support: Option<SupportCode>,
}

impl Refused {
    /// Refused on this machine: no relay was asked.
    pub(crate) const fn here(code: ErrorCode) -> Self {
        Self { code, support: None }
    }

    pub(crate) const fn by(refusal: &Refusal, support: Option<SupportCode>) -> Self {
        Self {
            code: refusal.code,
            support,
        }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self {
            support: refused.support,
            ..Self::of(refused.code)
        }
    }
}

/// One entry of the outbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) what: What,
    /// Canonical bytes of the command, once it is sealed. From then on these go, and no others.
    pub(crate) command: Option<Bytes>,
    pub(crate) via: Via,
    pub(crate) job: Job,
    /// Another entry that must be durable first.
    pub(crate) after: Option<u64>,
    /// Unix milliseconds.
    pub(crate) queued: u64,
}

/// What was sent or read, kept for seven days so that a restored relay can be made whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Archived {
    /// Position the receipt or the log gave it.
    pub(crate) seq: u64,
    /// Chain hash there.
    pub(crate) hash: Digest,
    /// The command as it was sent; `None` for events of others, whose own senders repeat them.
    pub(crate) command: Option<Bytes>,
    pub(crate) via: Via,
    pub(crate) at: u64,
}
