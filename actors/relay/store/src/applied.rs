//! What goes into a group and what comes out of it.

use std::sync::Arc;

use telesphor_rules::effects::{Gave, Place};
use telesphor_rules::prepared::{Hashed, Prepared};
use telesphor_wire::answer::Refusal;
use telesphor_wire::batch::Batch;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::command::Command;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::{MailboxId, PartitionId};
use telesphor_wire::mailbox::{Event, EventHeader};
use telesphor_wire::receipt::{BatchHead, BatchLeaf, BatchTree, Receipt};

/// One record of a partition's order.
#[derive(Clone, Debug)]
pub struct Ordered {
    /// Which partition.
    pub partition: PartitionId,
    /// Position in its order; must follow the last one applied.
    pub position: u64,
    /// The commands. Shared, because payloads are not copied on their way to followers.
    pub batch: Arc<Batch>,
    /// What was made of each submission when it was taken in, in their order. Empty where that
    /// was elsewhere: then it is made here.
    pub hashed: Vec<Hashed>,
}

impl Ordered {
    pub(crate) fn prepared(&self) -> Vec<Prepared<'_>> {
        let submissions = &self.batch.submissions;
        let made;
        let hashed = if self.hashed.len() == submissions.len() {
            &self.hashed
        } else {
            made = Hashed::of_all(submissions.iter());
            &made
        };
        let both = submissions.iter().zip(hashed);
        both.map(|(s, hashed)| Prepared::with(s, hashed)).collect()
    }
}

/// A batch after it was applied and synced.
#[derive(Clone, Debug)]
pub struct Applied {
    /// Which partition.
    pub partition: PartitionId,
    /// Position in its order.
    pub position: u64,
    /// Its head; the relay attests the digest of this.
    pub head: BatchHead,
    /// [`BatchHead::digest`] of it.
    pub digest: Digest,
    /// One leaf for each accepted command that concerns a mailbox or the ledger.
    pub leaves: Vec<BatchLeaf>,
    /// The tree over them.
    pub tree: BatchTree,
    /// One for each submission, in order.
    pub outcomes: Vec<Outcome>,
    /// The new events, in order, for followers.
    pub fresh: Vec<Fresh>,
}

/// What became of one submission.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Refused; nothing changed.
    Refused(Refusal),
    /// Done and durable on this disk.
    Accepted(Done),
    /// Done and durable earlier; its receipt is built from its place ([`crate::Reader::receipt`]).
    Repeated(Done),
    /// A question, answered as of this place in the order.
    Told(Gave),
}

/// Where a command stands, and what it gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Partition, position and leaf.
    pub place: Place,
    /// Beside the receipt.
    pub gave: Gave,
}

/// A new event, with its payload still in the batch that brought it.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// Which mailbox.
    pub mailbox: MailboxId,
    /// What the chain covers.
    pub header: EventHeader,
    /// `H("payload", payload)`.
    pub payload_hash: Digest,
    /// Chain hash after it.
    pub hash: Digest,
    /// Where the payload lies.
    pub(crate) payload: FreshPayload,
}

#[derive(Clone, Debug)]
pub(crate) enum FreshPayload {
    /// In the deposit of this index.
    InBatch(Arc<Batch>, usize),
    /// Made by the rules (commits, owner's acts).
    Own(Arc<Bytes>),
}

impl Fresh {
    /// The ciphertext.
    pub fn payload(&self) -> &[u8] {
        match &self.payload {
            FreshPayload::Own(bytes) => bytes,
            FreshPayload::InBatch(batch, index) => match batch.submissions.get(*index).map(|s| &s.command) {
                Some(Command::Deposit(d)) => &d.payload,
                _ => &[],
            },
        }
    }

    /// The event as a reader gets it; copies the payload.
    pub fn event(&self) -> Event {
        Event {
            header: self.header.clone(),
            payload_hash: self.payload_hash,
            payload: Some(self.payload().into()),
        }
    }
}

impl Applied {
    /// The receipt of a leaf, still without attestations.
    pub fn receipt(&self, leaf: u32) -> Option<Receipt> {
        receipt(&self.head, &self.leaves, &self.tree, leaf)
    }
}

pub(crate) fn receipt(
    head: &BatchHead,
    leaves: &[BatchLeaf],
    tree: &BatchTree,
    index: u32,
) -> Option<Receipt> {
    Some(Receipt {
        leaf: *leaves.get(index as usize)?,
        index,
        count: u32::try_from(leaves.len()).ok()?,
        path: tree.path(index),
        head: head.clone(),
        attests: Vec::new(),
    })
}
