//! Delivery records: sealed to the owner, a bounded ring for each mailbox.
//!
//! ```text
//! key    mailbox 32                value  first 8 | newest 8
//! key    mailbox 32 | number 8     value  encapsulated key 1120 | ciphertext 528
//! key    "life" (4)                value  torn 8 | open 1
//! ```
//! `torn`: when a relay began again after an end in which records can have been lost. `open`:
//! records were written since, and the end has not come in good order yet.

use telesphor_rules::records::Ring;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::ids::MailboxId;
use telesphor_wire::records::{CIPHERTEXT_BYTES, SealedRecord};
use telesphor_wire::seal::{Sealed, X_WING_ENC_BYTES};

use super::codec::{Put, Take};

pub(crate) const NAME: &str = "records";
pub(crate) const LIFE: &[u8] = b"life";

/// How the writing of records stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) torn: u64,
    pub(crate) open: bool,
}

pub(crate) fn key(mailbox: &MailboxId, number: u64) -> [u8; 40] {
    let mut key = [0; 40];
    key[..32].copy_from_slice(&mailbox.0);
    key[32..].copy_from_slice(&number.to_be_bytes());
    key
}

/// The number in a key of this mailbox.
pub(crate) fn number(mailbox: &MailboxId, key: &[u8]) -> Option<u64> {
    let rest = key.strip_prefix(&mailbox.0[..])?;
    rest.try_into().ok().map(u64::from_be_bytes)
}

pub(crate) fn encode_ring(ring: &Ring, out: &mut Vec<u8>) {
    out.u64(ring.first);
    out.u64(ring.newest);
}

pub(crate) fn decode_ring(value: &[u8]) -> Option<Ring> {
    let mut t = Take(value);
    let ring = Ring {
        first: t.u64()?,
        newest: t.u64()?,
    };
    t.end(ring)
}

/// Fixed in size, as [`SealedRecord::has_its_size`] says.
pub(crate) fn encode(record: &SealedRecord, out: &mut Vec<u8>) {
    out.raw(&record.sealed.enc);
    out.raw(&record.sealed.ciphertext);
}

pub(crate) fn decode(number: u64, value: &[u8]) -> Option<SealedRecord> {
    let mut t = Take(value);
    let record = SealedRecord {
        number,
        sealed: Sealed {
            enc: Bytes(t.raw(X_WING_ENC_BYTES)?.to_vec()),
            ciphertext: Bytes(t.raw(CIPHERTEXT_BYTES)?.to_vec()),
        },
    };
    t.end(record)
}

pub(crate) fn encode_life(life: &Life, out: &mut Vec<u8>) {
    out.u64(life.torn);
    out.u8(u8::from(life.open));
}

pub(crate) fn decode_life(value: &[u8]) -> Option<Life> {
    let mut t = Take(value);
    let life = Life {
        torn: t.u64()?,
        open: t.flag()?,
    };
    t.end(life)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_record_comes_back_as_it_was(id: [u8; 32], n: u64, m: u64, byte: u8, open: bool) {
            let mailbox = MailboxId(id);
            prop_assert_eq!(number(&mailbox, &key(&mailbox, n)), Some(n));
            prop_assert_eq!(number(&MailboxId([!id[0]; 32]), &key(&mailbox, n)), None);
            let record = SealedRecord {
                number: n,
                sealed: Sealed {
                    enc: Bytes(vec![byte; X_WING_ENC_BYTES]),
                    ciphertext: Bytes(vec![!byte; CIPHERTEXT_BYTES]),
                },
            };
            let mut out = Vec::new();
            encode(&record, &mut out);
            prop_assert_eq!(decode(n, &out), Some(record));
            prop_assert_eq!(decode(n, &out[1..]), None);
            let (ring, life) = (Ring { first: n, newest: m }, Life { torn: m, open });
            let mut out = Vec::new();
            encode_ring(&ring, &mut out);
            prop_assert_eq!(decode_ring(&out), Some(ring));
            let mut out = Vec::new();
            encode_life(&life, &mut out);
            prop_assert_eq!(decode_life(&out), Some(life));
        }
    }
}
