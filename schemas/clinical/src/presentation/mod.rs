//! Parts of a signed document, shown to one reader.
//!
//! ```text
//! Presentation
//!   statement + the author's signature    the same that stands under the whole document
//!   parts: leaves with their salts        whole units, their guards, lengths of lists
//!   places, siblings                      lead from the parts to the root in the statement
//!   showing + signature of who shows      which document, which parts, to whom, for which question, when
//! ```
//! The author's signature covers the root, so it covers every part. Who shows them is the holder
//! named in the statement; where none is named, somebody who says who he is. What is not shown may
//! exist: neither the places nor the number of the parts tell anything.

mod check;
mod make;

pub use check::{Expected, ListShown, PresentationError};
pub use make::{PresentError, Shower, ToShow, present};

use serde::{Deserialize, Serialize};
use telesphor_wire::bytes::Bytes;
use telesphor_wire::ext::Extensions;
use telesphor_wire::hash::{Digest, Secret, hash};
use telesphor_wire::ids::{DocumentId, IdentityId};
use telesphor_wire::labels::{HashLabel, SignLabel};
use telesphor_wire::sign::{PublicKey, Signature, Signed};
use telesphor_wire::tagged;

use crate::fields::Leaf;
use crate::instant::Instant;
use crate::limits::MAX_SHOWN;
use crate::statement::Statement;
use crate::text::{Text, bounded};

tagged! {
    /// To whom parts are shown.
    pub enum Audience {
        /// An identity.
        1 => Identity(IdentityId),
        /// Somebody without one, in words: "pharmacy at the station".
        2 => Named(Text),
    }
}

tagged! {
    /// For which occasion.
    pub enum Nonce {
        /// None was asked for: 32 random bytes.
        1 => Own(Digest),
        /// The reader's own question, word for word. Nobody can have answered it before.
        2 => Asked(Text),
    }
}

/// The holder key of a document, and what opens its commitment in the statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderKey {
    /// The key.
    pub key: PublicKey,
    /// Its salt, used for nothing else.
    pub salt: Secret,
}

/// An identity that shows parts of a document written without a holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShowerSaid {
    /// Who.
    pub identity: IdentityId,
    /// The history as it stood.
    pub head: Digest,
    /// The endpoint whose key signs.
    pub endpoint: PublicKey,
}

tagged! {
    /// Who shows parts.
    pub enum ShownBy {
        /// Whoever has the holder key; no name is told.
        1 => Holder(HolderKey),
        /// An identity.
        2 => Identity(ShowerSaid),
    }
}

/// What whoever shows parts signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Showing {
    /// [`crate::limits::VERSION`].
    pub version: u16,
    /// Of which document.
    pub document: DocumentId,
    /// `H("presented-parts", parts)`.
    pub parts: Digest,
    /// To whom.
    pub audience: Audience,
    /// For which occasion.
    pub nonce: Nonce,
    /// When, by the clock of who shows.
    pub date: Instant,
    /// Who shows.
    pub by: ShownBy,
    /// Who hands it over, if that is an identity: from anybody else it is worth nothing.
    pub sender: Option<IdentityId>,
    /// For later versions.
    pub ext: Extensions,
}

impl Signed for Showing {
    const LABEL: SignLabel = SignLabel::Presentation;
}

impl Showing {
    /// The key that signs it.
    pub const fn key(&self) -> &PublicKey {
        match &self.by {
            ShownBy::Holder(holder) => &holder.key,
            ShownBy::Identity(said) => &said.endpoint,
        }
    }
}

/// One part with what its hash needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Hides parts that are not shown from whoever would guess them.
    pub salt: Secret,
    /// The part.
    pub leaf: Leaf,
}

/// Parts of a document. Its canonical bytes travel in a `.tel` file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presentation {
    /// [`crate::limits::VERSION`].
    pub version: u16,
    /// What the author signed.
    pub statement: Statement,
    /// By `statement.endpoint`.
    pub signature: Signature,
    /// The parts, sorted by path, each once.
    #[serde(deserialize_with = "bounded::<MAX_SHOWN, _, _>")]
    pub parts: Vec<Part>,
    /// Place of each part in the tree, in the order of `parts`.
    #[serde(deserialize_with = "bounded::<MAX_SHOWN, _, _>")]
    pub places: Vec<u32>,
    /// What leads from them to the root ([`crate::fields::proof`]).
    #[serde(deserialize_with = "bounded::<MAX_SHOWN, _, _>")]
    pub siblings: Vec<Digest>,
    /// By whom, to whom, for what.
    pub showing: Showing,
    /// By [`Showing::key`].
    pub shown: Signature,
    /// For later versions.
    pub ext: Extensions,
}

/// `H("presented-parts", parts)`.
pub fn parts_hash(parts: &[Part]) -> Digest {
    hash(HashLabel::PresentedParts, parts)
}

impl Part {
    /// Every name of the part with its raw bytes, as text. A part of a list has its index in the
    /// path, not in the name.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let all: &[(String, Bytes)] = &self.leaf.content;
        all.iter()
            .filter_map(|(name, raw)| Some((name.as_str(), std::str::from_utf8(raw).ok()?)))
    }
}
