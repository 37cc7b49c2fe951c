//! Mailboxes from which something is, or was, to be passed on to another domain. Written with the
//! event itself, so that a relay that starts knows where to look. They lie in the family of the
//! store's own record: they are few, and stores of this format need no other family for them.
//!
//! ```text
//! key    "outbox" | mailbox 32
//! value  the last such event 8
//! ```

use telesphor_wire::ids::MailboxId;

use super::codec::{Put, Take};

pub(crate) use super::meta::NAME;
pub(crate) const PREFIX: &[u8] = b"outbox";

pub(crate) fn key(mailbox: &MailboxId) -> [u8; 38] {
    let mut key = [0; 38];
    key[..6].copy_from_slice(PREFIX);
    key[6..].copy_from_slice(&mailbox.0);
    key
}

/// The mailbox of a key.
pub(crate) fn mailbox(key: &[u8]) -> Option<MailboxId> {
    key.strip_prefix(PREFIX)?.try_into().ok().map(MailboxId)
}

pub(crate) fn encode(last: u64, out: &mut Vec<u8>) {
    out.u64(last);
}

pub(crate) fn decode(value: &[u8]) -> Option<u64> {
    let mut t = Take(value);
    let last = t.u64()?;
    t.end(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_outbox_comes_back_as_it_was(id: [u8; 32], last: u64) {
            let mailbox_id = MailboxId(id);
            prop_assert_eq!(mailbox(&key(&mailbox_id)), Some(mailbox_id));
            prop_assert_eq!(mailbox(super::super::meta::KEY), None);
            let mut out = Vec::new();
            encode(last, &mut out);
            prop_assert_eq!(decode(&out), Some(last));
            prop_assert_eq!(decode(&out[..7]), None);
        }
    }
}
