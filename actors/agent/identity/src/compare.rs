//! What two people compare to know that nobody stands between them.

use telesphor_wire::hash::{Digest, hash};
use telesphor_wire::ids::IdentityId;
use telesphor_wire::labels::HashLabel;

use crate::words::WORDS;

/// Words to read to each other; fewer than this are within reach of somebody who makes
/// identities until the words fit.
pub const COMPARE_WORDS: usize = 6;

/// What both sides derive from the two identities, in whichever order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison(Digest);

impl Comparison {
    /// `H("safety-number", sorted ids)`.
    pub fn of(one: &IdentityId, other: &IdentityId) -> Self {
        let mut ids = [*one, *other];
        ids.sort_unstable();
        Self(hash(HashLabel::SafetyNumber, &ids))
    }

    /// The same words and digits for something else that two screens show.
    pub const fn of_digest(digest: Digest) -> Self {
        Self(digest)
    }

    /// 60 digits in twelve groups of five. Each group of 32 bits is taken modulo 100,000, so
    /// about 16.6 bits of it count; the first 8 groups come from the hash, the last 4 from the
    /// hash of the hash.
    pub fn digits(&self) -> String {
        let more = hash(HashLabel::SafetyNumber, &self.0);
        self.0
            .0
            .chunks_exact(4)
            .chain(more.0.chunks_exact(4).take(4))
            .map(|c| format!("{:05}", u32::from_be_bytes([c[0], c[1], c[2], c[3]]) % 100_000))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// `count` words of 10 bits each (at most 25), to be read aloud. Take at least
    /// [`COMPARE_WORDS`] where somebody may have chosen his identity to deceive; three are a
    /// reminder of the same thing.
    pub fn words(&self, count: usize) -> Vec<&'static str> {
        (0..count.min(25))
            .map(|i| {
                let bits = (0..10).fold(0usize, |acc, b| {
                    let bit = i * 10 + b;
                    acc << 1 | usize::from(self.0.0[bit / 8] >> (7 - bit % 8) & 1)
                });
                WORDS[bits]
            })
            .collect()
    }

    /// The bytes behind both forms, for a code to be scanned.
    pub const fn digest(&self) -> &Digest {
        &self.0
    }
}
