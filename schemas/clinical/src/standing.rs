//! Whether a document is current: what later documents of its author say of it.
//!
//! Pure rules. A document's id commits to all of it, what it replaces included, so a later one
//! cannot be replaced by an earlier one and there are no circles.

use telesphor_wire::ids::{DocumentId, IdentityId};

use crate::header::{Header, RelationKind};

/// What a later document says of an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// When the later one was written, by its author's word; Unix milliseconds.
    pub recorded: u64,
    /// The later one.
    pub document: DocumentId,
    /// How it relates to the earlier one.
    pub kind: RelationKind,
}

impl Claim {
    /// What the document `id` says of `earlier`, if it says anything that counts: only the
    /// author of a document may put another in its place or take it back. Whether the signature
    /// is good is for whoever knows histories.
    pub fn of(id: DocumentId, header: &Header, earlier: &DocumentId, author: &IdentityId) -> Option<Self> {
        let says = header
            .relates
            .iter()
            .filter(|r| r.document == *earlier && corrects(r.kind))
            .map(|r| r.kind)
            .max()?;
        (header.author == *author).then_some(Self {
            recorded: header.recorded.stamp(),
            document: id,
            kind: says,
        })
    }
}

/// Whether a relation says that the other document is not current any more.
pub const fn corrects(kind: RelationKind) -> bool {
    matches!(
        kind,
        RelationKind::Replaces | RelationKind::Amends | RelationKind::Retracts
    )
}

/// Where a document stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing later is known here.
    Current,
    /// Another stands in its place.
    Replaced(Claim),
    /// Its author has taken it back.
    Retracted(Claim),
}

/// Where a document stands, given all claims about it that count. A retraction is final: the
/// first one counts, whatever else is said. Of several replacements the latest counts, so that
/// every reader who has them all names the same.
pub fn standing(claims: &[Claim]) -> Standing {
    let (back, instead): (Vec<&Claim>, Vec<&Claim>) =
        claims.iter().partition(|c| c.kind == RelationKind::Retracts);
    match (back.iter().min(), instead.iter().max()) {
        (Some(claim), _) => Standing::Retracted(**claim),
        (None, Some(claim)) => Standing::Replaced(**claim),
        (None, None) => Standing::Current,
    }
}
