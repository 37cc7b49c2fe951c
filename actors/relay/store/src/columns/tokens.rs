//! Admission tokens, as hashes: a thief of the disk enrols nobody.
//!
//! ```text
//! key    H("admission", token) 32
//! value  class 2 | uses left 4 | until 8                                         = 14
//! ```

use telesphor_rules::facts::Token;

use super::codec::{Put, Take};

pub(crate) const NAME: &str = "tokens";

pub(crate) fn encode(t: &Token, out: &mut Vec<u8>) {
    out.u16(t.class);
    out.u32(t.uses);
    out.u64(t.until);
}

pub(crate) fn decode(value: &[u8]) -> Option<Token> {
    let mut t = Take(value);
    let token = Token {
        class: t.u16()?,
        uses: t.u32()?,
        until: t.u64()?,
    };
    t.end(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_token_comes_back_as_it_was(class: u16, uses: u32, until: u64) {
            let token = Token { class, uses, until };
            let mut out = Vec::new();
            encode(&token, &mut out);
            prop_assert_eq!(decode(&out), Some(token));
            prop_assert_eq!(decode(&out[..13]), None);
        }
    }
}
