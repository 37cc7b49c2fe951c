//! Access keys of shared mailboxes, one per epoch of a branch.
//!
//! ```text
//! key    mailbox 32 | branch 4 | epoch 8
//! value  key 32 | begins at 8 | ended 1, ended at 8, ended hash 32 | lease 8     = 89
//! ```

use telesphor_rules::state::AccessRecord;
use telesphor_wire::ids::MailboxId;

use super::codec::{Put, Take};

pub(crate) const NAME: &str = "access";

pub(crate) fn key(mailbox: &MailboxId, branch: u32, epoch: u64) -> [u8; 44] {
    let mut key = [0; 44];
    key[..32].copy_from_slice(&mailbox.0);
    key[32..36].copy_from_slice(&branch.to_be_bytes());
    key[36..].copy_from_slice(&epoch.to_be_bytes());
    key
}

pub(crate) fn encode(r: &AccessRecord, out: &mut Vec<u8>) {
    out.raw(&r.key.0);
    out.u64(r.begins_at);
    out.u8(u8::from(r.ended_at.is_some()));
    out.u64(r.ended_at.unwrap_or(0));
    out.raw(&r.ended_hash.0);
    out.u64(r.lease);
}

pub(crate) fn decode(value: &[u8]) -> Option<AccessRecord> {
    let mut t = Take(value);
    let (key, begins_at, ended, at) = (t.key()?, t.u64()?, t.flag()?, t.u64()?);
    let record = AccessRecord {
        key,
        begins_at,
        ended_at: ended.then_some(at),
        ended_hash: t.digest()?,
        lease: t.u64()?,
    };
    t.end(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use telesphor_wire::hash::Digest;
    use telesphor_wire::sign::PublicKey;

    proptest! {
        #[test]
        fn an_access_key_comes_back_as_it_was(
            k: [u8; 32], h: [u8; 32], begins_at: u64, ended_at: Option<u64>, lease: u64,
        ) {
            let record = AccessRecord { key: PublicKey(k), begins_at, ended_at, ended_hash: Digest(h), lease };
            let mut out = Vec::new();
            encode(&record, &mut out);
            prop_assert_eq!(out.len(), 89);
            prop_assert_eq!(decode(&out), Some(record));
            prop_assert_eq!(decode(&out[..88]), None);
        }
    }
}
