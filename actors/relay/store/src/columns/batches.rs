//! Batches: head and leaves, so that a receipt can be built again and the chain walked.
//!
//! ```text
//! key    partition 2 | position 8
//! value  length 4, canonical head | leaf (mailbox 32, seq 8, hash 32) each
//! ```

use telesphor_wire::canonical;
use telesphor_wire::ids::{MailboxId, PartitionId};
use telesphor_wire::receipt::{BatchHead, BatchLeaf};

use super::codec::{Put, Take};

pub(crate) const NAME: &str = "batches";

pub(crate) fn key(partition: PartitionId, position: u64) -> [u8; 10] {
    let mut key = [0; 10];
    key[..2].copy_from_slice(&partition.0.to_be_bytes());
    key[2..].copy_from_slice(&position.to_be_bytes());
    key
}

pub(crate) fn encode(head: &BatchHead, leaves: &[BatchLeaf], out: &mut Vec<u8>) {
    out.sized(&canonical::encode(head));
    for leaf in leaves {
        out.raw(&leaf.mailbox.0);
        out.u64(leaf.seq);
        out.raw(&leaf.hash.0);
    }
}

pub(crate) fn decode(value: &[u8]) -> Option<(BatchHead, Vec<BatchLeaf>)> {
    let mut t = Take(value);
    let head = canonical::decode(t.sized()?).ok()?;
    let mut leaves = Vec::with_capacity(t.0.len() / 72);
    while !t.is_empty() {
        leaves.push(BatchLeaf {
            mailbox: MailboxId(t.bytes32()?),
            seq: t.u64()?,
            hash: t.digest()?,
        });
    }
    Some((head, leaves))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use telesphor_wire::ext::Extensions;
    use telesphor_wire::hash::Digest;
    use telesphor_wire::ids::Incarnation;

    proptest! {
        #[test]
        fn a_batch_comes_back_as_it_was(
            h in any::<[[u8; 32]; 3]>(), partition: u16, position: u64, stamp: u64,
            leaves in prop::collection::vec(any::<([u8; 32], u64, [u8; 32])>(), 0..8),
        ) {
            let head = BatchHead {
                previous: Digest(h[0]), root: Digest(h[1]), incarnation: Incarnation(h[2]),
                partition: PartitionId(partition), position, stamp, ext: Extensions::none(),
            };
            let leaves: Vec<_> = leaves
                .into_iter()
                .map(|(m, seq, d)| BatchLeaf { mailbox: MailboxId(m), seq, hash: Digest(d) })
                .collect();
            let mut out = Vec::new();
            encode(&head, &leaves, &mut out);
            prop_assert_eq!(decode(&out), Some((head, leaves)));
            out.push(0);
            prop_assert_eq!(decode(&out), None);
        }
    }
}
