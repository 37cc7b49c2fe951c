//! Spent vouchers, until they would be worthless anyway.
//!
//! ```text
//! key    H("admission", voucher) 32
//! value  until 8 | partition 2                                                   = 10
//! ```

use super::codec::{Put, Take};

pub(crate) const NAME: &str = "vouchers";

pub(crate) fn encode(until: u64, partition: u16, out: &mut Vec<u8>) {
    out.u64(until);
    out.u16(partition);
}

/// When and by whose clock an entry may go.
pub(crate) fn expiry(value: &[u8]) -> Option<(u64, u16)> {
    let mut t = Take(value);
    let parsed = (t.u64()?, t.u16()?);
    t.end(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_spent_voucher_comes_back_as_it_was(until: u64, partition: u16) {
            let mut out = Vec::new();
            encode(until, partition, &mut out);
            prop_assert_eq!(expiry(&out), Some((until, partition)));
            prop_assert_eq!(expiry(&out[..9]), None);
        }
    }
}
