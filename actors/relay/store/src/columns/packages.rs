//! Key packages that wait for a contact, and the record of how many.
//!
//! ```text
//! key    mailbox 32 | contact 32 | 0            value  first 8 | next 8 | last resort 1   = 17
//! key    mailbox 32 | contact 32 | 1 | number 8 value  a one-time package
//! key    mailbox 32 | contact 32 | 2            value  the last-resort package
//! ```

use telesphor_rules::facts::{PackageId, Stock};
use telesphor_wire::ids::MailboxId;
use telesphor_wire::sign::PublicKey;

use super::codec::{Put, Take};

pub(crate) const NAME: &str = "packages";

fn prefix(mailbox: &MailboxId, contact: &PublicKey, tag: u8) -> Vec<u8> {
    let mut key = Vec::with_capacity(73);
    key.raw(&mailbox.0);
    key.raw(&contact.0);
    key.u8(tag);
    key
}

pub(crate) fn stock_key(mailbox: &MailboxId, contact: &PublicKey) -> Vec<u8> {
    prefix(mailbox, contact, 0)
}

pub(crate) fn package_key(mailbox: &MailboxId, contact: &PublicKey, id: PackageId) -> Vec<u8> {
    match id {
        PackageId::Once(number) => {
            let mut key = prefix(mailbox, contact, 1);
            key.u64(number);
            key
        }
        PackageId::LastResort => prefix(mailbox, contact, 2),
    }
}

pub(crate) fn encode(s: &Stock, out: &mut Vec<u8>) {
    out.u64(s.first);
    out.u64(s.next);
    out.u8(u8::from(s.last_resort));
}

pub(crate) fn decode(value: &[u8]) -> Option<Stock> {
    let mut t = Take(value);
    let stock = Stock {
        first: t.u64()?,
        next: t.u64()?,
        last_resort: t.flag()?,
    };
    t.end(stock)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_stock_comes_back_as_it_was(first: u64, next: u64, last_resort: bool) {
            let stock = Stock { first, next, last_resort };
            let mut out = Vec::new();
            encode(&stock, &mut out);
            prop_assert_eq!(decode(&out), Some(stock));
            prop_assert_eq!(decode(&out[..16]), None);
        }

        #[test]
        fn no_two_packages_share_a_key(a: u64, b: u64) {
            let (m, c) = (MailboxId([1; 32]), PublicKey([2; 32]));
            let once = |n| package_key(&m, &c, PackageId::Once(n));
            prop_assert_eq!(once(a) == once(b), a == b);
            prop_assert!(once(a) != package_key(&m, &c, PackageId::LastResort));
            prop_assert!(once(a) != stock_key(&m, &c));
        }
    }
}
