//! Events, whole: what the chain covers, the chain itself, and the ciphertext. The values lie in
//! blob files beside the tree, so that merging moves 40-byte keys and not the payloads.
//!
//! One record for an event, since every record costs its writer and two background threads as
//! much as the bytes in it. A payload that was erased or let go is hidden by its mailbox's head
//! and profile from then on; it lies here until the next reclaim, which moves the rest to the
//! [husks](super::husks).
//!
//! ```text
//! key    mailbox 32 | seq 8
//! value  kind 2 | branch 4 | epoch 8 | stamp 8 | size 4 | total 8 | payload hash 32
//!        | chain hash 32 | length 4, canonical extensions (0: none)              >= 102
//!        | the ciphertext as it came, `size` bytes
//! ```

use telesphor_rules::facts::EventMark;
use telesphor_wire::canonical;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::Digest;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::mailbox::{EventHeader, EventKind};

use super::codec::{Put, Take};

pub(crate) const NAME: &str = "events";

/// One event as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) header: EventHeader,
    /// Sizes of all payloads up to and including this one.
    pub(crate) total: u64,
    pub(crate) payload_hash: Digest,
    /// Chain hash after it.
    pub(crate) hash: Digest,
}

impl Record {
    pub(crate) fn mark(&self) -> EventMark {
        EventMark {
            stamp: self.header.stamp,
            total: self.total,
        }
    }
}

/// Events and husks share their keys.
pub(crate) fn key(mailbox: &MailboxId, seq: u64) -> [u8; 40] {
    let mut key = [0; 40];
    key[..32].copy_from_slice(&mailbox.0);
    key[32..].copy_from_slice(&seq.to_be_bytes());
    key
}

pub(crate) fn parse_key(key: &[u8]) -> Option<(MailboxId, u64)> {
    let mut t = Take(key);
    let parsed = (MailboxId(t.bytes32()?), t.u64()?);
    t.end(parsed)
}

pub(crate) fn encode(r: &Record, payload: &[u8], out: &mut Vec<u8>) {
    out.u16(r.header.kind.0);
    out.u32(r.header.branch);
    out.u64(r.header.epoch);
    out.u64(r.header.stamp);
    out.u32(r.header.size);
    out.u64(r.total);
    out.raw(&r.payload_hash.0);
    out.raw(&r.hash.0);
    match r.header.ext == Extensions::none() {
        true => out.sized(&[]),
        false => out.sized(&canonical::encode(&r.header.ext)),
    }
    out.raw(payload);
}

/// The record and its ciphertext.
pub(crate) fn decode(seq: u64, value: &[u8]) -> Option<(Record, &[u8])> {
    let mut t = Take(value);
    let record = take(seq, &mut t)?;
    (t.0.len() == record.header.size as usize).then_some((record, t.0))
}

/// The record, up to where the ciphertext begins.
pub(crate) fn take(seq: u64, t: &mut Take<'_>) -> Option<Record> {
    let (kind, branch, epoch, stamp, size) = (EventKind(t.u16()?), t.u32()?, t.u64()?, t.u64()?, t.u32()?);
    let (total, payload_hash, hash) = (t.u64()?, t.digest()?, t.digest()?);
    let ext = match t.sized()? {
        [] => Extensions::none(),
        bytes => canonical::decode(bytes).ok()?,
    };
    let header = EventHeader {
        seq,
        kind,
        branch,
        epoch,
        stamp,
        size,
        ext,
    };
    Some(Record {
        header,
        total,
        payload_hash,
        hash,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use telesphor_wire::ext::Extension;

    proptest! {
        #[test]
        fn an_event_comes_back_as_it_was(
            n in any::<[u64; 4]>(), kind: u16, branch: u32, h in any::<[[u8; 32]; 2]>(), ext: Option<u32>,
            payload in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let extensions = match ext {
                Some(id) => Extensions::none().with(Extension { id, critical: false, body: vec![1, 2].into() }),
                None => Extensions::none(),
            };
            let record = Record {
                header: EventHeader {
                    seq: n[0], kind: EventKind(kind), branch, epoch: n[1], stamp: n[2],
                    size: payload.len() as u32, ext: extensions,
                },
                total: n[3], payload_hash: Digest(h[0]), hash: Digest(h[1]),
            };
            let mut out = Vec::new();
            encode(&record, &payload, &mut out);
            prop_assert_eq!(decode(n[0], &out), Some((record, payload.as_slice())));
            prop_assert_eq!(decode(n[0], &out[..out.len() - 1]), None);
            out.push(0);
            prop_assert_eq!(decode(n[0], &out), None);
            prop_assert_eq!(parse_key(&key(&MailboxId(h[0]), n[1])), Some((MailboxId(h[0]), n[1])));
        }

        #[test]
        fn events_of_a_mailbox_lie_in_their_order(id: [u8; 32], a: u64, b: u64) {
            prop_assert_eq!(key(&MailboxId(id), a).cmp(&key(&MailboxId(id), b)), a.cmp(&b));
        }
    }
}
