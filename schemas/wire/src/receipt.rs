//! Receipts: a relay's signed word that an event stands at a position and is durable.
//!
//! Every group commit of a partition is a batch. Its events are the leaves of a binary
//! tree; the batch head binds the tree's root to the batch before it. A receipt holds one
//! leaf, its path and the attestations, so it proves *this* event and a time by itself.

use serde::{Deserialize, Serialize};

use crate::ext::Extensions;
use crate::hash::{Digest, hash};
use crate::ids::{Incarnation, MailboxId, PartitionId};
use crate::labels::{HashLabel, SignLabel};
use crate::sign::{PublicKey, Signature, Signed};
use crate::{limits, list};

/// A leaf: after this command the mailbox stood here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchLeaf {
    /// Which mailbox.
    pub mailbox: MailboxId,
    /// Its last event then.
    pub seq: u64,
    /// The chain hash of that event.
    pub hash: Digest,
}

impl BatchLeaf {
    /// `H("batch-leaf", leaf)`.
    pub fn digest(&self) -> Digest {
        hash(HashLabel::BatchLeaf, self)
    }
}

/// What a batch head is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchHead {
    /// Head of the batch before; all zero for the first of an incarnation.
    pub previous: Digest,
    /// Root of the tree over this batch's leaves.
    pub root: Digest,
    /// The store's life.
    pub incarnation: Incarnation,
    /// Which partition.
    pub partition: PartitionId,
    /// Position in the partition's order, from 1, without gaps.
    pub position: u64,
    /// The order's clock, Unix milliseconds.
    pub stamp: u64,
    /// For later versions.
    pub ext: Extensions,
}

impl BatchHead {
    /// `H("batch-head", head)`: what relays attest.
    pub fn digest(&self) -> Digest {
        hash(HashLabel::BatchHead, self)
    }
}

/// What a relay signs after its own fsync.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttestStatement {
    /// Which partition.
    pub partition: PartitionId,
    /// The store's life.
    pub incarnation: Incarnation,
    /// Position in the order.
    pub position: u64,
    /// [`BatchHead::digest`].
    pub head: Digest,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for AttestStatement {
    const LABEL: SignLabel = SignLabel::Attest;
}

/// One relay's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attest {
    /// The relay's attesting key.
    pub relay: PublicKey,
    /// For later versions; stands in the [`AttestStatement`] too.
    pub ext: Extensions,
    /// Over the [`AttestStatement`] of the head.
    pub signature: Signature,
}

/// The proof that one leaf is durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// What is proved.
    pub leaf: BatchLeaf,
    /// Index of the leaf in its batch. Index and count only say on which side each sibling
    /// stands; the head does not bind them, so they prove nothing by themselves.
    pub index: u32,
    /// Leaves in the batch.
    pub count: u32,
    /// Sibling hashes from the leaf upwards; a node without sibling moves up as it is.
    #[serde(deserialize_with = "list::bounded::<{ limits::MAX_PATH }, _, _>")]
    pub path: Vec<Digest>,
    /// The head the root stands in.
    pub head: BatchHead,
    /// By a majority of the partition's relays (one, if there is one).
    #[serde(deserialize_with = "list::bounded::<{ limits::MAX_ATTESTS }, _, _>")]
    pub attests: Vec<Attest>,
}

/// Why a receipt proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReceipt {
    /// Path, root or index do not fit together.
    #[error("the receipt's path does not lead to its head")]
    Path,
    /// Too few good attestations by relays of the pinned domain record.
    #[error("the receipt lacks attestations by a majority of the relays")]
    Attests,
}

impl Receipt {
    /// Checks path and attestations against the relays of a pinned domain record; `quorum`
    /// of them must have signed.
    ///
    /// # Errors
    /// [`BadReceipt`].
    pub fn verify(&self, relays: &[PublicKey], quorum: usize) -> Result<(), BadReceipt> {
        if self.path.len() > limits::MAX_PATH || self.attests.len() > limits::MAX_ATTESTS {
            return Err(BadReceipt::Path);
        }
        if root_of_path(self.leaf.digest(), self.index, self.count, &self.path) != Some(self.head.root) {
            return Err(BadReceipt::Path);
        }
        let statement = self.statement();
        let counts = |a: &Attest| {
            let said = AttestStatement {
                ext: a.ext.clone(),
                ..statement.clone()
            };
            // A word that depends on something not known here is no word yet.
            a.ext.check(&[]).is_ok() && a.relay.verify(&said, &a.signature).is_ok()
        };
        let mut voters: Vec<_> = self
            .attests
            .iter()
            .filter(|a| relays.contains(&a.relay) && counts(a))
            .map(|a| a.relay)
            .collect();
        voters.sort_unstable();
        voters.dedup();
        if voters.len() < quorum.max(1) {
            Err(BadReceipt::Attests)
        } else {
            Ok(())
        }
    }

    /// What its attestations sign, each with its own extensions.
    pub fn statement(&self) -> AttestStatement {
        AttestStatement {
            partition: self.head.partition,
            incarnation: self.head.incarnation,
            position: self.head.position,
            head: self.head.digest(),
            ext: Extensions::none(),
        }
    }
}

fn node(left: &Digest, right: &Digest) -> Digest {
    hash(HashLabel::BatchNode, &(left, right))
}

/// The tree over a batch: every level, leaves first. Made once per batch, then asked for
/// the path of each leaf.
#[derive(Clone, Debug)]
pub struct BatchTree(Vec<Vec<Digest>>);

impl BatchTree {
    /// Builds the tree over leaf digests (at least one).
    pub fn new(leaves: Vec<Digest>) -> Self {
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|l| l.len() > 1) {
            let above = below
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => node(left, right),
                    [single] => *single,
                    _ => Digest([0; 32]),
                })
                .collect();
            levels.push(above);
        }
        Self(levels)
    }

    /// The root; all zero for no leaves.
    pub fn root(&self) -> Digest {
        self.0
            .last()
            .and_then(|l| l.first())
            .copied()
            .unwrap_or(Digest([0; 32]))
    }

    /// The siblings of a leaf, from below upwards.
    pub fn path(&self, index: u32) -> Vec<Digest> {
        let mut index = index as usize;
        let mut path = Vec::with_capacity(self.0.len());
        for level in &self.0 {
            if let Some(sibling) = level.get(index ^ 1) {
                path.push(*sibling);
            }
            index /= 2;
        }
        path
    }
}

/// The root that a leaf and its path lead to, or none if the path has the wrong length.
fn root_of_path(leaf: Digest, index: u32, count: u32, path: &[Digest]) -> Option<Digest> {
    if index >= count {
        return None;
    }
    let (mut hash, mut index, mut width) = (leaf, index, count);
    let mut siblings = path.iter();
    while width > 1 {
        if index ^ 1 < width {
            let sibling = siblings.next()?;
            hash = if index % 2 == 0 {
                node(&hash, sibling)
            } else {
                node(sibling, &hash)
            };
        }
        index /= 2;
        width = width.div_ceil(2);
    }
    siblings.next().is_none().then_some(hash)
}
