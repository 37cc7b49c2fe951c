//! What a decision can be, and everything that can follow from one.

use std::sync::Arc;

use telesphor_wire::answer::Refusal;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{MailboxId, PartitionId, Voucher};
use telesphor_wire::ledger::{EntryStanding, Step};
use telesphor_wire::mailbox::EventHeader;
use telesphor_wire::sign::PublicKey;

use crate::facts::{MemoryKey, PackageId, Stock, Token};
use crate::ledger::entry::{Entry, Fill};
use crate::state::{AccessRecord, Head, Hole, Profile};

/// What becomes of one command.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Refused; nothing changes.
    Refused(Refusal),
    /// Done before; nothing changes.
    Repeated(Remembered),
    /// A question, answered in its place in the order; nothing changes.
    Told(Gave),
    /// Done now.
    Accepted(Box<Effects>),
}

/// Where a command was ordered: enough to build its receipt again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The partition.
    pub partition: PartitionId,
    /// Position in its order.
    pub position: u64,
    /// Index of its leaf in the batch; `None` for enrolments, which concern no mailbox.
    pub leaf: Option<u32>,
}

/// A command that was carried out, kept under its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// `H("command", body)`: the same id with another body is refused.
    pub body: Digest,
    /// After this instant of the order's clock it counts as forgotten.
    pub keep_until: u64,
    /// Where it stands.
    pub place: Place,
    /// What it gave, beside its receipt.
    pub gave: Gave,
}

/// What a command gives beside its receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gave {
    /// Nothing more.
    Nothing,
    /// A key package.
    Package(GivenPackage),
    /// Permission for vouchers; whoever holds the admission key signs them.
    Vouchers(GivenVouchers),
    /// What was done on a ledger entry.
    Step(Box<GivenStep>),
}

/// How a ledger entry stands after an act, and the step that the act made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenStep {
    /// How it stands.
    pub standing: EntryStanding,
    /// None for a look.
    pub step: Option<Step>,
}

/// A key package that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenPackage {
    /// As its owner sealed it.
    pub package: Bytes,
    /// Whether it was the last-resort one.
    pub last_resort: bool,
    /// One-time packages left after it.
    pub left: u32,
}

/// The vouchers that an enrolment gives a right to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenVouchers {
    /// Their ids, as the client chose them.
    pub vouchers: Vec<Voucher>,
    /// Class of the mailboxes they open.
    pub class: u16,
    /// Worthless after this instant, Unix milliseconds.
    pub until: u64,
}

/// Everything that an accepted command changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Effects {
    /// The mailbox after it; `None` for enrolments.
    pub mailbox: Option<Changed>,
    /// The event it makes, if any.
    pub event: Option<NewEvent>,
    /// Access keys that begin or end: (branch, epoch, record).
    pub access: Vec<(u32, u64, AccessRecord)>,
    /// Payloads that go; ranges of events, both ends included.
    pub release: Vec<Hole>,
    /// Changes to the stock of key packages.
    pub stock: Vec<StockChange>,
    /// A voucher that is spent, and when its record may be forgotten.
    pub spent: Option<(Digest, u64)>,
    /// An admission token after use.
    pub token: Option<(Digest, Token)>,
    /// A ledger entry after its next step.
    pub ledger: Option<Box<LedgerChange>>,
    /// What is remembered under the command's id; the store adds the place.
    pub remember: Remember,
}

/// A mailbox after a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Which.
    pub id: MailboxId,
    /// Its head.
    pub head: Head,
    /// Its profile.
    pub profile: Arc<Profile>,
    /// Whether the profile differs from the one before.
    pub profile_changed: bool,
    /// Whether the command opened it.
    pub opened: bool,
}

/// An event to be appended. Its chain hash is the `hash` of the changed head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// What the chain covers.
    pub header: EventHeader,
    /// `H("payload", payload)`.
    pub payload_hash: Digest,
    /// [`Head::total`] including it.
    pub total: u64,
    /// The payload; `None` if it is the very payload of the deposit, which is not copied.
    pub payload: Option<Bytes>,
}

/// A ledger entry after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerChange {
    /// The entry.
    pub entry: Entry,
    /// What is known now of the step's key; none for the prescriber's.
    pub fill: Option<Fill>,
    /// The step. The store adds its place.
    pub step: Step,
}

/// A change to a stock of key packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockChange {
    /// For whom.
    pub contact: PublicKey,
    /// The stock after it; `None` if nothing is left of it.
    pub stock: Option<Stock>,
    /// Packages that come.
    pub put: Vec<(PackageId, Bytes)>,
    /// Packages that go.
    pub gone: Vec<PackageId>,
}

/// What is to be remembered of an accepted command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remember {
    /// Under which key.
    pub key: MemoryKey,
    /// See [`Remembered::body`].
    pub body: Digest,
    /// See [`Remembered::keep_until`].
    pub keep_until: u64,
    /// See [`Remembered::gave`].
    pub gave: Gave,
}

impl Remember {
    /// The record to be kept, at a place.
    pub fn at(self, place: Place) -> Remembered {
        Remembered {
            body: self.body,
            keep_until: self.keep_until,
            place,
            gave: self.gave,
        }
    }
}
