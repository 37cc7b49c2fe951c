//! Husks: what is left of an event whose payload is gone. Its hashes stay, so that the chain
//! can still be walked. Written by `reclaim` alone, which takes the whole event away with it.
//!
//! ```text
//! key    as for events: mailbox 32 | seq 8
//! value  as for events, without the ciphertext                                   >= 102
//! ```

use super::codec::Take;
use super::events::{self, Record};

pub(crate) const NAME: &str = "husks";

pub(crate) fn encode(r: &Record, out: &mut Vec<u8>) {
    events::encode(r, &[], out);
}

pub(crate) fn decode(seq: u64, value: &[u8]) -> Option<Record> {
    let mut t = Take(value);
    let record = events::take(seq, &mut t)?;
    t.end(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use telesphor_wire::ext::Extensions;
    use telesphor_wire::hash::Digest;
    use telesphor_wire::mailbox::{EventHeader, EventKind};

    proptest! {
        #[test]
        fn a_husk_is_its_event_without_the_payload(seq: u64, kind: u16, payload in prop::collection::vec(any::<u8>(), 1..99)) {
            let record = Record {
                header: EventHeader {
                    seq, kind: EventKind(kind), branch: 1, epoch: 2, stamp: 3,
                    size: payload.len() as u32, ext: Extensions::none(),
                },
                total: 4, payload_hash: Digest([5; 32]), hash: Digest([6; 32]),
            };
            let (mut husk, mut whole) = (Vec::new(), Vec::new());
            encode(&record, &mut husk);
            events::encode(&record, &payload, &mut whole);
            prop_assert_eq!(decode(seq, &husk), Some(record));
            prop_assert_eq!(decode(seq, &whole), None);
            prop_assert_eq!(events::decode(seq, &husk), None);
        }
    }
}
