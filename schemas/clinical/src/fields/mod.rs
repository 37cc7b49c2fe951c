//! The field tree: salted leaves over whole clinical units, so that parts can be shown later.
//!
//! ```text
//! unit   = smallest part that may be shown: an element of the resource, whole
//! guard  = resourceType and every element that can turn the meaning round (doNotPerform ...);
//!          showing any unit below it forces it
//! leaf   = H("field-leaf", {salt, path, kind, content}),  salt = K("field-salt", seed, path)
//! tree   = leaves and H("field-pad", {seed, i}) sorted together, filled up to 64, 256 .. 16,384
//! node   = H("field-node", {depth, left, right}),  depth 0 at the root
//! ```
//! Position and number of the leaves tell nothing: they are sorted by hash among the padding.
//! Content is raw token bytes under their names, never re-written.

pub mod json;
pub mod path;
pub mod proof;
mod scanner;
pub mod select;
pub mod units;

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use telesphor_wire::bytes::Bytes;
use telesphor_wire::canonical;
use telesphor_wire::hash::{Digest, Secret, derive_key, hash};
use telesphor_wire::labels::{HashLabel, KdfLabel};

use crate::document::DocumentError;
use crate::header::FieldsRoot;
use crate::limits::{FIELD_BUCKETS, MAX_BODY_BYTES};

telesphor_wire::coded! {
    /// What a leaf is.
    pub enum LeafKind {
        /// A part that may be shown.
        1 => Unit,
        /// What must be shown with anything below it.
        2 => Guard,
        /// How many elements an array has: only with it can a list be said to be complete.
        3 => ArrayLength,
    }
}

/// One step of a path: a name or an index, on the wire a string or a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Step {
    /// Element of an array.
    Index(u32),
    /// Member of an object.
    Name(String),
}

/// From the resource down to a part; empty for the resource itself.
pub type Path = Vec<Step>;

/// One leaf before it is hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaf {
    /// Where.
    pub path: Path,
    /// What.
    pub kind: LeafKind,
    /// Names with their raw bytes, in the order of the original. A unit has one, or two if a
    /// primitive has extensions (`birthDate`, `_birthDate`); a guard has those it guards that are
    /// there; an array length has its decimal digits.
    pub content: Vec<(String, Bytes)>,
}

/// `K("field-salt", seed, path)`.
pub fn leaf_salt(seed: &Secret, path: &Path) -> Secret {
    derive_key(KdfLabel::FieldSalt, seed, &canonical::encode(path))
}

impl Leaf {
    /// `H("field-leaf", {salt, path, kind, content})` under a given salt.
    pub fn digest(&self, salt: &Secret) -> Digest {
        hash(
            HashLabel::FieldLeaf,
            &(salt, &self.path, self.kind, &self.content),
        )
    }
}

/// The leaves of a body, in its own order.
///
/// # Errors
/// [`DocumentError::Body`] if it is not acceptable JSON.
pub fn leaves(body: &[u8], table: u16) -> Result<Vec<Leaf>, DocumentError> {
    let value = json::scan(body, MAX_BODY_BYTES)?;
    units::cut(&value, table).ok_or(DocumentError::Header("unknown table of units"))
}

/// The root of a body's field tree.
///
/// # Errors
/// [`DocumentError`].
pub fn root(body: &[u8], seed: &Secret, table: u16) -> Result<FieldsRoot, DocumentError> {
    let tree = tree(&leaves(body, table)?, seed)?;
    Ok(FieldsRoot {
        table,
        bucket: tree.bucket(),
        root: tree.root(),
    })
}

/// The root for a document that is being written: by the newest table that has room for it. A
/// Bundle of more parts than a tree holds is one unit; its resources are documents of their own.
///
/// # Errors
/// [`DocumentError`].
pub fn new_root(body: &[u8], seed: &Secret) -> Result<FieldsRoot, DocumentError> {
    match root(body, seed, units::FHIR_R4_BUNDLES) {
        Err(DocumentError::TooManyFields(_)) => root(body, seed, units::FHIR_R4),
        other => other,
    }
}

