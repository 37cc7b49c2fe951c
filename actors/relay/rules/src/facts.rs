//! What the rules ask of the world. Every answer is a plain value; a fact that cannot be read
//! is the store's trouble, and the store then carries nothing out.

use telesphor_wire::bytes::Bytes;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{CommandId, EntryId, MailboxId, PartitionId};
use telesphor_wire::ledger::Step;
use telesphor_wire::sign::PublicKey;
use telesphor_wire::text::Domain;

use crate::effects::{Place, Remembered};
use crate::ledger::entry::{Entry, Fill};
use crate::state::{AccessRecord, Mailbox};

/// What holds for the whole domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainFacts {
    /// Its name.
    pub domain: Domain,
    /// The key that signs vouchers.
    pub admission: PublicKey,
    /// Number of partitions; fixed when a store is founded.
    pub partitions: u16,
}

/// Where and when a command is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// The partition whose order carries it.
    pub partition: PartitionId,
    /// The order's clock ([`crate::clock::advance`]), Unix milliseconds.
    pub now: u64,
}

/// The scope in which a command's id stands once.
///
/// Personal deposits are scoped by deposit key, and acts on a ledger entry by the key whose word
/// they are, so that two who do not know each other cannot meet. Everything
/// else is scoped by the zero key: pseudonyms and access keys change with the epoch, while a
/// retry must still find its receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemoryKey {
    /// The mailbox or the ledger entry; for enrolments the hash of the token.
    pub mailbox: MailboxId,
    /// The deposit key, the key of a ledger entry, or zero.
    pub scope: [u8; 32],
    /// The sender's id.
    pub command: CommandId,
}

/// What is known of one event: enough to account for its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventMark {
    /// Its stamp.
    pub stamp: u64,
    /// Sizes of all payloads up to and including it, bytes.
    pub total: u64,
}

/// Key packages waiting for one contact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    /// Number of the next one to be handed out.
    pub first: u64,
    /// Number of the next one to be put in; `next - first` are waiting.
    pub next: u64,
    /// Whether a last-resort package is there.
    pub last_resort: bool,
}

impl Stock {
    /// One-time packages waiting.
    pub fn left(&self) -> u32 {
        u32::try_from(self.next.saturating_sub(self.first)).unwrap_or(u32::MAX)
    }
}

/// Which package of a stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PackageId {
    /// A one-time package.
    Once(u64),
    /// The last-resort one.
    LastResort,
}

/// An admission token as the relay keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// Class of the mailboxes that its vouchers open.
    pub class: u16,
    /// How often it may still be used.
    pub uses: u32,
    /// Worthless after this instant, Unix milliseconds.
    pub until: u64,
}

/// A step of a ledger entry, and where it was ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRecord {
    /// The step.
    pub step: Step,
    /// Enough to build its receipt again.
    pub place: Place,
}

/// What the rules may ask. Answers must reflect every command decided before this one.
pub trait Facts {
    /// The mailbox, if there is one.
    fn mailbox(&self, id: &MailboxId) -> Option<Mailbox>;
    /// What is remembered under a command's id, however old.
    fn remembered(&self, key: &MemoryKey) -> Option<Remembered>;
    /// The access key of an epoch.
    fn access(&self, mailbox: &MailboxId, branch: u32, epoch: u64) -> Option<AccessRecord>;
    /// Stamp and running total of an event.
    fn mark(&self, mailbox: &MailboxId, seq: u64) -> Option<EventMark>;
    /// Key packages waiting for a contact.
    fn stock(&self, mailbox: &MailboxId, contact: &PublicKey) -> Option<Stock>;
    /// One key package.
    fn package(&self, mailbox: &MailboxId, contact: &PublicKey, id: PackageId) -> Option<Bytes>;
    /// Whether the voucher with this [`token_hash`] was spent.
    fn voucher_spent(&self, voucher: &Digest) -> bool;
    /// The admission token with this [`token_hash`].
    fn token(&self, token: &Digest) -> Option<Token>;
    /// A ledger entry, if anything was ever done on it that is not forgotten.
    fn entry(&self, id: &EntryId) -> Option<Entry>;
    /// What is known of a key in a ledger entry.
    fn fill(&self, id: &EntryId, key: &PublicKey) -> Option<Fill>;
    /// One step of a ledger entry.
    fn step(&self, id: &EntryId, seq: u64) -> Option<StepRecord>;
}

/// `H("admission", token)`: tokens and vouchers are kept only as hashes, so that a stolen disk
/// opens no mailbox.
pub fn token_hash(token: &telesphor_wire::ids::Voucher) -> Digest {
    telesphor_wire::hash::hash(telesphor_wire::labels::HashLabel::Admission, token)
}
