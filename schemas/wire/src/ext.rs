//! The rule for growing: every signed or hashed structure ends in extensions.
//!
//! An extension this version does not know is kept, hashed and passed on if it is not
//! critical, and refused by its number if it is. Ids are sorted and stand once.

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::bytes::Bytes;
use crate::{limits, list};

/// One extension: `[id, critical, bytes]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// What it is; numbers are given out in `docs/protocol.md`.
    pub id: u32,
    /// Whether a reader that does not know it must refuse the whole structure.
    pub critical: bool,
    /// Its body, canonical bytes of the extension's own type.
    pub body: Bytes,
}

/// The extensions of a structure, sorted by id, each id once, at most [`limits::MAX_EXTENSIONS`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Extensions(Vec<Extension>);

/// A critical extension that this version does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("made by a newer version: critical extension {0} is not known here")]
pub struct UnknownCritical(pub u32);

impl Extensions {
    /// None.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Adds one, in its place. An id that is there already is replaced. With more than
    /// [`limits::MAX_EXTENSIONS`] the structure is one that every reader refuses.
    #[must_use]
    pub fn with(mut self, extension: Extension) -> Self {
        self.0.retain(|e| e.id != extension.id);
        let at = self.0.partition_point(|e| e.id < extension.id);
        self.0.insert(at, extension);
        self
    }

    /// The extension of this id.
    pub fn get(&self, id: u32) -> Option<&Extension> {
        self.0.iter().find(|e| e.id == id)
    }

    /// All of them, by rising id.
    pub fn iter(&self) -> impl Iterator<Item = &Extension> {
        self.0.iter()
    }

    /// Refuses a critical extension whose id is not in `known`.
    ///
    /// # Errors
    /// [`UnknownCritical`], naming the first one.
    pub fn check(&self, known: &[u32]) -> Result<(), UnknownCritical> {
        match self.0.iter().find(|e| e.critical && !known.contains(&e.id)) {
            Some(e) => Err(UnknownCritical(e.id)),
            None => Ok(()),
        }
    }
}

impl<'de> Deserialize<'de> for Extensions {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let list: Vec<Extension> = list::bounded::<{ limits::MAX_EXTENSIONS }, _, _>(d)?;
        if list.windows(2).any(|w| w[0].id >= w[1].id) {
            return Err(de::Error::custom("extensions not sorted by id"));
        }
        Ok(Self(list))
    }
}
