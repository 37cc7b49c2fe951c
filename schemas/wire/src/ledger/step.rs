//! What an entry's history is made of, and what is answered to an act on it.

use serde::{Deserialize, Serialize};

use crate::ext::Extensions;
use crate::hash::{Digest, hash};
use crate::ids::EntryId;
use crate::labels::HashLabel;
use crate::receipt::{BatchLeaf, Receipt};
use crate::sign::PublicKey;

coded! {
    /// What an entry's history is made of.
    pub enum StepKind {
        /// Parts were set aside.
        1 => Reserved,
        /// They were handed over.
        2 => Confirmed,
        /// They were let go.
        3 => Released,
        /// The prescriber ended it.
        4 => Cancelled,
        /// A pharmacist stopped it.
        5 => Held,
        /// It goes on.
        6 => Lifted,
        /// A supply without the ledger was entered.
        7 => Settled,
    }
}

/// One step of an entry's history. Its hash stands in the batch that made it durable, so an
/// answer proves what it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Of which entry.
    pub entry: EntryId,
    /// Its number, from 1, without gaps.
    pub seq: u64,
    /// Hash of the step before; the entry's own name for the first.
    pub previous: Digest,
    /// What was done.
    pub kind: StepKind,
    /// By whose key; for a hold that was lifted, whose hold.
    pub key: PublicKey,
    /// Parts it is about.
    pub parts: u64,
    /// How many of them were beyond what there was: supplies without the ledger alone.
    pub over: u64,
    /// Until when it holds (reservations and holds), Unix milliseconds; else 0.
    pub until: u64,
    /// The order's clock, Unix milliseconds.
    pub stamp: u64,
    /// For later versions.
    pub ext: Extensions,
}

impl Step {
    /// `H("rx-step", step)`.
    pub fn digest(&self) -> Digest {
        hash(HashLabel::RxStep, self)
    }

    /// The leaf that stands for it in its batch.
    pub fn leaf(&self) -> BatchLeaf {
        BatchLeaf {
            mailbox: self.entry.place(),
            seq: self.seq,
            hash: self.digest(),
        }
    }
}

/// How an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryStanding {
    /// When that was so, by the order's clock, Unix milliseconds.
    pub now: u64,
    /// Parts that can be reserved.
    pub free: u64,
    /// Parts that were handed over.
    pub confirmed: u64,
    /// Parts set aside at this moment.
    pub reserved: u64,
    /// When the first of those is let go by itself; 0 if there is none.
    pub next_free: u64,
    /// Parts supplied without the ledger beyond what there was.
    pub over: u64,
    /// Until when a pharmacist has stopped it; 0 if nobody has.
    pub held_until: u64,
    /// When the prescriber ended it; 0 if not.
    pub cancelled: u64,
}

/// The answer to an act on an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerAnswer {
    /// How the entry stood right after it.
    pub standing: EntryStanding,
    /// The step it made, now or the first time; none for a look.
    pub step: Option<Step>,
    /// That the step is durable.
    pub receipt: Option<Receipt>,
    /// For later versions.
    pub ext: Extensions,
}

impl LedgerAnswer {
    /// Whether what it says was done is proved: the step is the receipt's leaf, and a quorum of
    /// these relays attest it. A look has nothing to prove.
    pub fn is_proved(&self, entry: &EntryId, relays: &[PublicKey], quorum: usize) -> bool {
        match (&self.step, &self.receipt) {
            (Some(step), Some(receipt)) => {
                step.entry == *entry && receipt.leaf == step.leaf() && receipt.verify(relays, quorum).is_ok()
            }
            (None, None) => true,
            _ => false,
        }
    }
}
