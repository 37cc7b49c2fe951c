//! How large a commit will be, told from the tree before it is made.
//!
//! A commit must lie in a bucket, MLS pads to multiples of one number, and a commit of a large
//! team is too dear to be made twice only to learn its size. Multiples of a bucket that is at
//! least half the size needed are a bucket again (one or two of it), so a close lower bound
//! serves as well as the exact size.

use openmls::group::MlsGroup;
use openmls::prelude::tls_codec::{Serialize as _, Size as _};
use openmls::prelude::{Proposal, QueuedProposal};

use crate::commit::Contents;
use crate::suite::Suite;

/// Framing, signature, tag, confirmation and lengths, rounded down.
const AROUND: usize = 150;
/// A proposal by reference, or one that removes: rounded down.
const SMALL: usize = 7;

/// What stands at one place of the tree.
enum Spot {
    Blank,
    Taken,
    /// Of somebody who comes by this commit, and learns its secret by the Welcome.
    New,
    /// A parent, and the leaves below it that do not know its secret.
    Parent(Vec<u32>),
}

/// A ratchet tree without its keys: node `2i` is leaf `i` (RFC 9420, appendix C).
struct Shape {
    spots: Vec<Spot>,
    /// A power of two.
    width: usize,
}

/// A value with its length in front (RFC 9420, section 2.1.2), and what follows it.
fn value(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let first = *bytes.first()?;
    let prefix = 1usize << (first >> 6);
    let (head, rest) = bytes.split_at_checked(prefix)?;
    let len = head
        .iter()
        .skip(1)
        .fold(usize::from(first & 0x3f), |len, b| len << 8 | usize::from(*b));
    rest.split_at_checked(len)
}

/// The unmerged leaves of a parent node behind its type.
fn unmerged(node: &[u8]) -> Option<Vec<u32>> {
    let (_, rest) = value(node)?;
    let (_, rest) = value(rest)?;
    let (leaves, _) = value(rest)?;
    let number = |b: &[u8]| b.try_into().map(u32::from_be_bytes).ok();
    leaves.chunks(4).map(number).collect()
}

impl Shape {
    /// `None` if the tree is not as RFC 9420 writes it, which cannot be.
    fn of(group: &MlsGroup) -> Option<Self> {
        let tree = group.export_ratchet_tree();
        let bytes = tree.tls_serialize_detached().ok()?;
        let (mut bytes, _) = value(&bytes)?;
        let mut nodes = tree.nodes();
        let mut spots = Vec::new();
        while let Some((present, rest)) = bytes.split_first() {
            if *present == 0 {
                spots.push(Spot::Blank);
                bytes = rest;
                continue;
            }
            let (node, rest) = rest.split_at_checked(nodes.next()?.tls_serialized_len())?;
            spots.push(match spots.len() % 2 {
                0 => Spot::Taken,
                _ => Spot::Parent(unmerged(node.get(1..)?)?),
            });
            bytes = rest;
        }
        let width = spots.len().div_ceil(2).next_power_of_two();
        Some(Self { spots, width })
    }

    fn spot(&self, from: usize, width: usize) -> &Spot {
        self.spots.get(2 * from + width - 1).unwrap_or(&Spot::Blank)
    }

    /// Takes a leaf out: its place and everything above it goes blank.
    fn remove(&mut self, leaf: usize) {
        let mut width = 1;
        while width <= self.width {
            let from = leaf / width * width;
            if let Some(spot) = self.spots.get_mut(2 * from + width - 1) {
                *spot = Spot::Blank;
            }
            width *= 2;
        }
    }

    /// Seats newcomers: at blank leaves, the leftmost first, or behind the last.
    fn add(&mut self, count: usize) {
        let blank = |i: &usize| matches!(self.spots.get(*i), Some(Spot::Blank));
        let blanks: Vec<usize> = (0..self.spots.len())
            .step_by(2)
            .filter(blank)
            .take(count)
            .collect();
        for at in &blanks {
            self.spots[*at] = Spot::New;
        }
        for _ in blanks.len()..count {
            self.spots.push(Spot::Blank);
            self.spots.push(Spot::New);
        }
        self.width = self.spots.len().div_ceil(2).next_power_of_two();
    }

    /// To how many keys a secret must be sealed that all leaves of a range shall have, and
    /// whether anybody sits there at all.
    fn heads(&self, from: usize, width: usize) -> (usize, bool) {
        match self.spot(from, width) {
            Spot::Taken => (1, true),
            Spot::New => (0, true),
            Spot::Parent(unmerged) => (1 + unmerged.len(), true),
            Spot::Blank if width == 1 || 2 * from >= self.spots.len() => (0, false),
            Spot::Blank => {
                let half = width / 2;
                let (left, right) = (self.heads(from, half), self.heads(from + half, half));
                (left.0 + right.0, left.1 || right.1)
            }
        }
    }

    /// New nodes, and seals, of the path from a leaf to the root.
    fn path(&self, leaf: usize) -> (usize, usize) {
        let (mut nodes, mut seals, mut width) = (0, 0, 1);
        while width < self.width {
            let own = leaf / width * width;
            let (heads, somebody) = self.heads(own ^ width, width);
            nodes += usize::from(somebody);
            seals += heads;
            width *= 2;
        }
        (nodes, seals)
    }
}

/// A close lower bound of a commit's serialised size without padding, bytes.
pub(crate) fn least_size(group: &MlsGroup, contents: &Contents<'_>) -> Option<usize> {
    let (key, seal) = match Suite::of(group.ciphersuite())? {
        Suite::Classical => (32, 32 + 48),
        Suite::HybridLight => (1216, 1120 + 48),
        Suite::Hybrid => (1216, 1120 + 64),
    };
    let mut shape = Shape::of(group)?;
    let waiting = |p: &QueuedProposal| match p.proposal() {
        Proposal::Remove(r) => Some(r.removed().u32()),
        _ => None,
    };
    let proposed: Vec<u32> = group.pending_proposals().filter_map(waiting).collect();
    for leaf in contents.remove.iter().chain(&proposed) {
        shape.remove(*leaf as usize);
    }
    shape.add(contents.add.len());
    let (nodes, seals) = shape.path(group.own_leaf_index().u32() as usize);
    let leaf = group.own_leaf_node()?.tls_serialized_len();
    let added: usize = contents.add.iter().map(|p| p.package.tls_serialized_len()).sum();
    let small = contents.remove.len() + group.pending_proposals().count();
    Some(AROUND + leaf + added + small * SMALL + nodes * key + seals * seal)
}
