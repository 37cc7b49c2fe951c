//! Many short inputs hashed side by side.
//!
//! BLAKE3 hashes the chunks of one input (1,024 bytes each) side by side, as many as the processor's
//! vectors hold. A sealed message is one chunk and a little: alone it goes block after block and
//! leaves the vectors empty. Here the first chunks of several inputs go together:
//!
//! ```text
//!   input 0   [ chunk 0 ][rest]        chunk 0 of each: one call, side by side
//!   input 1   [ chunk 0 ][rest]        rest, and the node above both: one after the other
//!   input 2   [ chunk 0 ]              an input of exactly one chunk: its chunk is its root
//! ```
//!
//! The results are those of [`super::hash_bytes`], byte by byte. Only this file touches
//! `blake3::platform`, which the crate exports without promising it, wherefore the workspace names
//! that crate's exact version (ADR 0076).

use blake3::hazmat::{ChainingValue, ContextKey, HasherExt, Mode, merge_subtrees_root};
use blake3::platform::Platform;
use blake3::{BLOCK_LEN, CHUNK_LEN, IncrementCounter, OUT_LEN};

/// Flags of BLAKE3's compression function (BLAKE3 paper, 2.2, table 3).
mod flag {
    pub(super) const CHUNK_START: u8 = 1;
    pub(super) const CHUNK_END: u8 = 1 << 1;
    pub(super) const ROOT: u8 = 1 << 3;
    pub(super) const DERIVE_KEY_MATERIAL: u8 = 1 << 6;
}

const _: () = assert!(CHUNK_LEN.is_multiple_of(BLOCK_LEN));

/// What becomes of an input's first chunk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    /// It is the whole input.
    Root,
    /// One more chunk, whole or not, stands beside it.
    Left,
}

impl First {
    /// `None`: the input is shorter than a chunk, or long enough to fill vectors by itself.
    fn of(input: &[u8]) -> Option<Self> {
        match input.len() {
            CHUNK_LEN => Some(Self::Root),
            n if n > CHUNK_LEN && n <= 2 * CHUNK_LEN => Some(Self::Left),
            _ => None,
        }
    }
}

/// The hashes of these inputs in `derive_key` mode, in their order.
pub(super) fn hash(context: &ContextKey, inputs: &[&[u8]]) -> Vec<[u8; OUT_LEN]> {
    let mut out: Vec<_> = inputs.iter().map(|_| [0; OUT_LEN]).collect();
    for kind in [First::Root, First::Left] {
        let (places, chunks): (Vec<usize>, Vec<&[u8; CHUNK_LEN]>) = inputs
            .iter()
            .enumerate()
            .filter(|(_, input)| First::of(input) == Some(kind))
            .filter_map(|(place, input)| Some((place, input.first_chunk()?)))
            .unzip();
        for (place, value) in places.into_iter().zip(first_chunks(context, &chunks, kind)) {
            if let (Some(out), Some(input)) = (out.get_mut(place), inputs.get(place)) {
                *out = match kind {
                    First::Root => value,
                    First::Left => with_rest(context, &value, input),
                };
            }
        }
    }
    for (out, input) in out.iter_mut().zip(inputs) {
        if First::of(input).is_none() {
            *out = *super::hasher(context).update(input).finalize().as_bytes();
        }
    }
    out
}

/// The chaining values, or the roots, of chunks that stand first in their inputs.
fn first_chunks(context: &ContextKey, chunks: &[&[u8; CHUNK_LEN]], kind: First) -> Vec<[u8; OUT_LEN]> {
    let mut out = vec![0; chunks.len() * OUT_LEN];
    let end = match kind {
        First::Root => flag::CHUNK_END | flag::ROOT,
        First::Left => flag::CHUNK_END,
    };
    Platform::detect().hash_many(
        chunks,
        &words(context),
        0,
        IncrementCounter::No,
        flag::DERIVE_KEY_MATERIAL,
        flag::CHUNK_START,
        end,
        &mut out,
    );
    out.as_chunks().0.to_vec()
}

/// The root over a first chunk and the one after it.
fn with_rest(context: &ContextKey, left: &ChainingValue, input: &[u8]) -> [u8; OUT_LEN] {
    let mut hasher = super::hasher(context);
    hasher.set_input_offset(CHUNK_LEN as u64);
    hasher.update(input.get(CHUNK_LEN..).unwrap_or_default());
    let right = hasher.finalize_non_root();
    *merge_subtrees_root(left, &right, Mode::DeriveKeyMaterial(context)).as_bytes()
}

fn words(key: &ContextKey) -> [u32; 8] {
    let (words, _) = key.as_chunks::<4>();
    std::array::from_fn(|i| words.get(i).map_or(0, |word| u32::from_le_bytes(*word)))
}

#[cfg(test)]
mod tests {
    use crate::hash::{hash_all, hash_bytes};
    use crate::labels::HashLabel;

    /// As many inputs as vectors hold, fewer and more, of every length around the chunk's ends.
    #[test]
    fn a_hash_that_is_another_when_its_input_has_company() {
        let lengths = [
            0, 1, 64, 627, 1023, 1024, 1025, 1088, 1139, 2047, 2048, 2049, 5000,
        ];
        for count in 0..40 {
            let inputs: Vec<Vec<u8>> = (0..count)
                .map(|i| vec![i as u8 ^ 0x5a; lengths[(i * 7 + count) % lengths.len()]])
                .collect();
            check(&inputs);
        }
        for length in lengths {
            let inputs: Vec<_> = (0..37).map(|i| vec![i; length]).collect();
            check(&inputs);
        }
    }

    fn check(inputs: &[Vec<u8>]) {
        let together: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
        for label in [HashLabel::Payload, HashLabel::Event] {
            let apart: Vec<_> = inputs.iter().map(|input| hash_bytes(label, input)).collect();
            assert_eq!(hash_all(label, &together), apart);
        }
    }
}
