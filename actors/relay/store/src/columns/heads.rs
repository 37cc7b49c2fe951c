//! Heads of mailboxes: rewritten with every event, once per group.
//!
//! ```text
//! key    mailbox 32
//! value  seq 8 | hash 32 | stamp 8 | branch 4 | epoch 8 | access 32 | lease 8 | counter 8
//!        | total 8 | kept bytes 8 | kept events 8 | acknowledged 8 | floor 8 | floor total 8
//!        | oldest 8                                                              = 164
//! ```

use telesphor_rules::state::Head;

use super::codec::{Put, Take};

pub(crate) const NAME: &str = "heads";

pub(crate) fn encode(h: &Head, out: &mut Vec<u8>) {
    out.u64(h.seq);
    out.raw(&h.hash.0);
    out.u64(h.stamp);
    out.u32(h.branch);
    out.u64(h.epoch);
    out.raw(&h.access.0);
    for n in [
        h.lease,
        h.counter,
        h.total,
        h.kept_bytes,
        h.kept_events,
        h.acknowledged,
    ] {
        out.u64(n);
    }
    for n in [h.floor, h.floor_total, h.oldest] {
        out.u64(n);
    }
}

pub(crate) fn decode(value: &[u8]) -> Option<Head> {
    let mut t = Take(value);
    let head = Head {
        seq: t.u64()?,
        hash: t.digest()?,
        stamp: t.u64()?,
        branch: t.u32()?,
        epoch: t.u64()?,
        access: t.key()?,
        lease: t.u64()?,
        counter: t.u64()?,
        total: t.u64()?,
        kept_bytes: t.u64()?,
        kept_events: t.u64()?,
        acknowledged: t.u64()?,
        floor: t.u64()?,
        floor_total: t.u64()?,
        oldest: t.u64()?,
    };
    t.end(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use telesphor_wire::hash::Digest;
    use telesphor_wire::sign::PublicKey;

    proptest! {
        #[test]
        fn a_head_comes_back_as_it_was(n in any::<[u64; 12]>(), branch: u32, hash: [u8; 32], key: [u8; 32]) {
            let head = Head {
                seq: n[0], hash: Digest(hash), stamp: n[1], branch, epoch: n[2], access: PublicKey(key),
                lease: n[3], counter: n[4], total: n[5], kept_bytes: n[6], kept_events: n[7],
                acknowledged: n[8], floor: n[9], floor_total: n[10], oldest: n[11],
            };
            let mut out = Vec::new();
            encode(&head, &mut out);
            prop_assert_eq!(out.len(), 164);
            prop_assert_eq!(decode(&out), Some(head));
            prop_assert_eq!(decode(&out[1..]), None);
        }
    }
}
