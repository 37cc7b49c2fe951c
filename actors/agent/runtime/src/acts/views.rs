//! What is shown of acceptances and corrections. All instants are Unix milliseconds.

use telesphor_wire::ids::{DocumentId, IdentityId};

use crate::views::SentState;

pub use telesphor_clinical::attention::Awaited;

/// The last word of whoever was asked to accept a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerView {
    /// Accepted; else declined.
    pub accepted: bool,
    /// When, by the answering device's clock.
    pub at: u64,
    /// In words, such as why it was declined.
    pub words: String,
    /// Who, where the one asked was a role; else empty.
    pub by: String,
}

/// Whether a document is current, as far as is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StandingView {
    /// Nothing later is known.
    Current,
    /// Another stands in its place.
    Replaced(ReplacedView),
    /// Its author has taken it back.
    Retracted(RetractedView),
}

impl StandingView {
    /// Whether it may be relied on.
    pub const fn is_current(&self) -> bool {
        matches!(self, Self::Current)
    }
}

/// That another document stands in a document's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplacedView {
    /// The current one, at the end of the chain.
    pub by: DocumentId,
    /// When the one that replaced it came or was written here.
    pub at: u64,
    /// Whether that one was taken back in its turn: then nothing stands in its place.
    pub taken_back: bool,
}

/// That a document was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetractedView {
    /// The document that says so.
    pub by: DocumentId,
    /// When that came or was written here.
    pub at: u64,
    /// The coded reason: wrong-patient, error.
    pub reason: String,
    /// The reason for a person to read, with what the author added.
    pub words: String,
}

/// A document that was put in another's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amended {
    /// The new document.
    pub document: DocumentId,
    /// To whom it goes, as the earlier one did.
    pub to: Vec<IdentityId>,
    /// Who had the earlier one and is not told: no longer a contact, or no longer shown anything.
    pub left: Vec<String>,
}

/// What taking a document back has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retracted {
    /// The document that says so; several for a very long chain.
    pub retractions: Vec<DocumentId>,
    /// Documents taken back: the named one and the others of its chain.
    pub documents: usize,
    /// Everybody who was sent or shown any of them.
    pub had: Vec<HadIt>,
    /// Patients who were told in words of their own.
    pub notified: Vec<String>,
}

/// Somebody who was sent or shown what was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HadIt {
    /// Who.
    pub who: IdentityId,
    /// The alias.
    pub alias: String,
    /// How far it had come.
    pub state: SentState,
    /// When it was opened, if it was.
    pub opened: Option<u64>,
    /// It had not left this machine and does not any more.
    pub stopped: bool,
    /// Whether the retraction goes there; not to somebody who is no longer a contact.
    pub told: bool,
}