/// The tree over some leaves.
///
/// # Errors
/// [`DocumentError::TooManyFields`].
pub fn tree(leaves: &[Leaf], seed: &Secret) -> Result<Tree, DocumentError> {
    let hashes: Vec<Digest> = leaves
        .iter()
        .map(|l| l.digest(&leaf_salt(seed, &l.path)))
        .collect();
    Tree::new(hashes, seed).ok_or(DocumentError::TooManyFields(leaves.len()))
}

/// The whole tree, from which proofs are cut.
#[derive(Clone, Debug)]
pub struct Tree(Vec<Vec<Digest>>);

impl Tree {
    /// Pads, sorts and hashes. `None` if there are more leaves than the largest bucket holds.
    pub fn new(mut leaves: Vec<Digest>, seed: &Secret) -> Option<Self> {
        let bucket = FIELD_BUCKETS.into_iter().find(|&b| b as usize >= leaves.len())?;
        for i in leaves.len() as u32..bucket {
            leaves.push(hash(HashLabel::FieldPad, &(seed, i)));
        }
        leaves.sort_unstable();
        let mut levels = vec![leaves];
        let mut depth = bucket.ilog2();
        while let Some(below) = levels.last().filter(|l| l.len() > 1) {
            depth = depth.saturating_sub(1);
            let above = below
                .chunks_exact(2)
                .map(|pair| node(depth, &pair[0], &pair[1]))
                .collect();
            levels.push(above);
        }
        Some(Self(levels))
    }

    /// Leaves with padding.
    pub fn bucket(&self) -> u32 {
        self.0.first().map_or(0, |l| l.len() as u32)
    }

    /// Every level, from the leaves to the root.
    pub(crate) fn levels(&self) -> &[Vec<Digest>] {
        &self.0
    }

    /// The root.
    pub fn root(&self) -> Digest {
        self.0
            .last()
            .and_then(|l| l.first())
            .copied()
            .unwrap_or(Digest([0; 32]))
    }

    /// Where a leaf stands, and its siblings from below upwards.
    pub fn proof(&self, leaf: &Digest) -> Option<(u32, Vec<Digest>)> {
        let index = self.0.first()?.binary_search(leaf).ok()?;
        let mut at = index;
        let mut path = Vec::new();
        for level in self.0.iter().take(self.0.len() - 1) {
            path.push(*level.get(at ^ 1)?);
            at /= 2;
        }
        Some((index as u32, path))
    }
}

/// The root a proof leads to, or none if it has the wrong length.
pub fn root_of(leaf: Digest, index: u32, bucket: u32, path: &[Digest]) -> Option<Digest> {
    if !FIELD_BUCKETS.contains(&bucket) || index >= bucket || path.len() != bucket.ilog2() as usize {
        return None;
    }
    let (mut at, mut digest, mut depth) = (index, leaf, bucket.ilog2());
    for sibling in path {
        depth -= 1;
        digest = if at % 2 == 0 {
            node(depth, &digest, sibling)
        } else {
            node(depth, sibling, &digest)
        };
        at /= 2;
    }
    Some(digest)
}

pub(crate) fn node(depth: u32, left: &Digest, right: &Digest) -> Digest {
    hash(HashLabel::FieldNode, &(depth, left, right))
}

/// The guards that must be shown with these paths: every guard on the way from the resource.
pub fn forced<'a>(all: &'a [Leaf], shown: &[Path]) -> Vec<&'a Leaf> {
    let above: BTreeSet<&[Step]> = shown
        .iter()
        .flat_map(|path| (0..=path.len()).filter_map(|n| path.get(..n)))
        .collect();
    all.iter()
        .filter(|leaf| leaf.kind == LeafKind::Guard && above.contains(leaf.path.as_slice()))
        .collect()
}
