//! What the store is.
//!
//! ```text
//! key    "store"
//! value  format 4 | incarnation 32 | partitions 2 | domain name
//! ```

use telesphor_wire::ids::Incarnation;

use super::codec::{Put, Take};

pub(crate) const NAME: &str = "meta";
pub(crate) const KEY: &[u8] = b"store";

/// Layout of every record in every column family. Before 2 events and payloads were two records;
/// before 3 there was no ledger; before 4 nothing was remembered that was not decided.
pub(crate) const FORMAT: u32 = 4;

/// What the store says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) format: u32,
    pub(crate) incarnation: Incarnation,
    pub(crate) partitions: u16,
    pub(crate) domain: String,
}

pub(crate) fn encode(m: &Meta) -> Vec<u8> {
    let mut out = Vec::new();
    out.u32(m.format);
    out.raw(&m.incarnation.0);
    out.u16(m.partitions);
    out.raw(m.domain.as_bytes());
    out
}

pub(crate) fn decode(value: &[u8]) -> Option<Meta> {
    let mut t = Take(value);
    Some(Meta {
        format: t.u32()?,
        incarnation: Incarnation(t.bytes32()?),
        partitions: t.u16()?,
        domain: String::from_utf8(t.0.to_vec()).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_store_knows_itself_again(format: u32, id: [u8; 32], partitions: u16, domain in "[a-z.]{1,30}") {
            let meta = Meta { format, incarnation: Incarnation(id), partitions, domain };
            prop_assert_eq!(decode(&encode(&meta)), Some(meta));
        }
    }
}
