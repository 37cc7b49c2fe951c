//! One proof for several leaves: siblings that they share are sent once.
//!
//! ```text
//! places    ascending, one for each leaf
//! siblings  level by level from the leaves upwards, in each from left to right: the neighbour
//!           of every node that is known without its neighbour being known
//! ```

use telesphor_wire::hash::Digest;

use super::{Tree, node};
use crate::limits::FIELD_BUCKETS;

impl Tree {
    /// The place of a leaf.
    pub fn place(&self, leaf: &Digest) -> Option<u32> {
        let at = self.levels().first()?.binary_search(leaf).ok()?;
        u32::try_from(at).ok()
    }

    /// The siblings that prove the leaves at these places, which ascend.
    pub fn siblings(&self, places: &[u32]) -> Option<Vec<Digest>> {
        let mut known = places.to_vec();
        let mut siblings = Vec::new();
        let levels = self.levels();
        for level in levels.iter().take(levels.len().saturating_sub(1)) {
            let mut above = Vec::with_capacity(known.len());
            let mut rest = known.iter().copied().peekable();
            while let Some(at) = rest.next() {
                if at % 2 == 0 && rest.peek() == Some(&(at + 1)) {
                    rest.next();
                } else {
                    siblings.push(*level.get(at as usize ^ 1)?);
                }
                above.push(at / 2);
            }
            known = above;
        }
        Some(siblings)
    }
}

/// The root to which several leaves and their siblings lead; none if they do not fit exactly.
/// `leaves` ascend by place.
pub fn root_of_all(bucket: u32, leaves: &[(u32, Digest)], siblings: &[Digest]) -> Option<Digest> {
    let sound = FIELD_BUCKETS.contains(&bucket)
        && leaves.windows(2).all(|w| w[0].0 < w[1].0)
        && leaves.last().is_some_and(|(at, _)| *at < bucket);
    if !sound {
        return None;
    }
    let mut known = leaves.to_vec();
    let mut siblings = siblings.iter();
    for depth in (0..bucket.ilog2()).rev() {
        let mut above = Vec::with_capacity(known.len());
        let mut rest = known.iter().copied().peekable();
        while let Some((at, digest)) = rest.next() {
            let parent = if at % 2 == 1 {
                node(depth, siblings.next()?, &digest)
            } else if let Some((_, right)) = rest.next_if(|(next, _)| *next == at + 1) {
                node(depth, &digest, &right)
            } else {
                node(depth, &digest, siblings.next()?)
            };
            above.push((at / 2, parent));
        }
        known = above;
    }
    match (siblings.next(), known.as_slice()) {
        (None, [(0, root)]) => Some(*root),
        _ => None,
    }
}
