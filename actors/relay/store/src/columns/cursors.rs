//! Where each partition stands: written with every group, in the same batch as its effects.
//!
//! ```text
//! key    partition 2
//! value  position 8 | head digest 32 | clock 8                                   = 48
//! ```

use telesphor_wire::ids::PartitionId;

use super::codec::{Put, Take};
use crate::reader::PartitionHead;

pub(crate) const NAME: &str = "cursors";

pub(crate) fn key(partition: PartitionId) -> [u8; 2] {
    partition.0.to_be_bytes()
}

pub(crate) fn encode(h: &PartitionHead, out: &mut Vec<u8>) {
    out.u64(h.position);
    out.raw(&h.head.0);
    out.u64(h.clock);
}

pub(crate) fn decode(value: &[u8]) -> Option<PartitionHead> {
    let mut t = Take(value);
    let head = PartitionHead {
        position: t.u64()?,
        head: t.digest()?,
        clock: t.u64()?,
    };
    t.end(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use telesphor_wire::hash::Digest;

    proptest! {
        #[test]
        fn a_cursor_comes_back_as_it_was(position: u64, head: [u8; 32], clock: u64) {
            let cursor = PartitionHead { position, head: Digest(head), clock };
            let mut out = Vec::new();
            encode(&cursor, &mut out);
            prop_assert_eq!(decode(&out), Some(cursor));
            prop_assert_eq!(decode(&out[..47]), None);
        }
    }
}
