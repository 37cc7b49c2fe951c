//! Documents that go together, as they are shown.

use telesphor_clinical::collection::CollectionWhy;
use telesphor_wire::error::ErrorCode;
use telesphor_wire::ids::DocumentId;

use super::DocumentView;

/// Whether a document of a list can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemState {
    /// Here, and its author's.
    Genuine,
    /// Not here, or not any more.
    Missing,
    /// Here, and why it is not to be relied on.
    NotGenuine(ErrorCode),
}

/// One document of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemView {
    /// Which.
    pub id: DocumentId,
    /// One line; empty if it is not here.
    pub title: String,
    /// Who signed it.
    pub author: String,
    /// From whom the list's signer had it.
    pub from: Option<String>,
    /// Whether it is the referral.
    pub referral: bool,
    /// Whether it can be relied on.
    pub state: ItemState,
}

/// A list, with what became of its documents here.
#[derive(Clone, Debug)]
pub struct CollectionView {
    /// Who signed the list.
    pub by: String,
    /// The list.
    pub document: DocumentView,
    /// What it was made for.
    pub why: CollectionWhy,
    /// In its signer's words.
    pub words: Option<String>,
    /// Why the list itself is not genuine.
    pub failed: Option<ErrorCode>,
    /// Its documents.
    pub items: Vec<ItemView>,
}

/// A patient's request for all that somebody has about him, at either end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatherView {
    /// The other side.
    pub with: String,
    /// Whether it was asked here.
    pub mine: bool,
    /// When.
    pub at: u64,
    /// In words.
    pub words: Option<String>,
    /// The list that answers it.
    pub answer: Option<DocumentId>,
    /// Documents that the answer names, or would name.
    pub listed: usize,
    /// Of those, here and genuine.
    pub here: usize,
}
