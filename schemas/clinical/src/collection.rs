//! A signed list of documents that go together: a history for another doctor, or everything that
//! somebody has about a patient.
//!
//! The documents travel beside it, each under its author's own signature. The list says which they
//! are and how its signer came by them, so that a reader sees what is missing and what is more.

use serde::{Deserialize, Serialize};
use telesphor_wire::canonical;
use telesphor_wire::ext::Extensions;
use telesphor_wire::ids::{DocumentId, IdentityId, Nonce};

use crate::document::{DocumentError, SignedDocument};
use crate::header::DocumentKind;
use crate::limits;
use crate::text::{Text, bounded};

/// Media type of such a body.
pub const COLLECTION: &str = "application/vnd.telesphor.collection";
/// Documents of one list; a longer history is several lists.
pub const MAX_ITEMS: usize = 1024;

open_coded! {
    /// What a list was made for.
    pub enum CollectionWhy {
        /// For a doctor to whom somebody was referred.
        1 => Referral "referral",
        /// For another doctor's opinion.
        2 => SecondOpinion "second-opinion",
        /// An answer to a patient who asked for all that somebody has about him.
        3 => Answer "answer",
    }
}

/// One document of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Item {
    /// Which.
    pub document: DocumentId,
    /// Who signed it.
    pub author: IdentityId,
    /// From whom the list's signer had it; nobody if he wrote it or took it in himself.
    pub from: Option<IdentityId>,
}

/// The body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// [`limits::VERSION`].
    pub version: u16,
    /// What for.
    pub why: CollectionWhy,
    /// The request that it answers.
    pub request: Option<Nonce>,
    /// The referral that it goes with; one of the documents.
    pub referral: Option<DocumentId>,
    /// In the signer's words.
    pub words: Option<Text>,
    /// The documents, sorted, each once.
    #[serde(deserialize_with = "bounded::<MAX_ITEMS, _, _>")]
    pub items: Vec<Item>,
    /// For later versions.
    pub ext: Extensions,
}

impl Collection {
    /// A list.
    pub fn new(why: CollectionWhy, mut items: Vec<Item>) -> Self {
        items.sort_unstable();
        items.dedup_by_key(|item| item.document);
        Self {
            version: limits::VERSION,
            why,
            request: None,
            referral: None,
            words: None,
            items,
            ext: Extensions::none(),
        }
    }

    /// Reads the list that a document is.
    ///
    /// # Errors
    /// [`DocumentError::Header`] for any other document, [`DocumentError::Form`],
    /// [`DocumentError::Version`], [`DocumentError::Critical`].
    pub fn of(document: &SignedDocument) -> Result<Self, DocumentError> {
        let header = &document.header;
        match header.kind == DocumentKind::List && header.format.as_str() == COLLECTION {
            true => Self::from_bytes(&document.body),
            false => Err(DocumentError::Header("not a list of documents that go together")),
        }
    }

    /// Reads a body.
    ///
    /// # Errors
    /// As [`Collection::of`].
    pub fn from_bytes(body: &[u8]) -> Result<Self, DocumentError> {
        let read: Self = canonical::decode_bounded(body, limits::MAX_BODY_BYTES)?;
        if read.version != limits::VERSION {
            return Err(DocumentError::Version(read.version));
        }
        read.ext.check(&[])?;
        let sorted = read.items.windows(2).all(|w| w[0].document < w[1].document);
        let named = read
            .referral
            .is_none_or(|referral| read.items.iter().any(|item| item.document == referral));
        match sorted && named {
            true => Ok(read),
            false => Err(DocumentError::Header(
                "a list out of order, or without its referral",
            )),
        }
    }

    /// The body.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::encode(self)
    }
}

crate::open_tagged! {
    /// A word between a patient and somebody who has documents about him. Kinds of newer versions
    /// are kept.
    pub enum GatherWord {
        /// Give me all that you have about me: patient to anybody.
        1 => Ask(GatherAsk),
    }
}

/// A patient asks for all that somebody has about him.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatherAsk {
    /// Names the request; the answer names it.
    pub request: Nonce,
    /// In words.
    pub words: Option<Text>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn item(n: u8) -> Item {
        Item {
            document: DocumentId([n; 32]),
            author: IdentityId([1; 32]),
            from: None,
        }
    }

    #[test]
    fn a_list_names_a_document_twice_or_a_referral_that_is_not_in_it() {
        let list = Collection::new(CollectionWhy::Referral, vec![item(3), item(1), item(3)]);
        assert_eq!(list.items, [item(1), item(3)]);
        assert_eq!(Collection::from_bytes(&list.to_bytes()).unwrap(), list);
        let mut twice = list.clone();
        twice.items.push(item(3));
        assert!(Collection::from_bytes(&twice.to_bytes()).is_err());
        let mut without = list;
        without.referral = Some(DocumentId([9; 32]));
        assert!(Collection::from_bytes(&without.to_bytes()).is_err());
    }
}
